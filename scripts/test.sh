#!/bin/sh
# `npm test`: brings what is needed, checks types and style, runs jest on the compiled tests.
# Arguments go to jest; a pattern is matched against the paths of the tests. The last line is "N passed, N failed".
set -u

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 2
cd "$root" || exit 2

if ! sh scripts/bootstrap.sh --rebuild </dev/null; then
  echo "0 passed, 1 failed"
  exit 1
fi
PATH=$root/node_modules/.bin:$PATH
export PATH

# jest sees compiled files only: test/unit/a.test.ts is given as test/unit/a.test
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  case $argument in -*) ;; *.ts) argument=${argument%.ts} ;; esac
  set -- "$@" "$argument"
  count=$((count - 1))
done

types=0
lint=0
jest=0
tsc -p tsconfig.json --noEmit || types=$?
tsc -p src/page/browser/tsconfig.json || types=$?
biome check src test examples || lint=$?

results=node_modules/.mirrorboard-tests.json
rm -f "$results"
node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js \
  --json --outputFile="$results" "$@" || jest=$?

# A suite that could not be loaded has no tests to count, and jest can fail without a failed test: each is one failure.
exec node -e '
  const [file, types, lint, jest] = process.argv.slice(1);
  let r = {};
  try { r = JSON.parse(require("node:fs").readFileSync(file, "utf8")); } catch {}
  let passed = r.numPassedTests ?? 0;
  let failed = (r.numFailedTests ?? 0) + (r.numRuntimeErrorTestSuites ?? 0);
  const skipped = (r.numPendingTests ?? 0) + (r.numTodoTests ?? 0);
  if (jest !== "0" && failed === 0) failed++;
  for (const [name, status] of [["types", types], ["lint", lint]]) {
    if (status === "0") passed++; else { failed++; console.log(name + ": failed, see above"); }
  }
  console.log(`${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : ""));
  process.exit(failed > 0 ? 1 : 0);
' "$results" "$types" "$lint" "$jest"
