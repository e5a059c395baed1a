#!/usr/bin/env bash
# Fuzzes one target, or all of them in turn: scripts/fuzz.sh [TARGET...]
#
# Needs `cargo install cargo-fuzz` and a nightly toolchain. CPU_SECONDS of processor time for each target, 1,800 unless set, in
# pieces of PIECE seconds, 60 unless set, after which a target begins anew with what it has found (domains and feature sets are
# kept for good once accepted). What libFuzzer starts from is made here of shipped files, of a store that was lived in, and of a
# directory of version 0.1. An input that panics, takes more than 256 MB of memory, or more than a second and a second per
# megabyte of processor time is kept in fuzz/artifacts/TARGET, and the script goes on with the next target and fails at its end.
set -euo pipefail
cd "$(dirname "$0")/.."
cpu_seconds=${CPU_SECONDS:-1800}
piece=${PIECE:-60}
targets=${*:-$(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)}

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

for file in prompts/*.md; do seed prompt_file "$(basename "$file")" < "$file"; done
seed signals sample < src/prompt/sample.json
small domains/tips.toml | seed domain_file tips
sed -n '/SHOP: &str/,/^"#/p' tests/features/mod.rs | sed '1d;/^"#/d' | seed domain_file shop
for file in features/*.toml; do small "$file" | seed feature_set_file "$(basename "$file")"; done
printf 'name = "own"\n[[dimensions]]\nname = "bias"\nconstant = 1\n[[dimensions]]\nname = "kind"\ninput = "candidate.kind"\nsteps = [{ one_hot = ["a", "b"] }]\n[[dimensions]]\nname = "hour"\ninput = ["candidate.hour", "context.hour"]\nsteps = ["cyclic"]\n[[dimensions]]\nname = "both"\ncross = ["kind", "hour"]\n' |
    seed feature_set_file crossed
printf 'key = "bolder"\ncoverage = 0.5\nhash_by = "user"\n[namespace]\nname = "n"\nstart = 0.0\nend = 0.5\n[who]\ncountry = { in = ["a"] }\n[[variants]]\nname = "control"\nweight = 0.5\n[[variants]]\nname = "bolder"\nweight = 0.5\npolicy = "linucb"\n' |
    seed experiment_file bolder
printf 'a,b,c\nyes,red,1.5\nno,blue,-2\n"no","re,d",1e3\n' | seed labelled_table three

# The first byte of a log says its format and how it is read: see `log` in tests/store/mutations/whole_files.rs.
log() { # FORMAT NAME: stdin is the log
    local text=$work/log
    cat > "$text"
    for how in 0 8 16 32 64; do
        printf "\\$(printf %o $(($1 + how)))" | cat - "$text" | seed whole_log "$2-$how"
    done
}
for file in tests/evaluation/parquet/*.parquet; do log 0 "$(basename "$file")" < "$file"; done
(rehearsal log decisions; printf '\036'; rehearsal log rewards) | log 1 own
printf 'timestamp,item_id,position,click,propensity_score\n2019-11-24 00:00:17,1,1,0,0.5\n2019-11-24,2,1,1,0.25\n' | log 2 obd
printf '%s\n' '{"_label_cost":-1,"_label_probability":0.5,"_label_Action":1,"_labelIndex":0,"EventId":"e1","Timestamp":"2019-11-24T00:00:17Z","a":[1,2],"c":{"FromUrl":[{"hour":9}],"_multi":[{"_tag":"a","i":{"priority":0.5}},{"_tag":"b","j":[{"kind":"x"}]}]},"p":[0.5,0.5],"pdrop":0.5}' |
    log 3 dsjson
printf "shared |u hour:9\n0:-1:0.5 'a |i:2 priority:0.3 kind=x\n'b |i priority:0.5\n\n|i x\n0:0:0.5 |i y\n" | log 4 vw
printf 'action,reward,propensity,user,timestamp,category,price\na,1,0.5,u,2019-11-24 00:00:17,x,1\n"b",0,0.25,v,1574553600,y,2\n' | log 5 csv
rehearsal train --policy egreedy-v1 --from "$work" --out "$work/prior.json" > "$work/answers" 2>&1 || true
[ ! -e "$work/prior.json" ] || seed prior_file trained < "$work/prior.json"
rehearsal simulate steady --policy uniform --users 1 --steps 4 --blocks 0..1 --out "$work/part" > "$work/answers"
for part in "$work"/part/*; do seed part_file "$(basename "$part")" < "$part"; done
for i in 1 2 3 4 5 6 7 8; do
    head -c 256 /dev/urandom | seed logs_by_grammar "$i"
    head -c 256 /dev/urandom | seed files_by_grammar "$i"
done

cargo +nightly fuzz build --sanitizer none --no-trace-compares
binaries=fuzz/target/$(rustc +nightly -vV | sed -n 's/^host: //p')/release

used() { # processor time of what this shell has started, in whole seconds
    times | awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += 60 * t[1] + t[2] } printf "%d\n", s }'
}
failed=
for target in $targets; do
    case $target in
        user_name | policy_file) length=512 ;;
        request | scenario | *_by_grammar) length=1024 ;;
        whole_log | part_file | prior_file) length=32768 ;;
        *) length=4096 ;;
    esac
    mkdir -p "fuzz/artifacts/$target" "fuzz/corpus/$target"
    begun=$(used)
    runs=0
    while [ $(($(used) - begun)) -lt "$cpu_seconds" ]; do
        if ! "$binaries/$target" -max_total_time="$piece" -max_len="$length" -rss_limit_mb=1024 -timeout=120 \
            -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/" "fuzz/corpus/$target" > "$work/piece" 2>&1; then
            tail -n 40 "$work/piece"
            failed="$failed $target"
            break
        fi
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/piece")))
    done
    echo "$target: $runs runs in $(($(used) - begun)) seconds of processor time"
done
[ -z "$failed" ] || { echo "failed:$failed; the inputs are in fuzz/artifacts" >&2; exit 1; }
