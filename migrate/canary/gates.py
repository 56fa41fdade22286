"""The gate at the end of a stage: which of its planned looks were reached, and what each of them saw."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from migrate.canary.counted import Arm, Counted, Hour
from migrate.canary.nouns import Metric, Rollout, Stage
from migrate.canary.terms import MetricName
from migrate.canary.verdicts import EarlyPass, Look
from migrate.statistics import BadEvents, judged_share, newcombe, wilson

DAY = 24
FEW_CALLS = 20
"""Calls that are to be expected in a silence for it to mean that nobody looked."""
WORST_CASED: Final[frozenset[MetricName]] = frozenset({"bad", "schema", "error"})
"""Metrics that an outcome nobody knows counts for."""


@dataclass(slots=True)
class Total:
    """One side of one stage, up to some hour."""

    units: int = 0
    calls: int = 0
    missing: int = 0
    judged: int = 0
    bad: dict[MetricName, int] = field(default_factory=dict)

    def add(self, row: Hour) -> None:
        self.units += row.units
        self.calls += row.calls
        self.missing += row.missing
        self.judged += row.judged
        for name, count in row.bad.items():
            self.bad[name] = self.bad.get(name, 0) + count

    def of(self, metric: Metric) -> tuple[int, int]:
        """Return bad units and all units of a metric; of a judged one only those a judge has seen."""
        units = self.judged if metric.name == "ungrounded" else self.units
        return min(self.bad.get(metric.name, 0), units), units


Totals = Mapping[Arm, Total]


def totals(hours: Iterable[Hour], share: float, until: int | None = None) -> Totals:
    """Return both sides of one stage, up to and with an hour."""
    found: dict[Arm, Total] = {"candidate": Total(), "control": Total()}
    for row in hours:
        if same(row.share, share) and (until is None or row.hour <= until):
            found[row.arm].add(row)
    return found


def same(one: float, other: float) -> bool:
    """Say whether two shares are the same, to a hundredth of a percent."""
    return abs(one - other) < 5e-5


class Elapsed:
    """Hours of a stage that count as time; a silence of more than a day does not.

    One line whose clock is wrong, or logs of a week that are missing, are no week that was looked at. A flow with few
    calls may be silent for longer: until twenty are to be expected.
    """

    def __init__(self, rollout: Rollout) -> None:
        self._quiet = max(DAY, ceil(DAY * FEW_CALLS / rollout.requests_per_day))
        self._newest: int | None = None
        self.hours = self.silent = 0
        """Counted, and left out."""

    def see(self, hour: int) -> int:
        """Take an hour with calls, none before the last one; return the hours so far."""
        gap = 1 if self._newest is None else hour - self._newest
        counted = gap if gap <= self._quiet + 1 else 1
        self.hours += counted
        self.silent += gap - counted
        self._newest = hour
        return self.hours


def elapsed(rollout: Rollout, hours: Iterable[Hour], share: float) -> Elapsed:
    """Return the time of the stage with a share."""
    found = Elapsed(rollout)
    for hour in sorted({row.hour for row in hours if same(row.share, share)}):
        found.see(hour)
    return found


def looks(rollout: Rollout, stage: Stage, counted: Counted) -> tuple[Look, ...]:
    """Return the looks that were reached: the first hour with the planned units and days, and with two and three times.

    Only what was known at that hour of who was there counts, so looking more often does not look more often.
    """
    rows = [row for row in counted.hours if same(row.share, stage.share)]
    if not rows:
        return ()
    found: list[Look] = []
    sofar, time = totals((), stage.share), Elapsed(rollout)
    for hour in sorted({row.hour for row in rows}):
        hours = time.see(hour)
        for row in rows:
            if row.hour == hour:
                sofar[row.arm].add(row)
        while len(found) < stage.looks and _reached(stage, sofar, hours, len(found) + 1):
            found.append(_look(rollout, stage, sofar, hour, len(found) + 1))
    return tuple(found)


def _reached(stage: Stage, sofar: Totals, hours: int, number: int) -> bool:
    enough = (
        sofar["candidate"].units >= number * stage.n_candidate and sofar["control"].units >= number * stage.n_control
    )
    return enough and hours >= DAY * stage.days * number


def _look(rollout: Rollout, stage: Stage, sofar: Totals, hour: int, number: int) -> Look:
    level = stage.level_of(number)
    worst = [
        (bound(rollout, stage, metric, sofar, level=level), margin_of(rollout, stage, metric))
        for metric in hard(rollout)
    ]
    kind = [bound(rollout, stage, metric, sofar, worst=False, level=level) for metric in hard(rollout)]
    margins = [margin for _, margin in worst]
    return Look(
        number=number,
        hour=hour,
        candidate_units=sofar["candidate"].units,
        control_units=sofar["control"].units,
        passed=all(upper < margin for upper, margin in worst),
        passed_but_for_missing=all(upper < margin for upper, margin in zip(kind, margins, strict=True)),
        upper=max((upper - margin, upper) for upper, margin in worst)[1],
    )


def hard(rollout: Rollout) -> Sequence[Metric]:
    return [metric for metric in rollout.metrics if metric.hard]


def margin_of(rollout: Rollout, stage: Stage, metric: Metric) -> float:
    """Return a stage's margin on the metric's own scale: a judge shrinks it."""
    return stage.margin * metric.margin / rollout.margin


def bound(
    rollout: Rollout, stage: Stage, metric: Metric, sofar: Totals, *, worst: bool = True, level: float | None = None
) -> float:
    """Return the one-sided upper bound of the excess, at the level of a look, of the first one unless it is given.

    `worst`: outcomes nobody knows are bad of the candidate and good of the control.
    """
    (bad, units), control = sofar["candidate"].of(metric), sofar["control"].of(metric)
    if worst and metric.name in WORST_CASED:
        bad = min(bad + sofar["candidate"].missing, units)
    return newcombe((bad, units), control, 1 - 2 * (level or stage.level or rollout.alpha))[1]


def passed_early(rollout: Rollout, stage: Stage, counted: Counted, apart: Container[int] = ()) -> EarlyPass | None:
    """Return when the evidence for less than the margin was there between the looks; None: not allowed, or not yet.

    The mirror of what stops a rollout, over this stage's bad units alone, missing outcomes of the candidate taken for
    bad. It speaks of a ratio to the control's planned rate: where the control is shown to be past that, it is silent.
    Hours in `apart`, in which the control is not logged, count for nothing.
    """
    if stage.early is None:
        return None
    rows = [row for row in counted.hours if same(row.share, stage.share)]
    processes = {metric.name: BadEvents(stage.early.r0[metric.name], below=True) for metric in hard(rollout)}
    sofar, time = totals((), stage.share), Elapsed(rollout)
    for hour in sorted({row.hour for row in rows}):
        hours = time.see(hour)
        for row in rows:
            if row.hour == hour and hour not in apart:
                sofar[row.arm].add(row)
                _add_mirrored(processes, row, rollout)
        least = min(process.e for process in processes.values())
        if hours >= DAY * stage.early.days and least >= stage.early.e and _as_planned(rollout, sofar):
            return EarlyPass(hour, least, sofar["candidate"].units, sofar["control"].units)
    return None


def _add_mirrored(processes: Mapping[MetricName, BadEvents], row: Hour, rollout: Rollout) -> None:
    for name, process in processes.items():
        bad, share = row.bad.get(name, 0), row.share
        if name == "ungrounded" and rollout.judge is not None:
            share = judged_share(share, rollout.judge.candidate_sampled, rollout.judge.control_sampled)
        if row.arm == "candidate":
            process.add(share, bad + (row.missing if name in WORST_CASED else 0), 0)
        else:
            process.add(share, 0, bad)


def _as_planned(rollout: Rollout, sofar: Totals) -> bool:
    """Say whether the control's rates may be those of the plan: no lower bound is past the rate planned for."""
    return all(wilson(*sofar["control"].of(metric), 0.90)[0] <= metric.upper for metric in hard(rollout))


def hours_to_go(stage: Stage, sofar: Totals, hours: int, number: int) -> float:
    """Return the hours until a look is reached, at the traffic so far."""
    wants: list[float] = [DAY * stage.days * number - hours]
    for arm, planned in (("candidate", stage.n_candidate), ("control", stage.n_control)):
        have = sofar[arm].units  # type: ignore[index]
        if have < planned * number:
            wants.append((planned * number - have) / (have / hours) if have else float("inf"))
    return max(*wants, 0.0)
