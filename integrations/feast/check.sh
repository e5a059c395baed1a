#!/usr/bin/env bash
# Runs `serve --features` against a real Feast: apply, materialize, serve; who is known, who is not, and Feast gone.
# Needs Python, and `rehearsal` on PATH or in REHEARSAL. Nothing stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
# What Feast is to know stands in the program; the file here is a copy of what it prints.
"$rehearsal" schema --of feast | diff - "$here/definitions.py"
export FEAST_USAGE=False
"$rehearsal" simulate steady --policy uniform --users 5 --steps 100 --seed 7 --log log > simulated.txt
"$rehearsal" features compute --from log --out profiles.csv
# `feast apply` reads every Python file of its folder.
mkdir repository
cp "$here/feature_store.yaml" "$here/definitions.py" repository/
venv/bin/python - << 'CONVERT'
import pandas

table = pandas.read_csv(
    "profiles.csv", dtype={"user": str, "kind": str}, keep_default_na=False, na_values=[""], float_precision="round_trip"
)
table["kind"] = table["kind"].fillna("")
table["event_timestamp"] = pandas.to_datetime(table["event_timestamp"], utc=True)
table["tip_volume"] = table["tip_volume"].astype("Int64")
table.to_parquet("repository/tips_profiles.parquet")
CONVERT
cd repository
../venv/bin/feast apply > ../apply.txt 2>&1 || { cat ../apply.txt >&2; exit 1; }
../venv/bin/feast materialize 1970-01-01T00:00:00 2100-01-01T00:00:00 > ../materialize.txt 2>&1 ||
    { cat ../materialize.txt >&2; exit 1; }
port=$(free_port)
../venv/bin/feast serve --host 127.0.0.1 --port "$port" --no-access-log > ../feast.log 2>&1 &
feast=$!
started=$feast
cd ..
until_healthy "$port"
"$rehearsal" serve --listen 127.0.0.1:0 --policy egreedy-v2 --features "feast+http://127.0.0.1:$port" 2> serve.log &
serve=$!
started="$feast $serve"
until grep -q listening serve.log; do sleep 0.05; done
address=$(python3 -c 'import json, sys; print(next(e["address"] for e in map(json.loads, open("serve.log")) if e["message"] == "listening"))')
echo "Feast answers:"
python3 "$here/asking.py" "$address" all-rounder-0 completed
python3 "$here/asking.py" "$address" nobody-there unknown
# Feast's workers end with it.
kill "$feast"
wait "$feast" || true
started=$serve
echo "Feast is away:"
python3 "$here/asking.py" "$address" all-rounder-0 unavailable
grep -q 'the feature store does not answer' serve.log
kill "$serve"
wait "$serve"
started=
# What was logged is what Feast has, which is what was computed.
"$rehearsal" log decisions --user all-rounder-0 > decisions.jsonl
python3 - << 'CHECK'
import csv
import json

FEATURES = ["completion_rate", "dismiss_rate", "mean_dwell_seconds", "preferred_hour", "tip_volume"]
rows = {r["kind"]: r for r in csv.DictReader(open("profiles.csv")) if r["user"] == "all-rounder-0"}
values = lambda kind: {name: float(rows[kind][name]) for name in FEATURES if rows[kind][name]}
completed = 0
for decision in map(json.loads, open("decisions.jsonl")):
    profile = decision["request"].get("profile_features")
    if decision["profile_lookup"] == "completed":
        completed += 1
        by_kind = profile.pop("by_kind")
        assert profile == values(""), profile
        assert by_kind == {kind: values(kind) for kind in ["focus", "plan", "rest"] if kind in rows}, by_kind
    else:
        assert decision["profile_lookup"] == "unavailable" and profile is None, decision
print(f"the log has {completed} requests of all-rounder-0 as Feast completed them, to the bit")
assert completed > 0
CHECK
echo "feast: ok"
