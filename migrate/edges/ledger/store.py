"""The ledger in a database: runs, their case records and prices, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from migrate.edges.ledger import tables
from migrate.edges.ledger.columns import KeyText, storable
from migrate.edges.ledger.databases import Database, open_database
from migrate.edges.ledger.histories import history_rows
from migrate.edges.ledger.rows import Key, key_of, run_of, run_row
from migrate.edges.ledger.transfers import BATCH, batch_of, batches, read, write
from migrate.edges.ledger.upgrading import bring_up
from migrate.edges.ledger.versions import MIGRATIONS, Migration
from migrate.errors import StoreProblem, UsageProblem, did_you_mean
from migrate.ports import CaseRecord, HistoryRow
from migrate.vocabulary import CaseId, FlowName, PriceUsed, Run

LOOKED_THROUGH: Final = 50
"""Replays, the last that ended first, among which one that was not asked in vain is looked for."""


def open_ledger(url: str, *, root: Path, migrations: Sequence[Migration] = MIGRATIONS) -> SqlLedger:
    """Open a ledger, making or upgrading its tables when needed; relative SQLite paths start at `root`.

    `sqlite:///path/ledger.db` (percent-encoded) or `postgresql+psycopg://user@host/name`. Raises UsageProblem for
    a URL that cannot be understood, StoreProblem for a ledger that is damaged, foreign, too new or out of reach.
    """
    database = open_database(url, root=root)
    try:
        bring_up(database, migrations)
    except BaseException:
        database.close()
        raise
    return SqlLedger(database)


def upgrade(url: str, *, root: Path, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[int, int]:
    """Bring a ledger to the newest schema; return its version before and after (before is 0 for a new one)."""
    database = open_database(url, root=root)
    try:
        return bring_up(database, migrations, asked=True)
    finally:
        database.close()


class SqlLedger:
    """`ports.Ledger` over SQLAlchemy Core; safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """Where the ledger is, for people: no password."""
        return self._database.name

    def start(self, run: Run) -> None:
        self._database.write(lambda connection: self._write_run(connection, run))

    def _write_run(self, connection: Connection, run: Run) -> None:
        known = connection.execute(select(tables.runs).where(tables.runs.c.id == run.id)).mappings().one_or_none()
        if known is None:
            connection.execute(insert(tables.runs), run_row(run))
        elif known["state"] == "complete":
            raise StoreProblem(f"the ledger {self.name} has a run {run.id} already", next_command="prompt-migrate runs")
        else:
            # A run that was stopped, or killed while it was written, starts again under its name.
            connection.execute(update(tables.runs).where(tables.runs.c.id == run.id).values(run_row(run)))

    def add(self, run_id: str, records: Iterable[CaseRecord]) -> int:
        self._database.read(lambda connection: self._must_exist(connection, run_id))
        count = 0
        for chosen in batches(records):
            batch = batch_of(run_id, chosen)
            self._database.write(lambda connection, batch=batch: write(connection, batch))  # type: ignore[misc]
            count += len(chosen)
        return count

    def add_prices(self, run_id: str, prices: Iterable[PriceUsed]) -> None:
        rows = [{"run_id": run_id} | asdict(price) for price in prices]
        self._database.write(lambda connection: self._write_prices(connection, run_id, rows))

    def _write_prices(self, connection: Connection, run_id: str, rows: list[dict[str, Any]]) -> None:
        self._must_exist(connection, run_id)
        names = [column.name for column in tables.prices.primary_key]
        for row in rows:
            connection.execute(delete(tables.prices).where(*(tables.prices.c[name] == row[name] for name in names)))
            connection.execute(insert(tables.prices), row)

    def prices(self, run_id: str) -> tuple[PriceUsed, ...]:
        """Return the prices a run was priced by, ordered by model and tier."""
        columns = [column for column in tables.prices.c if column.name != "run_id"]
        query = select(*columns).where(tables.prices.c.run_id == run_id).order_by(*tables.prices.primary_key)
        return self._database.read(
            lambda connection: tuple(PriceUsed(**row) for row in connection.execute(query).mappings())
        )

    def finish(self, run: Run) -> None:
        self._database.write(lambda connection: self._update_run(connection, run))

    def _update_run(self, connection: Connection, run: Run) -> None:
        self._must_exist(connection, run.id)
        connection.execute(update(tables.runs).where(tables.runs.c.id == run.id).values(run_row(run)))

    def run(self, run_id: str | None) -> Run:
        found = self._newest_replay() if run_id is None else self._named(run_id) or self._starting_with(run_id)
        if len(found) == 1:
            return found[0]
        if found:
            near = ", ".join(run.id for run in found)
            raise UsageProblem(f'"{run_id}" begins the ids of several runs: {near}', next_command="prompt-migrate runs")
        what = "no replay" if run_id is None else f'no run "{run_id}"'
        guess = "" if run_id is None else did_you_mean(run_id, [run.id for run in self._runs(limit=LOOKED_THROUGH)])
        raise UsageProblem(f"the ledger {self.name} has {what}", hint=guess, next_command="prompt-migrate runs")

    def _newest_replay(self) -> tuple[Run, ...]:
        replays = self._runs(tables.runs.c.kind == "replay", limit=LOOKED_THROUGH, order=tables.LAST_ENDED_FIRST)
        newest = next((run for run in replays if not self._was_in_vain(run)), None)
        return replays[:1] if newest is None else (newest,)

    def _was_in_vain(self, run: Run) -> bool:
        if not run.lacked_a_model:
            return False
        query = select(tables.comparisons.c.verdict).where(tables.comparisons.c.run_id == run.id).distinct()
        return run.asked_in_vain(self._database.read(lambda connection: set(connection.scalars(query))))

    def _named(self, run_id: str) -> tuple[Run, ...]:
        return self._runs(tables.runs.c.id == run_id, limit=1)

    def _starting_with(self, prefix: str) -> tuple[Run, ...]:
        start = func.substr(tables.runs.c.id, 1, len(storable(prefix)), type_=KeyText)
        return self._runs(start == prefix, limit=5) if prefix else ()

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        return self._runs(limit=limit)

    def _runs(self, *where: Any, limit: int, order: Sequence[Any] = tables.NEWEST_FIRST) -> tuple[Run, ...]:
        query = select(tables.runs).where(*where).order_by(*order).limit(limit)
        return self._database.read(
            lambda connection: tuple(run_of(row) for row in connection.execute(query).mappings())
        )

    def records(self, run_id: str) -> Iterator[CaseRecord]:
        """Yield the case records of a run, ordered by flow, candidate, case.

        Each few hundred are read on one consistent state, and no transaction stays open between them: a slow
        reader holds up no writer.
        """
        self._database.read(lambda connection: self._must_exist(connection, run_id))
        after: Key | None = None
        while True:
            found = self._database.read(lambda connection, after=after: read(connection, run_id, after))  # type: ignore[misc]
            yield from found
            if len(found) < BATCH:
                return
            after = key_of(found[-1])

    def record(self, run_id: str, flow: FlowName, candidate: str, case: CaseId) -> CaseRecord | None:
        self._database.read(lambda connection: self._must_exist(connection, run_id))
        only = (flow, candidate, case)
        found = self._database.read(lambda connection: read(connection, run_id, None, only))
        return found[0] if found else None

    def history(self, flow: FlowName, *, limit: int = 50) -> tuple[HistoryRow, ...]:
        return self._database.read(lambda connection: history_rows(connection, flow, limit))

    def flows(self) -> tuple[FlowName, ...]:
        """Return the flows of all runs, sorted."""
        flow = tables.comparisons.c.flow
        rows = self._database.read(lambda connection: connection.execute(select(flow).distinct().order_by(flow)).all())
        return tuple(FlowName(row[0]) for row in rows)

    def baselines(self, run_id: str) -> tuple[str, ...]:
        """Return the models whose goldens a run was compared with, or that it recorded, sorted."""
        c = tables.comparisons.c
        query = select(c.baseline).where(c.run_id == run_id, c.baseline != "").distinct().order_by(c.baseline)
        return tuple(row[0] for row in self._database.read(lambda connection: connection.execute(query).all()))

    def close(self) -> None:
        self._database.close()

    def _must_exist(self, connection: Connection, run_id: str) -> None:
        if connection.execute(select(tables.runs.c.id).where(tables.runs.c.id == run_id)).one_or_none() is None:
            raise StoreProblem(f"the ledger {self.name} has no run {run_id}", next_command="prompt-migrate runs")
