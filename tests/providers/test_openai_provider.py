"""One call through the real SDK to a real server: what is a reply, what is a fault of the road, and which."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openai
import pytest
from scripted_server import Scripted, ScriptedServer, Seen, answer, error, events, http, ok

from migrate.canonical import request_of
from migrate.edges.providers.by_model import ByModel, Route
from migrate.edges.providers.openai import connect, retry_after
from migrate.ports import Attempt
from migrate.redaction import Redactor
from migrate.vocabulary import Api, NoReply, NoReplyKind, Reply, Request, ToolCall, Usage

MODEL = "gpt-4.1"


def ask(
    script: Callable[[Seen], Scripted], *, api: Api = "chat", timeout_s: float = 5.0, later: bool = False, **body: Any
) -> Attempt:
    """Make one call; `later`: after one that went well, so that it goes the way of all but a run's first calls."""

    async def run(url: str) -> Attempt:
        provider = connect(name="test", api_key="sk-test", base_url=url)
        request = request_of(api, {"model": MODEL, "messages": [], **body}, lambda value: value)
        try:
            for _ in range(later):
                assert isinstance((await provider.ask(request, sample=1, timeout_s=timeout_s)).outcome, Reply)
            return await provider.ask(request, sample=1, timeout_s=timeout_s)
        finally:
            await provider.close()

    with ScriptedServer(_after_an_answer(script) if later else script) as server:
        return asyncio.run(run(server.url))


def _after_an_answer(script: Callable[[Seen], Scripted]) -> Callable[[Seen], Scripted]:
    asked = itertools.count()
    return lambda seen: script(seen) if next(asked) else ok(answer())


LATER = pytest.mark.parametrize("later", [False, True], ids=["first", "later"])


def reply(script: Callable[[Seen], Scripted], **how: Any) -> Reply:
    outcome = ask(script, **how).outcome
    assert isinstance(outcome, Reply), outcome
    return outcome


def fault(script: Callable[[Seen], Scripted], **how: Any) -> NoReply:
    outcome = ask(script, **how).outcome
    assert isinstance(outcome, NoReply), outcome
    return outcome


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def test_a_chat_answer_is_read_whole():
    """Text, served model, usage, tier and request id come out of a chat completion."""
    body = {**answer("guten Tag"), "service_tier": "default", "system_fingerprint": "fp_1"}
    got = reply(lambda _: ok(body, x_request_id="req_1"))
    assert "guten Tag" == got.answer.text
    assert ("gpt-4.1-2025-04-14", "default", "fp_1", "req_1") == (
        got.served_model,
        got.service_tier,
        got.fingerprint,
        got.request_id,
    )
    assert Usage(10, 4, None, 2, 0) == got.usage


def test_the_body_is_sent_as_rendered_with_the_key_in_the_header():
    """Nothing is added to the request's body; the key travels in the authorization header only."""
    with ScriptedServer(lambda _: ok(answer())) as server:

        async def run() -> None:
            provider = connect(name="test", api_key="sk-test", base_url=server.url)
            body = {"model": MODEL, "messages": [{"role": "user", "content": "häßlich \ud83d"}]}
            await provider.ask(request_of("chat", body, lambda value: value), sample=3, timeout_s=5)
            await provider.close()

        asyncio.run(run())
        seen = server.seen[0]
    assert "/v1/chat/completions" == seen.path
    assert "Bearer sk-test" == seen.headers["authorization"]
    assert "x-prompt-migrate-sample" not in seen.headers
    assert "häßlich \ud83d" == json.loads(seen.body.decode("utf-8", "surrogatepass"))["messages"][0]["content"]


def test_a_later_call_differs_from_the_first_in_its_body_and_its_sample_only():
    """What the SDK found out for a path's first request serves the next: same place, same headers, same key."""
    with ScriptedServer(lambda _: ok(answer())) as server:

        async def run() -> None:
            headers = {"x-team": "search"}
            provider = connect(name="t", api_key="sk-test", base_url=server.url, simulated=True, headers=headers)
            for sample, text in enumerate(("one", "twelve"), start=1):
                body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
                await provider.ask(request_of("chat", body, lambda value: value), sample=sample, timeout_s=5)
            await provider.close()

        asyncio.run(run())
        first, later = server.seen
    differs = ("content-length", "x-prompt-migrate-sample")
    kept = {name: value for name, value in first.headers.items() if name not in differs}
    assert (first.path, kept) == (later.path, {n: v for n, v in later.headers.items() if n not in differs})
    assert ("1", "2") == (first.headers[differs[1]], later.headers[differs[1]])
    assert {"Bearer sk-test", "search"} <= set(later.headers.values())
    assert "twelve" == later.json["messages"][0]["content"]


def test_of_many_calls_at_once_the_sdk_is_asked_for_the_first_of_a_path_alone(monkeypatch: pytest.MonkeyPatch):
    """Calls that start together wait until it is known how a path is asked, not for the first answer."""
    by_sdk: list[str] = []
    post = openai.AsyncOpenAI.post

    def counted(client: Any, path: str, **how: Any) -> Any:
        by_sdk.append(path)
        return post(client, path, **how)

    monkeypatch.setattr(openai.AsyncOpenAI, "post", counted)

    def script(seen: Seen) -> Scripted:
        whole = ok(answer())
        return replace(whole, pauses=(60.0,)) if seen.headers["x-prompt-migrate-sample"] == "0" else whole

    with ScriptedServer(script) as server:

        async def run() -> list[Attempt]:
            provider = connect(name="t", api_key="sk-test", base_url=server.url, simulated=True)
            request = request_of("chat", {"model": MODEL, "messages": []}, lambda value: value)
            first, *others = (asyncio.create_task(provider.ask(request, sample=n, timeout_s=60)) for n in range(8))
            try:
                return await asyncio.gather(*others)
            finally:
                first.cancel()
                await asyncio.wait([first])
                await provider.close()

        attempts = asyncio.run(run())
    assert ["/chat/completions"] == by_sdk
    assert [Reply] * 7 == [type(attempt.outcome) for attempt in attempts]


def test_a_first_call_that_cannot_be_sent_leaves_nobody_waiting():
    """Where the SDK itself could not send, every call is told its own fault."""

    async def run() -> list[Attempt]:
        provider = connect(name="t", api_key="sk-test", base_url="http://127.0.0.1:9/v1")
        request = request_of("chat", {"model": MODEL, "messages": []}, lambda value: value)
        try:
            return await asyncio.gather(*(provider.ask(request, sample=n, timeout_s=20) for n in range(4)))
        finally:
            await provider.close()

    kinds = [attempt.outcome.kind for attempt in asyncio.run(run()) if isinstance(attempt.outcome, NoReply)]
    assert [NoReplyKind.CONNECTION] * 4 == kinds


@LATER
def test_a_proxy_of_the_environment_is_asked_first_and_later(later: bool, monkeypatch: pytest.MonkeyPatch):
    """What is sent without the SDK's help takes the same road: through the proxy, to the address nobody else knows."""
    with ScriptedServer(lambda _: ok(answer())) as proxy:
        for name in ("NO_PROXY", "no_proxy", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))

        async def run() -> None:
            provider = connect(name="t", api_key="sk-test", base_url="http://models.invalid/v1")
            request = request_of("chat", {"model": MODEL, "messages": []}, lambda value: value)
            for _ in range(1 + later):
                assert isinstance((await provider.ask(request, sample=1, timeout_s=20)).outcome, Reply)
            await provider.close()

        asyncio.run(run())
    assert ["http://models.invalid/v1/chat/completions"] * (1 + later) == [seen.path for seen in proxy.seen]


def test_a_long_prompt_is_sent_a_piece_at_a_time():
    """Four megabytes arrive whole, first and later, and no library warns of them."""
    text = "word " * 800_000
    with ScriptedServer(lambda _: ok(answer())) as server:

        async def run() -> None:
            provider = connect(name="t", api_key="sk-test", base_url=server.url)
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
            for _ in range(2):
                await provider.ask(request_of("chat", body, lambda value: value), sample=1, timeout_s=20)
            await provider.close()

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            asyncio.run(run())
    assert [text, text] == [seen.json["messages"][0]["content"] for seen in server.seen]
    assert [] == [str(warning.message) for warning in told[1:]]


@LATER
def test_an_error_answer_is_quoted_by_its_code_and_message(later: bool):
    """What the provider says is wrong is what the user reads; an answer without words is told by its status."""
    said = ask(lambda _: error(400, "bad_thing", "no such thing\nat all"), later=later).outcome
    assert NoReply(NoReplyKind.BAD_REQUEST, "HTTP 400 bad_thing: no such thing", 400) == said
    page = http(b"<html>bad gateway</html>", status="502 X", kind="text/html")
    assert NoReply(NoReplyKind.SERVER_ERROR, "HTTP 502", 502) == ask(lambda _: page, later=later).outcome


def test_azure_is_asked_for_the_deployment_with_its_own_header_and_version():
    """A model is a deployment there: it stands in the path, the key in `api-key`, the version in the query."""
    with ScriptedServer(lambda _: ok(answer())) as server:

        async def run() -> None:
            address = server.url.removesuffix("/v1")
            provider = connect(name="azure", api_key="az-test", base_url=address, azure=True, api_version="2025-04-01")
            for api in ("chat", "responses"):
                request = request_of(api, {"model": MODEL, "messages": []}, lambda value: value)
                await provider.ask(request, sample=1, timeout_s=5)
            await provider.close()

        asyncio.run(run())
        chat, responses = server.seen
    assert f"/openai/deployments/{MODEL}/chat/completions?api-version=2025-04-01" == chat.path
    assert "az-test" == chat.headers["api-key"]
    assert "/openai/responses?api-version=2025-04-01" == responses.path


def test_tool_calls_are_read_from_both_apis():
    """Name, raw arguments and id of a call, whichever API made it."""
    chat = answer(None, tool_calls=[{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}])
    assert (ToolCall("f", "{}", "c1"),) == reply(lambda _: ok(chat)).answer.tool_calls
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c1"}
    responses = {
        "model": MODEL,
        "status": "completed",
        "output": [call],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    assert (ToolCall("f", "{}", "c1"),) == reply(lambda _: ok(responses), api="responses").answer.tool_calls


@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("completed", None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
    ],
)
def test_a_response_says_how_it_ended(status: str, details: Any, finish: str):
    """The status of a response becomes the finish that chat would have given."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "half"}]}
    body = {"model": MODEL, "status": status, "incomplete_details": details, "output": [message]}
    assert finish == reply(lambda _: ok(body), api="responses").answer.finish


def test_a_stream_gives_the_same_reply_and_a_time_to_first_token():
    """Chunks are put together; usage comes from the last one; the first content is timed."""
    stream = events(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "gu"}),
        chunk({"content": "ten"}),
        chunk({}, "stop"),
        {"model": "gpt-4.1-2025-04-14", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    )
    attempt = ask(lambda _: stream, stream=True)
    assert isinstance(attempt.outcome, Reply)
    assert ("guten", "stop", 7) == (
        attempt.outcome.answer.text,
        attempt.outcome.answer.finish,
        attempt.outcome.usage.input_tokens,
    )
    assert attempt.timing is not None
    assert attempt.timing.first_token_ms is not None
    assert attempt.timing.first_token_ms <= attempt.timing.total_ms


def test_streamed_tool_calls_are_joined_by_index():
    """Pieces of two interleaved calls end up in their own call."""
    piece = lambda index, **function: {"tool_calls": [{"index": index, "id": f"c{index}", "function": function}]}  # noqa: E731
    stream = events(
        chunk(piece(0, name="a", arguments='{"x"')),
        chunk(piece(1, name="b", arguments="{")),
        chunk(piece(0, arguments=":1}")),
        chunk(piece(1, arguments="}")),
        chunk({}, "tool_calls"),
    )
    assert (ToolCall("a", '{"x":1}', "c0"), ToolCall("b", "{}", "c1")) == reply(
        lambda _: stream, stream=True
    ).answer.tool_calls


@pytest.mark.parametrize(
    ("name", "scripted", "streamed", "kind"),
    [
        ("an HTML page", http(b"<html>Sign in</html>", kind="text/html"), False, NoReplyKind.NOT_AN_API_ANSWER),
        ("an error object", ok({"error": {"message": "boom"}}), False, NoReplyKind.NOT_AN_API_ANSWER),
        ("null choices", ok({**answer(), "choices": None}), False, NoReplyKind.MALFORMED_BODY),
        ("no choices", ok({**answer(), "choices": []}), False, NoReplyKind.MALFORMED_BODY),
        ("no model", ok({**answer(), "model": None}), False, NoReplyKind.MALFORMED_BODY),
        ("a list", ok([1]), False, NoReplyKind.NOT_AN_API_ANSWER),
        ("cut JSON", http(b'{"choices": [{"mess'), False, NoReplyKind.MALFORMED_BODY),
        ("an empty body", http(b""), False, NoReplyKind.MALFORMED_BODY),
        ("another model", ok(answer(model="gpt-4.1-mini-2025-04-14")), False, NoReplyKind.WRONG_MODEL),
        ("no finish reason", events(chunk({"content": "a"})), True, NoReplyKind.INCOMPLETE_STREAM),
        ("no last event", events(chunk({"content": "a"}, "stop"), done=False), True, NoReplyKind.INCOMPLETE_STREAM),
        ("a cut event", events(done=False, tail=b'data: {"choi\n\n'), True, NoReplyKind.INCOMPLETE_STREAM),
        ("an error event", events({"error": {"message": "overloaded"}}), True, NoReplyKind.SERVER_ERROR),
    ],
)
def test_what_the_sdk_calls_success_is_checked(name: str, scripted: Scripted, streamed: bool, kind: NoReplyKind):
    """A status of 200 does not make a reply."""
    got = fault(lambda _: scripted, **({"stream": True} if streamed else {}))
    assert kind is got.kind, name
    assert got.message


@pytest.mark.parametrize(
    ("scripted", "kind", "retry"),
    [
        (error(429, "rate_limit_exceeded"), NoReplyKind.RATE_LIMIT, True),
        (error(429, "insufficient_quota"), NoReplyKind.QUOTA, False),
        (error(401, "invalid_api_key"), NoReplyKind.AUTHENTICATION, False),
        (error(404, "model_not_found"), NoReplyKind.MODEL_NOT_FOUND, False),
        (error(400, "context_length_exceeded"), NoReplyKind.CONTEXT_LENGTH, False),
        (error(400, "unsupported_parameter"), NoReplyKind.BAD_REQUEST, False),
        (error(500), NoReplyKind.SERVER_ERROR, True),
        (error(503), NoReplyKind.SERVER_ERROR, True),
        (error(307, location="http://127.0.0.1:9/v1/chat/completions"), NoReplyKind.REDIRECT, False),
    ],
)
@LATER
def test_every_status_has_its_kind(scripted: Scripted, kind: NoReplyKind, retry: bool, later: bool):
    """The kind says whose fault it is, and whether asking again may help."""
    attempt = ask(lambda _: scripted, later=later)
    assert isinstance(attempt.outcome, NoReply)
    assert (kind, retry) == (attempt.outcome.kind, attempt.retry)


def test_one_ask_is_one_request():
    """Retries belong to the engine: the SDK makes none of its own."""
    with ScriptedServer(lambda _: error(500)) as server:

        async def run() -> None:
            provider = connect(name="test", api_key="sk-test", base_url=server.url)
            await provider.ask(request_of("chat", {"model": MODEL}, lambda value: value), sample=1, timeout_s=5)
            await provider.close()

        asyncio.run(run())
        assert 1 == len(server.seen)


@LATER
def test_a_dripping_body_does_not_outlive_its_deadline(later: bool):
    """The deadline is for the whole answer, not for each read."""
    body = json.dumps(answer()).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    pieces = (head, *(body[at : at + 10] for at in range(0, len(body), 10)))
    drip = Scripted(pieces, pauses=(0.0, *(0.1 for _ in pieces[1:])))
    got = fault(lambda _: drip, timeout_s=0.35, later=later)
    assert NoReplyKind.TIMEOUT is got.kind


@LATER
def test_a_connection_cut_in_the_middle_is_a_connection_fault(later: bool):
    """A body shorter than its length is no answer."""
    cut = Scripted(
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{",), hang_up=True
    )
    attempt = ask(lambda _: cut, later=later)
    assert isinstance(attempt.outcome, NoReply)
    assert NoReplyKind.CONNECTION is attempt.outcome.kind
    assert attempt.retry


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": "7", "completion_tokens": -1}, [], "many", {"prompt_tokens": True}]
)
def test_odd_usage_is_unknown_never_zero(usage: Any):
    """A count that is no whole non-negative number is None."""
    got = reply(lambda _: ok({**answer(), "usage": usage}))
    assert (None, None) == (got.usage.input_tokens, got.usage.output_tokens)


def test_rate_limit_headers_are_read():
    """What the provider says of its limits reaches the engine, durations in seconds."""
    headers = {
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-remaining-tokens": "1000",
        "x-ratelimit-reset-requests": "6m1.5s",
        "x-ratelimit-reset-tokens": "20ms",
    }
    limits = ask(lambda _: http(json.dumps(answer()).encode(), headers=headers)).limits
    assert (3, 1000, 361.5, 0.02) == (
        limits.remaining_requests,
        limits.remaining_tokens,
        limits.reset_requests_s,
        limits.reset_tokens_s,
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 15 Jan 2026 10:00:30 GMT", "date": "Thu, 15 Jan 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Thu, 15 Jan 2026 09:00:00 GMT", "date": "Thu, 15 Jan 2026 10:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None):
    """Milliseconds, seconds, and dates against the server's own clock; nonsense is no pause."""
    now = lambda: dt.datetime(2030, 1, 1, tzinfo=dt.UTC)  # noqa: E731
    assert seconds == retry_after(headers, now)


def test_a_complaint_is_redacted_before_anybody_sees_it() -> None:
    """A server that quotes the key it was sent: the no-reply, on its way to a log, has it no more."""
    key = "hunter2-hunter2"
    seen = error(401, message=f"Incorrect API key provided: {key}.")
    with ScriptedServer(lambda _: seen) as server:
        route = Route("test", ("*",), lambda: connect(name="test", api_key=key, base_url=server.url))
        provider = ByModel([route], Redactor({"ACME_KEY": key}).text)

        async def asked() -> NoReply:
            request = Request("chat", {"model": "gpt-4.1", "messages": []}, "k1:a", "k1:b")
            attempt = await provider.ask(request, sample=1, timeout_s=30)
            await provider.close()
            assert isinstance(attempt.outcome, NoReply)
            return attempt.outcome

        assert "HTTP 401: Incorrect API key provided: <secret:acme_key>." == asyncio.run(asked()).message
