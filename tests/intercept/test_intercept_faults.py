"""A fault of the recorder is the recorder's alone: the application goes on, once it is said, and it is counted."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import sdk_forms
from scripted_server import ScriptedServer
from sdk_forms import ANSWERED, FAILING, KEY, clients, outcome

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, NotRecorded, Tape, interception, listening, tees, trace
from migrate.rendering import parse_candidate

FORMS = ("chat", "chat_streamed", "responses_streamed", "embeddings", "once 500")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(sdk_forms.provider) as running:
        yield running


class Boom(RuntimeError):
    """The recorder's own fault."""


def boom(*_: Any, **__: Any) -> Any:
    raise Boom("disk full")


STEPS: dict[str, tuple[Any, str]] = {
    "telling a call from another request": (interception, "endpoint_of"),
    "reading the request": (interception, "read_asked"),
    "swapping": (interception, "swap_for"),
    "settling ids": (interception, "settled_body"),
    "making keys": (interception, "request_of"),
    "beginning an entry": (trace.Trace, "begin"),
    "watching an answer": (trace.Trace, "watch"),
    "hearing the head": (listening.Listener, "answered"),
    "putting a stream on": (interception, "tee"),
    "reading the answer": (listening.Listener, "_ending"),
    "reading a body": (listening, "read_answer"),
    "learning ids": (trace, "drawn_ids"),
    "ending an entry": (trace.Trace, "end"),
}


def recording(**facts: Any) -> Interception:
    return Interception("record", SystemClock(), lambda value: value, **facts)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("step", STEPS)
def test_no_fault_of_a_step_reaches_the_application(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
):
    """Whichever step of recording fails, the application sees what it would have seen, and is warned once."""
    plain = [outcome((ANSWERED | FAILING)[form], clients(server.url)[kind]()) for form in FORMS]
    monkeypatch.setattr(*STEPS[step], boom)
    with pytest.warns(NotRecorded, match="disk full") as warned, recording() as seen:
        watched = [outcome((ANSWERED | FAILING)[form], clients(server.url)[kind]()) for form in FORMS]
    assert plain == watched
    assert 1 == len(warned)
    assert 2 <= seen.faults
    assert "Boom: disk full" == seen.first_fault


def test_a_callback_that_fails_is_a_fault_of_recording(server: ScriptedServer):
    """What `seen` raises stays here; the call is in the trace all the same."""
    with pytest.warns(NotRecorded), recording(seen=boom) as seen:
        assert "raised" not in outcome(ANSWERED["chat"], clients(server.url)["sync"]())
    assert (1, 1) == (len(seen.calls), seen.faults)


def test_where_warnings_are_errors_the_application_is_spared_them(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
):
    """The warning itself must not become the fault it warns of."""
    monkeypatch.setattr(interception, "read_asked", boom)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with recording() as seen:
            assert "raised" not in outcome(ANSWERED["chat"], clients(server.url)["sync"]())
    assert 1 == seen.faults


def test_offline_a_fault_lets_nothing_leave(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch):
    """Where no call may leave, one that cannot be looked up does not leave either."""
    before = len(server.seen)
    monkeypatch.setattr(interception, "settled_body", boom)
    nothing = Interception("offline", SystemClock(), lambda value: value, answers=Tape(()))
    with pytest.warns(NotRecorded), nothing as seen:
        told = outcome(ANSWERED["chat"], clients(server.url)["sync"]())
    assert ["raised", "APIConnectionError"] == told[:2]
    assert "disk full" in told[2]
    assert (before, 1) == (len(server.seen), seen.faults)


def test_answers_that_cannot_be_read_are_asked_live(server: ScriptedServer):
    """A damaged store costs a call, not the run."""

    class Damaged:
        answer = requests = staticmethod(boom)

    live = Interception("live", SystemClock(), lambda value: value, answers=Damaged(), swap=parse_candidate("gpt-4.1"))
    with pytest.warns(NotRecorded), live as seen:
        assert "raised" not in outcome(ANSWERED["chat"], clients(server.url)["sync"]())
    assert 1 == seen.faults


def test_a_clock_that_fails_in_the_middle_costs_the_timing(server: ScriptedServer):
    """Not even the clock is trusted while the application reads."""

    class Stopped(SystemClock):
        broken = False

        def monotonic(self) -> float:
            return boom() if self.broken else super().monotonic()

        def now(self) -> dt.datetime:
            return boom() if self.broken else super().now()

    clock = Stopped()
    with Interception("record", clock, lambda value: value) as seen:
        client = openai.OpenAI(api_key=KEY, base_url=server.url)
        stream = client.chat.completions.create(model="gpt-4o", messages=sdk_forms.USER, stream=True)  # type: ignore[call-overload]
        clock.broken = True
        with pytest.warns(NotRecorded):
            texts = [chunk.choices[0].delta.content for chunk in stream]
        client.close()
        clock.broken = False
    assert "Your " in texts
    assert 0 < seen.faults


def test_an_answer_too_long_to_keep_reaches_the_application(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch):
    """What is read is bounded in memory; the application's own answer is not."""
    monkeypatch.setattr(listening, "MOST_BYTES", 100)
    with recording() as seen:
        told = outcome(ANSWERED["chat"], clients(server.url)["sync"]())
    assert "raised" not in told
    assert "bytes is not kept" in seen.calls[0].outcome.message  # type: ignore[union-attr]


def test_what_is_broken_here_is_what_recording_uses():
    """The steps above are all there: a step that was renamed would be broken for nothing."""
    assert all(hasattr(owner, name) for owner, name in STEPS.values())
    assert tees.tee is interception.tee
