"""Other people's interceptors and other people's calls: theirs stay theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import sdk_forms
import vcr
import yaml
from scripted_server import Scripted, ScriptedServer, Seen, ok
from sdk_forms import KEY, MODEL, USER

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, Trace
from migrate.rendering import parse_candidate
from migrate.vocabulary import NoReplyKind


def provider(seen: Seen) -> Scripted:
    return sdk_forms.provider(seen) if seen.path.startswith("/v1/") else ok({"weather": "rain"})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(provider) as running:
        yield running


def recording() -> Interception:
    return Interception("record", SystemClock(), lambda value: value)


def application(server: ScriptedServer) -> tuple[str | None, str]:
    """Ask the model, and another service over the same HTTP library."""
    with openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        told = client.chat.completions.create(model=MODEL, messages=USER).choices[0].message.content  # type: ignore[call-overload]
    with httpx2.Client() as http_client:
        weather = http_client.get(f"http://127.0.0.1:{server.port}/weather").json()["weather"]
    return told, weather


async def application_async(server: ScriptedServer) -> tuple[str | None, str]:
    """The same, asynchronously."""
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        whole = await client.chat.completions.create(model=MODEL, messages=USER)  # type: ignore[call-overload]
    async with httpx2.AsyncClient() as http_client:
        weather = (await http_client.get(f"http://127.0.0.1:{server.port}/weather")).json()["weather"]
    return whole.choices[0].message.content, weather


def recorded(server: ScriptedServer) -> Trace:
    with recording() as trace:
        application(server)
    assert 1 == len(trace.calls), "the other service is no call of a model"
    return trace


def offline(trace: Trace) -> Interception:
    return Interception("offline", SystemClock(), lambda value: value, answers=Tape(map(Recorded.of, trace.exchanges)))


def paths(cassette: Path) -> list[str]:
    document = yaml.safe_load(cassette.read_text())
    return [interaction["request"]["uri"].partition("/v1")[2] or "/weather" for interaction in document["interactions"]]


@pytest.mark.parametrize("outer", ["vcr", "ours"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_offline_a_cassette_gets_the_other_calls(
    server: ScriptedServer, tmp_path: Path, outer: str, asynchronous: bool
):
    """A replayed call of the API never reaches vcrpy; the other service's call is recorded in its cassette."""
    trace = recorded(server)
    cassette = tmp_path / "cassette.yaml"
    managers: list[Any] = [vcr.use_cassette(str(cassette), record_mode="new_episodes"), offline(trace)]
    with ExitStack() as stack:
        for manager in managers if outer == "vcr" else reversed(managers):
            stack.enter_context(manager)
        told, weather = asyncio.run(application_async(server)) if asynchronous else application(server)
    assert told is not None
    assert told.startswith("Your parcel")
    assert ("rain", ["/weather"]) == (weather, paths(cassette))


@pytest.mark.parametrize("outer", ["vcr", "ours"])
def test_live_a_cassette_sees_what_is_sent(server: ScriptedServer, tmp_path: Path, outer: str):
    """vcrpy sits below: it sees a live call after the swap, and records it as its user told it to."""
    cassette = tmp_path / "cassette.yaml"
    live = Interception("live", SystemClock(), lambda value: value, swap=parse_candidate("gpt-4.1"))
    managers: list[Any] = [vcr.use_cassette(str(cassette), record_mode="once"), live]
    with ExitStack() as stack:
        for manager in managers if outer == "vcr" else reversed(managers):
            stack.enter_context(manager)
        application(server)
    assert ["/chat/completions", "/weather"] == paths(cassette)
    assert '"model":"gpt-4.1"' in cassette.read_text()


def test_a_cassette_that_plays_the_old_model_is_found_out(server: ScriptedServer, tmp_path: Path):
    """A cassette that matches by URL gives the baseline's answer to the candidate's call: that is no reply."""
    cassette = str(tmp_path / "cassette.yaml")
    with vcr.use_cassette(cassette, record_mode="once"):
        application(server)
    swapped = Interception("live", SystemClock(), lambda value: value, swap=parse_candidate("gpt-4.1"))
    with swapped as trace, vcr.use_cassette(cassette, record_mode="none"):
        application(server)
    assert NoReplyKind.WRONG_MODEL is trace.calls[0].outcome.kind  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "http://weather.example/today", None),
        ("POST", "http://weather.example/responses", {"model": "sunny", "input": "x"}),
        ("POST", "http://vectors.example/embeddings", {"model": "own", "input": "x"}),
        ("POST", "http://weather.example/v1/chat/completions/export", {"model": "x", "messages": []}),
        ("GET", "http://weather.example/v1/chat/completions", None),
    ],
)
@pytest.mark.parametrize("mode", ["record", "offline"])
def test_calls_that_are_not_of_the_api_are_left_alone(mode: Any, method: str, url: str, body: Any):
    """Other hosts and paths pass untouched in every mode, the very request object included."""
    passed: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        passed.append(request)
        return httpx2.Response(200, json={})

    request = httpx2.Request(method, url, json=body)
    ours = Interception(mode, SystemClock(), lambda value: value, answers=Tape(()))
    with ours as trace, httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        response = client.send(request)
    assert passed == [request]
    assert passed[0] is request is response.request
    assert ((), {}, []) == (trace.calls, trace.others, trace.misses)


@pytest.mark.parametrize(
    ("url", "hosts", "seen"),
    [
        ("https://api.openai.com/v1/responses", (), True),
        ("https://eu.api.openai.com/v1/embeddings", (), True),
        ("https://mine.openai.azure.com/openai/v1/responses", (), True),
        ("https://notopenai.azure.com/openai/v1/responses", (), False),
        ("http://gateway.internal/v1/responses", (), False),
        ("http://gateway.internal/v1/responses", ("gateway.internal",), True),
        ("http://gateway.internal/v1/chat/completions", (), True),
    ],
)
def test_calls_without_the_sdk_are_told_by_host_and_path(url: str, hosts: tuple[str, ...], seen: bool):
    """A library that speaks HTTP itself is seen at the API's hosts, at hosts that are named, and by the chat path."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={}))
    ours = Interception("record", SystemClock(), lambda value: value, hosts=hosts)
    body = {"model": MODEL, "messages": [], "input": "x"}
    with ours as trace, httpx2.Client(transport=transport) as client:
        client.post(url, json=body)
    assert seen == bool(trace.calls)
