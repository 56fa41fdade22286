"""Quantiles of a sample, and what the sample can promise about those of the population."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import exp, floor, lgamma, log, log1p, sqrt
from typing import Final

SLACK: Final = 1e-12
"""Relative slack for a tail that equals its limit exactly but for rounding."""

FAR: Final = (12.0, 40.0)
"""Standard deviations and counts below the mean where summing starts: less than 1e-30 lies further out."""


def quantile(values: Iterable[float], q: float) -> float | None:
    """Return the q-quantile of the values, in their unit; None when there are none.

    Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50
    (1996): linear between the order statistics around rank (n - 1) q, counted from 0. It is numpy's and R's default.
    Raises ValueError unless 0 <= q <= 1.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, {q} does not")
    ordered = sorted(values)
    if not ordered:
        return None
    rank = (len(ordered) - 1) * q
    below = floor(rank)
    above = min(below + 1, len(ordered) - 1)
    share = rank - below
    return ordered[below] + (ordered[above] - ordered[below]) * share if share else ordered[below]


def quantile_interval(values: Iterable[float], q: float, level: float = 0.90) -> tuple[float | None, float | None]:
    """Return the exact interval for the population's q-quantile, of at least `level`, in the unit of the values.

    Each bound is an order statistic and holds by itself with confidence (1 + level) / 2, whatever the distribution:
    the lower is the highest x_(l) with P(Bin(n, q) < l) <= (1 - level) / 2, the upper the lowest x_(u) with
    P(Bin(n, q) >= u) <= (1 - level) / 2 (David and Nagaraja, "Order Statistics", 3rd ed., section 7.1). A bound that
    n values cannot give is None: at the default level the upper bound of p95 wants 59 values, the lower bound one.
    Raises ValueError unless 0 < q < 1 and 0 < level < 1.
    """
    ordered = sorted(values)
    low, high = interval_ranks(len(ordered), q, level)
    return (None if low is None else ordered[low - 1]), (None if high is None else ordered[high - 1])


@lru_cache(maxsize=256)
def interval_ranks(n: int, q: float, level: float) -> tuple[int | None, int | None]:
    """Return the ranks, from 1, of the order statistics that bound the q-quantile; None where n is too small."""
    if not 0 < q < 1 or not 0 < level < 1:
        raise ValueError(f"q and level lie between 0 and 1, {q} and {level} do not both")
    if n <= 0:
        return None, None
    limit = (1 - level) / 2
    low = _largest_tail(n, q, limit)
    # P(Bin(n, q) >= u) is P(Bin(n, 1 - q) <= n - u): the same question asked from the other end.
    high = _largest_tail(n, 1 - q, limit)
    return (low or None), (n + 1 - high if high else None)


def _largest_tail(n: int, q: float, limit: float) -> int:
    """Return how many values, counted from 0, the lower tail of Bin(n, q) holds without exceeding `limit`."""
    limit *= 1 + SLACK
    start = max(0, floor(n * q - FAR[0] * sqrt(n * q * (1 - q)) - FAR[1]))
    mass = exp(lgamma(n + 1) - lgamma(start + 1) - lgamma(n - start + 1) + start * log(q) + (n - start) * log1p(-q))
    odds, tail, count = q / (1 - q), mass, start
    while tail <= limit and count < n:
        mass *= (n - count) / (count + 1) * odds
        count += 1
        tail += mass
    return count
