"""Does the traffic split as planned? A sample ratio mismatch means that the comparison is broken, not the model."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, lgamma, log

from migrate.statistics.tails import chi_square_tail


def mismatch_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of the planned shares, for one planned look: K. Pearson's chi-square test (1900).

    `counts` are units by arm, `shares` their planned shares, which need not add up to 1.
    """
    total, whole = sum(counts), sum(shares)
    if not total:
        return 1.0
    expected = [total * share / whole for share in shares]
    if any(count and not want for count, want in zip(counts, expected, strict=True)):
        return 0.0
    chi = sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True) if want)
    return chi_square_tail(chi, sum(share > 0 for share in shares) - 1)


def mismatch_e(counts: Sequence[int], shares: Sequence[float], strength: float = 100.0) -> float:
    """Return the evidence against the planned shares, which may be looked at after every unit.

    The likelihood of the counts under a Dirichlet mixture centred on the plan over that under the plan: M. Lindon and
    A. Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022). `strength` is how many units the
    mixture is worth: the larger, the smaller the mismatch it is made to find.
    """
    whole = sum(shares)
    planned = [share / whole for share in shares]
    if any(count and not share for count, share in zip(counts, planned, strict=True)):
        return inf
    total = lgamma(strength) - lgamma(strength + sum(counts))
    for count, share in zip(counts, planned, strict=True):
        if share:
            total += lgamma(strength * share + count) - lgamma(strength * share) - count * log(share)
    return exp(total) if total < 700 else inf
