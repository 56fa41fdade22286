"""Flows that are one rollout: a pool is planned from its members, added up, by the strictest of what they ask.

Why the pooled comparison is sound: at every moment the share is the same in every member, and lots are drawn for each
member by itself, so a unit's side says nothing of its member. At one share both sides hold the same mixture of members,
in the long run exactly and in a sample by chance alone, so the rates of the two sides differ by what the models do; and
of every bad answer the chance to be the candidate's is `share r / (share r + 1 - share)` whatever member it comes from,
so the evidence of `BadEvents` stays what it was. Rates of the members and their part of the traffic may drift: the
control drifts along.

What it does not cover: a member that gets worse while another gets better. The gate speaks of the pool alone; so each
member keeps evidence of its own, with its own rates, that half of the rollback's error is kept for, and one member's is
enough to roll the pool back. And it wants the share to be the same in fact: `canary check` holds a pool in which a
member is not seen, is split otherwise, or is at another share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from migrate.canary.nouns import Inputs, Member, Offline, Rollout, SideFacts
from migrate.canary.scheduling import STARTING
from migrate.errors import UsageProblem
from migrate.evidence.policy import Policy, stricter
from migrate.statistics import weighted_bound
from migrate.vocabulary import FlowEvidence, FlowMetric, FlowName, Quantiles


def pooled_policies(policies: Mapping[FlowName, Policy], pools: Mapping[str, Sequence[str]]) -> dict[FlowName, Policy]:
    """Return the policies of all flows, those of a pool's members the strictest of them: class and margin."""
    found = dict(policies)
    for members in pools.values():
        own = [policies.get(FlowName(flow), Policy()) for flow in members]
        critical = own[0].critical
        for policy in own:
            critical = stricter(critical, policy.critical)
        margin = min(policy.margin for policy in own)
        for flow, policy in zip(members, own, strict=True):
            found[FlowName(flow)] = replace(policy, critical=critical, own_margin=margin)
    return found


def pooled(name: str, members: Sequence[Member]) -> Inputs:
    """Return what a pool is planned from, by the strictest class, margin, alpha and power of its members.

    Raises UsageProblem where members have not one baseline and one candidate in common: nothing compares them.
    """
    _refuse_unlike(name, members)
    if any(member.inputs.users_per_day is None for member in members):
        # Units are counted alike in all: where the users of one member are unknown, calls are counted in every one.
        members = [replace(member, inputs=replace(member.inputs, users_per_day=None)) for member in members]
    members = _as_strict(members)
    each = [member.inputs for member in members]
    first = each[0]
    if len(each) == 1:
        return replace(first, evidence=replace(first.evidence, flow=FlowName(name)), members=tuple(members))
    users = [one.users_per_day for one in each if one.users_per_day is not None]
    return replace(
        first,
        evidence=_evidence(name, each),
        requests_per_day=sum(one.requests_per_day for one in each),
        users_per_day=sum(users) if users else None,
        cached_share=None,
        baseline=_facts(each, lambda one: one.baseline),
        candidate=_facts(each, lambda one: one.candidate),
        members=tuple(members),
        offline=Offline(),
    )


def _as_strict(members: Sequence[Member]) -> list[Member]:
    each = [member.inputs for member in members]
    critical = each[0].critical
    for one in each:
        critical = stricter(critical, one.critical)
    margin, alpha = min(one.margin for one in each), min(one.alpha for one in each)
    power = max(one.power for one in each)
    strict = [replace(one, critical=critical, margin=margin, alpha=alpha, power=power) for one in each]
    return [replace(member, inputs=one) for member, one in zip(members, strict, strict=True)]


def _refuse_unlike(name: str, members: Sequence[Member]) -> None:
    for what in ("baseline", "candidate"):
        models = {member.inputs.evidence.flow: getattr(member.inputs.evidence, what) for member in members}
        if len(set(models.values())) > 1:
            said = ", ".join(f"{flow} has {model}" for flow, model in models.items())
            raise UsageProblem(
                f'pool "{name}" cannot be planned: {said}',
                hint=f"the members of a pool have one {what}: only then do their answers compare the same two models",
            )


def _evidence(name: str, each: Sequence[Inputs]) -> FlowEvidence:
    """Return the offline evidence of all members as one: cases added up, shares weighted by the traffic."""
    first = each[0].evidence
    unknown = Quantiles(None, None, None, sum(one.evidence.latency_baseline.n for one in each), "the members")
    return replace(
        first,
        flow=FlowName(name),
        cases=sum(one.evidence.cases for one in each),
        samples=sum(one.evidence.samples for one in each),
        rungs={},
        latency_baseline=unknown,
        latency_candidate=unknown,
        simulated=any(one.evidence.simulated for one in each),
        metrics=tuple(_metrics(each)),
        # Those of the members are theirs.
        verdict=None,
        reasons=(),
    )


def _metrics(each: Sequence[Inputs]) -> Iterator[FlowMetric]:
    for name in ("contract", "agreement"):
        parts = [(one.units_per_day, metric) for one in each for metric in one.evidence.metrics if metric.name == name]
        # Of a pool nothing is known offline while nothing is known of a member.
        if len(parts) == len(each):
            yield _metric(parts)


def _metric(parts: Sequence[tuple[float, FlowMetric]]) -> FlowMetric:
    """Return one metric of a pool: means by traffic with their bounds; the p of the member that is least shown."""
    metrics = [metric for _, metric in parts]

    def mean(of: Callable[[FlowMetric], float | None]) -> float | None:
        known = [(weight, value) for weight, metric in parts if (value := of(metric)) is not None]
        whole = len(known) == len(parts)
        return sum(weight * value for weight, value in known) / sum(weight for weight, _ in parts) if whole else None

    def bound(of: Callable[[FlowMetric], float]) -> float:
        return weighted_bound([(weight, metric.excess or 0.0, of(metric)) for weight, metric in parts])

    return replace(
        metrics[0],
        cases=sum(metric.cases for metric in metrics),
        baseline=mean(lambda metric: metric.baseline),
        candidate=mean(lambda metric: metric.candidate),
        excess=mean(lambda metric: metric.excess),
        low=bound(lambda metric: metric.low),
        high=bound(lambda metric: metric.high),
        p=max(metric.p for metric in metrics),
        worse=sum(metric.worse for metric in metrics),
        better=sum(metric.better for metric in metrics),
        missing=sum(metric.missing for metric in metrics),
        cases_needed=None,
        planned_for=None,
    )


def _facts(each: Sequence[Inputs], side: Callable[[Inputs], SideFacts]) -> SideFacts:
    """Return one side's prices as means by calls, so that a day of the pool costs what its members' days do."""

    def mean(of: Callable[[SideFacts], float | None]) -> float | None:
        known = [(one.requests_per_day, value) for one in each if (value := of(side(one))) is not None]
        if len(known) < len(each):
            return None
        return sum(calls * value for calls, value in known) / sum(calls for calls, _ in known)

    return SideFacts(
        calls=sum(side(one).calls for one in each),
        cold_usd=mean(lambda facts: facts.cold_usd),
        warm_usd=mean(lambda facts: facts.warm_usd),
    )


# --- What a user may be told to write ---

Planned = Callable[[Sequence[str]], Rollout | None]
"""Plans flows of a run as one; None where they cannot be pooled."""


def with_pool_lines(rollouts: Sequence[Rollout], planned: Planned) -> tuple[Rollout, ...]:
    """Return the rollouts; where a flow cannot reach its power, with the pool that would, if its flows are alike.

    Tried are all flows of the same two models that cannot reach it, then these with all that may start. Whether they
    are of one template is for the user to say. None is offered whose replay closed its gate or is past the margin by
    its estimate: the others of a pool would hide it.
    """
    said: dict[str, str] = {}
    loose = sorted((one for one in rollouts if not one.strata), key=_models)
    for _, group in groupby(loose, key=_models):
        alike = [one for one in group if one.verdict in ("cannot_reach_power", *STARTING) and not one.doubts]
        weak = [one.flow for one in alike if one.verdict == "cannot_reach_power"]
        for flows in dict.fromkeys((tuple(weak), tuple(one.flow for one in alike))):
            pool = planned(flows) if weak and len(flows) > 1 else None
            if pool is not None and pool.verdict in STARTING:
                said |= dict.fromkeys(weak, _line(rollouts, flows, pool))
                break
    return tuple(replace(one, reasons=(*one.reasons, said[one.flow])) if one.flow in said else one for one in rollouts)


def _models(rollout: Rollout) -> tuple[str, str]:
    return rollout.baseline, rollout.candidate


def _line(rollouts: Sequence[Rollout], flows: Sequence[str], pool: Rollout) -> str:
    name = "together"
    while any(one.flow == name for one in rollouts):
        name += "_"
    members = ", ".join(f'"{flow}"' for flow in flows)
    return (
        f"or, if they are of one template, plan {' and '.join(flows)} as one rollout of {pool.days} days, by this line "
        f"at the top of the policy file: pools.{name} = [{members}]"
    )


__all__ = ["Planned", "pooled", "pooled_policies", "with_pool_lines"]
