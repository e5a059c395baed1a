#!/usr/bin/env bash
# LiteLLM's proxy for the tests, in data/litellm, from PyPI: the versions and hashes of scripts/litellm.txt and no others
# (releases 1.82.7 and 1.82.8 were compromised). Takes a minute or so.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -x data/litellm/bin/litellm ]; then exit 0; fi
mkdir -p data
rm -rf data/litellm
python3 -m venv data/litellm
data/litellm/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r scripts/litellm.txt
