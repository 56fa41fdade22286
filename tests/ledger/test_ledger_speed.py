"""A ledger keeps up with ten thousand cases: counted in statements and in rows looked at, not by the clock."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from migrate.edges.ledger import open_ledger
from tests.ledger.records import record_named, run_named

RECORDS = [record_named(f"case-{number:05}") for number in range(2000)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a ledger without tables."""
    return "sqlite:///ledger.db" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql_url")


def test_cases_are_written_and_read_many_at_a_time(url: str, tmp_path: Path) -> None:
    """Two thousand cases take statements by the batch: fewer than one for ten cases, to write and to read."""
    ledger = open_ledger(url, root=tmp_path)
    ledger.start(run_named("run-001"))
    sent: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:  # type: ignore[no-untyped-def]
        sent.append(statement)

    for engine in {ledger._database.writer, ledger._database.reader}:
        event.listen(engine, "before_cursor_execute", count)
    ledger.add("run-001", RECORDS)
    written = len(sent)
    assert len(RECORDS) == sum(1 for _ in ledger.records("run-001"))
    ledger.close()

    assert 0 < written < len(RECORDS) / 10
    assert 0 < len(sent) - written < len(RECORDS) / 10


def test_sqlite_looks_cases_up_in_the_key(tmp_path: Path) -> None:
    """Neither records nor history are found by reading whole tables."""
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", RECORDS[:600])
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, context, executemany) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT") and not executemany:
            rows = connection.connection.dbapi_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    event.listen(ledger._database.reader, "before_cursor_execute", explain)
    assert 600 == len(list(ledger.records("run-001")))
    assert 1 == len(ledger.history("refund"))  # type: ignore[arg-type]
    ledger.close()

    # Runs are few, and listed by their time.
    assert [] == [plan for plan in plans if plan.startswith("SCAN") and "runs" not in plan]
    assert any(plan.startswith("SEARCH comparisons") for plan in plans), plans


def test_postgresql_work_grows_with_the_cases_only(empty_postgresql_url: str, tmp_path: Path) -> None:
    """Without any statistics yet, each row written looks up its own case, not all the cases of its flow."""
    ledger = open_ledger(empty_postgresql_url, root=tmp_path)
    ledger.start(run_named("run-001"))
    for _ in range(2):
        ledger.add("run-001", RECORDS)
    ledger.close()

    looked_at = "SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_user_tables WHERE relname = 'comparisons'"
    with psycopg.connect(empty_postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        rows = connection.execute(looked_at).fetchone()
    assert rows is not None
    assert rows[0] < 20 * 2 * len(RECORDS)
