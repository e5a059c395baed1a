"""What the module promises, by the program that was installed with it."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rehearsal
from rehearsal import ExitCode, RehearsalError

REQUEST = {
    "user": "ann",
    "seed": 1,
    "context": {"hour": 8.5, "weekday": 0},
    "candidates": [{"id": "a", "kind": "plan"}, {"id": "b", "kind": "rest"}],
}
GATE = """
description = "small"
alpha = 0.05
beta = 0.05
minimum_effect = {effect}
max_users = 64

[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["steady"]
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judge(baseline: str, challenger: str, effect: float = 0.01) -> rehearsal.Result:
    Path("gate.toml").write_text(GATE.format(effect=effect))
    return rehearsal.run(
        "promote-check", "--gate", "gate.toml", "--baseline", baseline, "--challenger", challenger, "--json"
    )


def test_the_wheel_carries_the_program_and_compiles_nothing_into_python() -> None:
    files = importlib.metadata.files("rehearsal") or []
    names = [file.name for file in files]
    assert "py.typed" in names and "rehearsal" in names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    assert rehearsal.program().parent == Path(sys.executable).parent
    version = rehearsal.run("--version").stdout.split()
    assert version[:2] == ["rehearsal", importlib.metadata.version("rehearsal")]


def test_verdicts_are_results() -> None:
    assert judge("uniform", "egreedy-v1").code is ExitCode.DONE
    rejected = judge("egreedy-v1", "uniform")
    assert rejected.code is ExitCode.REJECT
    assert rejected.json()["verdict"] == "reject"
    # Nobody gains so much, nor shows within 64 users that they do not.
    undecided = judge("egreedy-v1", "egreedy-v1-by-kind", effect=0.04)
    assert undecided.code is ExitCode.INCONCLUSIVE, undecided.stdout


def test_what_is_refused_raises_with_code_and_words() -> None:
    with pytest.raises(RehearsalError) as caught:
        rehearsal.run("score", "--policy", "egreedy-v9", input=REQUEST)
    error = caught.value
    assert error.code is ExitCode.FAILED
    # The program's name stands in its words once.
    said = error.stderr.strip().removeprefix("rehearsal: ")
    assert "egreedy-v9" in said and str(error) == f"rehearsal score: exit code 2: {said}"
    assert error.command[:2] == ("score", "--policy")
    with pytest.raises(FileNotFoundError):
        rehearsal.run("list", cwd="nowhere")


def test_who_is_ended_by_a_signal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "rehearsal"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("REHEARSAL", str(program))
    with pytest.raises(RehearsalError) as caught:
        rehearsal.run("list")
    assert caught.value.code == -9 and "signal 9" in str(caught.value)
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(subprocess.TimeoutExpired):
        rehearsal.run("list", timeout=0.2)


def test_no_shell_reads_arguments() -> None:
    name = "$(touch pwned); `touch pwned` > pwned"
    scored = rehearsal.run("score", "--policy", "uniform", "--user", name, input={**REQUEST, "user": name})
    assert scored.json()["user"] == name
    assert not Path("pwned").exists()


def test_objects_go_in_and_rows_come_out() -> None:
    requests = ({**REQUEST, "user": f"Zoë {i}"} for i in range(3))
    decisions = rehearsal.run("score", "--policy", "uniform", "--jsonl", input=requests).rows()
    assert [decision["user"] for decision in decisions] == ["Zoë 0", "Zoë 1", "Zoë 2"]
    reward = {"decision_id": decisions[0]["decision_id"], "reaction": "completed"}
    assert rehearsal.run("reward", "--jsonl", input=[reward]).rows()[0]["reward"] == 1
    assert len(rehearsal.run("log", "rewards").rows()) == 1
    with pytest.raises(ValueError):
        rehearsal.run("score", input={"user": float("nan")})
    with pytest.raises(RehearsalError):
        rehearsal.run("score", "--policy", "uniform")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_rows_become_frames(library: rehearsal.Library) -> None:
    judged = judge("uniform", "egreedy-v1")
    frame = judged.frame("criteria", library)
    assert type(frame).__module__.split(".")[0] == library
    assert list(frame["id"]) == ["reward/steady/superior"]
    assert frame["estimate"][0] == judged.json()["criteria"][0]["estimate"]


def test_the_first_library_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [{"a": {"b": 1, "c": {}}, "d": [1]}, {"a": {"b": None}}]
    import pandas

    assert isinstance(rehearsal.frame(rows), pandas.DataFrame)
    missing = {"pandas"}
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else found(name))
    import polars

    assert isinstance(rehearsal.frame(rows), polars.DataFrame)
    missing.add("polars")
    assert rehearsal.frame(rows) == [{"a.b": 1, "a.c": {}, "d": [1]}, {"a.b": None}]


def test_python_m_is_the_program() -> None:
    ran = subprocess.run([sys.executable, "-m", "rehearsal", "list", "policies"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, rehearsal.run("list", "policies").stdout)
    ran = subprocess.run([sys.executable, "-m", "rehearsal", "nonsense"], capture_output=True, text=True)
    assert ran.returncode == 2 and "nonsense" in ran.stderr


def test_parquet_is_read_by_pandas_and_polars_as_csv_is() -> None:
    import pandas
    import polars

    rehearsal.run("simulate", "cold-start", "--policy", "uniform", "--users", 2, "--log", "log")
    for name in ("profiles.csv", "profiles.parquet"):
        rehearsal.run("features", "compute", "--from", "log", "--out", name)
    # The user's own rows have an empty kind, which is none that is unknown.
    text = pandas.read_csv("profiles.csv", keep_default_na=False, na_values={"preferred_hour": [""]})
    text["event_timestamp"] = pandas.to_datetime(text["event_timestamp"], utc=True)
    table = pandas.read_parquet("profiles.parquet")
    assert str(table["event_timestamp"].dtype) == "datetime64[ms, UTC]"
    assert table["tip_volume"].dtype.kind == "i"
    assert len(table) > 50 and table["preferred_hour"].isna().any()
    pandas.testing.assert_frame_equal(table, text, check_dtype=False, check_exact=True)
    columns = polars.read_parquet("profiles.parquet").to_dict(as_series=False)
    assert columns["mean_dwell_seconds"] == table["mean_dwell_seconds"].to_list()
    assert json.dumps(columns["kind"]) == json.dumps(table["kind"].to_list())
