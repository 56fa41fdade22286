"""Many writers and sudden ends: nothing that was acknowledged is lost, nothing is half there."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.edges.ledger import open_ledger
from migrate.edges.ledger.soundness import wal_is_sound
from migrate.edges.ledger.transfers import BATCH
from migrate.ports import CaseRecord
from tests.ledger.records import record_named, run_named

ROOT = Path(__file__).parents[2]
WRITES = int(os.environ.get("FAULT_WRITES", "50"))
"""Records that each of eight processes writes; the session `faults` of the noxfile makes them 500."""
RESTARTS = 1 if WRITES < 500 else 3
"""Crashes of the PostgreSQL server meanwhile."""

WRITER = """
import pathlib, sys
from migrate.edges.ledger import open_ledger
from tests.ledger.records import record_named, run_named
url, root, worker, count, own = sys.argv[1:]
ledger = open_ledger(url, root=pathlib.Path(root))
run = f"run-{worker}" if own == "own" else "run-shared"
if own == "own":
    ledger.start(run_named(run))
for number in range(int(count)):
    ledger.add(run, [record_named(f"{worker}-{number:04}")])
    print(number, flush=True)
"""


def process(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that can import what the tests can."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def sound(path: Path) -> bool:
    """Tell whether SQLite finds nothing wrong in a file, and nothing that belongs to nothing."""
    with closing(sqlite3.connect(path)) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return whole and connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a ledger without tables."""
    return "sqlite:///ledger.db" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql_url")


def cases_of(url: str, root: Path, run_id: str) -> list[str]:
    ledger = open_ledger(url, root=root)
    found = [record.comparison.case for record in ledger.records(run_id)]
    ledger.close()
    return found


def test_eight_processes_lose_nothing(url: str, tmp_path: Path) -> None:
    """Eight processes that make the ledger and write to one run at once all get through, with every record."""
    ledger = open_ledger(url, root=tmp_path)
    ledger.start(run_named("run-shared"))
    ledger.close()
    writers = [process(WRITER, url, str(tmp_path), str(worker), str(WRITES), "shared") for worker in range(8)]
    outputs = [writer.communicate()[0] for writer in writers]

    assert [0] * 8 == [writer.returncode for writer in writers]
    assert ["\n".join(map(str, range(WRITES))) + "\n"] * 8 == outputs
    expected = [f"{worker}-{number:04}" for worker in range(8) for number in range(WRITES)]
    assert expected == cases_of(url, tmp_path, "run-shared")
    assert not url.startswith("sqlite") or sound(tmp_path / "ledger.db")


CHECKPOINTER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
while True:
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    print(connection.execute("PRAGMA journal_mode").fetchone()[0], flush=True)
"""


@pytest.mark.parametrize("ahead", [False, True], ids=["as it was made", "left in a write-ahead log"])
def test_checkpoints_of_others_lose_nothing(tmp_path: Path, ahead: bool) -> None:
    """Four processes write while a fifth asks for checkpoints without end: where those lose commits, no log is used."""
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    ledger.start(run_named("run-shared"))
    ledger.close()
    path = tmp_path / "ledger.db"
    if ahead:
        with closing(sqlite3.connect(path)) as newer:
            assert [("wal",)] == newer.execute("PRAGMA journal_mode=WAL").fetchall()
    arguments = ("sqlite:///ledger.db", str(tmp_path))
    writers = [process(WRITER, *arguments, str(worker), str(WRITES), "shared") for worker in range(4)]
    assert writers[0].stdout is not None
    first = writers[0].stdout.readline()
    checkpointer = process(CHECKPOINTER, str(path))
    outputs = [writer.communicate()[0] for writer in writers]
    checkpointer.kill()
    modes = set(checkpointer.communicate()[0].split())

    assert [0] * 4 == [writer.returncode for writer in writers]
    assert ["\n".join(map(str, range(WRITES))) + "\n"] * 4 == [first + outputs[0], *outputs[1:]]
    expected = [f"{worker}-{number:04}" for worker in range(4) for number in range(WRITES)]
    assert expected == cases_of("sqlite:///ledger.db", tmp_path, "run-shared")
    assert sound(path)
    assert modes
    assert modes == {"wal"} if wal_is_sound(sqlite3.sqlite_version_info) else "wal" not in modes


def test_processes_may_make_the_ledger_at_once(url: str, tmp_path: Path) -> None:
    """Two runs that start in the same moment, where no ledger is yet, both complete under their own ids."""
    writers = [process(WRITER, url, str(tmp_path), str(worker), "3", "own") for worker in range(3)]
    for writer in writers:
        writer.communicate()

    assert [0] * 3 == [writer.returncode for writer in writers]
    assert [["0-0000", "0-0001", "0-0002"], ["1-0000", "1-0001", "1-0002"], ["2-0000", "2-0001", "2-0002"]] == [
        cases_of(url, tmp_path, f"run-{worker}") for worker in range(3)
    ]


def test_threads_share_a_ledger(url: str, tmp_path: Path) -> None:
    """Threads that write through one ledger lose nothing either."""
    ledger = open_ledger(url, root=tmp_path)
    ledger.start(run_named("run-001"))
    faults: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for number in range(20):
                ledger.add("run-001", [record_named(f"{thread}-{number:04}")])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()

    assert [] == faults
    assert 120 == len(cases_of(url, tmp_path, "run-001"))


def test_writer_waits_for_a_long_reader(tmp_path: Path) -> None:
    """A program that reads the file for a while delays a writer, and no more."""
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    ledger.start(run_named("run-001"))
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        letting_go = threading.Timer(0.3, lambda: reader.execute("ROLLBACK"))
        letting_go.start()
        ledger.add("run-001", [record_named("a")])
        letting_go.join()
    ledger.close()

    assert ["a"] == cases_of("sqlite:///ledger.db", tmp_path, "run-001")


ENDLESS = """
import itertools, pathlib, sys
from migrate.edges.ledger import open_ledger
from tests.ledger.records import record_named, run_named
ledger = open_ledger("sqlite:///ledger.db", root=pathlib.Path(sys.argv[1]))
ledger.start(run_named("run-001"))
def records():
    for number in itertools.count():
        if number % 500 == 0:
            print(number, flush=True)
        yield record_named(f"case-{number:06}", samples=2)
ledger.add("run-001", records())
"""


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 5])
def test_killed_writer_leaves_a_sound_ledger(tmp_path: Path, lines: int) -> None:
    """However a writer is killed, what it committed is there whole, and the next one goes on."""
    writer = process(ENDLESS, str(tmp_path))
    assert writer.stdout is not None
    for _ in range(lines):
        drawn = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    kept = list(ledger.records("run-001"))
    assert sound(tmp_path / "ledger.db")
    # The batches before the last one drawn were committed before it was.
    assert len(kept) >= drawn - BATCH
    assert [record_named(f"case-{number:06}", samples=2) for number in range(len(kept))] == kept
    assert 1 == ledger.add("run-001", [record_named("case-zzz")])
    ledger.close()


def test_adding_holds_few_records_at_a_time(url: str, tmp_path: Path) -> None:
    """Memory does not grow with the run: a stream of records is written as it comes."""
    most = 0

    def counted() -> Iterator[CaseRecord]:
        nonlocal most
        for number in range(4 * BATCH):
            if number % BATCH == BATCH - 1:
                gc.collect()
                most = max(most, sum(isinstance(thing, CaseRecord) for thing in gc.get_objects()))
            yield record_named(f"case-{number:04}")

    ledger = open_ledger(url, root=tmp_path)
    ledger.start(run_named("run-001"))
    gc.collect()
    before = sum(isinstance(thing, CaseRecord) for thing in gc.get_objects())
    ledger.add("run-001", counted())
    ledger.close()

    assert most - before <= 2 * BATCH


# --- PostgreSQL goes away ------------------------------------------------------------------------------


def interrupted_by(interrupt: Callable[[], object]) -> Iterator[CaseRecord]:
    """Yield enough records for three transactions, with an interruption before the second."""
    for number in range(3 * BATCH):
        if number == BATCH + 1:
            interrupt()
        yield record_named(f"case-{number:04}")


def test_lost_connections_are_made_again(empty_postgresql_url: str, tmp_path: Path) -> None:
    """When the server drops every connection between two transactions, nothing is lost or said."""
    ledger = open_ledger(empty_postgresql_url, root=tmp_path)
    ledger.start(run_named("run-001"))

    def drop() -> None:
        with psycopg.connect(empty_postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    ledger.add("run-001", interrupted_by(drop))
    ledger.close()

    assert 3 * BATCH == len(cases_of(empty_postgresql_url, tmp_path, "run-001"))


def test_broken_transaction_is_done_again(empty_postgresql_url: str, tmp_path: Path) -> None:
    """When the connection breaks inside a transaction, the whole transaction is repeated."""
    ledger = open_ledger(empty_postgresql_url, root=tmp_path)
    tries: list[int] = []

    def work(connection: Any) -> None:
        connection.exec_driver_sql("INSERT INTO bodies VALUES ('d', '{}')")
        tries.append(1)
        if len(tries) == 1:
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    ledger._database.write(work)
    bodies = ledger._database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM bodies").scalar_one())
    ledger.close()

    assert (2, 1) == (len(tries), bodies)


class Server:
    """The PostgreSQL server of the suite, which can crash and come back."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._control = [str(server.bin_path / "pg_ctl"), "-D", str(server.pgdata), "-w"]
        self._options = (Path(server.pgdata) / "postmaster.opts").read_text().split()[1:]
        self._quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._quiet["user"] = server.system_user

    def crash(self) -> subprocess.Popen[bytes]:
        """Stop the server at once, every transaction with it, and return what is starting it again."""
        subprocess.run([*self._control, "-m", "immediate", "stop"], check=True, **self._quiet)
        return subprocess.Popen([*self._control, "-o", " ".join(self._options), "start"], **self._quiet)

    def is_back(self) -> None:
        """Let the fixture learn which process to stop."""
        self._server.ensure_postgres_running()


def test_restarted_server_is_waited_for(empty_postgresql_url: str, postgresql_server: Any, tmp_path: Path) -> None:
    """When the server crashes and comes back in the middle of a run, the run goes on."""
    ledger = open_ledger(empty_postgresql_url, root=tmp_path)
    ledger.start(run_named("run-001"))
    server = Server(postgresql_server)
    coming_back: list[subprocess.Popen[bytes]] = []

    ledger.add("run-001", interrupted_by(lambda: coming_back.append(server.crash())))
    ledger.close()

    assert [0] == [start.wait() for start in coming_back]
    server.is_back()
    assert 3 * BATCH == len(cases_of(empty_postgresql_url, tmp_path, "run-001"))


def test_a_ledger_is_opened_while_its_server_comes_back(
    empty_postgresql_url: str, postgresql_server: Any, tmp_path: Path
) -> None:
    """A worker that begins at that moment is told of nothing."""
    open_ledger(empty_postgresql_url, root=tmp_path).close()
    server = Server(postgresql_server)
    coming_back = server.crash()
    open_ledger(empty_postgresql_url, root=tmp_path).close()
    assert 0 == coming_back.wait()
    server.is_back()


def test_eight_processes_outlive_restarts(empty_postgresql_url: str, postgresql_server: Any, tmp_path: Path) -> None:
    """Eight writers lose nothing, and are told of nothing, while the server crashes and comes back again and again."""
    ledger = open_ledger(empty_postgresql_url, root=tmp_path)
    ledger.start(run_named("run-shared"))
    ledger.close()
    url, server = empty_postgresql_url, Server(postgresql_server)
    writers = [process(WRITER, url, str(tmp_path), str(worker), str(WRITES), "shared") for worker in range(8)]
    read: list[str] = []
    for part in range(1, RESTARTS + 1):
        assert writers[0].stdout is not None
        read += [writers[0].stdout.readline() for _ in range(part * WRITES // (RESTARTS + 1) - len(read))]
        assert 0 == server.crash().wait()
    outputs = [writer.communicate()[0] for writer in writers]

    server.is_back()
    assert [0] * 8 == [writer.returncode for writer in writers]
    assert [WRITES] * 8 == [len(out.splitlines()) for out in ["".join(read) + outputs[0], *outputs[1:]]]
    expected = [f"{worker}-{number:04}" for worker in range(8) for number in range(WRITES)]
    assert expected == cases_of(url, tmp_path, "run-shared")
