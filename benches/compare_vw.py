#!/usr/bin/env python3
"""Progressive loss of our policies and of Vowpal Wabbit on labelled tables, on the same rows in the same order.

    benches/compare_vw.py [--orders 10]

Makes a virtual environment in target/compare_vw with Vowpal Wabbit and scikit-learn from PyPI, builds the release
binary, writes the tables that ship with scikit-learn (scripts/export_tables.py), shuffles the rows of each so many
times, runs everything on each order, and writes benches/results/progressive.md and .json. A row's class is to be
guessed: reward 1 for the right one, and nothing is said of the others. What is random in the choices comes from the
order's number.
"""

import argparse
import csv
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import BINARY, ROOT, build, inside, machine

VENV = ROOT / "target" / "compare_vw"
PACKAGES = ["vowpalwabbit==9.11.9", "scikit-learn==1.9.1"]
RESULTS = ROOT / "benches" / "results"
TABLES = ["digits", "iris", "wine", "breast_cancer"]
# Policy files written for it, by explorer.
POLICIES = {"egreedy-by-class": "egreedy", "linucb-by-class": "linucb"}
# How the rows are put to Vowpal Wabbit, all with `--cb_explore_adf` and nothing else but what is named.
WAYS = {
    "columns in each action": "",
    "shared columns": "",
    "shared columns, `-q sa`": "-q sa",
}


def quartiles(column: list) -> list:
    """The quartiles of the different ones of these numbers."""
    different = sorted(set(column))
    return [different[int(share * (len(different) - 1) + 0.5)] for share in (0.25, 0.5, 0.75)]


def scale(column: list) -> list:
    """Numbers in [-1, 1]: moved into the middle where 0 is not between them; what is far from all others is at the end."""
    different = sorted(set(column))
    low, high = different[0], different[-1]
    bottom, top = (different[int(share * (len(different) - 1) + 0.5)] for share in (0.05, 0.95))
    reach = 10.0 * (top - bottom)
    if reach > 0.0:
        near = [x for x in different if bottom - reach <= x <= top + reach]
        low, high = near[0], near[-1]
    moved = (low > 0.0 or high < 0.0) and low < high
    middle, half = ((low + high) / 2, (high - low) / 2) if moved else (0.0, max(abs(low), abs(high)))
    return [max(-1.0, min(1.0, (max(low, min(high, x)) - middle) / half)) for x in column] if half else column


def scaled_column(column: list) -> list:
    """A column as `rehearsal simulate --data` has it: scaled, and by its logarithm where it is skewed."""
    first = scale(column)
    low, _, high = quartiles(first)
    if high <= low or high - low >= 0.1:
        return first
    if min(column) >= 0.0 or max(column) <= 0.0:
        middle, unit = 0.0, quartiles([abs(x) for x in column if x])[0]
    else:
        low, middle, high = quartiles(column)
        unit = (high - low) / 2
    return scale([math.copysign(math.log1p(abs(x - middle) / unit), x - middle) for x in column])


def scaled(rows: list) -> list:
    """Each column as our policies see it, so that Vowpal Wabbit is given the same."""
    return [list(row) for row in zip(*(scaled_column(list(column)) for column in zip(*rows)))]


def example(way: str, columns: str, classes: list, cost: tuple | None = None) -> list:
    """The lines of one row; `cost` is of the chosen class: its index, its cost, and how probable it was."""
    labels = ["" if cost is None or cost[0] != k else f"0:{cost[1]}:{cost[2]} " for k in range(len(classes))]
    if way == "columns in each action":
        return [f"{label}|{name} {columns}" for label, name in zip(labels, classes)]
    return [f"shared |s {columns}", *[f"{label}|a {name}" for label, name in zip(labels, classes)]]


def by_vw(way: str, seed: int, rows: list, labels: list, classes: list) -> float:
    """The share of wrong choices in one pass."""
    from vowpalwabbit import Workspace

    vw = Workspace(f"--cb_explore_adf --quiet --random_seed {seed} {WAYS[way]}")
    luck, wrong = random.Random(seed), 0
    for row, label in zip(rows, labels):
        columns = " ".join(f"x{i}:{value}" for i, value in enumerate(row))
        probabilities = vw.predict(example(way, columns, classes))
        chosen = luck.choices(range(len(classes)), probabilities)[0]
        cost = int(classes[chosen] != label)
        wrong += cost
        vw.learn(example(way, columns, classes, (chosen, cost, probabilities[chosen])))
    vw.finish()
    return wrong / len(rows)


def by_rehearsal(folder: Path, seed: int) -> dict:
    command = [BINARY, "simulate", "--data", "table.csv", "--label", "class", "--in-order", "--seed", str(seed), "--json"]
    for explorer in POLICIES.values():
        command += ["--policy", f"{explorer}.toml"]
    out = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {p["policy"]: p["progressive_loss"] for p in json.loads(out)["policies"]}


def losses(name: str, orders: int, folder: Path) -> dict:
    """The losses of each contender on one table, order by order."""
    header, *lines = csv.reader((ROOT / "data" / "tables" / f"{name}.csv").open())
    rows, labels = scaled([list(map(float, line[:-1])) for line in lines]), [line[-1] for line in lines]
    classes = sorted(set(labels))
    found = {contender: [] for contender in [*POLICIES, *WAYS]}
    for order in range(orders):
        turn = list(range(len(lines)))
        random.Random(order).shuffle(turn)
        with (folder / "table.csv").open("w") as out:
            csv.writer(out).writerows([header, *(lines[i] for i in turn)])
        for policy, loss in by_rehearsal(folder, order).items():
            found[policy].append(loss)
        for way in WAYS:
            found[way].append(by_vw(way, order, [rows[i] for i in turn], [labels[i] for i in turn], classes))
    return found


def interval(values: list) -> tuple:
    """Mean, and half the width of Student's interval, 95%."""
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return statistics.mean(values), half


def shown(values: list) -> str:
    mean, half = interval(values)
    return f"{mean:.4f} ± {half:.4f}"


def lines_of(results: dict) -> list:
    contenders = [*POLICIES, *[f"VW, {way}" for way in WAYS]]
    lines = ["| | " + " | ".join(contenders) + " |", "| --- |" + " ---: |" * len(contenders)]
    for name, found in results.items():
        lines.append(f"| {name} | " + " | ".join(shown(found[c]) for c in [*POLICIES, *WAYS]) + " |")
    lines += ["", "Ours minus Vowpal Wabbit's, order by order; below 0 ours is better:", ""]
    pairs = [(policy, way) for policy in POLICIES for way in WAYS]
    lines += ["| | " + " | ".join(f"{p} − VW, {w}" for p, w in pairs) + " |", "| --- |" + " ---: |" * len(pairs)]
    for name, found in results.items():
        differences = [shown([a - b for a, b in zip(found[p], found[w])]) for p, w in pairs]
        lines.append(f"| {name} | " + " | ".join(differences) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--orders", type=int, default=10)
    options = parser.parse_args()
    versions = inside(VENV, PACKAGES)
    program = build()
    subprocess.run([sys.executable, ROOT / "scripts" / "export_tables.py"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, explorer in POLICIES.items():
            text = f'name = "{name}"\nexplorer = "{explorer}"\nfeatures = "v1"\nstructure = "disjoint"\n'
            (Path(folder) / f"{explorer}.toml").write_text(text)
        results = {name: losses(name, options.orders, Path(folder)) for name in TABLES}
    table = lines_of(results)
    (RESULTS / "progressive.md").write_text("\n".join([
        "# Progressive loss beside Vowpal Wabbit",
        "",
        "Written by `benches/compare_vw.py`. Share of wrong choices while learning, each row decided before it is",
        f"learned from: mean of {options.orders} orders of the rows, the same for everybody, with Student's interval (95%).",
        "Columns are scaled as `simulate --data` scales them, for both. Ours: `disjoint`, everything else as it is by default (epsilon",
        "0.1). Vowpal Wabbit: `--cb_explore_adf` with its default settings (epsilon 0.05), and the row put to it in",
        "three ways. With shared columns and no `-q` it cannot tell rows apart; it is what its defaults say.",
        "",
        *table,
        "",
        f"- Machine: {machine()}.",
        f"- Program: {program}. " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
        "",
    ]))
    every = {"program": program, "versions": versions, "losses": results}
    (RESULTS / "progressive.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
