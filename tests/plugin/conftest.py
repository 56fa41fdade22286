"""Projects for the plugin's specification: goldens are recorded once, and every test gets a copy of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_project import Project, opened


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose goldens are recorded, two samples a case."""
    root = tmp_path_factory.mktemp("recorded")
    with opened(root) as project:
        project.run("--golden=new", "-q").assert_outcomes(passed=5)
    return root


@pytest.fixture
def project(tmp_path: Path, recorded: Path) -> Iterator[Project]:
    """A copy of the recorded project, with models of its own."""
    with opened(tmp_path / "project", template=recorded) as project:
        yield project


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """The same project before anything was recorded."""
    with opened(tmp_path / "project") as project:
        yield project
