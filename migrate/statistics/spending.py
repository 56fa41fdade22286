"""A few planned looks at one growing comparison: how strict each look must be."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, pi, sqrt
from statistics import NormalDist
from typing import Final, TypeAlias

from migrate.statistics.tails import solve

NORMAL: Final = NormalDist()
INTERVALS: Final = 400
"""Of Simpson's rule, over the values a statistic may have and the study go on; even."""
LOWEST: Final = -8.0
"""Standard deviations below 0 where the integration starts."""
HIGHEST_Z: Final = 20.0

Paths: TypeAlias = Sequence[tuple[float, float]]
"""Where the studies are that went on: a value of the score process, and the probability that stands for it."""


def spent(alpha: float, information: float) -> float:
    """Return the one-sided error that O'Brien and Fleming's shape has spent at a share of the information, 0..1.

    2 - 2 Phi(z_(alpha / 2) / sqrt(t)): K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical
    trials", Biometrika 70 (1983).
    """
    if information <= 0:
        return 0.0
    return 2 - 2 * NORMAL.cdf(NORMAL.inv_cdf(1 - alpha / 2) / sqrt(min(information, 1.0)))


def boundaries(alpha: float, information: Sequence[float]) -> tuple[float, ...]:
    """Return the critical z of each look, one-sided, at rising shares of the information, the last of them 1.

    Each look spends what `spent` says and no earlier look has. The chance to come that far is integrated numerically:
    P. Armitage, C. K. McPherson and B. C. Rowe, "Repeated significance tests on accumulating data", JRSS A 132 (1969).
    Raises ValueError unless the shares rise from above 0 to 1 at most.
    """
    looks = tuple(zip((0.0, *information), information, strict=False))
    if any(not before < now <= 1 for before, now in looks):
        raise ValueError(f"shares of the information rise from above 0 to 1 at most, {[*information]} do not")
    paths: Paths = ((0.0, 1.0),)
    bounds = []
    for before, now in looks:
        bounds.append(_bound(paths, before, now, spent(alpha, now) - spent(alpha, before)))
        paths = _moved(paths, before, now, bounds[-1])
    return tuple(bounds)


def _bound(paths: Paths, before: float, now: float, error: float) -> float:
    """Return the z that the studies still going exceed with the probability `error`."""
    step = sqrt(now - before)

    def too_rare(z: float) -> float:
        return error - sum(weight * NORMAL.cdf((place - z * sqrt(now)) / step) for place, weight in paths)

    return solve(too_rare, 0.0, HIGHEST_Z)


def _moved(paths: Paths, before: float, now: float, bound: float) -> Paths:
    """Return where the studies are at the next look that did not cross the bound."""
    step, low, high = sqrt(now - before), LOWEST * sqrt(now), bound * sqrt(now)
    width = (high - low) / INTERVALS
    moved = []
    for index in range(INTERVALS + 1):
        place = low + index * width
        density = sum(weight * exp(-(((place - x) / step) ** 2) / 2) for x, weight in paths) / (step * sqrt(2 * pi))
        simpson = 1 if index in (0, INTERVALS) else 4 if index % 2 else 2
        moved.append((place, density * simpson * width / 3))
    return moved
