"""Streams reach the application piece by piece, and end for it as they would without us."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer, http
from sdk_forms import KEY, MODEL, USER, _chunk, provider

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, Trace
from migrate.vocabulary import Endpoint, NoReply, NoReplyKind, Reply
from migrate.wire.replies import NotAReply
from migrate.wire.streams import Assembly

WORDS = ("one ", "two ", "three")
EVENTS = [
    b"data: " + json.dumps(event).encode() + b"\n\n"
    for event in (
        _chunk({"role": "assistant", "content": ""}),
        *(_chunk({"content": word}) for word in WORDS),
        _chunk({}, "stop"),
    )
]
DONE = b"data: [DONE]\n\n"


def recording() -> Interception:
    return Interception("record", SystemClock(), lambda value: value)


class Lockstep(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Yields a piece only after the application has had what it waits for; remembers that it was closed."""

    def __init__(self, pieces: list[bytes], had: list[str]) -> None:
        self.pieces = pieces
        self.had = had
        self.closed = 0
        self.left = iter(list(enumerate(pieces)))

    def _next(self, number: int, piece: bytes) -> bytes:
        # Piece n + 1 is not made before the words of piece n were read: nothing may be held back on the way.
        assert [*WORDS[: max(0, number - 1)]] == self.had, (number, self.had)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        for number, piece in self.left:
            yield self._next(number, piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # The SDK reads on after the last event, from where it was.
        for number, piece in self.left:
            await asyncio.sleep(0)
            yield self._next(number, piece)

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def transport(stream: Any) -> httpx2.MockTransport:
    return httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)
    )


def sync_client(stream: Any) -> openai.OpenAI:
    http_client = httpx2.Client(transport=transport(stream))
    return openai.OpenAI(api_key=KEY, base_url="http://x/v1", http_client=http_client, max_retries=0)


def async_client(stream: Any) -> openai.AsyncOpenAI:
    http_client = httpx2.AsyncClient(transport=transport(stream))
    return openai.AsyncOpenAI(api_key=KEY, base_url="http://x/v1", http_client=http_client, max_retries=0)


def read(stream: Lockstep, stop_after: str | None = None) -> None:
    """Read the words of a stream, to its end or as far as a word."""
    with sync_client(stream) as client:
        for chunk in client.chat.completions.create(model=MODEL, messages=USER, stream=True):  # type: ignore[call-overload]
            stream.had += [chunk.choices[0].delta.content] if chunk.choices[0].delta.content else []
            if stop_after in stream.had:
                break


async def read_async(stream: Lockstep, stop_after: str | None = None, then: Callable[[], None] | None = None) -> None:
    """The same with the asynchronous client; `then` is called where it stops."""
    async with async_client(stream) as client:
        answer = await client.chat.completions.create(model=MODEL, messages=USER, stream=True)  # type: ignore[call-overload]
        async with answer:
            async for chunk in answer:
                stream.had += [chunk.choices[0].delta.content] if chunk.choices[0].delta.content else []
                if stop_after in stream.had:
                    if then is None:
                        break
                    then()
                    await asyncio.sleep(30)


def test_events_arrive_before_the_stream_ends():
    """Each piece is in the application's hands before the next one is made."""
    stream = Lockstep([*EVENTS, DONE], [])
    with recording() as trace:
        read(stream)
    assert [*WORDS] == stream.had
    assert 0 == trace.faults, trace.first_fault
    assert "one two three" == _text(trace)


def test_events_arrive_before_an_asynchronous_stream_ends():
    """The same for the asynchronous client."""
    stream = Lockstep([*EVENTS, DONE], [])
    with recording() as trace:
        asyncio.run(read_async(stream))
    assert [*WORDS] == stream.had
    assert "one two three" == _text(trace)


def test_the_time_to_the_first_content_is_that_of_its_piece():
    """The head of a stream, which holds no content, does not count as the first token."""

    class Clock(SystemClock):
        """Tells one second more each time it is asked."""

        seconds = 0.0

        def monotonic(self) -> float:
            self.seconds += 1.0
            return self.seconds

    clock = Clock()
    stream = Lockstep([*EVENTS, DONE], [])
    with Interception("record", clock, lambda value: value) as trace:
        read(stream)
    timing = trace.calls[0].timing
    assert timing is not None
    # Opening 1, start 2, then one a piece: 3 is the head, 4 the first word, 8 the last of six pieces.
    assert (2000.0, 6000.0) == (timing.first_token_ms, timing.total_ms)


def test_a_stream_left_early_is_closed_and_kept_as_far_as_it_came():
    """The application breaks off: the connection is closed at once, and the trace says what was read of the answer."""
    stream = Lockstep([*EVENTS, DONE], [])
    with recording() as trace:
        read(stream, stop_after="two ")
        gc.collect()
        assert 1 == stream.closed
    (exchange,) = trace.exchanges
    assert exchange.abandoned
    assert ("one two ", "unknown") == (_text(trace), exchange.call.outcome.answer.finish)  # type: ignore[union-attr]


def test_an_asynchronous_stream_left_early_is_closed():
    """The same for the asynchronous client."""
    stream = Lockstep([*EVENTS, DONE], [])
    with recording() as trace:
        asyncio.run(read_async(stream, stop_after="one "))
        assert 1 == stream.closed
    assert trace.exchanges[0].abandoned
    assert "one " == _text(trace)


def test_a_stream_read_to_its_finish_but_not_to_done_is_whole_in_what_it_said():
    """Many applications stop at the finish reason; the answer they have is the answer."""
    stream = Lockstep([*EVENTS, DONE], [])
    with recording() as trace, sync_client(stream) as client:
        for chunk in client.chat.completions.create(model=MODEL, messages=USER, stream=True):  # type: ignore[call-overload]
            stream.had += [chunk.choices[0].delta.content] if chunk.choices[0].delta.content else []
            if chunk.choices[0].finish_reason:
                break
    assert ("one two three", "stop") == (_text(trace), trace.calls[0].outcome.answer.finish)  # type: ignore[union-attr]


async def cancel_after_one_word(stream: Lockstep) -> int:
    """Cancel a task that has read one word; return how many tasks are left."""
    reached = asyncio.Event()
    task = asyncio.create_task(read_async(stream, "one ", reached.set))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return len(asyncio.all_tasks())


def test_a_cancelled_task_is_cancelled_and_its_stream_closed():
    """Cancellation goes through us untouched; no more tasks are left than without us."""
    stream = Lockstep([*EVENTS, DONE], [])
    without = asyncio.run(cancel_after_one_word(Lockstep([*EVENTS, DONE], [])))
    with recording() as trace:
        left = asyncio.run(cancel_after_one_word(stream))
    assert (without, 1) == (left, stream.closed)
    assert trace.exchanges[0].abandoned
    assert "one " == _text(trace)


def test_a_call_cancelled_before_its_answer_is_abandoned():
    """A request that the application gave up is no fault of the road."""

    async def run() -> None:
        asked = asyncio.Event()

        class Never(httpx2.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
                asked.set()
                await asyncio.sleep(30)
                raise AssertionError

        http_client = httpx2.AsyncClient(transport=Never())
        async with openai.AsyncOpenAI(api_key=KEY, base_url="http://x/v1", http_client=http_client) as client:
            call = client.chat.completions.create(model=MODEL, messages=USER)  # type: ignore[arg-type]
            task = asyncio.create_task(call)
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with recording() as trace:
        asyncio.run(run())
    (exchange,) = trace.exchanges
    assert exchange.abandoned
    assert isinstance(exchange.call.outcome, NoReply)
    assert NoReplyKind.INTERRUPTED is exchange.call.outcome.kind


def test_a_stream_nobody_closed_is_settled_when_the_context_ends():
    """What was read by then is kept; reading on later works and is not recorded."""
    stream = Lockstep([*EVENTS, DONE], [])
    client = sync_client(stream)
    with recording() as trace:
        answer = client.chat.completions.create(model=MODEL, messages=USER, stream=True)  # type: ignore[call-overload]
        next(answer), next(answer)
        stream.had.append("one ")
    assert (0, True, "one ") == (trace.under_way, trace.exchanges[0].abandoned, _text(trace))
    for chunk in answer:
        stream.had += [chunk.choices[0].delta.content] if chunk.choices[0].delta.content else []
    client.close()
    assert [*WORDS] == stream.had
    assert "one " == _text(trace)


def test_errors_of_a_stream_reach_the_application_as_they_are():
    """The exception is the same object that the transport raised, as cause of the SDK's own."""
    fault = httpx2.ReadError("cable cut")

    class Broken(Lockstep):
        def __iter__(self) -> Iterator[bytes]:
            yield self.pieces[0]
            raise fault

    stream = Broken([*EVENTS], [])
    with recording() as trace, pytest.raises(openai.APIConnectionError) as caught:
        read(stream)
    assert fault is caught.value.__cause__
    assert NoReply(NoReplyKind.CONNECTION, "ReadError: cable cut") == trace.calls[0].outcome
    assert 1 == trace.calls[0].lost, "a stream that broke may have been paid for"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_compressed_streams_are_read(asynchronous: bool):
    """A provider may compress; the application gets its bytes, the trace the text."""
    body = gzip.compress(b"".join([*EVENTS, DONE]))
    scripted = http(body, kind="text/event-stream", headers={"content-encoding": "gzip"})
    had: list[str | None] = []

    async def run(url: str) -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=USER, stream=True)  # type: ignore[call-overload]
            had.extend([chunk.choices[0].delta.content async for chunk in answer])

    with ScriptedServer(lambda _: scripted) as server, recording() as trace:
        if asynchronous:
            asyncio.run(run(server.url))
        else:
            with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
                answer = client.chat.completions.create(model=MODEL, messages=USER, stream=True)  # type: ignore[call-overload]
                had.extend(chunk.choices[0].delta.content for chunk in answer)
    assert ["", *WORDS, None] == had
    assert "one two three" == _text(trace)


def test_events_cut_anywhere_are_put_together():
    """Where the network cuts a stream means nothing."""
    whole = b"".join([*EVENTS, DONE]).replace(b"three", "dreißig".encode())
    for size in (1, 7, 64):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

        class Cut(Lockstep):
            def _next(self, number: int, piece: bytes) -> bytes:
                return piece

        with recording() as trace:
            read(Cut(pieces, []))
        assert "one two dreißig" == _text(trace)


DATA = st.sampled_from(
    [
        *(json.dumps(_chunk({"content": word})) for word in WORDS),
        json.dumps(_chunk({}, "stop")),
        "[DONE]",
        json.dumps({"type": "response.output_text.delta", "delta": "x"}),
        json.dumps({"type": "response.completed", "response": {"model": MODEL}}),
        *('{"a": [{}', '{"b": 1}]}', "{},{}", "{}],[{}", '{"choices": [', "]", "7", "", ",", "null", '"'),
        *('{"error": "no"}', '{"choices": [{"delta": 3}]}', '"' + "\\" * 3, "\ud800", "[" * 3000, "NaN"),
    ]
)
LINES = st.lists(st.sampled_from(["data: ", "data:", "event: ", ": "]).flatmap(lambda head: DATA.map(head.__add__)))


def put_together(feed: Callable[[Assembly], None], api: Endpoint) -> object:
    """Return the answer of a stream, or why it is none."""
    assembly = Assembly(api)
    try:
        feed(assembly)
        return assembly.started, assembly.body()
    except NotAReply as problem:
        return assembly.started, problem.no_reply


@given(LINES, st.sampled_from(["chat", "responses"]), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_read_together_say_what_each_says_by_itself(lines: list[str], api: Endpoint, end: str):
    """No event is whole because of its neighbours, and none is lost beside one that is not."""

    def one_by_one(assembly: Assembly) -> None:
        for line in lines:
            assembly.feed(line)

    content = end.join(lines).encode("utf-8", "surrogatepass")
    assert put_together(one_by_one, api) == put_together(lambda assembly: assembly.feed_lines(content), api)


def test_a_replayed_stream_comes_in_pieces():
    """Offline, too, a long answer is many events, and other tasks run in between."""
    with ScriptedServer(provider) as server, recording() as trace, openai.OpenAI(api_key=KEY, base_url=server.url) as c:
        for _ in c.chat.completions.create(model=MODEL, messages=USER, stream=True):  # type: ignore[call-overload]
            pass
    order: list[str] = []

    async def run() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url="http://127.0.0.1:9/v1") as client:
            answer = await client.chat.completions.create(model=MODEL, messages=USER, stream=True)  # type: ignore[call-overload]

            async def read_on() -> None:
                async for _ in answer:
                    order.append("event")  # noqa: PERF401 - one at a time is what is tested

            async def other() -> None:
                for _ in range(5):
                    order.append("other")
                    await asyncio.sleep(0)

            await asyncio.gather(read_on(), other())

    with Interception("offline", SystemClock(), lambda value: value, answers=Tape(map(Recorded.of, trace.exchanges))):
        asyncio.run(run())
    assert 10 < order.count("event")
    assert {"event", "other"} == set(order[:2]) == set(order[2:4]) == set(order[4:6])


def _text(trace: Trace) -> str | None:
    outcome = trace.calls[0].outcome
    assert isinstance(outcome, Reply), outcome
    return outcome.answer.text
