"""Schemas change: all of a migration or nothing of it, a copy beside, and no row lost unnoticed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from migrate import __version__
from migrate.edges.ledger import open_ledger, upgrade
from migrate.edges.ledger.databases import open_database
from migrate.edges.ledger.upgrading import Schema, backup_path, bring_up
from migrate.edges.ledger.versions import MIGRATIONS, Migration
from migrate.errors import StoreProblem
from migrate.vocabulary import FlowName
from tests.ledger.records import record_named, run_named

ROOT = Path(__file__).parents[2]
RECORDS = [record_named(f"case-{number}") for number in range(3)]

STATEMENTS = (
    "ALTER TABLE runs ADD COLUMN mood TEXT",
    "UPDATE runs SET mood = 'cheerful'",
    "CREATE TABLE labels (run_id TEXT NOT NULL, label TEXT NOT NULL)",
    "INSERT INTO labels SELECT id, 'old' FROM runs",
    "ALTER TABLE runs RENAME COLUMN mood TO temper",
)


def further(connection: Connection) -> None:
    """A further version that exists in these tests only; killed before one of its statements when told so."""
    last = int(os.environ.get("KILLED_BEFORE", "-1"))
    for number, statement in enumerate((*STATEMENTS, None)):
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        if statement is not None:
            connection.exec_driver_sql(statement)


def doing(*statements: str, recounts: frozenset[str] = frozenset()) -> tuple[Migration, ...]:
    """Return migrations whose last one runs some statements."""

    def apply(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return (*MIGRATIONS, Migration(NEXT, "Test.", apply, recounts))


NEWEST = len(MIGRATIONS)
NEXT = NEWEST + 1
MORE = (*MIGRATIONS, Migration(NEXT, "Give runs a temper.", further))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger of today with a run of three cases in it."""
    name = "sqlite:///ledger.db" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    fill(name, tmp_path)
    return str(name)


def fill(url: str, root: Path) -> None:
    ledger = open_ledger(url, root=root, migrations=MIGRATIONS)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", RECORDS)
    ledger.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a ledger of today."""
    fill("sqlite:///ledger.db", tmp_path)
    return tmp_path / "ledger.db"


def ask(url: str, root: Path, question: str) -> list[tuple[object, ...]]:
    """Return what a database answers to plain SQL, whatever its schema."""
    database = open_database(url, root=root)
    rows = database.read(lambda connection: [tuple(row) for row in connection.exec_driver_sql(question)])
    database.close()
    return rows


def records_in(url: str, root: Path, migrations: tuple[Migration, ...]) -> list[object]:
    ledger = open_ledger(url, root=root, migrations=migrations)
    found = list(ledger.records("run-001"))
    ledger.close()
    return list(found)


# --- The way up ----------------------------------------------------------------------------------------


def test_migrations_are_numbered_without_gaps() -> None:
    """Every version has its migration, from 1."""
    assert list(range(1, len(MIGRATIONS) + 1)) == [migration.version for migration in MIGRATIONS]


def test_new_ledger_is_made_once(tmp_path: Path) -> None:
    """Upgrading makes the tables where there are none, and then finds nothing to do."""
    assert (0, len(MIGRATIONS)) == upgrade("sqlite:///ledger.db", root=tmp_path)
    before = (tmp_path / "ledger.db").read_bytes()

    assert (len(MIGRATIONS), len(MIGRATIONS)) == upgrade("sqlite:///ledger.db", root=tmp_path)
    assert before == (tmp_path / "ledger.db").read_bytes()
    assert not list(tmp_path.glob("*.bak"))


def test_upgrade_tells_from_where_to_where(url: str, tmp_path: Path) -> None:
    """An upgrade applies what is missing, records it, and keeps every row."""
    assert (NEWEST, NEXT) == upgrade(url, root=tmp_path, migrations=MORE)

    assert [("cheerful",)] == ask(url, tmp_path, "SELECT temper FROM runs")
    assert [("run-001", "old")] == ask(url, tmp_path, "SELECT * FROM labels")
    question = "SELECT version, change, tool_version FROM schema_version ORDER BY version"
    steps = [(step.version, step.change, __version__) for step in MORE]
    assert steps == ask(url, tmp_path, question)
    assert RECORDS == records_in(url, tmp_path, MORE)


def test_sqlite_is_upgraded_when_it_is_opened(file: Path, tmp_path: Path) -> None:
    """A ledger file is one project's own: opening it is enough."""
    assert RECORDS == records_in("sqlite:///ledger.db", tmp_path, MORE)
    assert [(NEXT,)] == ask("sqlite:///ledger.db", tmp_path, "SELECT max(version) FROM schema_version")


def test_postgresql_is_upgraded_when_asked(empty_postgresql_url: str, tmp_path: Path) -> None:
    """A team's ledger is not changed under colleagues: opening an older one names the command that upgrades it."""
    fill(empty_postgresql_url, tmp_path)

    with pytest.raises(StoreProblem) as problem:
        open_ledger(empty_postgresql_url, root=tmp_path, migrations=MORE)
    assert f"has schema {NEWEST}; this version needs {NEXT}" in str(problem.value)
    assert "next: prompt-migrate db upgrade" in str(problem.value)
    assert (NEWEST, NEXT) == upgrade(empty_postgresql_url, root=tmp_path, migrations=MORE)
    assert RECORDS == records_in(empty_postgresql_url, tmp_path, MORE)


def test_newer_schema_is_refused(url: str, tmp_path: Path) -> None:
    """An older prompt-migrate refuses what a newer one made, and names the version it takes."""
    upgrade(url, root=tmp_path, migrations=MORE)

    for refused in (open_ledger, upgrade):
        with pytest.raises(StoreProblem, match=f"has schema {NEXT}, made by prompt-migrate {__version__}"):
            refused(url, root=tmp_path, migrations=MIGRATIONS)


def test_upgrades_at_once_are_one(url: str, tmp_path: Path) -> None:
    """Upgrading from several places at once applies every migration once."""
    done: list[tuple[int, int]] = []
    threads = [
        threading.Thread(target=lambda: done.append(upgrade(url, root=tmp_path, migrations=MORE))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [NEXT] * 4 == [after for _, after in done]
    assert [(1,)] == ask(url, tmp_path, "SELECT count(*) FROM labels")


def test_loser_of_a_race_has_nothing_to_do(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds, once alone with the database, that another process was faster, counts and copies nothing."""
    monkeypatch.setattr("migrate.edges.ledger.upgrading._peek", lambda _: Schema(0))
    monkeypatch.setattr("migrate.edges.ledger.upgrading._counts", None)

    assert (NEWEST, NEWEST) == upgrade(url, root=tmp_path, migrations=MIGRATIONS)


# --- Ledgers of every earlier version -------------------------------------------------------------------

FILLED = {path.stem: path for path in sorted((Path(__file__).parent / "filled").glob("version-*.json"))}
"""What a ledger of each earlier version held: table -> rows, written by that version."""


def pour(path: Path, url: str, root: Path) -> None:
    """Make a ledger of an earlier version and put its rows in."""
    version, tables = int(path.stem.rpartition("-")[2]), json.loads(path.read_text("utf-8"))
    database = open_database(url, root=root)
    bring_up(database, MIGRATIONS[:version], asked=True)

    def insert(connection: Connection) -> None:
        for table, rows in tables.items():
            for row in rows:
                places = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"), row)

    database.write(insert)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without any table."""
    return "sqlite:///old.db" if request.param == "sqlite" else str(request.getfixturevalue("empty_postgresql_url"))


def test_every_earlier_version_has_a_filled_ledger() -> None:
    """Whoever adds a migration keeps a ledger of the version before."""
    assert [f"version-{number}" for number in range(1, NEWEST)] == list(FILLED)


@pytest.mark.parametrize("version", FILLED)
def test_a_filled_ledger_of_every_version_comes_up(version: str, empty_url: str, tmp_path: Path) -> None:
    """All rows of an old ledger are there after the upgrade, and can be read as cases."""
    pour(FILLED[version], empty_url, tmp_path)
    before = {name: len(rows) for name, rows in json.loads(FILLED[version].read_text("utf-8")).items()}

    assert (int(version[-1]), NEWEST) == upgrade(empty_url, root=tmp_path)

    assert before == {name: ask(empty_url, tmp_path, f"SELECT count(*) FROM {name}")[0][0] for name in before}
    cases = [record.comparison.case for record in records_in(empty_url, tmp_path, MIGRATIONS)]  # type: ignore[attr-defined]
    assert ["broken-cup", "late-parcel", "lost.letter"] == cases


def test_attempts_that_may_have_been_paid_for_are_counted_after_the_fact(empty_url: str, tmp_path: Path) -> None:
    """Version 1 kept them in the traces of samples alone: version 2 has them beside the cost that lacks them."""
    pour(FILLED["version-1"], empty_url, tmp_path)
    upgrade(empty_url, root=tmp_path)

    question = "SELECT case_id, sample, lost FROM calls WHERE side = 'candidate' ORDER BY case_id, sample"
    expected = [("broken-cup", 1, 2), ("broken-cup", 2, 0), ("late-parcel", 1, 0), ("late-parcel", 2, 0)]
    assert [*expected, ("lost.letter", 1, 1), ("lost.letter", 2, 4)] == ask(empty_url, tmp_path, question)
    ledger = open_ledger(empty_url, root=tmp_path)
    (row,) = ledger.history(FlowName("refund"))
    ledger.close()
    assert ("0.006", 7) == (row.cost_usd, row.unknown_cost)


# --- Sudden ends -----------------------------------------------------------------------------------------

UPGRADE = """
import pathlib, sys
from migrate.edges.ledger import upgrade
from tests.ledger.test_ledger_upgrade import MORE
upgrade(sys.argv[1], root=pathlib.Path(sys.argv[2]), migrations=MORE)
"""


@pytest.mark.parametrize("statement", range(len(STATEMENTS) + 1))
def test_killed_upgrade_leaves_the_old_schema(url: str, tmp_path: Path, statement: int) -> None:
    """Killed before any statement of a migration, the ledger is the old one, whole, and can be upgraded again."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "KILLED_BEFORE": str(statement)}
    killed = subprocess.run([sys.executable, "-c", UPGRADE, url, str(tmp_path)], env=environment, check=False)
    assert -signal.SIGKILL == killed.returncode

    assert RECORDS == records_in(url, tmp_path, MIGRATIONS)
    assert (NEWEST, NEXT) == upgrade(url, root=tmp_path, migrations=MORE)
    assert RECORDS == records_in(url, tmp_path, MORE)


def test_failing_migration_changes_nothing(url: str, tmp_path: Path) -> None:
    """A statement that fails takes everything before it back, tables included."""
    with pytest.raises(StoreProblem):
        upgrade(url, root=tmp_path, migrations=doing("CREATE TABLE labels (x TEXT)", "SELECT nonsense FROM nowhere"))

    assert (NEWEST, NEXT) == upgrade(url, root=tmp_path, migrations=MORE)


def test_migration_that_loses_rows_is_stopped(url: str, tmp_path: Path) -> None:
    """Rows that go missing in a migration stop it, and are all there afterwards."""
    with pytest.raises(StoreProblem, match="would change findings from 3 to 2 rows"):
        upgrade(url, root=tmp_path, migrations=doing("DELETE FROM findings WHERE case_id = 'case-1'"))

    assert RECORDS == records_in(url, tmp_path, MIGRATIONS)


def test_migration_may_mean_to_drop_rows(url: str, tmp_path: Path) -> None:
    """A migration that says which tables it thins may do so."""
    thinning = doing("DELETE FROM findings WHERE case_id = 'case-1'", recounts=frozenset({"findings"}))

    assert (NEWEST, NEXT) == upgrade(url, root=tmp_path, migrations=thinning)


def rebuild(connection: Connection) -> None:
    """Make the table `runs` anew, which is how SQLite changes what ALTER TABLE cannot."""
    definition = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'runs'").scalar_one()
    connection.exec_driver_sql(definition.replace("CREATE TABLE runs", "CREATE TABLE runs_new"))
    connection.exec_driver_sql("INSERT INTO runs_new SELECT * FROM runs")
    connection.exec_driver_sql("DROP TABLE runs")
    connection.exec_driver_sql("ALTER TABLE runs_new RENAME TO runs")


def test_rebuilt_table_keeps_what_hangs_on_it(file: Path, tmp_path: Path) -> None:
    """On SQLite a migration may make a table anew without taking along what refers to it."""
    rebuilding = (*MIGRATIONS, Migration(NEXT, "Make runs anew.", rebuild))

    assert (NEWEST, NEXT) == upgrade("sqlite:///ledger.db", root=tmp_path, migrations=rebuilding)
    assert RECORDS == records_in("sqlite:///ledger.db", tmp_path, rebuilding)


def test_orphans_stop_an_upgrade(file: Path, tmp_path: Path) -> None:
    """A migration that leaves rows without what they belong to is undone."""
    orphaning = doing("UPDATE runs SET id = 'run-x'")

    with pytest.raises(StoreProblem, match="rows without their run"):
        upgrade("sqlite:///ledger.db", root=tmp_path, migrations=orphaning)
    assert RECORDS == records_in("sqlite:///ledger.db", tmp_path, MIGRATIONS)


# --- The copy beside --------------------------------------------------------------------------------------


def test_copy_holds_the_old_ledger(file: Path, tmp_path: Path) -> None:
    """Before a ledger file is upgraded it is copied beside itself, for its owner only, and the copy works."""
    upgrade("sqlite:///ledger.db", root=tmp_path, migrations=MORE)
    copy = backup_path(file, NEWEST)

    assert f"ledger.db.schema-{NEWEST}.bak" == copy.name
    assert 0o600 == stat.S_IMODE(copy.stat().st_mode)
    assert RECORDS == records_in(f"sqlite:///{copy.name}", tmp_path, MIGRATIONS)


def test_copy_of_a_killed_upgrade_is_replaced(file: Path, tmp_path: Path) -> None:
    """What an earlier, killed upgrade left of its copy does not stand in the way, or count as the copy."""
    backup_path(file, NEWEST).write_bytes(b"an old copy")
    (tmp_path / f"ledger.db.schema-{NEWEST}.bak.part").write_bytes(b"half a copy")
    upgrade("sqlite:///ledger.db", root=tmp_path, migrations=MORE)

    assert [f"ledger.db.schema-{NEWEST}.bak"] == [path.name for path in tmp_path.glob("*.bak*")]
    with closing(sqlite3.connect(backup_path(file, NEWEST))) as copy:
        assert (3,) == copy.execute("SELECT count(*) FROM comparisons").fetchone()


def test_ledger_without_a_copy_is_not_upgraded(file: Path, tmp_path: Path) -> None:
    """Where no copy can be made, the ledger stays as it is."""
    (tmp_path / f"ledger.db.schema-{NEWEST}.bak.part").mkdir()

    with pytest.raises(StoreProblem, match="cannot be copied"):
        upgrade("sqlite:///ledger.db", root=tmp_path, migrations=MORE)
    assert RECORDS == records_in("sqlite:///ledger.db", tmp_path, MIGRATIONS)


def test_log_is_part_of_the_copy(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What still stands in the write-ahead log is in the copy too."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 53, 0))
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path, migrations=MIGRATIONS)
    ledger.start(run_named("run-002"))
    assert (tmp_path / "ledger.db-wal").stat().st_size > 0
    upgrade("sqlite:///ledger.db", root=tmp_path, migrations=MORE)
    ledger.close()

    with closing(sqlite3.connect(backup_path(file, NEWEST))) as copy:
        assert (2,) == copy.execute("SELECT count(*) FROM runs").fetchone()
