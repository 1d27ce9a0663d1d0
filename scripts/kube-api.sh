#!/bin/sh
# Prints the path of an API server of Kubernetes that has an etcd of its own (scripts/kube-api), for tests that send it manifests.
# It is built from the module of Kubernetes into the cache, once: some 8 minutes of one processor, and 3 GB of Go's caches. If
# there is none, it prints why to standard error and ends with 1.
#   sh scripts/kube-api.sh [--build]    build it if it is not cached
# MIRRORBOARD_TEST_CACHE: the cache, default node_modules/.cache/mirrorboard
# MIRRORBOARD_BUILD_TIMEOUT: seconds that the build may take, default 1500
set -u

version=v1.34.4
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 1
cache=${MIRRORBOARD_TEST_CACHE:-$root/node_modules/.cache/mirrorboard}
no() {
  echo "$1" >&2
  exit 1
}

server=$cache/kube-api-$version/kube-api
[ -x "$server" ] && echo "$server" && exit 0
[ "${1:-}" = --build ] || no 'sh scripts/kube-api.sh --build builds it, once'
command -v go >/dev/null || no 'there is no Go to build it'
mkdir -p "$cache" 2>/dev/null && new=$(mktemp -d "$cache/new.XXXXXX") || no "$cache cannot be written to"
trap 'rm -rf "$new"' EXIT
limit=
if timeout -k 1 5 true 2>/dev/null; then limit="timeout -k 5 ${MIRRORBOARD_BUILD_TIMEOUT:-1500}"; fi

# Kubernetes requires its own parts as v0.0.0, from folders of its repository. As modules they have the version v0.MINOR.PATCH.
cd "$new" || no "$new cannot be entered"
cp "$root/scripts/kube-api/main.go" .
go mod download -json "k8s.io/kubernetes@$version" >download.json 2>log || no "Go could not fetch Kubernetes ($(tail -n 1 log | cut -c 1-200))"
sources=$(sed -n 's/^.*"Dir": "\(.*\)",$/\1/p' download.json)
sed -E -e 's|^module .*|module kube-api|' -e "s|=> \./staging/src/([^ ]+)|=> \1 v0.${version#v1.}|" "$sources/go.mod" >go.mod
echo "require k8s.io/kubernetes $version" >>go.mod
cp "$sources/go.sum" go.sum && chmod u+w go.sum
mkdir built
# The folder gets its name when it is whole: a build that was killed and a second one at the same time do no harm.
# shellcheck disable=SC2086 # $limit is words
CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=mod' $limit nice -n 10 go build -ldflags '-s -w' -o built/kube-api . >log 2>&1 \
  || no "the API server could not be built ($(grep -v '^go: downloading' log | tail -n 1 | cut -c 1-200))"
mv built "$cache/kube-api-$version" 2>/dev/null
[ -x "$server" ] && echo "$server" && exit 0
no "$server could not be put into the cache"
