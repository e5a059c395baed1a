#!/usr/bin/env bash
# Checks the example policies: those with packages in a virtual environment of their own, target/policies, from PyPI. Where
# the packages cannot be had, it says so and ends well. Takes the `rehearsal` in REHEARSAL, or builds it.
set -euo pipefail
cd "$(dirname "$0")/../.."

rehearsal=${REHEARSAL:-}
if [ -z "$rehearsal" ]; then
    cargo build --release --locked
    rehearsal="$PWD/target/release/rehearsal"
fi
"$rehearsal" policy check integrations/policies/egreedy.toml
python3 -m venv target/policies
if ! target/policies/bin/pip install --quiet --disable-pip-version-check -r integrations/policies/requirements.txt; then
    echo "skipped: the packages of scikit-learn and Vowpal Wabbit cannot be had here" >&2
    exit 0
fi
PATH="$PWD/target/policies/bin:$PATH"
for policy in scikit-learn vowpal-wabbit; do
    lines=$(wc -l < "integrations/policies/${policy//-/_}.py")
    [ "$lines" -le 40 ] || { echo "$policy has $lines lines; an example has at most 40" >&2; exit 1; }
    "$rehearsal" policy check "integrations/policies/$policy.toml"
    "$rehearsal" simulate --policy uniform --policy "integrations/policies/$policy.toml" --users 2 --steps 10
done
