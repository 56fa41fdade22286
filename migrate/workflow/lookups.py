"""Vectors of queries as production pays for them: one for every answer, though a run makes each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrate.vocabulary import LOOKUP, CaseId, FlowName, Measurement, Usage


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The vector of a query that a step looks passages up by."""

    step: str
    model: str
    tokens: int | None
    """None: the provider did not say, or the vector is not on this machine."""


Lookups = Callable[[FlowName, CaseId, str | None], Sequence[LookedUp]]
"""Flow, case and candidate (None: the baseline) to the queries of one answer."""


def no_lookups(_flow: FlowName, _case: CaseId, _candidate: str | None) -> Sequence[LookedUp]:
    """Return none: where the inventory is not at hand."""
    return ()


def with_lookups(rows: Sequence[Measurement], lookups: Sequence[LookedUp]) -> Iterator[Measurement]:
    """Yield the measurements of a case's samples, each sample's behind those of the queries of the steps it made."""
    made: set[tuple[int, str | None, int]] = set()
    for row in rows:
        for place, lookup in enumerate(lookups):
            key = (row.sample, lookup.step, place)
            if row.step == lookup.step and key not in made:
                made.add(key)
                yield _of(row, lookup)
        yield row


def _of(row: Measurement, lookup: LookedUp) -> Measurement:
    usage = Usage() if lookup.tokens is None else Usage(input_tokens=lookup.tokens, output_tokens=0)
    return replace(
        row,
        ordinal=LOOKUP,
        asked_model=lookup.model,
        served_model=lookup.model,
        usage=usage,
        service_tier=None,
        timing=None,
        request_id=None,
        cost_usd=None,
        lost=0,
        step=f"{lookup.step}/passages",
    )
