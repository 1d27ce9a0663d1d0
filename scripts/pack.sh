#!/bin/sh
# `npm run package`: makes mirrorboard-<version>.tgz, the package to publish (npm publish ./mirrorboard-<version>.tgz).
# It is packed from a copy whose package.json lacks what only a checkout needs. Above all the node-linux packages: as a
# dependency they would put a `node` into the user's own node_modules/.bin. `private` keeps the checkout itself unpublished.
set -eu

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
sh scripts/bootstrap.sh --rebuild </dev/null
PATH=$root/node_modules/.bin:$PATH
tsc -p tsconfig.json --noEmit # the build goes on with type errors, a package does not

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT TERM HUP

mkdir "$stage/dist"
cp -R dist/src "$stage/dist/src"
for entry in bin protos config README.md LICENSE CHANGELOG.md; do
  if [ -e "$entry" ]; then cp -R "$entry" "$stage/$entry"; fi
done
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const { private: _, scripts, devDependencies, optionalDependencies, overrides, ...kept } = JSON.parse(readFileSync("package.json", "utf8"));
  writeFileSync(process.argv[1], `${JSON.stringify(kept, null, 2)}\n`);
' "$stage/package.json"

publint run "$stage" --strict --pack false
# The copy has none of the project's npm settings, and needs none.
(cd "$stage" && npm pack --ignore-scripts --loglevel=error --pack-destination "$root")
