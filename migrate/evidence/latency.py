"""Latency of a flow: quantiles over case means, with what they are worth and where they come from.

The clock of a sample is the sum over its calls, request to last byte; waiting for a rate limit is not in it. An
answer whose prompt was read from the provider's cache is faster for a reason that is not the model's, so cold and
warm samples never enter one mean: of the two kinds the one that more cases of both sides have is compared, the cold
one where they tie. A replayed answer keeps the figure of the day it was recorded, and the source says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from migrate.statistics import quantile, quantile_interval
from migrate.vocabulary import Measurement, Quantiles, Source

LEVEL: Final = 0.90
"""Of the intervals of p50 and p95: each bound holds with 95 % by itself, and the upper one wants 59 cases."""

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


def quantiles_of(baseline: Clockings, candidate: Clockings) -> tuple[Quantiles, Quantiles]:
    """Return both sides' quantiles, of the same kind of samples where they have one in common."""
    cold = min(len(baseline.cold), len(candidate.cold))
    warm = min(len(baseline.warm), len(candidate.warm))
    if cold or warm:
        is_warm = warm > cold
        return _quantiles(baseline, is_warm), _quantiles(candidate, is_warm)
    return _quantiles(baseline, _mostly_warm(baseline)), _quantiles(candidate, _mostly_warm(candidate))


def comparable(baseline: Quantiles, candidate: Quantiles) -> bool:
    """Say whether a ratio of two sides' quantiles means anything: both measured, both cold or both warm."""
    same_cache = baseline.source.endswith(WARM) == candidate.source.endswith(WARM)
    return same_cache and bool(baseline.p50 and baseline.p95) and candidate.p50 is not None


def _mostly_warm(side: Clockings) -> bool:
    return len(side.warm) > len(side.cold)


def _quantiles(side: Clockings, warm: bool) -> Quantiles:
    means = side.warm if warm else side.cold
    return Quantiles(
        p50=quantile(means, 0.5),
        p95=quantile(means, 0.95),
        p95_interval=_interval(means, 0.95),
        n=len(means),
        source=_source(side.sources) + (WARM if warm else "") if means else NOTHING,
        p50_interval=_interval(means, 0.5),
    )


def _interval(means: Sequence[float], q: float) -> tuple[float | None, float | None] | None:
    interval = quantile_interval(means, q, LEVEL)
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
    total = 0.0
    for call in calls:
        if call.timing is None or call.served_model is None:
            return None
        total += call.timing.total_ms
    return total


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
