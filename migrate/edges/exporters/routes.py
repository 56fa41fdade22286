"""Routes as plain JSON for a program of one's own, described by `schemas/routes.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from migrate.rendering import parse_candidate
from migrate.routing import FlowRoute, RouteReport
from migrate.vocabulary import Json

FORMAT: Final = 1


def routes_json(report: RouteReport) -> str:
    """Return the decisions alone as JSON text, the same bytes for equal routes."""
    return json.dumps(routes_document(report), indent=2, allow_nan=False) + "\n"


def routes_document(report: RouteReport) -> dict[str, Any]:
    """Return the decisions alone as plain JSON values."""
    return {
        "format": FORMAT,
        "synthetic": report.synthetic,
        "simulated": report.simulated,
        "source": report.source,
        "as_of": report.policy.as_of.isoformat(),
        "rollout_ends": report.policy.ends.isoformat(),
        "routes": [_route(route) for route in report.flows],
    }


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


def routes_flaws(document: Any, report: RouteReport) -> Iterator[str]:
    """Yield where a file of routes decides otherwise than the evidence does now."""
    wanted = routes_document(report)
    if not isinstance(document, dict) or not isinstance(document.get("routes"), list):
        yield "it has no routes"
        return
    for key, value in wanted.items():
        if key != "routes" and document.get(key) != value:
            yield f"{key} is {document.get(key)!r}, now it is {value!r}"
    found = {one.get("flow"): one for one in document["routes"] if isinstance(one, dict)}
    for route in wanted["routes"]:
        own = found.pop(route["flow"], None)
        if own is None:
            yield f"{route['flow']} is missing"
        elif own != route:
            keys = [key for key in route if own.get(key) != route[key]] or ["it has keys of its own"]
            yield f"{route['flow']}: {', '.join(f'{key} is {own.get(key)!r}, now {route.get(key)!r}' for key in keys)}"
    yield from (f"{flow} is no flow of these routes" for flow in found)
