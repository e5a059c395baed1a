#!/usr/bin/env bash
# Builds the wheel from a clean clone of what is committed, installs it where nothing else is, and tests it there. Needs Rust, a C
# compiler, git and Python; nothing stays behind. With WHEEL=FILE that wheel is tested, and none is built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# pytest keeps the folders of its last runs.
export TMPDIR=$work
wheel=${WHEEL:-$("$here/build.sh" "$work/build")}
wheel=$(realpath "$wheel")
# From elsewhere, so that what is imported is what was installed.
cp -r "$here/tests" "$here/pyproject.toml" "$work"
cd "$work"
python3 -m venv venv
PATH="$work/venv/bin:$PATH"
unset REHEARSAL PYTHONPATH
pip install --quiet --disable-pip-version-check "$wheel"
# It runs by itself, without a data frame in sight.
python -m rehearsal list policies > policies.txt
rehearsal list policies | cmp - policies.txt
python -c 'import rehearsal; assert isinstance(rehearsal.frame([{"a": 1}]), list)'
pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
python -m pytest --quiet tests
mypy --strict --package rehearsal
mypy tests
echo "python: ok"
