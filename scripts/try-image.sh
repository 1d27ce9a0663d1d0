#!/bin/sh
# Builds the Dockerfile and runs the image once, on a machine without an engine and without a registry of images.
# A STAND-IN: the base image is made here (Debian's minbase, the pinned Node, npm) and takes the real one's name. The
# Dockerfile is used unchanged. It proves the instructions, the layout, the user, the entry point, signals to process 1,
# and that nothing but the volume is written. Not the real base image, nor cgroups, seccomp or networks.
# Needs root, mmdebstrap and buildah (which brings crun), Debian's and npm's packages. Not part of CI: it takes minutes.
#   sh scripts/try-image.sh [WORKDIR]    default: /tmp/mirrorboard-image; the base made there is used again
set -eu

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
work=${1:-/tmp/mirrorboard-image}
npm_version=11.21.2
image=localhost/mirrorboard:try
user=10001
volume=/var/lib/mirrorboard

die() { echo "try-image: $*" >&2; exit 1; }
for tool in mmdebstrap buildah crun unshare; do
  command -v "$tool" >/dev/null || die "$tool is needed: apt-get install mmdebstrap buildah"
done
[ "$(id -u)" = 0 ] || die "root is needed"
sh "$root/scripts/bootstrap.sh"
node=$root/node_modules/.bin/node
mkdir -p "$work"
work=$(CDPATH='' cd -P -- "$work" && pwd)

now() { date +%s%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s\n", (b - a) / 1e9 }'; }
figure() { printf '%-44s %s\n' "$1" "$2"; }
store() { buildah --root "$work/storage" --runroot "$work/runroot" --storage-driver vfs "$@"; }
passed=0
ok() { passed=$((passed + 1)); echo "ok   $*"; }

# --- the stand-in for the base image ---

base=docker.io/library/$(sed -n 's/^ARG NODE_IMAGE=//p' "$root/Dockerfile" | head -n 1)
if ! store inspect --type image "$base" >/dev/null 2>&1; then
  began=$(now)
  rm -rf "$work/base" "$work/base.tar"
  mmdebstrap --variant=minbase --quiet bookworm "$work/base.tar"
  mkdir -p "$work/base/usr/local/bin" "$work/base/usr/local/etc" "$work/base/etc/ssl/certs"
  cp "$(readlink -f "$node")" "$work/base/usr/local/bin/node"
  npm install --global --prefix "$work/base/usr/local" --ignore-scripts --loglevel=error "npm@$npm_version"
  # How this machine reaches its registry is a matter of this machine; the Dockerfile knows nothing of it.
  echo "registry=$(npm config get registry 2>/dev/null)" >"$work/base/usr/local/etc/npmrc"
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
    echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >>"$work/base/usr/local/etc/npmrc"
  fi
  container=$(store from scratch)
  store add "$container" "$work/base.tar" / >/dev/null
  store add "$container" "$work/base" / >/dev/null
  store config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$container"
  store commit --quiet --rm "$container" "$base" >/dev/null
  rm -rf "$work/base" "$work/base.tar"
  figure 'stand-in base image made in' "$(since "$began")"
fi

# --- the image ---

began=$(now)
store bud --pull-never --isolation chroot --no-cache --quiet --tag "$image" "$root" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; die "the build failed"; }
figure 'image built in' "$(since "$began")"

for left in $(store containers --quiet); do store rm "$left" >/dev/null; done
store rmi --prune >/dev/null # the images of earlier calls, nameless by now
container=$(store from --pull-never "$image")
rootfs=$(store mount "$container")
store inspect --type image "$image" >"$work/image.json"
figure 'the image adds' "$(du -sm "$rootfs/app" | cut -f 1) MB, of which node_modules $(du -sm "$rootfs/app/node_modules" | cut -f 1) MB"
figure 'and has' "$(find "$rootfs/app" -type f | wc -l) files in /app"

began=$(now)
version=$(store run --isolation chroot "$container" -- node --disable-warning=ExperimentalWarning /app/dist/app/main.js --version)
[ "$version" = "$("$root/bin/mirrorboard" --version)" ] || die "buildah run says version $version"
figure 'buildah run … --version' "$(since "$began")"
[ "$(store run --isolation chroot "$container" -- mirrorboard --version)" = "$version" ] || die "mirrorboard is not on the image's PATH"
ok "buildah runs it, and mirrorboard is on its PATH: version $version"

# --- run as an engine would: the image's own user, environment and entry point ---

# Writes the runtime's configuration: read-only root, no capabilities, own process and mount namespaces, logs read-only.
bundle() { # NAME UID LOGS DATA ARGUMENT…
  mkdir -p "$work/$1"
  "$node" - "$work" "$rootfs" "$volume" "$@" <<'SCRIPT'
const { readFileSync, writeFileSync } = require('node:fs');
const [work, rootfs, volume, name, uid, logs, data, ...args] = process.argv.slice(2);
const { config } = JSON.parse(readFileSync(`${work}/image.json`, 'utf8')).OCIv1;
if (!/^[1-9]\d*:[1-9]\d*$/.test(config.User)) throw new Error(`the image's user is ${config.User}`);
const user = uid === 'image' ? config.User.split(':').map(Number) : [Number(uid), 0];
const mount = (destination, type, source, ...options) => ({ destination, type, source, options });
const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
writeFileSync(`${work}/${name}/config.json`, JSON.stringify({
  ociVersion: '1.0.0',
  hostname: 'try-image',
  root: { path: rootfs, readonly: true },
  process: {
    terminal: false, user: { uid: user[0], gid: user[1] }, cwd: config.WorkingDir, env: config.Env,
    args: [...config.Entrypoint, ...(args.length > 0 ? args : config.Cmd)],
    capabilities: none, noNewPrivileges: true,
  },
  mounts: [
    mount('/proc', 'proc', 'proc'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'mode=755', 'size=64k'),
    mount('/tmp', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=1777'),
    mount('/logs', 'bind', logs, 'bind', 'ro', 'nosuid', 'nodev', 'noexec'),
    mount(volume, 'bind', data, 'bind', 'rw', 'nosuid', 'nodev'),
  ],
  linux: { namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })) },
}));
SCRIPT
}
# The runtime refuses some machines' cgroups. In a mount namespace of its own it sees none, and the machine's stay as they are.
runtime() {
  # shellcheck disable=SC2016 # for the inner shell
  unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec crun --root "$0" --cgroup-manager=disabled "$@"' "$work/crun" "$@"
}
run() { # NAME UID LOGS DATA ARGUMENT…
  bundle "$@"
  runtime run --bundle "$work/$1" "$1" 2>"$work/$1/err"
}
fresh() { rm -rf "$1"; mkdir -p "$1"; chown "$2" "$1"; chmod 770 "$1"; }

logs=$root/test/logs
fresh "$work/data" "$user:$user"
touch "$work/marker"
began=$(now)
run sample image "$logs" "$work/data" backfill logs=/logs >/dev/null || { cat "$work/sample/err" >&2; die "the backfill ended with $?"; }
figure 'backfill of test/logs in the image' "$(since "$began")"
run again image "$logs" "$work/data" backfill logs=/logs --json >"$work/again.json"
"$node" -e '
  const { totals } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  if (totals.new_points !== 0) throw new Error(`a second call stored ${totals.new_points} points`);
' "$work/again.json"
run out image "$logs" "$work/data" export --format json >"$work/image-export.json"

fresh "$work/outside" 0:0
(cd "$work/outside" && "$root/bin/mirrorboard" backfill "logs=$logs" -qq && "$root/bin/mirrorboard" export --format json >"$work/checkout-export.json")
cmp "$work/image-export.json" "$work/checkout-export.json" || die "the image's store differs from the one made without it"
ok "as $user, read-only root, no capabilities: $(wc -c <"$work/image-export.json") bytes of export, the same as without the image"
[ -z "$(find "$work/data" ! -user $user)" ] || die "files of another user in the volume"
[ -z "$(find "$rootfs" -newer "$work/marker" -type f)" ] || die "files were written outside of the volume"
ok "nothing is written outside of the volume: $(cd "$work/data" && echo *)"

fresh "$work/foreign" 123456:0
run foreign 123456 "$logs" "$work/foreign" backfill logs=/logs -qq || { cat "$work/foreign/err" >&2; die "as another user it ended with $?"; }
ok "runs as any other user that owns the volume (123456)"

fresh "$work/refused" 0:0
chmod 755 "$work/refused"
status=0
run refused image "$logs" "$work/refused" backfill logs=/logs || status=$?
if [ $status = 0 ] || ! grep -q 'error\[MB' "$work/refused/err"; then die "a volume that is not writable: exit $status, $(cat "$work/refused/err")"; fi
ok "says so where the volume is not writable: exit $status, $(grep -m 1 'error\[MB' "$work/refused/err")"

# --- signals to process 1 ---

wait_for() { # WHAT COMMAND…
  what=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || die "waited for $what for a minute"
    sleep 0.1
  done
}
has_points() { [ -n "$(find "$1" -name 'mirrorboard.db-wal' -size +20000k)" ]; }
is_ready() { curl -fs -o /dev/null "http://127.0.0.1:$port/readyz"; }
stop() { # NAME; waits, sets status
  began=$(now)
  runtime kill "$1" TERM
  status=0
  wait "$child" || status=$?
  took=$(since "$began")
}

"$node" --input-type=module -e '
  const { bigLog } = await import(process.argv[1]);
  bigLog({ dir: process.argv[2], runs: 4, steps: 50_000, tags: 20 });
' "$root/dist/test/support/big-log.js" "$work/big" >/dev/null
fresh "$work/big-data" "$user:$user"
run big image "$work/big" "$work/big-data" backfill logs=/logs >/dev/null &
child=$!
wait_for 'the first points' has_points "$work/big-data"
stop big
[ $status = 130 ] || { cat "$work/big/err" >&2; die "a backfill asked to end by SIGTERM ended with $status"; }
ok "SIGTERM to process 1 ends a backfill with 130, $took later"
points=$(run count image "$work/big" "$work/big-data" export --format csv | tail -n +2 | wc -l)
if [ "$points" = 0 ] || [ "$points" = 4000000 ]; then die "SIGTERM was to come in the middle, and there are $points points"; fi
ok "what it had read is stored: $points points of 4000000"
run big image "$work/big" "$work/big-data" backfill logs=/logs >/dev/null || die "going on after SIGTERM ended with $?"
points=$(run count image "$work/big" "$work/big-data" export --format csv | tail -n +2 | wc -l)
[ "$points" = 4000000 ] || die "$points points of 4000000 after SIGTERM"
ok "and a second backfill brings the rest: $points points of 4000000"

if "$root/bin/mirrorboard" --help | grep -q '^  watch'; then
  port=18080
  fresh "$work/watch-data" "$user:$user"
  # With the Deployment's configuration, in the place where it is looked for by default.
  (cd "$root" && "$node" -e '
    const { parseAllDocuments } = require("yaml");
    const manifest = parseAllDocuments(require("node:fs").readFileSync("config/kubernetes/mirrorboard.yaml", "utf8")).map((part) => part.toJS());
    process.stdout.write(manifest.find(({ kind }) => kind === "ConfigMap").data["mirrorboard.yaml"]);
  ') >"$work/watch-data/mirrorboard.yaml"
  run watch image "$logs" "$work/watch-data" watch --listen "127.0.0.1:$port" >/dev/null &
  child=$!
  wait_for '/readyz' is_ready
  curl -fs -o /dev/null "http://127.0.0.1:$port/livez" || die "/livez refuses"
  stop watch
  [ $status = 0 ] || { cat "$work/watch/err" >&2; die "watch asked to end by SIGTERM ended with $status"; }
  run caught image "$logs" "$work/watch-data" backfill logs=/logs --json >"$work/caught.json"
  "$node" -e '
    const { totals } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    if (totals.points_before === 0) throw new Error("watch was ready and had stored nothing");
  ' "$work/caught.json"
  ok "watch is ready with the configuration of the Deployment, and SIGTERM to process 1 ends it with 0, $took later"
else
  echo "not tried: this version has no watch"
fi

store rm "$container" >/dev/null
echo "$passed passed, 0 failed"
