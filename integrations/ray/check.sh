#!/usr/bin/env bash
# Tests the adapter on a real local Ray cluster of several nodes, one of which is killed during a run.
# Makes a virtual environment in target/ray, with Ray from PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --locked
python3 -m venv target/ray
target/ray/bin/pip install --quiet --disable-pip-version-check --editable integrations/ray
REHEARSAL="$PWD/target/release/rehearsal" \
    target/ray/bin/python -m unittest discover --start-directory integrations/ray/tests --verbose
