#!/bin/sh
# Prints the path of a helm 3: the one on PATH, else one that is built from its Go module into the cache, once: some 6 minutes
# of 2 processors. If there is none, it prints why to standard error and ends with 1.
#   sh scripts/helm.sh [--build]    build it if it is not cached. Tests ask for that by MIRRORBOARD_REQUIRE_TOOLS=1
# MIRRORBOARD_TEST_CACHE: the cache, default node_modules/.cache/mirrorboard
# MIRRORBOARD_BUILD_TIMEOUT: seconds that the build may take, default 1500
set -u

version=v3.22.0
# The version of Kubernetes that helm assumes without a cluster. Its own releases set it, too.
kubernetes=1.34
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 1
cache=${MIRRORBOARD_TEST_CACHE:-$root/node_modules/.cache/mirrorboard}
no() {
  echo "$1" >&2
  exit 1
}

found=$(command -v helm) && case $(helm version --template '{{.Version}}' 2>/dev/null) in
  v3.*) echo "$found" && exit 0 ;;
esac
helm=$cache/helm-$version/helm
[ -x "$helm" ] && echo "$helm" && exit 0
[ "${1:-}" = --build ] || [ "${MIRRORBOARD_REQUIRE_TOOLS:-}" = 1 ] || [ "${MIRRORBOARD_REAL_TRACKERS:-}" = 1 ] \
  || no 'there is no helm 3 on PATH; MIRRORBOARD_REQUIRE_TOOLS=1 builds one, once'
command -v go >/dev/null || no 'there is no helm 3 on PATH, and no Go to build one'

# Tests run at the same time: one builds, the others wait for it.
if [ "${1:-}" != --locked ] && mkdir -p "$cache" 2>/dev/null && command -v flock >/dev/null; then
  exec flock "$cache/helm-$version.lock" env MIRRORBOARD_REQUIRE_TOOLS=1 sh "$0" --locked
fi
mkdir -p "$cache" 2>/dev/null && new=$(mktemp -d "$cache/new.XXXXXX") || no "$cache cannot be written to"
limit=
if timeout -k 1 5 true 2>/dev/null; then limit="timeout -k 5 ${MIRRORBOARD_BUILD_TIMEOUT:-1500}"; fi
# The folder gets its name when it is whole: a build that was killed and a second one at the same time do no harm.
# shellcheck disable=SC2086 # $limit is words
if GOBIN=$new/bin CGO_ENABLED=0 GOFLAGS=-buildvcs=false $limit nice -n 10 go install -ldflags "-s -w
  -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${kubernetes%.*} -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${kubernetes#*.}
  -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=${kubernetes%.*} -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=${kubernetes#*.}
" \
  "helm.sh/helm/v3/cmd/helm@$version" >"$new/log" 2>&1; then
  mv "$new/bin" "$cache/helm-$version" 2>/dev/null
  rm -rf "$new"
  [ -x "$helm" ] && echo "$helm" && exit 0
fi
reason=$(grep -v '^go: downloading' "$new/log" 2>/dev/null | tail -n 1 | cut -c 1-200)
rm -rf "$new"
no "helm $version could not be built (${reason:-it took too long})"
