"""Which model each flow goes to: the cheapest that is shown to be good enough, among all that was tested.

Three controls, one inside the other. Inside a model the two metrics are an intersection-union test (`evidence`).
Inside a flow its candidates are tested in an order fixed beforehand, each at full level, until one is not satisfactory,
or by Holm's procedure. Over flows Benjamini and Hochberg's procedure decides in how many a switch may be claimed, and
the candidates of those are tested at what it leaves them: Y. Benjamini and M. Bogomolov, "Selective inference on
multiple families of hypotheses", JRSS B 76 (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from migrate import catalogue
from migrate.evidence.latency import Change, p95_change
from migrate.evidence.tally import Tally
from migrate.evidence.verdict import Question, Ruling
from migrate.routing import words
from migrate.routing.nouns import (
    Cost,
    FlowTrials,
    MoreCases,
    Option,
    RoutePolicy,
    Standing,
    Trial,
)
from migrate.routing.spending import cost_of
from migrate.statistics import faced_levels, holm_adjusted, sequence_adjusted
from migrate.vocabulary import Comparison


def tally_of(comparisons: Sequence[Comparison]) -> Tally:
    """Count the scores of these cases."""
    tally = Tally()
    for comparison in comparisons:
        tally.add(comparison)
    return tally


@dataclass(frozen=True)
class Weighed:
    """A candidate before it is decided on: everything that does not depend on the other flows."""

    trial: Trial
    flow: FlowTrials
    policy: RoutePolicy

    @cached_property
    def question(self) -> Question:
        return Question(tally_of(self.trial.comparisons), self.flow.policy)

    @cached_property
    def cost(self) -> Cost | None:
        return cost_of(self.trial.costs.values())

    @cached_property
    def latency(self) -> Change:
        return p95_change(*self.trial.clocks)

    @cached_property
    def leaving(self) -> tuple[words.Leaving, ...]:
        """The candidate's models that leave, with their last days, the first to leave first."""
        known = [(model, catalogue.facts(model)) for model in self.trial.models if self._binds(model)]
        found = [words.Leaving(model, facts.shutdown) for model, facts in known if facts and facts.shutdown]
        return tuple(sorted(found, key=lambda one: one.day))

    def _binds(self, model: str) -> bool:
        return self.policy.calendars is None or model in self.policy.calendars

    @cached_property
    def unavailable(self) -> tuple[str, ...]:
        """Why it cannot be ranked, known before any answer is looked at: it leaves, or nobody knows its price."""
        said = [words.leaves(one, self.policy) for one in self.leaving if one.day <= self.policy.ends]
        return (*said, *(() if self.cost is not None else (words.unpriced(self.trial),)))

    @cached_property
    def slow(self) -> tuple[str, ...]:
        """Why it is too slow: shown, not suspected."""
        low = self.latency.low
        return (words.slower(self.latency, self.policy),) if low is not None and low > self.policy.slower else ()

    @property
    def promising(self) -> bool:
        """Something could be gained: it may be ranked, and is cheaper than the baseline."""
        return (
            not (self.unavailable or self.slow) and self.cost is not None and self.cost.candidate < self.cost.baseline
        )


def weighed(flow: FlowTrials, policy: RoutePolicy) -> tuple[Weighed, ...]:
    """Return a flow's candidates in the order in which they are tested."""
    return tuple(Weighed(trial, flow, policy) for trial in flow.trials)


def adjusted(candidates: Sequence[Weighed], policy: RoutePolicy) -> tuple[float, ...]:
    """Return each candidate's p-value after the others of its flow; 1 for those that cannot be chosen anyway.

    Those are known before any answer is looked at, so leaving them out of the order changes no error.
    """
    ranked = [place for place, one in enumerate(candidates) if not one.unavailable]
    ps = [candidates[place].question.p for place in ranked]
    found = dict(zip(ranked, (holm_adjusted if policy.any_order else sequence_adjusted)(ps), strict=True))
    return tuple(found.get(place, 1.0) for place in range(len(candidates)))


def levels(flows: Sequence[Sequence[Weighed]], policy: RoutePolicy) -> tuple[float | None, ...]:
    """Return for each flow the level its candidates face; None where there is nothing to gain, so nothing to test."""
    ps = {}
    for place, candidates in enumerate(flows):
        claims = [p for p, one in zip(adjusted(candidates, policy), candidates, strict=True) if one.promising]
        if claims:
            alpha = candidates[0].flow.policy.alpha
            ps[place] = min(claims) if min(claims) <= alpha else 1.0
    faced = dict(zip(ps, faced_levels(list(ps.values()), policy.q), strict=True))
    alphas = [candidates[0].flow.policy.alpha if candidates else 0.0 for candidates in flows]
    return tuple(min(alphas[place], faced[place]) if place in faced else None for place in range(len(flows)))


def options(candidates: Sequence[Weighed], level: float | None, policy: RoutePolicy) -> tuple[Option, ...]:
    """Return a flow's candidates decided on at a level; without one, at the flow's own alpha."""
    found: list[Option] = []
    gate: Option | None = None
    for p, one in zip(adjusted(candidates, policy), candidates, strict=True):
        option = _option(one, p, one.flow.policy.alpha if level is None else level, gate, policy)
        found.append(option)
        if gate is None and not policy.any_order and not one.unavailable and option.standing != "satisfactory":
            gate = option
    return tuple(found)


def _option(one: Weighed, p: float, level: float, gate: Option | None, policy: RoutePolicy) -> Option:
    own = one.question.p
    # What Holm's procedure leaves of the level: its adjusted p keeps the one where the plain p keeps the other.
    left = level * own / p if policy.any_order and not one.unavailable and p > own else level
    ruling = one.question.ruling(left / one.flow.policy.alpha)
    standing = _standing(ruling, waits=gate is not None)
    option = Option(
        trial=one.trial,
        standing=standing,
        p=own,
        adjusted=p,
        level=level,
        metrics=ruling.metrics,
        cost=one.cost,
        latency=one.latency,
        leaves=one.leaving[0].day if one.leaving else None,
        unavailable=one.unavailable,
        slow=one.slow,
        cases_needed=ruling.cases_needed,
        more_cases=_more_cases(standing, ruling),
        reasons=ruling.reasons,
    )
    return _gated(option, gate) if gate is not None and standing in ("not_tested", "open") else option


def _standing(ruling: Ruling, *, waits: bool) -> Standing:
    if ruling.verdict == "unsafe":
        return "worse"
    if ruling.verdict == "insufficient":
        return "open"
    return "not_tested" if waits else "satisfactory"


def _more_cases(standing: Standing, ruling: Ruling) -> MoreCases:
    if standing == "satisfactory":
        return "not_needed"
    unanswered = all(metric.excess is None for metric in ruling.metrics)
    if ruling.cases_needed is not None or standing == "not_tested" or unanswered:
        return "help"
    hopeless = standing == "worse" or any(
        metric.excess is not None and metric.excess >= metric.margin for metric in ruling.metrics
    )
    return "will_not_help" if hopeless else "cannot_reach_power"


def _gated(option: Option, gate: Option) -> Option:
    """Return a candidate that waits for another: it wants the other's cases too, and is stuck where that one is."""
    reasons = (words.waits(gate), *option.reasons)
    if gate.more_cases != "help" or option.more_cases not in ("help", "not_needed"):
        stuck = gate.more_cases if gate.more_cases != "help" else option.more_cases
        return replace(option, reasons=reasons, cases_needed=None, more_cases=stuck)
    needed = max(option.cases_needed or 0, gate.cases_needed or 0) or None
    return replace(option, reasons=reasons, cases_needed=needed, more_cases="help")


def chosen_of(found: Sequence[Option]) -> Option | None:
    """Return the cheapest satisfactory candidate that is cheaper than the baseline; the earlier one where they tie."""
    able = [option for option in found if option.standing == "satisfactory" and option.cheaper and not option.barred]
    return min(able, key=price_of, default=None)


def price_of(option: Option) -> Decimal:
    """Return what a successful answer of a candidate costs; of one without a price, more than any."""
    return option.cost.candidate if option.cost is not None else Decimal("Infinity")
