"""Where the figures of a canary have their numbers in the documents of `canary plan` and `canary check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OF_A_PLAN: Final[Mapping[str, str]] = {
    "seed": "behaviour",
    "newly_exposed": "duration",
    "claims": "together",
    "flows.evidence": "offline",
    "flows.margin": "given",
    "flows.alpha": "given",
    "flows.power": "given",
    "flows.units_per_day": "duration",
    "flows.requests_per_day": "duration",
    "flows.unfavourable_excess": "first_share",
    "flows.first_share": "first_share",
    "flows.budget": "budget",
    "flows.starts_on_day": "duration",
    "flows.days": "duration",
    "flows.mirrored_cases": "offline",
    "flows.reachable_margin": "reachable",
    "flows.judge": "given",
    "flows.latency": "latency",
    "flows.metrics": "rates",
    "flows.metrics.margin": "gate",
    "flows.metrics.r0": "evidence",
    "flows.metrics.weight": "evidence",
    "flows.stages.share": "first_share",
    "flows.stages.margin": "gate",
    "flows.stages.n_candidate": "size",
    "flows.stages.n_control": "size",
    "flows.stages.requests": "duration",
    "flows.stages.days_exact": "duration",
    "flows.stages.days": "duration",
    "flows.stages.ends_not_before": "duration",
    "flows.stages.power_exact": "power",
    "flows.stages.expected_bad": "exposure",
    "flows.stages.budget_used": "exposure",
    "flows.stages.cost_delta_per_day": "money",
    "flows.stages.rollback": "evidence",
    "flows.stages.caps": "cap",
    "flows.stages.promote": "gate",
    "flows.stages.promote.early": "early",
    "flows.operating_characteristics": "behaviour",
    "flows.strata": "pool",
    "flows.strata.metrics": "rates",
    "flows.strata.metrics.margin": "gate",
    "flows.strata.metrics.r0": "evidence",
    "flows.strata.metrics.weight": "evidence",
    "flows.strata.rollback": "pool",
}
_OF_A_CHECK: Final[Mapping[str, str]] = {
    "log": "counts",
    "together": "together",
    "flows.stage": "first_share",
    "flows.share": "first_share",
    "flows.evidence.e": "evidence",
    "flows.evidence.threshold": "evidence",
    "flows.evidence.cap_e": "cap",
    "flows.budget": "budget",
    "flows.mismatch": "mismatch",
    "flows.missing": "gate",
    "flows.metrics.candidate": "gate",
    "flows.metrics.control": "gate",
    "flows.metrics.excess": "gate",
    "flows.metrics.upper": "gate",
    "flows.metrics.margin": "gate",
    "flows.metrics.e": "evidence",
    "flows.metrics.threshold": "evidence",
    "flows.metrics.e_control_halves": "halves",
    "flows.looks": "gate",
    "flows.early": "early",
    "flows.sides.calls": "counts",
    "flows.sides.ratings": "counts",
    "flows.sides.latency_ms": "latency",
    "flows.sides.cost_usd": "money",
    "flows.counts": "counts",
    "flows.path": "evidence",
    "flows.strata": "pool",
}
_KEYS_OF_A_PLAN: Final[Mapping[str, str]] = {
    "claims": "q of",
    "flows.evidence": "cases excess low high p",
    "flows.budget": "total per_day",
    "flows.judge": "sensitivity specificity candidate_sampled control_sampled",
    "flows.latency": "p50_delta p95_delta ci n",
    "flows.metrics": "rate upper call_rate limit",
    "flows.stages.expected_bad": "equal at_margin",
    "flows.stages.cost_delta_per_day": "cold_cache warm_cache",
    "flows.stages.rollback": "alpha r0 table",
    "flows.strata.rollback": "table",
    "flows.stages.promote": "level levels looks",
    "flows.operating_characteristics": "excess rollouts promoted rolled_back overspent rolled_back_by_member held days "
    "bad_answers",
    "flows.operating_characteristics.bad_answers": "mean p95",
}
"""Keys under a place, so that they may be asked for without it."""
_KEYS_OF_A_CHECK: Final[Mapping[str, str]] = {
    "log": "lines unreadable other_plans orphans",
    "together": "q pooled_e stratified_e",
    "flows.budget": "spent total",
    "flows.metrics.candidate": "bad units",
    "flows.metrics.control": "bad units",
    "flows.mismatch": "p e",
    "flows.looks": "number candidate_units control_units",
    "flows.sides.latency_ms": "p50 p95 p95_interval deciles",
    "flows.sides.cost_usd": "calls mean interval cold_cache warm_cache",
    "flows.counts": "calls unassigned crossed duplicates clashing unnamed late fallbacks",
}


def _with_keys(places: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    found = dict(places)
    for place, under in keys.items():
        start = place if place in places else place.rpartition(".")[0]
        found |= {f"{place}.{key}": places[start] for key in under.split() if f"{place}.{key}" not in places}
    return found


PLAN_PLACES: Final[Mapping[str, str]] = _with_keys(_OF_A_PLAN, _KEYS_OF_A_PLAN)
"""Start of a place in a plan to its figure; the longest start holds."""
CHECK_PLACES: Final[Mapping[str, str]] = _with_keys(_OF_A_CHECK, _KEYS_OF_A_CHECK)
"""The same in a check."""
