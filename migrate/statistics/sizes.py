"""How many answers a comparison takes, planned so that it does not promise a power it has not.

Rates are shares of bad answers, 0..1; the excess is the candidate's minus the baseline's. `share` is the candidate's
share of the traffic: 0.1 for ten in a hundred. All alphas are one-sided.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, ceil, cos, pi, sqrt
from statistics import NormalDist

from migrate.statistics.proportions import newcombe
from migrate.statistics.tails import binomial_cdf, binomial_middle


@dataclass(frozen=True, slots=True)
class Size:
    """Answers a side."""

    candidate: int
    control: int


def restricted_rates(candidate: float, control: float, margin: float, weight: float) -> tuple[float, float]:
    """Return the likeliest rates that are `margin` apart, candidate's first.

    `weight` is the control's number of answers over the candidate's. The root of the cubic of C. P. Farrington and
    G. Manning, "Test statistics and sample size formulae for comparative binomial trials with null hypothesis of
    non-zero risk difference", Statistics in Medicine 9 (1990), appendix 1.
    """
    a = 1 + weight
    b = -(1 + weight + candidate + weight * control + margin * (weight + 2))
    c = margin * margin + margin * (2 * candidate + weight + 1) + candidate + weight * control
    d = -candidate * margin * (1 + margin)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = sqrt(max((b / (3 * a)) ** 2 - c / (3 * a), 0.0)) * (1 if v >= 0 else -1)
    turn = (pi + acos(min(max(v / u**3, -1.0), 1.0))) / 3 if u else 0.0
    rate = min(max(2 * u * cos(turn) - b / (3 * a), margin, 0.0), 1.0, 1 + margin)
    return rate, rate - margin


def farrington_manning(
    control: float, margin: float, share: float, *, alpha: float, power: float, excess: float = 0.0
) -> Size:
    """Return the answers that exclude an excess of `margin` with the given power, if the true excess is `excess`.

    n = (z_a sqrt(v0) + z_b sqrt(v1))^2 / (margin - excess)^2 for the candidate, v1 the variance of an answer's
    difference at the true rates and v0 at the restricted ones: Farrington and Manning (1990), equation (4).
    Raises ValueError unless 0 < share < 1 and excess < margin.
    """
    if not 0 < share < 1 or excess >= margin:
        raise ValueError(f"no size excludes {margin} with a true excess of {excess} at a share of {share}")
    weight = (1 - share) / share
    candidate = control + excess
    v1 = _variance(candidate, control, weight)
    v0 = _variance(*restricted_rates(candidate, control, margin, weight), weight)
    z_a, z_b = (NormalDist().inv_cdf(level) for level in (1 - alpha, power))
    n = (z_a * sqrt(v0) + z_b * sqrt(v1)) ** 2 / (margin - excess) ** 2
    return Size(ceil(n), ceil(n * weight))


def _variance(candidate: float, control: float, weight: float) -> float:
    return candidate * (1 - candidate) + control * (1 - control) / weight


def exact_power(size: Size, rates: tuple[float, float], margin: float, alpha: float) -> float:
    """Return the probability that Newcombe's one-sided upper bound of the excess lies below the margin.

    `rates` are the true ones, candidate's first. Summed over both binomial counts: what is decided, not what a formula
    approximates.
    """
    level = 1 - 2 * alpha
    allowed, total = -1, 0.0
    for bad, chance in binomial_middle(size.control, rates[1]):
        # More bad answers of the control allow the candidate more, never less.
        while allowed < size.candidate and _excludes(size, allowed + 1, bad, margin, level):
            allowed += 1
        total += chance * binomial_cdf(allowed, size.candidate, rates[0])
    return min(total, 1.0)


def _excludes(size: Size, candidate: int, control: int, margin: float, level: float) -> bool:
    return newcombe((candidate, size.candidate), (control, size.control), level)[1] < margin


def powered(
    control: float, margin: float, share: float, *, alpha: float, power: float, excess: float = 0.0, most: int = 10**6
) -> Size | None:
    """Return Farrington and Manning's size, raised by steps of 2 % until its exact power suffices; None past `most`."""
    size = farrington_manning(control, margin, share, alpha=alpha, power=power, excess=excess)
    weight = (1 - share) / share
    while size.candidate + size.control <= most:
        if exact_power(size, (control + excess, control), margin, alpha) >= power:
            return size
        more = max(size.candidate + 1, ceil(size.candidate * 1.02))
        size = Size(more, ceil(more * weight))
    return None


def paired_cases(discordant: float, margin: float, *, alpha: float, power: float, excess: float = 0.0) -> int:
    """Return the paired cases that exclude the margin, one answer a side: (z_a + z_b)^2 (psi - D^2) / (margin - D)^2.

    `discordant` (psi) is the share of cases in which the sides differ, `excess` (D) the true one. R. J. Connor,
    "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43 (1987), moved from
    a null of 0 to the margin. Raises ValueError unless excess < margin.
    """
    return _normal_cases(discordant - excess * excess, margin, alpha, power, excess)


def nested_cases(
    variance: float,
    baseline: tuple[float, int],
    candidate: tuple[float, int],
    margin: float,
    *,
    alpha: float,
    power: float,
    excess: float = 0.0,
) -> int:
    """Return the cases that exclude the margin when every side averages several samples of a case.

    `variance` is that of the true differences over cases; `baseline` and `candidate` are each the variance within a
    case and the samples taken: E. Miller, "Adding Error Bars to Evals" (2024), section 5.
    """
    total = variance + baseline[0] / baseline[1] + candidate[0] / candidate[1]
    return _normal_cases(total, margin, alpha, power, excess)


def _normal_cases(variance: float, margin: float, alpha: float, power: float, excess: float) -> int:
    if excess >= margin:
        raise ValueError(f"no number of cases excludes {margin} with a true excess of {excess}")
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return ceil(z * z * variance / (margin - excess) ** 2)


def rare_cases(highest: float, allowed: int, alpha: float) -> int:
    """Return the fewest answers of which `allowed` may be bad and yet a rate of `highest` is excluded.

    The smallest n with P(Bin(n, highest) <= allowed) <= alpha: the bound of Clopper and Pearson (1934), read backwards.
    """
    low, high = allowed, max(allowed + 1, 2)
    while binomial_cdf(allowed, high, highest) > alpha:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if binomial_cdf(allowed, middle, highest) <= alpha else (middle, high)
    return high
