"""Routes as plain JSON for a program of one's own, described by `schemas/routes.schema.json`."""

from __future__ import annotations

import json
from typing import Any, Final

from migrate.rendering import parse_candidate
from migrate.routing import FlowRoute, RouteReport
from migrate.vocabulary import Json

FORMAT: Final = 1


def routes_json(report: RouteReport) -> str:
    """Return the decisions alone as JSON text, the same bytes for equal routes."""
    document = {
        "format": FORMAT,
        "synthetic": report.synthetic,
        "simulated": report.simulated,
        "source": report.source,
        "as_of": report.policy.as_of.isoformat(),
        "rollout_ends": report.policy.ends.isoformat(),
        "routes": [_route(route) for route in report.flows],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _route(route: FlowRoute) -> dict[str, Any]:
    switched = route.verdict == "switch"
    candidate = parse_candidate(route.model) if switched else None
    model = route.trials.baseline if candidate is None else candidate.model_for(route.trials.baseline)
    return {
        "flow": route.trials.flow,
        "verdict": route.verdict,
        "model": model,
        "candidate": route.model if switched else None,
        "variant": None if candidate is None else candidate.variant,
        "fallback": route.trials.baseline if switched else None,
        "cascade": _cascade(route),
    }


def _cascade(route: FlowRoute) -> Json:
    """Return the cascade whose bounds are within the margin, with the signals that pass an answer on; null: none."""
    best = None if route.cascades is None else route.cascades.best
    if best is None or not best.point.satisfactory:
        return None
    rules = best.point.rules
    return {
        "tiers": list(rules.tiers),
        "escalate_if": ["schema", "length", "refusal", "empty", *([] if rules.tau is None else ["judge"])],
        "judge_below": rules.tau,
    }
