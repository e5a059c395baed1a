"""What runs on a node of the cluster: one task, some blocks."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import ray


def run_blocks(program: tuple, files: dict, args: list, blocks: tuple) -> tuple:
    """Runs blocks and returns (what became of them, the part or one line that says why not, the node).

    `program` is (bytes, SHA-256), or (None, path) of one that is on every node. Exit codes are the program's
    own word, the same wherever it runs; a signal is the machine's, and worth another try.
    """
    node = ray.get_runtime_context().get_node_id()[:8]
    # Readable by this user only, under a name that nobody can guess, and gone when the task is.
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        binary, word = program
        if binary is None:
            command = word
        else:
            if hashlib.sha256(binary).hexdigest() != word:
                return "lost", "the program was damaged on its way", node
            command = os.path.join(scratch, "rehearsal")
            with open(os.open(command, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o700), "wb") as file:
                file.write(binary)
        work = Path(scratch, "work")
        work.mkdir()
        for name, content in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        part = Path(scratch, "part.json")
        range_of = f"{blocks[0]}..{blocks[1]}"
        try:
            done = subprocess.run(
                [command, "simulate", *args, "--blocks", range_of, "--out", str(part)],
                cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            )
        except OSError as error:
            return "refused", f"cannot run {word if binary is None else 'the program'}: {error.strerror}", node
        if done.returncode < 0:
            return "lost", f"ended by signal {-done.returncode}", node
        if done.returncode > 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            return "refused", lines[-1], node
        return "done", part.read_bytes(), node
