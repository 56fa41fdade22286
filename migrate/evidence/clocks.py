"""The clocks of one sample: what its calls took together, on their longest way, on the wall, and to the first token.

A chain says which of its calls wait for each other: a step begins when the one before it has ended, and the calls of
one step are made at once. Of an application flow it is the moment at which each call was begun that says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.vocabulary import Measurement, Timing

Span = tuple[float, float]
"""When a call began and how long it took, in milliseconds of one clock."""
Clock = Literal["calls", "critical_path", "wall", "first_token"]


@dataclass(frozen=True, slots=True)
class Clocked:
    """How long one sample took, in milliseconds."""

    calls: float
    """The sum over its calls, request to last byte."""
    critical_path: float | None
    """Its longest chain of calls that did not overlap; None where it is not known when each of them began."""
    wall: float | None
    """First request to last byte of all: what the application did between its calls, and waiting, are in it."""
    first_token: float | None
    """First request to the first content of the last streamed call; None where nothing was streamed."""


def clocked(calls: Sequence[Measurement]) -> Clocked | None:
    """Return the clocks of one sample; None when a call got no reply or was not timed."""
    timings = [call.timing for call in calls if call.timing is not None and call.served_model is not None]
    if not calls or len(timings) < len(calls):
        return None
    total = sum(timing.total_ms for timing in timings)
    spans = _spans(calls, timings)
    if spans is None:
        return Clocked(total, None, None, None)
    begun = min(start for start, _ in spans)
    shown = [(call.ordinal, start + timing.first_token_ms) for call, timing, (start, _) in
             zip(calls, timings, spans, strict=True) if timing.first_token_ms is not None]  # fmt: skip
    return Clocked(
        total,
        critical_path(spans),
        max(start + length for start, length in spans) - begun,
        max(shown)[1] - begun if shown else None,
    )


def critical_path(spans: Sequence[Span]) -> float:
    """Return the length of the longest chain of calls of which each began when the one before it had ended.

    Length is the time within calls, so the application's own time between them is not in it. Calls one after another
    come to their sum, calls that all overlap to the longest of them; it is never less than the longest call, never
    more than the sum or the wall. Weighted interval scheduling: Kleinberg and Tardos, Algorithm Design, 6.1.
    """
    ordered = sorted((start + length, start, length) for start, length in spans)
    ends = [end for end, _, _ in ordered]
    best = [0.0]
    for place, (_, start, length) in enumerate(ordered):
        before = bisect_right(ends, start, hi=place)
        best.append(max(best[place], length + best[before]))
    return best[-1]


def _spans(calls: Sequence[Measurement], timings: Sequence[Timing]) -> list[Span] | None:
    """Return when each call began and how long it took; None where nobody wrote down when."""
    if len(calls) == 1:
        return [(0.0, timings[0].total_ms)]
    if all(call.step is not None for call in calls):
        return _in_steps(calls, timings)
    spans = [(timing.started_ms, timing.total_ms) for timing in timings if timing.started_ms is not None]
    return spans if len(spans) == len(calls) else None


def _in_steps(calls: Sequence[Measurement], timings: Sequence[Timing]) -> list[Span]:
    longest: dict[str | None, float] = {}
    for call, timing in zip(calls, timings, strict=True):
        longest[call.step] = max(longest.get(call.step, 0.0), timing.total_ms)
    begins, now = dict[str | None, float](), 0.0
    for step, length in longest.items():
        begins[step], now = now, now + length
    return [(begins[call.step], timing.total_ms) for call, timing in zip(calls, timings, strict=True)]
