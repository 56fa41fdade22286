"""A flow's cost and latency over runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from itertools import groupby, islice
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, func, or_, select

from migrate.edges.ledger.rows import measurement_of, run_of, usd_of
from migrate.edges.ledger.tables import NEWEST_FIRST, calls, comparisons, runs
from migrate.evidence.latency import Clockings, quantiles_of, times_of
from migrate.ports import HistoryRow
from migrate.vocabulary import CaseId, FlowName, Run, Usage

_SIDE: Final = "candidate"
"""In a recording run too: what was recorded then is its candidate."""
_HALF: Final = 10**9
_ANSWERED: Final = ("served_model", *(field.name for field in fields(Usage)))
"""Columns that are all null for a call without a reply."""


def history_rows(connection: Connection, flow: FlowName, limit: int) -> tuple[HistoryRow, ...]:
    """Return a flow's rows, newest run first; a run with several candidates has a row for each."""
    rows = (
        _history_row(connection, run, flow, candidate, counted)
        for run in _runs_of(connection, flow, limit)
        for candidate, counted in _counted(connection, run.id, flow).items()
    )
    return tuple(islice(rows, limit))


def _runs_of(connection: Connection, flow: FlowName, limit: int) -> list[Run]:
    # Asked run by run, the newest first: comparisons have no index but their key, which begins with the run.
    mine = exists().where(comparisons.c.run_id == runs.c.id, comparisons.c.flow == flow)
    query = select(runs).where(mine).order_by(*NEWEST_FIRST).limit(limit)
    return [run_of(row) for row in connection.execute(query).mappings()]


def _history_row(connection: Connection, run: Run, flow: FlowName, candidate: str, counted: _Counted) -> HistoryRow:
    trial = (run.id, flow, candidate)
    usd, unknown = _cost(connection, trial)
    clockings = _clockings(connection, trial)
    latency, _ = quantiles_of(clockings, clockings)
    return HistoryRow(
        run=run,
        flow=flow,
        candidate=candidate,
        cases=counted.verdicts.total(),
        verdicts=dict(sorted(counted.verdicts.items())),
        cost_usd=usd,
        unknown_cost=unknown,
        p50_ms=latency.p50,
        p95_ms=latency.p95,
        n=latency.n,
        times=times_of(clockings, clockings)[0],
        baselines=tuple(sorted(counted.baselines)),
    )


@dataclass(slots=True)
class _Counted:
    """The cases of one candidate, by what became of them and by whose goldens they were compared with."""

    verdicts: Counter[str] = field(default_factory=Counter)
    baselines: Counter[str] = field(default_factory=Counter)


def _counted(connection: Connection, run_id: str, flow: FlowName) -> dict[str, _Counted]:
    """Return the number of cases by candidate, sorted."""
    c = comparisons.c
    query = (
        select(c.candidate, c.verdict, c.baseline, func.count())
        .where(c.run_id == run_id, c.flow == flow)
        .group_by(c.candidate, c.verdict, c.baseline)
        .order_by(c.candidate)
    )
    found: dict[str, _Counted] = {}
    for candidate, verdict, baseline, count in connection.execute(query):
        counted = found.setdefault(candidate, _Counted())
        counted.verdicts[verdict] += count
        counted.baselines[baseline] += count
    return found


def _cost(connection: Connection, trial: tuple[str, str, str]) -> tuple[str | None, int]:
    """Return the dollars of the calls that could be priced, None if none could, and the attempts that could not."""
    pico = calls.c.cost_pico
    # As `Measurement.unknown` has it: of a call without a reply only the attempts that may have been paid for.
    answered = or_(*(calls.c[name].is_not(None) for name in _ANSWERED))
    unknown = func.count().filter(and_(answered, pico.is_(None)))
    # Summed in two halves: absurd usage must not overflow SQLite's integer sum, which is an error there.
    sums = func.sum(pico // _HALF), func.sum(pico % _HALF)
    counts = unknown, func.sum(calls.c.lost), func.count(pico)
    query = select(*counts, *sums).where(_is(calls, trial), calls.c.side == _SIDE)
    unpriced, lost, known, upper, lower = connection.execute(query).one()
    return (usd_of(int(upper) * _HALF + int(lower)) if known else None), unpriced + int(lost or 0)


def _clockings(connection: Connection, trial: tuple[str, str, str]) -> Clockings:
    """Return the clocks of a flow's cases, as a run's evidence has them: both are of the same measurements."""
    query = select(calls).where(_is(calls, trial), calls.c.side == _SIDE).order_by(calls.c.case_id, calls.c.position)
    clockings = Clockings()
    rows = connection.execute(query).mappings()
    for case, group in groupby(rows, key=lambda row: str(row["case_id"])):
        clockings.add([measurement_of(FlowName(trial[1]), CaseId(case), row) for row in group])
    return clockings


def _is(table: Any, trial: tuple[str, str, str]) -> Any:
    run_id, flow, candidate = trial
    return and_(table.c.run_id == run_id, table.c.flow == flow, table.c.candidate == candidate)
