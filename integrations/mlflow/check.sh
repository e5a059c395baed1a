#!/usr/bin/env bash
# Runs the registry against a real MLflow server on SQLite: versions, aliases, files through its proxy, and two promotions at
# once, ROUNDS times (20), every other time with one of them killed on its way. Needs Python, and `rehearsal` on PATH or in
# REHEARSAL. Nothing stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
port=$(free_port)
venv/bin/mlflow server --host 127.0.0.1 --port "$port" --backend-store-uri sqlite:///mlflow.db \
    --artifacts-destination ./artifacts --workers 1 > server.log 2>&1 &
started=$!
until_healthy "$port"
export REHEARSAL_REGISTRY="mlflow+http://127.0.0.1:$port"
printf 'name = "first"\nexplorer = "egreedy"\nfeatures = "v2"\n' > first.toml
printf 'name = "second"\nexplorer = "egreedy"\nfeatures = "v1"\n' > second.toml
small_gate 40
"$rehearsal" registry register tips --policy shuffle.toml
if "$rehearsal" registry show tips@champion 2> refused; then exit 1; fi
grep -q 'no alias "champion"' refused
"$rehearsal" registry alias tips champion 1
promote() {
    "$rehearsal" promote-check --gate gate.toml --baseline registry:tips@champion --challenger "$1" --promote tips \
        > "$1.txt" 2> "$1.err"
}
# Whatever happens, the champion is a version with all its files; the one that was registered by hand has its policy alone.
whole() {
    rm -rf "$1"
    "$rehearsal" registry pull tips@champion --out "$1" > "$1.json"
    files=policy.toml
    if ! grep -q '"version":1}' "$1.json"; then files='policy.toml card.md verdict.json report.html'; fi
    for file in $files; do
        test -s "$1/$file" || { echo "the champion has no $file: $(cat "$1.json")" >&2; exit 1; }
    done
}
watch() { while [ ! -e stop ]; do whole watched; done; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
promote first.toml
watch & watcher=$!
started="$started $watcher"
told=0 killed=0 moved=0
rounds=${ROUNDS:-20}
for round in $(seq "$rounds"); do
    "$rehearsal" registry alias tips champion 1 > back.json
    before=$("$rehearsal" registry show tips | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["history"]))')
    began=$(milliseconds)
    promote first.toml & one=$!
    promote second.toml & two=$!
    children="$one $two"
    if [ $((round % 2)) = 0 ]; then
        # At some moment from the beginning to the end of the two before, of whom nobody was killed.
        sleep "$(python3 -c "print($took * ($round * 37 % 100) / 100_000)")"
        victim=$one
        if [ $((round % 4)) = 0 ]; then victim=$two; fi
        # The shell's child is the function; what it runs is to be killed first.
        pkill -KILL -P "$victim" 2> /dev/null || true
    fi
    codes=
    for child in $children; do
        code=0
        wait "$child" || code=$?
        codes="$codes $code"
        case "$code" in
            0) moved=$((moved + 1)) ;;
            2) told=$((told + 1)) ;;
            137) killed=$((killed + 1)) ;;
        esac
    done
    if [ $((round % 2)) = 1 ]; then took=$(($(milliseconds) - began)); fi
    # One of them wins and the other one is told, whichever it is; of one that was killed nobody is told.
    case "$codes" in
        " 0 2" | " 2 0" | " 0 137" | " 137 0" | " 2 137" | " 137 2") ;;
        *) echo "round $round: exit codes$codes" >&2; cat ./*.err >&2; exit 1 ;;
    esac
    whole pulled
    "$rehearsal" registry show tips | python3 -c "
import json, sys
shown = json.load(sys.stdin)
history = shown['history']
assert history[0]['version'] == shown['aliases']['champion'], shown
assert [entry['number'] for entry in history] == list(range(len(history), 0, -1)), history
moves = len(history) - $before
codes = '$codes'.split()
assert codes.count('0') <= moves <= codes.count('0') + codes.count('137'), (codes, history[:3])"
done
touch stop
wait "$watcher"
echo "$rounds rounds: $moved moves, $told told that they came too late, $killed killed; the champion always had its files"
# The steps of a rollout go into a version's card there.
mkdir experiments
printf 'key = "grows"\nramp = [0.3, 1.0]\n[[variants]]\nname = "control"\npolicy = "egreedy-v1"\n[[variants]]\nname = "bolder"\npolicy = "linucb"\n' \
    > experiments/grows.toml
for step in start stop; do
    "$rehearsal" rollout "$step" grows --store store --card registry:tips@1 > "$step.txt"
done
"$rehearsal" registry pull tips@1 --out carded > carded.json
python3 - << 'CARD'
import json

text = open("carded/card.md").read().split("```json\n", 1)[1].split("\n```", 1)[0]
steps = [step["action"] for step in json.loads(text)["steps"]]
assert steps == ["start", "stop"], steps
CARD
echo "mlflow: ok"
