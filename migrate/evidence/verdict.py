"""The verdict of a flow: safe, unsafe or insufficient, with the reasons in words and the cases still needed.

A flow is `safe` where both of its metrics are shown not to be worse by the margin, each at its full level (R. L.
Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24 (1982): an intersection-union
test), and where it is still among the chosen ones when all flows of a candidate are looked at together. It is `unsafe`
where one metric is shown to be worse by more than the margin. Everything else is `insufficient`: not a "no", but not
known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

from migrate.evidence import words
from migrate.evidence.policy import Policy
from migrate.evidence.tally import Scale, Tally
from migrate.statistics import Differences, cases_within, faced_levels, lower_bound, p_beyond, p_within, upper_bound
from migrate.vocabulary import FlowMetric

Name: TypeAlias = Literal["contract", "agreement"]
FAR: Final = 10
"""From so many times the cases on a number is no help: what got worse is mended, or what was seen may be chance."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows for one flow."""

    verdict: Literal["safe", "unsafe", "insufficient"]
    cases_needed: int | None
    reasons: tuple[str, ...]
    metrics: tuple[FlowMetric, ...]


def rule(trials: Sequence[tuple[Tally, Policy]]) -> list[Ruling]:
    """Return the rulings over all flows of one candidate.

    Which of them are safe is decided together: Benjamini and Hochberg's procedure, over p-values as multiples of each
    flow's own alpha, keeps the expected share of wrong ones among all `safe` within the mean alpha. Flows that cannot
    be safe for what is missing, whatever their numbers, are not among those decided on.
    """
    questions = [Question(tally, policy) for tally, policy in trials]
    decided = [place for place, question in enumerate(questions) if not question.gaps]
    levels = faced_levels([questions[place].p / questions[place].policy.alpha for place in decided])
    shares = dict(zip(decided, levels, strict=True))
    return [question.ruling(shares.get(place, 1.0)) for place, question in enumerate(questions)]


class Question:
    """Everything the verdict of one flow follows from."""

    def __init__(self, tally: Tally, policy: Policy) -> None:
        self.policy = policy
        self._tally = tally

    @cached_property
    def metrics(self) -> tuple[FlowMetric, ...]:
        """Those that at least one case says something about."""
        return measured((self._tally.contract, self._tally.agreement), self.policy, absent=self._absent)

    @property
    def _absent(self) -> int:
        """Cases of the flow that the run has not, as where only those are replayed that failed before."""
        return max((self.policy.cases or 0) - self._tally.cases, 0)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """Why the flow cannot be safe whatever its numbers say."""
        return tuple(words.gaps(self._tally, self.policy))

    @property
    def p(self) -> float:
        """P-value of the hypothesis that the flow is not safe: the larger of its metrics'."""
        return 1.0 if self.gaps else max(metric.p for metric in self.metrics)

    def ruling(self, share: float) -> Ruling:
        """Return what follows; `share` of its alpha is what the other flows leave it."""
        remarks = (*self.gaps, *words.remarks(self._tally, self.policy))
        harmed = [metric for metric in self.metrics if metric.low > metric.margin]
        if harmed:
            return Ruling(
                "unsafe",
                None,
                (*(words.unsafe(metric, self._tally.unkept) for metric in harmed), *remarks),
                self.metrics,
            )
        level = self.policy.alpha * share
        if self.p <= level:
            return Ruling("safe", None, (words.safe(self.metrics), *remarks), self.metrics)
        metrics = tuple(self._at(level, metric) for metric in self.metrics)
        unsettled = sorted((metric for metric in metrics if metric.p > level), key=binding)
        why = (words.insufficient(metric, self._tally.unkept) for metric in unsettled)
        said = (*self.gaps, *why, *words.remarks(self._tally, self.policy))
        return Ruling("insufficient", self._needed(unsettled), said, metrics)

    def _at(self, level: float, metric: FlowMetric) -> FlowMetric:
        """Return the metric; if it is settled for itself alone, with the cases needed among the other flows."""
        if not level < metric.p <= self.policy.alpha:
            return metric
        scale = self._tally.contract if metric.name == "contract" else self._tally.agreement
        return _planned(metric, scale, self.policy, level)

    def _needed(self, unsettled: Sequence[FlowMetric]) -> int | None:
        known = [metric.cases_needed for metric in unsettled if metric.cases_needed is not None]
        return max(known) if known and len(known) == len(unsettled) and not self.gaps else None


def measured(scales: tuple[Scale, Scale], policy: Policy, absent: int = 0) -> tuple[FlowMetric, ...]:
    """Weigh contract and agreement over their cases; a missing answer is taken for what does the claim most harm.

    Either alone makes a flow unsafe. So that two questions are not asked at the price of one, each faces the level that
    the other leaves it (R. J. Simes, "An improved Bonferroni procedure", Biometrika 73 (1986)): half of alpha, or all
    of it where both are shown. Where a run has a part of the flow's cases, which may have been chosen for failing, the
    `absent` ones are taken for no worse: harm is shown of the flow, or not at all.
    """
    named: tuple[tuple[Name, Scale], ...] = (("contract", scales[0]), ("agreement", scales[1]))
    asked = [(name, scale) for name, scale in named if scale.n]
    best = [_least(scale.differences(lambda counts: counts.best), absent, policy) for _, scale in asked]
    harm = faced_levels([p_beyond(one, policy.margin) / policy.alpha for one in best])
    lows = [(lower_bound(one, policy.alpha * share), share) for one, share in zip(best, harm, strict=True)]
    return tuple(_metric(name, scale, policy, low) for (name, scale), low in zip(asked, lows, strict=True))


def _least(seen: Differences, absent: int, policy: Policy) -> Differences:
    """Return what shows the least harm: the cases seen, or with those that are absent taken for no worse.

    A bound that only more cases made tighter would be evidence of answers that nobody gave.
    """
    if not absent:
        return seen
    return min((seen, seen.with_equal(absent)), key=lambda one: lower_bound(one, policy.alpha))


def _metric(name: Name, scale: Scale, policy: Policy, low: tuple[float, float]) -> FlowMetric:
    """Weigh one metric; `low` is the bound at which it is shown to be past the margin, and its share of alpha."""
    seen = scale.differences(lambda counts: counts.seen)
    worst = scale.differences(lambda counts: counts.worst)
    metric = FlowMetric(
        name=name,
        cases=scale.n,
        baseline=scale.mean(lambda counts: counts.baseline),
        candidate=scale.mean(lambda counts: counts.candidate),
        excess=seen.mean if seen.n else None,
        low=low[0],
        low_share=low[1],
        high=upper_bound(worst, policy.alpha),
        margin=policy.margin,
        alpha=policy.alpha,
        p=p_within(worst, policy.margin),
        worse=scale.count(lambda counts: (counts.seen or 0) > 0),
        better=scale.count(lambda counts: (counts.seen or 0) < 0),
        missing=scale.missing,
        cases_needed=None,
    )
    # Where no answer came there is nothing that a number of cases could be planned from.
    return metric if metric.p <= policy.alpha or not seen.n else _planned(metric, scale, policy, policy.alpha)


def _planned(metric: FlowMetric, scale: Scale, policy: Policy, alpha: float) -> FlowMetric:
    """Return the metric with the cases that are still needed at a level, and what that number supposes."""
    seen = scale.differences(lambda counts: counts.seen)
    total = cases_within(seen, policy.margin, alpha, policy.power)
    if metric.better and metric.low <= 0 and (total is None or total > FAR * scale.n):
        equal = cases_within(seen.evened, policy.margin, alpha, policy.power)
        if equal is not None and equal > scale.n:
            return replace(metric, cases_needed=equal - scale.n, planned_for="equal")
    if total is None or total <= scale.n:
        return replace(metric, cases_needed=None, planned_for=None)
    return replace(metric, cases_needed=total - scale.n, planned_for="seen")


def binding(metric: FlowMetric) -> tuple[bool, int]:
    """Order metrics by what binds: first what no number of cases settles, then the largest number."""
    return metric.cases_needed is not None, -(metric.cases_needed or 0)


__all__ = ["Question", "Ruling", "binding", "measured", "rule"]
