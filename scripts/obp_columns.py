#!/usr/bin/env python3
"""Prints the numbers that tests/evaluation/columns.rs holds `--columns probability:NAME=COLUMN` against: those of the
Open Bandit Pipeline (obp 0.5.7, Saito et al. 2021) for a log that both make. Its estimators are used alone, so that torch,
which they do not need for this, need not be there:

    python3 -m venv target/obp
    target/obp/bin/pip install numpy scikit-learn pandas scipy
    target/obp/bin/pip install --no-deps --ignore-requires-python obp==0.5.7
    target/obp/bin/python scripts/obp_columns.py
"""
import sys
import types

import numpy as np

torch = types.ModuleType("torch")
torch.Tensor = torch.tensor = type("Tensor", (), {})
sys.modules["torch"] = torch
site = next(path for path in sys.path if "site-packages" in path)
for name in ("obp", "obp.ope"):
    package = types.ModuleType(name)
    package.__path__ = [site + "/" + name.replace(".", "/")]
    sys.modules[name] = package
from obp.ope.estimators import (  # noqa: E402
    InverseProbabilityWeighting,
    SelfNormalizedInverseProbabilityWeighting,
    SubGaussianInverseProbabilityWeighting,
)

n = 400
i = np.arange(n)
action = (i * 7 + i // 3) % 4
probability = ((i * 37 + 11) % 97) / 100
# The package wants the probability of every action; only that of the chosen one counts here.
action_dist = np.zeros((n, 4, 1))
action_dist[i, action, 0] = probability
action_dist[i, (action + 1) % 4, 0] = 1 - probability
log = {
    "reward": ((i * i + 3 * action) % 11) / 10,
    "action": action,
    "action_dist": action_dist,
    "pscore": np.array([0.1, 0.2, 0.3, 0.4])[action],
    "position": np.zeros(n, int),
}
for name, estimator in {
    "ips": InverseProbabilityWeighting(),
    "snips": SelfNormalizedInverseProbabilityWeighting(),
    "clipped_ips:2": InverseProbabilityWeighting(lambda_=2.0),
    "sub_gaussian_ips:0.1": SubGaussianInverseProbabilityWeighting(lambda_=0.1),
}.items():
    print(name, repr(float(estimator.estimate_policy_value(**log))))
