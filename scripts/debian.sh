#!/bin/sh
# `npm run debian`: makes mirrorboard_<version>_all.deb from the npm package and its dependencies. It needs dpkg-deb and npm.
#   --with-node  puts the Node of this checkout in: the package is for one architecture then, and depends on no nodejs
#   --built      packs dist as it is, and checks no types: for tests
#   --to FOLDER  puts the package there; default: the checkout
set -eu

built=
to=
node=no
while [ $# -gt 0 ]; do
  case $1 in
    --with-node) node=yes ;;
    --built) built=--built ;;
    --to) to=$2 && shift ;;
    *) echo "debian.sh: found $1, expected --with-node, --built or --to FOLDER" >&2 && exit 2 ;;
  esac
  shift
done

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
command -v dpkg-deb >/dev/null || { echo 'debian.sh: dpkg-deb is needed, and there is none on PATH' >&2 && exit 2; }
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT TERM HUP

# Other users must be able to read the files, no matter who makes the package.
umask 022
lib=$stage/deb/usr/lib/mirrorboard
share=$stage/deb/usr/share
mkdir -p "$stage/deb/DEBIAN" "$lib" "$stage/packed" "$stage/modules" "$stage/deb/usr/bin"
sh scripts/pack.sh $built --to "$stage/packed" >&2
tar -xzf "$stage/packed/mirrorboard-$version.tgz" --strip-components=1 -C "$lib"
cp package.json package-lock.json .npmrc "$stage/modules"
(cd "$stage/modules" && npm ci --omit=dev --omit=optional --ignore-scripts --prefer-offline --loglevel=error >&2)
mv "$stage/modules/node_modules" "$lib"
rm -rf "$lib/node_modules/.bin" "$lib/node_modules/.package-lock.json"
ln -s ../lib/mirrorboard/bin/mirrorboard "$stage/deb/usr/bin/mirrorboard"

put() { # FILE PLACE
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2"
}
put "$lib/man/mirrorboard.1" "$share/man/man1/mirrorboard.1"
put "$lib/completions/mirrorboard.bash" "$share/bash-completion/completions/mirrorboard"
put "$lib/completions/_mirrorboard" "$share/zsh/vendor-completions/_mirrorboard"
put "$lib/completions/mirrorboard.fish" "$share/fish/vendor_completions.d/mirrorboard.fish"
put "$lib/CHANGELOG.md" "$share/doc/mirrorboard/changelog"
put "$lib/LICENSE" "$share/doc/mirrorboard/copyright"
gzip -9n "$share/man/man1/mirrorboard.1" "$share/doc/mirrorboard/changelog"
# Debian asks no question about the logs: the service is installed, but disabled.
mkdir -p "$stage/deb/usr/lib/systemd/system"
sed 's|/usr/local/bin/mirrorboard|/usr/bin/mirrorboard|' "$lib/config/systemd/mirrorboard.service" \
  >"$stage/deb/usr/lib/systemd/system/mirrorboard.service"

architecture=all
depends='Depends: nodejs (>= 24)'
if [ $node = yes ]; then
  architecture=$(dpkg --print-architecture)
  depends='Depends: libc6, libstdc++6'
  mkdir "$lib/node"
  cp -L node_modules/.bin/node "$lib/node/node"
  cp "$(dirname "$(dirname "$(readlink -f node_modules/.bin/node)")")/LICENSE" "$lib/node/LICENSE"
fi
chmod -R u+rwX,go+rX,go-w "$stage/deb"
cat >"$stage/deb/DEBIAN/control" <<END
Package: mirrorboard
Version: $version
Architecture: $architecture
Maintainer: the mirrorboard authors <mirrorboard@localhost>
Section: science
Priority: optional
$depends
Installed-Size: $(du -sk "$stage/deb" | cut -f 1)
Description: mirror TensorBoard logs into experiment trackers
 Mirrors TensorBoard log directories, exactly and continuously, into MLflow,
 Weights & Biases, ClearML, Aim, Trackio and a local SQLite store.
END
package=${to:-$root}/mirrorboard_${version}_$architecture.deb
dpkg-deb --build --root-owner-group -Zxz "$stage/deb" "$package" >&2
echo "$package"
