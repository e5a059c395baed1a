#!/bin/sh
# One part of a run, of TASKS parts in all: the blocks of this completion index. Arguments are those of
# `rehearsal simulate`, without --users, --blocks and --out.
#
#   USERS   users of each persona in the whole run
#   TASKS   how many parts there are; the Job's completions
#   PARTS   the folder for parts, which all pods share
set -eu

# Users come in blocks of 32; an even share of the blocks each, the same whoever asks.
blocks=$(((USERS + 31) / 32))
first=$((blocks * JOB_COMPLETION_INDEX / TASKS))
end=$((blocks * (JOB_COMPLETION_INDEX + 1) / TASKS))
if [ "$first" -eq "$end" ]; then
    echo "part $JOB_COMPLETION_INDEX: no block is left for it"
    exit 0
fi
# A part is put in place whole or not at all, so a pod that is run again does no harm.
exec rehearsal simulate "$@" --users "$USERS" --blocks "$first..$end" --out "$PARTS/$JOB_COMPLETION_INDEX.json"
