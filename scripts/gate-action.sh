#!/usr/bin/env bash
# Runs the promotion gate as a step of GitHub Actions; action.yml passes everything through the environment.
#
# REHEARSAL_BIN    the program
# INPUT_BASELINE, INPUT_CHALLENGER, INPUT_GATE, INPUT_PERSONAS, INPUT_CARD   as the options of
#                  `rehearsal promote-check`; empty is the program's default
# INPUT_INCONCLUSIVE   fail (default) or pass
# INPUT_OUT        folder for the reports
# GITHUB_OUTPUT    where `verdict`, `reason` and `out` are written; set by GitHub
set -euo pipefail

fail() {
    printf '::error title=rehearsal::%s\n' "$1"
    exit 2
}

for tool in jq tr; do
    command -v "$tool" >/dev/null || fail "this action needs $tool on the runner"
done
[[ -n ${GITHUB_OUTPUT:-} ]] || fail "GITHUB_OUTPUT is not set: this script runs as a step of GitHub Actions"
[[ -x ${REHEARSAL_BIN:-} ]] || fail "the program was not built"

out=${INPUT_OUT:-rehearsal-report}
# A name that begins with a dash is a name all the same, to every program below.
case $out in -*) out=./$out ;; esac
# A verdict of an earlier run must not be taken for this one's.
rm -f -- "$out/verdict.json"

arguments=("--out=$out" "--inconclusive=${INPUT_INCONCLUSIVE:-fail}")
add() {
    if [[ -n $2 ]]; then arguments+=("--$1=$2"); fi
}
add baseline "${INPUT_BASELINE:-}"
add challenger "${INPUT_CHALLENGER:-}"
add gate "${INPUT_GATE:-}"
add personas "${INPUT_PERSONAS:-}"
add card "${INPUT_CARD:-}"

code=0
"$REHEARSAL_BIN" promote-check "${arguments[@]}" || code=$?

if [[ -f $out/verdict.json ]]; then
    # One line each: a name with a line break in it must not become an output of its own.
    field() { jq --join-output ".$1" "$out/verdict.json" | tr '\r\n' '  '; }
    {
        printf 'verdict=%s\n' "$(field verdict)"
        printf 'reason=%s\n' "$(field reason)"
        printf 'out=%s\n' "$(printf '%s' "$out" | tr '\r\n' '  ')"
    } >>"$GITHUB_OUTPUT"
fi
exit "$code"
