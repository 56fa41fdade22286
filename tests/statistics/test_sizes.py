"""How many answers a comparison takes: closed forms, exact sums, statsmodels, and what textbooks get wrong."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep

from migrate.statistics import (
    Size,
    exact_power,
    farrington_manning,
    nested_cases,
    paired_cases,
    powered,
    rare_cases,
    restricted_rates,
)

RATES = st.floats(0.01, 0.99)


@given(RATES, RATES, st.floats(0.005, 0.4), st.floats(0.1, 10))
def test_restricted_rates_are_the_likeliest(candidate: float, control: float, margin: float, weight: float) -> None:
    """No pair of rates that far apart is likelier, by search."""

    def minus_log(rate: float) -> float:
        first = candidate * np.log(rate) + (1 - candidate) * np.log1p(-rate)
        return -float(first + weight * (control * np.log(rate - margin) + (1 - control) * np.log1p(margin - rate)))

    found = optimize.minimize_scalar(
        minus_log, bounds=(margin + 1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}
    )
    rate, other = restricted_rates(candidate, control, margin, weight)
    assert float(found.x) == pytest.approx(rate, abs=1e-5)
    assert margin == pytest.approx(rate - other)


def test_sizes_of_the_worked_plan() -> None:
    """4 bad in 100, margin 3 points, 95 % and power 0.8: 566 a side at halves, 403 of the candidate at ten in 100."""
    assert Size(566, 566) == farrington_manning(0.04, 0.03, 0.5, alpha=0.05, power=0.8)
    assert Size(403, 3619) == farrington_manning(0.04, 0.03, 0.1, alpha=0.05, power=0.8)


@pytest.mark.parametrize("size", [Size(40, 60), Size(30, 170)])
def test_exact_power_is_the_sum_over_all_tables(size: Size) -> None:
    """Every table, decided by statsmodels' Newcombe bound, weighted by its probability."""
    rates, margin, alpha = (0.05, 0.08), 0.1, 0.05
    total = 0.0
    for x in range(size.candidate + 1):
        for y in range(size.control + 1):
            chance = stats.binom.pmf(x, size.candidate, rates[0]) * stats.binom.pmf(y, size.control, rates[1])
            if chance > 1e-9:
                bounds = confint_proportions_2indep(
                    x, size.candidate, y, size.control, method="newcomb", compare="diff", alpha=2 * alpha
                )
                total += chance * (bounds[1] < margin)
    assert float(total) == pytest.approx(exact_power(size, rates, margin, alpha), abs=1e-5)


def test_the_textbook_size_breaks_its_promise_and_ours_keeps_it() -> None:
    """At 10:90 and 1:99 the normal formula with unrestricted variance promises power 0.8 and gives less than 0.7."""
    z = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)
    for share in (0.1, 0.01):
        weight = (1 - share) / share
        wald = ceil(z * z * 0.04 * 0.96 * (1 + 1 / weight) / 0.03**2)
        promised = Size(wald, ceil(wald * weight))
        assert exact_power(promised, (0.04, 0.04), 0.03, 0.05) < 0.7
        kept = powered(0.04, 0.03, share, alpha=0.05, power=0.8)
        assert kept is not None
        assert exact_power(kept, (0.04, 0.04), 0.03, 0.05) >= 0.8


@pytest.mark.parametrize("rates", [(0.07, 0.04), (0.05, 0.02), (0.13, 0.1)])
def test_at_the_margin_the_decision_errs_as_often_as_alpha_says(rates: tuple[float, float]) -> None:
    """With a true excess of exactly the margin the chance to pass is 5 % to a point, at any split."""
    for size in (Size(566, 566), Size(403, 3619)):
        assert exact_power(size, rates, 0.03, 0.05) <= 0.06


def test_a_size_that_no_traffic_reaches_is_none() -> None:
    """Rather than a number nobody can collect."""
    assert powered(0.04, 0.001, 0.5, alpha=0.05, power=0.9, most=100_000) is None


@settings(max_examples=30)
@given(st.floats(0.01, 0.3), st.floats(0.01, 0.1), st.floats(0.05, 0.5), st.floats(0.5, 0.9))
def test_more_power_and_smaller_margins_take_more(control: float, margin: float, share: float, power: float) -> None:
    """Sizes grow with what is asked of them."""

    def needed(margin: float = margin, power: float = power, excess: float = 0.0) -> int:
        return farrington_manning(control, margin, share, alpha=0.05, power=power, excess=excess).candidate

    assert needed() <= needed(power=power + 0.05)
    assert needed() <= needed(margin=margin * 0.9)
    assert needed() <= needed(excess=margin / 10)


def test_an_excess_past_the_margin_has_no_size() -> None:
    """No number of answers excludes what is true."""
    for size in (
        lambda: farrington_manning(0.04, 0.03, 0.5, alpha=0.05, power=0.8, excess=0.03),
        lambda: farrington_manning(0.04, 0.03, 1.0, alpha=0.05, power=0.8),
        lambda: paired_cases(0.1, 0.03, alpha=0.05, power=0.8, excess=0.05),
    ):
        with pytest.raises(ValueError, match="excludes"):
            size()


@pytest.mark.parametrize(("discordant", "excess"), [(0.1, 0.0), (0.2, 0.01), (0.06, 0.01)])
def test_paired_cases_have_the_power_they_promise(discordant: float, excess: float) -> None:
    """Simulated: at the size for power 0.8 the normal test passes in 76 to 84 % of 2,000 trials."""
    n = paired_cases(discordant, 0.05, alpha=0.05, power=0.8, excess=excess)
    worse, better = (discordant + excess) / 2, (discordant - excess) / 2
    tables = np.random.default_rng(8).multinomial(n, [worse, better, 1 - discordant], size=2_000)
    mean = (tables[:, 0] - tables[:, 1]) / n
    error = np.sqrt(((tables[:, 0] + tables[:, 1]) / n - mean**2) / n)
    passed = np.mean(mean + 1.6449 * error < 0.05)
    assert 0.76 <= passed <= 0.84


def test_samples_of_a_case_buy_fewer_cases() -> None:
    """What varies within cases shrinks with samples, what varies between them does not."""
    sizes = [nested_cases(0.01, (0.1, k), (0.1, k), 0.03, alpha=0.05, power=0.8) for k in (1, 5, 10**9)]
    z = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)
    assert [ceil(z * z * (0.01 + 0.2 / k) / 0.0009) for k in (1, 5, 10**9)] == sizes


@given(st.floats(0.002, 0.5), st.integers(0, 5), st.sampled_from([0.01, 0.05, 0.1]))
def test_rare_failures_are_excluded_at_the_first_n_that_does(highest: float, allowed: int, alpha: float) -> None:
    """The binomial tail is within alpha at the size and was not one answer before."""
    n = rare_cases(highest, allowed, alpha)
    assert stats.binom.cdf(allowed, n, highest) <= alpha * (1 + 1e-9)
    assert stats.binom.cdf(allowed, n - 1, highest) > alpha * (1 - 1e-9)


def test_rare_failures_of_the_classes() -> None:
    """No bad answer in 45, 99, 199 and 919: what low, medium, high and critical flows ask."""
    asked = [(0.05, 0.1), (0.03, 0.05), (0.015, 0.05), (0.005, 0.01)]
    assert [45, 99, 199, 919] == [rare_cases(margin, 0, alpha) for margin, alpha in asked]
