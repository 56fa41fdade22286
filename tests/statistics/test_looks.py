"""Planned looks, split of traffic, judges that err, ratios of cost: published tables, scipy and simulation."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from migrate.statistics import (
    boundaries,
    mismatch_e,
    mismatch_p,
    ratio_interval,
    seen_margin,
    seen_rate,
    spent,
    true_interval,
    true_rate,
)

# --- a few looks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "published"),
    [
        (1, (1.9600,)),
        (2, (2.9626, 1.9686)),
        (3, (3.7103, 2.5114, 1.9930)),
        (4, (4.3326, 2.9631, 2.3590, 2.0141)),
        (5, (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)),
    ],
)
def test_published_boundaries(looks: int, published: tuple[float, ...]) -> None:
    """Lan and DeMets' boundaries of O'Brien and Fleming's shape, equal steps, one-sided 0.025: the usual table."""
    assert published == pytest.approx(boundaries(0.025, [(look + 1) / looks for look in range(looks)]), abs=2e-4)


def test_looks_together_err_as_often_as_alpha_says() -> None:
    """Of 200,000 simulated paths with looks at 10, 25, 50 and 100 % of the information 5 % cross, to 0.15 points."""
    information = np.array([0.1, 0.25, 0.5, 1.0])
    steps = np.diff(np.concatenate([[0.0], information]))
    paths = (np.random.default_rng(31).normal(size=(200_000, 4)) * np.sqrt(steps)).cumsum(axis=1)
    crossed = (paths / np.sqrt(information) > np.array(boundaries(0.05, information.tolist()))).any(axis=1)
    assert 0.05 == pytest.approx(float(crossed.mean()), abs=0.0015)


@given(st.floats(0.001, 0.2), st.floats(0.01, 0.99))
def test_error_is_spent_late_and_wholly(alpha: float, information: float) -> None:
    """Nothing at the start, all at the end, less than in proportion on the way for usual alphas."""
    assert (0.0, pytest.approx(alpha)) == (spent(alpha, 0.0), spent(alpha, 1.0))
    assert spent(alpha, information) <= alpha * information + 1e-12


@pytest.mark.parametrize("information", [(0.5, 0.5), (0.5, 0.2), (0.0, 1.0), (0.5, 1.1)])
def test_information_that_does_not_rise_is_refused(information: tuple[float, ...]) -> None:
    """A look without new data is no look."""
    with pytest.raises(ValueError, match="rise from above 0 to 1"):
        boundaries(0.05, information)


# --- the split of traffic -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.05, 1)), min_size=2, max_size=4))
def test_a_mismatch_is_scipy_s_chi_square(arms: list[tuple[int, float]]) -> None:
    """The p-value of the planned shares, for any number of arms."""
    counts, shares = [arm[0] for arm in arms], [arm[1] for arm in arms]
    if not sum(counts):
        assert 1.0 == mismatch_p(counts, shares)
        return
    expected = np.array(shares) / sum(shares) * sum(counts)
    chi = float(((np.array(counts) - expected) ** 2 / expected).sum())
    assert float(stats.chi2.sf(chi, len(arms) - 1)) == pytest.approx(mismatch_p(counts, shares), rel=1e-7, abs=1e-300)


def test_units_in_an_arm_that_should_have_none() -> None:
    """One is enough, for either test."""
    assert (0.0, inf) == (mismatch_p([99, 1], [1.0, 0.0]), mismatch_e([99, 1], [1.0, 0.0]))


def test_peeking_at_a_fair_split_rarely_alarms() -> None:
    """Over 400 simulated canaries of 5,000 units, looked at 100 times each, 1,000 is never reached by a fair split."""
    dice, worst = np.random.default_rng(37), 0.0
    for _ in range(400):
        mine = (dice.random(5_000) < 0.1).cumsum()
        counts = ((int(mine[total - 1]), total) for total in range(50, 5_001, 50))
        worst = max(worst, *(mismatch_e([one, total - one], [0.1, 0.9]) for one, total in counts))
    assert worst < 1_000


def test_a_real_mismatch_is_found() -> None:
    """12 instead of 10 in a hundred is beyond doubt after 10,000 units."""
    assert mismatch_e([1_200, 8_800], [0.1, 0.9]) > 1_000
    assert mismatch_p([1_200, 8_800], [0.1, 0.9]) < 0.0005


def test_evidence_of_one_unit_is_fair() -> None:
    """Its expectation under the plan is 1."""
    assert 1.0 == pytest.approx(0.1 * mismatch_e([1, 0], [0.1, 0.9]) + 0.9 * mismatch_e([0, 1], [0.1, 0.9]))


# --- judges -------------------------------------------------------------------------------------------------


@given(st.floats(0, 1), st.floats(0.6, 1), st.floats(0.6, 1))
def test_what_a_judge_says_is_undone(rate: float, sensitivity: float, specificity: float) -> None:
    """The correction gives back the rate behind what the judge sees, and differences shrink by the same factor."""
    seen = seen_rate(rate, sensitivity, specificity)
    assert rate == pytest.approx(true_rate(seen, sensitivity, specificity), abs=1e-9)
    other = seen_rate(rate / 2, sensitivity, specificity)
    assert seen - other == pytest.approx(seen_margin(rate / 2, sensitivity, specificity), abs=1e-9)


def test_the_corrected_interval_covers() -> None:
    """Of 3,000 simulated samples of 400 answers, judged at 80 and 95 %, a 95 % interval covers in 93.5 to 97 %."""
    bad = np.random.default_rng(41).binomial(400, seen_rate(0.08, 0.8, 0.95), size=3_000)
    inside = [low <= 0.08 <= high for low, high in (true_interval(int(x), 400, 0.8, 0.95) for x in bad)]
    assert 0.935 <= np.mean(inside) <= 0.97


def test_fewer_bad_than_the_judge_invents_is_none() -> None:
    """A rate below the judge's own error is 0, not negative."""
    assert 0.0 == true_rate(0.02, 0.8, 0.95)


def test_a_judge_by_chance_is_refused() -> None:
    """A coin tells nothing about an answer."""
    with pytest.raises(ValueError, match="tells nothing"):
        true_rate(0.5, 0.5, 0.5)


# --- cost ---------------------------------------------------------------------------------------------------


def costs(dice: np.random.Generator, cases: int) -> list[tuple[float, float]]:
    """Costs of cases: lognormal lengths shared by both sides, the candidate at 0.6 of the baseline in truth."""
    length = dice.lognormal(0, 0.6, size=cases)
    before, after = (length * dice.lognormal(0, 0.2, size=cases) for _ in range(2))
    return [(float(one), float(0.6 * other)) for one, other in zip(before, after, strict=True)]


def test_the_interval_of_a_ratio_is_scipy_s() -> None:
    """Bias-corrected and accelerated, of 60 cases: scipy's to within what other draws give."""
    pairs = np.array(costs(np.random.default_rng(43), 60))
    expected = stats.bootstrap(
        (pairs[:, 0], pairs[:, 1]),
        lambda before, after, axis=-1: after.sum(axis=axis) / before.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=5_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = ratio_interval([(float(a), float(b)) for a, b in pairs], rounds=5_000)
    assert (float(expected.low), float(expected.high)) == pytest.approx(found, abs=0.006)


def test_the_interval_of_a_ratio_covers() -> None:
    """Over 300 simulated flows of 40 cases a 90 % interval holds the true ratio in 84 to 95 %."""
    dice = np.random.default_rng(47)
    truth, inside = 0.6, 0
    for number in range(300):
        interval = ratio_interval(costs(dice, 40), 0.90, rounds=300, seed=number)
        assert interval is not None
        inside += interval[0] <= truth <= interval[1]
    assert 0.84 <= inside / 300 <= 0.95


def test_the_same_seed_gives_the_same_interval() -> None:
    """A report made twice says the same."""
    pairs = costs(np.random.default_rng(53), 20)
    assert ratio_interval(pairs, seed=7) == ratio_interval(pairs, seed=7)
    assert ratio_interval(pairs, seed=7) != ratio_interval(pairs, seed=8)


def test_too_little_has_no_interval() -> None:
    """One case does not vary, and nothing is a multiple of nothing."""
    assert ratio_interval([(1.0, 2.0)]) is None
    assert ratio_interval([(0.0, 2.0), (0.0, 1.0)]) is None


def test_equal_ratios_have_a_narrow_interval() -> None:
    """Where every case costs half, so does every draw."""
    found = ratio_interval([(float(cost), cost / 2) for cost in range(1, 30)])
    assert (0.5, 0.5) == pytest.approx(found)
