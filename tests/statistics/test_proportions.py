"""Intervals for shares, against published figures and statsmodels."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from migrate.statistics import newcombe, weighted_bound, wilson

LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_figures(passed: int, total: int, low: float, high: float) -> None:
    """The four examples of Newcombe (Statistics in Medicine 17, 1998, table I, method 3) come out."""
    assert (low, high) == pytest.approx(wilson(passed, total, 0.95), abs=5e-5)


@given(st.integers(0, 500), st.integers(1, 500), LEVELS)
def test_agrees_with_statsmodels(passed: int, total: int, level: float) -> None:
    """For every count and level the bounds are those of an independent implementation."""
    passed = min(passed, total)
    expected = proportion_confint(passed, total, alpha=1 - level, method="wilson")
    assert tuple(map(float, expected)) == pytest.approx(wilson(passed, total, level), abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 10**6), LEVELS)
def test_holds_the_share_and_stays_a_share(passed: int, total: int, level: float) -> None:
    """The interval lies in [0, 1] and contains the share that was seen."""
    passed = min(passed, total)
    low, high = wilson(passed, total, level)
    assert 0.0 <= low <= passed / total <= high <= 1.0


def test_no_samples_say_nothing() -> None:
    """Without a sample every share is possible."""
    assert (0.0, 1.0) == wilson(0, 0)


@pytest.mark.parametrize(("passed", "total", "level"), [(2, 1, 0.95), (-1, 5, 0.95), (1, 2, 0.0), (1, 2, 1.0)])
def test_nonsense_is_refused(passed: int, total: int, level: float) -> None:
    """More passed than there are, and levels that are none, raise."""
    with pytest.raises(ValueError, match=r"is no share|does not"):
        wilson(passed, total, level)


@settings(deadline=None, max_examples=8)
@given(st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_covers_what_it_promises(share: float) -> None:
    """Over 2,000 simulated flows of 200 samples a 95 % interval misses the true share in 3 to 7 %."""
    dice = random.Random(20250414)
    inside = 0
    for _ in range(2_000):
        passed = sum(dice.random() < share for _ in range(200))
        low, high = wilson(passed, 200, 0.95)
        inside += low <= share <= high
    assert 0.93 <= inside / 2_000 <= 0.975


@given(st.integers(0, 60), st.integers(0, 60), LEVELS)
def test_a_weighted_mean_of_two_has_newcombe_s_bounds(one: int, other: int, level: float) -> None:
    """Half of a share and half of what another lacks of 1 is half their difference, and a half: the same bounds."""
    (low_1, high_1), (low_2, high_2) = wilson(one, 60, level), wilson(other, 60, level)
    low = weighted_bound([(1.0, one / 60, low_1), (1.0, 1 - other / 60, 1 - high_2)])
    high = weighted_bound([(1.0, one / 60, high_1), (1.0, 1 - other / 60, 1 - low_2)])
    below, above = newcombe((one, 60), (other, 60), level)
    assert (max(2 * low - 1, -1.0), min(2 * high - 1, 1.0)) == pytest.approx((below, above))


def test_a_weighted_mean_of_one_has_its_own_bound() -> None:
    """Whatever its weight; and without weights there is no mean."""
    assert 0.1 == weighted_bound([(7.0, 0.05, 0.1)])
    with pytest.raises(ValueError, match="wants weights"):
        weighted_bound([])


@pytest.mark.parametrize("rates", [(0.02, 0.02, 0.02), (0.01, 0.05, 0.20), (0.001, 0.001, 0.3)])
def test_the_bound_of_a_weighted_mean_covers(rates: tuple[float, ...]) -> None:
    """Of 2,000 times three samples of 50, 100 and 400 the upper bound at 97.5 % lies below the mean in at most 2.5 %,
    and 3 standard errors; and the bounds are nearer than the mean of the samples' own bounds."""
    dice, missed = random.Random(31), 0
    sizes, weights = (50, 100, 400), (5.0, 3.0, 1.0)
    truth = sum(weight * rate for weight, rate in zip(weights, rates, strict=True)) / sum(weights)
    for _ in range(2_000):
        counts = [_binomial(n, rate, dice) for n, rate in zip(sizes, rates, strict=True)]
        parts = [(weight, k / n, wilson(k, n)[1]) for weight, k, n in zip(weights, counts, sizes, strict=True)]
        high = weighted_bound(parts)
        assert high < sum(weight * bound for weight, _, bound in parts) / sum(weights)
        missed += high < truth
    assert missed <= 2_000 * 0.025 + 3 * (2_000 * 0.025 * 0.975) ** 0.5


def _binomial(n: int, rate: float, dice: random.Random) -> int:
    return sum(dice.random() < rate for _ in range(n))
