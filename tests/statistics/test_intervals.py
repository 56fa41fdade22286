"""Intervals for shares and their differences: exact, independent, paired; published figures, statsmodels, coverage."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from migrate.statistics import (
    Pairs,
    clopper_pearson,
    mcnemar_exact,
    newcombe,
    newcombe_paired,
    tango,
    tango_score,
)

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
COUNTS = st.integers(0, 60)
PAIRS = st.builds(Pairs, COUNTS, COUNTS, COUNTS, COUNTS)


# --- one share ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_published_exact_intervals(passed: int, total: int, low: float, high: float) -> None:
    """The four examples of Newcombe (Statistics in Medicine 17, 1998, table I, method 5) come out."""
    assert (low, high) == pytest.approx(clopper_pearson(passed, total, 0.95), abs=5e-5)


@given(st.integers(0, 5_000), st.integers(1, 5_000), LEVELS)
def test_the_exact_interval_is_statsmodels_s(passed: int, total: int, level: float) -> None:
    """For every count and level the bounds are those of an independent implementation."""
    passed = min(passed, total)
    expected = proportion_confint(passed, total, alpha=1 - level, method="beta")
    assert tuple(map(float, expected)) == pytest.approx(clopper_pearson(passed, total, level), rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("total", [5, 20, 60])
def test_the_exact_interval_never_covers_less_than_it_promises(total: int) -> None:
    """Summed over all counts, at every share of a grid, each one-sided bound misses at most 5 %."""
    bounds = [clopper_pearson(passed, total, 0.90) for passed in range(total + 1)]
    for share in np.linspace(0.01, 0.99, 99):
        chances = stats.binom.pmf(range(total + 1), total, share)
        missed = [sum(chances[x] for x in range(total + 1) if bounds[x][0] > share)]
        missed += [sum(chances[x] for x in range(total + 1) if bounds[x][1] < share)]
        assert max(missed) <= 0.05 + 1e-12


def test_nonsense_has_no_exact_interval() -> None:
    """More passed than there are, and levels that are none, raise."""
    with pytest.raises(ValueError, match="is no share"):
        clopper_pearson(3, 2)
    with pytest.raises(ValueError, match="does not"):
        clopper_pearson(1, 2, 1.5)


# --- independent shares ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_published_differences(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    """Examples of Newcombe (Statistics in Medicine 17, 1998, table II, method 10) come out."""
    assert (low, high) == pytest.approx(newcombe(one, other, 0.95), abs=5e-5)


@given(COUNTS, COUNTS, st.integers(1, 60), st.integers(1, 60), LEVELS)
def test_differences_are_statsmodels_s(x: int, y: int, n: int, m: int, level: float) -> None:
    """For every table the interval is that of an independent implementation, kept within -1 and 1."""
    x, y = min(x, n), min(y, m)
    expected = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff", alpha=1 - level)
    clipped = tuple(float(min(max(bound, -1), 1)) for bound in expected)
    assert clipped == pytest.approx(newcombe((x, n), (y, m), level), abs=1e-10)


@pytest.mark.parametrize("shares", [(0.04, 0.04), (0.1, 0.2), (0.5, 0.45)])
def test_the_interval_of_a_difference_covers_what_it_promises(shares: tuple[float, float]) -> None:
    """Summed over all tables of 60 and 80 answers a 95 % interval covers the true difference in 94 to 98 %."""
    one, other = stats.binom.pmf(range(61), 60, shares[0]), stats.binom.pmf(range(81), 80, shares[1])
    covered = 0.0
    for x in np.flatnonzero(one > 1e-6):
        for y in np.flatnonzero(other > 1e-6):
            low, high = newcombe((int(x), 60), (int(y), 80), 0.95)
            covered += one[x] * other[y] * (low <= shares[0] - shares[1] <= high)
    assert 0.94 <= covered <= 0.98


def test_a_side_without_samples_leaves_everything_possible() -> None:
    """No answers on one side: the difference may be nearly anything."""
    low, high = newcombe((5, 10), (0, 0), 0.95)
    assert low < -0.4
    assert high > 0.4


# --- paired shares ----------------------------------------------------------------------------------------


def test_published_paired_intervals() -> None:
    """Airway responsiveness before and after transplantation (Fagerland, Lydersen and Laake 2014): 1, 1, 7, 12."""
    table = Pairs(1, 1, 7, 12)
    assert -0.286 == pytest.approx(table.excess, abs=5e-4)
    assert (-0.507, -0.026) == pytest.approx(newcombe_paired(table), abs=5e-4)
    assert (-0.517, -0.026) == pytest.approx(tango(table), abs=5e-4)


def likelihood_score(table: Pairs, excess: float) -> float:
    """Tango's statistic the long way: the restricted likelihood is maximised numerically."""
    n, b, c = table.n, table.only_baseline, table.only_candidate
    rest = n - b - c

    def minus_log(share: float) -> float:
        parts = ((b, share + excess), (c, share), (rest, 1 - 2 * share - excess))
        return -sum(count * np.log(max(chance, 1e-300)) for count, chance in parts if count)

    low, high = max(0.0, -excess), (1 - excess) / 2
    share = optimize.minimize_scalar(minus_log, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return float((b - c - n * excess) / sqrt(n * (2 * share + excess * (1 - excess))))


@given(st.builds(Pairs, COUNTS, st.integers(1, 40), st.integers(1, 40), COUNTS), st.floats(-0.6, 0.6))
def test_tango_s_score_is_that_of_the_likelihood(table: Pairs, excess: float) -> None:
    """The closed form gives what maximising the likelihood by search gives."""
    assert likelihood_score(table, excess) == pytest.approx(tango_score(table, excess), rel=1e-3, abs=1e-3)


@given(PAIRS, LEVELS)
def test_paired_intervals_hold_the_estimate_and_are_symmetric(table: Pairs, level: float) -> None:
    """The estimate lies inside, the sides exchanged turn the interval round, and no bound is past 1."""
    turned = Pairs(table.both, table.only_candidate, table.only_baseline, table.neither)
    for interval in (newcombe_paired, tango):
        low, high = interval(table, level)
        assert -1 - 1e-9 <= low <= table.excess + 1e-12
        assert table.excess - 1e-12 <= high <= 1 + 1e-9
        other_low, other_high = interval(turned, level)
        assert (-high, -low) == pytest.approx((other_low, other_high), abs=1e-9)


@given(PAIRS.filter(lambda table: table.n > 0))
def test_more_of_the_same_narrows_a_paired_interval(table: Pairs) -> None:
    """Four times the cases, in the same proportions, give a narrower interval."""
    many = Pairs(4 * table.both, 4 * table.only_baseline, 4 * table.only_candidate, 4 * table.neither)
    for interval in (newcombe_paired, tango):
        (low, high), (nearer_low, nearer_high) = interval(table), interval(many)
        assert nearer_high - nearer_low < high - low


@pytest.mark.parametrize("chances", [(0.85, 0.05, 0.05, 0.05), (0.6, 0.2, 0.1, 0.1), (0.9, 0.06, 0.02, 0.02)])
def test_paired_intervals_cover_what_they_promise(chances: tuple[float, ...]) -> None:
    """Over 3,000 simulated tables of 60 cases a 95 % interval covers in 93.5 to 98.5 %."""
    tables = np.random.default_rng(11).multinomial(60, chances, size=3_000)
    truth = chances[1] - chances[2]
    for interval in (newcombe_paired, tango):
        inside = sum(low <= truth <= high for low, high in (interval(Pairs(*map(int, one))) for one in tables))
        assert 0.935 <= inside / 3_000 <= 0.985


def test_no_pairs_say_nothing() -> None:
    """Without cases every difference is possible."""
    nothing = Pairs(0, 0, 0, 0)
    assert (-1.0, 1.0) == newcombe_paired(nothing) == tango(nothing)
    assert 0.0 == nothing.excess


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_s_exact_test_is_statsmodels_s(worse: int, better: int) -> None:
    """The two-sided p-value for any discordant cases; the one-sided is the tail of chance alone."""
    one_sided, two_sided = mcnemar_exact(worse, better)
    expected = mcnemar([[0, worse], [better, 0]], exact=True).pvalue if worse + better else 1.0
    assert float(expected) == pytest.approx(two_sided, rel=1e-8)
    assert float(stats.binom.sf(worse - 1, worse + better, 0.5)) == pytest.approx(one_sided, rel=1e-8)
