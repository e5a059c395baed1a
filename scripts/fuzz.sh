#!/usr/bin/env bash
# Fuzzes one target, or all of them in turn: scripts/fuzz.sh [TARGET]
#
# Needs `cargo install cargo-fuzz` and a nightly toolchain. RUNS executions each, 20 million unless set. What
# libFuzzer starts from is made here of shipped files and of a state directory that was lived in.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-20000000}
targets=${1:-user_name policy_file scenario request gate persona log_line state_file}

seed() { # TARGET NAME: stdin is the seed
    mkdir -p "fuzz/corpus/$1"
    cat > "fuzz/corpus/$1/$2"
}
small() { # a TOML file without its comments
    sed 's/ *#.*//; /^$/d' "$1"
}
open_lines() { # lines without their checksums: the target adds them
    sed 's/,"crc":"[0-9a-f]*"}$/}/' "$1"
}

for file in personas/*.toml; do small "$file" | seed persona "$(basename "$file")"; done
for file in scenarios/*.toml; do small "$file" | seed scenario "$(basename "$file")"; done
small scenarios/gate.toml | seed gate default
for explorer in uniform egreedy linucb lints squarecb; do
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
rehearsal() { target/release/rehearsal --state-dir "$work" "$@"; }
cp fuzz/corpus/policy_file/egreedy "$work/mine.toml"
for policy in linucb egreedy-v2 "$work/mine.toml"; do
    rehearsal reward --policy "$policy" --user u --chosen t1 --reward 1 --event-id e1 <<< "$request"
done > "$work/answers"
for state in "$work"/u_*.json; do open_lines "$state" | seed state_file "$(basename "$state")"; done
rehearsal export > "$work/states"
rehearsal import --replace "$work/states" > "$work/answers"
rehearsal reset --user u > "$work/answers"
i=0
while read -r line; do
    i=$((i + 1))
    echo "$line" | seed log_line "$i"
done < <(open_lines "$work/rewards.jsonl")

for target in $targets; do
    case $target in
        user_name | policy_file) length=512 ;;
        request | scenario) length=1024 ;;
        *) length=4096 ;;
    esac
    cargo +nightly fuzz run --sanitizer none --no-trace-compares "$target" -- -runs="$runs" -max_len="$length" \
        -rss_limit_mb=1024 -timeout=60 -print_final_stats=1
done
