"""Tails and quantiles in plain Python, against scipy."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from migrate.statistics.tails import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    binomial_shares,
    chi_square_tail,
    gamma_tail,
    poisson_cdf,
    solve,
    student_quantile,
    student_tail,
)

SHAPES = st.floats(0.5, 1e5)
SHARES = st.floats(1e-6, 1 - 1e-6)


@given(SHARES, SHAPES, SHAPES)
def test_the_beta_distribution_is_scipy_s(share: float, a: float, b: float) -> None:
    """At every quantile of shapes that a hundred thousand cases give, the cumulative share agrees to 9 digits."""
    x = float(stats.beta.ppf(share, a, b))
    assert float(special.betainc(a, b, x)) == pytest.approx(beta_cdf(x, a, b), rel=2e-9)


@given(SHARES, SHAPES, SHAPES)
def test_a_quantile_of_beta_undoes_its_share(share: float, a: float, b: float) -> None:
    """What the quantile leaves below itself is the share that was asked for."""
    assert share == pytest.approx(float(special.betainc(a, b, beta_quantile(share, a, b))), rel=2e-8)


@given(st.integers(0, 3_000), st.integers(0, 3_000), SHARES)
def test_binomial_tails_are_scipy_s(count: int, more: int, share: float) -> None:
    """P(Bin <= count) for any count of any number of cases."""
    n = count + more
    assert float(stats.binom.cdf(count, n, share)) == pytest.approx(binomial_cdf(count, n, share), rel=1e-8, abs=1e-12)


@given(st.integers(0, 400), SHARES | st.sampled_from([0.0, 1.0]))
def test_binomial_shares_are_scipy_s(n: int, share: float) -> None:
    """The probability of every count, the certain ones included."""
    expected = [float(chance) for chance in stats.binom.pmf(range(n + 1), n, share)]
    assert expected == pytest.approx(binomial_shares(n, share), rel=1e-8, abs=1e-12)


@given(st.floats(-40, 40), st.floats(1, 1e5))
@example(1e-05, 38477.0)
def test_student_s_tail_is_scipy_s(t: float, df: float) -> None:
    """From two cases to a hundred thousand."""
    assert float(stats.t.sf(t, df)) == pytest.approx(student_tail(t, df), rel=1e-7, abs=1e-14)


@given(SHARES, st.floats(1, 1e5))
def test_student_s_quantile_is_scipy_s(share: float, df: float) -> None:
    """The critical value of a t test, to 6 digits."""
    assert float(stats.t.ppf(share, df)) == pytest.approx(student_quantile(share, df), rel=1e-6, abs=1e-6)


def test_the_middle_of_student_s_distribution_is_zero() -> None:
    """The median needs no search."""
    assert 0.0 == student_quantile(0.5, 7)


@given(SHARES, st.floats(0, 1e5))
def test_poisson_tails_are_scipy_s(share: float, count: float) -> None:
    """Counts between whole ones are those of the incomplete gamma function."""
    mean = float(stats.gamma.ppf(share, count + 1))
    assert float(special.gammaincc(count + 1, mean)) == pytest.approx(poisson_cdf(count, mean), rel=2e-8)


@given(st.floats(0.001, 300), st.integers(1, 60))
def test_the_chi_square_tail_is_scipy_s(x: float, df: int) -> None:
    """The p-value of a goodness of fit."""
    assert float(stats.chi2.sf(x, df)) == pytest.approx(chi_square_tail(x, df), rel=1e-8, abs=1e-300)


def test_ends_of_the_line() -> None:
    """Nothing lies outside a distribution's range."""
    assert (0.0, 1.0) == (beta_cdf(-1, 2, 2), beta_cdf(2, 2, 2))
    assert (0.0, 1.0) == (binomial_cdf(-1, 5, 0.5), binomial_cdf(5, 5, 0.5))
    assert 1.0 == gamma_tail(0, 3)


@given(st.floats(-5, 5), st.floats(0.01, 100))
def test_a_crossing_is_found(place: float, steepness: float) -> None:
    """Where a rising function crosses 0, however steep it is."""
    found = solve(lambda x: (x - place) ** 3 * steepness + (x - place) * 1e-3, -6.0, 6.0)
    assert place == pytest.approx(found, abs=1e-12)


def test_a_function_that_never_crosses_gives_the_nearer_end() -> None:
    """Always above is the low end, always below the high one."""
    assert (-1.0, 1.0) == (solve(lambda x: x + 5, -1.0, 1.0), solve(lambda x: x - 5, -1.0, 1.0))
