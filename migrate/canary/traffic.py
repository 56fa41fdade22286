"""Production logs of a rollout from given true rates: simulated, and every line says so.

For trying a plan before it starts, and for the tests: users call at random times of their day, the flag's own rule
decides their side, and what goes wrong goes wrong with the rates that were given.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any, Final

from migrate.canary.buckets import flag_key, is_candidate
from migrate.canary.nouns import Plan, Rollout, Stage

EVENTS: Final[Mapping[str, str]] = {
    "outage": "three hours in which every call of both sides fails",
    "drift": "from then on both sides are bad three times as often",
    "fallback": "the candidate's failures are answered by the baseline, and marked so",
    "duplicates": "one line in fifty comes twice",
    "late": "feedback and schema checks come as lines of their own, a day later",
    "burst": "one user of the candidate's gets 200 bad answers in an hour",
    "no-control": "calls of the baseline are not logged",
    "missing": "of one call in ten of the candidate's nobody knows how it ended",
    "mismatch": "a third of the candidate's users is lost",
    "swap": "the candidate's calls are answered by another model",
    "spikes": "answers become three times as long and as dear",
}
OUTAGE_HOURS: Final = 3
BURST: Final = 200
Z95: Final = 1.6449
RATES: Final = ("error", "schema", "refusal", "ungrounded", "thumbs_down")
LATE: Final = ("schema_ok", "feedback")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of both sides: shares of calls, by kind."""

    control: Mapping[str, float] = field(default_factory=lambda: {"schema": 0.01})
    candidate: Mapping[str, float] = field(default_factory=lambda: {"schema": 0.01})
    events: Mapping[str, int] = field(default_factory=dict)
    """Event -> day on which it begins, from 0."""


def simulated_log(
    plan: Plan, rollout: Rollout, truth: Truth, *, start: dt.datetime, days: int, seed: int, first_stage: int = 1
) -> Iterator[dict[str, Any]]:
    """Yield the lines of a rollout's log, in the order of time; late lines when they come.

    Of a pool each member has the users of its own traffic, and draws their sides by its own flag.
    """
    given: dict[str, Any] = {"start": start, "days": days, "seed": seed, "first_stage": first_stage}
    logs = [_member_log(plan, member, truth, **given) for member in rollout.members]
    return heapq.merge(*logs, key=lambda line: str(line["ts"]))


def _member_log(
    plan: Plan, rollout: Rollout, truth: Truth, *, start: dt.datetime, days: int, seed: int, first_stage: int
) -> Iterator[dict[str, Any]]:
    maker = _Maker(plan, rollout, truth, random.Random(f"{seed} {rollout.flow}"))  # noqa: S311 - draws, not secrets
    held: list[tuple[str, dict[str, Any]]] = []
    for day in range(days):
        stage = _stage_of(rollout.stages[first_stage - 1 :], day)
        lines = sorted(maker.day(stage, start + dt.timedelta(days=day), day), key=lambda line: str(line["ts"]))
        for line in lines:
            while held and held[0][0] <= line["ts"]:
                yield held.pop(0)[1]
            yield from maker.written(line, day, held)
    yield from (line for _, line in held)


def _stage_of(stages: Sequence[Stage], day: int) -> Stage:
    until = 0
    for stage in stages:
        until += stage.days
        if day < until or stage.share_kind == "watch":
            return stage
    return stages[-1]


class _Maker:
    """The calls of one flow."""

    def __init__(self, plan: Plan, rollout: Rollout, truth: Truth, dice: random.Random) -> None:
        self._plan = plan
        self._rollout = rollout
        self._truth = truth
        self._dice = dice
        self._flag = flag_key(rollout.flow, rollout.candidate)
        self._number = 0
        # Ids are unique within a log: two members of a pool must not repeat each other's calls.
        self._prefix = f"{rollout.flow}-" if rollout.pool else ""
        limits = {metric.name: metric.limit for metric in rollout.metrics}
        self._slow = log((limits.get("slow") or 2500.0) / 1.25)
        self._long = log(limits.get("tokens") or 300.0)
        self._dear = limits.get("cost") or 0.001

    def day(self, stage: Stage, midnight: dt.datetime, day: int) -> Iterator[dict[str, Any]]:
        """Yield the calls of one day's users."""
        calls = max(self._rollout.requests_per_day / self._rollout.units_per_day, 1.0)
        for place in range(round(self._rollout.units_per_day)):
            unit = f"u{day}-{place}"
            candidate = is_candidate(self._flag, unit, stage.share)
            if self._lost(candidate, day):
                continue
            for _ in range(int(calls) + (self._dice.random() < calls % 1)):
                at = midnight + dt.timedelta(seconds=self._dice.random() * 86400)
                yield self._call(stage, unit, candidate, at, day)
        if self._truth.events.get("burst") == day:
            for second in range(BURST):
                at = midnight + dt.timedelta(hours=12, seconds=second)
                yield {**self._call(stage, f"burst{day}", True, at, day), "schema_ok": False}

    def _on(self, event: str, day: int) -> bool:
        begins = self._truth.events.get(event)
        return begins is not None and day >= begins

    def _lost(self, candidate: bool, day: int) -> bool:
        if not candidate:
            return self._on("no-control", day)
        return self._on("mismatch", day) and self._dice.random() < 1 / 3

    def _call(self, stage: Stage, unit: str, candidate: bool, at: dt.datetime, day: int) -> dict[str, Any]:
        self._number += 1
        rollout, dice = self._rollout, self._dice
        model = rollout.candidate if candidate else rollout.baseline
        longer = 3 if self._on("spikes", day) else 1
        line: dict[str, Any] = {
            "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "flow": rollout.flow,
            "plan_id": self._plan.plan_id,
            "unit_id": unit,
            "assigned": "candidate" if candidate else "baseline",
            "share": stage.share,
            "request_model": model,
            "response_model": model,
            "response_id": f"{self._prefix}r{self._number}",
            "latency_ms": round(self._drawn(self._slow, 0.4), 1),
            "input_tokens": 400 + round(200 * dice.random()),
            "cached_input_tokens": 256 if dice.random() < 0.5 else 0,
            "output_tokens": round(longer * self._drawn(self._long, 0.3)),
            "cost_usd": round(longer * self._dear * (0.3 if candidate else 0.7) * (0.8 + 0.4 * dice.random()), 9),
            "error_type": None,
            "finish_reason": "stop",
            "schema_ok": True,
            "refusal": False,
            "grounded": True,
            "feedback": None,
            "fallback_from": None,
            "simulated": True,
        }
        self._spoil(line, candidate, at, day)
        return line

    def _drawn(self, p95: float, spread: float) -> float:
        """Return a positive figure whose logarithm has this p95, so that one call in twenty is past the plan's."""
        return exp(p95 - Z95 * spread + spread * self._dice.gauss(0.0, 1.0))

    def _spoil(self, line: dict[str, Any], candidate: bool, at: dt.datetime, day: int) -> None:
        rates = self._truth.candidate if candidate else self._truth.control
        worse = 3 if self._on("drift", day) else 1
        happens = {kind: self._dice.random() < worse * rates.get(kind, 0.0) for kind in RATES}
        out = self._truth.events.get("outage")
        if out == day and at.hour in range(10, 10 + OUTAGE_HOURS):
            happens["error"] = True
        if happens["error"]:
            fallen = candidate and self._on("fallback", day)
            line |= {"fallback_from": line["response_model"], "response_model": self._rollout.baseline} if fallen else {
                "error_type": "timeout", "finish_reason": None, "schema_ok": None,
            }  # fmt: skip
        line["schema_ok"] = None if line["error_type"] else not happens["schema"]
        line["refusal"], line["grounded"] = happens["refusal"], not happens["ungrounded"]
        line["feedback"] = "down" if happens["thumbs_down"] else None
        if candidate and self._on("swap", day) and not line["fallback_from"]:
            line["response_model"] = "another-model"
        if candidate and self._on("missing", day) and self._dice.random() < 0.1:
            line |= {"finish_reason": None, "schema_ok": None, "error_type": None}

    def written(
        self, line: dict[str, Any], day: int, held: list[tuple[str, dict[str, Any]]]
    ) -> Iterator[dict[str, Any]]:
        """Yield a line as the log gets it: twice, or with its outcome to come."""
        if self._on("late", day):
            said = {key: line[key] for key in LATE if line[key] is not None}
            line = {**line, **dict.fromkeys(LATE)}
            if said:
                held.append((_a_day_later(str(line["ts"])), {**_same_call(line), **said}))
        yield line
        if self._on("duplicates", day) and self._dice.random() < 0.02:
            yield line


def _same_call(line: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("flow", "plan_id", "response_id", "simulated")
    return {"ts": _a_day_later(str(line["ts"])), **{key: line[key] for key in keys}}


def _a_day_later(ts: str) -> str:
    return (dt.datetime.fromisoformat(ts) + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
