"""The simulated provider under interception: its own figures of time, its samples, its answers replayed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from sdk_forms import ANSWERED, KEY, clients, dump, outcome
from test_intercept_forms import said

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Route, Tape
from migrate.edges.providers.simulated.book import AnswerBook
from migrate.edges.providers.simulated.log import HabitLog
from migrate.edges.providers.simulated.performing import Troupe
from migrate.edges.providers.simulated.server import serve
from migrate.edges.providers.simulated.simulation import Simulation
from migrate.redaction import Redactor
from migrate.rendering import parse_candidate
from migrate.vocabulary import Reply

NOWHERE = "http://127.0.0.1:9/v1"
FORMS = ("chat", "chat_streamed", "chat_parsed", "chat_raw", "responses", "responses_streamed", "responses_parsed")
redact = Redactor().value


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a simulated provider that waits for nothing."""
    log = HabitLog(Path(tmp_path_factory.mktemp("simulated")) / "habits.jsonl")
    simulation = Simulation(redact=redact, book=AnswerBook.of([]), troupe=Troupe(1), time_scale=0.0, log=log)
    loop, stop, ready, urls = asyncio.new_event_loop(), asyncio.Event(), threading.Event(), list[str]()

    def told(url: str) -> None:
        urls.append(url)
        ready.set()

    def run() -> None:
        loop.run_until_complete(serve(simulation, ready=told, stop=stop))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    log.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", FORMS)
def test_what_the_simulated_provider_said_is_replayed(simulated: str, form: str, kind: str):
    """Live and replayed the application sees the same; every reply is marked as simulated."""
    with Interception("record", SystemClock(), redact) as trace:
        live = outcome(ANSWERED[form], clients(simulated)[kind]())
    with Interception("offline", SystemClock(), redact, answers=Tape.of_calls(trace.calls)) as again:
        replayed = outcome(ANSWERED[form], clients(NOWHERE)[kind]())
    assert ([], "") == (again.misses, trace.first_fault)
    assert told_by(live) == told_by(replayed)
    assert {True} == {call.simulated for call in (*trace.calls, *again.calls)}
    assert all(isinstance(call.outcome, Reply) for call in trace.calls)
    assert "raised" not in live


def told_by(seen: Any) -> Any:
    """Return what was said, without the ids of headers and without counts of zero, which no reply keeps apart."""
    if isinstance(seen, list) and not isinstance(said(seen), list):
        return _counted(said(seen))
    if not isinstance(seen, list):
        return _counted(said(seen))
    return [_counted(said(part)) for part in seen if not str(part).startswith("req_")]


def _counted(value: Any) -> Any:
    if isinstance(value, dict):
        items = {name: _counted(item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item not in (0, {}, None)}
    return type(value)(map(_counted, value)) if isinstance(value, (list, tuple)) else value


def test_its_own_figures_of_time_count(simulated: str):
    """Its waits are shortened; the latency it tells of is the one that is recorded, streamed or not."""
    with Interception("record", SystemClock(), redact) as trace:
        for form in ("chat", "chat_streamed"):
            outcome(ANSWERED[form], clients(simulated)["sync"]())
    plain, streamed = (call.timing for call in trace.calls)
    assert plain is not None
    assert streamed is not None
    assert (None, True) == (plain.first_token_ms, plain.total_ms > 50)
    assert streamed.first_token_ms is not None
    assert 0 < streamed.first_token_ms < streamed.total_ms


def test_a_run_is_routed_there_with_its_sample(simulated: str):
    """An application that knows nothing of it is sent there, each run with the number of its sample."""
    texts = []
    for sample in (1, 2, 1):
        route = Route(simulated, {"authorization": "Bearer none"})
        to_the_simulated = Interception(
            "live",
            SystemClock(),
            redact,
            swap=parse_candidate("gpt-4.1"),
            route=lambda _, route=route: route,
            headers={"x-prompt-migrate-sample": str(sample)},
        )
        with to_the_simulated as trace, openai.OpenAI(api_key=KEY) as client:
            answer = client.responses.create(model="gpt-4o", input="Write about parcels, with numbers 17 and 23.")
        assert "gpt-4.1" == trace.calls[0].request.model
        texts.append(dump(answer)["id"])
    assert texts[0] == texts[2] != texts[1]
