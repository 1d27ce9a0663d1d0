#!/bin/sh
# Makes a checkout ready to run: the packages of package-lock.json, the pinned Node among them, and the compiled sources.
# Ready already: costs milliseconds, starts neither npm nor node, writes nothing. All talk goes to standard error.
#   --rebuild   compiles even when nothing seems to have changed (tests are compiled too, but do not count for "changed")
# MIRRORBOARD_INSTALL_TIMEOUT: seconds for one try of the install, default 300.
set -u
exec >&2

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 2
cd "$root" || exit 2
rebuild=no
if [ "${1-}" = --rebuild ]; then rebuild=yes; fi

# The stamps lie in node_modules and so go when it goes. The lock does not: `npm ci` empties that folder while we hold it.
installed=node_modules/.mirrorboard-installed
built=node_modules/.mirrorboard-built
lock=.bootstrap.lock
log=.bootstrap.log

say() { echo "mirrorboard: $*"; }
die() { say "$*"; exit 2; }

# Folders count too: a source that was removed or moved in changes the time of its folder.
is_ready() {
  [ -f "$installed" ] && [ -f "$built" ] && [ -f dist/app/main.js ] &&
    [ -z "$(find src tsconfig.json package-lock.json scripts/build.sh scripts/build-page.mjs scripts/build-app.mjs docs/errors.md -newer "$built" 2>&1)" ]
}

if [ $rebuild = no ] && is_ready; then exit 0; fi

# --- one at a time ---

child=
link=
stop() {
  trap - INT TERM HUP EXIT
  if [ -n "$child" ]; then kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; fi
  if [ -n "$link" ]; then rm -f "$link"; fi
  exit "$1"
}
trap 'stop $?' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP

is_alive() { kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1; } # kill alone would call another user's process dead

# Without flock: a symlink named after its holder, so that lock and pid come into being in one step.
# A dead holder's link is removed under a second lock: else two who saw it dead could remove each other's new one.
lock_by_link() {
  said=no
  until ln -s $$ "$lock.pid" 2>/dev/null; do
    holder=$(readlink "$lock.pid" 2>/dev/null) || holder=
    if [ -n "$holder" ] && ! is_alive "$holder" && mkdir "$lock.break" 2>/dev/null; then
      if [ "$(readlink "$lock.pid" 2>/dev/null)" = "$holder" ]; then rm -f "$lock.pid"; fi
      rmdir "$lock.break"
      continue
    fi
    if [ $said = no ]; then say "waiting for another first start (process $holder; if there is none, remove $root/$lock.*)"; said=yes; fi
    sleep 1
  done
  link=$lock.pid
}

( : >>"$lock" ) 2>/dev/null || die "this checkout has to be installed or built first, and $root cannot be written to"
# npm inherits descriptor 9: if only this shell is killed, the lock stays until its npm has ended too.
exec 9>>"$lock"
if command -v flock >/dev/null 2>&1; then
  if ! flock -n 9; then
    say "waiting for another first start"
    flock 9 || die "cannot lock $root/$lock"
  fi
else
  lock_by_link
fi
if [ $rebuild = no ] && is_ready; then exit 0; fi # the one we waited for has done it

# --- install ---

# The packages' own node must not run the install that replaces it; `npm test` puts it first on PATH.
path_without_ours() {
  rest=$PATH:
  kept=
  while [ -n "$rest" ]; do
    entry=${rest%%:*}
    rest=${rest#*:}
    if [ "$entry" != "$root/node_modules/.bin" ]; then kept=$kept${kept:+:}$entry; fi
  done
  echo "$kept"
}

limit=
if timeout -k 1 5 true 2>/dev/null; then limit="timeout -k 10 ${MIRRORBOARD_INSTALL_TIMEOUT:-300}"; fi

# Runs npm in the background, since a trap waits for a foreground command. What must be there is asked for by name:
# NODE_ENV=production or the user's npmrc may leave it out.
run_npm() {
  # shellcheck disable=SC2086 # $limit is words
  PATH=$(path_without_ours) $limit npm "$@" --include=dev --include=optional --ignore-scripts --loglevel=error >"$log" 2>&1 &
  child=$!
  wait "$child"
  status=$?
  child=
  return $status
}

install() {
  run_npm ci && return 0
  if grep -q EUSAGE "$log"; then
    # A platform package of some dependency is not published here. Leftovers of a killed install would count as installed.
    say "npm ci does not take the lock file, installing with npm install"
    rm -rf node_modules
    run_npm install --no-save && return 0
  fi
  [ "$status" = 124 ] && say "the install took too long and was stopped"
  cat "$log"
  return 1
}

key=$(cksum <package-lock.json 2>/dev/null) || key=none
if [ "$(cat "$installed" 2>/dev/null)" != "$key" ]; then
  command -v npm >/dev/null 2>&1 || die "npm is needed to install this checkout, and there is none on PATH"
  say "installing the packages of this checkout, once (some 100 MB)"
  rm -f "$installed"
  install || { say "the install failed, trying once more"; install; } || die "the install failed"
  rm -f "$log"
  # A Node for another libc installs and cannot run. Away with it, then the one on PATH is used.
  node_modules/.bin/node -v >/dev/null 2>&1 || rm -f node_modules/.bin/node
  mkdir -p node_modules
  echo "$key" >"$installed.new" && mv "$installed.new" "$installed" || die "cannot write $root/$installed"
fi

# --- build ---

# Taken before the compiler reads: what is edited meanwhile is newer.
touch "$built.new" || die "cannot write $root/$built"
sh scripts/build.sh || die "the build failed"
mv "$built.new" "$built"
