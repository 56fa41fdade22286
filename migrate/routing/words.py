"""Why a route is what it is, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from migrate.evidence.latency import Change
from migrate.evidence.words import leaving, points
from migrate.routing.nouns import Cost, LeftOut, MoreCases, Option, RoutePolicy, Trial, Why

if TYPE_CHECKING:
    from migrate.routing.nouns import FlowTrials

SOON: Final = 180
"""Days after the rollout within which a model's leaving is worth a word."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A model that leaves, and its first day without."""

    model: str
    day: dt.date


def leaves(one: Leaving, policy: RoutePolicy) -> str:
    """Say why a model that leaves is no aim."""
    if one.day <= policy.as_of:
        return f"{one.model} left the API on {one.day.isoformat()}"
    return f"{one.model} leaves on {one.day.isoformat()}, before the rollout ends on {policy.ends.isoformat()}"


def leaves_soon(model: str, day: dt.date, policy: RoutePolicy) -> str:
    """Say that a model outlives the rollout, and not by much."""
    return f"{model} leaves on {day.isoformat()}, {(day - policy.ends).days} days after the rollout ends"


def no_later(one: Leaving, baseline: str, before: dt.date, policy: RoutePolicy) -> str:
    """Say that a model leaves when its baseline does, or before; empty where it stays longer."""
    days = ((one.day - policy.as_of).days, one.day.isoformat())
    return leaving(one.model, days, baseline, ((before - policy.as_of).days, before.isoformat()))


def other(option: Option) -> str:
    """Say where a candidate stands that the route is not about."""
    return f"{option.candidate}: {'; '.join(option.reasons[:2]) or standing(option)}"


def unpriced(trial: Trial) -> str:
    """Say why a candidate has no place among the others."""
    return f"not ranked: {trial.unpriced or 'the cost of a successful answer is not known'}"


def slower(change: Change, policy: RoutePolicy) -> str:
    """Say by how much a candidate is slower at least."""
    return f"p95 at least {change.low or 0:.2f} times the baseline's, {policy.slower:g} allowed (n {change.n})"


def waits(gate: Option) -> str:
    """Say which candidate has to be settled first."""
    return f"waits for {gate.candidate}, tested before it and {standing(gate)}"


def standing(option: Option) -> str:
    """Say where a candidate stands."""
    if option.barred:
        return "barred"
    return {
        "satisfactory": "satisfactory",
        "worse": "shown to be worse",
        "open": "not settled",
        "not_tested": "not tested",
    }[option.standing]


def dearer(candidate: str, cost: Cost) -> str:
    """Say how much more a candidate costs."""
    return f"{candidate} costs {cost.ratio or 0:.2f} times as much a successful answer"


def worse(option: Option) -> str:
    """Say that a candidate is shown to be worse."""
    return f"{option.candidate}: {option.reasons[0] if option.reasons else 'worse'}"


def help_of(more: MoreCases) -> str:
    """Say where more cases would not settle it."""
    if more == "will_not_help":
        return "more cases will not help: fix the prompt"
    if more == "cannot_reach_power":
        return "no number of cases reaches the power: it is too near the margin"
    return ""


def kept_apart(options: Sequence[Option]) -> Iterator[str]:
    """Say of each candidate that cannot be chosen why."""
    for option in options:
        for why in option.barred:
            yield f"{option.candidate}: {why}"


WHY: Final[dict[Why, str]] = {
    "no_answer": "no answer",
    "stale": "goldens are stale: record them again, then replay",
    "asked_otherwise": "the prompt changed since: replay again",
    "not_compared": "no case could be compared",
}


def left_out(found: Sequence[LeftOut]) -> Iterator[str]:
    """Say in one line which candidates were replayed and are not weighed, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        older = f"compared with {one.baseline}, an older baseline: replay again"
        by_reason.setdefault(WHY.get(one.why, older), []).append(one.candidate)
    if by_reason:
        yield "left out: " + "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())


def baseline_leaves(flow: FlowTrials, day: dt.date, policy: RoutePolicy) -> str:
    """Say that keeping is no answer for long."""
    when = "left" if day <= policy.as_of else "leaves"
    return f"{flow.baseline} {when} on {day.isoformat()}: keeping it is no answer past that day"


__all__ = ["Leaving", "points"]
