#!/usr/bin/env bash
# Runs the flow on a real Prefect, with its ephemeral server: a day that promotes, the same day again, one that is
# inconclusive, and one that is rejected. Needs Python, and `rehearsal` on PATH or in REHEARSAL. Nothing stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
export PREFECT_HOME="$work/prefect" PREFECT_LOGGING_LEVEL=WARNING DO_NOT_TRACK=1
# Its server takes longer to start than it waits by itself, on a small machine.
export PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=true PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=300
printf 'name = "tips"\nexplorer = "egreedy"\nfeatures = "v2"\n' > tips.toml
printf 'name = "random"\nexplorer = "egreedy"\nepsilon = 1.0\nfeatures = "v2"\n' > random.toml
small_gate 60
"$rehearsal" simulate steady --policy uniform --users 6 --steps 30 --seed 5 --log log > simulated.txt
"$rehearsal" registry register tips --policy shuffle.toml
"$rehearsal" registry alias tips champion 1 > moved.json
day() {
    code=0
    venv/bin/python "$here/pipeline.py" --date "$1" --from log --policy "$2" --name tips --gate gate.toml > "$1.txt" 2> "$1.err" || code=$?
    cat "$1.txt"
    [ "$code" = "$3" ] || { echo "exit code $code" >&2; cat "$1.err" >&2; exit 1; }
    grep -q "^$4" "$1.txt"
}
champion() { "$rehearsal" registry show tips | python3 -c 'import json, sys; print(json.load(sys.stdin)["aliases"]["champion"])'; }
day 2026-01-02 tips.toml 0 "Completed: tips@2 is the champion"
[ "$(champion)" = 2 ]
head -1 runs/2026-01-02/profiles.csv | grep -q '^user,kind,event_timestamp,'
# The same day again does nothing: there is no other version.
"$rehearsal" registry show tips > before.json
day 2026-01-02 tips.toml 0 "Completed: tips@2 is the champion"
"$rehearsal" registry show tips | cmp - before.json
# The day after: the same policy again is no better.
day 2026-01-03 tips.toml 0 "Skipped: the gate is inconclusive"
# A policy that is worse: it stops, and Prefect has the report.
day 2026-01-04 random.toml 1 "Failed: "
[ "$(champion)" = 2 ]
venv/bin/prefect --no-prompt artifact inspect gate-2026-01-04 --output json > artifact.json
grep -q -i reject artifact.json
echo "prefect: ok"
