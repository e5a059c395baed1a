#!/usr/bin/env python3
"""What one command costs a script, and many lines at once.

    benches/commands.py [--states 1000000] [--lines 1000000] [--processes 300] [--rounds 5]

Builds the release binary, fills a state directory, and measures three things, each beside a yardstick in the same
run: `score` as a fresh process beside `jq` on the same state; `score --jsonl` beside a loop that only parses and
prints the same lines with serde_json; `reward --jsonl`, with its state on disk, and in memory (/dev/shm): what is
between the two is the disk's. Medians go to benches/results/commands.md, every measurement to commands.json beside it.
Needs Python 3.10 or newer, Linux and jq.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import BINARY, ROOT, build, busy, machine

RESULTS = ROOT / "benches" / "results"
POLICY = "egreedy-v2"
USERS = 10_000
KINDS = ["focus", "plan", "rest"]
MEMORY = "/dev/shm"


def request(i: int) -> dict:
    """A moment with two candidates and what is known of the person."""
    candidate = {"priority": 0.5, "due_in_days": -2, "effort_minutes": 15, "hour": 9}
    return {
        "context": {"hour": 8.5, "weekday": i % 7},
        "candidates": [{"id": f"t{k}", "kind": KINDS[(i + k) % 3], **candidate} for k in range(2)],
        "profile_features": {
            "completion_rate": 0.42, "dismiss_rate": 0.1, "mean_dwell_seconds": 45, "preferred_hour": 9, "tip_volume": 120,
        },
    }


def write_lines(path: Path, count: int, line) -> None:
    with path.open("w") as out:
        for i in range(count):
            out.write(json.dumps(line(i), separators=(",", ":")) + "\n")


def to_score(i: int) -> dict:
    return {"user": f"user{i % USERS}", "policy": POLICY, **request(i)}


def to_reward(users: int):
    return lambda i: {"user": f"user{i % users}", "policy": POLICY, "chosen": "t1", "reward": 1.0, "event_id": f"e{i}",
                      "request": request(i)}


def seconds(command: list, stdin=None) -> float:
    """Wall time of a command, whose output goes nowhere."""
    begun = time.perf_counter()
    subprocess.run([str(part) for part in command], stdin=stdin, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def with_lines(command: str, lines: Path, state: Path) -> float:
    with lines.open() as stdin:
        return seconds([BINARY, command, "--jsonl", "--state-dir", state], stdin)


def fresh_processes(state: Path, folder: Path, processes: int) -> dict:
    """Seconds of each process, the three in turn."""
    asked = folder / "request.json"
    asked.write_text(json.dumps(request(0)))
    commands = {
        "`score`": [BINARY, "score", "--policy", POLICY, "--user", "user17", "--state-dir", state, "--request", asked],
        "`jq -c . STATE`": ["jq", "-c", ".", state / f"user17_{POLICY.replace('-', '_')}.json"],
        "`true`": ["true"],
    }
    taken = {name: [] for name in commands}
    for _ in range(processes):
        for name, command in commands.items():
            taken[name].append(seconds(command))
    return taken


def many_lines(folder: Path, lines: int, rounds: int) -> dict:
    """Seconds for all lines, by command, in turn with the yardstick."""
    scores, rewards = folder / "scores.jsonl", folder / "rewards.jsonl"
    write_lines(scores, lines, to_score)
    write_lines(rewards, lines, to_reward(USERS))
    loop = ["cargo", "bench", "--locked", "--quiet", "--bench", "parse_print", "--", str(scores)]
    taken = {"`reward --jsonl`": [], "`reward --jsonl`, in memory": [], "`score --jsonl`": [], "parse and print": []}
    for turn in range(rounds):
        # Each has a directory of its own: a file system that was just told to forget files is slow to make others.
        state = folder / f"many-{turn}"
        taken["`reward --jsonl`"].append(with_lines("reward", rewards, state))
        with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
            taken["`reward --jsonl`, in memory"].append(with_lines("reward", rewards, Path(memory) / "state"))
        taken["`score --jsonl`"].append(with_lines("score", scores, state))
        turns = subprocess.run(loop, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        taken["parse and print"].append(statistics.median(map(float, turns)))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("jq") is None:
        parser.error("jq is not there, and a fresh process is measured beside it")
    program = build()
    load = busy()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = many_lines(folder, options.lines, options.rounds)
        state, lines = folder / "state", folder / "lines.jsonl"
        write_lines(lines, options.states, to_reward(options.states))
        with_lines("reward", lines, state)
        files = len(os.listdir(state))
        fresh = fresh_processes(state, folder, options.processes)
    score, jq, _ = fresh.values()
    p99 = statistics.quantiles(score, n=100)[98]
    loop = statistics.median(many["parse and print"])
    per_second = {name: options.lines / statistics.median(taken) for name, taken in many.items()}
    table = ["| a fresh process | median, ms | 99th percentile, ms |", "| --- | ---: | ---: |"]
    for name, taken in fresh.items():
        table.append(
            f"| {name} | {1e3 * statistics.median(taken):.2f} | {1e3 * statistics.quantiles(taken, n=100)[98]:.2f} |"
        )
    table += ["", "| many lines | per second | seconds, of parse and print |", "| --- | ---: | ---: |"]
    for name, taken in many.items():
        table.append(f"| {name} | {per_second[name]:,.0f} | {statistics.median(taken) / loop:.2f} |")
    ratio = statistics.median(score) / statistics.median(jq)
    text = [
        "# Commands",
        "",
        f"Written by `benches/commands.py`: a directory with {files:,} files for the fresh processes, of which "
        f"{options.processes} each in turn; {options.lines:,} lines about {USERS:,} users, two candidates, medians of "
        f"{options.rounds}.",
        "",
        *table,
        "",
        f"- `score` as a fresh process takes {ratio:.2f} times what jq takes; the aim is 2. Its 99th percentile is "
        f"{1e3 * p99:.1f} ms; the aim is 5.",
        f"- `score --jsonl` takes {statistics.median(many['`score --jsonl`']) / loop:.2f} times what it takes to parse and "
        "print its lines on one core; the aim is 2. The aims per second are 300,000 and, for rewards, 200,000.",
        f"- Machine: {machine()}; load before: {load:.1f}.",
        f"- Program: {program}.",
        "",
    ]
    (RESULTS / "commands.md").write_text("\n".join(text))
    every = {"program": program, "states": options.states, "lines": options.lines, "fresh": fresh, "many": many}
    (RESULTS / "commands.json").write_text(json.dumps(every, indent=1) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
