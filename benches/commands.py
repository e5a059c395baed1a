#!/usr/bin/env python3
"""What one command costs a script, and many lines at once.

    benches/commands.py [--users 10000 100000 1000000] [--lines 400000] [--processes 300] [--rounds 5]

Builds the release binary and the yardsticks, and measures, each beside a plain program in the same run:
`score --jsonl` and `reward --jsonl` on disk without state files, over so many users in turn, beside a program that writes
the same rows to SQLite and decides and learns nothing; one durable reward over a pipe, beside the same program's, which it
commits when it reads a line, and beside its bare commit, which waits for nobody. Then, with as many users in the store as
the last of --users says: how long another process waits for its turn while they are taught, `score` as a fresh process,
and the memory of `verify` and `rebuild`. Medians go to benches/results/commands.md, every measurement to commands.json
beside it. Needs Python 3.10 or newer and Linux.
"""

import argparse
import contextlib
import itertools
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import BINARY, ROOT, build, busy, machine

RESULTS = ROOT / "benches" / "results"
YARDSTICKS = ROOT / "benches" / "yardsticks"
POLICY = "egreedy-v2"
# So many rewards are sent one by one, as many as the plain program writes so.
SINGLE = 500


def request(i: int) -> dict:
    """A moment with two candidates and what is known of the person."""
    return {
        "context": {"hour": 8.5, "weekday": i % 7},
        "candidates": [
            {"id": "t1", "kind": "focus", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15, "hour": 9},
            {"id": "t2", "kind": "rest", "effort_minutes": 5},
        ],
        "profile_features": {
            "completion_rate": 0.42, "preferred_hour": 9, "by_kind": {"focus": {"completion_rate": 0.6}},
        },
    }


def schema(folder: Path) -> Path:
    """The tables of the store, as the program makes them."""
    asked, store, path = json.dumps(request(0)), folder / "made", folder / "schema.sql"
    command = [BINARY, "score", "--policy", POLICY, "--user", "user", "--store", store]
    subprocess.run(command, input=asked, text=True, check=True, stdout=subprocess.DEVNULL)
    with contextlib.closing(sqlite3.connect(store / "rehearsal.db")) as made:
        rows = made.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        path.write_text("".join(f"{sql};\n" for (sql,) in rows))
    return path


def seconds(command: list, stdin: Path, stdout: Path) -> float:
    """Wall time of a command. It is started as cheaply as the system allows: `subprocess` takes a millisecond of its own."""
    words = [str(part) for part in command]
    with stdin.open() as source, stdout.open("w") as target:
        streams = [(os.POSIX_SPAWN_DUP2, source.fileno(), 0), (os.POSIX_SPAWN_DUP2, target.fileno(), 1)]
        begun = time.perf_counter()
        _, status = os.waitpid(os.posix_spawn(words[0], words, os.environ, file_actions=streams), 0)
        taken = time.perf_counter() - begun
    if status:
        sys.exit(f"{' '.join(words)}: exit code {os.waitstatus_to_exitcode(status)}")
    return taken


def mebibytes(command: list) -> float:
    """The most memory that a command had. A small process starts it, for the system counts what a process had before it
    became another program."""
    count = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); " \
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    words = [sys.executable, "-c", count, *(str(part) for part in command)]
    return int(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout) / 1024


def one_by_one(process: subprocess.Popen, lines: list) -> float:
    """The median of the seconds in which a running program answers each line, written once the one before is answered."""
    taken = []
    for line in lines:
        begun = time.perf_counter()
        process.stdin.write(line.encode())
        os.read(process.stdout.fileno(), 1 << 16)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def round_of(folder: Path, users: int, lines: Path, count: int, plain: Path) -> dict:
    """Seconds of every command once, in turn with the plain program."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        args = [plain, place / "plain", users, count, schema(place)]
        with subprocess.Popen([str(arg) for arg in args], **pipes) as process:
            decisions, rewards, plain_single = map(float, process.stdout.readline().split())
            plain_piped = one_by_one(process, ["reward\n"] * SINGLE)
        store, decided, answers = place / "store", place / "decided.jsonl", place / "answers.jsonl"
        common = ["--jsonl", "--no-state-files", "--store", store]
        scored = seconds([BINARY, "score", *common], lines, decided)
        to_reward = place / "rewards.jsonl"
        with decided.open() as source:
            ids = [json.loads(line)["decision_id"] for line in source]
        with to_reward.open("w") as target:
            rewards_of = [json.dumps({"decision": decision, "reaction": "completed"}) + "\n" for decision in ids]
            target.writelines(rewards_of[:-SINGLE])
        rewarded = seconds([BINARY, "reward", *common], to_reward, answers)
        with subprocess.Popen([str(arg) for arg in [BINARY, "reward", *common]], **pipes) as process:
            single = one_by_one(process, rewards_of[-SINGLE:])
        return {
            "plain decisions": decisions, "score --jsonl": scored, "plain rewards": rewards, "reward --jsonl": rewarded,
            "plain single reward": plain_single, "plain piped reward": plain_piped, "single reward": single,
        }


def waits(command: list, stdin: Path, store: Path, folder: Path) -> list:
    """Seconds of single rewards, each a process of its own, while a long run writes to the same store."""
    asked, answer, taken = folder / "request.json", folder / "answer.json", []
    asked.write_text(json.dumps(request(0)))
    one = [BINARY, "reward", "--policy", POLICY, "--user", "another", "--chosen", "t1", "--reaction", "completed",
           "--no-state-files", "--store", store]
    with stdin.open() as source, subprocess.Popen([str(part) for part in command], stdin=source, stdout=subprocess.DEVNULL) as long:
        while long.poll() is None:
            taken.append(seconds([*one, "--event-id", str(len(taken))], asked, answer))
    if long.returncode:
        sys.exit(f"{command}: exit code {long.returncode}")
    return taken


def processes(folder: Path, users: int, count: int) -> dict:
    """A decision and a reward of every user come into the store, and others write meanwhile: the seconds that these take;
    those of `score` as a fresh process then; and the memory that it takes to check all of it."""
    store, lines, decided = folder / "fresh", folder / "fresh.jsonl", folder / "decided.jsonl"
    with lines.open("w") as out:
        for i in range(users):
            out.write(json.dumps({"user": f"user-{i:06}", "policy": POLICY, **request(i)}) + "\n")
    common = ["--jsonl", "--no-state-files", "--store", store]
    seconds([BINARY, "score", *common], lines, decided)
    with decided.open() as source, lines.open("w") as target:
        for line in source:
            target.write(json.dumps({"decision": json.loads(line)["decision_id"], "reaction": "completed"}) + "\n")
    waited = waits([BINARY, "reward", *common], lines, store, folder)
    asked, answer = folder / "request.json", folder / "answer.json"
    asked.write_text(json.dumps(request(0)))
    command = [BINARY, "score", "--policy", POLICY, "--user", "user-000017", "--store", store]
    fresh = [seconds(command, asked, answer) for _ in range(count)]
    memory = {word: mebibytes([BINARY, word, "--no-state-files", "--store", store]) for word in ["verify", "rebuild"]}
    return {"fresh": fresh, "waited": waited, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    program = build()
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=YARDSTICKS, check=True)
    plain = YARDSTICKS / "target" / "release" / "plain_store"
    load = busy()
    every, singles, table = {}, [], ["| users | command | per second | of the plain program's |", "| ---: | --- | ---: | ---: |"]
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as name:
        folder = Path(name)
        for users in options.users:
            count = max(options.lines, users)
            lines = folder / "lines.jsonl"
            with lines.open("w") as out:
                for i in range(count):
                    out.write(json.dumps({"user": f"user-{i % users:06}", "policy": POLICY, **request(i)}) + "\n")
            rounds = [round_of(folder, users, lines, count, plain) for _ in range(options.rounds)]
            median = {key: statistics.median(taken[key] for taken in rounds) for key in rounds[0]}
            every[users] = rounds
            for own, yardstick in [("score --jsonl", "plain decisions"), ("reward --jsonl", "plain rewards")]:
                ratio = statistics.median(taken[yardstick] / taken[own] for taken in rounds)
                table.append(f"| {users:,} | `{own}` | {count / median[own]:,.0f} | {ratio:.2f} |")
            piped, bare = (
                statistics.median(taken["single reward"] / taken[other] for taken in rounds)
                for other in ["plain piped reward", "plain single reward"]
            )
            singles.append(
                f"- One durable reward, {users:,} users, over a pipe to a running `reward --jsonl`: "
                f"{1e3 * median['single reward']:.2f} ms, {piped:.2f} times the plain program's over a pipe and "
                f"{bare:.2f} times its bare commit."
            )
        many = processes(folder, options.users[-1], options.processes)
    fresh, waited, memory = many["fresh"], many["waited"], many["memory"]
    p99 = statistics.quantiles(fresh, n=100)[98]
    text = [
        "# Commands",
        "",
        f"Written by `benches/commands.py`: {options.lines:,} lines (at least one for each user), two candidates, state on "
        f"disk without state files, medians of {options.rounds} rounds, each beside the plain program in the same round.",
        "",
        *table,
        "",
        *singles,
        f"- `score` as a fresh process, {options.users[-1]:,} users in the store, {options.processes} times: median "
        f"{1e3 * statistics.median(fresh):.2f} ms, 99th percentile {1e3 * p99:.2f} ms.",
        f"- While `reward --jsonl` learned a reward of each of them, {len(waited)} single rewards of another process waited at most "
        f"{max(waited):.2f} s.",
        f"- Memory at most, with as many in the store: `verify` {memory['verify']:.0f} MiB, `rebuild` {memory['rebuild']:.0f} MiB.",
        f"- Machine: {machine()}; load before: {load:.1f}.",
        f"- Program: {program}.",
        "",
    ]
    (RESULTS / "commands.md").write_text("\n".join(text))
    (RESULTS / "commands.json").write_text(json.dumps({"program": program, "rounds": every, **many}, indent=1) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
