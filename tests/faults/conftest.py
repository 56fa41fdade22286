"""Projects and servers for the tests under faults; how much is tried can be raised by environment variables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_project import CALLS, SAMPLES, FaultProject
from fault_server import FaultServer
from small_project import fresh, project, recorded

__all__ = ["fresh", "project", "recorded"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with goldens for as many cases as a fifth of `FAULT_CALLS`: made once, and copied."""
    root = tmp_path_factory.mktemp("faults") / "template"
    with FaultServer() as server:
        made = FaultProject(root, CALLS // SAMPLES)
        made.write(server.url)
        made.record(server)
    return root


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A fault server that answers everything until it is told otherwise."""
    with FaultServer() as opened:
        yield opened


@pytest.fixture
def faulty(template: Path, tmp_path: Path) -> FaultProject:
    """A copy of the recorded project, its runs watched by witnesses."""
    shutil.copytree(template, tmp_path / "project")
    (tmp_path / "witness").mkdir()
    return FaultProject(tmp_path / "project", CALLS // SAMPLES, {"WITNESS": str(tmp_path / "witness")})
