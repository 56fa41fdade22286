"""Routes as a configuration of the LiteLLM proxy: an alias for each flow, today's model behind it as the fallback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from migrate.edges.exporters.marks import SIMULATED
from migrate.edges.exporters.shapes import shape_flaws
from migrate.inert import inert
from migrate.rendering import parse_candidate
from migrate.routing import FlowRoute, RouteReport

PROVIDER: Final = "openai"
FALLBACK: Final = "today"


def litellm_config(report: RouteReport) -> str:
    """Return the configuration as YAML, the same bytes for equal routes.

    A proxy falls back on errors, full context windows and content policy, not on a broken schema or a judge's score: a
    cascade cannot be said in it, and is not.
    """
    document = {
        "model_list": [entry for route in report.flows for entry in _entries(route)],
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "fallbacks": [
                {route.trials.flow: [f"{route.trials.flow}-{FALLBACK}"]}
                for route in report.flows
                if route.verdict == "switch"
            ],
        },
    }
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return "".join(f"# {inert(line, keep_newlines=False)}\n" for line in _head(report)) + body


def _head(report: RouteReport) -> Iterator[str]:
    yield "Made by prompt-migrate route: ask for the flow's name as the model."
    if report.synthetic:
        yield f"SYNTHETIC: made from {report.source}, whose answers are made up. Not for production."
    if report.simulated:
        yield SIMULATED
    policy = report.policy
    yield f"Judged as of {policy.as_of.isoformat()}; a rollout of {policy.rollout_days} days ends {policy.ends}."
    yield "Fallbacks fire on errors alone, so cascades by schema or judge are not here: see --export json."
    for route in report.flows:
        yield f"{route.trials.flow}: {route.verdict}{_wording(route)}"


def _wording(route: FlowRoute) -> str:
    """Say that a switch was tried with another wording: a proxy changes the model alone."""
    variant = parse_candidate(route.model).variant if route.verdict == "switch" else None
    return "" if variant is None else f', with the prompt variant "{variant}", which the application must send'


def _entries(route: FlowRoute) -> Iterator[dict[str, Any]]:
    flow, today = route.trials.flow, route.trials.baseline
    yield _entry(flow, model_of(route))
    if route.verdict == "switch":
        yield _entry(f"{flow}-{FALLBACK}", today)


def _entry(alias: str, model: str) -> dict[str, Any]:
    return {"model_name": alias, "litellm_params": {"model": named(model), "weight": 1}}


def named(model: str) -> str:
    """Return a model with its provider; a name that says one keeps it."""
    return model if "/" in model else f"{PROVIDER}/{model}"


def model_of(route: FlowRoute) -> str:
    """Return the one model a flow goes to: a candidate's text may be a mapping or name a wording too."""
    if route.verdict != "switch":
        return route.trials.baseline
    return parse_candidate(route.model).model_for(route.trials.baseline)


def route_config_flaws(document: Any, report: RouteReport) -> Iterator[str]:
    """Yield where a configuration sends a flow elsewhere than its route says, or has nothing behind a switch."""
    shapes = list(shape_flaws(document, "litellm"))
    yield from shapes
    if shapes:
        return
    served: dict[str, list[str]] = {}
    for row in document["model_list"]:
        served.setdefault(row["model_name"], []).append(row["litellm_params"]["model"])
    fallbacks = {alias: models for entry in document["router_settings"]["fallbacks"] for alias, models in entry.items()}
    for route in report.flows:
        flow, wanted = route.trials.flow, [named(model_of(route))]
        if served.get(flow) != wanted:
            yield f"{flow} goes to {', '.join(served.get(flow, ['nothing']))}, its route is {wanted[0]}"
        behind = f"{flow}-{FALLBACK}"
        if route.verdict == "switch" and fallbacks.get(flow) != [behind]:
            yield f"{flow} switches, and {behind} is not behind it"
        if route.verdict == "switch" and served.get(behind) != [named(route.trials.baseline)]:
            yield f"{behind} is not {named(route.trials.baseline)}"
    known = {alias for route in report.flows for alias in (route.trials.flow, f"{route.trials.flow}-{FALLBACK}")}
    yield from (f"{alias} is no flow of these routes" for alias in served if alias not in known)
