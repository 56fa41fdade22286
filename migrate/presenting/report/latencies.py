"""How latency is spread over a flow's cases: enough quantiles of both sides to draw the distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from migrate.evidence.latency import Clockings, pair_of
from migrate.evidence.weighing import Record
from migrate.statistics import quantile
from migrate.vocabulary import FlowName

SHARES: Final = tuple(number / 20 for number in range(21))
"""The quantiles that are kept, the smallest and the largest case among them."""


class Latencies:
    """Gathers case means, flow by flow and candidate by candidate."""

    def __init__(self) -> None:
        self._sides: dict[tuple[FlowName, str], tuple[Clockings, Clockings]] = {}

    def add(self, record: Record) -> None:
        """Add one case against one candidate."""
        key = (record.comparison.flow, record.comparison.candidate)
        before, after = self._sides.setdefault(key, (Clockings(), Clockings()))
        before.add(record.baseline)
        after.add(record.candidate)

    def document(self, flow: FlowName, candidate: str) -> dict[str, Any]:
        """Return milliseconds at every twentieth of the cases, side by side; nothing where none was timed."""
        before, after = pair_of(*self._sides.get((flow, candidate), (Clockings(), Clockings())))
        return {"baseline": _quantiles(before), "candidate": _quantiles(after)}


def _quantiles(means: Sequence[float]) -> list[float | None]:
    found = (quantile(means, share) for share in SHARES) if means else ()
    return [None if value is None else round(value, 1) for value in found]
