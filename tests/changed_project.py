"""A recorded project that was replayed, with changes to decide on: made once, and copied for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_project import BROKEN, CALL, LATE, LOST, Project, opened

FENCED = '```json\n{"label": "lost", "amount": 1}\n```'
SAID = {
    LATE: '{"label": "late", "amount": 4}',
    BROKEN: '{"label": "broken", "amount": 6}',
    LOST: FENCED,
    CALL: "Call Bob on 3 May.",
}


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory, recorded: Path) -> Path:
    """A replay with two equal changes of a value, a broken contract, and one note that says something else."""
    root = tmp_path_factory.mktemp("changed") / "project"
    with opened(root, template=recorded) as project:
        project.say("gpt-4.1", SAID)
        project.run("-q", "--model", "gpt-4.1").assert_outcomes(passed=4, failed=1)
    return root


@pytest.fixture
def replayed(tmp_path: Path, changed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A copy of the replayed project, and the current directory."""
    for name in [name for name in os.environ if name.startswith("PROMPT_MIGRATE_")]:
        monkeypatch.delenv(name)
    with opened(tmp_path / "project", template=changed) as project:
        project.say("gpt-4.1", SAID)
        monkeypatch.chdir(project.root)
        yield project
