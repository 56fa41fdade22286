"""Every interval over the whole range of its parameters: how often it covers, in bands of 3 computed standard errors.

Two promises. At every point of a grid the simulated coverage is that which an independent implementation has by exact
summation. And over the range, its parameters drawn at random, an interval covers at least as often as it says; one that
is not exact by construction not much more often either, for a wide interval is no achievement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from migrate.routing.spending import difference_interval, mean_interval
from migrate.statistics import (
    Differences,
    Pairs,
    clopper_pearson,
    lower_bound,
    newcombe,
    newcombe_paired,
    quantile_interval,
    ratio_interval,
    seen_rate,
    tango,
    true_interval,
    upper_bound,
    wilson,
)

Dice = np.random.Generator
Bounds = tuple[float | None, float | None]
SHARES = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)


def within(share: float, expected: float, trials: int) -> bool:
    """Whether a simulated share is the expected one, to 3 standard errors; no nearer than one trial in all."""
    return abs(share - expected) <= max(3 * sqrt(expected * (1 - expected) / trials), 1 / trials)


# --- point by point, against exact sums ---------------------------------------------------------------------

SHARE_INTERVALS = {"wilson": (wilson, "wilson"), "clopper_pearson": (clopper_pearson, "beta")}


@pytest.mark.parametrize("n", [10, 40, 200])
@pytest.mark.parametrize("name", list(SHARE_INTERVALS))
def test_the_coverage_of_a_share_is_the_exact_one_at_every_point(name: str, n: int) -> None:
    """Seven shares from 1 to 99 in a hundred, 4,000 samples each, against statsmodels' interval and scipy's sums."""
    ours, method = SHARE_INTERVALS[name]
    dice, counts = np.random.default_rng(61), np.arange(n + 1)
    lows, highs = proportion_confint(counts, n, alpha=0.05, method=method)
    found = np.array([ours(int(count), n, 0.95) for count in counts])
    for share in SHARES:
        exact = float(stats.binom.pmf(counts, n, share)[(lows <= share) & (share <= highs)].sum())
        drawn = found[dice.binomial(n, share, size=4_000)]
        assert within(float(((drawn[:, 0] <= share) & (share <= drawn[:, 1])).mean()), exact, 4_000), share


@pytest.mark.parametrize("sizes", [(20, 20), (30, 120)])
def test_the_coverage_of_a_difference_is_the_exact_one_at_every_point(sizes: tuple[int, int]) -> None:
    """Nine pairs of shares, equal and unequal arms, 2,000 samples each, against statsmodels and exact sums."""
    (n, m), dice = sizes, np.random.default_rng(67)
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij"))
    lows, highs = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff", alpha=0.05)
    ours = cache(lambda one, other: newcombe((one, n), (other, m), 0.95))
    for one in (0.02, 0.1, 0.5):
        for other in (0.02, 0.15, 0.6):
            inside = (lows <= one - other) & (one - other <= highs)
            exact = float((stats.binom.pmf(x, n, one) * stats.binom.pmf(y, m, other))[inside].sum())
            draws = zip(dice.binomial(n, one, 2_000), dice.binomial(m, other, 2_000), strict=True)
            bounds = [ours(int(a), int(b)) for a, b in draws]
            covered = np.mean([low <= one - other <= high for low, high in bounds])
            assert within(float(covered), exact, 2_000), (one, other)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", [30, 59, 200])
def test_the_coverage_of_a_quantile_is_the_binomial_s_at_every_point(q: float, n: int) -> None:
    """Of continuous values: P(l <= Bin(n, q) < u) for the ranks the interval takes, 4,000 samples each."""
    dice, truth = np.random.default_rng(71), float(stats.expon.ppf(q))
    low_rank, high_rank = quantile_interval(range(1, n + 1), q, 0.90)
    at_most = n if high_rank is None else high_rank - 1
    exact = float(stats.binom.cdf(at_most, n, q) - stats.binom.cdf((low_rank or 0) - 1, n, q))
    samples = np.sort(dice.exponential(size=(4_000, n)), axis=1)
    above = np.ones(4_000, bool) if low_rank is None else samples[:, int(low_rank) - 1] <= truth
    below = np.ones(4_000, bool) if high_rank is None else truth <= samples[:, int(high_rank) - 1]
    assert exact >= 0.90
    assert within(float((above & below).mean()), exact, 4_000)


# --- over the range -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """An interval, what is drawn from its range, how often it must cover, and how often at most."""

    draw: Callable[[Dice], tuple[Bounds, float]]
    """Return an interval and the truth."""
    level: float
    most: float = 1.0
    """1 where it holds whatever the truth is, and so covers more often."""
    trials: int = 4_000


def share_of(interval: Callable[[int, int, float], tuple[float, float]]) -> Callable[[Dice], tuple[Bounds, float]]:
    def draw(dice: Dice) -> tuple[Bounds, float]:
        n, share = int(dice.integers(10, 400)), float(dice.uniform(0.005, 0.995))
        return interval(int(dice.binomial(n, share)), n, 0.95), share

    return draw


def difference(dice: Dice) -> tuple[Bounds, float]:
    sizes, shares = dice.integers(15, 400, size=2), dice.uniform(0.01, 0.99, size=2)
    (x, y), (n, m) = dice.binomial(sizes, shares), sizes
    return newcombe((int(x), int(n)), (int(y), int(m)), 0.95), float(shares[0] - shares[1])


def paired(interval: Callable[[Pairs, float], tuple[float, float]]) -> Callable[[Dice], tuple[Bounds, float]]:
    def draw(dice: Dice) -> tuple[Bounds, float]:
        chances = dice.dirichlet((4.0, 0.8, 0.8, 0.8))
        table = Pairs(*map(int, dice.multinomial(int(dice.integers(20, 300)), chances)))
        return interval(table, 0.95), float(chances[1] - chances[2])

    return draw


def judged(dice: Dice) -> tuple[Bounds, float]:
    rate, (sensitivity, specificity) = float(dice.uniform(0.05, 0.6)), map(float, dice.uniform(0.75, 1, size=2))
    n = int(dice.integers(100, 600))
    bad = int(dice.binomial(n, seen_rate(rate, sensitivity, specificity)))
    return true_interval(bad, n, sensitivity, specificity, 0.95), rate


def ratio(dice: Dice) -> tuple[Bounds, float]:
    truth, n = float(dice.uniform(0.1, 3)), int(dice.integers(60, 120))
    length = dice.lognormal(0, dice.uniform(0.1, 0.7), size=n)
    before, after = length * dice.lognormal(0, 0.2, size=n), truth * length * dice.lognormal(0, 0.2, size=n)
    pairs = [(float(a), float(b)) for a, b in zip(before, after, strict=True)]
    return ratio_interval(pairs, 0.90, rounds=300, seed=n) or (None, None), truth


def mean(dice: Dice) -> tuple[Bounds, float]:
    truth, n = float(dice.uniform(-2, 2)), int(dice.integers(3, 80))
    found = mean_interval(dice.normal(truth, dice.uniform(0.1, 3), size=n).tolist())
    return (found.low, found.high), truth


def quantile_of(dice: Dice) -> tuple[Bounds, float]:
    n, q = int(dice.integers(5, 300)), float(dice.uniform(0.05, 0.95))
    return quantile_interval(dice.gamma(2, 3, size=n).tolist(), q, 0.90), float(stats.gamma.ppf(q, 2, scale=3))


def differences(dice: Dice) -> tuple[list[float], float]:
    """Cases of five samples a side, whose rates differ from case to case; and the true excess."""
    n, worse, noisy = int(dice.integers(20, 150)), dice.uniform(0, 0.3), dice.uniform(0, 0.5)
    shaky, lost = dice.random(n) < noisy, dice.random(n) < worse
    before = dice.binomial(5, np.where(shaky, 0.8, 1.0)) / 5
    after = dice.binomial(5, np.where(shaky, 0.8, 1.0)) / 5 * ~lost
    return np.round(before - after, 9).tolist(), float(worse * (0.8 * noisy + 1 - noisy))


def counted(values: list[float]) -> Differences:
    return Differences.counted({value: values.count(value) for value in set(values)})


def one_bound(side: Callable[[Differences, float], float], upper: bool) -> Callable[[Dice], tuple[Bounds, float]]:
    def draw(dice: Dice) -> tuple[Bounds, float]:
        values, truth = differences(dice)
        bound = side(counted(values), 0.05)
        return (None, bound) if upper else (bound, None), truth

    return draw


def both_bounds(dice: Dice) -> tuple[Bounds, float]:
    values, truth = differences(dice)
    found = difference_interval(values)
    return (found.low, found.high), truth


RANGES = {
    "wilson": Range(share_of(wilson), 0.95, 0.96),
    "clopper_pearson": Range(share_of(clopper_pearson), 0.95, trials=800),
    "newcombe": Range(difference, 0.95, 0.965),
    "newcombe_paired": Range(paired(newcombe_paired), 0.95, 0.98),
    "tango": Range(paired(tango), 0.95, 0.97),
    "true_interval": Range(judged, 0.95, 0.965),
    "ratio_interval": Range(ratio, 0.90, 0.90, trials=250),
    "mean_interval": Range(mean, 0.95, 0.95, trials=1_500),
    "quantile_interval": Range(quantile_of, 0.90, trials=2_000),
    "upper_bound": Range(one_bound(upper_bound, True), 0.95, trials=500),
    "lower_bound": Range(one_bound(lower_bound, False), 0.95, trials=500),
    "difference_interval": Range(both_bounds, 0.95, trials=300),
}


@pytest.mark.parametrize("name", list(RANGES))
def test_an_interval_covers_over_its_range_as_often_as_it_says(name: str) -> None:
    """Sizes and true values drawn anew each time: at least its level less 3 standard errors, at most `most` and 3."""
    tried, dice = RANGES[name], np.random.default_rng(len(name))
    covered = 0
    for _ in range(tried.trials):
        (low, high), truth = tried.draw(dice)
        covered += (low is None or low <= truth) and (high is None or truth <= high)
    share, band = covered / tried.trials, 3 * sqrt(tried.level * (1 - tried.level) / tried.trials)
    assert tried.level - band <= share <= tried.most + band
