"""From a project's ledger, inventory and policy file to what a canary is planned from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate import __version__, catalogue
from migrate.canary import CanaryPolicy, Inputs, Plan, SideFacts, Terms, behaviour, identified, plan_flow, scheduled
from migrate.canary.buckets import HASH_RULE
from migrate.canary.together import claims_of
from migrate.edges.rollouts import read_policy
from migrate.errors import UsageProblem
from migrate.evidence import weigh
from migrate.evidence.policy import Policy, policies_of
from migrate.rendering import parse_candidate
from migrate.statistics import quantile
from migrate.vocabulary import LOOKUP, Flow, FlowEvidence, Measurement, Run, Usage
from migrate.wiring.world import World

if TYPE_CHECKING:
    from migrate.pricing import PriceTable


def plan_canaries(
    world: World, *, run_id: str | None, flows: Sequence[str], candidate: str | None, policy: Path | None
) -> Plan:
    """Return the plan of a replay's flows, one candidate each. Raises UsageProblem where there is nothing to plan."""
    rules = CanaryPolicy() if policy is None else read_policy(policy)
    if world.settings.ledger is None and not (world.state / "ledger.db").exists():
        raise UsageProblem("nothing was replayed here yet", next_command="pytest --model MODEL")
    run = world.ledger.run(run_id)
    if run.kind != "replay":
        raise UsageProblem(f"run {run.id} recorded goldens: it has no candidate", next_command="prompt-migrate runs")
    inventory = {flow.name: flow for flow in world.load_flows()}
    evidence = weigh(world.ledger.records(run.id), policies=policies_of(inventory.values()))
    chosen = _chosen(evidence, flows, candidate)
    facts = _Facts(world, run)
    rollouts = []
    for one in chosen:
        flow = inventory.get(one.flow)
        if flow is None:
            raise UsageProblem(f'flow "{one.flow}" of run {run.id} is not in the inventory any more')
        terms = rules.terms_of(one.flow)
        rollouts.append(plan_flow(facts.inputs(one, flow, terms), terms))
    rows = [replace(one, behaviour=behaviour(one, rules.rollouts, rules.seed)) for one in rollouts]
    plan = Plan(
        plan_id="",
        as_of=world.clock.today().isoformat(),
        tool=f"prompt-migrate {__version__}",
        hash_rule=HASH_RULE,
        seed=rules.seed,
        newly_exposed=rules.newly_exposed,
        rollouts=scheduled(rows, rules.newly_exposed),
        claims=claims_of(rows),
    )
    return identified(plan)


def _chosen(evidence: Sequence[FlowEvidence], flows: Sequence[str], candidate: str | None) -> list[FlowEvidence]:
    """Return the flows asked for, with one candidate each: the one named, else the cheapest that is not unsafe."""
    wanted = [one for one in evidence if candidate in (None, one.candidate)]
    if candidate is not None and not wanted:
        known = ", ".join(dict.fromkeys(one.candidate for one in evidence))
        raise UsageProblem(f'the run has no candidate "{candidate}"', hint=f"it has {known}")
    for name in flows:
        if all(one.flow != name for one in wanted):
            known = ", ".join(dict.fromkeys(one.flow for one in evidence))
            raise UsageProblem(f'the run has no flow "{name}"', hint=f"it has {known}")
    by_flow: dict[str, list[FlowEvidence]] = {}
    for one in wanted:
        if not flows or one.flow in flows:
            by_flow.setdefault(one.flow, []).append(one)
    if not by_flow:
        raise UsageProblem("the run judged no flow", next_command="pytest --model MODEL")
    return [min(several, key=_preference) for _, several in sorted(by_flow.items())]


def _preference(one: FlowEvidence) -> tuple[int, float, str]:
    order = {"safe": 0, "insufficient": 1, None: 2, "unsafe": 3}
    return order[one.verdict], one.cost_ratio if one.cost_ratio is not None else float("inf"), one.candidate


class _Facts:
    """What the ledger's measurements say of each side, flow by flow."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._run = run
        self._prices = world.prices()
        self._sides: dict[tuple[str, str], tuple[list[Measurement], list[Measurement]]] = {}
        for record in world.ledger.records(run.id):
            key = (record.comparison.flow, record.comparison.candidate)
            sides = self._sides.setdefault(key, ([], []))
            sides[0].extend(record.baseline)
            sides[1].extend(record.candidate)

    def inputs(self, evidence: FlowEvidence, flow: Flow, terms: Terms) -> Inputs:
        policy = policies_of([flow]).get(flow.name, Policy())
        requests = terms.requests_per_day or flow.traffic.requests_per_day
        if not requests:
            where = flow.place or f'the prompt file of flow "{flow.name}"'
            raise UsageProblem(
                f'flow "{flow.name}" has no traffic: how long a stage takes is unknown',
                hint=f"add traffic: {{requests_per_day: N}} to {where}, or requests_per_day to the policy file",
            )
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
            requests_per_day=requests,
            users_per_day=terms.users_per_day or flow.traffic.users_per_day,
            cached_share=cached,
            baseline=side_facts(sides[0], cached, self._prices, today),
            candidate=side_facts(sides[1], cached, self._prices, today),
            run=self._run.id,
            **_leaving("", model, today),
            **_leaving("baseline_", flow.prompt.model, today),
        )


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


__all__ = ["plan_canaries", "side_facts"]
