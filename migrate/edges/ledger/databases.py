"""Where a ledger lives: an SQLite file or a PostgreSQL database, its transactions, and its faults in plain words."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from migrate.edges.ledger.soundness import network_file_system, wal_is_sound
from migrate.errors import StoreProblem, UsageProblem

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done inside one transaction; it may be done again after a transaction that did not commit."""

BUSY_S: Final = 10.0
"""How long SQLite itself waits for another writer."""
PATIENCE_S: Final = 60.0
"""How long a transaction is tried again while the database is busy, restarting or in conflict."""
_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0

_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_CLOSED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
# Serialization failure, deadlock, shutdown, crash, starting up.
_POSTGRESQL_PASSING: Final = frozenset({"40001", "40P01", "57P01", "57P02", "57P03"})


@dataclass(frozen=True, slots=True)
class Database:
    """One open database; safe to use from several threads."""

    name: str
    """For people: the path of the file, or the URL without its password."""
    reader: Engine
    writer: Engine
    path: Path | None = None
    """The file, for SQLite."""
    readonly: bool = False

    def read(self, work: Work[T], *, patience_s: float = PATIENCE_S) -> T:
        """Do `work` on one consistent state of the database; what cannot be read as it was written is damage."""
        try:
            return self._transact(self.reader, work, patience_s)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
            raise _damaged(self.name, f"a row is not what was written ({type(fault).__name__})") from fault

    def write(self, work: Work[T], *, patience_s: float = PATIENCE_S) -> T:
        """Do `work` as the only writer and commit it, durably, all or nothing."""
        if self.readonly:
            raise _closed(self.name, "written", "it or its folder is read-only")
        return self._transact(self.writer, work, patience_s)

    def close(self) -> None:
        self.reader.dispose()

    def _transact(self, engine: Engine, work: Work[T], patience_s: float) -> T:
        give_up = time.monotonic() + patience_s
        pause = _PAUSE_S
        with saying(self.name):
            while True:
                try:
                    with engine.begin() as connection:
                        return work(connection)
                except DBAPIError as fault:
                    if not _passing(fault) or time.monotonic() + pause > give_up:
                        raise
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads writers, hides nothing
                pause = min(pause * 2, _LONGEST_PAUSE_S)


# --- URLs --------------------------------------------------------------------------------------------


def sqlite_url(path: Path) -> str:
    """Return the URL of a ledger file, whatever characters its path has."""
    return "sqlite:///" + quote(os.fsencode(path))


def open_database(url: str, *, root: Path) -> Database:
    """Return the database a URL names; relative SQLite paths start at `root`.

    Makes the SQLite file, readable by its owner only, when there is none; makes no table. Raises UsageProblem
    for a URL that cannot be understood and StoreProblem for a place that cannot be reached.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        near = sqlite_url(Path(url))
        raise UsageProblem(f'the ledger "{url}" is not a URL', hint=f'did you mean "{near}"?')
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return _sqlite(_path_of(url, rest, root), root)
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgresql(f"postgresql+psycopg://{rest}")
    raise UsageProblem(
        f'a ledger cannot be kept in "{scheme}"', hint="use sqlite:///path/ledger.db or postgresql+psycopg://host/name"
    )


def _path_of(url: str, rest: str, root: Path) -> Path:
    if "?" in rest:
        raise UsageProblem(
            f'the ledger "{url}" has options, which SQLite ledgers do not take', hint='write "?" in a path as %3F'
        )
    path = unquote(rest.removeprefix("/"), errors="surrogateescape")
    if not rest.startswith("/") or path in ("", ":memory:"):
        raise UsageProblem(
            f'the ledger "{url}" names no file', hint="write sqlite:///path/ledger.db, relative to the project"
        )
    return root / path


# --- SQLite ------------------------------------------------------------------------------------------


def connect_sqlite(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Return a plain connection to a file that exists, in autocommit mode, with nothing set but its patience."""
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={'ro' if readonly else 'rw'}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _sqlite(path: Path, root: Path) -> Database:
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        _make_file(path)
    except OSError as fault:
        raise _closed(name, "made", str(fault.strerror)) from fault
    readonly = not (_may_write(path) and _may_write(path.parent))
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: connect_sqlite(path, readonly=readonly),
        poolclass=QueuePool,
        max_overflow=-1,
    )
    trusted = wal_is_sound(sqlite3.sqlite_version_info) and network_file_system(path) is None
    event.listen(engine, "connect", _plain if readonly else _ahead if trusted else _rolled_back)
    event.listen(engine, "begin", _begin)
    return Database(name, engine, engine.execution_options(begin="IMMEDIATE"), path=path, readonly=readonly)


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        # SQLite gives its journals the mode of the database.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _rolled_back(connection: sqlite3.Connection, _record: object) -> None:
    """Make commits survive a power cut, away from WAL: where SQLite may lose commits in it, or files are far away.

    TRUNCATE rather than DELETE: at FULL its end of a transaction is synced too, and the folder is left alone.
    """
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_mode=TRUNCATE")


def _ahead(connection: sqlite3.Connection, _record: object) -> None:
    """Make commits survive a power cut, in a write-ahead log."""
    connection.execute("PRAGMA synchronous=FULL")
    # Another connection at work only means that this one does not switch: the mode belongs to the file.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode=WAL")


def _plain(_connection: sqlite3.Connection, _record: object) -> None:
    """Set nothing: the file is only read."""


def _begin(connection: Connection) -> None:
    """Begin in the open, since sqlite3 would begin late: a writer takes its lock before it reads."""
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA foreign_keys={options.get('foreign_keys', 'ON')}")
    connection.exec_driver_sql(f"BEGIN {options.get('begin', 'DEFERRED')}")


# --- PostgreSQL --------------------------------------------------------------------------------------


def _postgresql(text: str) -> Database:
    url = _parsed(text)
    try:
        engine = create_engine(
            url,
            pool_size=2,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "prompt-migrate"},
        )
    except ModuleNotFoundError as fault:
        raise UsageProblem(
            "a PostgreSQL ledger needs the driver psycopg", next_command="pip install 'prompt-migrate[postgresql]'"
        ) from fault
    reader = engine.execution_options(isolation_level="REPEATABLE READ")
    return Database(url.render_as_string(hide_password=True), reader, engine)


def _parsed(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        # The text is not shown: it may hold a password.
        raise UsageProblem(
            "the ledger's PostgreSQL URL cannot be read", hint="postgresql+psycopg://user@host:5432/name"
        ) from None


# --- Faults ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def saying(name: str) -> Iterator[None]:
    """Turn faults of the database into a StoreProblem that names it."""
    try:
        yield
    except UnicodeDecodeError as fault:  # SQLite quotes the damage, and Python cannot read the quotation
        raise _damaged(name, "a page of it is no text") from fault
    except (SQLAlchemyError, sqlite3.Error, OverflowError) as fault:
        raise _problem(name, fault) from fault


def _problem(name: str, fault: Exception) -> StoreProblem:
    origin = fault.orig if isinstance(fault, DBAPIError) else fault
    said = _first_line(origin or fault)
    if not isinstance(origin, sqlite3.Error):
        return StoreProblem(f"the ledger {name} failed: {said}", next_command="prompt-migrate doctor")
    code = _code(origin)
    if code in _SQLITE_DAMAGED:
        return _damaged(name, said)
    if code in _SQLITE_CLOSED:
        return _closed(name, "opened" if code == sqlite3.SQLITE_CANTOPEN else "written", said)
    if code in _SQLITE_BUSY:
        hint = "another program holds it: close what reads or writes it, then try again"
        return StoreProblem(f"the ledger {name} stayed locked for {PATIENCE_S:.0f} s", hint=hint)
    kept = "everything committed before"
    if code == sqlite3.SQLITE_FULL:
        return StoreProblem(f"the ledger {name} cannot be written: {said}", hint="free some space first", kept=kept)
    return StoreProblem(f"the ledger {name} failed: {said}", kept=kept, next_command="prompt-migrate doctor")


def _damaged(name: str, said: str) -> StoreProblem:
    return StoreProblem(
        f"the ledger {name} is damaged: {said}",
        hint="Moved aside, it is made anew by the next run.",
        kept="the file itself; goldens, measurements and recordings, which are elsewhere",
        next_command=f"mv {shlex.quote(name)} {shlex.quote(name + '.damaged')}",
    )


def _closed(name: str, verb: str, said: str) -> StoreProblem:
    return StoreProblem(
        f"the ledger {name} cannot be {verb}: {said}",
        hint="Open the permissions of its folder, or keep the ledger elsewhere: the setting `ledger` takes a URL.",
        next_command="prompt-migrate doctor",
    )


def _passing(fault: DBAPIError) -> bool:
    """Tell whether the same transaction may succeed a little later."""
    origin: Any = fault.orig
    if isinstance(origin, sqlite3.Error):
        return _code(origin) in _SQLITE_BUSY
    sqlstate = getattr(origin, "sqlstate", None)
    # A refused connection carries no state: the server may be restarting.
    unreachable = sqlstate is None and isinstance(fault, OperationalError)
    return fault.connection_invalidated or unreachable or sqlstate in _POSTGRESQL_PASSING


def _code(fault: sqlite3.Error) -> int | None:
    code = getattr(fault, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _first_line(fault: BaseException) -> str:
    return next(iter(str(fault).splitlines()), type(fault).__name__)
