"""Two yes-or-no answers to the same cases: how far the shares are apart.

For one sample a side. Shares over several samples a case are for `excess`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from migrate.statistics.proportions import wilson
from migrate.statistics.tails import binomial_cdf, solve


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases by what became of both sides."""

    both: int
    """Good on both sides."""
    only_baseline: int
    """The candidate alone is bad."""
    only_candidate: int
    """The baseline alone is bad."""
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_baseline + self.only_candidate + self.neither

    @property
    def excess(self) -> float:
        """Share of bad answers of the candidate minus that of the baseline; 0 without cases."""
        return (self.only_baseline - self.only_candidate) / self.n if self.n else 0.0


def newcombe_paired(pairs: Pairs, level: float = 0.95) -> tuple[float, float]:
    """Return the interval for the candidate's excess of bad answers.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17 (1998) 2635-2650: distances to both shares' Wilson bounds, squared and
    added less their correlation, for which the determinant is corrected by n / 2 towards 0.
    """
    if not pairs.n:
        return -1.0, 1.0
    before, after = pairs.both + pairs.only_baseline, pairs.both + pairs.only_candidate
    (low_1, high_1), (low_2, high_2) = wilson(before, pairs.n, level), wilson(after, pairs.n, level)
    first, second, phi = before / pairs.n, after / pairs.n, _correlation(pairs)
    below = _joined(first - low_1, high_2 - second, phi)
    above = _joined(high_1 - first, second - low_2, phi)
    return pairs.excess - below, pairs.excess + above


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))


def _correlation(pairs: Pairs) -> float:
    a, b, c, d = pairs.both, pairs.only_baseline, pairs.only_candidate, pairs.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if not margins:
        return 0.0
    determinant = float(a * d - b * c)
    if determinant > 0:
        determinant = max(determinant - pairs.n / 2, 0.0)
    return determinant / sqrt(margins)


def tango_score(pairs: Pairs, excess: float) -> float:
    """Return the score statistic of the hypothesis that the candidate's excess of bad answers is `excess`.

    Standard normal under the hypothesis, falling in `excess`: T. Tango, "Equivalence test and confidence interval for
    the difference in proportions for the paired-sample design", Statistics in Medicine 17 (1998) 891-908, equation (10)
    with the nuisance share at its restricted maximum of likelihood.
    """
    n, b, c = pairs.n, pairs.only_baseline, pairs.only_candidate
    linear = -b - c + (2 * n - b + c) * excess
    nuisance = (sqrt(linear * linear + 8 * n * c * excess * (1 - excess)) - linear) / (4 * n)
    variance = n * (2 * nuisance + excess * (1 - excess))
    distance = b - c - n * excess
    return distance / sqrt(variance) if variance > 0 else distance * float("inf") if distance else 0.0


def tango(pairs: Pairs, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval for the candidate's excess of bad answers: Tango (1998), as in `tango_score`."""
    if not pairs.n:
        return -1.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    low = solve(lambda excess: z - tango_score(pairs, excess), -1.0, pairs.excess)
    high = solve(lambda excess: -z - tango_score(pairs, excess), pairs.excess, 1.0)
    return low, high


def mcnemar_exact(worse: int, better: int) -> tuple[float, float]:
    """Return the exact p-values of "no difference" against "the candidate is worse", and against "they differ".

    Of the cases that differ each side wins half by chance: Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions", Psychometrika 12 (1947), with binomial tails in place of his approximation.
    """
    count = worse + better
    one_sided = binomial_cdf(better, count, 0.5)
    return one_sided, min(2 * min(one_sided, binomial_cdf(worse, count, 0.5)), 1.0)
