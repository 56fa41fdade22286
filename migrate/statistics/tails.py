"""Tails and quantiles of the distributions that exact bounds are made of, in plain Python.

The continued fractions and series are those of the Digital Library of Mathematical Functions (dlmf.nist.gov); the
relative error stays below 1e-9 over the range that counts of cases and events reach, up to millions of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, exp, floor, inf, lgamma, log, log1p, sqrt
from typing import Final, TypeAlias

ENOUGH: Final = 1e-15
"""Relative change below which a series or fraction has converged."""
TINY: Final = 1e-300
"""Stands for 0 where a continued fraction would divide by it."""
CLOSE: Final = 4e-16
"""Relative width of a bracket that is narrow enough."""
HALVINGS: Final = 200
MOST_TERMS: Final = 200_000


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the share of a Beta(a, b) distribution up to `x`: the regularised incomplete beta function (DLMF 8.17)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    return front / a / _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of DLMF 8.17.22, from its head."""

    def term(index: int) -> float:
        half, odd = divmod(index, 2)
        if odd:
            return -(a + half) * (a + b + half) * x / ((a + index - 1) * (a + index))
        return half * (b - half) * x / ((a + index - 1) * (a + index))

    return continued_fraction(1.0, term, lambda _: 1.0)


def continued_fraction(head: float, over: Callable[[int], float], under: Callable[[int], float]) -> float:
    """Return head + over(1) / (under(1) + over(2) / (under(2) + ...)), by the method of Lentz (1976)."""
    value = ratio = head or TINY
    inverse = 0.0
    for index in range(1, MOST_TERMS):
        ratio = under(index) + over(index) / ratio or TINY
        inverse = 1 / (under(index) + over(index) * inverse or TINY)
        step = ratio * inverse
        value *= step
        if abs(step - 1) < ENOUGH:
            break
    return value


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the `p`-quantile of a Beta(a, b) distribution."""
    return solve(lambda x: beta_cdf(x, a, b) - p, 0.0, 1.0)


def binomial_cdf(count: float, n: float, p: float) -> float:
    """Return P(Bin(n, p) <= count)."""
    if count < 0 or count >= n:
        return 0.0 if count < 0 else 1.0
    return beta_cdf(1 - p, n - count, count + 1)


def binomial_shares(n: int, p: float) -> list[float]:
    """Return P(Bin(n, p) = count) for every count from 0 to n."""
    if p in (0.0, 1.0):
        return [float(count == n * p) for count in range(n + 1)]
    whole, odds, rest = lgamma(n + 1), log(p) - log1p(-p), n * log1p(-p)
    return [exp(whole - lgamma(x + 1) - lgamma(n - x + 1) + x * odds + rest) for x in range(n + 1)]


def binomial_middle(n: int, p: float) -> Iterator[tuple[int, float]]:
    """Yield the counts that Bin(n, p) has with a chance above 1e-18, rising, each with that chance.

    A control of a hundred thousand answers has a few thousand counts that matter.
    """
    if p in (0.0, 1.0):
        yield round(n * p), 1.0
        return
    whole, odds, rest = lgamma(n + 1), log(p) - log1p(-p), n * log1p(-p)
    reach = 10 * sqrt(n * p * (1 - p)) + 40
    for x in range(max(0, floor(n * p - reach)), min(n, ceil(n * p + reach)) + 1):
        chance = exp(whole - lgamma(x + 1) - lgamma(n - x + 1) + x * odds + rest)
        if chance > 1e-18:
            yield x, chance


def student_tail(t: float, df: float) -> float:
    """Return P(T > t) for Student's t with `df` degrees of freedom."""
    if t * t < 1:  # near the middle df / (df + t^2) rounds to 1; the other end of the same function does not
        half = (1 - beta_cdf(t * t / (df + t * t), 0.5, df / 2)) / 2
    else:
        half = beta_cdf(df / (df + t * t), df / 2, 0.5) / 2
    return half if t >= 0 else 1 - half


def student_quantile(p: float, df: float) -> float:
    """Return the `p`-quantile of Student's t with `df` degrees of freedom."""
    if p == 0.5:
        return 0.0
    x = beta_quantile(2 * min(p, 1 - p), df / 2, 0.5)
    t = sqrt(df * (1 - x) / x) if x else inf
    return t if p > 0.5 else -t


def gamma_tail(x: float, shape: float) -> float:
    """Return P(G > x) for a gamma variable of unit scale: the regularised upper incomplete function (DLMF 8.2)."""
    if x <= 0:
        return 1.0
    front = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1:
        return 1 - front * _gamma_series(x, shape)
    return front / continued_fraction(
        x + 1 - shape, lambda index: -index * (index - shape), lambda index: x + 1 - shape + 2 * index
    )


def _gamma_series(x: float, shape: float) -> float:
    """Return the series of DLMF 8.7.1 for the lower function, without its front."""
    total = term = 1 / shape
    for index in range(1, MOST_TERMS):
        term *= x / (shape + index)
        total += term
        if term < total * ENOUGH:
            break
    return total


def poisson_cdf(count: float, mean: float) -> float:
    """Return P(N <= count) for a Poisson count; counts between whole ones are interpolated by the gamma function."""
    return gamma_tail(mean, count + 1)


def chi_square_tail(x: float, df: float) -> float:
    """Return P(X > x) for a chi-square variable with `df` degrees of freedom."""
    return gamma_tail(x / 2, df / 2)


def solve(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function crosses 0 between two places; the nearer end where it never does.

    The bracketing method of Chandrupatla, "A new hybrid quadratic/bisection algorithm", Advances in Engineering
    Software 28 (1997): a parabola through three points where that is safe, else a halving.
    """
    at_low, at_high = rising(low), rising(high)
    if at_low >= 0 or at_high <= 0:
        return low if at_low >= 0 else high
    new, other, at_new, at_other = high, low, at_high, at_low
    share = 0.5
    for _ in range(HALVINGS):
        place = new + share * (other - new)
        value = rising(place)
        if (value < 0) == (at_new < 0):
            third, at_third = new, at_new
        else:
            third, at_third, other, at_other = other, at_other, new, at_new
        new, at_new = place, value
        room = abs(other - new)
        slack = CLOSE * abs(new) + TINY
        if value == 0 or room < 2 * slack:
            break
        share = _next_share((new, at_new), (other, at_other), (third, at_third))
        share = min(max(share, slack / room), 1 - slack / room)
    return new


Point: TypeAlias = tuple[float, float]
"""A place and what the function is there."""


def _next_share(new: Point, other: Point, third: Point) -> float:
    """Return how far to go from `new` to `other`: by inverse quadratic interpolation, or half the way."""
    (x, fx), (y, fy), (z, fz) = new, other, third
    xi, phi = (x - y) / (z - y), (fx - fy) / (fz - fy)
    if not (phi * phi < xi and (1 - phi) ** 2 < 1 - xi):
        return 0.5
    return fx / (fy - fx) * fz / (fy - fz) + (z - x) / (y - x) * fx / (fz - fx) * fy / (fz - fy)


__all__ = [
    "beta_cdf",
    "beta_quantile",
    "binomial_cdf",
    "binomial_shares",
    "chi_square_tail",
    "gamma_tail",
    "poisson_cdf",
    "solve",
    "student_quantile",
    "student_tail",
]
