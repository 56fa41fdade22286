"""Many questions asked at once: which of them may be answered "yes" without fooling oneself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def benjamini_hochberg(ps: Sequence[float], q: float = 1.0) -> tuple[bool, ...]:
    """Return which hypotheses are rejected so that the expected share of wrong rejections is at most `q`.

    The largest k with p_(k) <= k q / m: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B
    57 (1995); valid for independent or positively dependent p-values. To give hypotheses different levels, hand in
    p / level with q = 1: the share is then at most the mean level (C. R. Genovese, K. Roeder and L. Wasserman, "False
    discovery control with p-value weighting", Biometrika 93 (2006)).
    """
    return _step_up(ps, q)


def benjamini_yekutieli(ps: Sequence[float], q: float) -> tuple[bool, ...]:
    """Return what Benjamini and Hochberg reject at q / (1 + 1/2 + ... + 1/m), which holds under any dependence.

    Y. Benjamini and D. Yekutieli, "The control of the false discovery rate in multiple testing under dependency",
    Annals of Statistics 29 (2001).
    """
    return _step_up(ps, q / sum(1 / rank for rank in range(1, len(ps) + 1))) if ps else ()


def e_benjamini_hochberg(es: Sequence[float], q: float) -> tuple[bool, ...]:
    """Return which hypotheses e-values reject at false discovery rate `q`, under any dependence.

    The largest k with e_[k] >= m / (k q): R. Wang and A. Ramdas, "False discovery rate control with e-values", JRSS B
    84 (2022).
    """
    return _step_up([1 / e if e > 0 else float("inf") for e in es], q)


def _step_up(ps: Sequence[float], q: float) -> tuple[bool, ...]:
    ranked = sorted(ps)
    kept = max((rank for rank, p in enumerate(ranked, 1) if p <= rank * q / len(ps)), default=0)
    return tuple(p <= ranked[kept - 1] if kept else False for p in ps)


def faced_levels(ps: Sequence[float], q: float = 1.0) -> tuple[float, ...]:
    """Return for each hypothesis the level its p-value must keep to be rejected by Benjamini and Hochberg.

    It is k q / m, k the number that would be rejected if its own p-value were 0: the p-values of the others decide it,
    so that a bound at this level and the rejection always agree.
    """
    levels = []
    for index in range(len(ps)):
        others = (0.0, *ps[:index], *ps[index + 1 :])
        levels.append(sum(_step_up(others, q)) * q / len(ps))
    return tuple(levels)


def holm(ps: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Return which hypotheses are rejected with at most `alpha` probability of any wrong rejection.

    From the smallest p on, as long as p_(k) <= alpha / (m - k + 1): S. Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    rejected = [False] * len(ps)
    for place, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        if ps[index] > alpha / (len(ps) - place):
            break
        rejected[index] = True
    return tuple(rejected)


def fixed_sequence(ps: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Return which hypotheses are rejected when they are tested in this order, each at `alpha`, until one is not.

    No price for asking often, as long as the order was fixed beforehand: W. Maurer, L. A. Hothorn and W. Lehmacher,
    "Multiple comparisons in drug clinical trials" (1995).
    """
    passed = next((place for place, p in enumerate(ps) if p > alpha), len(ps))
    return tuple(place < passed for place in range(len(ps)))


def holm_adjusted(ps: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values that Holm's procedure compares with alpha: the smallest alpha that rejects each.

    The running maximum of (m - k + 1) p_(k), cut at 1: S. P. Wright, "Adjusted p-values for simultaneous inference",
    Biometrics 48 (1992).
    """
    adjusted, highest = [1.0] * len(ps), 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        highest = max(highest, min((len(ps) - place) * ps[index], 1.0))
        adjusted[index] = highest
    return tuple(adjusted)


def sequence_adjusted(ps: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values that testing in this order compares with alpha: the largest so far."""
    return tuple(accumulate(ps, max))
