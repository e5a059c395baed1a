#!/usr/bin/env bash
# Holds a running server against its OpenAPI document with schemathesis, which makes up thousands of requests of it, sound and
# unsound: every answer must be one that the document says, what the document forbids must be refused, and nothing may fail.
#
#   scripts/check_openapi.sh [REQUESTS]     so many requests for each operation and phase, 200 unless said
#
# Once with policies of tips, a shadow and an experiment, once with a policy of another domain beside one of tips. The server
# is target/debug/rehearsal (or $REHEARSAL). Needs Python 3.10 and PyPI, from which scripts/openapi.txt comes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
rehearsal=${REHEARSAL:-$PWD/target/debug/rehearsal}
requests=${1:-200}
tools=$PWD/target/openapi
if ! cmp -s scripts/openapi.txt "$tools/installed.txt"; then
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/openapi.txt
    cp scripts/openapi.txt "$tools/installed.txt"
fi

work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
mkdir experiments
cat > experiments/tone.toml << 'END'
key = "tone"
[[variants]]
name = "plain"
value = 1
[[variants]]
name = "warm"
value = "warmer"
END
cp "$root/tests/util/shop.toml" .
cat > shop-v1.toml << 'END'
name = "shop-v1"
domain = "shop.toml"
[[dimensions]]
name = "bias"
constant = 1
[[dimensions]]
name = "price"
input = "candidate.price"
steps = ["log1p"]
END
printf 'name = "shop"\nexplorer = "egreedy"\nfeatures = "shop-v1.toml"\n' > policy.toml
# What is too large is 413.
cat > schemathesis.toml << 'END'
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 409, 413, 415]
END

check() { # WHAT OPTIONS-OF-SERVE...
    echo "== $1"
    shift
    : > log
    "$rehearsal" serve "$@" --store "store-$RANDOM" --listen 127.0.0.1:0 2> log &
    server=$!
    until grep -q '"listening"' log; do
        kill -0 "$server" 2> /dev/null || { cat log >&2; exit 1; }
        sleep 0.1
    done
    local address
    address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' log | head -1)
    st() {
        "$tools/bin/schemathesis" --config-file schemathesis.toml run "http://$address/openapi.json" --no-color \
            --continue-on-failure --max-examples "$requests" "$@" > said || { cut -c 1-400 said >&2; exit 1; }
        grep -A 1 '^Test cases' said
    }
    # A schema cannot say everything: ids are unique, zones are of a database, lengths are counted in bytes. Where it can, what it
    # allows has to be taken.
    st --checks all --exclude-checks positive_data_acceptance --phases examples,coverage,fuzzing
    st --checks positive_data_acceptance --include-path-regex '^/(stats|reset|ofrep|health|metrics|openapi)'
    kill "$server"
    wait "$server"
    server=
    if grep -q '"level":"ERROR"' log; then
        grep '"level":"ERROR"' log | head -5 >&2
        exit 1
    fi
}

check "policies of tips" --policy egreedy-v1 --policy linucb-v2-by-kind --shadow squarecb-v2 --experiments experiments
check "a shop, and tips beside it" --policy policy.toml --policy egreedy-v1
