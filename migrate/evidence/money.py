"""Money of a flow: exact sums of what is known, a count of what is not, and the ratio of the two sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from typing import Final

from migrate.pricing import usd_text
from migrate.vocabulary import Judged, Measurement, Money

PICO: Final = Decimal("1e-12")
EXACT: Final = Context(prec=200)
"""Of our own: the application under test may have set a coarse one."""


def sum_text(amounts: Iterable[str]) -> str | None:
    """Return the exact sum of amounts kept as text; None when there are none."""
    total = None
    for amount in amounts:
        total = EXACT.add(total or Decimal(), Decimal(amount))
    return None if total is None else usd_text(total)


def as_asked(measurements: Iterable[Measurement], samples: Iterable[Judged]) -> tuple[Measurement, ...]:
    """Return measurements with the lost tries of the asking that gave each answer, and no others.

    A try that was in flight when its run was stopped may have been paid for, and the run's own row counts it. It is not
    what an answer costs: the call was made again, and production has nobody who stops it.
    """
    tries = {
        (judged.sample.index, call.ordinal): call.attempts - 1 for judged in samples for call in judged.sample.calls
    }
    return tuple(
        replace(one, lost=min(one.lost, tries.get((one.sample, one.ordinal), one.lost))) if one.lost else one
        for one in measurements
    )


class Spending:
    """What one side's calls cost together."""

    def __init__(self) -> None:
        self._usd = Decimal()
        self._known = 0
        self._unknown = 0
        self._lost = 0

    def add(self, measurements: Sequence[Measurement]) -> None:
        for measurement in measurements:
            self._unknown += measurement.unknown
            self._lost += measurement.lost
            if measurement.cost_usd is not None:
                self._usd = EXACT.add(self._usd, Decimal(measurement.cost_usd))
                self._known += 1

    def money(self) -> Money:
        """Return the exact sum; None when not a single call has a known cost."""
        return Money(usd_text(self._usd) if self._known else None, self._unknown, self._lost)


class Ratio:
    """Candidate over baseline: mean cost of an answer, summed over the cases where both sides are wholly known."""

    def __init__(self) -> None:
        self._baseline = Decimal()
        self._candidate = Decimal()

    def add(self, baseline: Sequence[Measurement], candidate: Sequence[Measurement]) -> None:
        before, after = _mean(baseline), _mean(candidate)
        if before is not None and after is not None:
            self._baseline = EXACT.add(self._baseline, before)
            self._candidate = EXACT.add(self._candidate, after)

    def value(self) -> float | None:
        """Return the ratio; None when no case is known on both sides, or the baseline cost nothing."""
        return float(EXACT.divide(self._candidate, self._baseline)) if self._baseline else None


def mean_cost_text(measurements: Sequence[Measurement]) -> str | None:
    """Return the mean cost of a sample in dollars, to twelve digits after the point; None when a call's is unknown."""
    mean = _mean(measurements)
    return None if mean is None else usd_text(EXACT.quantize(mean, PICO))


def _mean(measurements: Sequence[Measurement]) -> Decimal | None:
    """Return the mean cost of a sample, all its calls together; None when any call's cost is unknown."""
    total = Decimal()
    for measurement in measurements:
        if measurement.cost_usd is None:
            return None
        total = EXACT.add(total, Decimal(measurement.cost_usd))
    samples = len({measurement.sample for measurement in measurements})
    return EXACT.divide(total, Decimal(samples)) if samples else None
