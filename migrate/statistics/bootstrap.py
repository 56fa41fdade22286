"""Intervals for ratios of sums, such as what answers cost, where no formula holds: cases are drawn again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import floor
from statistics import NormalDist
from typing import Final

ROUNDS: Final = 2_000
NORMAL: Final = NormalDist()


def ratio_interval(
    pairs: Sequence[tuple[float, float]], level: float = 0.95, *, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float] | None:
    """Return the interval for the sum of the second figures over that of the first; a pair is a case.

    B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987): percentiles of the ratios of `rounds` draws of as
    many cases with replacement, moved for bias and for acceleration by the jackknife. The same seed gives the same
    interval. None with fewer than two cases, or where the first figures are all 0 in a draw.
    """
    if len(pairs) < 2:
        return None
    dice = random.Random(seed)  # noqa: S311 - draws, not secrets
    drawn = [_ratio(dice.choices(pairs, k=len(pairs))) for _ in range(rounds)]
    known = sorted(ratio for ratio in drawn if ratio is not None)
    estimate = _ratio(pairs)
    if estimate is None or len(known) < rounds:
        return None
    below = sum(ratio < estimate for ratio in known) + sum(ratio == estimate for ratio in known) / 2
    bias = NORMAL.inv_cdf(min(max(below / rounds, 0.5 / rounds), 1 - 0.5 / rounds))
    skew = _acceleration(pairs)
    return _at(known, _moved((1 - level) / 2, bias, skew)), _at(known, _moved((1 + level) / 2, bias, skew))


def _ratio(pairs: Sequence[tuple[float, float]]) -> float | None:
    below = sum(before for before, _ in pairs)
    return sum(after for _, after in pairs) / below if below else None


def _moved(share: float, bias: float, skew: float) -> float:
    z = bias + NORMAL.inv_cdf(share)
    return NORMAL.cdf(bias + z / (1 - skew * z))


def _acceleration(pairs: Sequence[tuple[float, float]]) -> float:
    before, after = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    left = [(after - pair[1]) / (before - pair[0]) for pair in pairs if before - pair[0]]
    mean = sum(left) / len(left) if left else 0.0
    squares = sum((mean - one) ** 2 for one in left)
    return sum((mean - one) ** 3 for one in left) / (6 * squares**1.5) if squares else 0.0


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(max(floor(share * len(ordered)), 0), len(ordered) - 1)]
