#!/usr/bin/env bash
# LiteLLM's proxy for the tests, in data/litellm, from PyPI: the versions and hashes of scripts/litellm.txt and no others
# (releases 1.82.7 and 1.82.8 were compromised). 280 MB, in a minute or so; does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
if cmp --silent scripts/litellm.txt data/litellm/installed.txt; then exit 0; fi
mkdir -p data
rm -rf data/litellm
python3 -m venv data/litellm
data/litellm/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --requirement scripts/litellm.txt
# Last, so that one that was broken off is done again.
cp scripts/litellm.txt data/litellm/installed.txt
