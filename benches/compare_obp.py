#!/usr/bin/env python3
"""How long `rehearsal evaluate` and the Python package `obp` 0.5.7 take for the same rows.

    benches/compare_obp.py [--copies 100] [--rehearsal target/release/rehearsal]

Rows: the Open Bandit sample bts/all (scripts/fetch_obd.py), repeated. Both read the same CSV and estimate
the uniform policy's value with the nine estimators that they share, hyperparameters selected by the same
rule from 12 values each. Times are CPU seconds on one core, of `obp` without its imports. Needs numpy,
scipy, scikit-learn, pandas, PyYAML and tqdm, and the unpacked source package on PYTHONPATH.
"""

import argparse
import importlib.abc
import importlib.machinery
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CAPS = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0]


class Anything(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


class StandIn(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """obp imports packages for learning and plotting; the estimators use none of them."""

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "pyieoe", "seaborn", "matplotlib"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def by_obp(path: Path) -> float:
    sys.meta_path.insert(0, StandIns())
    import numpy as np
    import pandas as pd
    from obp.ope import estimators as plain
    from obp.ope import estimators_tuning as tuned

    start = time.process_time()
    rows = pd.read_csv(path, index_col=0)
    action, reward = rows["item_id"].values, rows["click"].values
    n, items = len(action), action.max() + 1
    counts, clicks = np.bincount(action, minlength=items), np.bincount(action, weights=reward, minlength=items)
    model = (clicks + reward.mean()) / (counts + 1)
    log = {
        "reward": reward,
        "action": action,
        "pscore": rows["propensity_score"].values,
        "action_dist": np.full((n, items, 1), 1 / items),
        "estimated_rewards_by_reg_model": np.broadcast_to(model[None, :, None], (n, items, 1)).copy(),
    }
    inverse = [1 / c for c in CAPS]
    for estimator in [
        plain.InverseProbabilityWeighting(),
        plain.SelfNormalizedInverseProbabilityWeighting(),
        plain.DirectMethod(),
        plain.DoublyRobust(),
        plain.SelfNormalizedDoublyRobust(),
        tuned.SwitchDoublyRobustTuning(lambdas=list(CAPS), tuning_method="slope"),
        tuned.DoublyRobustWithShrinkageTuning(lambdas=[c * c for c in CAPS], tuning_method="slope"),
        tuned.SubGaussianInverseProbabilityWeightingTuning(lambdas=list(inverse), tuning_method="slope"),
        tuned.SubGaussianDoublyRobustTuning(lambdas=list(inverse), tuning_method="slope"),
    ]:
        estimator.estimate_policy_value(**log)
    return time.process_time() - start


def by_rehearsal(binary: Path, path: Path) -> float:
    names = "ips snips direct_method doubly_robust self_normalized_doubly_robust switch_doubly_robust "
    names += "doubly_robust_optimistic_shrinkage sub_gaussian_ips sub_gaussian_doubly_robust"
    command = [str(binary), "evaluate", str(path), "--policy", "uniform", "--reward-model", "item-mean"]
    for name in names.split():
        command += ["--estimator", name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--rehearsal", type=Path, default=ROOT / "target/release/rehearsal")
    options = parser.parse_args()
    header, *lines = (ROOT / "data/obd/bts/all.csv").read_text().splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w") as out:
            out.write(header)
            for _ in range(options.copies):
                out.writelines(lines)
        ours = sorted(by_rehearsal(options.rehearsal, path) for _ in range(5))
        theirs = by_obp(path)
    result = {"rows": options.copies * len(lines), "rehearsal_seconds": ours, "obp_seconds": theirs}
    print(json.dumps({**result, "times_faster_than_obp": theirs / ours[len(ours) // 2]}))


if __name__ == "__main__":
    main()
