#!/usr/bin/env bash
# Fuzzes one target, or all of them in turn: scripts/fuzz.sh [TARGET]
#
# Needs `cargo install cargo-fuzz` and a nightly toolchain. RUNS executions each, 20 million unless set. What
# libFuzzer starts from is made here of shipped files, of a store that was lived in, and of a directory of version 0.1.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-20000000}
targets=${1:-user_name policy_file scenario request gate persona reward_line log_line state_line model_bytes}

seed() { # TARGET NAME: stdin is the seed
    mkdir -p "fuzz/corpus/$1"
    cat > "fuzz/corpus/$1/$2"
}
small() { # a TOML file without its comments
    sed 's/ *#.*//; /^$/d' "$1"
}
lines() { # TARGET NAME: each line of stdin is a seed
    local i=0 line
    while read -r line; do
        i=$((i + 1))
        echo "$line" | seed "$1" "$2-$i"
    done
}

for file in personas/*.toml; do small "$file" | seed persona "$(basename "$file")"; done
for file in scenarios/*.toml; do small "$file" | seed scenario "$(basename "$file")"; done
small scenarios/gate.toml | seed gate default
for explorer in uniform egreedy linucb lints squarecb softmax; do
    printf 'name = "mine"\nexplorer = "%s"\nfeatures = "v2"\nstructure = "disjoint"\nlambda = 1.5\nforgetting = 0.9\n' \
        "$explorer" | seed policy_file "$explorer"
done
for user in alice ../../x .. a_b a%5Fb_uniform.json alice_egreedy_v2.json; do
    printf %s "$user" | seed user_name "$(printf %s "$user" | tr -c 'a-z' '-')"
done

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
request='{"context": {"hour": 8.5, "weekday": 5}, "candidates": [{"id": "t1", "kind": "focus", "priority": 0.8,
    "due_in_days": -2, "effort_minutes": 15, "hour": 9}, {"id": "t2"}], "profile_features": {"completion_rate": 0.4,
    "dismiss_rate": null, "tip_volume": 120, "by_kind": {"focus": {"mean_dwell_seconds": 4, "preferred_hour": 9}}}}'
printf %s "$request" | seed request whole
echo '{"context":{"hour":0,"weekday":6},"candidates":[{"id":"a"}]}' | seed request smallest
cargo build --release --locked --quiet
rehearsal() { target/release/rehearsal --store "$work" "$@"; }
cp fuzz/corpus/policy_file/egreedy "$work/mine.toml"
for policy in linucb egreedy-v2 "$work/mine.toml"; do
    rehearsal score --policy "$policy" --user u --shadow uniform <<< "$request"
    rehearsal reward --policy "$policy" --user u --chosen t1 --reward 1 --event-id e1 <<< "$request"
done > "$work/answers"
for state in "$work"/u_*.json; do seed state_line "$(basename "$state")" < "$state"; done
rehearsal export > "$work/states"
rehearsal import --replace "$work/states" > "$work/answers"
rehearsal reset --user u --policy linucb > "$work/answers"
rehearsal log decisions | lines log_line decision
rehearsal log rewards | lines log_line reward
for log in tests/store/older/state/*.jsonl; do lines log_line "older-$(basename "$log")" < "$log"; done
for state in tests/store/older/state/*_*.json; do seed state_line "older-$(basename "$state")" < "$state"; done
echo "$request" | tr -d '\n' | sed 's/^{/{"user":"u","policy":"linucb","chosen":"t1","reward":0.5,"event_id":"e1",/' |
    seed reward_line beside
echo '{"decision":"e1","reaction":"completed","dwell_seconds":3.5}' | seed reward_line decision
printf '{"user":"u","policy":"egreedy-v2","chosen":"t2","reaction":"snoozed","request":%s}' "$(tr -d '\n' <<< "$request")" |
    seed reward_line inside
python3 - "$work/rehearsal.db" <<'END'
import pathlib, sqlite3, sys
folder = pathlib.Path("fuzz/corpus/model_bytes")
folder.mkdir(parents=True, exist_ok=True)
models = sqlite3.connect(sys.argv[1]).execute("SELECT id, model FROM state WHERE model IS NOT NULL")
for id, model in models:
    (folder / f"state-{id}").write_bytes(model)
END

for target in $targets; do
    case $target in
        user_name | policy_file) length=512 ;;
        request | scenario) length=1024 ;;
        *) length=4096 ;;
    esac
    cargo +nightly fuzz run --sanitizer none --no-trace-compares "$target" -- -runs="$runs" -max_len="$length" \
        -rss_limit_mb=1024 -timeout=60 -print_final_stats=1
done
