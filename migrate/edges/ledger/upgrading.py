"""Bringing a database to the schema this version knows: all of it or nothing, with a copy kept beside."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.schema import SetColumnComment, SetTableComment

from migrate import __version__
from migrate.canonical import stamp
from migrate.edges.ledger.databases import Database, connect_sqlite, saying
from migrate.edges.ledger.tables import metadata, schema_version
from migrate.edges.ledger.versions import Migration
from migrate.errors import StoreProblem

OPENING_S: Final = 5.0
"""How long a server that does not answer is asked again when a ledger is opened: it may be restarting, and whoever
mistyped its name is to learn that soon."""
_ADVISORY_LOCK: Final = 0x70_6D_6C_67
"""Any number, as long as every prompt-migrate takes the same one before it changes a PostgreSQL schema."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema a database has."""

    version: int
    """0: no table yet."""
    tool_version: str = ""
    """The prompt-migrate that made it."""


def bring_up(database: Database, migrations: Sequence[Migration], *, asked: bool = False) -> tuple[int, int]:
    """Apply the migrations a database lacks; return its schema version before and after.

    Nothing is written when there is nothing to do. An SQLite file that holds a schema already is copied first.
    A PostgreSQL database, which other people may be using with their version, is only upgraded when `asked`.
    Raises StoreProblem for a newer schema, another program's tables, or a migration that lost rows.
    """
    newest = migrations[-1].version
    schema = _peek(database)
    _refuse_newer(database, schema, newest)
    if schema.version == newest:
        return newest, newest
    if schema.version and database.path is None and not asked:
        raise StoreProblem(
            f"the ledger {database.name} has schema {schema.version}; this version needs {newest}",
            hint="Upgrading it shuts out colleagues with an older prompt-migrate.",
            next_command="prompt-migrate db upgrade",
        )
    upgrading = Database(
        database.name,
        database.reader,
        database.writer.execution_options(foreign_keys="OFF"),
        path=database.path,
        readonly=database.readonly,
    )
    return upgrading.write(lambda connection: _apply(connection, database, migrations)), newest


def schema_of(connection: Connection) -> Schema:
    """Return the schema of a database; raises StoreProblem when its tables are not a ledger's."""
    names = set(inspect(connection).get_table_names())
    if "schema_version" in names:
        newest = text("SELECT version, tool_version FROM schema_version ORDER BY version DESC LIMIT 1")
        row = connection.execute(newest).one_or_none()
        return Schema(0) if row is None else Schema(*row)
    foreign = sorted(names if connection.dialect.name == "sqlite" else names & set(metadata.tables))
    if foreign:
        raise StoreProblem(
            f"this database is not a ledger: it has the table {foreign[0]}, and no schema_version",
            hint="Name another file or database in the setting `ledger`.",
        )
    return Schema(0)


def _peek(database: Database) -> Schema:
    """Return the schema without touching anything, not even the journal mode."""
    if database.path is None:
        return database.read(schema_of, patience_s=OPENING_S)
    with saying(database.name), closing(connect_sqlite(database.path, readonly=database.readonly)) as connection:
        known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()[0]
        if known:
            newest = "SELECT version, tool_version FROM schema_version ORDER BY version DESC LIMIT 1"
            return Schema(*(connection.execute(newest).fetchone() or (0,)))
    return Schema(0)


def _refuse_newer(database: Database, schema: Schema, newest: int) -> None:
    if schema.version <= newest:
        return
    needed = f"prompt-migrate {schema.tool_version}"
    raise StoreProblem(
        f"the ledger {database.name} has schema {schema.version}, made by {needed}; "
        f"this is {__version__}, which knows schemas up to {newest}",
        kept="everything; nothing was written",
        next_command=f"pip install 'prompt-migrate>={schema.tool_version}'",
    )


def _apply(connection: Connection, database: Database, migrations: Sequence[Migration]) -> int:
    """Run what is pending inside the caller's transaction; return the version found."""
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    # Another process may have been faster: look again, now that no one else can write.
    schema = schema_of(connection)
    _refuse_newer(database, schema, migrations[-1].version)
    pending = [migration for migration in migrations if migration.version > schema.version]
    if not pending:
        return schema.version
    if postgresql:
        _keep_writers_out(connection)
    before = _counts(connection)
    if schema.version and database.path is not None:
        back_up(database.path, schema.version, before)
    for migration in pending:
        migration.apply(connection)
        _record(connection, migration)
    _check_counts(database, before, _counts(connection), pending)
    _check_references(connection, database)
    if postgresql:
        _explain(connection)
    return schema.version


def _keep_writers_out(connection: Connection) -> None:
    """Let other sessions only read until the upgrade is done, or the counts of rows would not be its own."""
    for name in _names(connection):
        connection.exec_driver_sql(f'LOCK TABLE "{name}" IN EXCLUSIVE MODE')


def _record(connection: Connection, migration: Migration) -> None:
    row = {
        "version": migration.version,
        "change": migration.change,
        "applied_at": stamp(dt.datetime.now(dt.UTC)),
        "tool_version": __version__,
    }
    connection.execute(insert(schema_version), row)


def _counts(connection: Connection) -> dict[str, int]:
    tables = _names(connection)
    return {name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in tables}  # noqa: S608


def _names(connection: Connection) -> list[str]:
    """Return the tables whose rows an upgrade must keep; on PostgreSQL other programs may have tables beside them."""
    found = set(inspect(connection).get_table_names()) - {"schema_version"}
    return sorted(found if connection.dialect.name == "sqlite" else found & set(metadata.tables))


def _check_counts(database: Database, before: dict[str, int], after: dict[str, int], done: Sequence[Migration]) -> None:
    meant = frozenset[str]().union(*(migration.recounts for migration in done))
    for name, count in before.items():
        if name not in meant and after.get(name) != count:
            raise StoreProblem(
                f"upgrading the ledger {database.name} would change {name} from {count} to {after.get(name, 0)} rows",
                kept="the ledger as it was",
                next_command="prompt-migrate doctor",
            )


def _check_references(connection: Connection, database: Database) -> None:
    # PostgreSQL enforces foreign keys all along.
    if (
        connection.dialect.name == "sqlite"
        and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None
    ):
        raise StoreProblem(
            f"upgrading the ledger {database.name} would leave rows without their run",
            kept="the ledger as it was",
            next_command="prompt-migrate doctor",
        )


def _explain(connection: Connection) -> None:
    """Put the comments of tables and columns where PostgreSQL keeps them."""
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        connection.execute(SetTableComment(table))
        for column in table.columns:
            if column.name in there:  # an upgrade that stops at an earlier version lacks the newest
                connection.execute(SetColumnComment(column))


# --- The copy beside -----------------------------------------------------------------------------------


def backup_path(path: Path, version: int) -> Path:
    """Return where the copy of a ledger with this schema version is kept."""
    return path.with_name(f"{path.name}.schema-{version}.bak")


def back_up(path: Path, version: int, counts: dict[str, int]) -> Path:
    """Copy a ledger beside itself, whole and durably; `counts` are the rows the copy must have."""
    target = backup_path(path, version)
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(connect_sqlite(path)) as source, closing(connect_sqlite(part)) as copy:
            source.backup(copy)
            _check_copy(copy, target, counts)
        _make_durable(part)
        part.replace(target)
        _make_durable(target.parent)
    except (OSError, sqlite3.Error) as fault:
        raise StoreProblem(
            f"the ledger {path.name} cannot be copied to {target.name} before it is upgraded: {fault}",
            kept="the ledger as it was",
            next_command="prompt-migrate db upgrade",
        ) from fault
    return target


def _check_copy(copy: sqlite3.Connection, target: Path, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] != count:  # noqa: S608
            raise StoreProblem(f"the copy {target} lacks rows of {name}", kept="the ledger as it was")


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
