#!/bin/sh
# Makes src/proto/messages.{js,d.ts} from protos/. With --check it only says whether they are up to date.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pbjs() {
  node_modules/.bin/pbjs --target static-module --wrap esm --path protos --keep-case --force-long \
    --no-create --no-encode --no-verify --no-convert --no-delimited --no-typeurl --no-service "$@" protos/event.proto protos/plugins.proto protos/data-requests.proto
}
# The types are read from the comments; the code that is shipped goes without them.
pbjs --out "$work/commented.js"
# `long` is a package of protobufjs's own: whoever installs ours may not be able to import it.
node_modules/.bin/pbts "$work/commented.js" |
  sed 's/^import Long = require("long");$/type Long = ReturnType<$protobuf.Reader["int64"]>;/' >"$work/messages.d.ts"
pbjs --no-comments --out "$work/messages.js"
for f in messages.js messages.d.ts; do
  if [ "${1:-}" = --check ]; then
    cmp -s "$work/$f" "src/proto/$f" || { echo "src/proto/$f differs from protos/: run npm run protos" >&2; exit 1; }
  else
    cp "$work/$f" "src/proto/$f"
  fi
done
