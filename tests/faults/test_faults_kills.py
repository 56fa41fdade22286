"""Killed at any moment: what was committed stays, no golden is torn, nothing is paid for twice, nothing is left lying.

Runs are killed again and again at random moments and then left to finish. `FAULT_KILLS` sets the number of kills (200,
a fifth of them in `test_faults_decisions.py`; the session `faults` of the noxfile makes 1,000).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from committed import Answers, committed, files_of, in_the_ledger
from fault_project import CANDIDATE, FaultProject
from fault_server import FaultServer
from nursery import Nursery

from migrate.edges.goldens import GoldenFiles
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName
from tests.ledger.test_ledger_upgrade import FILLED, pour

KILLS = int(os.environ.get("FAULT_KILLS", "200"))
CASES, SAMPLES, CONCURRENCY = 4, 2, 3
IN_A_ROW = 4
"""Kills of one run at most, before it is left to finish."""
TERMS = ("--samples", str(SAMPLES))
RECORD = ("record", *TERMS)
REPLAY = ("pytest", "-q", "--model", CANDIDATE, *TERMS)
RESUME = ("pytest", "-q", "--migrate-resume")
AT_ITS_END = "had come to its end: nothing is left to resume"
"""Said of a run that was killed while it cleared up."""

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


@dataclass
class Killed:
    """What was seen over many kills."""

    kills: int = 0
    runs: int = 0
    lost: list[object] = field(default_factory=list)
    """Answers that were written down and are not in what the run came to."""
    torn: list[str] = field(default_factory=list)
    asked_twice: list[object] = field(default_factory=list)
    """Runs that asked for more than what was neither answered nor in flight when they were killed."""
    stray: list[object] = field(default_factory=list)

    def __str__(self) -> str:
        lost, twice = len(self.lost), len(self.asked_twice)
        torn, stray = len(self.torn), len(self.stray)
        return f"{self.kills} kills of {self.runs} runs: {lost} lost, {torn} torn, {twice} asked twice, {stray} stray"


@dataclass
class Yard:
    """Where runs are killed."""

    nursery: Nursery
    server: FaultServer
    folder: Path
    template: FaultProject
    """A project that was recorded and replayed."""
    files: list[str]
    """Its files."""
    takes: dict[tuple[str, ...], float]
    """Seconds that a whole run takes here and now."""
    rng: random.Random = field(default_factory=lambda: random.Random(20261129))

    def project(self, number: int, *, recorded: bool) -> FaultProject:
        """Return a new project, with goldens and nothing else of the past, or without."""
        root = self.folder / f"project-{recorded}-{number}"
        ignored = (".prompt-migrate",) if recorded else (".prompt-migrate", "fixtures")
        shutil.copytree(self.template.root, root, ignore=shutil.ignore_patterns(*ignored))
        return FaultProject(root, CASES)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Everything that many kills share."""
    folder = tmp_path_factory.mktemp("kills")
    with FaultServer(latency_s=0.01) as server, Nursery(folder) as nursery:
        template = FaultProject(folder / "template", CASES)
        template.write(server.url, timeout_s=30.0, concurrency=CONCURRENCY)
        takes = {}
        for command in (RECORD, REPLAY):
            done = nursery.run(template.root, *command)
            assert done.code == 0, done.out
            takes[command] = done.seconds
        yield Yard(nursery, server, folder, template, files_of(template.root), takes)


def torn(project: FaultProject) -> list[str]:
    """Return the goldens that are there and cannot be read whole."""
    goldens, broken = GoldenFiles(project.root / "fixtures", Redactor({})), []
    for path in (project.root / "fixtures").glob("*/[!.m]*.json"):
        try:
            goldens.read(FlowName(path.parent.name), CaseId(path.stem))
        except Exception as problem:
            broken.append(f"{path}: {problem}")
    return broken


def answers(project: FaultProject, command: tuple[str, ...]) -> Answers:
    """Return what the run has written down; what is beside goldens belongs to a recording."""
    return committed(project, measured=command == RECORD)


def kill_again_and_again(yard: Yard, project: FaultProject, command: tuple[str, ...], seen: Killed) -> Answers:
    """Kill a run some times, go on with it as its user would, let it finish, and return what it had committed."""
    yard.server.restart()
    known: Answers = {}
    seen.runs += 1
    for _ in range(yard.rng.randint(1, IN_A_ROW)):
        before = yard.server.books.asked.total()
        after = yard.rng.uniform(0.0, 1.1 * yard.takes[command])
        ended = yard.nursery.run(project.root, *next_command(project, command), signals=[(after, signal.SIGKILL)])
        # What it had sent when it was killed is its own, and not of the run that goes on.
        yard.server.settle()
        seen.torn += torn(project)
        now = answers(project, command)
        seen.lost += [(command, key, known[key]) for key in known if now.get(key) != known[key]]
        in_flight = yard.server.books.asked.total() - before - (len(now) - len(known))
        if in_flight > CONCURRENCY:
            seen.asked_twice.append((command, "in flight", in_flight))
        known = now
        if ended.code != -signal.SIGKILL:
            assert ended.code == 0 or AT_ITS_END in ended.out, ended.out
            break
        seen.kills += 1
    finish(yard, project, command, known, seen)
    return known


def next_command(project: FaultProject, command: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a user types: go on where there is something to go on with."""
    return RESUME if any(name.endswith(".plan.json") for name in project.state_files()) else command


def finish(yard: Yard, project: FaultProject, command: tuple[str, ...], known: Answers, seen: Killed) -> None:
    """Let a run come to its end: it asks for what is missing and for nothing else."""
    before = yard.server.books.asked.total()
    resumed = next_command(project, command)
    last = yard.nursery.run(project.root, *resumed)
    if AT_ITS_END in last.out:
        last = yard.nursery.run(project.root, *command)
    assert last.code == 0, last.out
    if resumed == command and not known:
        yard.takes[command] = last.seconds
    asked, missing = yard.server.books.asked.total() - before, CASES * SAMPLES - len(known)
    if asked != missing:
        seen.asked_twice.append((command, "asked", asked, "missing", missing))
    seen.torn += torn(project)
    if left := sorted(set(files_of(project.root)) - set(yard.files)):
        seen.stray.append((command, left))


@pytest.mark.parametrize(("command", "share"), [(RECORD, 0.3), (REPLAY, 0.2)], ids=["record", "replay"])
def test_a_killed_run_loses_nothing_and_pays_for_nothing_twice(
    yard: Yard, command: tuple[str, ...], share: float
) -> None:
    """What was answered before a kill is in what the run comes to, and a resumed run asks for the rest alone."""
    seen, number = Killed(), 0
    while seen.kills < share * KILLS:
        number += 1
        project = yard.project(number, recorded=command == REPLAY)
        known = kill_again_and_again(yard, project, command, seen)
        final = committed(project, measured=True) if command == RECORD else in_the_ledger(project)
        assert CASES * SAMPLES == len(final)
        seen.lost += [(command, key, known[key], final[key]) for key in known if final[key] != known[key]]
        shutil.rmtree(project.root)

    print(seen)
    assert Killed(seen.kills, seen.runs) == seen


# --- The ledger's upgrade ------------------------------------------------------------------------------------

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_version'"


def rows_of(path: Path) -> dict[str, int]:
    """Return the rows of each table, after SQLite's own look at the file."""
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        names = [name for (name,) in connection.execute(TABLES).fetchall()]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def test_a_killed_upgrade_loses_no_row(yard: Yard) -> None:
    """At any moment the ledger is the old one or the new one, whole; the next start has the new one and a copy."""
    old = yard.folder / "old.db"
    pour(FILLED["version-1"], f"sqlite:///{old}", yard.folder)
    before, kills, takes = rows_of(old), 0, 0.5
    for number in range(20 * KILLS):
        root = yard.folder / f"upgrade-{number}"
        (root / ".prompt-migrate").mkdir(parents=True)
        ledger = shutil.copy(old, root / ".prompt-migrate" / "ledger.db")
        ended = yard.nursery.run(root, "upgrade", signals=[(yard.rng.uniform(0, takes), signal.SIGKILL)])
        kills += ended.code == -signal.SIGKILL
        takes = takes if ended.code else max(0.01, ended.seconds)
        assert before.items() <= rows_of(ledger).items()
        after = yard.nursery.run(root, "upgrade")
        assert 0 == after.code, after.out
        assert before.items() <= rows_of(ledger).items()
        files = {path.name for path in (root / ".prompt-migrate").iterdir()}
        assert files <= {"ledger.db", "ledger.db-journal", "ledger.db.schema-1.bak"}
        assert before == rows_of(root / ".prompt-migrate" / "ledger.db.schema-1.bak")
        shutil.rmtree(root)
        if kills >= 0.3 * KILLS:
            break
    print(f"{kills} kills of upgrades")
    assert kills >= 0.3 * KILLS
