"""How much worse one side may be, from one difference a case: tests, bounds, and the cases that are still needed.

A difference lies between -1 and 1: positive where the candidate is worse. A case counts once, however many samples
stand behind it: what varies inside a case is part of how the differences vary from case to case.

Two tests, of which the less convinced decides:

- Student's t over the differences. It is blind where few cases differ: twenty equal cases have no variance.
- A likelihood test that is not. The non-parametric likelihood ratio (A. B. Owen, "Empirical Likelihood", 2001,
  chapter 2) says how much less likely the differences are in the likeliest world whose mean is the margin. That world
  may hold the worst case of all, though none was seen. The ratio becomes a probability as it would for a Poisson
  count (F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936)) of as many whole cases as
  the differences are worth, the sum of their squares: small noise in many cases says little of a whole case that is
  rare. With no difference seen this is the exact bound, 1 - alpha^(1/n); with all-or-nothing differences in one
  direction it is Clopper and Pearson's to within the difference of Poisson and binomial; with many cases it is the
  usual one. The translation is our own, and held to simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log, log1p, sqrt
from statistics import NormalDist
from typing import Final

from migrate.statistics.tails import poisson_cdf, solve, student_tail

MOST_CASES: Final = 100_000
"""Beyond it a number of cases is no advice."""
WHOLE: Final = 1 - 1e-12
"""From here on a difference is the whole of an answer."""


@dataclass(frozen=True)
class Differences:
    """Differences of cases, each distinct one once."""

    values: tuple[float, ...]
    """-1 to 1: baseline's share of good samples minus the candidate's."""
    weights: tuple[float, ...]
    """Cases that have the value; fractions while planning."""

    @classmethod
    def counted(cls, cases: Mapping[float, float]) -> Differences:
        """Take a count of cases by difference."""
        return cls(tuple(cases), tuple(cases.values()))

    def with_equal(self, cases: int) -> Differences:
        """Return the same with so many cases more that do not differ."""
        return Differences((*self.values, 0.0), (*self.weights, float(cases)))

    @cached_property
    def n(self) -> float:
        return sum(self.weights)

    @cached_property
    def mean(self) -> float:
        """The estimate of the excess."""
        return self._mean(self.values)

    @cached_property
    def deviation(self) -> float:
        """Standard deviation over cases, with n - 1; 0 for fewer than two."""
        if self.n < 2:
            return 0.0
        squares = self._mean([(value - self.mean) ** 2 for value in self.values])
        return sqrt(squares * self.n / (self.n - 1))

    @cached_property
    def worth(self) -> float:
        """How many whole cases the differences are worth: the sum of their squares."""
        return sum(weight * value * value for value, weight in zip(self.values, self.weights, strict=True))

    @cached_property
    def mirrored(self) -> Differences:
        """The same with the sides exchanged."""
        return Differences(tuple(-value for value in self.values), self.weights)

    @property
    def evened(self) -> Differences:
        """The same with no difference in the mean: every case half as seen, half with the sides exchanged."""
        return Differences(self.values + self.mirrored.values, self.weights * 2).scaled(self.n)

    def scaled(self, n: float) -> Differences:
        """Return as many cases as asked for, in the same proportions."""
        return Differences(self.values, tuple(weight * n / self.n for weight in self.weights))

    def _mean(self, values: tuple[float, ...] | list[float]) -> float:
        return sum(value * weight for value, weight in zip(values, self.weights, strict=True)) / self.n if self.n else 0


def p_within(differences: Differences, margin: float) -> float:
    """Return the p-value of the hypothesis that the mean difference is `margin` or more: small means it is less."""
    if not differences.n or differences.mean >= margin:
        return 1.0
    if margin >= 1:
        return 0.0
    return max(_student(differences, margin), _likelihood(differences, margin))


def p_beyond(differences: Differences, margin: float) -> float:
    """Return the p-value of the hypothesis that the mean difference is `margin` or less: small means it is more."""
    return p_within(differences.mirrored, -margin)


def upper_bound(differences: Differences, alpha: float) -> float:
    """Return the one-sided upper bound of the mean difference at confidence 1 - alpha; 1 without cases."""
    if not differences.n:
        return 1.0
    return solve(lambda margin: alpha - p_within(differences, margin), differences.mean, 1.0)


def lower_bound(differences: Differences, alpha: float) -> float:
    """Return the one-sided lower bound of the mean difference at confidence 1 - alpha; -1 without cases."""
    return -upper_bound(differences.mirrored, alpha)


def _student(differences: Differences, margin: float) -> float:
    if not differences.deviation:
        return 0.0
    error = differences.deviation / sqrt(differences.n)
    return student_tail((margin - differences.mean) / error, differences.n - 1)


def _likelihood(differences: Differences, margin: float) -> float:
    ratio = max(log_ratio(differences, margin), 0.0)
    count = differences.worth
    highest = count + ratio + sqrt(ratio * (ratio + 2 * count))

    def too_likely(mean: float) -> float:
        return mean - count + (count * log(count / mean) if count else 0.0) - ratio

    return poisson_cdf(count, solve(too_likely, count, highest))


def log_ratio(differences: Differences, margin: float) -> float:
    """Return minus the log of the likelihood ratio of the hypothesis that the mean is `margin`, above the estimate.

    The likeliest world of that mean gives a case of difference d the weight 1 / (n (1 + l (d - margin))), l below 0
    solving the constraint (Owen 2001, section 2.9). Where no such l gives all of the weight to what was seen, the rest
    goes to a difference of 1.
    """
    pairs = [(value - margin, weight) for value, weight in zip(differences.values, differences.weights, strict=True)]
    least = -1 / (1 - margin)

    def strain(tilt: float) -> float:
        return -sum(weight * far / (1 + tilt * far) for far, weight in pairs)

    unseen = max(differences.values) < WHOLE and strain(least) >= 0
    tilt = least if unseen else solve(strain, least * WHOLE, 0.0)
    return sum(weight * log1p(tilt * far) for far, weight in pairs)


# --- How many cases it takes ------------------------------------------------------------------------------------------


def clean_cases(margin: float, alpha: float) -> int:
    """Return how many cases without any difference exclude the margin: the smallest n with (1 - margin)^n <= alpha.

    Clopper and Pearson's bound of no event in n; 45 for 5 points at 90 %, 99 for 3 at 95 %, 919 for 0.5 at 99 %.
    """
    return ceil(log(alpha) / log1p(-margin) - 1e-9)


def cases_within(differences: Differences, margin: float, alpha: float, power: float) -> int | None:
    """Return how many cases it takes to exclude the margin with the probability `power`; None past `MOST_CASES`.

    The world planned for is the one seen, or, where the candidate looks better than the baseline, one in which they
    are equal and differ as often. A sample of n cases is taken to be as unlucky as one in (1 - power) is: its mean is
    higher by the normal quantile of `power` times deviation / sqrt(n), because more cases got worse.
    """
    if margin <= 0 or margin >= 1:
        return None if margin <= 0 else 1
    world = _world(differences)
    luck = NormalDist().inv_cdf(power) * world.deviation

    def enough(n: int) -> bool:
        unlucky = _shifted(world.scaled(n), world.mean + luck / sqrt(n))
        return unlucky is not None and p_within(unlucky, margin) <= alpha

    return _least(enough)


def _least(enough: Callable[[int], bool]) -> int | None:
    high = 2
    while not enough(high):
        high *= 2
        if high > 2 * MOST_CASES:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high if high <= MOST_CASES else None


def _world(differences: Differences) -> Differences:
    """Return the differences as seen; evened out where the candidate looks better."""
    if not differences.n:
        return Differences((0.0,), (1.0,))
    return differences if differences.mean >= 0 else differences.evened


def _shifted(world: Differences, mean: float) -> Differences | None:
    """Return the world with so many more cases that got worse that its mean is `mean`; None where none can be."""
    worse = [(value, weight) for value, weight in zip(world.values, world.weights, strict=True) if value > 0]
    gain = sum(weight * (value - mean) for value, weight in worse)
    if mean <= world.mean or not worse:
        return world
    if gain <= 0:
        return None
    factor = 1 + (mean - world.mean) * world.n / gain
    weights = (weight * (factor if value > 0 else 1) for value, weight in zip(world.values, world.weights, strict=True))
    return Differences(world.values, tuple(weights)).scaled(world.n)


__all__ = [
    "Differences",
    "cases_within",
    "clean_cases",
    "log_ratio",
    "lower_bound",
    "p_beyond",
    "p_within",
    "upper_bound",
]
