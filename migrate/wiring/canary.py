"""From a project's ledger, inventory and policy file to what a canary is planned from."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate import __version__, catalogue
from migrate.canary import (
    CanaryPolicy,
    Inputs,
    Plan,
    Rollout,
    SideFacts,
    Terms,
    identified,
    plan_flow,
    scheduled,
)
from migrate.canary.behaving import with_behaviour
from migrate.canary.buckets import HASH_RULE
from migrate.canary.nouns import Member, Unplanned
from migrate.canary.pooling import Planned, pooled, pooled_policies, with_pool_lines
from migrate.canary.together import claims_of
from migrate.edges.configuration import refuse_without_runs
from migrate.edges.rollouts import read_policy
from migrate.errors import UsageProblem, did_you_mean, nearest
from migrate.evidence import weigh
from migrate.evidence.policy import Policy, policies_of
from migrate.ports import CaseRecord
from migrate.rendering import parse_candidate
from migrate.routing import FlowTrials, Trial, spoken_of
from migrate.statistics import quantile
from migrate.vocabulary import LOOKUP, Flow, FlowEvidence, FlowName, Inventory, Measurement, Usage
from migrate.wiring.canary_evidence import Replays, Seen, worth_planning
from migrate.wiring.routes import Prices, Wanted, ordered, policy_of
from migrate.wiring.world import World

if TYPE_CHECKING:
    from migrate.pricing import PriceTable


def plan_canaries(
    world: World,
    *,
    run_id: str | None,
    flows: Sequence[str],
    candidate: str | None,
    policy: Path | None,
) -> Plan:
    """Return the plan of a replay's flows, one candidate each. Raises UsageProblem where there is nothing to plan."""
    rules = CanaryPolicy() if policy is None else read_policy(policy)
    refuse_without_runs(world.settings)
    read = world.readable() if world.prompts.is_dir() else Inventory(world.load_flows())
    _refuse_broken(read.broken, flows, rules.pools)
    inventory = {flow.name: flow for flow in read.flows}
    policies = pooled_policies(policies_of(inventory.values()), rules.pools)
    replays = Replays(world, run_id, tuple(inventory.values()), policies)
    facts = _Facts(world, replays, inventory, policies)
    evidence: Sequence[FlowEvidence] = weigh(facts.seeing(replays.records()), policies=policies)
    _refuse_unmeant(rules, (*inventory, *read.broken, *(one.flow for one in evidence)))
    _refuse_absent(replays, evidence, flows, candidate, rules.pools)
    leading: Mapping[FlowName, str] = {}
    if candidate is None:
        evidence = worth_planning(evidence, policies)
        leading = facts.leading()
    chosen = chosen_evidence(evidence, flows, candidate, rules.pools, leading)
    planner = _Planner(facts, rules, inventory)
    lacking = [gap for name, several in chosen if (gap := planner.lacking(name, several)) is not None]
    if lacking and (flows or len(lacking) == len(chosen)):
        raise UsageProblem(_lacking_words(lacking), hint=lacking[0].mend)
    missed = {gap.flow for gap in lacking}
    planned = [planner.planned(name, several) for name, several in chosen if name not in missed]
    rollouts = with_pool_lines(planned, planner.supposed(chosen))
    rows = [with_behaviour(one, rules.rollouts, rules.seed) for one in rollouts]
    if not flows:
        lacking += [*_broken(read.broken), *replays.absent({one.flow for one in evidence})]
    return _plan_of(world, rules, rows, lacking)


def _plan_of(world: World, rules: CanaryPolicy, rows: Sequence[Rollout], unplanned: Iterable[Unplanned]) -> Plan:
    plan = Plan(
        plan_id="",
        as_of=world.clock.today().isoformat(),
        tool=f"prompt-migrate {__version__}",
        hash_rule=HASH_RULE,
        seed=rules.seed,
        newly_exposed=rules.newly_exposed,
        rollouts=scheduled(rows, rules.newly_exposed),
        claims=claims_of(rows),
        unplanned=tuple(unplanned),
    )
    return identified(plan)


def _broken(broken: Mapping[FlowName, str]) -> Iterator[Unplanned]:
    """Yield the flows that cannot be planned for their prompt files: one of them stands in no other flow's way."""
    yield from (Unplanned(flow, why, "prompt-migrate validate tells all that is wrong") for flow, why in broken.items())


def _refuse_broken(broken: Mapping[FlowName, str], flows: Iterable[str], pools: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageProblem where a flow that was asked for, or a member of a pool, has no readable prompt file."""
    asked = {flow for name in flows for flow in pools.get(name, (name,))}
    asked |= {flow for members in pools.values() for flow in members} if not flows else set()
    for gap in _broken(broken):
        if gap.flow in asked:
            raise UsageProblem(f"{gap.flow}: {gap.reason}", next_command="prompt-migrate validate")


def _refuse_unmeant(rules: CanaryPolicy, flows: Iterable[str]) -> None:
    """Raise UsageProblem where the policy says something of a flow that nobody has: it would hold for none."""
    known = sorted({*flows, *rules.pools})
    for name in rules.flows:
        if name not in known:
            guess = did_you_mean(name, known) or f"there is {', '.join(known)}"
            raise UsageProblem(f'the policy speaks of "{name}", which is no flow and no pool', hint=guess)


def _lacking_words(lacking: Sequence[Unplanned]) -> str:
    if len(lacking) == 1:
        return lacking[0].reason
    return f"{lacking[0].reason}; nor can these be planned: {', '.join(gap.flow for gap in lacking[1:])}"


Chosen = list[tuple[str, list[FlowEvidence]]]
"""A rollout's name, and the evidence of the flow or, of a pool, of each member."""


class _Planner:
    """Plans flows and pools from the facts of one run."""

    def __init__(self, facts: _Facts, rules: CanaryPolicy, inventory: Mapping[FlowName, Flow]) -> None:
        self._facts = facts
        self._rules = rules
        self._inventory = inventory

    def planned(self, name: str, evidence: Sequence[FlowEvidence]) -> Rollout:
        """Return the plan of a flow, or of the pool of that name."""
        if name in self._rules.pools:
            return self._pooled(name, evidence)
        terms = self._rules.terms_of(name)
        return plan_flow(self._inputs(evidence[0], terms), terms)

    def lacking(self, name: str, evidence: Sequence[FlowEvidence]) -> Unplanned | None:
        """Return what a flow or pool lacks to be planned; None where nothing."""
        for one in evidence:
            flow = self._inventory.get(one.flow)
            if flow is None:
                why = f'flow "{one.flow}" of the run is not in the inventory any more'
                return Unplanned(name, why, "plan the others with --flow, or replay what is there now")
            if not _requests(flow, self._terms_of(name, one.flow)):
                why = f'flow "{one.flow}" has no traffic: how long a stage takes is unknown'
                where = flow.place or f'the prompt file of flow "{flow.name}"'
                mend = f"add traffic: {{requests_per_day: N}} to {where}, or requests_per_day to the policy file"
                return Unplanned(name, why, mend)
        return None

    def _terms_of(self, name: str, flow: str) -> Terms:
        return self._rules.terms_in(name, flow) if name in self._rules.pools else self._rules.terms_of(flow)

    def supposed(self, chosen: Chosen) -> Planned:
        """Return what plans flows as if the policy pooled them; None where it cannot."""
        known = dict(chosen)

        def plan(flows: Sequence[str]) -> Rollout | None:
            try:
                return self._pooled("together", [known[flow][0] for flow in flows])
            except UsageProblem:
                return None

        return plan

    def _pooled(self, name: str, evidence: Sequence[FlowEvidence]) -> Rollout:
        terms = {one.flow: self._rules.terms_in(name, one.flow) for one in evidence}
        members = [Member(self._inputs(one, terms[one.flow]), terms[one.flow]) for one in evidence]
        return plan_flow(pooled(name, members), self._rules.terms_of(name))

    def _inputs(self, one: FlowEvidence, terms: Terms) -> Inputs:
        return self._facts.inputs(one, self._inventory[one.flow], terms)


def _requests(flow: Flow, terms: Terms) -> float:
    """Return the calls of a flow a day, what the policy says first; 0 where nobody says."""
    return terms.requests_per_day or flow.traffic.requests_per_day or 0.0


def _refuse_absent(
    replays: Replays,
    evidence: Sequence[FlowEvidence],
    flows: Sequence[str],
    candidate: str | None,
    pools: Mapping[str, Sequence[str]],
) -> None:
    """Say why a flow has nothing to plan from, where all of it is of an older baseline, or of the baseline itself."""
    have = {one.flow for one in evidence if candidate in (None, one.candidate)}
    asked = [flow for name in flows for flow in pools.get(name, (name,))]
    if not flows:
        asked = [flow for members in pools.values() for flow in members] or ([] if have else list(replays.flows))
    found = [gap for flow in asked if flow not in have and (gap := replays.absence(flow, candidate)) is not None]
    if found:
        said = "\n".join(f"{gap.flow}: {gap.reason}" for gap in found)
        raise UsageProblem(said, next_command=f"pytest --model {replays.again(candidate, asked)}")
    if not evidence:
        raise UsageProblem("no flow of the inventory was replayed here yet", next_command="pytest --model MODEL")


def chosen_evidence(
    evidence: Sequence[FlowEvidence],
    flows: Sequence[str],
    candidate: str | None,
    pools: Mapping[str, Sequence[str]],
    leading: Mapping[FlowName, str] | None = None,
) -> Chosen:
    """Return the rollouts asked for, with one candidate each: the one named, else one that is not unsafe.

    That is the one that the flow's route is about (`leading`); where nobody says which, the cheapest.
    A flow in a pool is no rollout of its own. Raises UsageProblem for a name that the run and the pools do not have,
    and for a pool whose members the run did not replay, or not against one candidate.
    """
    wanted = [one for one in evidence if candidate in (None, one.candidate)]
    if candidate is not None and not wanted:
        raise _without_candidate(candidate, list(dict.fromkeys(one.candidate for one in evidence)))
    by_flow: dict[str, list[FlowEvidence]] = {}
    for one in wanted:
        by_flow.setdefault(one.flow, []).append(one)
    if not by_flow:
        raise UsageProblem("the run judged no flow", next_command="pytest --model MODEL")
    _refuse_unknown(flows, by_flow, pools)
    pooled_flows = {flow for members in pools.values() for flow in members}
    found = {
        name: [min(several, key=partial(_preference, leading=leading or {}))]
        for name, several in by_flow.items()
        if name not in pooled_flows and (not flows or name in flows)
    }
    for name, members in pools.items():
        if not flows or name in flows:
            found[name] = _in_common(name, members, by_flow, leading or {})
    return sorted(found.items())


def _refuse_unknown(
    flows: Sequence[str], by_flow: Mapping[str, list[FlowEvidence]], pools: Mapping[str, Sequence[str]]
) -> None:
    known = ", ".join(by_flow)
    for name in flows:
        pool = next((one for one, members in pools.items() if name in members), None)
        if pool is not None:
            raise UsageProblem(f'flow "{name}" is in pool "{pool}" of the policy', hint=f"plan it with --flow {pool}")
        if name not in by_flow and name not in pools:
            raise UsageProblem(
                f'the run has no flow "{name}"', hint=did_you_mean(name, (*by_flow, *pools)) or f"it has {known}"
            )
    for name, members in pools.items():
        if name in by_flow:
            raise UsageProblem(
                f'pool "{name}" of the policy is called like a flow of the run', hint="call it otherwise"
            )
        for flow in members:
            if flow not in by_flow and (not flows or name in flows):
                hint = did_you_mean(flow, by_flow) or f"it has {known}"
                raise UsageProblem(f'pool "{name}" of the policy: the run has no flow "{flow}"', hint=hint)


def _without_candidate(candidate: str, known: Sequence[str]) -> UsageProblem:
    """Say that no replay has a candidate: the one that was probably meant is planned, or one that is there."""
    meant = nearest(candidate, known)
    hint = f'did you mean "{meant}"?' if meant else f"there is {', '.join(known) or 'none'}"
    there = meant or next(iter(known), "")
    again = f"prompt-migrate canary plan --candidate {shlex.quote(there)}" if there else "prompt-migrate runs"
    return UsageProblem(f'no replay has the candidate "{candidate}"', hint=hint, next_command=again)


def _in_common(
    name: str, members: Sequence[str], by_flow: Mapping[str, Sequence[FlowEvidence]], leading: Mapping[FlowName, str]
) -> list[FlowEvidence]:
    """Return the evidence of a pool's members for one candidate: the best that all of them were replayed against."""
    each = [{one.candidate: one for one in by_flow[flow]} for flow in members]
    common = [candidate for candidate in each[0] if all(candidate in own for own in each)]
    if not common:
        had = "; ".join(f"{flow}: {', '.join(own)}" for flow, own in zip(members, each, strict=True))
        raise UsageProblem(
            f'pool "{name}" of the policy: its members have no candidate in common ({had})',
            next_command=f"pytest --model {shlex.quote(next(iter(each[0])))} -k {shlex.quote(' or '.join(members))}",
        )
    # As good as its worst member.
    best = min(common, key=lambda candidate: max(_preference(own[candidate], leading) for own in each))
    return [own[best] for own in each]


def _preference(one: FlowEvidence, leading: Mapping[FlowName, str]) -> tuple[bool, bool, int, float, str]:
    order = {"safe": 0, "insufficient": 1, None: 2, "unsafe": 3}
    cost = one.cost_ratio if one.cost_ratio is not None else float("inf")
    led = leading.get(one.flow) == one.candidate
    return one.verdict == "unsafe", not led, order[one.verdict], cost, one.candidate


class _Facts:
    """What the ledger's measurements say of each side, flow by flow."""

    def __init__(
        self, world: World, replays: Replays, inventory: Mapping[FlowName, Flow], policies: Mapping[FlowName, Policy]
    ) -> None:
        self._world = world
        self._policies = policies
        self._replays = replays
        self._prices = world.prices()
        self._sides: dict[tuple[str, str], tuple[list[Measurement], list[Measurement]]] = {}
        self._seen: dict[tuple[FlowName, str], Seen] = {}
        self._inventory = inventory
        self._listed = Prices(world)

    def seeing(self, records: Iterable[CaseRecord]) -> Iterator[CaseRecord]:
        """Yield records on, having taken what a plan wants of each."""
        for record in records:
            key = (record.comparison.flow, record.comparison.candidate)
            if key not in self._seen and key[0] in self._inventory:
                self._seen[key] = Seen.of(self._replays.today, self._listed, self._inventory[key[0]], key[1])
            if key in self._seen:
                self._seen[key].add(record)
            sides = self._sides.setdefault(key, ([], []))
            sides[0].extend(record.baseline)
            sides[1].extend(record.candidate)
            yield record

    def leading(self) -> dict[FlowName, str]:
        """Return the candidate that the route of each flow is about: what `route` says is what is planned."""
        trials: dict[FlowName, list[Trial]] = {}
        for (name, _), seen in self._seen.items():
            trial = seen.costs.trial()
            if trial.is_compared:
                trials.setdefault(name, []).append(trial)
        wanted = Wanted()
        found = [
            FlowTrials(
                flow=name,
                policy=self._policies.get(name, Policy()),
                traffic=self._inventory[name].traffic,
                baseline=self._inventory[name].prompt.model,
                trials=ordered(several, wanted, self._listed),
            )
            for name, several in trials.items()
        ]
        options = spoken_of(found, policy_of(self._world, wanted, found))
        return {one.flow: option.candidate for one, option in zip(found, options, strict=True) if option is not None}

    def inputs(self, evidence: FlowEvidence, flow: Flow, terms: Terms) -> Inputs:
        policy = self._policies.get(flow.name, Policy())
        cached = terms.cached_share if terms.cached_share is not None else flow.traffic.cached_share
        model = parse_candidate(evidence.candidate).model_for(flow.prompt.model)
        sides = self._sides[evidence.flow, evidence.candidate]
        today = self._world.clock.today()
        return Inputs(
            evidence=evidence,
            critical=policy.critical,
            margin=policy.margin,
            alpha=policy.alpha,
            power=policy.power,
            requests_per_day=_requests(flow, terms),
            users_per_day=terms.users_per_day or flow.traffic.users_per_day,
            cached_share=cached,
            baseline=side_facts(sides[0], cached, self._prices, today),
            candidate=side_facts(sides[1], cached, self._prices, today),
            run=self._replays.run_of(evidence.flow, evidence.candidate).id,
            offline=self._seen[evidence.flow, evidence.candidate].offline(policy, self._gate(evidence)),
            **_leaving("", model, today),
            **_leaving("baseline_", flow.prompt.model, today),
        )

    def _gate(self, evidence: FlowEvidence) -> str:
        """Return why the gate is closed against a candidate, without naming flow and candidate again."""
        named = f"{evidence.flow} against {evidence.candidate}: "
        return "; ".join(why.removeprefix(named) for why in self._world.closed_gates([evidence]))


def _leaving(side: str, model: str, today: dt.date) -> dict[str, Any]:
    facts = catalogue.facts(model)
    day = None if facts is None or facts.shutdown is None else facts.shutdown.isoformat()
    return {f"{side}days_left": catalogue.days_left(model, today), f"{side}shutdown": day}


def side_facts(calls: Sequence[Measurement], cached: float | None, prices: PriceTable, on: dt.date) -> SideFacts:
    """Return what one side's calls show; a sample of several calls counts as one, with their sums."""
    paid = [call for call in calls if call.served_model is not None]
    answered = [call for call in paid if call.ordinal != LOOKUP]
    samples = len({(call.case, call.sample) for call in answered})
    tokens = [float(call.usage.output_tokens) for call in answered if call.usage.output_tokens is not None]
    costs = [float(call.cost_usd) for call in answered if call.cost_usd is not None]
    return SideFacts(
        calls=len(answered),
        latency_p95_ms=quantile([call.timing.total_ms for call in answered if call.timing is not None], 0.95),
        tokens_p95=quantile(tokens, 0.95),
        cost_p95=quantile(costs, 0.95),
        cold_usd=_mean_price(paid, samples, 0.0, prices, on),
        warm_usd=None if cached is None else _mean_price(paid, samples, cached, prices, on),
    )


def _mean_price(
    calls: Iterable[Measurement], samples: int, cached: float, prices: PriceTable, on: dt.date
) -> float | None:
    """Return the mean price of a sample with a share of its input cached; None where a usage or a price is unknown."""
    total = 0.0
    known: dict[tuple[str, Usage], float | None] = {}
    for call in calls:
        if call.usage.input_tokens is None or call.usage.output_tokens is None:
            return None
        share = 0.0 if call.ordinal == LOOKUP else cached
        usage = replace(call.usage, cached_tokens=round(call.usage.input_tokens * share), cache_write_tokens=None)
        model = call.served_model or call.asked_model
        if (model, usage) not in known:
            known[model, usage] = _price(prices, (model, call.asked_model), usage, on)
        price = known[model, usage]
        if price is None:
            return None
        total += price
    return total / samples if samples else None


def _price(prices: PriceTable, models: Sequence[str], usage: Usage, on: dt.date) -> float | None:
    for model in models:
        usd = prices.price_usage(model, usage, on=on).usd
        if usd is not None:
            return float(usd)
    return None


__all__ = ["chosen_evidence", "plan_canaries", "side_facts"]
