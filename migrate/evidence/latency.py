"""Latency of a flow: quantiles over case means, with what they are worth and where they come from.

The clock of a sample is its critical path: of calls made at once the longest counts, of calls that wait for each other
all. Where it is not known when each call began, on one side or the other, both sides are told as sums over their calls.
Waiting for a rate limit, and what an application does between its calls, are in neither; `FlowTimes` tells them. An
answer whose prompt was read from the provider's cache is faster for a reason that is not the model's, so cold and
warm samples never enter one mean: of the two kinds the one that more cases of both sides have is compared, the cold
one where they tie. A replayed answer keeps the figure of the day it was recorded, and the source says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from migrate.evidence.clocks import Clock, Clocked, clocked
from migrate.statistics import quantile, quantile_interval
from migrate.vocabulary import LOOKUP, FlowTimes, Measurement, Quantiles, Source, Timing

LEVEL: Final = 0.90
"""Of the intervals of p50 and p95: each bound holds with 95 % by itself, and the upper one wants 59 cases."""

CHANGE_LEVEL: Final = 0.95
"""Of each bound of a change of p95: both sides' bounds then hold with 97.5 %, and the upper one wants 72 cases."""
WARM: Final = ", warm prompt cache"
NOTHING: Final = "not measured"


@dataclass(slots=True)
class _Means:
    """Case means of one kind of samples, by clock."""

    alone: list[float] = field(default_factory=list)
    """Of cases with one sample of one call, in which all clocks but that of the first token are one."""
    calls: list[float] = field(default_factory=list)
    critical_path: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    first_token: list[float] = field(default_factory=list)

    def add_alone(self, timing: Timing) -> None:
        """Add a case with one sample of one call: a run of ten thousand mostly has these."""
        self.alone.append(timing.total_ms)
        if timing.first_token_ms is not None:
            self.first_token.append(timing.first_token_ms)

    def add(self, samples: Sequence[Clocked]) -> None:
        """Add one case's samples; a clock that none of them has is not known of the case."""
        for clock in _CLOCKS:
            known = [value for sample in samples if (value := getattr(sample, clock)) is not None]
            if known:
                getattr(self, clock).append(sum(known) / len(known))

    @property
    def n(self) -> int:
        """Cases."""
        return len(self.alone) + len(self.calls)

    def of(self, clock: Clock) -> list[float]:
        means: list[float] = getattr(self, clock)
        return means if clock == "first_token" else self.alone + means


_CLOCKS: Final[tuple[Clock, ...]] = ("calls", "critical_path", "wall", "first_token")


class Clockings:
    """Case means of one side, cold and warm apart, and the sources of the answers."""

    def __init__(self) -> None:
        self.cold = _Means()
        self.warm = _Means()
        self.ways_known = True
        """False when the critical path of a sample is not known."""
        self.sources: dict[tuple[str, bool], None] = {}
        """(`live`, or the day of the recording) and whether it was simulated."""

    def add(self, measurements: Sequence[Measurement]) -> None:
        """Add one case's measurements; nobody timed the vectors of queries, which a run makes before it begins."""
        measurements = [call for call in measurements if call.ordinal != LOOKUP]
        if len(measurements) == 1:
            (call,) = measurements
            if call.timing is not None and call.served_model is not None:
                (self.warm if call.usage.cached_tokens else self.cold).add_alone(call.timing)
                self.sources[_origin(call), call.simulated] = None
            return
        clocks: tuple[list[Clocked], list[Clocked]] = ([], [])
        for calls in _samples(measurements):
            clock = clocked(calls)
            if clock is not None:
                clocks[any(call.usage.cached_tokens for call in calls)].append(clock)
                self.ways_known = self.ways_known and clock.critical_path is not None
                for call in calls:
                    self.sources[_origin(call), call.simulated] = None
        for means, samples in zip((self.cold, self.warm), clocks, strict=True):
            means.add(samples)


def quantiles_of(baseline: Clockings, candidate: Clockings, level: float = LEVEL) -> tuple[Quantiles, Quantiles]:
    """Return both sides' quantiles, of the same kind of samples where they have one in common, by the same clock."""
    clock: Clock = "critical_path" if baseline.ways_known and candidate.ways_known else "calls"
    before, after = _kinds(baseline, candidate)
    return _quantiles(baseline, before, clock, level), _quantiles(candidate, after, clock, level)


def pair_of(baseline: Clockings, candidate: Clockings) -> tuple[list[float], list[float]]:
    """Return the case means whose quantiles `quantiles_of` returns."""
    clock: Clock = "critical_path" if baseline.ways_known and candidate.ways_known else "calls"
    before, after = _kinds(baseline, candidate)
    sides = ((baseline, before), (candidate, after))
    one, other = ((side.warm if is_warm else side.cold).of(clock) for side, is_warm in sides)
    return one, other


def times_of(baseline: Clockings, candidate: Clockings) -> tuple[FlowTimes, FlowTimes]:
    """Return what every clock says of both sides, of the same kinds of samples as `quantiles_of`."""
    before, after = _kinds(baseline, candidate)
    return _times(baseline, before), _times(candidate, after)


def _times(side: Clockings, warm: bool) -> FlowTimes:
    return FlowTimes(**{clock: _quantiles(side, warm, clock, LEVEL) for clock in _CLOCKS})


def _kinds(baseline: Clockings, candidate: Clockings) -> tuple[bool, bool]:
    """Say of both sides whether their warm samples are told: of the same kind where they have one in common."""
    cold = min(baseline.cold.n, candidate.cold.n)
    warm = min(baseline.warm.n, candidate.warm.n)
    if cold or warm:
        return warm > cold, warm > cold
    return _mostly_warm(baseline), _mostly_warm(candidate)


def comparable(baseline: Quantiles, candidate: Quantiles) -> bool:
    """Say whether a ratio of two sides' quantiles means anything: both measured, both cold or both warm."""
    same_cache = baseline.source.endswith(WARM) == candidate.source.endswith(WARM)
    return same_cache and bool(baseline.p50 and baseline.p95) and candidate.p50 is not None


@dataclass(frozen=True, slots=True)
class Change:
    """How a quantile of latency changes from baseline to candidate, as a ratio."""

    ratio: float | None
    """Candidate over baseline; None where it is not known on both sides, or one is cold and the other warm."""
    low: float | None
    """The true ratio is at least this with confidence `CHANGE_LEVEL`; None: too few cases for a bound."""
    high: float | None
    n: int
    """Cases of the side that has fewer."""
    source: str
    """Both sides' sources, candidate first."""


def p95_change(baseline: Clockings, candidate: Clockings) -> Change:
    """Return how p95 changes, with bounds that hold whatever the distributions.

    Each side's order statistics give a bound that errs in half of 1 - `CHANGE_LEVEL`; the quotient of two of them errs
    in no more than the sum. It is wide, and asks for nothing but independent cases.
    """
    before, after = quantiles_of(baseline, candidate, CHANGE_LEVEL)
    n, source = min(before.n, after.n), f"{after.source} against {before.source}"
    if not comparable(before, after) or before.p95 is None or after.p95 is None:
        return Change(None, None, None, n, source)
    (low_b, high_b), (low_a, high_a) = (side.p95_interval or (None, None) for side in (before, after))
    return Change(after.p95 / before.p95, _quotient(low_a, high_b), _quotient(high_a, low_b), n, source)


def _quotient(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under


def _mostly_warm(side: Clockings) -> bool:
    return side.warm.n > side.cold.n


def _quantiles(side: Clockings, warm: bool, clock: Clock, level: float) -> Quantiles:
    means = (side.warm if warm else side.cold).of(clock)
    return Quantiles(
        p50=quantile(means, 0.5),
        p95=quantile(means, 0.95),
        p95_interval=_interval(means, 0.95, level),
        n=len(means),
        source=_source(side.sources) + (WARM if warm else "") if means else NOTHING,
        p50_interval=_interval(means, 0.5, level),
    )


def _interval(means: Sequence[float], q: float, level: float) -> tuple[float | None, float | None] | None:
    interval = quantile_interval(means, q, level)
    return None if interval == (None, None) else interval


def _samples(measurements: Sequence[Measurement]) -> Iterable[list[Measurement]]:
    by_sample: dict[int, list[Measurement]] = {}
    for measurement in measurements:
        by_sample.setdefault(measurement.sample, []).append(measurement)
    return by_sample.values()


def _origin(call: Measurement) -> str:
    return "live" if call.source is Source.LIVE else call.at[:10]


def _source(sources: Iterable[tuple[str, bool]]) -> str:
    simulated = {flag for _, flag in sources}
    words = " and ".join(_origins({origin for origin, _ in sources}))
    if True in simulated:
        return f"simulated, {words}" if len(simulated) == 1 else f"partly simulated, {words}"
    return words


def _origins(origins: set[str]) -> Iterator[str]:
    if "live" in origins:
        yield "live"
    days = sorted(origins - {"live"})
    if days:
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        yield f"recorded on {when}" if days[0] else "recorded"
