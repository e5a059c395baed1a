#!/usr/bin/env bash
# Runs the registry against a real MLflow server on SQLite: versions, aliases, files through its proxy, two promotions at once.
# Needs Python, and `rehearsal` on PATH or in REHEARSAL. Nothing stays behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rehearsal=${REHEARSAL:-rehearsal}
work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --requirement "$here/requirements.txt"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/mlflow server --host 127.0.0.1 --port "$port" --backend-store-uri sqlite:///mlflow.db \
    --artifacts-destination ./artifacts --workers 1 > server.log 2>&1 &
server=$!
for _ in $(seq 120); do
    if python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health')" 2> /dev/null; then break; fi
    sleep 1
done
export REHEARSAL_REGISTRY="mlflow+http://127.0.0.1:$port"
printf 'name = "shuffle"\nexplorer = "uniform"\nfeatures = "v1"\n' > shuffle.toml
printf 'name = "first"\nexplorer = "egreedy"\nfeatures = "v2"\n' > first.toml
printf 'name = "second"\nexplorer = "egreedy"\nfeatures = "v1"\n' > second.toml
printf 'name = "short"\ndescription = "short"\nsteps = 40\n' > short.toml
cat > gate.toml << 'GATE'
description = "small"
alpha = 0.05
beta = 0.05
minimum_effect = 0.02
max_users = 640
[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["short.toml"]
GATE
"$rehearsal" registry register tips --policy shuffle.toml
if "$rehearsal" registry show tips@champion 2> refused; then exit 1; fi
grep -q 'no alias "champion"' refused
"$rehearsal" registry alias tips champion 1
promote() {
    "$rehearsal" promote-check --gate gate.toml --baseline registry:tips@champion --challenger "$1" --promote tips \
        > "$1.txt" 2> "$1.err"
}
promote first.toml & one=$!
promote second.toml & two=$!
codes=
for child in $one $two; do
    code=0
    wait "$child" || code=$?
    codes="$codes $code"
done
# One of them wins and the other one is told, whichever it is.
case "$codes" in
    " 0 2" | " 2 0") ;;
    *) echo "exit codes$codes" >&2; cat ./*.err >&2; exit 1 ;;
esac
"$rehearsal" registry pull tips@champion --out pulled
for file in policy.toml card.md verdict.json report.html; do test -s "pulled/$file"; done
"$rehearsal" registry show tips | python3 -c '
import json, sys
shown = json.load(sys.stdin)
assert shown["history"][0]["version"] == shown["aliases"]["champion"], shown
assert len(shown["history"]) == 2, shown["history"]'
echo "mlflow: ok"
