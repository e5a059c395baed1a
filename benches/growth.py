#!/usr/bin/env python3
"""How the cost of a run grows with its size: no line may grow faster than its work.

    benches/growth.py [--rounds 5] [--scale 1.0] [--million]

Builds the release binary, runs every line once per round, in turn, and writes medians to
benches/results/growth.md and every measurement to growth.json beside it. Growth is that of processor time,
which other processes disturb less than the clock; decisions per second are by the clock. `--million` adds
the line of a million users, which takes minutes and, for a while, some gigabytes of the temporary folder.
Needs Python 3.10 or newer and Linux.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from machine import BINARY, ROOT, build, busy, machine

RESULTS = ROOT / "benches" / "results"
ONE_POLICY = ["--policy", "egreedy-v2"]
CANDIDATES = 10
# A line may cost this much more than its work before it is said to grow faster.
NOISE = 1.1


@dataclass
class Line:
    """One run: what it is called, its arguments, its decisions, and its work in any unit of the group's."""

    label: str
    args: list
    decisions: float
    work: float


@dataclass
class Group:
    """Runs that differ in one thing. From line to line cost may grow as the work does; or, where nothing grows, it
    may be `at_most` times the first line's."""

    title: str
    what: str
    lines: list
    at_most: float | None = None


def people(users: int, *more, policies=1, steps=200) -> tuple:
    """Arguments and decisions of a run of `steady`, or of the scenario that `more` begins with."""
    scenario, *more = more or ("steady",)
    policy = [] if "--policy" in more else ONE_POLICY
    args = ["simulate", scenario, *policy, *more, "--users", str(users), "--steps", str(steps)]
    return args, users * 8 * steps * policies


def table_of(dims: int, scale: float, folder: Path) -> Line:
    """A table of 10 classes and `dims` dimensions, of which a constant is one, under one model per class."""
    rng, rows, orders = random.Random(dims), 2000, max(1, round(50 * scale))
    path = folder / f"table{dims}.csv"
    with path.open("w") as file:
        print(*[f"x{i}" for i in range(dims - 1)], "class", sep=",", file=file)
        for _ in range(rows):
            x = [rng.random() for _ in range(dims - 1)]
            print(*[f"{v:.3f}" for v in x], f"c{max(range(10), key=lambda i: x[i % (dims - 1)] + rng.random())}", sep=",", file=file)
    policy = folder / "disjoint.toml"
    policy.write_text('name = "disjoint"\nexplorer = "egreedy"\nfeatures = "v1"\nstructure = "disjoint"\n')
    args = ["simulate", "--data", str(path), "--label", "class", "--policy", str(policy), "--orders", str(orders)]
    # Ten scores, and learning: A^-1 x, then both triangles.
    return Line(f"D = {dims}", args, rows * orders, 10 * dims + 2 * dims * dims)


def groups(folder: Path, scale: float) -> list:
    users = max(64, round(2000 * scale))
    copies = []
    for i in range(4):
        path = folder / f"copy{i}.toml"
        path.write_text(f'name = "copy{i}"\nexplorer = "egreedy"\nfeatures = "v2"\n')
        copies += ["--policy", str(path)]

    def offering(count: int) -> str:
        path = folder / f"offer{count}.toml"
        path.write_text(f'name = "offer"\ndescription = "x"\nsteps = 200\n[candidates]\ncount = {count}\n')
        return str(path)

    def line(label: str, run: tuple, work: float) -> Line:
        return Line(label, *run, work)

    explorers = ["egreedy-v2", "linucb-v2", "lints-v2", "squarecb-v2"]
    return [
        Group("Users", "Users of each persona", [line(f"{n * users:,}", people(n * users), n) for n in (1, 2, 4)]),
        Group("Steps", "Decisions of each user", [line(f"{n * 200}", people(users, steps=n * 200), n) for n in (1, 2, 4)]),
        Group("Policies", "Policies that meet the same people",
              [line(str(n), people(users, "steady", *copies[: 2 * n], policies=n), n) for n in (1, 2, 4)]),
        Group("Candidates", "Candidates in each decision",
              [line(str(k), people(users, offering(k)), k) for k in (2, 5, 10, 20, 50, 100)]),
        Group("Dimensions, people", "Dimensions of a model that 10 candidates share",
              [line(f"D = {d}", people(users, "steady", "--policy", p), CANDIDATES * d + 2 * d * d)
               for d, p in ((7, "egreedy-v1"), (12, "egreedy-v2"))]),
        Group("Dimensions, tables", "Dimensions of one model for each of 10 classes: `simulate --data`",
              [table_of(d, scale, folder) for d in (7, 12, 64)]),
        Group("Explorers", "At D = 12; the aim is 3 times epsilon-greedy",
              [line(p.split("-")[0], people(users, "steady", "--policy", p), 1) for p in explorers], at_most=3),
    ]


def measure(args: list) -> dict:
    """Seconds by the clock, processor seconds, and the peak of memory, sampled, of one run."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen([BINARY, *args, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    status = Path(f"/proc/{process.pid}/status")
    while True:
        pid, code, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        # The kernel's own figure also counts what this script had in memory when it forked.
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), "")
        peak = max(peak, int(line.split()[1]) if line else 0)
        time.sleep(0.005)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, args))}: {process.stderr.read().decode()}")
    process.stderr.close()
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": peak / 1024}


def median(runs: list, key) -> float:
    return statistics.median(map(key, runs))


def growth_table(group: Group, runs: list, faults: list) -> list:
    """One line per run, its cost relative to that of the line above, or to the first's, in the same round."""
    against, limit = ("the first line's", "at most") if group.at_most else ("the line above", "work")
    out = [
        f"## {group.title}",
        "",
        f"{group.what}.",
        "",
        f"| | decisions per second | cost, times {against} | {limit} | |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for i, (line, mine) in enumerate(zip(group.lines, runs)):
        rate = median(mine, lambda r: line.decisions / r["seconds"])
        cells = ["", "", ""]
        if i > 0:
            base = 0 if group.at_most else i - 1
            cost = statistics.median(a["cpu"] / b["cpu"] for a, b in zip(mine, runs[base]))
            allowed = group.at_most or line.work / group.lines[base].work
            within = cost <= (allowed if group.at_most else NOISE * allowed)
            beyond = "beyond" if group.at_most else "faster than its work"
            cells = [f"{cost:.2f}", f"{allowed:.2f}", "within" if within else beyond]
            if not within:
                faults.append(f"{group.title}, {line.label}: {cost:.2f} times, {allowed:.2f} allowed")
        out.append(f"| {line.label} | {rate:,.0f} | {' | '.join(cells)} |")
    return [*out, ""]


def at_once(args: list, programs: int) -> float:
    """Seconds until so many programs that run at the same time have ended."""
    start = time.perf_counter()
    running = [subprocess.Popen([BINARY, *args, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(programs)]
    if any([process.wait() for process in running]):
        sys.exit(f"{' '.join(map(str, args))}: failed")
    return time.perf_counter() - start


def threads_table(rounds: int, users: int) -> list:
    both = ["--policy", "egreedy-v1", "--policy", "egreedy-v2"]
    args = {n: people(users, "steady", *both, "--threads", str(n), policies=2) for n in (1, 2)}
    decisions = args[1][1]
    rates = {"1": [], "2": [], "1, in each of two programs at once": []}
    for _ in range(rounds):
        one, two = (measure(args[n][0])["seconds"] for n in (1, 2))
        rounds_rates = (decisions / one, decisions / two, 2 * decisions / at_once(args[1][0], 2))
        for all_rates, rate in zip(rates.values(), rounds_rates):
            all_rates.append(rate)
    out = [
        "## Threads",
        "",
        "By the clock; the aim is 1.9. Two programs at once share neither memory nor locks: where they together are no",
        "faster than two threads, the machine bounds both.",
        "",
        "| threads | decisions per second | times the first's |",
        "| --- | ---: | ---: |",
    ]
    for label, mine in rates.items():
        times = statistics.median(rate / first for rate, first in zip(mine, rates["1"]))
        out.append(f"| {label} | {statistics.median(mine):,.0f} | {times:.2f} |")
    return [*out, ""]


def memory_table(million: bool, folder: Path) -> list:
    """Once each: memory is not noisy."""
    out = [
        "## Memory",
        "",
        "Peak, sampled, of `simulate steady` with one policy and 10 steps; with `--out` the users are written to",
        "`users.csv` and `records.jsonl`. The aim is 200 MiB at a million users of each persona.",
        "",
        "| users of each persona | printed only | with `--out` |",
        "| ---: | ---: | ---: |",
    ]
    for users in [10_000, 100_000, *([1_000_000] if million else [])]:
        args, _ = people(users, steps=10)
        printed = measure(args)["peak_mib"]
        into = folder / f"out{users}"
        written = measure([*args, "--out", str(into)])["peak_mib"]
        shutil.rmtree(into)
        out.append(f"| {users:,} | {printed:.0f} MiB | {written:.0f} MiB |")
    return [*out, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of users and orders; below 1 to try it out")
    parser.add_argument("--million", action="store_true", help="memory at a million users of each persona, too")
    options = parser.parse_args()
    version, load = build(), busy()
    every, faults, text = {}, [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for group in groups(folder, options.scale):
            runs = [[] for _ in group.lines]
            for _ in range(options.rounds):
                for line, mine in zip(group.lines, runs):
                    mine.append(measure(line.args))
            every[group.title] = {line.label: mine for line, mine in zip(group.lines, runs)}
            text += growth_table(group, runs, faults)
            print(group.title, file=sys.stderr)
        text += threads_table(options.rounds, max(64, round(4000 * options.scale)))
        text += memory_table(options.million, folder)
    head = [
        "# How cost grows",
        "",
        "Written by `benches/growth.py`; run it again on your machine. Cost is processor time. Work is the number of",
        "users, steps, policies or candidates; of dimensions 10 D + 2 D^2, ten scores and what learning adds up. A line",
        f"whose cost has grown more than {NOISE} times as much as its work, from the line above, grows faster than it.",
        "",
        *([f"- {fault}" for fault in faults] or ["No line grows faster than its work."]),
        "",
        f"- Medians of {options.rounds} rounds; load before the first: {load:.1f}.",
        f"- Machine: {machine()}.",
        f"- Program: {version}.",
        "",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "growth.md").write_text("\n".join([*head, *text]))
    (RESULTS / "growth.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join([*head, *text]))


if __name__ == "__main__":
    main()
