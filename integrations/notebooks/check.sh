#!/usr/bin/env bash
# Runs every notebook with the wheel, from a clean clone of what is committed; WHEEL=FILE is one that was built before. With a folder
# as its argument the notebooks are left there with their outputs, else nothing stays behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wheel=${WHEEL:-$("$here/../python/build.sh" "$work/build")}
python3 -m venv "$work/venv"
unset REHEARSAL PYTHONPATH
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel" --requirement "$here/requirements.txt"
"$work/venv/bin/python" "$here/run.py" "${1:-$work/out}"
echo "notebooks: ok"
