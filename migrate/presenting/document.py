"""A compared run as data: the JSON of `compare --json`, described by `schemas/compare.schema.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from migrate.presenting.numbers import decimal_text
from migrate.presenting.people import people_document
from migrate.reviewing import Companion, companions
from migrate.vocabulary import (
    CaseVerdict,
    FlowEvidence,
    FlowMetric,
    FlowTimes,
    Group,
    Json,
    Quantiles,
    Rate,
    Run,
    Rung,
    StepEvidence,
    ToleratedChange,
)

if TYPE_CHECKING:
    from migrate.evidence.rating import HumanEvidence

CLOCKS: Final = ("wall", "critical_path", "calls", "first_token")
FORMAT: Final = 1
"""1: the first form. Fields may be added within a format; one that is removed or changes meaning makes a new one."""


def compare_document(
    run: Run, evidence: Sequence[FlowEvidence], people: Sequence[HumanEvidence] = ()
) -> dict[str, Any]:
    """Return a run and its evidence as plain JSON values; money as exact decimal text, null for what is unknown."""
    heard = {(one.flow, one.candidate): people_document(one) for one in people}
    return {
        "format": FORMAT,
        "run": _run(run),
        "simulated": run.simulated or any(flow.simulated for flow in evidence),
        "flows": [_flow(flow) | {"people": heard.get((flow.flow, flow.candidate))} for flow in evidence],
    }


def _run(run: Run) -> Json:
    return {**asdict(run), "candidates": list(run.candidates), "accounts": dict(run.accounts)}


def _flow(flow: FlowEvidence) -> dict[str, Any]:
    return {
        "flow": flow.flow,
        "baseline": flow.baseline,
        "candidate": flow.candidate,
        "critical": flow.critical,
        "cases": flow.cases,
        "samples": flow.samples,
        "verdict": flow.verdict,
        "cases_needed": flow.cases_needed,
        "verdict_reason": "; ".join(flow.reasons),
        "metrics": [metric_document(metric) for metric in flow.metrics],
        "excluded": {why: list(cases) for why, cases in flow.excluded.items()},
        "verdicts": {verdict.value: flow.verdicts.get(verdict, 0) for verdict in CaseVerdict},
        "rungs": {rung.value: _rung(flow, rung) for rung in Rung},
        "cost_usd": {
            "baseline": flow.cost_baseline.usd,
            "candidate": flow.cost_candidate.usd,
            "ratio": decimal_text(flow.cost_ratio),
            "unknown": flow.cost_baseline.unknown + flow.cost_candidate.unknown,
        },
        "latency_ms": {
            "baseline": _latency(flow.latency_baseline),
            "candidate": _latency(flow.latency_candidate),
            "clocks": _clocks(flow),
        },
        "changed": [{"what": what, "cases": cases} for what, cases in flow.changed.items()],
        "tolerated": [_tolerated(one) for one in flow.tolerated],
        "steps": [_step(step) for step in flow.steps],
        "groups": _groups(flow.groups),
    }


def _clocks(flow: FlowEvidence) -> Json:
    if flow.times is None:
        return None
    sides = dict(zip(("baseline", "candidate"), map(times_document, flow.times), strict=True))
    return {clock: {name: told[clock] for name, told in sides.items()} for clock in CLOCKS}


def times_document(times: FlowTimes) -> dict[str, Json]:
    """Return how long one side of a flow takes by each clock, as plain JSON values."""
    return {clock: _latency(getattr(times, clock)) for clock in CLOCKS}


def _tolerated(one: ToleratedChange) -> Json:
    entry = one.entry
    return {
        "kind": one.kind.value,
        "path": one.path,
        "cases": list(one.cases),
        "breaking": one.breaking,
        "drifting": one.drifting,
        "expires": None if entry is None else entry.expires,
        "reason": None if entry is None else entry.reason,
        "place": None if entry is None or entry.place is None else str(replace(entry.place, path=None)),
    }


def _step(step: StepEvidence) -> Json:
    return {
        "step": step.step,
        "calls": {"baseline": step.calls_baseline, "candidate": step.calls_candidate},
        "cost_usd": {
            "baseline": step.cost_baseline.usd,
            "candidate": step.cost_candidate.usd,
            "ratio": decimal_text(step.cost_ratio),
            "unknown": step.cost_baseline.unknown + step.cost_candidate.unknown,
        },
        "latency_ms": {"baseline": _latency(step.latency_baseline), "candidate": _latency(step.latency_candidate)},
    }


def metric_document(metric: FlowMetric) -> dict[str, Any]:
    """Return one metric of a verdict as plain JSON values."""
    return {
        "name": metric.name,
        "cases": metric.cases,
        "baseline": metric.baseline,
        "candidate": metric.candidate,
        "excess": metric.excess,
        "low": metric.low,
        "high": metric.high,
        "margin": metric.margin,
        "alpha": metric.alpha,
        "p": metric.p,
        "worse": metric.worse,
        "better": metric.better,
        "missing": metric.missing,
        "cases_needed": metric.cases_needed,
        "planned_for": metric.planned_for,
    }


def _rung(flow: FlowEvidence, rung: Rung) -> Json:
    rates = flow.rungs.get(rung)
    return None if rates is None else {"baseline": _rate(rates.baseline), "candidate": _rate(rates.candidate)}


def _rate(rate: Rate) -> Json:
    return {"passed": rate.passed, "total": rate.total}


def _latency(side: Quantiles) -> Json:
    interval = None if side.p95_interval is None else list(side.p95_interval)
    return {"p50": side.p50, "p95": side.p95, "p95_interval": interval, "n": side.n, "source": side.source}


def _groups(groups: Sequence[Group]) -> list[Json]:
    mates = companions({group.id: group.cases for group in groups})
    return [_group(group, mates[group.id]) for group in groups]


def _group(group: Group, mates: Sequence[Companion]) -> Json:
    return {
        "id": group.id,
        "kind": group.kind.value,
        "severity": group.severity.value,
        "rung": group.rung.value,
        "path": group.path,
        "title": group.title,
        "cases": list(group.cases),
        "count": group.count,
        "shares_cases_with": [{"id": mate.id, "cases": mate.shared} for mate in mates],
    }
