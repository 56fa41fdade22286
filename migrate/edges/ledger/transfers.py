"""Case records to and from the tables, a few hundred at a time."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, RowMapping, Table, Tuple, bindparam, delete, insert, literal, select, tuple_

from migrate.edges.ledger import plain, tables
from migrate.edges.ledger.columns import KeyText, decode_json, storable
from migrate.edges.ledger.rows import Batch, Key, key_of, record_of
from migrate.ports import CaseRecord
from migrate.vocabulary import JsonObject

BATCH: Final = 500
"""Case records written in one transaction, and read in one."""
_ROWS: Final = 5_000
"""Samples and findings after which a batch is closed early, so that memory stays bounded for any K."""
_PARAMETERS: Final = 500
"""Values of one IN list; old SQLite takes 999 in all."""
_KEY: Final = ("flow", "candidate", "case_id")

Mappings = list[RowMapping]


@contextmanager
def no_garbage() -> Iterator[None]:
    """Put off the search for cycles, a third of the work of reading, while a few hundred records are turned.

    They hold none, and the process looks for its own again between two batches.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@no_garbage()
def batch_of(run_id: str, records: Iterable[CaseRecord]) -> Batch:
    """Return the rows of records; the last record of a case wins, within a batch as between two."""
    batch = Batch(run_id)
    for record in {key_of(record): record for record in records}.values():
        batch.take(record)
    return batch


def batches(records: Iterable[CaseRecord]) -> Iterator[list[CaseRecord]]:
    """Yield records in lists that one transaction writes."""
    chosen: list[CaseRecord] = []
    rows = 0
    for record in records:
        chosen.append(record)
        rows += len(record.samples) + len(record.comparison.findings)
        if len(chosen) == BATCH or rows >= _ROWS:
            yield chosen
            chosen, rows = [], 0
    if chosen:
        yield chosen


@no_garbage()
def write(connection: Connection, batch: Batch) -> None:
    """Replace the rows of the batch's cases; what hangs on a comparison goes with it."""
    _remove(connection, batch.run_id, [(row["flow"], row["candidate"], row["case_id"]) for row in batch.comparisons])
    _write_bodies(connection, batch.bodies)
    for table, rows in (
        (tables.comparisons, batch.comparisons),
        (tables.findings, batch.findings),
        (tables.samples, batch.samples),
        (tables.calls, batch.calls),
    ):
        if rows:
            connection.execute(insert(table), rows)


def _remove(connection: Connection, run_id: str, keys: list[Key]) -> None:
    """Remove the cases of a run that are there already: usually none, which one look between the ends tells."""
    by_place = sorted(keys, key=lambda key: [storable(part) for part in key])
    comparisons, place = tables.comparisons.c, _place(tables.comparisons)
    between = place >= _values(by_place[0]), place <= _values(by_place[-1])
    query = select(*(comparisons[name] for name in _KEY)).where(comparisons.run_id == run_id, *between)
    old = {tuple(row) for row in connection.execute(query)}.intersection(keys)
    if old:
        where = (comparisons[name] == bindparam(f"old_{name}") for name in _KEY)
        gone = delete(tables.comparisons).where(comparisons.run_id == run_id, *where)
        connection.execute(gone, [{f"old_{name}": part for name, part in zip(_KEY, key, strict=True)} for key in old])


def _write_bodies(connection: Connection, bodies: dict[str, str]) -> None:
    # Only the dialect in use is loaded; the other one would cost more than a hundred rows.
    dialect = importlib.import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    # Sorted, so that two writers of the same bodies wait for each other instead of locking each other out.
    rows = [{"digest": digest, "body": bodies[digest]} for digest in sorted(bodies)]
    if rows:
        connection.execute(dialect.insert(tables.bodies).on_conflict_do_nothing(), rows)


@no_garbage()
def read(connection: Connection, run_id: str, after: Key | None, only: Key | None = None) -> list[CaseRecord]:
    """Return the records of the next few hundred cases after a key, or of one case only."""
    comparisons = tables.comparisons
    query = select(comparisons).where(comparisons.c.run_id == run_id).order_by(*comparisons.primary_key).limit(BATCH)
    if after is not None:
        query = query.where(_place(comparisons) > _values(after))
    if only is not None:
        query = query.where(_place(comparisons) == _values(only))
    found = connection.execute(query).mappings().all()
    if not found:
        return []
    first, last = (tuple(row[name] for name in _KEY) for row in (found[0], found[-1]))
    findings = _grouped(connection, tables.findings, run_id, first, last)
    samples = _grouped(connection, tables.samples, run_id, first, last)
    calls = _grouped(connection, tables.calls, run_id, first, last)
    bodies = _bodies(connection, samples)
    keys = [tuple(row[name] for name in _KEY) for row in found]
    return [
        record_of(row, findings.get(key, ()), samples.get(key, ()), calls.get(key, ()), bodies)
        for key, row in zip(keys, found, strict=True)
    ]


def _place(table: Table) -> Tuple:
    return tuple_(*(table.c[name] for name in _KEY))


def _values(key: Key) -> Tuple:
    return tuple_(*(literal(value, KeyText()) for value in key))


def _grouped(connection: Connection, table: Table, run_id: str, first: Key, last: Key) -> dict[Key, Mappings]:
    """Return the rows of a table for the cases from `first` to `last`, by case, in the order of their positions."""
    place = _place(table)
    query = select(table).where(table.c.run_id == run_id, place >= _values(first), place <= _values(last))
    groups: dict[Key, Mappings] = {}
    for row in connection.execute(query.order_by(*table.primary_key)).mappings():
        groups.setdefault((row["flow"], row["candidate"], row["case_id"]), []).append(row)
    return groups


def _bodies(connection: Connection, samples: Mapping[Key, Mappings]) -> dict[str, JsonObject]:
    """Return the request bodies that samples refer to, by digest."""
    digests = {digest for rows in samples.values() for row in rows for digest in plain.digests_of(row["trace"])}
    bodies: dict[str, JsonObject] = {}
    wanted = sorted(digests)
    for start in range(0, len(wanted), _PARAMETERS):
        some = tables.bodies.c.digest.in_(wanted[start : start + _PARAMETERS])
        bodies.update(
            (row.digest, decode_json(row.body)) for row in connection.execute(select(tables.bodies).where(some))
        )
    return bodies
