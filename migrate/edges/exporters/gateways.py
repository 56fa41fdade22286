"""A plan for a gateway: LiteLLM's configuration, and Kubernetes' Argo Rollouts and Gateway API.

LiteLLM and HTTPRoute draw lots per request, not per user; Argo Rollouts moves deployments, so the model must be a
setting of the deployment. Neither can fall back when an answer breaks its schema. The files say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrate.canary.nouns import Plan, Rollout, Stage

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
    info = {"plan_id": plan.plan_id, "note": PER_REQUEST}
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
    rows = document.get("model_list", []) if isinstance(document, dict) else []
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            own = [row.get("litellm_params", {}) for row in rows if row.get("model_name") == rollout.flow]
            weights = {row.get("model"): row.get("weight") for row in own}
            if weights.get(f"openai/{rollout.candidate}", 0) != percents(rollouts[rollout.flow]):
                yield f"{rollout.flow}: {rollout.candidate} has not the weight {percents(rollouts[rollout.flow])}"
            if sum(weight or 0 for weight in weights.values()) != HUNDRED:
                yield f"{rollout.flow}: the weights do not add up to {HUNDRED}"


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
    }
    return {"name": name, "annotations": notes}


def _analysis(plan: Plan, rollout: Rollout, name: str) -> dict[str, Any]:
    command = ["sh", "-c", f"prompt-migrate canary check /plan/plan.json /logs/*.jsonl --flow {rollout.flow}"]
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


def argo_flaws(documents: list[Any], plan: Plan) -> Iterator[str]:
    """Yield where Rollouts do not take the plan's steps; a misspelt key of a step would be ignored by Kubernetes."""
    found = {
        one["metadata"]["name"]: one for one in documents if isinstance(one, dict) and one.get("kind") == "Rollout"
    }
    checks = {one["metadata"]["name"] for one in documents if isinstance(one, dict) and one.get("kind") != "Rollout"}
    for rollout in plan.rollouts:
        if rollout.stages and rollout.verdict in STARTING:
            name = kubernetes_name(rollout.flow)
            steps = found.get(name, {}).get("spec", {}).get("strategy", {}).get("canary", {}).get("steps", [])
            wanted = [percents(stage) for stage in rollout.stages if stage.share_kind != "watch"]
            if [step["setWeight"] for step in steps if "setWeight" in step] != wanted:
                yield f"{rollout.flow}: the weights of the steps are not {wanted}"
            if any(set(step) - {"setWeight", "pause", "analysis"} for step in steps):
                yield f"{rollout.flow}: a step has a key that Argo Rollouts does not know"
            if f"{name}-check" not in checks:
                yield f"{rollout.flow}: the AnalysisTemplate {name}-check is missing"


def route_flaws(documents: list[Any], plan: Plan, rollouts: Mapping[str, Stage]) -> Iterator[str]:
    """Yield where HTTPRoutes do not split as planned."""
    found = {one["metadata"]["name"]: one for one in documents if isinstance(one, dict)}
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            name, share = kubernetes_name(rollout.flow), percents(rollouts[rollout.flow])
            rules = found.get(name, {}).get("spec", {}).get("rules", [{}])
            weights = [backend.get("weight") for backend in rules[0].get("backendRefs", [])]
            if weights != [share, HUNDRED - share]:
                yield f"{rollout.flow}: the weights are {weights}, not {[share, HUNDRED - share]}"


STARTING: Final = ("ready", "ready_modified")
