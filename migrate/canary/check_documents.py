"""A check as data: the JSON of `canary check`, described by `schemas/canary-check.schema.json`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final

from migrate.canary.counted import Counted, Log, Side
from migrate.canary.judging import exit_word, moment
from migrate.canary.nouns import Plan
from migrate.canary.together import Together, together
from migrate.canary.verdicts import EarlyPass, Look, MemberReading, Reading, Verdict
from migrate.statistics import ratio_interval
from migrate.vocabulary import Json

FORMAT: Final = 1
FEWEST_GROUPS: Final = 30
"""Groups of units below which the mean cost of a call has no interval."""
MOST: Final = 1e300
"""Evidence beyond it is written as this: JSON has no infinity."""


def check_document(plan: Plan, log: Log, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the verdicts of a log as plain JSON values."""
    return {
        "format": FORMAT,
        "plan_id": plan.plan_id,
        "verdict": exit_word(verdicts),
        "simulated": any(verdict.simulated for verdict in verdicts),
        "log": {
            "lines": log.lines,
            "unreadable": log.unreadable,
            "other_plans": dict(log.other_plans),
            "orphans": log.orphans,
            "missing_columns": list(log.missing_columns),
        },
        "flows": [_verdict(verdict, log.flows.get(verdict.flow)) for verdict in verdicts],
        "together": _together(together_of(plan, log, verdicts)),
    }


def together_of(plan: Plan, log: Log, verdicts: Sequence[Verdict]) -> Together:
    """Return what the flows of a check say as one; one without a call in the log says nothing."""
    known = [(plan.rollout_of(one.flow), log.flows.get(one.flow), one) for one in verdicts]
    begun = [(rollout, counted, one) for rollout, counted, one in known if rollout is not None and counted is not None]
    return together([row[0] for row in begun], [row[1] for row in begun], [row[2] for row in begun])


def _together(found: Together) -> Json:
    return {
        "flows": found.flows,
        "q": found.q,
        "alarms": list(found.alarms),
        "pooled_e": _number(found.pooled_e),
        "stratified_e": _number(found.stratified_e),
        "threshold": found.threshold,
    }


def _verdict(verdict: Verdict, counted: Counted | None) -> Json:
    return {
        "flow": verdict.flow,
        "verdict": verdict.word,
        "reason": verdict.why,
        "sentences": list(verdict.sentences),
        "notes": list(verdict.notes),
        "stage": verdict.stage,
        "share": verdict.share,
        "started": verdict.started,
        "seen_until": verdict.seen_until,
        "next_check": verdict.next_check,
        "evidence": {"e": _number(verdict.e), "threshold": verdict.threshold, "cap_e": _number(verdict.cap_e)},
        "budget": {"spent": _number(verdict.spent), "total": verdict.budget},
        "mismatch": {"p": verdict.mismatch_p, "e": _number(verdict.mismatch_e)},
        "missing": {"candidate": verdict.missing_candidate, "control": verdict.missing_control},
        "metrics": [_reading(reading) for reading in verdict.readings],
        "looks": [_look(look) for look in verdict.looks],
        "early": None if verdict.early is None else _early(verdict.early),
        "sides": [] if counted is None else [_side(side) for side in counted.sides],
        "counts": _counts(counted),
        "strata": [_member(member) for member in verdict.strata],
        "path": [{"at": moment(point.hour + 1), "e": _number(point.e)} for point in verdict.path],
    }


def _member(member: MemberReading) -> Json:
    return {
        "flow": member.flow,
        "candidate": {"bad": member.candidate_bad, "units": member.candidate_units},
        "control": {"bad": member.control_bad, "units": member.control_units},
        "e": _number(member.e),
        "threshold": _number(member.threshold),
    }


def _reading(reading: Reading) -> Json:
    return {
        "name": reading.name,
        "hard": reading.hard,
        "candidate": {"bad": reading.candidate_bad, "units": reading.candidate_units},
        "control": {"bad": reading.control_bad, "units": reading.control_units},
        "excess": _number(reading.excess),
        "upper": _number(reading.upper),
        "margin": _number(reading.margin),
        "e": _number(reading.e),
        "threshold": _number(reading.threshold) if isfinite(reading.threshold) else None,
        "e_control_halves": _number(reading.e_control_halves),
    }


def _look(look: Look) -> Json:
    return {
        "number": look.number,
        "at": moment(look.hour + 1),
        "candidate_units": look.candidate_units,
        "control_units": look.control_units,
        "passed": look.passed,
        "passed_but_for_missing": look.passed_but_for_missing,
        "upper": _number(look.upper),
    }


def _early(early: EarlyPass) -> Json:
    return {
        "at": moment(early.hour + 1),
        "e": _number(early.e),
        "candidate_units": early.candidate_units,
        "control_units": early.control_units,
    }


def _counts(counted: Counted | None) -> Json:
    if counted is None:
        return None
    names = ("unassigned", "crossed", "duplicates", "clashing", "unnamed", "late", "fallbacks")
    return {"calls": sum(row.calls for row in counted.hours), **{name: getattr(counted, name) for name in names}}


def _side(side: Side) -> Json:
    low, high = cost_interval(side)
    return {
        "arm": side.arm,
        "calls": side.calls,
        "latency_ms": {
            "p50": side.p50_ms,
            "p95": side.p95_ms,
            "p95_interval": [side.p95_low_ms, side.p95_high_ms],
            "deciles": list(side.deciles_ms),
        },
        "cost_usd": {
            "calls": side.priced,
            "mean": side.mean_usd,
            "interval": [low, high],
            "cold_cache": side.cold_usd,
            "warm_cache": side.warm_usd,
        },
        "ratings": side.ratings,
    }


def cost_interval(side: Side) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the mean cost of a call: units drawn again in groups; None for fewer than thirty.

    Units, or where there are many the groups a hash puts them in, are drawn with replacement: N. Chamandy, O.
    Muralidharan, A. Najmi and S. Naidu, "Estimating uncertainty for massive data streams" (2012). Calls of one unit
    stay together, so that a user in a loop counts as one.
    """
    if side.mean_usd is None or len(side.cost_groups) < FEWEST_GROUPS:
        return None, None
    found = ratio_interval([(float(calls), usd) for calls, usd in side.cost_groups])
    return (None, None) if found is None else (_number(found[0]), _number(found[1]))


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{min(value, MOST):.10g}")
