"""Is a candidate no worse than the margin? Exact and simulated error rates, and how many cases it takes."""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from migrate.statistics import (
    Differences,
    cases_within,
    clean_cases,
    clopper_pearson,
    lower_bound,
    p_beyond,
    p_within,
    upper_bound,
)
from migrate.statistics.excess import log_ratio

VALUES = st.lists(st.sampled_from([-1.0, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 1.0]), min_size=1, max_size=80)


def seen(values: list[float]) -> Differences:
    """Differences of cases, one after the other."""
    return Differences.counted({value: values.count(value) for value in sorted(set(values))})


def all_or_nothing(worse: int, n: int) -> Differences:
    return Differences((0.0, 1.0), (float(n - worse), float(worse)))


# --- what the bounds are ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.05), (20, 0.05), (60, 0.05), (60, 0.01), (400, 0.1)])
def test_without_a_difference_the_bound_is_the_exact_one(n: int, alpha: float) -> None:
    """Nothing seen in n cases excludes what has a chance of alpha to stay unseen: 1 - alpha^(1/n)."""
    clean = Differences((0.0,), (float(n),))
    assert 1 - alpha ** (1 / n) == pytest.approx(upper_bound(clean, alpha))
    assert -(1 - alpha ** (1 / n)) == pytest.approx(lower_bound(clean, alpha))


@given(st.integers(1, 400), st.integers(0, 400), st.sampled_from([0.01, 0.05, 0.1]))
def test_cases_that_only_got_worse_have_clopper_and_pearson_s_bound(n: int, worse: int, alpha: float) -> None:
    """For all-or-nothing losses in up to a fifth of the cases, to 2 % of it."""
    worse = worse % (n // 5 + 1)
    exact = clopper_pearson(worse, n, 1 - 2 * alpha)[1]
    assert exact == pytest.approx(upper_bound(all_or_nothing(worse, n), alpha), rel=0.02)


@pytest.mark.parametrize(("n", "slack"), [(1_000, 0.12), (20_000, 0.03)])
def test_with_many_cases_the_bound_is_student_s(n: int, slack: float) -> None:
    """Cases that vary by a fifth: mean and 1.65 standard errors, to 12 % of these with a thousand, 3 % with twenty."""
    found = Differences((-0.2, 0.0, 0.2), (0.15 * n, 0.7 * n, 0.15 * n))
    error = found.deviation / sqrt(n)
    assert stats.t.ppf(0.95, n - 1) == pytest.approx((upper_bound(found, 0.05) - found.mean) / error, rel=slack)
    assert stats.t.ppf(0.95, n - 1) == pytest.approx((found.mean - lower_bound(found, 0.05)) / error, rel=slack)


@given(VALUES, st.floats(0.005, 0.9))
def test_never_more_convinced_than_student_s_test(values: list[float], margin: float) -> None:
    """Where the differences vary at all the p-value is at least scipy's of the one-sided t test."""
    assume(len(set(values)) > 1)
    expected = stats.ttest_1samp(values, margin, alternative="less").pvalue
    assert p_within(seen(values), margin) >= float(expected) - 1e-7


@given(VALUES, st.floats(-0.9, 0.9))
def test_the_likelihood_ratio_is_the_largest(values: list[float], margin: float) -> None:
    """No world with that mean is likelier, by a general optimiser over weights of the values and of the worst case."""
    found = seen(values)
    assume(found.mean < margin - 0.02)
    places = np.array([*found.values, 1.0])
    counts = np.array([*found.weights, 0.0])

    def minus_dual(tilt: float) -> float:
        inside = 1 + tilt * (places - margin)
        return -float((counts * np.log(np.maximum(inside, 1e-300))).sum())

    best = optimize.minimize_scalar(
        minus_dual, bounds=(-1 / (1 - margin), 0), method="bounded", options={"xatol": 1e-12}
    )
    assert -float(best.fun) == pytest.approx(log_ratio(found, margin), rel=1e-4, abs=1e-6)


@given(VALUES, st.sampled_from([0.01, 0.05, 0.1]))
def test_bounds_hold_the_estimate_and_agree_with_the_tests(values: list[float], alpha: float) -> None:
    """The mean lies between the bounds; just past a bound the p-value is below alpha, just before it is not."""
    found = seen(values)
    low, high = lower_bound(found, alpha), upper_bound(found, alpha)
    assert -1 <= low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= high <= 1
    if high < 0.999:
        assert p_within(found, high + 1e-6) <= alpha
        assert p_within(found, max(high - 1e-3, found.mean)) >= alpha
    if low > -0.999:
        assert p_beyond(found, low - 1e-6) <= alpha


@given(VALUES, st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_a_wider_margin_is_easier_to_keep(values: list[float], margin: float, more: float) -> None:
    """The p-value falls with the margin, and with more cases of the same."""
    found = seen(values)
    assert p_within(found, margin + more) <= p_within(found, margin) + 1e-9
    if found.mean < margin:
        assert p_within(found.scaled(4 * found.n), margin) <= p_within(found, margin) + 1e-9


@given(VALUES)
def test_sides_exchanged_turn_the_bounds_round(values: list[float]) -> None:
    """What is an upper bound for one is a lower one for the other."""
    turned = seen([-value for value in values])
    assert -upper_bound(seen(values), 0.05) == pytest.approx(lower_bound(turned, 0.05), abs=1e-9)


def test_no_cases_bound_nothing() -> None:
    """Without a case everything is possible, and nothing is shown."""
    nothing = Differences((), ())
    assert (-1.0, 1.0) == (lower_bound(nothing, 0.05), upper_bound(nothing, 0.05))
    assert (1.0, 1.0) == (p_within(nothing, 0.05), p_beyond(nothing, 0.05))


def test_equal_cases_are_not_certainty() -> None:
    """Ten cases that all lose a fifth have no variance, and yet may be luck: the bound is not their mean."""
    same = Differences((0.2,), (10.0,))
    assert upper_bound(same, 0.05) > 0.3
    assert lower_bound(same, 0.05) < 0.15


def test_a_candidate_that_breaks_everything_is_worse() -> None:
    """Ten of ten cases lost: at least 74 points by Clopper and Pearson, here at least 50."""
    assert lower_bound(Differences((1.0,), (10.0,)), 0.05) > 0.5


def test_a_margin_of_everything_is_kept() -> None:
    """Nothing is worse by more than all."""
    assert 0.0 == p_within(Differences((0.5,), (3.0,)), 1.0)


# --- how often they err -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("margin", "alpha"), [(0.05, 0.1), (0.03, 0.05), (0.1, 0.05), (0.02, 0.01)])
def test_rare_losses_at_the_margin_pass_no_more_often_than_alpha(margin: float, alpha: float) -> None:
    """The worst world for a t test, exactly: a share of the cases lost wholly, for sizes up to a thousand.

    The chance to pass, summed over the binomial, stays within alpha and a tenth of it.
    """
    for n in (10, 20, 45, 60, 99, 150, 200, 300, 500, 750, 1_000):
        allowed = -1
        while allowed < n and p_within(all_or_nothing(allowed + 1, n), margin) <= alpha:
            allowed += 1
        assert stats.binom.cdf(allowed, n, margin) <= alpha * 1.1, (n, allowed)


World = dict[float, float]
"""Probability of each difference of a case."""


def noise(share: float, excess: float, before: int, after: int) -> World:
    """Every case keeps the contract by chance, in each sample anew: K samples a side, rates apart by the excess."""
    world: World = {}
    first = stats.binom.pmf(range(before + 1), before, share)
    second = stats.binom.pmf(range(after + 1), after, share + excess)
    for x, one in enumerate(first):
        for y, other in enumerate(second):
            value = round(y / after - x / before, 9)
            world[value] = world.get(value, 0.0) + float(one * other)
    return world


def mixed(*parts: tuple[float, World]) -> World:
    """Kinds of cases, each with its share."""
    world: World = {}
    for share, part in parts:
        for value, chance in part.items():
            world[value] = world.get(value, 0.0) + share * chance
    return world


def mean(world: World) -> float:
    return sum(value * chance for value, chance in world.items())


def worlds(excess: float) -> dict[str, World]:
    """Flows with just this excess, of many kinds."""
    rest = 1 - excess
    return {
        "lost wholly": {0.0: rest, 1.0: excess},
        "lost and won": {0.0: 0.9 - excess, 1.0: 0.05 + excess, -1.0: 0.05},
        "every answer by chance, 5 samples": noise(0.04, excess, 5, 5),
        "every answer by chance, 5 against 3": noise(0.1, excess, 5, 3),
        "every answer by chance, 1 sample": noise(0.04, excess, 1, 1),
        "a tenth is a coin": mixed((0.1, noise(0.5, 0.0, 5, 5)), (0.9 - excess, {0.0: 1.0}), (excess, {1.0: 1.0})),
        "a few lose a fifth": {0.0: 1 - min(5 * excess, 1), 0.2: 5 * excess} if excess <= 0.2 else {0.2: 1.0},
        "lost wholly amid small noise": {0.0: rest - 0.15, 0.2: 0.075, -0.2: 0.075, 1.0: excess},
        "lost wholly amid noise": {0.0: rest - 0.1, 0.5: 0.05, -0.5: 0.05, 1.0: excess},
        "half lost wholly, half by chance": mixed(
            (excess / 2, {1.0: 1.0}), (1 - excess / 2, noise(0.04, excess / 2 / (1 - excess / 2), 5, 5))
        ),
    }


@cache
def drawn(name: str, excess: float, n: int, trials: int) -> list[Differences]:
    """Simulated flows of n cases."""
    world = worlds(excess)[name]
    assert mean(world) == pytest.approx(excess, abs=1e-9)
    dice = np.random.default_rng(len(name) * 1_000 + n)
    chances = np.array(list(world.values()))
    draws = dice.multinomial(n, chances / chances.sum(), size=trials)
    return [Differences(tuple(world), tuple(map(float, counts))) for counts in draws]


TRIALS = 1_500
THREE_ERRORS = 3 * sqrt(0.05 * 0.95 / TRIALS)


@pytest.mark.parametrize("n", [12, 30, 48, 80, 250])
@pytest.mark.parametrize("name", list(worlds(0.05)))
def test_false_safe_at_the_margin(name: str, n: int) -> None:
    """With a true excess of just the margin, 5 points, at most 5 % of simulated flows pass, and 3 standard errors."""
    passed = sum(p_within(flow, 0.05) <= 0.05 for flow in drawn(name, 0.05, n, TRIALS))
    assert passed / TRIALS <= 0.05 + THREE_ERRORS


@pytest.mark.parametrize("n", [12, 30, 80, 250])
@pytest.mark.parametrize("name", list(worlds(0.0)))
def test_false_unsafe_without_a_difference(name: str, n: int) -> None:
    """Of equal candidates next to none is found worse than the margin: less than 1 % at 5 %."""
    found = sum(p_beyond(flow, 0.05) <= 0.05 for flow in drawn(name, 0.0, n, TRIALS))
    assert found / TRIALS <= 0.01


@pytest.mark.parametrize("n", [12, 30, 80, 250])
@pytest.mark.parametrize("name", list(worlds(0.05)))
def test_false_unsafe_at_the_margin(name: str, n: int) -> None:
    """At the margin itself at most 5 % are found beyond it, and 3 standard errors."""
    found = sum(p_beyond(flow, 0.05) <= 0.05 for flow in drawn(name, 0.05, n, TRIALS))
    assert found / TRIALS <= 0.05 + THREE_ERRORS


@pytest.mark.parametrize("excess", [0.0, 0.02, 0.15])
@pytest.mark.parametrize("name", list(worlds(0.15)))
def test_the_bounds_cover_what_they_promise(name: str, excess: float) -> None:
    """Each 95 % bound lies on its side of the true excess in 95 % of 1,000 simulated flows of 40, less 3 errors.

    A bound is past the true excess exactly if the test at that excess rejects; so the tests are counted.
    """
    flows = drawn(name, excess, 40, 1_000)
    least = 0.95 - 3 * sqrt(0.05 * 0.95 / 1_000)
    assert np.mean([p_within(flow, excess) > 0.05 for flow in flows]) >= least
    assert np.mean([p_beyond(flow, excess) > 0.05 for flow in flows]) >= least


@pytest.mark.parametrize("n", [20, 60])
def test_harm_is_found(n: int) -> None:
    """A candidate that loses 40 points of the cases is found worse than a margin of 5 in 9 of 10 flows of 20."""
    found = [p_beyond(flow, 0.05) <= 0.05 for flow in drawn("lost wholly", 0.4, n, 400)]
    assert np.mean(found) >= 0.9


# --- how many cases it takes ------------------------------------------------------------------------------------


def test_what_the_classes_ask_of_clean_flows() -> None:
    """45, 99, 199 and 919 cases without a difference, for low, medium, high and critical flows."""
    asked = [(0.05, 0.10), (0.03, 0.05), (0.015, 0.05), (0.005, 0.01)]
    clean = Differences((0.0,), (20.0,))
    assert [45, 99, 199, 919] == [clean_cases(*one) for one in asked]
    assert [45, 99, 199, 919] == [cases_within(clean, *one, power=0.9) for one in asked]


@given(st.sampled_from([0.005, 0.015, 0.03, 0.05, 0.1]), st.sampled_from([0.01, 0.05, 0.1]))
def test_clean_cases_are_the_fewest(margin: float, alpha: float) -> None:
    """One case fewer would not do."""
    n = clean_cases(margin, alpha)
    assert p_within(Differences((0.0,), (float(n),)), margin) <= alpha
    assert p_within(Differences((0.0,), (float(n - 1),)), margin) > alpha


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize(
    ("world", "margin"),
    [
        ({0.0: 0.99, 1.0: 0.01}, 0.03),
        ({0.0: 0.96, 1.0: 0.02, -1.0: 0.02}, 0.05),
        ({0.0: 0.9, 0.2: 0.08, 1.0: 0.02}, 0.06),
        (noise(0.05, 0.0, 5, 5), 0.05),
        (noise(0.1, 0.01, 3, 5), 0.05),
    ],
)
def test_the_cases_that_are_needed_give_the_power_they_promise(
    world: World, margin: float, alpha: float, power: float
) -> None:
    """Simulated at the number: the chance to pass is the promised one, from 6 points below to 8 above."""
    chances = np.array(list(world.values())) / sum(world.values())
    n = cases_within(Differences(tuple(world), tuple(chances * 100)), margin, alpha, power)
    assert n is not None
    draws = np.random.default_rng(61).multinomial(n, chances, size=600)
    passed = [p_within(Differences(tuple(world), tuple(map(float, counts))), margin) <= alpha for counts in draws]
    assert power - 0.06 <= np.mean(passed) <= power + 0.08


def test_a_candidate_that_looks_better_is_planned_for_as_equal() -> None:
    """Luck is not carried over: 3 better of 100 are planned for as 1.5 better and 1.5 worse."""
    better = Differences((0.0, -1.0), (97.0, 3.0))
    equal = Differences((0.0, -1.0, 1.0), (97.0, 1.5, 1.5))
    assert cases_within(equal, 0.05, 0.05, 0.8) == cases_within(better, 0.05, 0.05, 0.8)


def test_no_number_of_cases_shows_what_is_not_so() -> None:
    """An excess at the margin or past it, or so near that a hundred thousand cases do not tell, has no number."""
    for worse in (50, 30, 29.9):
        lost = Differences((0.0, 1.0), (1_000.0 - worse, worse))
        assert cases_within(lost, 0.03, 0.05, 0.8) is None
    assert cases_within(Differences((0.0,), (5.0,)), 0.0, 0.05, 0.8) is None
    assert 1 == cases_within(Differences((0.0,), (5.0,)), 1.0, 0.05, 0.8)


@given(VALUES)
def test_more_cases_are_needed_than_there_are_where_they_do_not_suffice(values: list[float]) -> None:
    """Whatever was seen: cases that do not exclude the margin today are fewer than the number that would."""
    found = seen(values)
    needed = cases_within(found, 0.2, 0.05, 0.8)
    if needed is not None and found.mean >= 0 and p_within(found, 0.2) > 0.05:
        assert needed > found.n
