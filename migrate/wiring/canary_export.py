"""A plan to the files of other programs, and those files read again and held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from migrate.canary import plan_document
from migrate.canary.buckets import flag_key, is_candidate
from migrate.canary.nouns import Plan, Stage
from migrate.edges.exporters.flags import flags, flaws
from migrate.edges.exporters.gateways import STARTING, argo, argo_flaws, http_route, litellm, litellm_flaws, route_flaws
from migrate.edges.exporters.shapes import kubernetes_flaws, shape_flaws
from migrate.errors import UsageProblem
from migrate.wiring.canary_check import wanted_flows

Target = Literal["flagd", "litellm", "argo", "httproute", "json"]
TARGETS: Final[tuple[Target, ...]] = ("flagd", "litellm", "argo", "httproute", "json")
USERS: Final = 20_000
"""Drawn by `--check`, to see that the split is the planned one and that nobody leaves when it grows."""


def _by_member(plan: Plan, stages: Mapping[str, Stage]) -> tuple[Plan, dict[str, Stage]]:
    """Return a plan with the members of its pools in their place, and each member's stage: that of its pool."""
    members = tuple(member for rollout in plan.rollouts for member in rollout.members)
    chosen = [rollout for rollout in plan.rollouts if rollout.flow in stages]
    return replace(plan, rollouts=members), {
        member.flow: stages[rollout.flow] for rollout in chosen for member in rollout.members
    }


def stages_of(plan: Plan, flows: Sequence[str], number: int) -> dict[str, Stage]:
    """Return the stage of each flow that is exported. Raises UsageProblem where there is none to export.

    A stage that a flow's ladder does not have is refused: its last one is all traffic.
    """
    ready = [rollout for rollout in wanted_flows(plan, flows) if rollout.verdict in STARTING]
    if not ready:
        verdicts = ", ".join(f"{one.flow} {one.verdict.replace('_', ' ')}" for one in wanted_flows(plan, flows))
        raise UsageProblem(f"plan {plan.plan_id} has no flow that may start: {verdicts}")
    short = [rollout for rollout in ready if number > len(rollout.stages)]
    if short:
        had = "; ".join(f"{rollout.flow} has stages 1 to {len(rollout.stages)}" for rollout in short)
        able = len(short) < len(ready)
        raise UsageProblem(
            f"--stage {number}: plan {plan.plan_id} has no such stage: {had}",
            hint="export the others alone, with --flow" if able else "",
        )
    return {rollout.flow: rollout.stages[number - 1] for rollout in ready}


def exported(plan: Plan, target: Target, stages: Mapping[str, Stage]) -> str:
    """Return the text of an export; the same plan gives the same bytes. A pool's members have each their own."""
    if target == "json":
        return _json(plan_document(plan))
    plan, stages = _by_member(plan, stages)
    rollouts = [rollout for rollout in plan.rollouts if rollout.flow in stages]
    match target:
        case "flagd":
            return _json(flags(plan, stages))
        case "litellm":
            return _yaml([litellm(plan, stages)])
        case "argo":
            return _yaml([part for rollout in rollouts for part in argo(plan, rollout)])
        case "httproute":
            return _yaml([http_route(plan, rollout, stages[rollout.flow]) for rollout in rollouts])


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _yaml(documents: Sequence[Any]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)


def export_flaws(plan: Plan, target: Target, stages: Mapping[str, Stage], path: Path) -> list[str]:
    """Return where a file is not what the plan says; empty when it splits the traffic as planned."""
    documents = _read(path, target)
    if target == "json":
        return [] if documents[0] == plan_document(plan) else ["it is not this plan"]
    plan, stages = _by_member(plan, stages)
    match target:
        case "flagd":
            return [*flaws(documents[0], plan, stages), *_split_flaws(plan, stages)]
        case "litellm":
            return list(shape_flaws(documents[0], "litellm")) or list(litellm_flaws(documents[0], plan, stages))
        case "argo":
            shapes = list(kubernetes_flaws(documents, ("Rollout", "AnalysisTemplate")))
            return shapes or list(argo_flaws(documents, plan, stages))
        case "httproute":
            return list(kubernetes_flaws(documents, ("HTTPRoute",))) or list(route_flaws(documents, plan, stages))


def _read(path: Path, target: Target) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = [json.loads(text)] if target in ("flagd", "json") else list(yaml.safe_load_all(text))
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UsageProblem(f"{path} is not what an export is: {str(error).splitlines()[0]}") from None
    return found or [None]


def _split_flaws(plan: Plan, stages: Mapping[str, Stage]) -> list[str]:
    """Draw the lots of many users by the plan's hash rule; three and a half standard errors are allowed."""
    found = []
    for rollout in plan.rollouts:
        if rollout.flow in stages:
            share, key = stages[rollout.flow].share, flag_key(rollout.flow, rollout.candidate)
            drawn = sum(is_candidate(key, f"user-{at}", share) for at in range(USERS))
            if abs(drawn - share * USERS) > 3.5 * (USERS * share * (1 - share)) ** 0.5 + 1:
                found.append(f"{rollout.flow}: of {USERS} users {drawn} would get the candidate")
    return found
