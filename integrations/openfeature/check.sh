#!/usr/bin/env bash
# Has OpenFeature's own Python provider ask a running server for flags of every type, also for users beyond ASCII and with a
# token, and holds what it gets against `rehearsal assign`. Needs Python, and `rehearsal` on PATH or in REHEARSAL. Nothing
# stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
# check.py runs `rehearsal` by its name.
mkdir bin
ln -s "$rehearsal" bin/rehearsal
PATH="$work/bin:$PATH"

mkdir experiments
flag() {
    printf 'key = "%s"\n[[variants]]\nname = "first"\n%s\n[[variants]]\nname = "second"\n%s\n' "$@" > "experiments/$1.toml"
}
flag policies 'policy = "egreedy-v2"' 'policy = "linucb-v2"'
flag colour 'value = "blue"' 'value = "green"'
flag size 'value = 3' 'value = 4'
flag rate 'value = 0.25' 'value = 0.75'
flag on 'value = false' 'value = true'
flag layout 'value = {columns = 1}' 'value = {columns = 2}'
printf 'a-token-of-enough-length\n' > token
rehearsal serve --listen 127.0.0.1:0 --policy egreedy-v2 --experiments experiments --token-file token 2> server.log &
started=$!
for _ in $(seq 100); do
    if grep -q '"listening"' server.log; then break; fi
    sleep 0.1
done
address=$(python3 -c '
import json
print(next(event["address"] for event in map(json.loads, open("server.log")) if event["message"] == "listening"))')
export REHEARSAL_TOKEN=a-token-of-enough-length
for experiment in policies colour size rate on layout; do
    venv/bin/python "$here/check.py" "http://$address" "$experiment" alice bob carol dave erin zoë 日本語 😀 'e´'
done
echo "openfeature: ok"
