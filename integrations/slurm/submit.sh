#!/usr/bin/env bash
# Submits a run in parts, and the merge that waits for them.
#
#   submit.sh TASKS USERS PARTS ARGS...
#
# TASKS array tasks; USERS of each persona; a folder PARTS that all nodes share; arguments of
# `rehearsal simulate`. For instance:
#
#   submit.sh 16 100000 /shared/parts steady --policy egreedy-v1 --policy egreedy-v2
set -euo pipefail

if [ $# -lt 4 ]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
export TASKS=$1 USERS=$2 PARTS=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$PARTS"
parts=$(sbatch --parsable --export=ALL --array="0-$((TASKS - 1))" "$here/parts.sbatch" "$@")
merge=$(sbatch --parsable --export=ALL --dependency="afterok:${parts%%;*}" --kill-on-invalid-dep=yes "$here/merge.sbatch")
echo "parts: job ${parts%%;*}; merge: job ${merge%%;*}; the result will be in $PARTS/result"
