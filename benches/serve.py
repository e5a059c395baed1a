#!/usr/bin/env python3
"""How fast `rehearsal serve` answers, beside a bare handler that parses and prints the same JSON, in turns in one run.

    cargo build --release --locked
    cargo build --release --locked --manifest-path benches/yardsticks/Cargo.toml --bin bare_handler --bin open_loop
    benches/serve.py [--users 100000] [--rounds 5] [--seconds 4] [--store postgres://...] > benches/results/serve.md

Needs `wrk` for the closed loop (16 connections). With --store, two servers share that store and the open loop is at 250
requests a second each. The store is made anew in a folder of its own; everything runs on this machine, over loopback.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER = ROOT / "target/release/rehearsal"
YARDSTICKS = ROOT / "benches/yardsticks/target/release"
CONTEXT = {"hour": 9.5, "weekday": 2}
CANDIDATES = [
    {"id": "plan", "kind": "plan", "priority": 0.9},
    {"id": "focus", "kind": "focus", "due_in_days": 1},
    {"id": "rest", "kind": "rest", "effort_minutes": 5},
]
PROFILE = {"completion_rate": 0.4, "tip_volume": 20}
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local user = 7
request = function()
  user = (user * 1103515245 + 12345) % USERS
  return wrk.format(nil, "/score", nil, '{"user":"u' .. user .. '",REST')
end
"""


def fill(store, users):
    """A store in which each user has learned one reward."""
    reactions = ["completed", "ignored", "snoozed", "dismissed"]
    rest = {"context": CONTEXT, "candidates": CANDIDATES, "profile_features": PROFILE}
    lines = (
        json.dumps({"policy": "egreedy-v2", "user": f"u{i}", "chosen": "plan", "reaction": reactions[i % 4], **rest})
        for i in range(users)
    )
    command = [SERVER, "reward", "--jsonl", "--no-state-files", "--store", store]
    subprocess.run(command, input="\n".join(lines).encode(), stdout=subprocess.DEVNULL, check=True)


def serve(store):
    """A server on a free port, and its address."""
    command = [SERVER, "serve", "--policy", "egreedy-v2", "--no-state-files", "--store", store, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    return process, json.loads(process.stderr.readline())["address"]


def bare():
    process = subprocess.Popen([YARDSTICKS / "bare_handler", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def closed(address, script, seconds):
    """Requests per second of 16 connections that ask as soon as they are answered."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", script, f"http://{address}/score"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def open_loop(address, kind, rate, seconds, users):
    command = [YARDSTICKS / "open_loop", address, kind, str(rate), str(seconds), "16", str(users)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if found["failed"]:
        sys.exit(f"{found['failed']} of {found['requests']} requests failed")
    return found


def row(name, values, form="{:.2f}"):
    shown = " | ".join(form.format(f(values)) for f in (statistics.median, min, max))
    print(f"| {name} | {shown} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--store")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serve-", dir="."))
    store = args.store or str(folder / "store")
    fill(store, args.users)
    servers = [serve(store) for _ in range(2 if args.store else 1)]
    servers.append(bare())
    *ours, yardstick = [address for _, address in servers]
    rest = json.dumps({"context": CONTEXT, "candidates": CANDIDATES, "profile_features": PROFILE}, separators=(",", ":"))
    script = folder / "score.lua"
    script.write_text(SCRIPT.replace("USERS", str(args.users)).replace("REST", rest[1:]))
    figures = {}

    def note(name, value):
        figures.setdefault(name, []).append(value)

    try:
        for _ in range(args.rounds):
            if args.store:
                for kind in ["score", "reward"]:
                    both = [
                        subprocess.Popen(
                            [YARDSTICKS / "open_loop", address, kind, "250", str(args.seconds), "8", str(args.users)],
                            stdout=subprocess.PIPE,
                            text=True,
                        )
                        for address in ours
                    ]
                    found = [json.loads(process.communicate()[0]) for process in both]
                    note(f"{kind}, 2 x 250/s, p50, ms", max(f["p50_ms"] for f in found))
                    note(f"{kind}, 2 x 250/s, p99, ms", max(f["p99_ms"] for f in found))
                continue
            rates = {"bare": closed(yardstick, script, args.seconds), "serve": closed(ours[0], script, args.seconds)}
            for name, rate in rates.items():
                note(f"score, 16 connections, {name}, per second", rate)
            note("score, 16 connections, serve / bare", rates["serve"] / rates["bare"])
            for rate in [1_000, 3_000]:
                for name, address in [("bare", yardstick), ("serve", ours[0])]:
                    found = open_loop(address, "score", rate, args.seconds, args.users)
                    note(f"score, {rate:,}/s, {name}, p50, ms", found["p50_ms"])
                    note(f"score, {rate:,}/s, {name}, p99, ms", found["p99_ms"])
            found = open_loop(ours[0], "reward", 1_000, args.seconds, args.users)
            note("reward, 1,000/s, serve, p50, ms", found["p50_ms"])
            note("reward, 1,000/s, serve, p99, ms", found["p99_ms"])
    finally:
        for process, _ in servers:
            process.send_signal(signal.SIGTERM)
        for process, _ in servers:
            process.wait()
        shutil.rmtree(folder)
    print(f"`benches/serve.py {' '.join(sys.argv[1:])}`, {args.users:,} users, {os.cpu_count()} cores, ", end="")
    print(f"{platform.system()}, {time.strftime('%Y-%m-%d')}; {args.rounds} rounds of {args.seconds} s each.\n")
    print("| figure | median | least | most |\n| --- | --- | --- | --- |")
    for name, values in figures.items():
        row(name, values, "{:.0f}" if "per second" in name else "{:.2f}")


if __name__ == "__main__":
    main()
