"""A plan file and its logs to verdicts: the one place where both are opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from migrate.canary.counted import Counted, Log
from migrate.canary.judging import judge
from migrate.canary.nouns import Plan, Rollout
from migrate.canary.verdicts import Verdict
from migrate.edges.logs import count_log
from migrate.errors import UsageProblem, did_you_mean


def check_canary(
    plan: Plan, logs: Sequence[Path], *, flows: Sequence[str] = (), share: float | None = None
) -> tuple[Log, tuple[Verdict, ...]]:
    """Return the log and the verdicts of its flows. Raises UsageProblem where no line belongs to the plan."""
    wanted = wanted_flows(plan, flows)
    log = count_log(logs, plan, share=share)
    _refuse_foreign(plan, log, logs)
    begun = [rollout for rollout in wanted if _has_calls(log.flows[rollout.flow]) or flows]
    return log, tuple(judge(rollout, log.flows[rollout.flow]) for rollout in begun)


def wanted_flows(plan: Plan, flows: Iterable[str]) -> tuple[Rollout, ...]:
    """Return the plan's rollouts that were named, or all. Raises UsageProblem for a name it does not have."""
    names = [rollout.flow for rollout in plan.rollouts]
    for flow in flows:
        if flow not in names:
            pool = next((one.flow for one in plan.rollouts if any(own.flow == flow for own in one.strata)), None)
            if pool is not None:
                raise UsageProblem(f'flow "{flow}" is one rollout with its pool', hint=f"name the pool: --flow {pool}")
            gap = next((one for one in plan.unplanned if one.flow == flow), None)
            if gap is not None:
                raise UsageProblem(f"plan {plan.plan_id} could not plan {flow}: {gap.reason}", hint=gap.mend)
            hint = did_you_mean(flow, names) or f"it has {', '.join(names)}"
            raise UsageProblem(f'plan {plan.plan_id} has no flow "{flow}"', hint=hint)
    chosen = set(flows) or set(names)
    return tuple(rollout for rollout in plan.rollouts if rollout.flow in chosen)


def _has_calls(counted: Counted) -> bool:
    return bool(counted.hours or counted.unassigned)


def _refuse_foreign(plan: Plan, log: Log, logs: Sequence[Path]) -> None:
    """Raise UsageProblem for a log that says nothing of this plan: no verdict, not even a bad one."""
    if any(_has_calls(counted) for counted in log.flows.values()):
        return
    names = ", ".join(str(path) for path in logs)
    if not log.lines:
        raise UsageProblem(f"no verdict: {names} has no line yet")
    if log.other_plans:
        others = ", ".join(list(log.other_plans)[:3])
        raise UsageProblem(
            f"no verdict: no call in {names} is of plan {plan.plan_id}; they are of {others}",
            hint="the logs name the plan they ran under: check them against that plan's file",
        )
    if log.unreadable == log.lines:
        raise UsageProblem(
            f"no verdict: none of the {log.lines} lines of {names} is a call",
            hint="a call is a JSON object with at least ts (such as 2026-02-02T10:00:00Z), flow, plan_id, unit_id, "
            "assigned and share",
        )
    flows = ", ".join(rollout.flow for rollout in plan.rollouts)
    raise UsageProblem(f"no verdict: {names} has no call of the plan's flows ({flows})")
