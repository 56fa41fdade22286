"""The n-th opening, writing, syncing, replacing, connecting or committing fails, for n = 1, 2, ... until none does.

Wherever a recording fails, it says so in words, what it had is sound, and the next one finishes it and asks for
nothing that was answered and written down. `FAULT_STEP=1` tries every n, as the session `faults` of the noxfile does;
else every twelfth.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from committed import committed, files_of
from failing import KINDS
from fault_project import FaultProject
from fault_server import FaultServer
from nursery import Ended, Nursery

STEP = int(os.environ.get("FAULT_STEP", "12"))
CASES, SAMPLES = 2, 1
RECORD = ("record", "--samples", str(SAMPLES), "--max-cost", "5")
REPLAY = ("pytest", "-q", "--model", "gpt-4.1", "--max-cost", "5")
RESUME = ("pytest", "-q", "--migrate-resume")
AT_ITS_END = "had come to its end: nothing is left to resume"
STRAY = (".tmp", ".part", ".state", ".jsonl")
WORDS = ("cannot", "could not", "disk", "space", "no_reply", "connection", "incomplete", "not recorded", "in words")

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as opened:
        yield opened


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[FaultProject, FaultServer]]:
    """A project with goldens, and the server it asks."""
    with FaultServer() as server:
        project = FaultProject(tmp_path_factory.mktemp("points") / "template", CASES)
        project.write(server.url, timeout_s=30.0, concurrency=1)
        done = nursery.run(project.root, *RECORD)
        assert done.code == 0, done.out
        yield project, server


@pytest.mark.parametrize("command", [RECORD, REPLAY], ids=["record", "replay"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_call_may_fail(
    nursery: Nursery,
    template: tuple[FaultProject, FaultServer],
    tmp_path: Path,
    kind: str,
    command: tuple[str, ...],
) -> None:
    """No traceback, no loss, no second payment, nothing left lying."""
    model, server = template
    ignored = shutil.ignore_patterns(".prompt-migrate", *(["fixtures"] if command == RECORD else []))
    for nth in itertools.count(1, STEP):
        root = shutil.copytree(model.root, tmp_path / f"{nth}", ignore=ignored)
        project = FaultProject(root, CASES)
        server.restart()
        failed = nursery.run(root, *command, failing=(kind, nth))
        if not failed.fired:
            assert failed.code == 0, failed.out
            assert nth > 1, f"no call of the kind {kind} was seen"
            break
        told(failed, kind, nth)
        before, known = server.books.asked.total(), committed(project, measured=command == RECORD)
        resumable = any(name.endswith(".plan.json") for name in project.state_files())
        last = nursery.run(root, *(RESUME if resumable else command))
        assert last.code == 0, f"{kind} {nth}: {failed.out}\n--- then ---\n{last.out}"
        assert server.books.asked.total() - before <= CASES * SAMPLES - len(known), f"{kind} {nth}: {failed.out}"
        assert [] == [name for name in files_of(root) if name.endswith(STRAY) and not name.startswith("prompts/")]
        shutil.rmtree(root)


@pytest.mark.parametrize("command", [RECORD, REPLAY], ids=["record", "replay"])
@pytest.mark.parametrize("kind", ["open", "write", "fsync", "replace"])
def test_killed_at_any_call_nothing_is_left(
    nursery: Nursery,
    template: tuple[FaultProject, FaultServer],
    tmp_path: Path,
    kind: str,
    command: tuple[str, ...],
) -> None:
    """Killed right before the n-th call, a run is finished by its user's next command, and no file of it is left."""
    model, server = template
    whole = set(files_of(model.root))
    ignored = shutil.ignore_patterns(".prompt-migrate", *(["fixtures"] if command == RECORD else []))
    for nth in itertools.count(1, STEP):
        root = shutil.copytree(model.root, tmp_path / f"{nth}", ignore=ignored)
        project = FaultProject(root, CASES)
        server.restart()
        killed = nursery.run(root, *command, failing=(f"kill {kind}", nth))
        if not killed.fired:
            break
        resumable = any(name.endswith(".plan.json") for name in project.state_files())
        last = nursery.run(root, *(RESUME if resumable else command))
        if AT_ITS_END in last.out:
            last = nursery.run(root, *command)
        assert last.code == 0, f"{kind} {nth}: {last.out}"
        assert set() == set(files_of(root)) - whole - {
            ".prompt-migrate/recordings.db",
            ".prompt-migrate/recordings.db-journal",
        }
        shutil.rmtree(root)


def told(failed: Ended, kind: str, nth: int) -> None:
    """Check that a failure was told in words, or did no harm."""
    assert "Traceback" not in failed.out, f"{kind} {nth}: {failed.out}"
    assert "INTERNALERROR" not in failed.out, f"{kind} {nth}: {failed.out}"
    assert failed.code in (0, 1, 2, 4, 10, 11, 13), f"{kind} {nth} ended with {failed.code}: {failed.out}"
    assert failed.code == 0 or any(word in failed.out for word in WORDS), f"{kind} {nth}: {failed.out}"
