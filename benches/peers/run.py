#!/usr/bin/env python3
"""Decisions per second of other packages and of ours, on one machine, in one run.

    benches/peers/run.py [--rounds 5] [--scale 1.0]

Makes a virtual environment in target/peers, installs the packages of requirements.txt from PyPI, builds
the release binary, runs everything once per round, in turn, and writes the medians with their ratios to
benches/results/peers.md, and every measurement to peers.json beside it. `contenders.py` is the workload.
Needs Python 3.11 or newer; for numbers worth keeping, a machine that does nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from machine import BINARY, ROOT, build, busy, install, machine  # noqa: E402

RESULTS = ROOT / "benches" / "results"
VENV = ROOT / "target" / "peers"
PYTHON = VENV / "bin" / "python"

# Name, users, and what it says in the table. Users are as many as take about two seconds.
PEERS = [
    ("mabwiser", 30, "MABWiser", "one thread"),
    ("coba", 60, "coba", "one thread"),
    ("vw_python", 120, "Vowpal Wabbit from Python", "one thread"),
    ("river", 200, "river", "one thread"),
    ("numpy_loop", 500, "NumPy, a loop", "one thread"),
    ("vw_log", 1000, "Vowpal Wabbit reading a log", "a thread that parses, one that learns"),
    ("numpy_vectorised", 5000, "NumPy over 1,000 users", "one thread"),
    ("numba", 20000, "Numba, `prange`", "all cores"),
]
OURS = [
    ("ours_one_thread", ["--policy", "egreedy-v2", "--threads", "1"], "ours, `egreedy-v2`", "one thread"),
    ("ours_v2", ["--policy", "egreedy-v2"], "ours, `egreedy-v2`", "all cores"),
    ("ours", ["--policy", "egreedy-v1", "--policy", "egreedy-v2"], "ours, `egreedy-v1` and `egreedy-v2`", "all cores"),
]
# Which of the peers the targets are about, and how many times as fast ours is to be.
TARGETS = {"numba": 10, "vw_log": 100, "numpy_vectorised": 40}


def environment() -> dict:
    """Some machines ask an older OpenBLAS to be careful, which slows a current one down."""
    return {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


def blas() -> str:
    """The linear algebra that NumPy uses."""
    ask = "import json, numpy, threadpoolctl; print(json.dumps(threadpoolctl.threadpool_info()))"
    info = subprocess.run([PYTHON, "-c", ask], env=environment(), check=True, capture_output=True, text=True).stdout
    one = json.loads(info)[0]
    return f"{one['internal_api']} {one['version']} ({one.get('architecture', '?')})"


def peer(name: str, users: int) -> dict:
    command = [PYTHON, HERE / "contenders.py", name, str(users)]
    return json.loads(subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout)


def ours(args: list, users: int) -> dict:
    """The whole process from start to end, with all that `simulate --json` does."""
    command = [BINARY, "simulate", "steady", "--users", str(users), "--json", *args]
    start = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"decisions": json.loads(out)["decisions"], "seconds": time.perf_counter() - start}


def rate(run: dict) -> float:
    return run["decisions"] / run["seconds"]


def rounded(value: float) -> str:
    """Three digits, with thousands marked."""
    digits = len(str(int(value)))
    return f"{round(value, 3 - digits):,.0f}" if digits > 3 else f"{value:.3g}"


def faster(runs: dict, name: str) -> float:
    """How many times as fast ours is: the median over the rounds, since a round has one kind of weather."""
    return statistics.median(rate(ours) / rate(other) for ours, other in zip(runs["ours"], runs[name]))


def table(runs: dict) -> list:
    """One line per contender: median, spread, and how many times as fast ours is."""
    lines = [
        "| | runs on | decisions per second | range | ours is faster by |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    labels = {name: (label, threads) for name, _, label, threads in PEERS + OURS}
    for name, (label, threads) in labels.items():
        rates = sorted(map(rate, runs[name]))
        ratio = "" if name.startswith("ours") else f"{rounded(faster(runs, name))} x"
        spread = f"{rounded(rates[0])} to {rounded(rates[-1])}"
        lines.append(f"| {label} | {threads} | {rounded(statistics.median(rates))} | {spread} | {ratio} |")
    return lines


def report(runs: dict, versions: dict, about: list) -> str:
    words = {name: label for name, _, label, _ in PEERS}
    goals = [
        f"- {words[name]}: {faster(runs, name):.1f} times; the aim is {aim}."
        for name, aim in TARGETS.items()
    ]
    return "\n".join([
        "# Beside other packages",
        "",
        "Written by `benches/peers/run.py`; run it again on your machine. The last column is how many times as fast the",
        "last line is: the median over the rounds.",
        "",
        *table(runs),
        "",
        *goals,
        "",
        *[f"- {line}" for line in about],
        "- Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
        "",
        "## What is compared",
        "",
        "The peers: 10 candidates, D = 12 uniform features, epsilon-greedy with epsilon 0.1, one ridge model per user",
        "with lambda 1, learned from after each of a user's 200 decisions, and a reward of 0 or 1 with probability",
        "sigma(w.x). Only the loop is timed: no import, no compilation. All that is random is drawn in one go where the",
        "package leaves a choice. Where they differ:",
        "",
        "- MABWiser is used with a single arm, since its arms do not share a model; epsilon is applied around it. With",
        "  ten arms, as its documentation has it, it is some ten times slower.",
        "- coba is its LinUCB with alpha = 0, epsilon applied around it. Its `Experiment` makes less than half as many.",
        "- river is its Bayesian linear regression, which is ridge regression, epsilon applied around it.",
        "- Vowpal Wabbit learns by gradient descent, which is less work than ridge. From Python it has one workspace per",
        "  user; reading a log there is one model for all users, and nobody decides or reacts.",
        "- NumPy and Numba are loops written for this comparison, and do this and nothing else. NumPy over 1,000 users",
        "  is fastest where many users take their steps in time with each other.",
        "",
        "Ours: `rehearsal simulate steady`, the whole process from its start to the end of its output, 10 candidates and",
        "200 decisions too. It does more: eight personas with tastes and spreads of their own; moments, due dates and",
        "hours; reactions of four kinds from sequential logits, with fatigue; profiles that emerge from the user's own",
        "past; dwell times; regret against an oracle; records per user, exact sums with intervals, learning curves by",
        "step; random streams per user and purpose that make both policies meet the same luck; the same bytes for any",
        "number of threads and any processor. And it does less in one place: a candidate is drawn from one random word,",
        "as attributes in tables, where the peers draw eleven numbers each. `egreedy-v1` looks at D = 7 of the dimensions,",
        "`egreedy-v2` at all 12.",
        "",
    ])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of users; below 1 to try it out")
    options = parser.parse_args()
    packages = [line for line in (HERE / "requirements.txt").read_text().splitlines() if "==" in line]
    versions, version = install(VENV, packages), build()
    load = busy()
    runs = {name: [] for name, *_ in PEERS + OURS}
    for number in range(options.rounds):
        for name, users, *_ in PEERS:
            runs[name].append(peer(name, max(2, int(users * options.scale))))
        for name, args, *_ in OURS:
            runs[name].append(ours(args, max(64, int(8000 * options.scale))))
        shown = ", ".join(f"{name} {rounded(rate(rs[-1]))}" for name, rs in runs.items())
        print(f"round {number + 1} of {options.rounds}: {shown}", file=sys.stderr)
    about = [
        f"Medians of {options.rounds} rounds, in each of which everything ran once, in turn; load before the first: {load:.1f}.",
        f"Machine: {machine()}.",
        f"Program: {version}. Linear algebra of NumPy: {blas()}. Python {sys.version.split()[0]}.",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "peers.md").write_text(report(runs, versions, about))
    every = {"about": about, "versions": versions, "runs": runs}
    (RESULTS / "peers.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join(table(runs)))


if __name__ == "__main__":
    main()
