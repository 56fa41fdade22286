"""Standard errors where samples are nested in cases, against statsmodels and simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from migrate.statistics import clustered_estimate, components, design_effect, estimate, paired_estimate

VALUES = st.lists(st.floats(-1, 1), min_size=2, max_size=60)


@given(VALUES)
def test_an_error_of_the_mean_is_numpy_s(values: list[float]) -> None:
    """Deviation with n - 1, over the root of n."""
    found = estimate(values)
    expected = (np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5, len(values))
    assert expected == pytest.approx((found.mean, found.error, found.n), abs=1e-12)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 6)), min_size=4, max_size=60))
def test_a_clustered_error_is_statsmodels_s(rows: list[tuple[float, int]]) -> None:
    """The sandwich of a regression on a constant, with the factor for few clusters."""
    values, clusters = [row[0] for row in rows], [row[1] for row in rows]
    found = clustered_estimate(values, clusters)
    if found.n < 2:
        assert 0.0 == found.error
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)})
    assert float(fit.bse[0]) == pytest.approx(found.error, rel=1e-8, abs=1e-9)


def test_one_case_or_cluster_has_no_error() -> None:
    """What is not repeated does not show how far it may be off; it says so with n."""
    assert (0.0, 1) == (estimate([0.5]).error, estimate([0.5]).n)
    assert (0.0, 1) == (clustered_estimate([0.1, 0.9], ["a", "a"]).error, clustered_estimate([0.1, 0.9], "aa").n)


def test_samples_of_a_case_are_averaged_first() -> None:
    """Five samples against three: the case is the unit, and n is the number of cases."""
    found = paired_estimate([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], [[1, 1, 0], [1, 0, 0]])
    before, after = (1 + 0.4) / 2, (2 / 3 + 1 / 3) / 2
    assert (after - before, 2) == (pytest.approx(found.mean), found.n)


def test_more_samples_of_the_same_cases_do_not_count_as_more_cases() -> None:
    """Every answer said five times over leaves the error where it was."""
    before, after = [[1.0], [1.0], [0.0], [1.0]], [[1.0], [0.0], [0.0], [1.0]]
    once = paired_estimate(before, after)
    often = paired_estimate([row * 5 for row in before], [row * 5 for row in after])
    assert once == often


def nested_rows(dice: np.random.Generator, cases: int, samples: int) -> np.ndarray:
    """Bad answers of cases whose own rates are Beta(1, 4): mean 0.2, variance of rates 0.02667."""
    return dice.random((cases, samples)) < dice.beta(1, 4, size=cases)[:, None]


def test_the_error_is_how_far_means_stray() -> None:
    """Over 2,000 simulated flows of 40 cases the mean estimated error is the deviation of the means, within 3 %."""
    dice = np.random.default_rng(5)
    found = [estimate(nested_rows(dice, 40, 5).mean(axis=1).tolist()) for _ in range(2_000)]
    strayed = np.std([one.mean for one in found])
    assert strayed == pytest.approx(np.mean([one.error for one in found]), rel=0.03)


def test_components_of_variance_are_told_apart() -> None:
    """Of 4,000 simulated cases of 5 samples: between 0.0267, within 0.1333, to 3 standard errors."""
    found = components(nested_rows(np.random.default_rng(6), 4_000, 5).astype(float).tolist())
    assert 0.02667 == pytest.approx(found.between, abs=0.004)
    assert 0.13333 == pytest.approx(found.within, abs=0.004)
    assert 5.0 == found.samples
    assert 1 / 6 == pytest.approx(found.correlation, abs=0.025)


def test_components_of_published_data() -> None:
    """Snedecor and Cochran's turnip leaves (Statistical Methods, table 13.3.1): calcium, 4 leaves of 4 readings."""
    leaves = [[3.28, 3.09, 3.03, 3.03], [3.52, 3.48, 3.38, 3.38], [2.88, 2.80, 2.81, 2.76], [3.34, 3.38, 3.23, 3.26]]
    found = components(leaves)
    assert (0.0724, 0.0066) == pytest.approx((found.between, found.within), abs=5e-5)


def test_components_of_too_little_are_nothing() -> None:
    """One case shows nothing between, single samples nothing within, no cases nothing at all."""
    assert (0.0, 0.0) == (components([[1.0, 0.0]]).between, components([[1.0], [0.0]]).within)
    assert 0.0 == components([]).correlation


def test_equal_answers_of_a_cluster_are_worth_one() -> None:
    """Kish's design effect: m answers that always agree are one, independent ones are m."""
    assert (5.0, 1.0) == (design_effect(5, 1.0), design_effect(5, 0.0))
