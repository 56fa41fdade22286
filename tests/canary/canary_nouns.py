"""Evidence, inputs and plans as the canary's tests want them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.canary import Inputs, Plan, Rollout, SideFacts, Terms, identified, plan_flow
from migrate.canary.buckets import HASH_RULE
from migrate.canary.nouns import Member
from migrate.canary.pooling import pooled
from migrate.evidence.policy import CLASSES
from migrate.vocabulary import Criticality, FlowEvidence, FlowMetric, FlowName, Money, Quantiles, Rate, Rung, RungRates


def metric(**changes: Any) -> FlowMetric:
    """The contract of a hundred cases, one more of them bad with the candidate."""
    usual = FlowMetric(
        name="contract", cases=100, baseline=0.98, candidate=0.97, excess=0.01, low=-0.02, high=0.04, margin=0.03,
        alpha=0.05, p=0.2, worse=2, better=1, missing=0, cases_needed=50,
    )  # fmt: skip
    return replace(usual, **changes)


def evidence(*metrics: FlowMetric, flow: str = "refund", simulated: bool = False) -> FlowEvidence:
    quantiles = Quantiles(900.0, 2000.0, (1500.0, 2600.0), 100, "live")
    return FlowEvidence(
        flow=FlowName(flow),
        baseline="gpt-4o",
        candidate="gpt-4.1-mini",
        cases=100,
        samples=500,
        verdicts={},
        rungs={Rung.SCHEMA: RungRates(Rate(495, 500), Rate(490, 500))},
        cost_baseline=Money("1"),
        cost_candidate=Money("0.4"),
        cost_ratio=0.4,
        latency_baseline=quantiles,
        latency_candidate=replace(quantiles, p50=700.0, p95=1800.0),
        groups=(),
        simulated=simulated,
        verdict="insufficient",
        metrics=metrics or (metric(),),
    )


def inputs(critical: Criticality = "medium", **changes: Any) -> Inputs:
    """A flow of 3,000 users and 6,000 calls a day."""
    stakes = CLASSES[critical]
    usual = Inputs(
        evidence=evidence(),
        critical=critical,
        margin=stakes.margin,
        alpha=stakes.alpha,
        power=stakes.power,
        requests_per_day=6000,
        users_per_day=3000,
        cached_share=0.8,
        baseline=SideFacts(500, 2000.0, 300.0, 0.02, 0.0190, 0.0130),
        candidate=SideFacts(500, 1800.0, 320.0, 0.02, 0.0152, 0.0080),
        run="20260115-100000-abcd",
    )
    return replace(usual, **changes)


def rollout(critical: Criticality = "medium", terms: Terms | None = None, **changes: Any) -> Rollout:
    return plan_flow(inputs(critical, **changes), terms or Terms())


def member(flow: str, critical: Criticality = "medium", terms: Terms | None = None, **changes: Any) -> Member:
    """A flow on its way into a pool."""
    changes.setdefault("evidence", evidence(flow=flow))
    return Member(inputs(critical, **changes), terms or Terms())


def pool(*members: Member, name: str = "support", terms: Terms | None = None) -> Rollout:
    """The plan of flows as one; refund and triage with a thousand users each unless others are given."""
    usual = [member(flow, users_per_day=1000, requests_per_day=2000) for flow in ("refund", "triage")]
    return plan_flow(pooled(name, members or usual), terms or Terms())


def plan(*rollouts: Rollout) -> Plan:
    made = rollouts or (rollout(),)
    return identified(Plan("", "2026-01-15", "prompt-migrate 0.1.0", HASH_RULE, 1, 0.1, made))


def schema_of(name: str) -> Any:
    path = Path(__file__).parents[2] / "migrate" / "schemas" / f"{name}.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))
