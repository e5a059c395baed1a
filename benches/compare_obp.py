#!/usr/bin/env python3
"""How long `rehearsal evaluate`, the Python package `obp` 0.5.7 and the csv crate take for the same rows.

    benches/compare_obp.py [--copies 100]

Rows: the Open Bandit sample bts/all (scripts/fetch_obd.py), repeated. `evaluate` and `obp` read the same CSV and
estimate the uniform policy's value with the nine estimators that they share, hyperparameters selected by the same
rule from 12 values each; a third run has all eleven of `evaluate`. The csv crate only reads the rows. Times are on one
core: CPU seconds of `evaluate` as a whole process, and of `obp` without its imports. Makes a virtual environment
in target/compare_obp with what `obp` needs from PyPI, and writes benches/results/obp.md and .json.
"""

import argparse
import importlib.abc
import importlib.machinery
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import types
from pathlib import Path

from machine import BINARY, ROOT, build, inside, machine

sys.path.insert(0, str(ROOT / "scripts"))
import fetch_obd  # noqa: E402

VENV = ROOT / "target" / "compare_obp"
RESULTS = ROOT / "benches" / "results"
PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "pandas==3.1.1", "pyyaml==6.0.3", "tqdm==4.70.1"]
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


SHARED = "ips snips direct_method doubly_robust self_normalized_doubly_robust switch_doubly_robust".split()
SHARED += "doubly_robust_optimistic_shrinkage sub_gaussian_ips sub_gaussian_doubly_robust".split()


def by_rehearsal(path: Path, estimators: list) -> float:
    command = [str(BINARY), "evaluate", str(path), "--policy", "uniform"]
    command += ["--reward-model", "item-mean"] if estimators else []
    for name in estimators:
        command += ["--estimator", name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def by_csv_crate(path: Path) -> list:
    command = ["cargo", "run", "--release", "--locked", "--quiet", "--manifest-path", str(ROOT / "benches/yardsticks/Cargo.toml"), "--bin", "read_csv", str(path)]
    out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(line) for line in out.split()]


def unpacked_obp() -> Path:
    """The source package, unpacked: it names old Python versions, and is not installed."""
    if not (VENV / "obp-0.5.7").exists():
        with tempfile.TemporaryDirectory() as folder, tarfile.open(fetch_obd.download(Path(folder))) as archive:
            archive.extractall(VENV, filter="data")
    return VENV / "obp-0.5.7"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--copies", type=int, default=100)
    options = parser.parse_args()
    versions = inside(VENV, PACKAGES)
    program = build()
    subprocess.run([sys.executable, ROOT / "scripts" / "fetch_obd.py"], check=True)
    sys.path.insert(0, str(unpacked_obp()))
    header, *lines = (ROOT / "data/obd/bts/all.csv").read_text().splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w") as out:
            out.write(header)
            for _ in range(options.copies):
                out.writelines(lines)
        seconds = {
            "the csv crate, reading": by_csv_crate(path),
            "`evaluate`, nine estimators": [by_rehearsal(path, SHARED) for _ in range(5)],
            "`evaluate`, all estimators": [by_rehearsal(path, []) for _ in range(5)],
            "`obp`, nine estimators": [by_obp(path)],
        }
    read, nine, whole, theirs = (statistics.median(values) for values in seconds.values())
    table = ["| | CPU seconds on one core |", "| --- | ---: |"]
    table += [f"| {name} | {statistics.median(values):.2f} |" for name, values in seconds.items()]
    rows = options.copies * len(lines)
    (RESULTS / "obp.md").write_text("\n".join([
        "# Judging a log beside obp",
        "",
        f"Written by `benches/compare_obp.py`: {rows:,} rows of the Open Bandit format, the sample bts/all repeated.",
        "Medians of 5, of `obp` 1.",
        "",
        *table,
        "",
        f"- All estimators, bootstrap aside, take {whole / read:.2f} times what the csv crate takes to read; the aim is 2.",
        f"- The nine that `obp` has too are {theirs / nine:.0f} times as fast as there; the aim is 50.",
        f"- Machine: {machine()}.",
        f"- Program: {program}. obp 0.5.7, " + ", ".join(f"{n} {v}" for n, v in sorted(versions.items())) + ".",
        "",
    ]))
    every = {"rows": rows, "program": program, "versions": versions, "seconds": seconds}
    (RESULTS / "obp.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
