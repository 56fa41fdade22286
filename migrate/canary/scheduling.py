"""Several flows at once: who starts when, so that no day exposes more new traffic than the policy allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from migrate.canary.nouns import Rollout

STARTING = ("ready", "ready_modified")


def scheduled(rollouts: Sequence[Rollout], newly_exposed: float) -> tuple[Rollout, ...]:
    """Return the rollouts with the day each starts on; those that must not start keep day 0.

    In the order of saving times confidence; each at the first day from which none of its steps takes the traffic that
    is newly exposed on one day past the share `newly_exposed` of all flows' traffic. A flow that alone passes it has
    the day to itself.
    """
    total = sum(rollout.requests_per_day for rollout in rollouts)
    exposed: Counter[int] = Counter()
    starts: dict[tuple[str, str], int] = {}
    for rollout in sorted(rollouts, key=_rank):
        if rollout.verdict in STARTING:
            steps = _steps(rollout)
            # Past the last day that is taken every day fits.
            start = next(day for day in count() if _fits(exposed, steps, day, newly_exposed * total))
            for day, more in steps:
                exposed[start + day] += round(more)
            starts[rollout.flow, rollout.candidate] = start
    return tuple(replace(one, starts_on_day=starts.get((one.flow, one.candidate), 0)) for one in rollouts)


def _rank(rollout: Rollout) -> tuple[float, str]:
    saved = [stage.cost_per_day_warm or 0.0 for stage in rollout.stages[-1:]]
    confidence = 1 - min(max(rollout.excess_high or 1.0, 0.0), 1.0)
    return (saved[0] if saved else 0.0) * confidence, rollout.flow


def _steps(rollout: Rollout) -> list[tuple[int, float]]:
    """Return the days on which more traffic is exposed, and how many calls a day more."""
    steps, day, before = [], 0, 0.0
    for stage in rollout.stages:
        steps.append((day, (stage.share - before) * rollout.requests_per_day))
        day, before = day + stage.days, stage.share
    return steps


def _fits(exposed: Counter[int], steps: Sequence[tuple[int, float]], start: int, most: float) -> bool:
    return all(not exposed[start + day] or exposed[start + day] + more <= most for day, more in steps)
