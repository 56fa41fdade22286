"""When each call of a trace began, on a clock on which every answer takes what its timing says."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from migrate.canonical import request_of
from migrate.edges.intercept.swapping import UNSWAPPED
from migrate.edges.intercept.trace import Ending, Entry, Trace
from migrate.vocabulary import Answer, NoReply, NoReplyKind, Reply, Source, Timing, Usage

REPLY = Reply(Answer("yes"), "gpt-4o-2024-08-06", Usage(3, 0, None, 1))
LOST = NoReply(NoReplyKind.TIMEOUT, "it took too long")


@dataclass
class Told:
    """A trace to which calls are told at given moments, in milliseconds since it was opened."""

    trace: Trace = field(default_factory=lambda: Trace(opened=0.0))

    def begin(self, at: float, question: str) -> Entry:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}]}
        request = request_of("chat", body, lambda value: value)
        return self.trace.begin(request, request, UNSWAPPED, streamed=False, now=at / 1000)

    def end(self, entry: Entry, at: float, timing: Timing | None, **facts: object) -> None:
        ending = Ending(REPLY if timing else LOST, timing, "2026-01-15T09:30:00.000Z", **facts)  # type: ignore[arg-type]
        self.trace.end(entry, ending, at / 1000)

    @property
    def starts(self) -> list[float | None]:
        return [None if call.timing is None else call.timing.started_ms for call in self.trace.calls]


def test_where_answers_take_their_time_it_is_the_time_that_passed() -> None:
    """One call, two at once behind it, one of which outlasts the last: as a stopwatch would have it."""
    told = Told()
    first = told.begin(5, "a")
    told.end(first, 105, Timing(100.0))
    second, third = told.begin(125, "b"), told.begin(130, "c")
    told.end(third, 180, Timing(50.0))
    fourth = told.begin(190, "d")
    told.end(fourth, 200, Timing(10.0))
    told.end(second, 525, Timing(400.0))
    assert [5.0, 125.0, 130.0, 190.0] == told.starts


def test_an_answer_that_comes_sooner_than_it_says_is_waited_for() -> None:
    """The simulated provider waits a share of its time: what follows an answer began when that would have ended."""
    told = Told()
    first, second = told.begin(0, "a"), told.begin(1, "b")
    told.end(second, 2, Timing(300.0))
    told.end(first, 3, Timing(800.0))
    told.end(told.begin(10, "c"), 11, Timing(60.0))
    assert [0.0, 1.0, 807.0] == told.starts


def test_a_recorded_answer_keeps_when_it_began() -> None:
    """Replayed in no time, calls that were made at once are still at once, and a live one comes behind them."""
    told = Told()
    for at, timing in ((0, Timing(500.0, started_ms=20.0)), (1, Timing(400.0, started_ms=21.0))):
        told.end(told.begin(at, f"question {at}"), at, timing, source=Source.RECORDING)
    told.end(told.begin(4, "live"), 104, Timing(100.0))
    assert [20.0, 21.0, 524.0] == told.starts


def test_behind_a_recording_of_before_nothing_is_known() -> None:
    """Nobody wrote down when its call began: nothing is guessed of it, nor of what came after."""
    told = Told()
    told.end(told.begin(0, "old"), 0, Timing(500.0), source=Source.RECORDING)
    told.end(told.begin(4, "live"), 104, Timing(100.0))
    assert [None, None] == told.starts


def test_the_attempt_that_counted_is_the_one_that_began() -> None:
    """A failed try and the wait behind it come before the call, not into it."""
    told = Told()
    told.end(told.begin(10, "a"), 40, None)
    told.end(told.begin(90, "a"), 150, Timing(60.0))
    (call,) = told.trace.calls
    assert call.timing is not None
    assert (60.0, pytest.approx(50.0), 90.0) == (call.timing.total_ms, call.timing.waited_ms, call.timing.started_ms)
