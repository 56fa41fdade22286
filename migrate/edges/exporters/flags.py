"""A plan as flagd flags: one flag a flow and candidate, the candidate's weight first, so that a growing share keeps
everybody it has.

Three variants in one list would move users from one candidate to another when the first grows; one flag each does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrate.canary.buckets import WHOLE, flag_key, weight
from migrate.canary.nouns import Plan, Rollout, Stage
from migrate.edges.exporters.marks import marked

SCHEMA: Final = "https://flagd.dev/schema/v0/flags.json"


def flags(plan: Plan, rollouts: Mapping[str, Stage]) -> dict[str, Any]:
    """Return the flags of a plan's flows, each at one stage."""
    chosen = [rollout for rollout in plan.rollouts if rollout.flow in rollouts]
    return {
        "$schema": SCHEMA,
        "flags": {
            flag_key(rollout.flow, rollout.candidate): _flag(plan, rollout, rollouts[rollout.flow])
            for rollout in chosen
        },
        "metadata": {
            "plan_id": plan.plan_id,
            "hash_rule": plan.hash_rule,
            "tool": plan.tool,
            **marked("note", simulated=any(rollout.simulated for rollout in chosen)),
        },
    }


def _flag(plan: Plan, rollout: Rollout, stage: Stage) -> dict[str, Any]:
    share = weight(stage.share)
    # A weight of 0 is left out: what remains needs no drawing of lots.
    parts = [[rollout.candidate, share], [rollout.baseline, WHOLE - share]]
    by_user = {"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]}
    return {
        "state": "ENABLED",
        "variants": {rollout.baseline: rollout.baseline, rollout.candidate: rollout.candidate},
        "defaultVariant": rollout.baseline,
        "targeting": {"fractional": [by_user, *(part for part in parts if part[1])]},
        "metadata": {
            "plan_id": plan.plan_id,
            "version": plan.plan_id,
            "flow": rollout.flow,
            "share": stage.share,
            **marked("note", simulated=rollout.simulated),
        },
    }


def flaws(document: Any, plan: Plan, rollouts: Mapping[str, Stage]) -> Iterator[str]:
    """Yield what a file of flags has other than the plan: what flagd's own schema would not find as well."""
    found = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        yield "it has no flags"
        return
    for rollout in plan.rollouts:
        if rollout.flow in rollouts:
            key = flag_key(rollout.flow, rollout.candidate)
            if key not in found:
                yield f'flag "{key}" is missing'
            else:
                yield from _flag_flaws(key, found[key], rollout, rollouts[rollout.flow])


def _flag_flaws(key: str, flag: Any, rollout: Rollout, stage: Stage) -> Iterator[str]:
    variants = flag.get("variants", {}) if isinstance(flag, dict) else {}
    if flag.get("state") != "ENABLED":
        yield f'flag "{key}" is not enabled'
    if flag.get("defaultVariant") != rollout.baseline or rollout.baseline not in variants:
        yield f'flag "{key}" does not fall back to {rollout.baseline}'
    lots = flag.get("targeting", {}).get("fractional", [])
    weights = {part[0]: part[1] for part in lots[1:] if isinstance(part, list) and len(part) == 2}
    unknown = sorted(set(weights) - set(variants))
    if unknown:
        yield f'flag "{key}" draws lots for {", ".join(unknown)}, which are no variants'
    total = sum(weights.values())
    if not total or abs(weights.get(rollout.candidate, 0) / total - stage.share) > 1 / WHOLE:
        yield f'flag "{key}" does not give {rollout.candidate} {stage.share:.2%}'
    names = [part[0] for part in lots[1:]]
    if rollout.candidate in names and names[0] != rollout.candidate:
        yield f'flag "{key}" does not name {rollout.candidate} first: a growing share would move other users too'
