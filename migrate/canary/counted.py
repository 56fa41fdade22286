"""What a log of production calls comes down to: counts by hour, stage and side; everything a verdict may depend on.

A unit is a user or conversation, counted once in a stage however many calls it makes; its first bad answer of a kind is
the event. Hours are whole hours since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from migrate.canary.terms import MetricName

Arm = Literal["candidate", "control"]


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one side at one share."""

    hour: int
    share: float
    arm: Arm
    calls: int = 0
    bad_calls: int = 0
    units: int = 0
    """Seen here for the first time in this stage."""
    bad: Mapping[MetricName, int] = field(default_factory=dict)
    """Units whose first bad answer of a kind in this stage was given now."""
    missing: int = 0
    """Units first met now by a call of which nobody knows how it ended."""
    judged: int = 0
    """Units whose answer a judge looked at for the first time in this stage."""


@dataclass(frozen=True, slots=True)
class Event:
    """Units whose first bad answer of a kind, in the whole rollout, was given in this hour."""

    hour: int
    share: float
    arm: Arm
    metric: MetricName
    units: int
    half: int = 0
    """0 or 1 by a second hash of the unit: two halves of the control must look alike."""


@dataclass(frozen=True, slots=True)
class Served:
    """Calls that a model answered and that are not marked as a fallback."""

    arm: Arm
    model: str
    calls: int


@dataclass(frozen=True, slots=True)
class Side:
    """Latency, cost and feedback of one side, in the newest stage."""

    arm: Arm
    calls: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p95_low_ms: float | None = None
    p95_high_ms: float | None = None
    deciles_ms: tuple[float, ...] = ()
    """Latency that 1, 2, ... 9 of ten calls keep; empty where none is timed."""
    priced: int = 0
    mean_usd: float | None = None
    cost_groups: tuple[tuple[int, float], ...] = ()
    """Priced calls and their dollars, by group of units: what is drawn again for an interval of the mean."""
    cold_usd: float | None = None
    """Mean of calls that read nothing from the prompt cache."""
    warm_usd: float | None = None
    ratings: int = 0
    """Calls with a thumb, up or down."""
    half_units: tuple[int, int] = (0, 0)
    """Units by a second hash."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One flow's part of a log."""

    flow: str
    hours: tuple[Hour, ...] = ()
    events: tuple[Event, ...] = ()
    served: tuple[Served, ...] = ()
    sides: tuple[Side, ...] = ()
    unassigned: int = 0
    """Calls of the flow that do not say which side they were meant for."""
    crossed: int = 0
    """Units that were on both sides in one stage."""
    duplicates: int = 0
    clashing: int = 0
    """Of these, lines that have the id of another call: it took another time."""
    unnamed: int = 0
    """Calls that do not say whose they are, where users are counted."""
    late: int = 0
    """Outcomes that came as lines of their own and found their call."""
    fallbacks: int = 0
    """Calls that another model answered after the one they were meant for had failed; counted as failed."""
    simulated: bool = False
    strata: tuple[Counted, ...] = ()
    """Of a pool: the parts of its members, in the order of the plan."""
    lines: int = 0
    """Of the whole log, whatever flow they are of."""
    unreadable: int = 0
    """Lines of the whole log that are no calls, or have no time."""


def pooled_counts(name: str, strata: Sequence[Counted]) -> Counted:
    """Return a pool's part of a log: what its members have, added up, without quantiles that do not add up.

    A unit is counted in each member it meets: every member draws its side anew.
    """
    hours: dict[tuple[int, float, Arm], Hour] = {}
    for row in (row for one in strata for row in one.hours):
        key = (row.hour, row.share, row.arm)
        hours[key] = row if key not in hours else _added(hours[key], row)
    served: dict[tuple[Arm, str], int] = {}
    for answered in (answered for one in strata for answered in one.served):
        served[answered.arm, answered.model] = served.get((answered.arm, answered.model), 0) + answered.calls
    whole = ("unassigned", "crossed", "duplicates", "clashing", "unnamed", "late", "fallbacks")
    return Counted(
        flow=name,
        hours=tuple(sorted(hours.values(), key=lambda row: (row.hour, row.share, row.arm != "control"))),
        events=tuple(event for one in strata for event in one.events),
        served=tuple(Served(*key, calls) for key, calls in sorted(served.items())),
        **{count: sum(getattr(one, count) for one in strata) for count in whole},
        simulated=any(one.simulated for one in strata),
        strata=tuple(strata),
    )


def _added(one: Hour, other: Hour) -> Hour:
    kinds = dict(one.bad)
    for name, units in other.bad.items():
        kinds[name] = kinds.get(name, 0) + units
    return replace(
        one,
        calls=one.calls + other.calls,
        bad_calls=one.bad_calls + other.bad_calls,
        units=one.units + other.units,
        bad=kinds,
        missing=one.missing + other.missing,
        judged=one.judged + other.judged,
    )


@dataclass(frozen=True, slots=True)
class Log:
    """A log, counted."""

    flows: Mapping[str, Counted]
    lines: int
    unreadable: int
    other_plans: Mapping[str, int]
    """Calls that name another plan, or none, by the name; left out."""
    orphans: int = 0
    """Late outcomes whose call is not in the log."""
    missing_columns: tuple[str, ...] = ()
    """Columns of the format that no line has."""
