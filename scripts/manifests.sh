#!/bin/sh
# `npm run manifests`: generates the plain manifests of config/kubernetes from the chart in config/helm/mirrorboard, and the table
# of its values in docs/deployment.md.
#   sh scripts/manifests.sh [DIR]    write only the manifests, to DIR
set -eu

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
out=${1:-$root/config/kubernetes}
helm=$(sh "$root/scripts/helm.sh" --build)
chart=$root/config/helm/mirrorboard

make_manifest() { # FILE RELEASE EXAMPLE WHAT [OPTIONS]
  file=$1 release=$2 example=$3 what=$4
  shift 4
  "$helm" template "$release" "$chart" --kube-version 1.28.0 --skip-tests -f "$chart/examples/$example.yaml" "$@" \
    --set reload=live --set 'persistence.annotations.helm\.sh/resource-policy=null' >"$out/$file.new"
  {
    echo "# $what: kubectl apply -n NAMESPACE -f $file"
    echo "# First change the lines marked CHANGE. See docs/deployment.md. Generated from the chart by \`npm run manifests\`."
    # Drops the labels that only helm uses, and marks what to change.
    sed -E -e '/^# Source: /d' -e '/^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): /d' \
      -e 's|^ *image: .*|& # CHANGE: add your registry|' \
      -e 's|^ *claimName: tensorboard-logs$|& # CHANGE: the claim that your training jobs write to|' \
      -e 's|^ *- name: logs$|& # CHANGE once, at the start: this name identifies runs|' \
      -e 's|^ *storage: .*|& # CHANGE: some 30 bytes per point, plus the media|' \
      -e 's|^ *tracking_uri: .*|& # CHANGE|' "$out/$file.new" | sed 1d
  } >"$out/$file"
  rm "$out/$file.new"
}

make_manifest mirrorboard.yaml mirrorboard local 'Runs mirrorboard watch on one volume of logs'
make_manifest shards.yaml mirrorboard shards 'Runs three mirrorboard watch that share the runs of one volume of logs'
make_manifest backfill.yaml mirrorboard-backfill backfill 'Mirrors a volume of logs once, into its own store' \
  --set backfill.jobName=mirrorboard-backfill

[ $# -gt 0 ] || node "$root/scripts/values-table.mjs" --write
