"""The application sees what it would see without us: every form of call, every client, recorded and replayed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import sdk_forms
from scripted_server import Scripted, ScriptedServer
from sdk_forms import ANSWERED, FAILING, KEY, clients, outcome

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, Trace
from migrate.redaction import Redactor
from migrate.vocabulary import NoReply, NoReplyKind, Reply, Source

CLIENTS = tuple(clients("http://unused/v1"))
redact = Redactor().value


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(sdk_forms.provider) as running:
        yield running


def recording(**facts: Any) -> Interception:
    return Interception("record", SystemClock(), redact, **facts)


def recorded(server: ScriptedServer, form: str, kind: str) -> tuple[Any, Trace]:
    with recording() as trace:
        seen = outcome((ANSWERED | FAILING)[form], clients(server.url)[kind]())
    return seen, trace


def sent(server: ScriptedServer, since: int) -> list[tuple[Any, ...]]:
    return [(seen.method, seen.path, sorted(seen.headers.items()), seen.body) for seen in server.seen[since:]]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        *itertools.product(CLIENTS, ANSWERED),
        *itertools.product(("sync", "async", "async, aiohttp"), FAILING),
    ],
)
def test_the_application_and_the_server_notice_nothing(server: ScriptedServer, kind: str, form: str):
    """Objects, exceptions with their causes, requests and headers are the same with and without us."""
    start = len(server.seen)
    plain = outcome((ANSWERED | FAILING)[form], clients(server.url)[kind]())
    middle = len(server.seen)
    watched, trace = recorded(server, form, kind)
    assert plain == watched
    assert (form in FAILING) or "raised" not in plain
    assert sent(server, start)[: middle - start] == sent(server, middle)
    assert middle > start
    assert 0 == trace.faults, trace.first_fault
    assert 0 == trace.under_way


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("form", ANSWERED)
def test_every_call_is_in_the_trace_with_its_reply(server: ScriptedServer, form: str, kind: str):
    """The trace holds each call in order, with request, reply, usage, timing and time of day."""
    start = len(server.seen)
    _, trace = recorded(server, form, kind)
    assert [json.loads(seen.body)["model"] for seen in server.seen[start:]] == [
        call.request.model for call in trace.calls
    ]
    for ordinal, call in enumerate(trace.calls):
        assert isinstance(call.outcome, Reply), call.outcome
        assert (ordinal, 1, Source.LIVE) == (call.ordinal, call.attempts, call.source)
        assert call.timing is not None
        assert 0 < call.timing.total_ms
        assert call.at.endswith("Z")


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", ANSWERED)
def test_offline_gives_the_application_the_same_again(server: ScriptedServer, form: str, kind: str):
    """A replay from the recorded bodies differs from the live run in the ids that a provider draws, if in anything."""
    live, trace = recorded(server, form, kind)
    before = len(server.seen)
    with Interception("offline", SystemClock(), redact, answers=Tape(map(Recorded.of, trace.exchanges))) as again:
        replayed = outcome(ANSWERED[form], clients("http://127.0.0.1:9/v1")[kind]())
    assert [] == again.misses
    assert said(live) == said(replayed)
    assert before == len(server.seen)
    assert [call.outcome.answer for call in trace.calls] == [call.outcome.answer for call in again.calls]  # type: ignore[union-attr]
    assert {Source.RECORDING} == {call.source for call in again.calls}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", [name for name in ANSWERED if not name.startswith("embeddings")])
def test_normalised_replies_are_enough_for_a_replay(server: ScriptedServer, form: str, kind: str):
    """What a golden keeps, requests and replies without bodies, answers the application as well."""
    live, trace = recorded(server, form, kind)
    with Interception("offline", SystemClock(), redact, answers=Tape.of_calls(trace.calls)) as again:
        replayed = outcome(ANSWERED[form], clients("http://127.0.0.1:9/v1")[kind]())
    assert [] == again.misses
    assert said(live) == said(replayed)


def said(seen: Any) -> Any:
    """Return what the application was told, without drawn ids, times and the way it was cut into pieces."""
    if isinstance(seen, list) and seen and all(isinstance(item, dict) and _is_piece(item) for item in seen):
        return _joined(seen)
    if isinstance(seen, list):
        return [said(item) for item in seen]
    if not isinstance(seen, dict):
        return seen
    left_out = ("id", "created", "created_at", "call_id", "item_id", "previous_response_id", "index")
    return {name: said(value) for name, value in seen.items() if name not in left_out and value not in (None, [], {})}


def _is_piece(item: dict[str, Any]) -> bool:
    return item.get("object") == "chat.completion.chunk" or "sequence_number" in item


def _joined(pieces: list[dict[str, Any]]) -> Any:
    kinds = [kind for kind, _ in itertools.groupby(str(piece.get("type")) for piece in pieces)]
    deltas = [choice["delta"] for piece in pieces for choice in piece.get("choices", ())]
    text = "".join(delta.get("content") or "" for delta in deltas)
    text += "".join(piece["delta"] for piece in pieces if isinstance(piece.get("delta"), str))
    finish = [choice["finish_reason"] for piece in pieces for choice in piece.get("choices", ())][-1:]
    usage = [piece["usage"] for piece in pieces if piece.get("usage")]
    whole = [said(piece["response"]) for piece in pieces if piece.get("type") == "response.completed"]
    return kinds, text, finish, said(usage), whole


def test_attempts_of_the_sdk_are_one_call(server: ScriptedServer):
    """A call that the SDK tried twice is one call with two attempts; the pause between them is not its time."""
    _, trace = recorded(server, "once 500", "sync")
    (call,) = trace.calls
    assert isinstance(call.outcome, Reply)
    assert (2, 0, 0) == (call.attempts, call.lost, call.ordinal)
    assert call.timing is not None
    assert 0 < call.timing.waited_ms


@pytest.mark.parametrize(
    ("form", "kind", "attempts"),
    [
        ("answer 400", NoReplyKind.BAD_REQUEST, 1),
        ("answer 401", NoReplyKind.AUTHENTICATION, 1),
        ("answer 404", NoReplyKind.MODEL_NOT_FOUND, 1),
        ("answer 429", NoReplyKind.RATE_LIMIT, 2),
        ("answer 500", NoReplyKind.SERVER_ERROR, 2),
        ("a page", NoReplyKind.NOT_AN_API_ANSWER, 1),
        ("half a body", NoReplyKind.MALFORMED_BODY, 1),
        ("an error object", NoReplyKind.NOT_AN_API_ANSWER, 1),
        ("hang up", NoReplyKind.CONNECTION, 2),
        ("an error event, streamed", NoReplyKind.SERVER_ERROR, 1),
        ("no end, streamed", NoReplyKind.INCOMPLETE_STREAM, 1),
        ("cut stream, streamed", NoReplyKind.CONNECTION, 1),
    ],
)
@pytest.mark.parametrize("client", ["sync", "async", "async, aiohttp"])
def test_faults_of_the_road_are_no_replies(
    server: ScriptedServer, form: str, kind: NoReplyKind, attempts: int, client: str
):
    """What the SDK takes for an answer and what it raises for are told apart by what came over the wire."""
    _, trace = recorded(server, form, client)
    (call,) = trace.calls
    assert isinstance(call.outcome, NoReply)
    assert (kind, attempts) == (call.outcome.kind, call.attempts)


def test_a_refused_connection_is_a_no_reply():
    """Where nobody listens the application gets its error, and the trace says so."""
    with recording() as trace:
        seen = outcome(ANSWERED["chat"], openai.OpenAI(api_key=KEY, base_url="http://127.0.0.1:9/v1", max_retries=0))
    assert "APIConnectionError" == seen[1]
    assert NoReplyKind.CONNECTION is trace.calls[0].outcome.kind  # type: ignore[union-attr]


def test_a_timeout_is_a_no_reply():
    """The application's own timeout is kept as what it is."""
    with ScriptedServer(lambda _: Scripted((b"",), (30.0,))) as slow, recording() as trace:
        seen = outcome(ANSWERED["chat"], openai.OpenAI(api_key=KEY, base_url=slow.url, max_retries=0, timeout=0.05))
    assert "APITimeoutError" == seen[1]
    assert NoReplyKind.TIMEOUT is trace.calls[0].outcome.kind  # type: ignore[union-attr]
    assert 1 == trace.calls[0].lost


def test_the_client_of_the_module_is_seen(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch):
    """`openai.chat.completions.create` goes through a client nobody made."""
    monkeypatch.setattr(openai, "api_key", KEY)
    monkeypatch.setattr(openai, "base_url", f"{server.url}/")
    monkeypatch.setattr(openai, "_client", None)
    with recording() as trace:
        openai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    openai._client.close()  # type: ignore[attr-defined]
    assert 1 == len(trace.calls)


@pytest.mark.parametrize("form", [*ANSWERED, "answer 401", "hang up"])
def test_the_key_is_nowhere_in_the_trace(server: ScriptedServer, form: str):
    """Headers are not recorded, so the key cannot be."""
    _, trace = recorded(server, form, "sync")
    assert KEY not in repr(trace.exchanges)
    assert KEY not in repr(trace)


def test_seen_is_told_of_every_attempt(server: ScriptedServer):
    """The callback gets each exchange as it ends, one that is tried again once more."""
    told: list[tuple[int, int]] = []
    with recording(seen=lambda exchange: told.append((exchange.call.ordinal, exchange.call.attempts))):
        outcome(FAILING["once 500"], clients(server.url)["sync"]())
        outcome(ANSWERED["chat_tool_loop"], clients(server.url)["sync"]())
    assert [(0, 1), (0, 2), (1, 1), (2, 1)] == told
