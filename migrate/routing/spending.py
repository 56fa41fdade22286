"""What a successful answer costs, and what a switch saves, with intervals over cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from decimal import Context, Decimal
from typing import Final

from migrate.evidence.money import EXACT
from migrate.routing.nouns import DAYS_A_MONTH, CaseCost, Cost, Interval
from migrate.statistics import Differences, estimate, lower_bound, upper_bound
from migrate.statistics.tails import student_quantile
from migrate.vocabulary import Traffic

LEVEL: Final = 0.95
SHORT: Final = Context(prec=28)
"""Of quotients, which have no end; sums are exact."""


def cost_of(cases: Collection[CaseCost]) -> Cost | None:
    """Return what a successful answer costs on both sides; None where a side was never paid or never succeeded.

    All answers paid for over those that keep the contract, a case counting once. The interval of the saving is that of
    a difference of two ratios: the residuals of each case, linear around the ratios, have the mean's standard error
    (W. G. Cochran, "Sampling Techniques", 3rd ed. (1977), section 6.3), with Student's t.
    """
    paid = _sum(one.baseline for one in cases), _sum(one.candidate for one in cases)
    kept = sum(one.baseline_kept for one in cases), sum(one.candidate_kept for one in cases)
    if not all((*paid, *kept)):
        return None
    before, after = (SHORT.divide(usd, Decimal(count)) for usd, count in zip(paid, kept, strict=True))
    n = len(cases)
    residuals = [
        (float(one.baseline) - float(before) * one.baseline_kept) * n / kept[0]
        - (float(one.candidate) - float(after) * one.candidate_kept) * n / kept[1]
        for one in cases
    ]
    saving = float(EXACT.subtract(before, after))
    return Cost(before, after, around(saving, estimate(residuals).error, n), n)


def around(value: float, error: float, n: int) -> Interval:
    """Return Student's two-sided 95 % interval around an estimate from n cases; no bounds for fewer than two."""
    if n < 2:
        return Interval(value, None, None)
    reach = student_quantile((1 + LEVEL) / 2, n - 1) * error
    return Interval(value, value - reach, value + reach)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean over independent cases with Student's 95 % interval."""
    found = estimate(values)
    return around(found.mean, found.error, found.n)


def difference_interval(values: Iterable[float], *, least: float = -1.0) -> Interval:
    """Return the mean of differences or shares of cases, between -1 and 1, with bounds that see what did not happen.

    Each bound holds with 97.5 % by itself, and is the one of the verdict: where no case differs it is exact, and not 0.
    """
    found = Differences.counted(Counter(round(value, 12) for value in values))
    tail = (1 - LEVEL) / 2
    return Interval(found.mean, max(lower_bound(found, tail), least), upper_bound(found, tail))


def monthly(saving: Interval, traffic: Traffic) -> Interval | None:
    """Return a saving an answer as one a month of 30 days at the flow's traffic; None without traffic."""
    if traffic.requests_per_day is None:
        return None
    times = traffic.requests_per_day * DAYS_A_MONTH
    return Interval(
        saving.value * times,
        None if saving.low is None else saving.low * times,
        None if saving.high is None else saving.high * times,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal()
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
