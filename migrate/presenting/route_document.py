"""Routes as data: the JSON of `route --json`, described by `schemas/route.schema.json`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from migrate.presenting.document import metric_document
from migrate.presenting.routes import LEGEND, printed
from migrate.pricing import usd_text
from migrate.routing import Cascade, Cascades, Confirmed, Cost, FlowRoute, Interval, Option, Point, RouteReport
from migrate.vocabulary import Json

FORMAT: Final = 1


def route_document(report: RouteReport) -> dict[str, Any]:
    """Return routes as plain JSON values; money as decimal text, null for what is unknown."""
    policy = report.policy
    return {
        "format": FORMAT,
        "synthetic": report.synthetic,
        "simulated": report.simulated,
        "source": report.source,
        "note": report.note,
        "as_of": policy.as_of.isoformat(),
        "pinned": report.pinned,
        "rollout_days": policy.rollout_days,
        "rollout_ends": policy.ends.isoformat(),
        "order": "any" if policy.any_order else "fixed",
        "q": policy.q,
        "slower": policy.slower,
        "flows_tested": report.tested,
        "expected_wrong": report.expected_wrong,
        "legend": dict(LEGEND),
        "flows": [_flow(flow) for flow in report.flows],
    }


def _flow(route: FlowRoute) -> Json:
    trials, policy = route.trials, route.trials.policy
    return {
        "flow": trials.flow,
        "verdict": route.verdict,
        "model": route.model,
        "baseline": trials.baseline,
        "about": None if route.about is None else route.about.candidate,
        "critical": policy.critical,
        "margin": policy.margin,
        "alpha": policy.alpha,
        "requests_per_day": trials.traffic.requests_per_day,
        "cached_share": trials.traffic.cached_share,
        "saving_usd_month": _interval(route.saving_month),
        "risk": None if route.risk is None else _risk(route),
        "p95": None if route.about is None else _p95(route.about),
        "cases_needed": route.cases_needed,
        "more_cases": route.more_cases,
        "reasons": list(route.reasons),
        "printed": printed(route),
        "confirmed": None if route.confirmed is None else _confirmed(route.confirmed),
        "candidates": [_option(option) for option in route.options],
        "left_out": [
            {"candidate": one.candidate, "run": one.run or None, "why": one.why, "baseline": one.baseline or None}
            for one in trials.left_out
        ],
        "cascades": None if route.cascades is None else _cascades(route.cascades),
    }


def _risk(route: FlowRoute) -> Json:
    assert route.risk is not None
    return {"metric": route.risk.metric, "points": route.risk.points, "answers_a_day": route.risk.a_day}


def _option(option: Option) -> Json:
    return {
        "candidate": option.candidate,
        "models": list(option.trial.models),
        "run": option.trial.run or None,
        "standing": option.standing,
        "p": option.p,
        "p_adjusted": option.adjusted,
        "level": option.level,
        "metrics": [metric_document(metric) for metric in option.metrics],
        "cost": None if option.cost is None else _cost(option.cost),
        "p95": _p95(option),
        "leaves": None if option.leaves is None else option.leaves.isoformat(),
        "barred": list(option.barred),
        "cases_needed": option.cases_needed,
        "more_cases": option.more_cases,
        "reasons": list(option.reasons),
    }


def _cost(cost: Cost) -> Json:
    return {
        "baseline_usd": _usd(cost.baseline),
        "candidate_usd": _usd(cost.candidate),
        "ratio": cost.ratio,
        "saving_usd": _interval(cost.saving),
        "n": cost.cases,
    }


def _usd(amount: Decimal) -> str:
    return usd_text(amount)


def _p95(option: Option) -> Json:
    change = option.latency
    return {"ratio": change.ratio, "low": change.low, "high": change.high, "n": change.n, "source": change.source}


def _interval(interval: Interval | None) -> Json:
    return None if interval is None else {"value": interval.value, "low": interval.low, "high": interval.high}


def _confirmed(found: Confirmed) -> Json:
    return {
        "folds": found.folds,
        "same": found.same,
        "excess": _interval(found.excess),
        "saving_usd": _interval(found.saving),
        "n": found.cases,
    }


def _cascades(cascades: Cascades) -> Json:
    return {
        "curve": [_point(point) for point in cascades.curve],
        "best": None if cascades.best is None else _cascade(cascades.best),
        "left_out": cascades.left_out,
        "unseen": cascades.unseen,
    }


def _point(point: Point) -> Json:
    return {
        "tiers": list(point.rules.tiers),
        "tau": point.rules.tau,
        "n": point.cases,
        "good": point.good,
        "usd": point.usd,
        "excess": point.excess,
        "high": point.high,
        "agreement_high": point.agreement_high,
        "satisfactory": point.satisfactory,
        "efficient": point.efficient,
    }


def _cascade(cascade: Cascade) -> Json:
    even = cascade.break_even
    return {
        "point": _point(cascade.point),
        "answered": list(cascade.answered),
        "mean_ms": cascade.mean_ms,
        "p95_ms": cascade.p95_ms,
        "worst_ms": cascade.worst_ms,
        "precision": cascade.precision,
        "leak": cascade.leak,
        "break_even": {
            "tiers": list(even.tiers),
            "escalated": _interval(even.escalated),
            "limit": even.limit,
            "first_usd": even.first,
            "judge_usd": even.judge,
            "second_usd": even.second,
        },
        "confirmed": _confirmed(cascade.confirmed),
        "warnings": list(cascade.warnings),
    }
