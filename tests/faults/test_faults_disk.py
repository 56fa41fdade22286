"""A disk that is really full: a small file system that only the product sees, with less and less of it free.

What fails, and where, is up to the operating system here; `test_faults_points.py` fails each single call instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from committed import committed, files_of
from fault_project import CANDIDATE, FaultProject
from fault_server import FaultServer
from nursery import Ended, Nursery

SIZE_KB = 2048
FREE_KB = (0, 4, 8, 12, 24, 64, 96, 128, 256, 512)[:: 1 if os.environ.get("FAULT_STEP") == "1" else 3]
"""How much of the disk is free when a run begins, in pages of 4 KB; a whole run needs less than the last of them."""
CASES = 6
RECORD = ("record", "--samples", "1", "--max-cost", "5")
REPLAY = ("pytest", "-q", "--model", CANDIDATE, "--max-cost", "5")
RESUME = ("pytest", "-q", "--migrate-resume")
MOUNTED = 'mount -t tmpfs -o size="$0" none "$1" && shift && exec "$@"'
STRAY = (".tmp", ".part", ".state", ".jsonl")
WORDS = ("No space left on device", "disk is full", "disk I/O error")


def own_disk(place: Path) -> tuple[str, ...]:
    """Return the start of a command whose process has a small disk of its own at a place."""
    return ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, f"{SIZE_KB}k", str(place))


@dataclass(frozen=True)
class Disk:
    """The small disk, with a project on it."""

    nursery: Nursery
    place: Path
    """Where it is for the product."""
    seen: Path
    """Where it is for the test."""

    def project(self, template: Path, *, recorded: bool) -> FaultProject:
        """Put a copy of a project on it, and nothing else."""
        for path in self.seen.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        ignored = (".prompt-migrate",) if recorded else (".prompt-migrate", "fixtures")
        shutil.copytree(template, self.seen / "project", ignore=shutil.ignore_patterns(*ignored))
        return FaultProject(self.seen / "project", CASES)

    def fill(self, *, free_kb: int) -> None:
        """Leave so much room, in a file that `clear` takes away."""
        (self.seen / "ballast").touch()
        room = os.statvfs(self.seen)
        (self.seen / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - free_kb * 1024))

    def clear(self) -> None:
        (self.seen / "ballast").unlink()

    def run(self, *argv: str) -> Ended:
        return self.nursery.run(self.place / "project", *argv)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """A disk of two megabytes."""
    place = tmp_path_factory.mktemp("disk")
    tried = subprocess.run([*own_disk(place), "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("nobody may mount a disk here")
    with Nursery(tmp_path_factory.mktemp("nursery"), own_disk(place)) as nursery:
        assert 0 == nursery.run(Path("/"), "--help").code
        yield Disk(nursery, place, nursery.root / place.relative_to("/"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, FaultServer]]:
    """A project with goldens, and the server it asks."""
    folder = tmp_path_factory.mktemp("template")
    with FaultServer() as server, Nursery(folder) as nursery:
        project = FaultProject(folder / "project", CASES)
        project.write(server.url, timeout_s=30.0, concurrency=1)
        done = nursery.run(project.root, *RECORD)
        assert done.code == 0, done.out
        yield project.root, server


def said_by(out: str) -> str:
    """What was printed, whatever the width it was wrapped at."""
    return " ".join(out.split())


@pytest.mark.parametrize("command", [RECORD, REPLAY], ids=["record", "replay"])
def test_a_full_disk_is_said_and_loses_nothing(
    disk: Disk, template: tuple[Path, FaultServer], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """However much is free: it is said in words; once there is room, the next run pays for what was not kept alone."""
    model, server = template
    codes = []
    for free_kb in FREE_KB:
        project = disk.project(model, recorded=command == REPLAY)
        server.restart()
        disk.fill(free_kb=free_kb)
        failed = disk.run(*command)
        codes.append(failed.code)
        assert "Traceback" not in failed.out, failed.out
        assert failed.code == 0 or any(word in said_by(failed.out) for word in WORDS), failed.out
        if "ledger" in failed.out:
            assert "resume" in failed.out, failed.out
        disk.clear()
        # SQLite would look for the file where the link of a mount's root leads to: outside.
        copy = shutil.copytree(project.root, tmp_path / str(free_kb))
        before, known = server.books.asked.total(), committed(FaultProject(copy, CASES), measured=command == RECORD)
        resumable = any(name.endswith(".plan.json") for name in project.state_files())
        last = disk.run(*(RESUME if resumable else command))
        assert 0 == last.code, f"{free_kb} KB: {failed.out}\n--- then ---\n{last.out}"
        assert server.books.asked.total() - before <= CASES - len(known), failed.out
        assert 0 == disk.run("goldens", "check").code
        assert [] == [name for name in files_of(project.root / ".prompt-migrate") if name.endswith(STRAY)]
    assert codes[0]
    assert not codes[-1]


@pytest.mark.parametrize("words", [("report",), ("report", "--format", "md", "-o", "report.md")], ids=" ".join)
def test_a_report_that_does_not_fit_is_said_and_the_summary_is_there(
    disk: Disk, template: tuple[Path, FaultServer], words: tuple[str, ...]
) -> None:
    """Nothing half written is left, and what only reads still says everything."""
    model, server = template
    project = disk.project(model, recorded=True)
    server.restart()
    assert 0 == disk.run(*REPLAY).code
    disk.fill(free_kb=0)
    before = files_of(project.root)

    failed = disk.run(*words)
    assert 0 != failed.code
    assert "Traceback" not in failed.out
    assert any(word in said_by(failed.out) for word in WORDS), failed.out
    assert before == files_of(project.root)
    shown = disk.run("compare")
    assert 0 == shown.code
    assert "6 cases: 6 same" in shown.out

    disk.clear()
    assert 0 == disk.run(*words).code
