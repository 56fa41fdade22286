"""Commands in a folder that has nothing of a project, or nothing that was run."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from migrate.cli import main

READING = (
    "list",
    "compare",
    "compare --json",
    "runs",
    "runs show",
    "history refund",
    "goldens check",
    "route",
    "canary plan",
    "report",
    "review",
    "review --rate",
    "accept --case late-parcel",
    "accept --flow refund",
    "reject --case late-parcel --reason no",
    "tolerate --case late-parcel --until 2999-01-01 --reason known",
    "promote gpt-4.1",
    "resume",
    "record",
)
DECIDING = [line for line in READING if line.split()[0] in ("review", "accept", "reject", "tolerate", "promote")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", READING)
def test_a_folder_without_a_project_is_called_that_and_stays_empty(folder: Path, line: str) -> None:
    """What was looked for, where, and what to type next; nothing is made."""
    done = CliRunner().invoke(main, line.split())
    assert 2 == done.exit_code
    assert [
        "prompt-migrate: no project is here: no prompts/ and no configuration",
        f"looked in {folder}, and above it for prompt-migrate.toml and pyproject.toml;",
        "if the project is in another folder: cd there",
        "next: prompt-migrate init",
    ] == done.stderr.splitlines()
    assert [] == [*folder.iterdir()]


@pytest.mark.parametrize("line", ["validate", "doctor"])
def test_what_looks_for_faults_calls_it_one(folder: Path, line: str) -> None:
    """In the form of its other findings."""
    done = CliRunner().invoke(main, [line])
    assert 2 == done.exit_code
    said = " ".join(done.stdout.split())
    assert "no project is here: no prompts/ and no configuration" in said
    assert "prompt-migrate init" in said
    assert [] == [*folder.iterdir()]


@pytest.mark.parametrize("line", DECIDING)
def test_deciding_where_nothing_was_run_makes_nothing(folder: Path, line: str) -> None:
    """The project is there, its first replay is not: that is the next command."""
    (folder / "prompts").mkdir()
    done = CliRunner().invoke(main, line.split())
    assert 2 == done.exit_code
    assert "prompt-migrate: nothing was replayed here yet\nnext: pytest --model MODEL\n" == done.stderr
    assert ["prompts"] == [path.name for path in folder.iterdir()]
