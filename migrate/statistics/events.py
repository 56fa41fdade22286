"""Evidence that grows with every bad answer and may be looked at after each: e-processes and their stop tables.

An e-value of 1 / alpha or more is as rare as alpha while the hypothesis holds, however often one looks: J. Ville,
"Étude critique de la notion de collectif" (1939).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, inf, log, log1p
from typing import Final

GRID: Final = 40
"""Alternatives that are mixed with equal weights."""
FURTHEST: Final = 20.0
"""The last alternative is about so many times the hypothesis."""


@lru_cache(maxsize=256)
def ratios(r0: float, *, below: bool = False) -> tuple[float, ...]:
    """Return the alternatives to a ratio of bad rates: r0 times 20^((j - 1/2) / 40), or divided by it."""
    steps = [FURTHEST ** ((place + 0.5) / GRID) for place in range(GRID)]
    return tuple(r0 / step if below else r0 * step for step in steps)


def candidate_chance(share: float, ratio: float) -> float:
    """Return the chance that a bad answer is the candidate's, at its share of traffic and the ratio of bad rates."""
    return share * ratio / (share * ratio + 1 - share)


@lru_cache(maxsize=256)
def hits(share: float, r0: float, *, below: bool = False) -> tuple[float, ...]:
    """Return what a bad answer of the candidate's adds to the log of the likelihood ratio of each alternative."""
    null = candidate_chance(share, r0)
    return tuple(log(candidate_chance(share, ratio) / null) for ratio in ratios(r0, below=below))


@lru_cache(maxsize=256)
def misses(share: float, r0: float, *, below: bool = False) -> tuple[float, ...]:
    """Return what a bad answer of the control's adds to it. Raises ZeroDivisionError where there is no control."""
    null = candidate_chance(share, r0)
    return tuple(log((1 - candidate_chance(share, ratio)) / (1 - null)) for ratio in ratios(r0, below=below))


def judged_share(share: float, candidate: float, control: float) -> float:
    """Return the candidate's share of the *judged* answers, where the sides are judged at different rates."""
    return share * candidate / (share * candidate + (1 - share) * control)


class BadEvents:
    """Who gave the bad answers: evidence that the candidate's bad rate is more than r0 times the control's.

    Given that an answer is bad it is the candidate's with probability `share r / (share r + 1 - share)`, whatever the
    bad rate is at that hour and however it moves: J. Przyborowski and H. Wilenski, "Homogeneity of results in testing
    samples from Poisson series", Biometrika 31 (1940). The mixture of likelihood ratios over larger ratios (H. Robbins,
    "Statistical methods related to the law of the iterated logarithm", 1970) is an e-process for every ratio up to r0.
    With `below` the evidence is that the ratio is less than r0, for every ratio from r0 up.
    Answers must be assigned at random with the given share; it may change from event to event.
    """

    def __init__(self, r0: float = 1.0, *, below: bool = False) -> None:
        self._r0 = r0
        self._below = below
        self._logs = [0.0] * GRID

    def add(self, share: float, candidate: int, control: int = 0) -> None:
        """Add bad answers of both sides, given while the candidate had this share of the traffic."""
        # A side that gave none may not be there at all.
        for count, gains in ((candidate, hits), (control, misses)):
            if count:
                gained = gains(share, self._r0, below=self._below)
                self._logs = [old + count * gain for old, gain in zip(self._logs, gained, strict=True)]

    @property
    def logs(self) -> tuple[float, ...]:
        """Log of the likelihood ratio of each alternative."""
        return tuple(self._logs)

    @property
    def e(self) -> float:
        return _mixed(self._logs)


def stratified(strata: Sequence[BadEvents]) -> float:
    """Return the evidence of several strata as one: that in all of them together the ratio is more than allowed.

    Each stratum keeps its own share, ratio and bad rate; within each alternative, so many times what is allowed, their
    likelihood ratios multiply. An e-process while every stratum's hypothesis holds. Without strata it is 1.
    """
    if not strata:
        return 1.0
    return _mixed([sum(logs) for logs in zip(*(one.logs for one in strata), strict=True)])


def _mixed(logs: Sequence[float]) -> float:
    most = max(logs)
    if most > 600:
        return inf
    return sum(exp(one - most) for one in logs) / len(logs) * exp(most)


def stop_table(share: float, alpha: float, events: int, r0: float = 1.0) -> tuple[tuple[int, int], ...]:
    """Return (m, k): of m bad answers, k from the candidate stop it. One row for each k, at the largest m it stops.

    The fewest candidate events with e >= 1 / alpha among m rise with m; k holds from where k events can first be, to
    its m. Up to `events` bad answers.
    """
    table: list[tuple[int, int]] = []
    needed = 1
    for total in range(1, events + 1):
        while needed <= total and not _stops(share, alpha, needed, total - needed, r0):
            needed += 1
        if needed > total:
            continue
        if table and table[-1][1] == needed:
            table.pop()
        table.append((total, needed))
    return tuple(table)


def _stops(share: float, alpha: float, candidate: int, control: int, r0: float) -> bool:
    evidence = BadEvents(r0)
    evidence.add(share, candidate, control)
    return evidence.e >= 1 / alpha


def cap_e(bad: int, total: int, cap: float) -> float:
    """Return the evidence that one side's bad rate exceeds `cap`, without a control: a mixture of Bernoulli ratios.

    e = mean_j r_j^bad ((1 - r_j cap) / (1 - cap))^(total - bad), over the ratios of `ratios(1)` that keep r_j cap below
    0.95. An e-process for every rate up to the cap. Raises ValueError unless 0 < cap < 0.9.
    """
    if not 0 < cap < 0.9:
        raise ValueError(f"a cap lies between 0 and 0.9, {cap} does not")
    grid = [ratio for ratio in ratios(1.0) if ratio * cap < 0.95]
    return _mixed([bad * log(ratio) + (total - bad) * (log1p(-ratio * cap) - log1p(-cap)) for ratio in grid])


def cap_table(cap: float, alpha: float, totals: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return (n, k) for each n: k bad answers among the first n exceed the cap at error `alpha`."""
    table = []
    needed = 0
    for total in sorted(totals):
        while needed <= total and cap_e(needed, total, cap) < 1 / alpha:
            needed += 1
        if needed <= total:
            table.append((total, needed))
    return tuple(table)


def combined(es: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Return the weighted mean of e-values: an e-value under any dependence (V. Vovk and R. Wang, "E-values", 2021)."""
    weights = [1.0] * len(es) if weights is None else weights
    return sum(weight * e for weight, e in zip(weights, es, strict=True)) / sum(weights)
