"""Ctrl-C and SIGTERM at any moment: the run ends soon, tells what it finished, and can be gone on with.

`FAULT_SIGNALS` sets how many runs are stopped (6; the session `faults` of the noxfile stops 100, and holds each to five
seconds: here a busy machine may take longer).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_project import CANDIDATE, FaultProject
from fault_server import FaultServer
from nursery import Nursery

from migrate.edges.journal import read_journal
from migrate.ports import CaseRecord

SIGNALS = int(os.environ.get("FAULT_SIGNALS", "6"))
WITHIN_S = 5.0 if SIGNALS >= 100 else 60.0
CASES, SAMPLES, CONCURRENCY = 4, 2, 3
SILENT = 3
"""The case whose first answers never come, so that a run does not end by itself."""
REPLAY = ("pytest", "-v", "--model", CANDIDATE, "--samples", str(SAMPLES))

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as opened:
        yield opened


@pytest.fixture(scope="module")
def silent(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultProject, FaultServer]]:
    """A project with goldens, and a server that will not answer everything the first time."""
    with FaultServer() as server:
        project = FaultProject(tmp_path_factory.mktemp("signals") / "template", CASES)
        project.write(server.url, timeout_s=90.0, concurrency=CONCURRENCY)
        done = nursery.run(project.root, "record", "--samples", str(SAMPLES))
        assert done.code == 0, done.out
        yield project, server


def copied(silent: tuple[FaultProject, FaultServer], root: Path) -> FaultProject:
    """Return a copy of the project; the server's books are new, and one case gets no answer."""
    model, server = silent
    shutil.copytree(model.root, root, ignore=shutil.ignore_patterns(".prompt-migrate"))
    server.restart()
    server.script = lambda case, nth, _streamed, _rng: "stall" if case == SILENT and nth <= SAMPLES else "answer"
    return FaultProject(root, CASES)


def finished(out: str) -> set[str]:
    """Return the cases that the run said it had finished."""
    return set(re.findall(r"::(c\d+)\[\S+ PASSED", out))


def kept(project: FaultProject) -> set[str]:
    """Return the cases that are in the ledger, or in a journal that the next start takes in."""
    found: set[str] = set()
    if (project.root / ".prompt-migrate" / "ledger.db").exists():
        found |= {case for (case,) in project.ledger("SELECT case_id FROM comparisons")}
    for path in (project.root / ".prompt-migrate" / "journals").glob("*.jsonl"):
        found |= {event.comparison.case for event in read_journal(path) if isinstance(event, CaseRecord)}
    return found


def go_on(nursery: Nursery, server: FaultServer, project: FaultProject) -> None:
    """Finish the run, or begin it where it was stopped before it had begun; now everything is answered."""
    server.script = lambda _case, _nth, _streamed, _rng: "answer"
    planned = any(name.endswith(".plan.json") for name in project.state_files())
    done = nursery.run(project.root, *(("pytest", "-q", "--migrate-resume") if planned else REPLAY))
    assert done.code == 0, done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stopped_run_keeps_what_it_finished(
    silent: tuple[FaultProject, FaultServer], nursery: Nursery, tmp_path: Path, number: int
) -> None:
    """It ends within seconds and never with 0; every case it called finished is kept, and the rest is asked later."""
    rng, slowest, stopped_late = random.Random(number), 0.0, 0
    for trial in range(-(-SIGNALS // 2)):
        project = copied(silent, tmp_path / str(trial))
        ended = nursery.run(project.root, *REPLAY, signals=[(rng.uniform(0.0, 4.0), number)])
        assert ended.code != 0, ended.out
        assert ended.to_exit_s is not None
        slowest = max(slowest, ended.to_exit_s)
        assert ended.to_exit_s <= WITHIN_S
        done = finished(ended.out)
        stopped_late += bool(done)
        assert done <= kept(project), ended.out
        if done and "Traceback" not in ended.out:
            assert "incomplete" in ended.out
        before = silent[1].books.asked.total()
        go_on(nursery, silent[1], project)
        assert silent[1].books.asked.total() <= CASES * SAMPLES + min(before, CONCURRENCY)
        shutil.rmtree(project.root)
    print(f"slowest end after {signal.Signals(number).name}: {slowest:.1f} s; {stopped_late} runs had finished cases")


def test_a_second_ctrl_c_ends_the_run_at_once(
    silent: tuple[FaultProject, FaultServer], nursery: Nursery, tmp_path: Path
) -> None:
    """Nobody is waited for any more, and what was answered is still there for the next run."""
    project = copied(silent, tmp_path / "project")
    twice = [(20.0, signal.SIGINT), (0.5, signal.SIGINT)]
    ended = nursery.run(project.root, *REPLAY, signals=twice)
    assert ended.code != 0
    assert ended.to_exit_s is not None
    assert ended.to_exit_s <= (2.0 if SIGNALS >= 100 else WITHIN_S)
    # The case before the silent one; those after it were answered, and wait for their turn.
    assert {"c2"} == finished(ended.out) == kept(project)
    go_on(nursery, silent[1], project)
    assert CASES * SAMPLES + SAMPLES == silent[1].books.asked.total()
