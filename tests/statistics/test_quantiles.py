"""Quantiles and their exact intervals, against scipy, numpy, published tables and simulation."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from migrate.statistics import quantile, quantile_interval
from migrate.statistics.quantiles import interval_ranks

VALUES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=200)
QS = st.sampled_from([0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@given(VALUES, st.floats(0, 1))
def test_quantile_is_numpy_s_default(values: list[float], q: float) -> None:
    """The definition is Hyndman and Fan's seventh, which numpy uses unless told otherwise."""
    assert float(np.quantile(values, q)) == pytest.approx(quantile(values, q), rel=1e-9, abs=1e-9)


def test_quantile_of_nothing_is_unknown() -> None:
    """No values, no quantile: not 0."""
    assert quantile([], 0.5) is None


@pytest.mark.parametrize(("q", "least"), [(0.90, 29), (0.95, 59), (0.99, 299)])
def test_an_upper_bound_wants_its_published_number_of_values(q: float, least: int) -> None:
    """A one-sided 95 % upper bound of p90, p95, p99 wants 29, 59 and 299 values (Wilks, 1941)."""
    assert (None, least) == (interval_ranks(least - 1, q, 0.90)[1], interval_ranks(least, q, 0.90)[1])


@pytest.mark.parametrize(
    ("n", "ranks"),
    [(5, (None, None)), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21)), (50, (18, 33)), (100, (40, 61))],
)
def test_ranks_for_the_median_are_the_tabled_ones(n: int, ranks: tuple[int | None, int | None]) -> None:
    """Two-sided 95 % ranks for a median, as in Conover, Practical Nonparametric Statistics, and Hahn and Meeker."""
    assert ranks == interval_ranks(n, 0.5, 0.95)


@settings(deadline=None)
@given(st.integers(1, 400), QS, LEVELS)
@example(1, 0.75, 0.5)
@example(1, 0.05, 0.9)
@example(5, 0.5, 0.9375)
def test_ranks_are_the_tightest_that_keep_the_promise(n: int, q: float, level: float) -> None:
    """Each rank keeps its tail within the limit by scipy's binomial, and the next tighter rank would not."""
    low, high = interval_ranks(n, q, level)
    limit, count = (1 - level) / 2 * (1 + 1e-9), stats.binom(n, q)
    kept = [rank for rank in range(1, n + 1) if count.cdf(rank - 1) <= limit]
    assert (kept[-1] if kept else None) == low
    kept = [rank for rank in range(1, n + 1) if count.sf(rank - 1) <= limit]
    assert (kept[0] if kept else None) == high


@settings(deadline=None, max_examples=50)
@given(VALUES, QS, LEVELS)
def test_interval_is_scipy_s(values: list[float], q: float, level: float) -> None:
    """The bounds are those of the quantile test's confidence interval, None where scipy has NaN.

    A tail that equals its limit is within the promise, which scipy decides by rounding: such ties are left out here.
    """
    tails = stats.binom.cdf(np.arange(len(values)), len(values), [[q], [1 - q]])
    assume(not np.isclose(tails, (1 - level) / 2, rtol=1e-9, atol=0).any())
    found = stats.quantile_test(values, q=0.0, p=q).confidence_interval(confidence_level=level)
    expected = tuple(None if np.isnan(bound) else float(bound) for bound in found)
    assert expected == quantile_interval(values, q, level)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=20, max_size=200), QS)
def test_interval_holds_the_estimate(values: list[float], q: float) -> None:
    """Where both bounds exist the estimate lies between them."""
    low, high = quantile_interval(values, q, 0.90)
    estimate = quantile(values, q)
    assert estimate is not None
    assert low is None or low <= estimate
    assert high is None or estimate <= high


@settings(deadline=None, max_examples=6)
@given(st.sampled_from([(0.5, 30), (0.95, 59), (0.95, 200), (0.9, 100)]), st.booleans())
def test_each_bound_covers_what_it_promises(q_and_n: tuple[float, int], ties: bool) -> None:
    """Over 1,000 simulated latencies each one-sided 95 % bound errs in at most 5 % (6.5 % allowed for luck)."""
    q, n = q_and_n
    dice = random.Random(59)
    # The exponential's quantile is known; rounding to whole units gives heavy ties and its ceiling as quantile.
    truth = stats.expon.ppf(q) * 3
    truth = float(np.ceil(truth)) if ties else float(truth)
    below = above = 0
    for _ in range(1_000):
        values = [dice.expovariate(1 / 3) for _ in range(n)]
        low, high = quantile_interval([float(np.ceil(value)) for value in values] if ties else values, q, 0.90)
        above += low is not None and low > truth
        below += high is not None and high < truth
    assert max(above, below) / 1_000 <= 0.065


def test_a_hundred_thousand_values_are_no_trouble() -> None:
    """Ranks of a huge sample agree with scipy's and do not underflow."""
    n, q = 100_000, 0.95
    limit = 0.05
    expected = (int(stats.binom.ppf(limit, n, q)), int(stats.binom.isf(limit, n, q)) + 1)
    assert expected == interval_ranks(n, q, 0.90)


@pytest.mark.parametrize(("q", "level"), [(0.0, 0.9), (1.0, 0.9), (0.5, 0.0), (0.5, 1.0)])
def test_nonsense_is_refused(q: float, level: float) -> None:
    """A quantile or a level outside (0, 1) has no interval."""
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        quantile_interval([1.0], q, level)


def test_a_quantile_outside_0_to_1_is_refused() -> None:
    """There is no 95th quantile, only p95."""
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        quantile([1.0], 95)
