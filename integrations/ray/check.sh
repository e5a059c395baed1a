#!/usr/bin/env bash
# Tests the adapter on a real local Ray cluster of several nodes, one of which is killed during a run. Needs Python, and
# `rehearsal` on PATH or in REHEARSAL. Nothing stays behind.
set -euo pipefail
. "$(dirname "$0")/../workshop.sh"
# Setuptools writes beside the sources, and theirs are not to be touched; it is pinned like the rest.
cp -r "$here" adapter
venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation ./adapter
REHEARSAL=$rehearsal venv/bin/python -m unittest discover --start-directory adapter/tests --verbose
echo "ray: ok"
