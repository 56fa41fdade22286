"""How far raters agree beyond chance: Krippendorff's alpha, with an interval by drawing units again.

K. Krippendorff, "Content Analysis" (4th ed., 2019), chapter 12: 1 - observed / expected disagreement, over all pairs of
ratings of one unit and over all pairs of ratings at large. 1 is perfect, 0 is chance; gaps are allowed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from math import floor
from typing import Final, Literal

ROUNDS: Final = 2_000
DEFINED: Final = 0.95
"""Share of the draws in which alpha has to be defined for an interval to be given."""

Scale = Literal["nominal", "ordinal", "interval"]
Units = Sequence[Sequence[float]]
"""The ratings of each unit; those of a unit with a single one say nothing of agreement."""


def krippendorff_alpha(units: Units, scale: Scale) -> float | None:
    """Return alpha; None where no unit has two ratings, or all ratings are the same and chance cannot be told."""
    pairable = [unit for unit in units if len(unit) > 1]
    totals = Counter(value for unit in pairable for value in unit)
    n = totals.total()
    distance = _distance(totals, scale)
    expected = _disagreement(totals, distance) / (n - 1) if n > 1 else 0.0
    if not expected:
        return None
    observed = sum(_disagreement(Counter(unit), distance) / (len(unit) - 1) for unit in pairable)
    return 1 - observed / expected


def alpha_interval(
    units: Units, scale: Scale, level: float = 0.95, *, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float] | None:
    """Return the interval of alpha: percentiles over `rounds` draws of as many units with replacement.

    B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. The same seed gives the same
    interval. None with fewer than two units, or where alpha is undefined in more than 5 % of the draws.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    if len(pairable) < 2:
        return None
    dice = random.Random(seed)  # noqa: S311 - draws, not secrets
    drawn = [krippendorff_alpha(dice.choices(pairable, k=len(pairable)), scale) for _ in range(rounds)]
    known = sorted(alpha for alpha in drawn if alpha is not None)
    if len(known) < DEFINED * rounds:
        return None
    low, high = ((1 - level) / 2, (1 + level) / 2)
    return tuple(known[min(floor(share * len(known)), len(known) - 1)] for share in (low, high))  # type: ignore[return-value]


Distance = Callable[[float, float], float]


def _disagreement(values: Counter[float], distance: Distance) -> float:
    """Return the sum of the distances over ordered pairs."""
    counts = values.items()
    return sum(many * more * distance(one, other) for one, many in counts for other, more in counts if one != other)


def _distance(totals: Counter[float], scale: Scale) -> Distance:
    if scale == "nominal":
        return lambda one, other: float(one != other)
    if scale == "interval":
        return lambda one, other: (one - other) ** 2

    # Ordinal: how many ratings lie between two, those at the ends by half.
    def ordinal(one: float, other: float) -> float:
        low, high = sorted((one, other))
        between = sum(count for value, count in totals.items() if low <= value <= high)
        return (between - (totals[low] + totals[high]) / 2) ** 2

    return ordinal
