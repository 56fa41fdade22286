"""A plan as data and back: the JSON of `canary plan`, described by `schemas/canary-plan.schema.json`.

Floats are kept with ten significant digits, so that equal inputs give equal bytes wherever they are planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from migrate.canary.nouns import Behaviour, Claims, Early, Metric, Plan, Rollout, Stage, Stratum, Table, Unplanned
from migrate.canary.terms import Judge
from migrate.canonical import digest_json
from migrate.vocabulary import Json, JsonObject

FORMAT: Final = 1
"""1: the first form. Fields may be added within a format; one that is removed or changes meaning makes a new one."""


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain JSON values."""
    return {
        "format": FORMAT,
        "plan_id": plan.plan_id,
        "as_of": plan.as_of,
        "tool": plan.tool,
        "hash_rule": plan.hash_rule,
        "seed": plan.seed,
        "newly_exposed": _float(plan.newly_exposed),
        "flows": [_rollout(rollout) for rollout in plan.rollouts],
        "claims": None if plan.claims is None else {**asdict(plan.claims), "flows": list(plan.claims.flows)},
        "unplanned": [asdict(one) for one in plan.unplanned],
    }


def identified(plan: Plan) -> Plan:
    """Return the plan with the id that its content has: a hash of all the rest."""
    return replace(plan, plan_id=identity(plan_document(plan)))


def identity(document: JsonObject) -> str:
    """Return the id of a plan's document, whatever id it carries."""
    return digest_json({key: value for key, value in document.items() if key != "plan_id"})[:12]


def _float(value: float) -> float:
    return float(f"{value:.10g}")


def _maybe(value: float | None) -> float | None:
    return None if value is None else _float(value)


def _rollout(rollout: Rollout) -> Json:
    interval = rollout.latency_p95_interval_ms
    return {
        "flow": rollout.flow,
        "baseline": rollout.baseline,
        "candidate": rollout.candidate,
        "critical": rollout.critical,
        "verdict": rollout.verdict,
        "reasons": list(rollout.reasons),
        "doubts": list(rollout.doubts),
        "lacks": rollout.lacks,
        "assumptions": list(rollout.assumptions),
        "simulated": rollout.simulated,
        "evidence": {
            "run": rollout.run,
            "cases": rollout.cases,
            "p": _maybe(rollout.p),
            "excess": _maybe(rollout.excess),
            "low": _maybe(rollout.excess_low),
            "high": _maybe(rollout.excess_high),
        },
        "margin": _float(rollout.margin),
        "alpha": _float(rollout.alpha),
        "power": _float(rollout.power),
        "units": rollout.units,
        "units_per_day": _float(rollout.units_per_day),
        "requests_per_day": _float(rollout.requests_per_day),
        "unfavourable_excess": _float(rollout.unfavourable),
        "first_share": _float(rollout.first_share),
        "budget": {"total": _float(rollout.budget), "per_day": _float(rollout.budget_per_day)},
        "starts_on_day": rollout.starts_on_day,
        "days": rollout.days,
        "mirrored_cases": rollout.mirrored_cases,
        "reachable_margin": _maybe(rollout.reachable_margin),
        "spending": rollout.spending,
        "judge": None if rollout.judge is None else _judge(rollout.judge),
        "latency": {
            "p50_delta": _maybe(rollout.latency_p50_delta_ms),
            "p95_delta": _maybe(rollout.latency_p95_delta_ms),
            "ci": None if interval is None else [_maybe(bound) for bound in interval],
            "n": rollout.latency_n,
        },
        "metrics": [_metric(metric) for metric in rollout.metrics],
        "stages": [_stage(stage, rollout) for stage in rollout.stages],
        "operating_characteristics": [_behaviour(row) for row in rollout.behaviour],
        "strata": [_stratum(stratum, rollout) for stratum in rollout.strata],
    }


def _stratum(stratum: Stratum, rollout: Rollout) -> Json:
    alpha = rollout.alpha * rollout.member_part * stratum.bad.weight
    return {
        "flow": stratum.flow,
        "units_per_day": _float(stratum.units_per_day),
        "requests_per_day": _float(stratum.requests_per_day),
        "evidence": {
            "cases": stratum.cases,
            "excess": _maybe(stratum.excess),
            "low": _maybe(stratum.excess_low),
            "high": _maybe(stratum.excess_high),
        },
        "metrics": [_metric(metric) for metric in stratum.metrics],
        "rollback": [
            {"share": _float(share), "alpha": _float(alpha), "table": _rows(table)} for share, table in stratum.stops
        ],
    }


def _judge(judge: Judge) -> Json:
    return {
        "sensitivity": judge.sensitivity,
        "specificity": judge.specificity,
        "candidate_sampled": judge.candidate_sampled,
        "control_sampled": judge.control_sampled,
    }


def _metric(metric: Metric) -> Json:
    return {
        "name": metric.name,
        "hard": metric.hard,
        "rate": _float(metric.rate),
        "upper": _float(metric.upper),
        "call_rate": _float(metric.call_rate),
        "margin": _float(metric.margin),
        "r0": _float(metric.r0),
        "weight": _float(metric.weight),
        "limit": _maybe(metric.limit),
        "source": metric.source,
    }


def _stage(stage: Stage, rollout: Rollout) -> Json:
    return {
        "share": _float(stage.share),
        "share_kind": stage.share_kind,
        "margin": _float(stage.margin),
        "n_candidate": stage.n_candidate,
        "n_control": stage.n_control,
        "requests": stage.requests,
        "days_exact": _float(stage.days_exact),
        "days": stage.days,
        "ends_not_before": stage.ends_not_before,
        "power_exact": _maybe(stage.power_exact),
        "expected_bad": {"equal": _float(stage.expected_bad_equal), "at_margin": _float(stage.expected_bad_at_margin)},
        "budget_used": _float(stage.budget_used),
        "cost_delta_per_day": {
            "cold_cache": _maybe(stage.cost_per_day_cold),
            "warm_cache": _maybe(stage.cost_per_day_warm),
        },
        "rollback": [
            {
                "metric": metric.name,
                "alpha": _float(rollout.alpha * metric.weight),
                "r0": _float(metric.r0),
                "table": _rows(stage.rollback[metric.name]),
            }
            for metric in rollout.metrics
            if metric.name in stage.rollback
        ],
        "caps": {"share": _float(stage.cap), "table": _rows(stage.caps)},
        "promote": None
        if not stage.looks
        else {
            "test": "one-sided Newcombe bound",
            "level": _maybe(stage.level),
            "looks": stage.looks,
            "levels": [_float(level) for level in stage.levels],
            "early": None if stage.early is None else _early(stage.early),
        },
        "human_gate": stage.human_gate,
    }


def _early(early: Early) -> Json:
    return {"e": _float(early.e), "days": early.days, "r0": {name: _float(r0) for name, r0 in early.r0.items()}}


def _rows(table: Table) -> Json:
    return [[m, k] for m, k in table]


def _behaviour(row: Behaviour) -> Json:
    return {
        "excess": _float(row.excess),
        "harmed": row.harmed or None,
        "rollouts": row.rollouts,
        "promoted": _float(row.promoted),
        "rolled_back": _float(row.rolled_back),
        "overspent": _float(row.overspent),
        "rolled_back_by_member": {flow: _float(share) for flow, share in row.by_member.items()},
        "held": _float(row.held),
        "days": _float(row.days),
        "bad_answers": {"mean": _float(row.bad_mean), "p95": _float(row.bad_p95)},
    }


# --- and back ---


def plan_of(document: JsonObject) -> Plan:
    """Return the plan of a document that keeps the published schema."""
    return Plan(
        plan_id=document["plan_id"],
        as_of=document["as_of"],
        tool=document["tool"],
        hash_rule=document["hash_rule"],
        seed=document["seed"],
        newly_exposed=document["newly_exposed"],
        rollouts=tuple(_read_rollout(flow) for flow in document["flows"]),
        claims=_read_claims(document.get("claims")),
        unplanned=tuple(Unplanned(**one) for one in document.get("unplanned", ())),
    )


def _read_claims(claims: Any) -> Claims | None:
    return None if claims is None else Claims(**{**claims, "flows": tuple(claims["flows"])})


def _read_rollout(flow: Mapping[str, Any]) -> Rollout:
    evidence, budget, latency = flow["evidence"], flow["budget"], flow["latency"]
    same = ("flow", "baseline", "candidate", "critical", "verdict", "simulated", "margin", "alpha", "power", "units")
    more = ("units_per_day", "requests_per_day", "first_share", "starts_on_day", "mirrored_cases", "reachable_margin")
    return Rollout(
        **{key: flow[key] for key in (*same, *more)},
        reasons=tuple(flow["reasons"]),
        assumptions=tuple(flow["assumptions"]),
        run=evidence["run"],
        cases=evidence["cases"],
        p=evidence.get("p"),
        spending=flow.get("spending", "bonferroni"),
        excess=evidence["excess"],
        excess_low=evidence["low"],
        excess_high=evidence["high"],
        unfavourable=flow["unfavourable_excess"],
        budget=budget["total"],
        budget_per_day=budget["per_day"],
        judge=None if flow["judge"] is None else Judge(**flow["judge"]),
        latency_p50_delta_ms=latency["p50_delta"],
        latency_p95_delta_ms=latency["p95_delta"],
        latency_p95_interval_ms=None if latency["ci"] is None else (latency["ci"][0], latency["ci"][1]),
        latency_n=latency["n"],
        metrics=tuple(Metric(**metric) for metric in flow["metrics"]),
        stages=tuple(_read_stage(stage) for stage in flow["stages"]),
        behaviour=tuple(_read_behaviour(row) for row in flow["operating_characteristics"]),
        strata=tuple(_read_stratum(stratum) for stratum in flow.get("strata", ())),
        doubts=tuple(flow.get("doubts", ())),
        lacks=flow.get("lacks"),
    )


def _read_stratum(stratum: Mapping[str, Any]) -> Stratum:
    evidence = stratum["evidence"]
    return Stratum(
        flow=stratum["flow"],
        units_per_day=stratum["units_per_day"],
        requests_per_day=stratum["requests_per_day"],
        cases=evidence["cases"],
        excess=evidence["excess"],
        excess_low=evidence["low"],
        excess_high=evidence["high"],
        metrics=tuple(Metric(**metric) for metric in stratum["metrics"]),
        stops=tuple((stop["share"], _table(stop["table"])) for stop in stratum.get("rollback", ())),
    )


def _read_stage(row: Mapping[str, Any]) -> Stage:
    same = ("share", "share_kind", "margin", "n_candidate", "n_control", "requests", "days_exact", "days")
    more = ("ends_not_before", "power_exact", "budget_used", "human_gate")
    promote = row["promote"] or {"looks": 0, "level": None}
    return Stage(
        **{key: row[key] for key in (*same, *more)},
        expected_bad_equal=row["expected_bad"]["equal"],
        expected_bad_at_margin=row["expected_bad"]["at_margin"],
        cost_per_day_cold=row["cost_delta_per_day"]["cold_cache"],
        cost_per_day_warm=row["cost_delta_per_day"]["warm_cache"],
        rollback={stop["metric"]: _table(stop["table"]) for stop in row["rollback"]},
        cap=row["caps"]["share"],
        caps=_table(row["caps"]["table"]),
        looks=promote["looks"],
        level=promote["level"],
        levels=tuple(promote.get("levels", ())),
        early=None if promote.get("early") is None else Early(**promote["early"]),
    )


def _table(rows: Any) -> Table:
    return tuple((m, k) for m, k in rows)


def _read_behaviour(row: Mapping[str, Any]) -> Behaviour:
    same = ("excess", "rollouts", "promoted", "rolled_back", "held", "days")
    shown = row["bad_answers"]
    return Behaviour(
        **{key: row[key] for key in same},
        bad_mean=shown["mean"],
        bad_p95=shown["p95"],
        overspent=row.get("overspent", 0.0),
        harmed=row.get("harmed") or "",
        by_member=row.get("rolled_back_by_member", {}),
    )
