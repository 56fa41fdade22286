"""Latency of a flow: quantiles over case means, with what they are worth and where they come from.

The clock of a sample is the sum over its calls, request to last byte, where one waits for the other: of a repeated
step of a chain, whose calls are made at once, the longest counts. Waiting for a rate limit is not in it. An
answer whose prompt was read from the provider's cache is faster for a reason that is not the model's, so cold and
warm samples never enter one mean: of the two kinds the one that more cases of both sides have is compared, the cold
one where they tie. A replayed answer keeps the figure of the day it was recorded, and the source says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from migrate.statistics import quantile, quantile_interval
from migrate.vocabulary import Measurement, Quantiles, Source

LEVEL: Final = 0.90
"""Of the intervals of p50 and p95: each bound holds with 95 % by itself, and the upper one wants 59 cases."""

CHANGE_LEVEL: Final = 0.95
"""Of each bound of a change of p95: both sides' bounds then hold with 97.5 %, and the upper one wants 72 cases."""
WARM: Final = ", warm prompt cache"
NOTHING: Final = "not measured"


class Clockings:
    """Case means of one side, cold and warm apart, and the sources of the answers."""

    def __init__(self) -> None:
        self.cold: list[float] = []
        self.warm: list[float] = []
        self.sources: dict[tuple[str, bool], None] = {}
        """(`live`, or the day of the recording) and whether it was simulated."""

    def add(self, measurements: Sequence[Measurement]) -> None:
        """Add one case's measurements."""
        clocks: tuple[list[float], list[float]] = ([], [])
        for calls in _samples(measurements):
            clock = _clock(calls)
            if clock is not None:
                clocks[any(call.usage.cached_tokens for call in calls)].append(clock)
                for call in calls:
                    self.sources[_origin(call), call.simulated] = None
        for means, values in zip((self.cold, self.warm), clocks, strict=True):
            if values:
                means.append(sum(values) / len(values))


def quantiles_of(baseline: Clockings, candidate: Clockings, level: float = LEVEL) -> tuple[Quantiles, Quantiles]:
    """Return both sides' quantiles, of the same kind of samples where they have one in common."""
    cold = min(len(baseline.cold), len(candidate.cold))
    warm = min(len(baseline.warm), len(candidate.warm))
    if cold or warm:
        is_warm = warm > cold
        return _quantiles(baseline, is_warm, level), _quantiles(candidate, is_warm, level)
    kinds = ((baseline, _mostly_warm(baseline)), (candidate, _mostly_warm(candidate)))
    before, after = (_quantiles(side, is_warm, level) for side, is_warm in kinds)
    return before, after


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
    return len(side.warm) > len(side.cold)


def _quantiles(side: Clockings, warm: bool, level: float) -> Quantiles:
    means = side.warm if warm else side.cold
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
    if len(measurements) == 1:
        return ([*measurements],)
    by_sample: dict[int, list[Measurement]] = {}
    for measurement in measurements:
        by_sample.setdefault(measurement.sample, []).append(measurement)
    return by_sample.values()


def _clock(calls: list[Measurement]) -> float | None:
    """Return how long a sample took, in milliseconds; None when a call got no reply or was not timed."""
    total, longest = 0.0, dict[str, float]()
    for call in calls:
        if call.timing is None or call.served_model is None:
            return None
        if call.step is None:
            total += call.timing.total_ms
        else:
            longest[call.step] = max(longest.get(call.step, 0.0), call.timing.total_ms)
    return total + sum(longest.values())


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
