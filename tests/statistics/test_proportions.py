"""Intervals for shares, against published figures and statsmodels."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from migrate.statistics import wilson

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
