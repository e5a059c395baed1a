#!/usr/bin/env python3
"""What `rehearsal evaluate` costs: a plain CSV beside the csv crate, JSON on one core and on two, and the bootstrap.

    benches/logs.py [--rows 1000000]

One log of that many decisions among 20 items is written as a plain CSV and as Vowpal Wabbit's dsjson. The csv crate reads each
record of the CSV into a `ByteRecord` and does nothing with it; `evaluate` reads, checks and judges the policy `uniform`, in every
line of the table the same one. Turns are taken one after the other. Writes benches/results/logs.md and .json.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import BINARY, ROOT, build, machine

RESULTS = ROOT / "benches" / "results"
ITEMS = 20
TURNS = 5


def write(folder: Path, rows: int) -> tuple:
    draw = random.Random(1)
    weights = [draw.random() + 0.1 for _ in range(ITEMS)]
    shares = [round(weight / sum(weights), 6) for weight in weights]
    plain, lines = folder / "log.csv", folder / "log.json"
    actions = ",".join(f'{{"_tag":"item{k}"}}' for k in range(ITEMS))
    with plain.open("w") as csv, lines.open("w") as dsjson:
        csv.write("action,reward,propensity\n")
        for _ in range(rows):
            item = draw.choices(range(ITEMS), weights)[0]
            reward = int(draw.random() < 0.1 + item / 40)
            csv.write(f"item{item},{reward},{shares[item]}\n")
            dsjson.write(
                f'{{"_label_cost":{-reward},"_label_probability":{shares[item]},"_label_Action":{item + 1},"_labelIndex":{item},'
                f'"c":{{"_multi":[{actions}]}}}}\n'
            )
    return plain, lines


def evaluate(path: Path, threads: int, *more: str) -> tuple:
    """Seconds of wall and of processor time."""
    command = [str(BINARY), "evaluate", str(path), "--policy", "uniform", *more]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    pinned = ["taskset", "--cpu-list", ",".join(map(str, range(threads)))]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*pinned, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def by_csv_crate(reader: Path, path: Path) -> list:
    out = subprocess.run(["taskset", "--cpu-list", "0", reader, path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(line) for line in out.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--built", action="store_true", help="take the binaries that are there")
    options = parser.parse_args()
    yardsticks = ROOT / "benches" / "yardsticks"
    reader = yardsticks / "target" / "release" / "read_csv"
    if not (options.built and reader.exists()):
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--bin", "read_csv"], cwd=yardsticks, check=True)
    program = subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout.strip() if options.built else build()
    ways = {
        "plain CSV, ips, one core": ("csv", 1, ["--estimator", "ips"]),
        "plain CSV, all estimators, one core": ("csv", 1, []),
        "plain CSV, ips, bootstrap, one core": ("csv", 1, ["--estimator", "ips", "--interval", "bootstrap"]),
        "dsjson, ips, one core": ("json", 1, ["--estimator", "ips"]),
        "dsjson, ips, two cores": ("json", 2, ["--estimator", "ips"]),
    }
    with tempfile.TemporaryDirectory() as folder:
        plain, lines = write(Path(folder), options.rows)
        paths = {"csv": plain, "json": lines}
        read = by_csv_crate(reader, plain)
        took = {name: [] for name in ways}
        for _ in range(TURNS):
            for name, (form, threads, more) in ways.items():
                took[name].append(evaluate(paths[form], threads, *more))
        sizes = {form: path.stat().st_size for form, path in paths.items()}
    crate = statistics.median(read)
    wall = {name: statistics.median(w for w, _ in turns) for name, turns in took.items()}
    cpu = {name: statistics.median(c for _, c in turns) for name, turns in took.items()}
    ips, whole, bootstrap, one, two = ways
    table = ["| | seconds | of a processor | times the csv crate |", "| --- | ---: | ---: | ---: |"]
    table += [f"| the csv crate, reading the plain CSV into a `ByteRecord`, one core | | {crate:.3f} | 1 |"]
    for name in ways:
        times = f"{cpu[name] / crate:.1f}" if ways[name][0] == "csv" else ""
        table.append(f"| `evaluate`, {name} | {wall[name]:.2f} | {cpu[name]:.2f} | {times} |")
    (RESULTS / "logs.md").write_text("\n".join([
        "# Reading and judging a log",
        "",
        f"Written by `benches/logs.py`: {options.rows:,} decisions among {ITEMS} items, as a plain CSV of {sizes['csv'] / 1e6:.0f} MB and as",
        f"dsjson of {sizes['json'] / 1e6:.0f} MB; the policy is `uniform` throughout. Medians of {TURNS} in one run.",
        "",
        *table,
        "",
        f"- A plain CSV takes {cpu[ips] / crate:.1f} times what the csv crate takes to read it, with all eleven estimators "
        f"{cpu[whole] / crate:.1f} times; the aim is 10.",
        f"- Two cores judge JSON {wall[one] / wall[two]:.2f} times as fast as one; the aim is 1.6.",
        f"- The bootstrap takes {cpu[bootstrap] / cpu[ips]:.2f} times what the same takes without it; the aim is at most 2.",
        f"- Machine: {machine()}.",
        f"- Program: {program}.",
        "",
    ]))
    every = {"rows": options.rows, "program": program, "csv crate": read, "wall and processor": took}
    (RESULTS / "logs.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
