"""Rates seen through a judge that errs: what is true behind them, and what the error costs.

Sensitivity is the chance that a bad answer is called bad, specificity that a good one is called good.
"""

from __future__ import annotations

from math import inf

from migrate.statistics.proportions import wilson


def seen_rate(rate: float, sensitivity: float, specificity: float) -> float:
    """Return the share that a judge calls bad where a share of `rate` is: p Se + (1 - p) (1 - Sp)."""
    return rate * sensitivity + (1 - rate) * (1 - specificity)


def true_rate(seen: float, sensitivity: float, specificity: float) -> float:
    """Return the share of bad answers behind the share called bad, kept within 0..1.

    (seen + Sp - 1) / (Se + Sp - 1): W. J. Rogan and B. Gladen, "Estimating prevalence from the results of a screening
    test", American Journal of Epidemiology 107 (1978). Raises ValueError for a judge no better than chance.
    """
    return min(max((seen + specificity - 1) / sharpness(sensitivity, specificity), 0.0), 1.0)


def true_interval(
    bad: int, total: int, sensitivity: float, specificity: float, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval for the share of bad answers: Wilson's for what was called bad, corrected bound by bound.

    Sensitivity and specificity are taken as known; how well they are known is not in it.
    """
    low, high = wilson(bad, total, level)
    return true_rate(low, sensitivity, specificity), true_rate(high, sensitivity, specificity)


def seen_margin(margin: float, sensitivity: float, specificity: float) -> float:
    """Return what is left of a difference of rates when a judge looks at both sides: d (Se + Sp - 1)."""
    return margin * sharpness(sensitivity, specificity)


def sharpness(sensitivity: float, specificity: float) -> float:
    """Return Se + Sp - 1: 1 for a judge that never errs. Raises ValueError at 0, chance, and below."""
    sharp = sensitivity + specificity - 1
    if not 0 < sharp < inf:
        raise ValueError("a judge no better than chance tells nothing")
    return sharp
