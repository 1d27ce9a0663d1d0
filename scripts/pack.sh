#!/bin/sh
# `npm run package`: makes mirrorboard-<version>.tgz, the package to publish (npm publish ./mirrorboard-<version>.tgz).
# It is packed from a copy whose package.json lacks what only a checkout needs. Above all the node-linux packages: as a
# dependency they would put a `node` into the user's own node_modules/.bin. `private` keeps the checkout itself unpublished.
#   --built      packs dist as it is, and checks no types: for tests, which run on what was compiled
#   --to FOLDER  puts the package there; default: the checkout
set -eu

built=no
to=
while [ $# -gt 0 ]; do
  case $1 in
    --built) built=yes ;;
    --to) to=$2 && shift ;;
    *) echo "pack.sh: found $1, expected --built or --to FOLDER" >&2 && exit 2 ;;
  esac
  shift
done

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
PATH=$root/node_modules/.bin:$PATH
if [ $built = no ]; then
  sh scripts/bootstrap.sh --rebuild </dev/null
  tsc -p tsconfig.json --noEmit # the build continues after type errors; a package is not made then
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT TERM HUP

mkdir "$stage/dist"
cp -R dist/src "$stage/dist/src"
for entry in bin protos config docs/adding-a-backend.md docs/errors.md README.md LICENSE CHANGELOG.md; do
  mkdir -p "$stage/$(dirname "$entry")"
  if [ -e "$entry" ]; then cp -R "$entry" "$stage/$entry"; fi
done
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const { private: _, scripts, devDependencies, optionalDependencies, overrides, ...kept } = JSON.parse(readFileSync("package.json", "utf8"));
  writeFileSync(process.argv[1], `${JSON.stringify(kept, null, 2)}\n`);
' "$stage/package.json"

publint run "$stage" --strict --pack false
# The copy has none of the project's npm settings, and needs none.
(cd "$stage" && npm pack --ignore-scripts --loglevel=error --pack-destination "${to:-$root}")
