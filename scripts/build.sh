#!/bin/sh
# Compiles src and test, and bundles what runs, into a fresh folder and puts it in dist's place: a killed build leaves the old dist or none,
# and nothing of removed sources stays. Called by bootstrap.sh, which holds the lock (`npm run build` goes through it).
set -u

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 2
cd "$root" || exit 2
PATH=$root/node_modules/.bin:$PATH

rm -rf .build
mkdir .build || exit 1

# Type errors do not keep the code from running; `npm test` counts them. Anything but 0, 1 and 2 is not about types.
tsc -p tsconfig.json --outDir .build/dist >.build/types.log 2>&1
status=$?
if [ $status -gt 2 ] || [ ! -d .build/dist/src ]; then
  cat .build/types.log >&2
  exit 1
fi
if [ $status -ne 0 ]; then
  echo "mirrorboard: the sources have type errors ('npm run typecheck' shows them), continuing with the compiled code" >&2
fi

# What tsc does not carry over: generated code, and other files that the program reads.
(cd src && find . -path ./page/browser -prune -o -type f \( ! -name '*.ts' -o -name '*.d.ts' \) -exec sh -c '
  for file; do
    mkdir -p "../.build/dist/src/${file%/*}" && cp "$file" "../.build/dist/src/$file" || exit 1
  done' sh {} +) || exit 1

# The page's code for browsers is bundled.
node scripts/build-page.mjs .build/dist/src/page/files || exit 1

# `explain` reads the page that people read.
mkdir -p .build/dist/src/cli && cp docs/errors.md .build/dist/src/cli/errors.md || exit 1

# What runs is bundled, with the files that it reads beside it. Tests of single modules need dist/src.
node scripts/build-app.mjs .build/dist/app || exit 1
cp -R .build/dist/src/page/files docs/errors.md .build/dist/app || exit 1

if [ -e dist ]; then mv dist .build/old || exit 1; fi
mv .build/dist dist || exit 1
rm -rf .build
