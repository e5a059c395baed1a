#!/usr/bin/env bash
# The same bytes whatever the processor can do: compares what simulate prints when the program is
# built for any x86-64 processor, and with AVX2 and FMA throughout; and, where qemu-x86_64 is installed (Debian:
# qemu-user), when the former runs on a processor without AVX2.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

results() { # COMMAND...: what it prints, in one digest
    {
        "$@" simulate steady drift --policy egreedy-v1 --policy egreedy-v2 --policy lints-v2 --users 64 --json &&
            "$@" simulate steady --policy linucb-v2 --policy squarecb-v2 --users 32 --json
    } 2> "$work/said" > "$work/printed" || { cat "$work/said" >&2; return 1; }
    sha256sum < "$work/printed" | cut -d' ' -f1
}
built() { # NAME FLAGS: the program of that build
    RUSTFLAGS=$2 cargo build --release --locked --quiet --target-dir "target/instruction-sets/$1"
    echo "target/instruction-sets/$1/release/rehearsal"
}

plain=$(built plain "")
expected=$(results "$plain")
echo "any x86-64 processor, AVX2 found at run time  $expected"
found=$(results "$(built avx2 "-C target-feature=+avx2,+fma")")
echo "-C target-feature=+avx2,+fma                  $found"
[ "$found" = "$expected" ] || { echo "other bytes" >&2; exit 1; }
if command -v qemu-x86_64 > "$work/path"; then
    found=$(results qemu-x86_64 -cpu Nehalem "$plain")
    echo "a processor without AVX2 (qemu, Nehalem)      $found"
    [ "$found" = "$expected" ] || { echo "other bytes" >&2; exit 1; }
else
    echo "skipped: a processor without AVX2; there is no qemu-x86_64"
fi
