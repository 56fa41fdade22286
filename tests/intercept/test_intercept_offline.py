"""Offline calls are found by what they ask, never by where or in which order; what is not found does not leave."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
import sdk_forms
from scripted_server import Scripted, ScriptedServer, Seen, answer, ok
from sdk_forms import ANSWERED, KEY, MODEL, TOOLS, USER, clients, outcome

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, Trace
from migrate.redaction import Redactor
from migrate.rendering import parse_candidate
from migrate.vocabulary import NoReplyKind, Reply

redact = Redactor().value
NOWHERE = "http://127.0.0.1:9/v1"


def record(script: Any, work: Any) -> Trace:
    """Run `work` with the URL of a server, recorded; return the trace."""
    with ScriptedServer(script) as server, Interception("record", SystemClock(), redact) as trace:
        work(server.url)
    assert 0 == trace.faults, trace.first_fault
    return trace


def offline(trace: Trace, **facts: Any) -> Interception:
    return Interception("offline", SystemClock(), redact, answers=Tape(map(Recorded.of, trace.exchanges)), **facts)


def ask(url: str, **body: Any) -> str | None:
    """Make one chat call with a client of its own; return the text."""
    with openai.OpenAI(api_key=KEY, base_url=url, max_retries=2) as client:
        given: Mapping[str, Any] = {"model": MODEL, "messages": USER, **body}
        return client.chat.completions.create(**given).choices[0].message.content


def echo(seen: Seen) -> Scripted:
    """Answer each question with itself and the number of times it came."""
    text = seen.json["messages"][-1]["content"]
    echo.met[text] = echo.met.get(text, 0) + 1  # type: ignore[attr-defined]
    return ok(answer(f"{text} #{echo.met[text]}", model="gpt-4o-2024-08-06"))  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _fresh_echo() -> Iterator[None]:
    echo.met = {}  # type: ignore[attr-defined]
    return


async def ask_many(url: str, questions: list[str]) -> dict[int, str | None]:
    """Ask all questions at once; return the answers by place."""
    async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as client:

        async def one(question: str) -> str | None:
            messages: Any = [{"role": "user", "content": question}]
            whole = await client.chat.completions.create(model=MODEL, messages=messages)
            return whole.choices[0].message.content

        return dict(enumerate(await asyncio.gather(*map(one, questions))))


def test_two_hundred_calls_in_another_order_get_their_own_answers():
    """No answer crosses over, however the calls are shuffled."""
    questions = [f"question {number}" for number in range(200)]
    trace = record(echo, lambda url: asyncio.run(ask_many(url, questions)))
    shuffled = random.Random(7).sample(questions, len(questions))
    with offline(trace) as again:
        answers = asyncio.run(ask_many(NOWHERE, shuffled))
    assert [f"{question} #1" for question in shuffled] == list(answers.values())
    assert [] == again.misses


def test_fifty_threads_get_their_own_answers():
    """The same in a pool of threads."""
    questions = [f"question {number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:

        def work(url: str) -> list[str | None]:
            return list(pool.map(lambda text: ask(url, messages=[{"role": "user", "content": text}]), questions))

        trace = record(echo, work)
        assert 50 == len(trace.calls)
        questions.reverse()
        with offline(trace):
            assert [f"{question} #1" for question in questions] == work(NOWHERE)


def test_equal_calls_get_their_samples_one_after_the_other():
    """The n-th equal call gets the n-th answer; the one after the last is a miss."""
    trace = record(echo, lambda url: [ask(url) for _ in range(3)])
    assert [0, 1, 2] == [exchange.equal for exchange in trace.exchanges]
    with offline(trace) as again:
        assert [f"Where is parcel 7? #{number}" for number in (1, 2, 3)] == [ask(NOWHERE) for _ in range(3)]
        with pytest.raises(openai.APIConnectionError, match="for the 4th time: it was recorded less often"):
            ask(NOWHERE)
    assert 1 == len(again.misses)


CHANGES: Mapping[str, tuple[dict[str, Any], str]] = {
    "a parameter": ({"temperature": 0.2}, "$.temperature"),
    "a parameter more": ({"top_p": 0.5}, "$.top_p"),
    "another model": ({"model": "gpt-4o-mini"}, "$.model"),
    "another question": ({"messages": [{"role": "user", "content": "Where is parcel 8?"}]}, "$.messages[0].content"),
    "a message more": ({"messages": [*USER, {"role": "user", "content": "now"}]}, "$.messages[1]"),
    "a tool's description": (
        {"tools": [{"type": "function", "function": {**TOOLS[0]["function"], "description": "x"}}]},  # type: ignore[dict-item]
        "$.tools[0].function.description",
    ),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array"}}}},
        "$.response_format.json_schema.schema.type",
    ),
}
RECORDED: Mapping[str, Any] = {
    "temperature": 0.1,
    "tools": TOOLS,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_request_misses_and_says_where(change: str):
    """Any change of a request is a miss; the nearest recording is named with the first place that differs."""
    changed, path = CHANGES[change]
    trace = record(echo, lambda url: [ask(url, **RECORDED), ask(url, messages=[{"role": "user", "content": "far"}])])
    with offline(trace) as again, pytest.raises(openai.APIConnectionError) as caught:
        ask(NOWHERE, **{**RECORDED, **changed})
    (miss,) = again.misses
    assert path == miss.path
    assert miss.nearest is trace.calls[0].request
    assert miss.message in str(caught.value)
    assert str(path) in miss.message


def test_a_miss_is_a_no_reply_made_once():
    """The SDK does not try a miss again, so that a missing recording costs no pauses; the trace holds one call."""
    trace = record(echo, ask)
    with offline(trace) as again:
        with pytest.raises(openai.APIConnectionError):
            ask(NOWHERE, seed=1)
        with pytest.raises(openai.APIConnectionError):
            ask(NOWHERE, seed=1)
    (call,) = again.calls
    assert NoReplyKind.NO_RECORDING is call.outcome.kind  # type: ignore[union-attr]
    assert (2, 0) == (call.attempts, call.lost)
    assert 1 == len(again.misses)


def test_a_miss_without_any_recording_says_so():
    """Where nothing is near, nothing is named."""
    with offline(Trace(opened=0.0)) as again, pytest.raises(openai.APIConnectionError, match="nothing of chat is rec"):
        ask(NOWHERE)
    assert None is again.misses[0].nearest


def test_a_miss_shows_no_secrets():
    """The words of a miss are redacted as recordings are."""
    trace = record(echo, ask)
    secret = "mail anna.berg@example.com"
    with offline(trace) as again, pytest.raises(openai.APIConnectionError) as caught:
        ask(NOWHERE, messages=[{"role": "user", "content": secret}])
    assert "anna.berg" not in str(caught.value) + again.misses[0].message
    assert "<email:" in again.misses[0].message


def test_redacted_recordings_still_match():
    """Keys are of redacted bodies: a chain that quotes a redacted answer asks what was recorded."""
    quoting: list[str] = []

    def script(seen: Seen) -> Scripted:
        quoting.append(seen.json["messages"][-1]["content"])
        return ok(answer("write to anna.berg@example.com", model="gpt-4o-2024-08-06"))

    def chain(url: str) -> str | None:
        first = ask(url)
        return ask(url, messages=[{"role": "user", "content": f"again: {first}"}])

    trace = record(script, chain)
    stored = [
        Recorded(call, body=redact(exchange.body)) for exchange, call in zip(trace.exchanges, trace.calls, strict=True)
    ]
    with Interception("offline", SystemClock(), redact, answers=Tape(stored)) as again:
        assert "<email:" in str(chain(NOWHERE))
    assert [] == again.misses
    assert "again: write to anna.berg@example.com" == quoting[1]


def test_nothing_leaves(monkeypatch: pytest.MonkeyPatch):
    """Offline no socket is opened, for recorded calls, for misses, or for other calls of the API."""
    trace = record(sdk_forms.provider, lambda url: outcome(ANSWERED["chat"], clients(url)["sync"]()))

    def refused(*_: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    with offline(trace) as again, openai.OpenAI(api_key=KEY) as client:
        outcome(ANSWERED["chat"], openai.OpenAI(api_key=KEY))
        for call in (
            lambda: client.chat.completions.create(model=MODEL, messages=[]),
            lambda: client.responses.create(model=MODEL, input="x"),
            lambda: client.embeddings.create(model="text-embedding-3-small", input="x"),
            lambda: client.moderations.create(input="x"),
            client.models.list,
            lambda: client.responses.retrieve("resp_1"),
        ):
            with pytest.raises(openai.APIConnectionError):
                call()
    assert {"POST /v1/moderations": 1, "GET /v1/models": 1, "GET /v1/responses/resp_1": 1} == again.others
    assert 3 == len(again.misses)


def test_a_call_that_cannot_be_read_does_not_leave():
    """A body that is no question is refused offline; live it goes its way and is counted."""
    refused = pytest.raises(openai.APIConnectionError, match="POST /v1/chat/completions is not recorded")
    with offline(Trace(opened=0.0)) as again, openai.OpenAI(api_key=KEY, base_url=NOWHERE) as client, refused:
        client.post("/chat/completions", cast_to=object, body={"model": MODEL})
    assert {"POST /v1/chat/completions": 1} == again.others
    with ScriptedServer(lambda _: ok({})) as server, Interception("record", SystemClock(), redact) as live:
        with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
            client.post("/chat/completions", cast_to=object, body={"model": MODEL})
        assert 1 == len(server.seen)
    assert ((), {"POST /v1/chat/completions": 1}) == (live.calls, live.others)


def test_embeddings_without_their_vectors_are_a_miss():
    """A normalised reply holds no vectors: without the body there is nothing to answer with."""
    trace = record(sdk_forms.provider, lambda url: outcome(ANSWERED["embeddings"], clients(url)["sync"]()))
    answers = Tape.of_calls(trace.calls)
    with Interception("offline", SystemClock(), redact, answers=answers) as again:
        seen = outcome(ANSWERED["embeddings"], clients(NOWHERE)["sync"]())
    assert ["raised", "APIConnectionError"] == seen[:2]
    assert 1 == len(again.misses)


def test_a_candidate_is_replayed_under_its_own_name():
    """What was recorded of a candidate answers a swapped call, and no call of the baseline."""
    with ScriptedServer(sdk_forms.provider) as server:
        swap = parse_candidate("gpt-4.1")
        with Interception("live", SystemClock(), redact, swap=swap) as trace:
            first = outcome(ANSWERED["chat_tool_loop"], clients(server.url)["sync"]())
    with offline(trace, swap=swap) as again:
        replayed = outcome(ANSWERED["chat_tool_loop"], clients(NOWHERE)["sync"]())
    assert [] == again.misses
    assert [one["model"] for one in first] == [one["model"] for one in replayed]
    with offline(trace) as baseline:
        assert "raised" == outcome(ANSWERED["chat"], clients(NOWHERE)["sync"]())[0]
    assert 1 == len(baseline.misses)


def test_drawn_ids_do_not_make_another_request():
    """Two runs of a chain ask the same second question, whatever ids the provider drew in between."""
    keys = []
    for drawn in ("call_aaa", "call_bbb"):

        def script(seen: Seen, drawn: str = drawn) -> Scripted:
            body = json.loads(sdk_forms.provider(seen).pieces[0].split(b"\r\n\r\n", 1)[1])
            return ok(json.loads(json.dumps(body).replace("_drawn", f"_{drawn}")))

        for form in ("chat_tool_loop", "responses_tool_loop", "responses_quoting"):
            form_of = ANSWERED[form]
            trace = record(script, lambda url, form_of=form_of: outcome(form_of, clients(url)["sync"]()))
            keys.append([call.request.request_key for call in trace.calls])
    assert keys[:3] == keys[3:]
    assert 6 == len({key for pair in keys[:3] for key in pair})


def test_two_conversations_that_go_on_alike_are_not_mixed_up():
    """A request that only names an earlier answer is told from one that names another."""

    def script(seen: Seen) -> Scripted:
        body = seen.json
        whole = json.loads(sdk_forms.provider(seen).pieces[0].split(b"\r\n\r\n", 1)[1])
        whole["id"] = f"resp_{len(script.seen)}"  # type: ignore[attr-defined]
        script.seen.append(whole["id"])  # type: ignore[attr-defined]
        before = body.get("previous_response_id")
        whole["output"][0]["content"][0]["text"] = f"{body['input']} after {before}" if before else body["input"]
        return ok(whole)

    script.seen = []  # type: ignore[attr-defined]

    def talk(url: str, topics: list[str]) -> dict[str, str]:
        with openai.OpenAI(api_key=KEY, base_url=url) as client:
            first = {topic: client.responses.create(model=MODEL, input=topic) for topic in topics}
            return {
                topic: client.responses.create(
                    model=MODEL, input="go on", previous_response_id=first[topic].id
                ).output_text
                for topic in topics
            }

    told: dict[str, str] = {}
    trace = record(script, lambda url: told.update(talk(url, ["ships", "trains"])))
    with offline(trace) as again:
        replayed = talk(NOWHERE, ["trains", "ships"])
    assert [] == again.misses
    assert told == replayed
    assert told["ships"] != told["trains"]


def test_the_clients_own_hooks_are_told_of_a_replay():
    """An application that logs by hooks of its HTTP client logs a replayed call as well; `elapsed` is there."""
    trace = record(echo, ask)
    told: list[str] = []
    hooks: Any = {
        "request": [lambda request: told.append(request.method)],
        "response": [lambda response: told.append(str(response.status_code))],
    }
    with offline(trace), httpx2.Client(event_hooks=hooks) as http_client:
        client = openai.OpenAI(api_key=KEY, base_url=NOWHERE, http_client=http_client)
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=USER)  # type: ignore[arg-type]
    assert ["POST", "200"] == told
    timing = trace.calls[0].timing
    assert timing is not None
    assert pytest.approx(timing.total_ms, abs=0.01) == raw.elapsed.total_seconds() * 1000


def test_a_closed_client_is_still_closed():
    """A replay answers no client that could not have asked."""
    trace = record(echo, ask)
    client = openai.OpenAI(api_key=KEY, base_url=NOWHERE, max_retries=0)
    client.close()
    with offline(trace), pytest.raises(RuntimeError, match="closed"):
        client.chat.completions.create(model=MODEL, messages=USER)  # type: ignore[arg-type]


def test_recorded_answers_spare_live_calls():
    """Live, too, what was recorded is not asked again; only what is missing goes out."""
    trace = record(echo, ask)
    with ScriptedServer(echo) as server:
        tape = Tape(map(Recorded.of, trace.exchanges))
        with Interception("live", SystemClock(), redact, answers=tape) as again:
            assert ["Where is parcel 7? #1", "Where is parcel 7? #2"] == [ask(server.url), ask(server.url)]
        assert 1 == len(server.seen)
    assert ["recording", "live"] == [call.source.value for call in again.calls]


def test_figures_of_a_replay_are_those_of_the_recording():
    """Usage, timing and the time of day are kept from the live call."""
    trace = record(echo, ask)
    with offline(trace) as again:
        ask(NOWHERE)
    (first,), (second,) = trace.calls, again.calls
    assert isinstance(first.outcome, Reply)
    assert isinstance(second.outcome, Reply)
    assert (first.timing, first.at, first.outcome.usage) == (second.timing, second.at, second.outcome.usage)
