"""The `rehearsal` program from Python: commands run, results as rows and data frames.

    import rehearsal

    judged = rehearsal.run("promote-check", "--challenger", "mine.toml", "--json")
    judged.code                    # ExitCode.DONE: promote
    judged.frame("criteria")       # of pandas, or of polars, or a list of dicts

Arguments are those of the command line, one string or path each; no shell reads them. A verdict is a result, whichever it
is; what the program refuses raises `RehearsalError`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, Union

__all__ = ["Argument", "ExitCode", "Input", "Library", "RehearsalError", "Result", "frame", "program", "run"]

Argument = Union[str, int, float, "os.PathLike[str]"]
Input = Union[str, Mapping[str, Any], Iterable[Mapping[str, Any]]]
Library = Literal["pandas", "polars", "rows"]


class ExitCode(IntEnum):
    """What the program ended with."""

    DONE = 0
    """Done; of `promote-check`: promote."""
    REJECT = 1
    FAILED = 2
    """Wrong use, bad input, or the system refused."""
    INCONCLUSIVE = 3
    """Inconclusive, or a log that cannot carry an evaluation."""


class RehearsalError(Exception):
    """The program failed: its exit code, below 0 the signal that ended it, and what it said."""

    def __init__(self, args: tuple[str, ...], code: int, stderr: str) -> None:
        self.command = args
        self.code = next((known for known in ExitCode if known == code), code)
        self.stderr = stderr
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        said = stderr.strip().removeprefix("rehearsal: ")
        super().__init__(f"rehearsal {args[0] if args else ''}: {how}: {said}")


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    args: tuple[str, ...]
    code: ExitCode
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The one JSON value on stdout: of most commands with `--json`."""
        return json.loads(self.stdout)

    def rows(self, at: str = "") -> list[dict[str, Any]]:
        """The objects on stdout: JSON Lines, or those of the JSON value at a path such as `criteria` or `policies.0.estimates`."""
        if not at:
            try:
                return _objects(self.json())
            except json.JSONDecodeError:
                return [json.loads(line) for line in self.stdout.splitlines() if line.strip()]
        value = self.json()
        for step in at.split("."):
            value = value[int(step) if isinstance(value, list) else step]
        return _objects(value)

    def frame(self, at: str = "", library: Library | None = None) -> Any:
        """The same as a data frame: see `frame`."""
        return frame(self.rows(at), library)


def _objects(value: Any) -> list[dict[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError("a list of objects is needed")
    return rows


def frame(rows: Iterable[Mapping[str, Any]], library: Library | None = None) -> Any:
    """Rows as a data frame of pandas, or of polars, or a list of dicts: the first that is installed, or the one named.

    What an object in a row holds has columns of its own: `{"a": {"b": 1}}` has the column `a.b`.
    """
    flat = [_flat(row) for row in rows]
    known: tuple[Library, ...] = ("pandas", "polars")
    chosen: str = library or next((name for name in known if importlib.util.find_spec(name)), "rows")
    if chosen == "rows":
        return flat
    module = importlib.import_module(chosen)
    if chosen == "polars":
        # A column's type is that of all its values.
        return module.DataFrame(flat, infer_schema_length=None, strict=False)
    return module.DataFrame(flat)


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def program() -> Path:
    """Where the program is: what `REHEARSAL` names, else the one that was installed with this module, else one on `PATH`."""
    named = os.environ.get("REHEARSAL")
    if named:
        return Path(named)
    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    places = [Path(sysconfig.get_path("scripts", scheme)) for scheme in schemes]
    # Of `pip install --target`.
    places.append(Path(__file__).resolve().parent.parent / "bin")
    for place in places:
        if (place / "rehearsal").is_file():
            return place / "rehearsal"
    found = shutil.which("rehearsal")
    if found is None:
        raise FileNotFoundError(f"no program `rehearsal` in {', '.join(map(str, places))}, nor on PATH")
    return Path(found)


def run(
    *args: Argument,
    input: Input | None = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Result:
    """Runs a command and gives what it printed.

    `input` goes to its stdin: a text, an object as JSON, or several objects as JSON Lines. `env` is added to the environment.
    Exit codes 0, 1 and 3 are results; any other raises `RehearsalError`. One that takes longer than `timeout` seconds is
    ended, and raises `subprocess.TimeoutExpired`.
    """
    texts = tuple(str(arg) if isinstance(arg, (int, float)) else os.fspath(arg) for arg in args)
    ran = subprocess.run(
        [os.fspath(program()), *texts],
        input=None if input is None else _text(input),
        stdin=subprocess.DEVNULL if input is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        timeout=timeout,
        check=False,
    )
    if ran.returncode not in (ExitCode.DONE, ExitCode.REJECT, ExitCode.INCONCLUSIVE):
        raise RehearsalError(texts, ran.returncode, ran.stderr)
    return Result(texts, ExitCode(ran.returncode), ran.stdout, ran.stderr)


def _text(input: Input) -> str:
    if isinstance(input, str):
        return input
    rows = [input] if isinstance(input, Mapping) else input
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
