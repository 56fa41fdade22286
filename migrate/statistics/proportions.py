"""Intervals for a share of samples."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


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


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, {level} does not")
    return level
