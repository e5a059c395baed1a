#!/usr/bin/env python3
"""How long `rehearsal train` takes, and in how much memory: halves, so that twice the data is seen beside once.

    cargo build --release --locked
    benches/train.py [--users 100000] [--rows 100] [--policy egreedy-v2] > benches/results/train.md

The logs are those of simulated people (`simulate --log`), made in pieces of 10,000 users in a folder of their own, of which
only the rewards are kept: 5 GB for 10,000,000. Needs GNU time as /usr/bin/time.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from machine import ROOT, busy, machine

PROGRAM = ROOT / "target/release/rehearsal"
# Of each user of a persona that is asked for, so many are in the log of a uniform policy.
PIECE = 1_800


def piece(program: pathlib.Path, folder: pathlib.Path, seed: int, users: int, rows: int) -> int:
    """The rewards of some people; how many."""
    run = [program, "simulate", "steady", "--policy", "uniform", "--users", str(users), "--steps", str(rows)]
    subprocess.run([*run, "--seed", str(seed), "--log", folder], check=True, stdout=subprocess.DEVNULL)
    (folder / "decisions.jsonl").unlink()
    count = subprocess.run(["wc", "-l", folder / "rewards.jsonl"], check=True, capture_output=True, text=True)
    return int(count.stdout.split()[0])


def train(program: pathlib.Path, policy: str, folders: list, out: pathlib.Path) -> tuple:
    sources = [part for folder in folders for part in ("--from", folder / "rewards.jsonl")]
    command = ["/usr/bin/time", "-f", "%e %U %S %M", program, "train", "--policy", policy, "--out", out, *sources]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, user, system, memory = map(float, done.stderr.split()[-4:])
    learned = re.search(r"learned from +(\d+) rewards of (\d+) users", done.stdout)
    steps = re.search(r"steps +(.*)", done.stdout).group(1)
    return int(learned[1]), int(learned[2]), wall, user + system, memory / 1024, steps


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--policy", default="egreedy-v2")
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    parser.add_argument("--logs", type=pathlib.Path, help="a folder to keep the logs in, for another run")
    args = parser.parse_args()
    work = args.logs or pathlib.Path(tempfile.mkdtemp())
    work.mkdir(exist_ok=True)
    try:
        pieces, total = [], 0
        while total < args.users * args.rows:
            folder = work / f"piece-{len(pieces)}"
            if not (folder / "rewards.jsonl").exists() or (folder / "decisions.jsonl").exists():
                piece(args.program, folder, 100 + len(pieces), PIECE, args.rows)
            with open(folder / "rewards.jsonl", "rb") as file:
                total += sum(1 for _ in file)
            pieces.append(folder)
        print("# How long training takes\n")
        print(f"Written by `benches/train.py --users {args.users} --rows {args.rows} --policy {args.policy}`; {machine()}.")
        print(f"Load before: {busy():.1f}.\n")
        print("| rewards | users | steps | wall, s | processor, s | memory, MiB |")
        print("| ---: | ---: | --- | ---: | ---: | ---: |")
        for part in (2, 1):
            count = -(-len(pieces) // part)
            rows, users, wall, cpu, memory, steps = train(args.program, args.policy, pieces[:count], work / "prior.json")
            print(f"| {rows:,} | {users:,} | {steps} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |")
            sys.stdout.flush()
    finally:
        if not args.logs:
            shutil.rmtree(work)


main()
