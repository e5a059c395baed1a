#!/usr/bin/env bash
# The same bytes whatever the processor can do: compares what simulate prints when the program is built for any x86-64
# processor, and with AVX2 and FMA throughout; and, where qemu-x86_64 is installed (Debian: qemu-user), when the former
# runs on processors that have AVX2, SSE4.2, and neither.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/own.toml" << 'END'
name = "own"
explorer = "squarecb"
features = "v2"
structure = "disjoint"
forgetting = 0.98
END

results() { # COMMAND...: what it prints, in one digest
    {
        "$@" simulate steady drift --policy egreedy-v1 --policy egreedy-v2 --policy lints-v2 --users 64 --json &&
            "$@" simulate steady --policy linucb-v2 --policy squarecb-v2 --users 32 --json &&
            "$@" simulate delayed-rewards --policy "$work/own.toml" --policy uniform --users 8 --json
    } 2> "$work/said" > "$work/printed" || { cat "$work/said" >&2; return 1; }
    sha256sum < "$work/printed" | cut -d' ' -f1
}
built() { # NAME FLAGS: the program of that build
    RUSTFLAGS=$2 cargo build --release --locked --quiet --target-dir "target/instruction-sets/$1"
    echo "target/instruction-sets/$1/release/rehearsal"
}
agree() { # NAME DIGEST
    printf '%-44s  %s\n' "$1" "$2"
    [ "$2" = "$expected" ] || { echo "other bytes" >&2; exit 1; }
}

plain=$(built plain "")
expected=$(results "$plain")
agree "any x86-64 processor, on this one" "$expected"
agree "-C target-feature=+avx2,+fma" "$(results "$(built avx2 "-C target-feature=+avx2,+fma")")"
if command -v qemu-x86_64 > "$work/path"; then
    for processor in Haswell Nehalem core2duo; do
        agree "any x86-64 processor, on a $processor (qemu)" "$(results qemu-x86_64 -cpu "$processor" "$plain")"
    done
else
    echo "skipped: other processors; there is no qemu-x86_64"
fi
