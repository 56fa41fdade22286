"""From the evidence of one flow and its policy to a plan: what is refused, what is changed and why, what remains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import get_args

from migrate.canary.ladder import (
    cases_wanted,
    comparing_shares,
    contract_of,
    first_share,
    merged,
    percent,
    stage_margins,
    unfavourable,
)
from migrate.canary.metrics import planned_metrics
from migrate.canary.nouns import Doubt, Inputs, Member, Metric, PlanVerdict, Rollout, Stage, Stratum
from migrate.canary.offline import YES, asks, forbidden, lack, misgivings, worth_knowing
from migrate.canary.stages import LOOKS, MOST_UNITS, stage_rows, with_member_stops
from migrate.canary.terms import Terms
from migrate.evidence.words import is_within_reach, points
from migrate.statistics import farrington_manning

Gates = tuple[tuple[float, float], ...]
"""Shares, and what the gate of each excludes."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A ladder that was tried."""

    gates: Gates
    said: tuple[str, ...]
    stages: tuple[Stage, ...] | None

    @property
    def days(self) -> float:
        if self.stages is None:
            return float("inf")
        return sum(stage.planned_days for stage in self.stages)


def plan_flow(inputs: Inputs, terms: Terms) -> Rollout:
    """Return the plan of one flow or pool, without its place in a schedule and without simulations."""
    if len(inputs.members) > 1:
        # The evidence for an early pass is of a ratio at every hour; a pool's moves with the hour's mixture of members.
        terms = replace(terms, early=False)
    metrics = planned_metrics(inputs, terms)
    per_day = terms.budget_per_day
    if per_day is None:
        per_day = inputs.margin * inputs.units_per_day / 2
    first = first_share(inputs, terms, per_day)
    empty = _rollout(inputs, terms, metrics, first, per_day)
    stop = _refusal(inputs)
    if stop:
        return replace(empty, verdict="do_not_start", reasons=stop, lacks=lack(inputs))
    made, against = _allowed(inputs, terms, empty), tuple(misgivings(inputs))
    doubts = tuple(one for one in get_args(Doubt) if any(one == doubt for doubt, _ in against))
    return replace(made, reasons=(*(words for _, words in against), *made.reasons), doubts=doubts)


def _allowed(inputs: Inputs, terms: Terms, empty: Rollout) -> Rollout:
    """Return the plan of a rollout that nothing forbids."""
    if not inputs.margin:
        why = f"no number of {empty.units} shows a margin of 0 points: give the flow one, tolerances: {{margin: 0.01}}"
        return replace(empty, verdict="cannot_reach_power", reasons=(why,))
    if not empty.first_share:
        return _shadow(inputs, empty)
    most = _most_days(inputs, terms)
    shape = _fitting(inputs, terms, empty.metrics, empty.first_share, most)
    if shape.days > most:
        return with_member_stops(_unreachable(inputs, empty, shape, most))
    return with_member_stops(_ready(inputs, terms, empty, shape))


def _rollout(inputs: Inputs, terms: Terms, metrics: tuple[Metric, ...], first: float, per_day: float) -> Rollout:
    evidence, contract = inputs.evidence, contract_of(inputs)
    before, after = evidence.latency_baseline, evidence.latency_candidate
    return Rollout(
        flow=evidence.flow,
        baseline=evidence.baseline,
        candidate=evidence.candidate,
        critical=inputs.critical,
        verdict="ready",
        reasons=(),
        assumptions=tuple(_assumptions(inputs, terms, metrics)),
        simulated=evidence.simulated,
        run=inputs.run,
        cases=evidence.cases,
        p=max((metric.p for metric in evidence.metrics), default=None),
        excess=None if contract is None else contract.excess,
        excess_low=None if contract is None else contract.low,
        excess_high=None if contract is None else contract.high,
        margin=inputs.margin,
        alpha=inputs.alpha,
        power=inputs.power,
        units="users" if inputs.users_per_day else "calls",
        units_per_day=inputs.units_per_day,
        requests_per_day=inputs.requests_per_day,
        unfavourable=unfavourable(inputs, terms),
        first_share=first,
        budget=terms.budget or 0.0,
        budget_per_day=per_day,
        metrics=metrics,
        stages=(),
        latency_p50_delta_ms=_delta(before.p50, after.p50),
        latency_p95_delta_ms=_delta(before.p95, after.p95),
        latency_p95_interval_ms=after.p95_interval,
        latency_n=min(before.n, after.n),
        judge=terms.judge,
        spending=terms.looks,
        strata=tuple(_stratum(member) for member in inputs.members),
    )


def _stratum(member: Member) -> Stratum:
    inputs, contract = member.inputs, contract_of(member.inputs)
    return Stratum(
        flow=inputs.evidence.flow,
        units_per_day=inputs.units_per_day,
        requests_per_day=inputs.requests_per_day,
        cases=inputs.evidence.cases,
        excess=None if contract is None else contract.excess,
        excess_low=None if contract is None else contract.low,
        excess_high=None if contract is None else contract.high,
        metrics=planned_metrics(inputs, member.terms),
    )


def _delta(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _assumptions(inputs: Inputs, terms: Terms, metrics: Sequence[Metric]) -> Iterator[str]:
    if inputs.users_per_day:
        yield "a user keeps the side the flag gives; a day's users are new ones, so fewer new users take more days"
        yield "calls of one user are good or bad independently of each other"
    else:
        yield "users are unknown: every call counts as a unit, approximate where one user makes many calls"
    if terms.cases == "hand_written":
        yield "cases are hand-written: the offline bound counts twice"
    if inputs.evidence.simulated:
        yield "the evidence comes from the simulated provider: no real model was asked"
    taken = [metric.name for metric in metrics if metric.source.startswith("taken for")]
    if taken:
        yield f"rates nobody measured are taken for one call in 200: {', '.join(taken)}"
    if terms.looks == "obrien_fleming":
        yield "looks at a third, two thirds and the whole of a stage's units, at O'Brien and Fleming's levels"
    if len(inputs.members) > 1:
        yield "a pool: all members have the same share at every moment, drawn for each member by itself"
        yield "a gate speaks of the members together; what one of them hides is left to its own evidence"
    if terms.early:
        yield "a gate may be passed early: the control's rates are at most those of the plan, or it may not"
    if terms.budget is None:
        yield "no budget given: it is what the gates allow"
    yield "simulated rollouts draw bad answers alone: what a cap or another metric stops comes on top"
    yield "the share of the traffic is what the flag says, for users drawn by its hash and not chosen"


def _refusal(inputs: Inputs) -> tuple[str, ...]:
    """Return why the rollout must not start; empty where nothing forbids it."""
    said = forbidden(inputs)
    if not said and inputs.days_left is not None and inputs.days_left <= 0:
        return (f"{inputs.evidence.candidate} has left its provider, on {inputs.shutdown}",)
    return said


def _most_days(inputs: Inputs, terms: Terms) -> int:
    """Return the days the rollout may take: the policy's, or until one of the two models leaves."""
    return max(
        min(left for left in (terms.max_days, inputs.days_left, inputs.baseline_days_left) if left is not None), 0
    )


def _shadow(inputs: Inputs, empty: Rollout) -> Rollout:
    wanted = cases_wanted(inputs)
    why = (
        f"even 1 % of {empty.units_per_day:g} {empty.units} a day may cost more than {empty.budget_per_day:.2g} "
        f"bad answers in excess, at {points(empty.unfavourable)} points: mirror {wanted} calls first"
    )
    return replace(empty, verdict="shadow_first", reasons=(why,), mirrored_cases=wanted)


# --- The ladder, and how it may be changed ---


def _fitting(inputs: Inputs, terms: Terms, metrics: tuple[Metric, ...], first: float, most: int) -> _Shape:
    """Return the first shape that fits into the days there are, the least changed first; else the shortest."""
    tried = []
    for gates, said in _shapes(inputs, terms, first):
        stages = stage_rows(inputs, terms, metrics, gates, unfavourable(inputs, terms))
        shape = _afforded(inputs, terms, metrics, _Shape(gates, said, stages))
        if shape.days <= most:
            return shape
        tried.append(shape)
    return min(tried, key=lambda shape: shape.days)


def _shapes(inputs: Inputs, terms: Terms, first: float) -> Iterator[tuple[Gates, tuple[str, ...]]]:
    shares, said = comparing_shares(inputs, terms, first)
    margins = stage_margins(inputs.margin, len(shares))
    yield tuple(zip(shares, margins, strict=True)), said
    most = _most_days(inputs, terms)
    wide = f"early gates exclude {points(_widest(inputs))} points only, to stay within {most} days"
    yield _widened(inputs, shares), (*said, wide)
    fewer = merged(shares)
    if fewer != tuple(shares):
        yield _widened(inputs, fewer), (*said, wide, f"10 % and 25 % are one stage, to stay within {most} days")
    short = (shares[0], 0.50) if shares[0] < 0.50 else (0.50,)
    said_short = f"from {percent(short[0])} straight to 50 %, to stay within {most} days: an answer tells most there"
    yield _widened(inputs, short), (*said, wide, said_short)


def _widened(inputs: Inputs, shares: Sequence[float]) -> Gates:
    return (*((share, _widest(inputs)) for share in shares[:-1]), (shares[-1], inputs.margin))


def _widest(inputs: Inputs) -> float:
    return min(8 * inputs.margin, 0.5)


def _afforded(inputs: Inputs, terms: Terms, metrics: tuple[Metric, ...], shape: _Shape) -> _Shape:
    """Tighten gates until each stage, with a candidate as bad as the gate before allows, keeps its part of a budget."""
    if terms.budget is None or shape.stages is None:
        return shape
    part = terms.budget / max(len(shape.gates), 1)
    for _ in range(6):
        comparing = [stage for stage in shape.stages or () if stage.share_kind == "compare"]
        dear = [place for place, stage in enumerate(comparing) if place and stage.budget_used > part]
        loose = [place for place in dear if shape.gates[place - 1][1] > inputs.margin * 1.001]
        if not loose:
            return shape
        gates = list(shape.gates)
        for place in loose:
            gates[place - 1] = (gates[place - 1][0], max(gates[place - 1][1] / 2, inputs.margin))
        said = f"early gates are tightened, so that a stage spends at most {part:.3g} of the budget of {terms.budget:g}"
        stages = stage_rows(inputs, terms, metrics, gates, unfavourable(inputs, terms))
        shape = _Shape(tuple(gates), tuple(dict.fromkeys((*shape.said, said))), stages)
        if stages is None:
            return shape
    return shape


# --- What comes of it ---


def _unreachable(inputs: Inputs, empty: Rollout, shape: _Shape, most: int) -> Rollout:
    reachable = _reachable(inputs, empty, most)
    why = [_too_long(inputs, empty, shape, most)]
    if inputs.days_left is not None and inputs.days_left <= most:
        why.append(f"{empty.candidate} leaves on {inputs.shutdown}")
    if inputs.baseline_days_left is not None and inputs.baseline_days_left <= most:
        why.append(f"{empty.baseline}, the control, leaves on {inputs.baseline_shutdown}")
    if reachable is not None and isclose(reachable, inputs.margin):
        why.append(f"in {most} days 50 % of the traffic would show {points(reachable)} points, the ladder does not")
    elif reachable is not None:
        why.append(f"in {most} days {points(reachable)} points can be shown, with the same power")
    why.append(_offline_way(inputs))
    stages = shape.stages or ()
    return replace(empty, verdict="cannot_reach_power", reasons=tuple(why), stages=stages, reachable_margin=reachable)


def _offline_way(inputs: Inputs) -> str:
    wanted, contract = cases_wanted(inputs), contract_of(inputs)
    if is_within_reach(wanted, 0 if contract is None else contract.cases):
        return f"or show it offline, with {wanted} paired cases"
    return f"to show it offline takes {wanted} paired cases, too many to add"


def _too_long(inputs: Inputs, empty: Rollout, shape: _Shape, most: int) -> str:
    margin = f"the margin of {points(inputs.margin)} points"
    if shape.days < float("inf"):
        return f"at this traffic {margin} takes {shape.days:.0f} days, and there are {most}"
    rate = max(metric.rate for metric in empty.metrics if metric.hard)
    none = f"no number of days is enough to show {margin}"
    if shape.gates and rate + max(gate for _, gate in shape.gates) >= 1:
        return f"{none}: {rate:.0%} of the {empty.units} are taken to meet a bad answer today already"
    return f"{none}: a gate would want more than {MOST_UNITS:,} {empty.units}"


def _reachable(inputs: Inputs, empty: Rollout, most: int) -> float | None:
    """Return the margin that half of the traffic shows in the days there are; None where none below a half does."""
    rate = next(metric.rate for metric in empty.metrics if metric.name == "bad")
    units = inputs.units_per_day * max(most - 2, 0) / 2
    for step in range(1, 100):
        margin = step * 0.005
        if margin < inputs.margin or rate + margin >= 1:
            continue
        size = farrington_manning(rate, margin, 0.5, alpha=inputs.alpha / LOOKS, power=inputs.power)
        if size.candidate <= units:
            return margin
    return None


def _ready(inputs: Inputs, terms: Terms, empty: Rollout, shape: _Shape) -> Rollout:
    stages = shape.stages or ()
    asked = asks(inputs)
    reasons = [*([YES] if asked else []), *shape.said]
    watched = next((stage for stage in stages if stage.share_kind == "holdback"), None)
    if watched is not None:
        kept = percent(1 - watched.share)
        reasons.append(f"{kept} stay on {empty.baseline} for {watched.days} days: at 100 % nothing can be compared")
    if asked:
        stages = (replace(stages[0], human_gate=True), *stages[1:])
    reasons += worth_knowing(inputs)
    verdict: PlanVerdict = "ready_modified" if shape.said or asked else "ready"
    spent = sum(stage.budget_used for stage in stages)
    dear = terms.budget is not None and spent > terms.budget
    if dear and terms.budget is not None:
        reasons.append(
            f"a candidate as bad as the gates allow costs {spent:.3g} bad answers, budget {terms.budget:g}: "
            "the rollout stops when it is spent"
        )
    budget = terms.budget if terms.budget is not None else spent
    return replace(empty, verdict=verdict, reasons=tuple(reasons), stages=tuple(stages), budget=budget)


__all__ = ["plan_flow"]
