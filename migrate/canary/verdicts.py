"""The nouns of a check: a verdict with every number it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from migrate.canary.terms import MetricName

Word = Literal["promote", "hold", "rollback", "observe", "unusable"]
Why = Literal[
    "gate_passed", "passed_early", "held_back_long_enough", "nothing_drifts", "evidence", "cap", "budget", "member",
    "data_invalid", "both_arms_degraded", "not_enough", "missing_outcomes", "inconclusive", "human_gate", "drift",
    "no_calls", "no_control",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric as the log has it, in the newest stage."""

    name: MetricName
    hard: bool
    candidate_bad: int
    candidate_units: int
    control_bad: int
    control_units: int
    excess: float | None
    upper: float | None
    """One-sided bound of the excess, at the level of a look."""
    margin: float
    e: float
    """Evidence of the whole rollout that the candidate is worse than allowed."""
    threshold: float
    """At which this metric stops the rollout by itself."""
    e_control_halves: float
    """The same machinery over two halves of the control: an A/A test."""


@dataclass(frozen=True, slots=True)
class Look:
    """A planned look at a gate that was reached."""

    number: int
    hour: int
    candidate_units: int
    control_units: int
    passed: bool
    passed_but_for_missing: bool
    upper: float
    """Of the metric that is nearest to its margin, missing outcomes taken for the worst."""


@dataclass(frozen=True, slots=True)
class EarlyPass:
    """A gate that was passed between its looks."""

    hour: int
    e: float
    """Evidence for less than the margin, of the hard metric that has least of it."""
    candidate_units: int
    control_units: int


@dataclass(frozen=True, slots=True)
class MemberReading:
    """One member of a pool as the log has it, in the newest stage."""

    flow: str
    candidate_bad: int
    """Units with a bad answer."""
    candidate_units: int
    control_bad: int
    control_units: int
    e: float
    """Evidence of the whole rollout that the candidate is worse in this member than allowed."""
    threshold: float
    """At which this member stops the pool by itself."""


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The evidence after one hour."""

    hour: int
    e: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with one flow's rollout, and why."""

    flow: str
    word: Word
    why: Why
    sentences: tuple[str, ...]
    """For a release manager to forward; the first one says what to do."""
    stage: int | None
    """Number of the newest stage, from 1."""
    share: float | None
    started: str | None
    """First hour of the stage, ISO 8601, UTC."""
    seen_until: str | None
    next_check: str | None
    e: float
    """Weighted mean of the evidence of metrics, cap and a pool's members; the largest so far: a rollback stays one."""
    threshold: float
    cap_e: float
    budget: float
    spent: float
    """Units with a bad answer beyond what the control's share would have it."""
    mismatch_p: float | None
    """Of the planned split of units, chi-square; for planned looks."""
    mismatch_e: float | None
    """The same as evidence, for looking at any time."""
    readings: tuple[Reading, ...] = ()
    looks: tuple[Look, ...] = ()
    early: EarlyPass | None = None
    path: tuple[PathPoint, ...] = ()
    missing_candidate: int = 0
    missing_control: int = 0
    notes: tuple[str, ...] = ()
    strata: tuple[MemberReading, ...] = ()
    """Members of a pool."""
    simulated: bool = False
