#!/bin/sh
# Puts the parts in PARTS together, into the folder PARTS/result; names the blocks that are missing.
set -eu
exec rehearsal merge "$PARTS"/*.json --out "$PARTS/result"
