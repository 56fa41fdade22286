"""What the machine does: its clock is set, its disk may not be written, its limits are tight. Words, and no loss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from committed import files_of
from fault_project import CANDIDATE, FaultProject
from fault_server import FaultServer, Shares
from nursery import Nursery
from small_project import OTHERS, Project, fresh, project, recorded

__all__ = ["fresh", "project", "recorded"]
CASES = 12
RECORD = ("record", "--samples", "1")
RESUME = ("pytest", "-q", "--migrate-resume")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("machine")) as opened:
        yield opened


# --- The clock ---------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_changes_no_duration(nursery: Nursery, server: FaultServer, tmp_path: Path) -> None:
    """Days leap to and fro during a run under rate limits: no wait and no latency is longer than the run was."""
    project = FaultProject(tmp_path / "project", CASES)
    project.write(server.url, timeout_s=30.0)
    assert 0 == nursery.run(project.root, *RECORD).code
    server.restart(Shares(rate_limit=0.3, server_error=0.1, broken_stream=0, stall=0, malformed=0))

    done = nursery.run(project.root, "pytest", "-q", "-p", "leap", "--model", CANDIDATE, "--migrate-fresh")

    assert 0 == done.code, done.out
    assert server.books.fates()["rate_limit"]
    names = [name for (name,) in project.ledger("SELECT name FROM pragma_table_info('calls')") if name.endswith("_ms")]
    for name in names:
        [(least, most)] = project.ledger(
            f"SELECT min({name}), max({name}) FROM calls WHERE run_id = :run AND side = 'candidate'"
        )
        assert 0 <= (least or 0) <= (most or 0) <= done.seconds * 1000, name
    assert names


# --- Limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"RLIMIT_FSIZE": 65_536}, ("File too large", "disk I/O error")),
        # With some more files connections fail and are made again: then it ends well, only later.
        ({"RLIMIT_NOFILE": 9}, ("Too many open files",)),
        ({"RLIMIT_NOFILE": 8}, ("Too many open files",)),
    ],
    ids=["file size", "open files", "no file for the asking"],
)
def test_a_limit_of_the_machine_is_said_and_loses_nothing(
    nursery: Nursery, server: FaultServer, tmp_path: Path, limits: dict[str, int], words: tuple[str, ...]
) -> None:
    """A recording that meets a limit says which, without a traceback; once it is lifted the rest is recorded."""
    project = FaultProject(tmp_path / "project", CASES)
    project.write(server.url, timeout_s=30.0)

    limited = nursery.run(project.root, *RECORD, limits=limits)
    assert 0 != limited.code, limited.out
    assert any(word in limited.out for word in words), limited.out
    assert "Traceback" not in limited.out

    resumable = any(name.endswith(".plan.json") for name in project.state_files())
    last = nursery.run(project.root, *(RESUME if resumable else RECORD))
    assert 0 == last.code, f"{limited.out}\n--- then ---\n{last.out}"
    goldens = [name for name in files_of(project.root / "fixtures") if not name.endswith("measurements.json")]
    assert CASES == len(goldens)
    assert 0 == nursery.run(project.root, "goldens", "check").code


# --- A checkout that cannot be written -------------------------------------------------------------------------------


def as_its_reader(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command without a home, as one whom the rights of files bind: root sets them aside else."""
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    environ = {**{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}, "HOME": "/nonexistent"}
    call = [*bound, sys.executable, *words]
    return subprocess.run(call, cwd=project.root, env=environ, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def closed(project: Project) -> Iterator[Project]:
    """A project that was replayed, every file and folder of it read-only."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and nothing here takes that right away")
    project.run("-q", "--model", "gpt-4.1").assert_outcomes(passed=5)
    paths = [project.root, *project.root.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield project
    for path in paths:
        path.chmod(path.stat().st_mode | 0o700)


@pytest.mark.parametrize(
    "words", [("compare",), ("runs",), ("list",), ("validate",), ("goldens", "check"), ("doctor",)], ids=" ".join
)
def test_a_closed_checkout_can_be_read(closed: Project, words: tuple[str, ...]) -> None:
    """Every command that only reads works on a read-only checkout, without a home too, and changes no byte."""
    before = closed.files(".")
    done = as_its_reader(closed, "-m", "migrate", *words)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert before == closed.files(".")


def test_nothing_is_paid_for_what_cannot_be_kept(closed: Project) -> None:
    """A live replay in a read-only checkout is refused in words before anybody is asked."""
    before = closed.models.calls
    plain = [word for name in OTHERS for word in ("-p", f"no:{name}")]
    done = as_its_reader(
        closed, "-m", "pytest", "-p", "no:cacheprovider", *plain, "--model", "gpt-4.1", "--migrate-fresh"
    )
    assert 0 != done.returncode
    assert "Traceback" not in done.stdout + done.stderr
    assert before == closed.models.calls
