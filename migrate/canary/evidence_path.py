"""The evidence of a rollout, hour by hour: what may stop it whenever one looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrate.canary.counted import Counted, Event, Hour
from migrate.canary.metrics import CAP_WEIGHT
from migrate.canary.nouns import Metric, Rollout, Stage
from migrate.canary.terms import MetricName
from migrate.canary.verdicts import PathPoint
from migrate.statistics import BadEvents, cap_e, judged_share
from migrate.statistics.tails import binomial_cdf

RARE = 0.001
"""Both sides are past the band of the control's history when an hour like that is rarer."""
CERTAIN_CALLS = 20
"""Calls of a control that are to be expected in an hour for its silence to mean that it is not logged."""
FEWEST_CALLS = 5
"""Calls an hour must have of both sides to be held against the band."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the evidence stands, and where it once was."""

    path: tuple[PathPoint, ...]
    most: float
    """The largest weighted mean so far: a rollback is not taken back."""
    by_metric: Mapping[MetricName, float]
    at_most: Mapping[MetricName, float]
    """By metric, in the hour of the largest mean."""
    cap: float
    cap_at_most: float
    capped_both: bool
    """The candidate is past its cap, and the control is past it too: no matter of the model."""
    spent: float
    spent_most: float
    alone: tuple[int, ...]
    """Hours in which the control is not in the log: the candidate's bad answers then are evidence of nothing."""
    degraded: tuple[int, ...]
    """Hours in which both sides failed more than the control's history has it."""
    strata: tuple[float, ...] = ()
    """Of a pool: the evidence of each member by itself, in the order of the plan."""
    strata_at_most: tuple[float, ...] = ()
    """The same in the hour of the largest mean."""


def weigh_evidence(rollout: Rollout, counted: Counted) -> Evidence:
    """Return the evidence of all hours of a flow's log, each looked at once.

    Of a pool it is half the evidence of all members as one, and half the mean of what each member shows by itself:
    while no member is worse than allowed all of them are evidence of nothing, so their weighted mean errs no more often
    than one of them would, however they depend on each other (V. Vovk and R. Wang, "E-values", 2021).
    """
    whole = _Scales(rollout, counted)
    strata = [_Scales(*pair) for pair in zip(rollout.members, counted.strata, strict=True)] if _parted(rollout) else []
    for hour in whole.hours:
        whole.take(hour)
        for stratum in strata:
            stratum.take(hour)
        mean = whole.mean
        if strata:
            mean += rollout.member_part * sum(stratum.mean for stratum in strata)
        whole.note(hour, mean, strata)
    return whole.evidence(strata)


def _parted(rollout: Rollout) -> bool:
    return len(rollout.strata) > 1


class _Scales:
    """The evidence of one flow, or of a pool as one, hour by hour."""

    def __init__(self, rollout: Rollout, counted: Counted) -> None:
        self._rollout = rollout
        self._processes = {metric.name: BadEvents(metric.r0) for metric in rollout.metrics if metric.weight}
        self._weights = {metric.name: metric.weight for metric in rollout.metrics}
        self._events: dict[int, list[Event]] = defaultdict(list)
        for event in _counting_events(counted):
            if event.metric in self._processes:
                self._events[event.hour].append(event)
        self._alone = counted_alone(counted)
        self._degraded = degraded_hours(rollout, counted.hours)
        self._purse = _Purse(rollout, counted, frozenset((*self._degraded, *self._alone)))
        self._path: list[PathPoint] = []
        self._most, self._cap_at_most = 0.0, 1.0
        self._at_most: dict[MetricName, float] = {}
        self._strata_at_most: tuple[float, ...] = ()
        self.hours = sorted({*self._events, *(row.hour for row in counted.hours)})

    def take(self, hour: int) -> None:
        """Add the bad answers of one hour."""
        for event in self._events[hour]:
            candidate, control = (event.units, 0) if event.arm == "candidate" else (0, event.units)
            self._processes[event.metric].add(_judged(self._rollout, event), candidate, control)
        self._purse.take(hour)

    @property
    def now(self) -> dict[MetricName, float]:
        return {name: process.e for name, process in self._processes.items()}

    @property
    def mean(self) -> float:
        """Weighted by the parts of the error: of the metrics and of the cap, not of a pool's members."""
        cap = CAP_WEIGHT * self._rollout.own_part * self._purse.cap_e
        return sum(self._weights[name] * e for name, e in self.now.items()) + cap

    def note(self, hour: int, mean: float, strata: Sequence[_Scales]) -> None:
        """Keep where the evidence of everything stands after an hour, and what it is made of where it is highest."""
        self._path.append(PathPoint(hour, mean))
        if mean > self._most:
            self._most, self._at_most, self._cap_at_most = mean, self.now, self._purse.cap_e
            self._strata_at_most = tuple(stratum.mean for stratum in strata)

    def evidence(self, strata: Sequence[_Scales]) -> Evidence:
        return Evidence(
            path=tuple(self._path),
            most=self._most,
            by_metric=self.now,
            at_most=self._at_most,
            cap=self._purse.cap_e,
            cap_at_most=self._cap_at_most,
            capped_both=self._purse.capped_both,
            spent=self._purse.spent,
            spent_most=self._purse.spent_most,
            alone=self._alone,
            degraded=self._degraded,
            strata=tuple(stratum.mean for stratum in strata),
            strata_at_most=self._strata_at_most,
        )


def counted_alone(counted: Counted) -> tuple[int, ...]:
    """Return the hours in which the control of a flow, or of any member of a pool, is not in the log."""
    each = [one.hours for one in counted.strata or (counted,)]
    return tuple(sorted({hour for hours in each for hour in hours_alone(hours)}))


def _counting_events(counted: Counted) -> Iterator[Event]:
    """Yield the bad units that are evidence: at a share that compares, while their own control is in the log."""
    for one in counted.strata or (counted,):
        alone = hours_alone(one.hours)
        yield from (event for event in one.events if 0 < event.share < 1 and event.hour not in alone)


def bad_process(rollout: Rollout, counted: Counted) -> BadEvents:
    """Return the evidence of bad answers alone, hours without a control left out."""
    process = BadEvents(next(metric.r0 for metric in rollout.metrics if metric.name == "bad"))
    for event in _counting_events(counted):
        if event.metric == "bad":
            process.add(event.share, *((event.units, 0) if event.arm == "candidate" else (0, event.units)))
    return process


def _judged(rollout: Rollout, event: Event) -> float:
    if event.metric == "ungrounded" and rollout.judge is not None:
        return judged_share(event.share, rollout.judge.candidate_sampled, rollout.judge.control_sampled)
    return event.share


def hours_alone(hours: Iterable[Hour]) -> tuple[int, ...]:
    """Return the hours in which the candidate is called and the control, though it should be, is not."""
    wanted: dict[int, float] = defaultdict(float)
    controlled = set()
    for row in hours:
        if row.arm == "control" and row.calls:
            controlled.add(row.hour)
        elif row.share < 1:
            wanted[row.hour] += row.calls * (1 - row.share) / row.share
    return tuple(hour for hour, calls in sorted(wanted.items()) if calls >= CERTAIN_CALLS and hour not in controlled)


def degraded_hours(rollout: Rollout, hours: Iterable[Hour]) -> tuple[int, ...]:
    """Return the hours in which both sides had more bad calls than the control's history has in 999 of 1,000."""
    rate = next(metric.call_rate for metric in rollout.metrics if metric.name == "bad")
    sides: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in hours:
        bad, calls = sides[row.hour].get(row.arm, (0, 0))
        sides[row.hour][row.arm] = (bad + row.bad_calls, calls + row.calls)

    def beyond(side: tuple[int, int]) -> bool:
        return side[1] >= FEWEST_CALLS and 1 - binomial_cdf(side[0] - 1, side[1], rate) < RARE

    return tuple(hour for hour, found in sorted(sides.items()) if len(found) == 2 and all(map(beyond, found.values())))


class _Purse:
    """Budget and caps, hour by hour."""

    def __init__(self, rollout: Rollout, counted: Counted, apart: frozenset[int]) -> None:
        self._rollout = rollout
        self._apart = apart
        self._rows: dict[int, list[Hour]] = defaultdict(list)
        for row in counted.hours:
            self._rows[row.hour].append(row)
        self._stages = {
            round(stage.share, 6): _Capped(stage) for stage in rollout.stages if stage.share_kind != "watch"
        }
        self.spent = self.spent_most = 0.0

    def take(self, hour: int) -> None:
        """Add one hour. What was bad while both sides failed, or while the control was not seen, is nobody's budget."""
        for row in self._rows[hour]:
            capped = self._stages.get(round(row.share, 6))
            if capped is None:
                continue
            bad = row.bad.get("bad", 0)
            capped.add(row, bad)
            if hour not in self._apart:
                self.spent += bad if row.arm == "candidate" else -bad * row.share / (1 - row.share)
        self.spent_most = max(self.spent_most, self.spent)

    @property
    def cap_e(self) -> float:
        """The mean over the stages of the evidence that the candidate is past the cap: one that is not begun has 1."""
        return sum(capped.e for capped in self._stages.values()) / len(self._stages) if self._stages else 1.0

    @property
    def capped_both(self) -> bool:
        alpha = self._rollout.alpha * CAP_WEIGHT * self._rollout.own_part
        return any(capped.both and capped.alone >= 1 / alpha for capped in self._stages.values())


class _Capped:
    """One stage held against its cap."""

    def __init__(self, stage: Stage) -> None:
        self._cap = stage.cap
        self._candidate = [0, 0]
        self._control = [0, 0]

    def add(self, row: Hour, bad: int) -> None:
        side = self._candidate if row.arm == "candidate" else self._control
        side[0] += bad
        side[1] += row.units

    @property
    def both(self) -> bool:
        """Say whether the control is past the cap as well."""
        bad, units = self._control
        return bool(units) and bad / units > self._cap

    @property
    def alone(self) -> float:
        bad, units = self._candidate
        # A unit is seen before it is bad, but a late line may say so in an earlier hour.
        return cap_e(min(bad, units), units, self._cap)

    @property
    def e(self) -> float:
        return 1.0 if self.both else self.alone


def halves(metric: Metric, counted: Counted) -> float:
    """Return the evidence of the same machinery over two halves of the control: an A/A test that should stay small."""
    units = next((side.half_units for side in counted.sides if side.arm == "control"), (0, 0))
    if not all(units):
        return 1.0
    process = BadEvents(metric.r0)
    for event in counted.events:
        if event.metric == metric.name and event.arm == "control":
            process.add(units[1] / sum(units), event.units if event.half else 0, 0 if event.half else event.units)
    return process.e
