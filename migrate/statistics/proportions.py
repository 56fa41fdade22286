"""Intervals for a share of samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from migrate.statistics.tails import beta_quantile


def wilson(passed: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's two-sided score interval for the share behind `passed` out of `total`.

    Shares are 0..1. With p = passed / total and z the normal quantile of (1 + level) / 2, the bounds are
    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), after E. B. Wilson, "Probable Inference, the Law of
    Succession, and Statistical Inference", JASA 22 (1927). Without samples everything is possible: (0, 1).
    Raises ValueError unless 0 <= passed <= total and 0 < level < 1.
    """
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} is no share")
    z = NormalDist().inv_cdf((1 + _level(level)) / 2)
    if total == 0:
        return 0.0, 1.0
    share, pull = passed / total, z * z / total
    centre = share + pull / 2
    reach = z * sqrt((share * (1 - share) + pull / 4) / total)
    # Rounding must not move a bound that the formula puts exactly on 0 or 1.
    low = 0.0 if passed == 0 else (centre - reach) / (1 + pull)
    high = 1.0 if passed == total else (centre + reach) / (1 + pull)
    return low, high


def clopper_pearson(passed: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval for the share behind `passed` out of `total`.

    Each bound by itself holds with confidence (1 + level) / 2 at least, whatever the share: quantiles of
    Beta(passed, total - passed + 1) and Beta(passed + 1, total - passed), after C. J. Clopper and E. S. Pearson, "The
    use of confidence or fiducial limits", Biometrika 26 (1934). Raises ValueError as `wilson` does.
    """
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} is no share")
    tail = (1 - _level(level)) / 2
    low = beta_quantile(tail, passed, total - passed + 1) if passed else 0.0
    high = beta_quantile(1 - tail, passed + 1, total - passed) if passed < total else 1.0
    return low, high


def newcombe(one: tuple[int, int], other: tuple[int, int], level: float = 0.95) -> tuple[float, float]:
    """Return the interval for the share of `one` minus that of `other`, each (passed, total) and independent.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics
    in Medicine 17 (1998) 873-890: the distances to both shares' Wilson bounds, squared and added.
    """
    first, second = _share(*one), _share(*other)
    (low_1, high_1), (low_2, high_2) = wilson(*one, level), wilson(*other, level)
    below = sqrt((first - low_1) ** 2 + (high_2 - second) ** 2)
    above = sqrt((high_1 - first) ** 2 + (second - low_2) ** 2)
    return max(first - second - below, -1.0), min(first - second + above, 1.0)


def weighted_bound(parts: Sequence[tuple[float, float, float]]) -> float:
    """Return a bound of a weighted mean of independent figures, each given as (weight, estimate, bound of its own).

    The distances to the bounds, weighted, squared and added, as Newcombe does for a difference: G. Y. Zou and A.
    Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008) 1693-1702. All
    bounds lie on one side of their estimates, at one level. Raises ValueError without weights.
    """
    total = sum(weight for weight, _, _ in parts)
    if not total > 0:
        raise ValueError("a weighted mean wants weights")
    if len(parts) == 1:
        return parts[0][2]
    centre = sum(weight * estimate for weight, estimate, _ in parts) / total
    reach = sqrt(sum((weight * (bound - estimate)) ** 2 for weight, estimate, bound in parts)) / total
    above = sum(weight * (bound - estimate) for weight, estimate, bound in parts) > 0
    return centre + reach if above else centre - reach


def _share(passed: int, total: int) -> float:
    """Return the share; without samples the middle of what is possible."""
    return passed / total if total else 0.5


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, {level} does not")
    return level
