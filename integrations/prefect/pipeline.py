"""One day's pipeline as a Prefect flow: profiles, a prior, a version, the gate with the alias.

Every step is a command of `rehearsal`; nothing is computed here. A day is done once: what a step of it has written stays in
`runs/DATE`, and whoever runs the day again goes on where it ended. An inconclusive gate (exit code 3) is a skip; a
rejection (1) stops the flow, with the report attached as an artifact.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed

REHEARSAL = os.environ.get("REHEARSAL", "rehearsal")
INCONCLUSIVE = 3


class Rejected(Exception):
    """The gate says that the challenger is worse somewhere."""


def rehearsal(*args: object, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess:
    """Runs a command; what it says on stderr is the error if it fails."""
    done = subprocess.run([REHEARSAL, *map(str, args)], capture_output=True, text=True)
    if done.returncode not in allowed:
        raise RuntimeError(f"rehearsal {args[0]}: exit code {done.returncode}: {done.stderr.strip()}")
    return done


@task
def features(source: str, out: Path, as_of: str) -> None:
    if not out.exists():
        rehearsal("features", "compute", "--from", source, "--out", out, "--as-of", as_of)


@task
def train(source: str, policy: Path, run: Path) -> Path:
    """The prior, and the policy that starts from it."""
    prior, challenger = run / "prior.json", run / "challenger.toml"
    if not challenger.exists():
        rehearsal("train", "--policy", policy, "--from", source, "--out", prior)
        draft = run / "challenger.draft"
        draft.write_text(f'{policy.read_text()}prior = "prior.json"\n')
        draft.rename(challenger)
    return challenger


@task
def register(name: str, challenger: Path, run: Path) -> int:
    """The number of the version. Who was stopped just before it was written down registers another one, which nobody has."""
    written = run / "version.json"
    if not written.exists():
        done = rehearsal("registry", "register", name, "--policy", challenger)
        draft = run / "version.draft"
        draft.write_text(done.stdout)
        draft.rename(written)
    return json.loads(written.read_text())["version"]


@task
def gate(name: str, version: int, run: Path, gate_file: str | None) -> int:
    """Judges the version, and puts it in charge if it is to be. The exit code of the command, or of the day's before."""
    verdict = run / "exit_code"
    shown = json.loads(rehearsal("registry", "show", name).stdout)
    if verdict.exists():
        return int(verdict.read_text())
    if shown["aliases"].get("champion") == version:
        code = 0
    else:
        more = ["--gate", gate_file] if gate_file else []
        report = run / "report"
        done = rehearsal(
            "promote-check", *more, "--baseline", f"registry:{name}@champion",
            "--challenger", f"registry:{name}@{version}", "--promote", name, "--out", report,
            allowed=(0, 1, INCONCLUSIVE),
        )  # fmt: skip
        code = done.returncode
        create_markdown_artifact(
            key=f"gate-{run.name}", markdown=(report / "verdict.md").read_text(), description="the gate's report"
        )
    verdict.write_text(f"{code}\n")
    return code


@flow(name="rehearsal")
def pipeline(
    date: str, source: str, policy: str, name: str, gate_file: str | None = None, runs: str = "runs"
):
    run = Path(runs) / date
    run.mkdir(parents=True, exist_ok=True)
    features(source, run / "profiles.csv", f"{date}T00:00:00Z")
    challenger = train(source, Path(policy), run)
    version = register(name, challenger, run)
    code = gate(name, version, run, gate_file)
    if code == INCONCLUSIVE:
        return Completed(name="Skipped", message="the gate is inconclusive: nothing was changed")
    if code != 0:
        raise Rejected(f"{name}@{version} is rejected: the report is the artifact gate-{date}")
    return Completed(message=f"{name}@{version} is the champion")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the day, YYYY-MM-DD [today]")
    parser.add_argument("--from", dest="source", required=True, help="a store, or a folder with a log")
    parser.add_argument("--policy", required=True, help="a policy's file without a prior")
    parser.add_argument("--name", required=True, help="the name in the registry")
    parser.add_argument("--gate", dest="gate_file", help="a gate's file [the built-in one]")
    parser.add_argument("--runs", default="runs", help="where the days are kept")
    args = vars(parser.parse_args())
    state = pipeline(**args, return_state=True)
    print(f"{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
