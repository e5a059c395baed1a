#!/usr/bin/env python3
"""How fast `rehearsal serve` answers, in turns in one run beside a bare handler that parses and prints the same JSON, and
beside a scorer of FastAPI and NumPy with two workers (benches/yardsticks/scorer.py), whose packages come from PyPI.

    cargo build --release --locked
    cargo build --release --locked --manifest-path benches/yardsticks/Cargo.toml --bin bare_handler --bin open_loop
    benches/serve.py [--users 100000] [--rounds 5] [--seconds 4] [--store postgres://...] > benches/results/serve.md
    benches/serve.py --memory 10 > benches/results/serve_memory.md

Needs `wrk` for the closed loop (16 connections). With --store, two servers share that store and the open loop is at 250
requests a second each. With --memory, nobody rewards any decision for so many minutes, at 1,000 a second, and the server's
memory is looked at. The store is made anew in a folder of its own; everything runs on this machine, over loopback.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from machine import install

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER = pathlib.Path(os.environ.get("REHEARSAL", ROOT / "target/release/rehearsal"))
YARDSTICKS = ROOT / "benches/yardsticks/target/release"
SCORER = ROOT / "benches/yardsticks"
# Decisions a second while memory is looked at, and how often that is.
MEMORY_RATE, MEMORY_EVERY = 1_000, 15
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


def fastapi():
    """The scorer of FastAPI and NumPy, with two workers; its address once it answers."""
    venv = ROOT / "target/yardsticks"
    wanted = (SCORER / "requirements.txt").read_text().splitlines()
    install(venv, [line for line in wanted if "==" in line])
    port = free_port()
    command = [venv / "bin/python", "-m", "uvicorn", "scorer:app", "--workers", "2", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    # One thread each for linear algebra this small.
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=SCORER, env=env)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json").read()
            return process, f"127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    sys.exit("FastAPI does not answer")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def start_ms(store):
    """How long a server takes from its start until it is ready."""
    begun = time.perf_counter()
    process, address = serve(store)
    urllib.request.urlopen(f"http://{address}/health/ready").read()
    took = (time.perf_counter() - begun) * 1e3
    process.send_signal(signal.SIGTERM)
    process.wait()
    return took


def memory(minutes, users):
    """Looks at a server's memory while nobody rewards what it decides, and prints a table."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serve-", dir="."))
    try:
        store = str(folder / "store")
        fill(store, users)
        process, address = serve(store)
        command = [YARDSTICKS / "open_loop", address, "score", str(MEMORY_RATE), str(minutes * 60), "8", str(users)]
        asker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        seen, begun = [], time.monotonic()
        while asker.poll() is None:
            time.sleep(MEMORY_EVERY)
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            seen.append(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024)
        found = json.loads(asker.communicate()[0])
        took = time.monotonic() - begun
        process.send_signal(signal.SIGTERM)
        process.wait()
    finally:
        shutil.rmtree(folder)
    if found["failed"]:
        sys.exit(f"{found['failed']} of {found['requests']} requests failed")
    print(f"`benches/serve.py {' '.join(sys.argv[1:])}`, {users:,} users, {os.cpu_count()} cores, ", end="")
    print(f"{platform.system()}, {time.strftime('%Y-%m-%d')}.\n")
    print(f"{found['requests']:,} decisions that nobody rewarded, in {took / 60:.1f} minutes. Resident memory in MiB, looked")
    print(f"at every {MEMORY_EVERY} seconds: medians of each tenth of the time.\n")
    tenths = [seen[len(seen) * i // 10 : max(len(seen) * i // 10 + 1, len(seen) * (i + 1) // 10)] for i in range(10)]
    print("| " + " | ".join(str(i + 1) for i in range(10)) + " | most |\n|" + " --- |" * 11)
    print("| " + " | ".join(f"{statistics.median(part):.1f}" for part in tenths) + f" | {max(seen):.1f} |")


def closed(address, script, seconds):
    """Requests per second of 16 connections that ask as soon as they are answered, and the 99th percentile in ms."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script, f"http://{address}/score"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit(out)
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out).groups()
    p99 = float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), p99


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
    parser.add_argument("--memory", type=int, metavar="MINUTES")
    args = parser.parse_args()
    if args.memory:
        memory(args.memory, args.users)
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serve-", dir="."))
    store = args.store or str(folder / "store")
    fill(store, args.users)
    figures = {}

    def note(name, value):
        figures.setdefault(name, []).append(value)

    if not args.store:
        for _ in range(args.rounds):
            note("from its start until it is ready, ms", start_ms(store))
    servers = [serve(store) for _ in range(2 if args.store else 1)] + [bare()]
    if not args.store:
        servers.append(fastapi())
    addresses = [address for _, address in servers]
    ours, others = (addresses[:2], []) if args.store else (addresses[:1], addresses[1:])
    rest = json.dumps({"context": CONTEXT, "candidates": CANDIDATES, "profile_features": PROFILE}, separators=(",", ":"))
    script = folder / "score.lua"
    script.write_text(SCRIPT.replace("USERS", str(args.users)).replace("REST", rest[1:]))
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
            named = dict(zip(["bare", "FastAPI"], others)) | {"serve": ours[0]}
            rates, p99s = {}, {}
            for name, address in named.items():
                rates[name], p99s[name] = closed(address, script, args.seconds)
                note(f"score, 16 connections, {name}, per second", rates[name])
                note(f"score, 16 connections, {name}, p99, ms", p99s[name])
            for name in ["bare", "FastAPI"]:
                note(f"score, 16 connections, serve / {name}, per second, ratio", rates["serve"] / rates[name])
            note("score, 16 connections, serve / FastAPI, p99, ratio", p99s["serve"] / p99s["FastAPI"])
            for rate in [1_000, 3_000]:
                p99s = {}
                for name, address in named.items():
                    # What FastAPI cannot answer in time it is not asked for.
                    if name == "FastAPI" and rate > rates[name] / 1.2:
                        continue
                    found = open_loop(address, "score", rate, args.seconds, args.users)
                    p99s[name] = found["p99_ms"]
                    note(f"score, {rate:,}/s, {name}, p50, ms", found["p50_ms"])
                    note(f"score, {rate:,}/s, {name}, p99, ms", found["p99_ms"])
                for name in [name for name in p99s if name != "serve"]:
                    note(f"score, {rate:,}/s, serve / {name}, p99, ratio", p99s["serve"] / p99s[name])
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
        row(name, values, "{:.0f}" if name.endswith("per second") else "{:.2f}")


if __name__ == "__main__":
    main()
