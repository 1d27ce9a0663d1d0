#!/bin/sh
# Checks that a tag can become a release, and prints its notes: the section of CHANGELOG.md with its version.
#   sh scripts/release-notes.sh vX.Y.Z
set -eu

cd "$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)"
tag=${1-}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)

die() { echo "release-notes: $*" >&2; exit 1; }

[ "$tag" = "v$version" ] || die "the tag is ${tag:-not given}, and package.json has version $version: expected v$version"
grep -q "^ARG VERSION=$version\$" Dockerfile || die "the Dockerfile has another version than package.json, $version"
notes=$(awk -v heading="## [$version]" 'index($0, heading) == 1 { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md)
[ -n "$(echo "$notes" | tr -d '[:space:]')" ] || die "CHANGELOG.md has no section [$version], or an empty one"
for page in README.md docs/index.md; do
  if grep -q 'is not on npm yet' "$page"; then die "$page says that mirrorboard is not on npm yet: remove that"; fi
done
echo "$notes"
