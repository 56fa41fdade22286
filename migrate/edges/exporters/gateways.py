"""A plan for a gateway: LiteLLM's configuration, and Kubernetes' Argo Rollouts and Gateway API.

LiteLLM and HTTPRoute draw lots per request, not per user; Argo Rollouts moves deployments, so the model must be a
setting of the deployment. Neither can fall back when an answer breaks its schema. The files say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrate.canary.nouns import Plan, Rollout, Stage
from migrate.edges.exporters.marks import marked

PER_REQUEST: Final = "weights hold per request, not per user: a user may get both models"
HUNDRED: Final = 100


def litellm(plan: Plan, rollouts: Mapping[str, Stage]) -> dict[str, Any]:
    """Return a LiteLLM proxy configuration: an alias a flow, two deployments with whole weights, errors fall back."""
    chosen = [rollout for rollout in plan.rollouts if rollout.flow in rollouts]
    return {
        "model_list": [row for rollout in chosen for row in _deployments(plan, rollout, rollouts[rollout.flow])],
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "optional_pre_call_checks": ["session_affinity"],
            "fallbacks": [{rollout.flow: [f"{rollout.flow}-baseline"]} for rollout in chosen],
        },
    }


def _deployments(plan: Plan, rollout: Rollout, stage: Stage) -> Iterator[dict[str, Any]]:
    info = {"plan_id": plan.plan_id, "note": PER_REQUEST, **marked("simulated", simulated=rollout.simulated)}
    for model, weight in ((rollout.candidate, percents(stage)), (rollout.baseline, HUNDRED - percents(stage))):
        if weight:
            parameters = {"model": f"openai/{model}", "weight": weight}
            yield {"model_name": rollout.flow, "litellm_params": parameters, "model_info": info}
    yield {
        "model_name": f"{rollout.flow}-baseline",
        "litellm_params": {"model": f"openai/{rollout.baseline}"},
        "model_info": info,
    }


def litellm_flaws(document: Any, plan: Plan, rollouts: Mapping[str, Stage]) -> Iterator[str]:
    """Yield where a configuration does not split as planned."""
    rows, fallbacks = document["model_list"], document["router_settings"]["fallbacks"]
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            share, behind = percents(rollouts[rollout.flow]), f"{rollout.flow}-baseline"
            own = [row["litellm_params"] for row in rows if row["model_name"] == rollout.flow]
            weights = {row["model"]: row.get("weight") for row in own}
            wanted = {f"openai/{rollout.candidate}": share, f"openai/{rollout.baseline}": HUNDRED - share}
            if weights != {model: weight for model, weight in wanted.items() if weight}:
                yield f"{rollout.flow}: the weights are {weights}, not {wanted}"
            if {rollout.flow: [behind]} not in fallbacks or not any(row["model_name"] == behind for row in rows):
                yield f"{rollout.flow}: nothing is behind it where the candidate fails: no fallback to {behind}"


def percents(stage: Stage) -> int:
    """Return a share as whole percents, as Kubernetes and gateways take it; a candidate never gets 0."""
    return max(round(stage.share * HUNDRED), 1)


def argo(plan: Plan, rollout: Rollout) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a Rollout with a step a stage, and the AnalysisTemplate that asks `canary check` at its end."""
    name = kubernetes_name(rollout.flow)
    labels = {"app": name}
    steps: list[dict[str, Any]] = []
    for stage in rollout.stages:
        if stage.share_kind != "watch":
            analysis = {"templates": [{"templateName": f"{name}-check"}]}
            steps += [
                {"setWeight": percents(stage)},
                {"pause": {} if stage.human_gate else {"duration": f"{stage.days * 24}h"}},
                {"analysis": analysis},
            ]
    container = {"name": "gateway", "image": "REPLACE-ME", "env": [{"name": "MODEL", "value": rollout.candidate}]}
    made = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": _metadata(plan, rollout, name),
        "spec": {
            "replicas": 20,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            "strategy": {"canary": {"steps": steps}},
        },
    }
    return made, _analysis(plan, rollout, name)


def _metadata(plan: Plan, rollout: Rollout, name: str) -> dict[str, Any]:
    notes = {
        "prompt-migrate/plan-id": plan.plan_id,
        "prompt-migrate/flow": rollout.flow,
        "prompt-migrate/limit": "the model must be a setting of the deployment; pods answer, not users",
        **marked("prompt-migrate/simulated", simulated=rollout.simulated),
    }
    return {"name": name, "annotations": notes}


def _analysis(plan: Plan, rollout: Rollout, name: str) -> dict[str, Any]:
    command = [
        "sh",
        "-c",
        f"prompt-migrate canary check /plan/plan.json /logs/*.jsonl --flow {rollout.pool or rollout.flow}",
    ]
    container = {"name": "check", "image": "REPLACE-ME", "command": command}
    job = {"spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    metric = {"name": "canary-check", "failureLimit": 0, "provider": {"job": job}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": _metadata(plan, rollout, f"{name}-check"),
        "spec": {"metrics": [metric]},
    }


def http_route(plan: Plan, rollout: Rollout, stage: Stage) -> dict[str, Any]:
    """Return an HTTPRoute of the Gateway API with both models' services, weighted."""
    name, share = kubernetes_name(rollout.flow), percents(stage)
    backends = [
        {"name": f"{name}-candidate", "port": 80, "weight": share},
        {"name": f"{name}-baseline", "port": 80, "weight": HUNDRED - share},
    ]
    made = _metadata(plan, rollout, name)
    made["annotations"]["prompt-migrate/limit"] = PER_REQUEST
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": made,
        "spec": {"parentRefs": [{"name": "REPLACE-ME"}], "rules": [{"backendRefs": backends}]},
    }


def kubernetes_name(flow: str) -> str:
    """Return a flow's name as Kubernetes takes names: small letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", flow.lower()).strip("-") or "flow"


def argo_flaws(documents: list[Any], plan: Plan, rollouts: Mapping[str, Stage]) -> Iterator[str]:
    """Yield where Rollouts do not take the plan's steps, or do not ask for its verdict after each."""
    found = {(one["kind"], one["metadata"]["name"]): one for one in documents}
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            wanted, template = argo(plan, rollout)
            name = kubernetes_name(rollout.flow)
            steps = found.get(("Rollout", name), {}).get("spec", {}).get("strategy", {}).get("canary", {}).get("steps")
            planned = wanted["spec"]["strategy"]["canary"]["steps"]
            if steps is None:
                yield f"{rollout.flow}: the Rollout {name} is missing"
            elif steps != planned:
                yield f"{rollout.flow}: {_first_difference(steps, planned)}"
            asks = found.get(("AnalysisTemplate", f"{name}-check"))
            if asks is None:
                yield f"{rollout.flow}: the AnalysisTemplate {name}-check is missing"
            elif _command(asks) != _command(template):
                yield f"{rollout.flow}: the AnalysisTemplate {name}-check does not ask canary check for this flow"


def _first_difference(steps: list[Any], planned: list[Any]) -> str:
    if len(steps) != len(planned):
        return f"it has {len(steps)} steps, the plan has {len(planned)}"
    at = next(place for place, (one, other) in enumerate(zip(steps, planned, strict=True)) if one != other)
    return f"step {at + 1} is {steps[at]}, the plan has {planned[at]}"


def _command(template: dict[str, Any]) -> str:
    """Return the prompt-migrate command of an AnalysisTemplate's job; its image and files are the user's own."""
    job = template["spec"]["metrics"][0]["provider"]["job"]["spec"]
    containers = job.get("template", {}).get("spec", {}).get("containers", [])
    words = " ".join(str(word) for one in containers for word in one.get("command", ())).split()
    flow = words[words.index("--flow") + 1] if "--flow" in words[:-1] else ""
    return f"{'canary check' if 'canary' in words and 'check' in words else ''} {flow}"


def route_flaws(documents: list[Any], plan: Plan, rollouts: Mapping[str, Stage]) -> Iterator[str]:
    """Yield where HTTPRoutes do not split as planned."""
    found = {one["metadata"]["name"]: one for one in documents}
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            name, share = kubernetes_name(rollout.flow), percents(rollouts[rollout.flow])
            if name not in found:
                yield f"{rollout.flow}: the HTTPRoute {name} is missing"
                continue
            wanted = {f"{name}-candidate": share, f"{name}-baseline": HUNDRED - share}
            for rule in found[name]["spec"]["rules"]:
                weights = {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}
                if weights != wanted:
                    yield f"{rollout.flow}: the weights are {weights}, not {wanted}"


STARTING: Final = ("ready", "ready_modified")
