#!/usr/bin/env bash
# Builds the wheel from a clean clone of what is committed, and prints where it is: build.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
git clone --quiet "$here/../.." "$1/clone"
python3 -m venv "$1/venv"
"$1/venv/bin/pip" --quiet --disable-pip-version-check wheel --no-deps --wheel-dir "$1" "$1/clone/integrations/python" >&2
echo "$1"/rehearsal-*.whl
