#!/bin/sh
# `npm run package`: makes mirrorboard-<version>.tgz, the package to publish (npm publish ./mirrorboard-<version>.tgz).
# It is packed from a copy whose package.json lacks what only a checkout needs. Above all the node-linux packages: as a
# dependency they would put a `node` into the user's own node_modules/.bin. A checkout itself can't be published by accident: its
# `publishConfig` names a registry that can't exist. (A `prepublishOnly` would not run: .npmrc has ignore-scripts.)
#   --built      packs dist as it is, and checks no types: for tests, which run on what was compiled
#   --to FOLDER  puts the package there; default: the checkout
#   --repository URL  the sources it was made from, for the package's provenance (npm compares both)
set -eu

built=no
to=
repository=
while [ $# -gt 0 ]; do
  case $1 in
    --built) built=yes ;;
    --to) to=$2 && shift ;;
    --repository) repository=$2 && shift ;;
    *) echo "pack.sh: found $1, expected --built, --to FOLDER or --repository URL" >&2 && exit 2 ;;
  esac
  shift
done

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
PATH=$root/node_modules/.bin:$PATH
if [ $built = no ]; then
  sh scripts/bootstrap.sh --rebuild </dev/null
  tsc -p src/page/browser/tsconfig.json
  tsc -p tsconfig.json --noEmit # the build continues after type errors; a package is not made then
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT TERM HUP

# The man page of a version that is not released has the date of the last commit, if there is one.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git log -1 --format=%ct 2>/dev/null || true)}
export SOURCE_DATE_EPOCH
# What can be made from the program is made here, so that it is never out of date: man page, completions.
node dist/test/reference/main.js "$stage"
# What `files` names is all there is: a folder that is missing fails here.
node -p 'require("./package.json").files.join("\n")' | while read -r entry; do
  if [ -e "$stage/$entry" ]; then continue; fi
  mkdir -p "$stage/$(dirname "$entry")"
  cp -R "$entry" "$stage/$entry"
done
# What runs is in dist/app; dist/src has the types of the entries.
find "$stage/dist/src" ! -type d ! -name '*.d.ts' -exec rm {} +
find "$stage/dist/src" -depth -type d -exec rmdir {} + 2>/dev/null || true
# What only the site needs.
rm -rf "$stage/docs/.vitepress"
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const [file, repository] = process.argv.slice(1);
  const { publishConfig, scripts, devDependencies, optionalDependencies, overrides, ...kept } = JSON.parse(readFileSync("package.json", "utf8"));
  if (repository !== "") kept.repository = { type: "git", url: `git+${repository}.git` };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
' "$stage/package.json" "$repository"

publint run "$stage" --strict --pack false
# The copy has none of the project's npm settings, and needs none.
(cd "$stage" && npm pack --ignore-scripts --loglevel=error --json --pack-destination "${to:-$root}") >"$stage/packed.json"
node -p '
  const packed = Object.values(JSON.parse(fs.readFileSync(process.argv[1], "utf8")))[0];
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  `${packed.filename}: ${packed.files.length} files, ${mib(packed.size)} packed, ${mib(packed.unpackedSize)} unpacked`
' "$stage/packed.json"
