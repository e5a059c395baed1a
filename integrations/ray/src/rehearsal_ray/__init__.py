"""Spreads the blocks of `rehearsal simulate` over a Ray cluster and merges what comes back.

The work of a run is a list of blocks, and a block depends on nothing but its number. So a task is a few
blocks; a task that is lost with its worker is run again, anywhere; and `rehearsal merge` gives the very
bytes of the run in one piece, or says which blocks are missing.

The driver runs the first block itself: arguments that the program refuses are refused before anything is
sent, and the program says how many blocks there are. Program and input files then go to the workers
through Ray's object store, so a node needs Ray and nothing else.
"""

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError

from rehearsal_ray import worker

__all__ = ["Failure", "main", "simulate"]

# This package need not be installed on the nodes: what they run travels with the tasks.
cloudpickle.register_pickle_by_value(worker)

MAX_INPUT_BYTES = 64 << 20
USAGE = 2


class Failure(Exception):
    """What stops a run, in one line."""


def find_program(name: str) -> str:
    """The path of the program, by path or on PATH."""
    found = shutil.which(name)
    if found is None:
        raise Failure(f"no program {name!r}; --binary says where rehearsal is")
    return os.path.abspath(found)


def input_files(args: list, also: list) -> tuple:
    """Files that arguments name, as {path from here: content}, and the arguments with paths from here."""
    files, rewritten, total = {}, [], 0
    here = Path.cwd().resolve()

    def take(path: Path) -> str:
        nonlocal total
        try:
            name = path.resolve().relative_to(here).as_posix()
        except ValueError:
            raise Failure(f"{path} is not below the current folder, so the nodes cannot be given it") from None
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                total += file.stat().st_size
                if total > MAX_INPUT_BYTES:
                    raise Failure(f"{path}: the input files have more than {MAX_INPUT_BYTES >> 20} MiB")
                files[file.resolve().relative_to(here).as_posix()] = file.read_bytes()
        return name

    for arg in args:
        option, equals, value = arg.partition("=")
        if not (arg.startswith("--") and equals):
            option, equals, value = "", "", arg
        # A word without '/' or '.toml' may be the name of something shipped; a file beside it does no harm.
        if value and not value.startswith("-") and Path(value).exists():
            name = take(Path(value))
            # A relative path stays as it was said, as `name` or `./name`: the program tells them apart.
            value = name if os.path.isabs(value) else value
        rewritten.append(f"{option}{equals}{value}")
    for path in map(Path, also):
        if not path.exists():
            raise Failure(f"--include: no file {path}")
        take(path)
    return files, rewritten


def first_block(program: str, args: list, parts: Path) -> tuple:
    """Runs block 0 here; returns its part and the number of all blocks."""
    part = parts / "part-0-1.json"
    command = [program, "simulate", *args, "--blocks", "0..1", "--out", str(part)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure((done.stderr.strip().splitlines() or [f"{program}: exit code {done.returncode}"])[-1])
    # "PART: blocks 0..1 of 0..N"
    words = done.stdout.rsplit(" of 0..", 1)
    if len(words) != 2 or not words[1].strip().isdigit():
        raise Failure(f"{program} did not say how many blocks there are: {done.stdout.strip()!r}")
    return part, int(words[1])


def connect(address: str) -> None:
    """Joins the cluster."""
    # Ray tries for many minutes where nobody listens.
    named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, colon, port = named.removeprefix("ray://").rpartition(":")
    try:
        if colon and port.isdigit():
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # OSError, ConnectionError, RuntimeError, ValueError and others of Ray's
        raise Failure(f"no Ray cluster at {named!r}: {str(error).strip().splitlines()[0]}") from None


def processors(at_least: int) -> int:
    """Processors of the nodes that are alive and large enough for a task."""
    of_nodes = (node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
    return int(sum(cpus for cpus in of_nodes if cpus >= at_least))


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def spread(options: argparse.Namespace, ranges: list, submit, write, total: int) -> None:
    """Runs all ranges of blocks, each until it is done, and hands each part to `write`.

    A few tasks per processor are under way at a time, so that finished parts do not pile up in the object
    store. Lost tasks come back here, where they are counted and told of; Ray is not to hide them.
    """
    waiting, running, losses = deque(ranges), {}, dict.fromkeys(ranges, 0)
    done, start, seen = total - sum(b - a for a, b in ranges), time.monotonic(), time.monotonic()
    while waiting or running:
        room = processors(options.cpus_per_task)
        while waiting and len(running) < max(4, 2 * room):
            blocks = waiting.popleft()
            running[submit(blocks)] = blocks
        ready, _ = ray.wait(list(running), timeout=5)
        if room > 0 or ready:
            seen = time.monotonic()
        elif time.monotonic() - seen > options.patience:
            raise Failure(
                f"no node with {options.cpus_per_task} processors for {options.patience:g} s; "
                f"{total - done} blocks are missing"
            )
        for task in ready:
            blocks = running.pop(task)
            name = f"blocks {blocks[0]}..{blocks[1]}"
            try:
                outcome, content, node = ray.get(task)
            except RayTaskError as error:
                raise Failure(f"{name}: {str(error).strip().splitlines()[-1]}") from None
            except RayError as error:
                outcome, content, node = "lost", type(error).__name__, "a node"
            if outcome == "refused":
                raise Failure(f"{name} on {node}: {content}")
            if outcome == "lost":
                losses[blocks] += 1
                if losses[blocks] > options.retries:
                    raise Failure(f"{name} were lost {losses[blocks]} times; the last time on {node}: {content}")
                note(f"{name}: lost with {node} ({content}), once more")
                waiting.append(blocks)
                continue
            write(blocks, content)
            done += blocks[1] - blocks[0]
            note(f"{name}: done on {node}; {done} of {total} blocks, {time.monotonic() - start:.1f} s")


def simulate(options: argparse.Namespace, args: list) -> int:
    """Runs `rehearsal simulate ARGS` on the cluster; returns the exit code of the merge."""
    program = find_program(options.binary)
    files, args = input_files(args, options.include)
    args = [*args, "--threads", str(options.cpus_per_task)]
    with tempfile.TemporaryDirectory(prefix="rehearsal-parts-") as scratch:
        parts = Path(options.parts or scratch)
        parts.mkdir(parents=True, exist_ok=True)
        first, total = first_block(program, args, parts)
        paths = [first]
        if total > 1:
            connect(options.address)
            try:
                paths += on_cluster(options, program, files, args, parts, total)
            finally:
                ray.shutdown()
        out = ["--out", options.out] if options.out else []
        command = [program, "merge", *map(str, paths), *out, *(["--json"] if options.json else [])]
        return subprocess.run(command, stdout=options.stdout).returncode


def on_cluster(options: argparse.Namespace, program: str, files: dict, args: list, parts: Path, total: int) -> list:
    """Ships program and files and runs all blocks but the first; returns the paths of their parts."""
    # Some tasks per processor, so that fast nodes take more of them and a lost one costs little.
    size = options.blocks_per_task or max(1, total // max(1, 8 * processors(options.cpus_per_task)))
    path_of = {(a, b): parts / f"part-{a}-{b}.json" for a in range(1, total, size) for b in [min(a + size, total)]}
    if options.worker_binary:
        shipped = (None, options.worker_binary)
    else:
        binary = Path(program).read_bytes()
        shipped = (binary, hashlib.sha256(binary).hexdigest())
    shipped, files = ray.put(shipped), ray.put(files)
    task = ray.remote(num_cpus=options.cpus_per_task, max_retries=0, scheduling_strategy="SPREAD")(worker.run_blocks)

    def submit(blocks: tuple) -> ray.ObjectRef:
        return task.remote(shipped, files, args, blocks)

    def write(blocks: tuple, content: bytes) -> None:
        beside = path_of[blocks].with_suffix(".partial")
        beside.write_bytes(content)
        beside.replace(path_of[blocks])

    spread(options, [blocks for blocks, path in path_of.items() if not path.exists()], submit, write, total)
    return list(path_of.values())


def parse(argv: list) -> tuple:
    """The adapter's own options, and the rest, which are those of `rehearsal simulate`."""
    parser = argparse.ArgumentParser(
        prog="rehearsal-ray",
        allow_abbrev=False,
        description="Runs `rehearsal simulate` on a Ray cluster. All other arguments are those of `rehearsal "
        "simulate`, without --blocks, --threads and --data; files that they name go to the nodes.",
    )

    def count(text: str) -> int:
        if not (text.isdigit() and int(text) > 0):
            raise argparse.ArgumentTypeError(f"{text!r}; allowed: a whole number above 0")
        return int(text)

    parser.add_argument("command", choices=["simulate"])
    parser.add_argument("--address", default="auto", help="of the cluster [default: the one of this machine]")
    parser.add_argument("--binary", default="rehearsal", help="the program, here [default: on PATH]")
    parser.add_argument("--worker-binary", metavar="PATH",
                        help="use the program that stands at this path on every node instead of sending this one")
    parser.add_argument("--include", action="append", default=[], metavar="PATH",
                        help="send this file or folder too; for the scenarios that a gate file names")
    parser.add_argument("--blocks-per-task", type=count, metavar="N", help="[default: 8 tasks per processor]")
    parser.add_argument("--cpus-per-task", type=count, default=1, metavar="N", help="[default: 1]")
    parser.add_argument("--retries", type=int, default=5, metavar="N",
                        help="how often one task may be lost with its worker [default: 5]")
    parser.add_argument("--patience", type=float, default=120, metavar="SECONDS",
                        help="how long the cluster may be without a node for a task [default: 120]")
    parser.add_argument("--parts", metavar="DIR",
                        help="keep the parts in this folder; those that it has already are not run again")
    parser.add_argument("--out", metavar="DIR", help="as in `rehearsal merge`")
    parser.add_argument("--json", action="store_true", help="as in `rehearsal merge`")
    options, rest = parser.parse_known_args(argv)
    refused = [a for a in rest if a.split("=")[0] in ("--blocks", "--threads", "--data", "--label", "--orders")]
    if refused:
        parser.error(f"{refused[0]} is not for a cluster")
    return options, [a for a in rest if a != "--"]


def main(argv: list | None = None) -> int:
    """Parses, runs, and turns a failure into one line and an exit code."""
    options, args = parse(sys.argv[1:] if argv is None else argv)
    # Stdout is the merge's. Ray prints there what it has to say of nodes; that stands in its logs, too.
    options.stdout = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        return simulate(options, args)
    except Failure as failure:
        note(f"rehearsal-ray: {failure}")
    except OSError as error:
        note(f"rehearsal-ray: {error.filename}: {error.strerror}")
    return USAGE
