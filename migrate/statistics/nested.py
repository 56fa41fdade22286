"""Standard errors where samples are nested in cases, and cases in clusters: what is independent is what counts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error."""

    mean: float
    error: float
    """0 where fewer than two independent units cannot show one."""
    n: int
    """Independent units: cases, or clusters of them."""


def paired_estimate(baseline: Sequence[Sequence[float]], candidate: Sequence[Sequence[float]]) -> Estimate:
    """Return the mean over cases of the candidate's case mean minus the baseline's, with its error.

    A row holds the samples of a case; both sides have the same cases, and maybe different numbers of samples. The
    variance of the differences holds what varies between cases and within them: E. Miller, "Adding Error Bars to Evals"
    (2024), sections 4.1 and 4.2, for means of resampled answers.
    """
    pairs = zip(baseline, candidate, strict=True)
    return estimate([_mean(after) - _mean(before) for before, after in pairs])


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of independent values and its error, deviation / sqrt(n)."""
    mean = _mean(values)
    if len(values) < 2:
        return Estimate(mean, 0.0, len(values))
    squares = sum((value - mean) ** 2 for value in values)
    return Estimate(mean, sqrt(squares / (len(values) - 1) / len(values)), len(values))


def clustered_estimate(values: Sequence[float], clusters: Iterable[Hashable]) -> Estimate:
    """Return the mean of values that are independent between clusters only, with its error.

    The sums of residuals of the clusters take the place of residuals: K.-Y. Liang and S. L. Zeger, "Longitudinal data
    analysis using generalized linear models", Biometrika 73 (1986), with the usual factor g / (g - 1) for g clusters.
    """
    mean = _mean(values)
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    if len(sums) < 2:
        return Estimate(mean, 0.0, len(sums))
    spread = sum(total * total for total in sums.values()) * len(sums) / (len(sums) - 1)
    return Estimate(mean, sqrt(spread) / len(values), len(sums))


@dataclass(frozen=True, slots=True)
class Components:
    """Where the variance of samples nested in cases comes from."""

    between: float
    """Variance of the cases' true means; never below 0."""
    within: float
    """Variance of the samples of one case, pooled."""
    samples: float
    """Samples of a case, as the analysis of variance counts where cases have different numbers of them."""

    @property
    def correlation(self) -> float:
        """Correlation of two samples of one case: the intraclass correlation."""
        total = self.between + self.within
        return self.between / total if total else 0.0


def components(rows: Sequence[Sequence[float]]) -> Components:
    """Return the components of variance of samples nested in cases, a row a case.

    One-way analysis of variance, by the method of moments: S. R. Searle, G. Casella and C. E. McCulloch, "Variance
    Components" (1992), section 3.6. Without a second sample in any case nothing is known to vary within.
    """
    rows = [row for row in rows if row]
    total = sum(len(row) for row in rows)
    if len(rows) < 2:
        return Components(0.0, 0.0, float(total))
    grand = sum(sum(row) for row in rows) / total
    size = (total - sum(len(row) ** 2 for row in rows) / total) / (len(rows) - 1)
    squares = sum((value - _mean(row)) ** 2 for row in rows for value in row)
    within = squares / (total - len(rows)) if total > len(rows) else 0.0
    mean_square = sum(len(row) * (_mean(row) - grand) ** 2 for row in rows) / (len(rows) - 1)
    return Components(max((mean_square - within) / size, 0.0), within, size)


def design_effect(cluster_size: float, correlation: float) -> float:
    """Return how many correlated answers are worth one independent: 1 + (m - 1) r (L. Kish, 1965)."""
    return 1 + (cluster_size - 1) * correlation


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
