#!/usr/bin/env bash
# Checks the example policies with the real scikit-learn and Vowpal Wabbit: `policy check`, and a short simulation. Needs Python,
# and `rehearsal` on PATH or in REHEARSAL. Nothing stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
PATH="$work/venv/bin:$PATH"
"$rehearsal" policy check "$here/egreedy.toml"
for policy in scikit-learn vowpal-wabbit; do
    lines=$(wc -l < "$here/${policy//-/_}.py")
    [ "$lines" -le 40 ] || { echo "$policy has $lines lines; an example has at most 40" >&2; exit 1; }
    "$rehearsal" policy check "$here/$policy.toml"
    "$rehearsal" simulate --policy uniform --policy "$here/$policy.toml" --users 2 --steps 10
done
echo "policies: ok"
