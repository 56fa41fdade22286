"""A provider that fails on purpose, fast, and keeps the books: what it counted is what happened.

What becomes of a request is drawn from the seed, the case it asks about and how often that case was asked before, so
that a script is the same whatever the order of arrival. The ledger says of every request when it came, what it was
given, which tokens it cost, and whether the client was told so.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Fate = Literal["answer", "rate_limit", "server_error", "broken_stream", "stall", "malformed"]
Charge = Literal["told", "none", "maybe"]
"""told: the usage was delivered; none: an error status, which nobody bills; maybe: tokens were made and not told."""

INPUT_PICO, CACHED_PICO, OUTPUT_PICO = 2_000_000, 500_000, 8_000_000
"""What a token of gpt-4.1 costs, in 1e-12 dollars: 2, 0.5 and 8 dollars a million."""
CASE: Final = re.compile(rb"case (\d+)")
ANSWER: Final = '{"label": "late", "amount": 3}'
NEVER_S: Final = 600.0


@dataclass(frozen=True)
class Shares:
    """How often each fault happens, as shares of all requests; broken streams strike streamed requests only."""

    rate_limit: float = 0.05
    server_error: float = 0.02
    broken_stream: float = 0.01
    stall: float = 0.005
    malformed: float = 0.005
    streamed: float = 1.0
    """Share of requests that are streamed: broken streams are drawn among them, malformed bodies among the others."""
    pause_ms: tuple[int, int] = (30, 60)
    """The pause a 429 states is drawn between these."""


NONE: Final = Shares(0, 0, 0, 0, 0)


@dataclass
class Entry:
    """One request, as the books have it."""

    at: float
    """Monotonic seconds."""
    case: int
    nth: int
    """How often the case was asked, from 1."""
    fate: Fate
    pico: int
    """What the answer costs that was made for it, told or not."""
    charge: Charge
    pause_s: float = 0.0
    """The pause a 429 stated."""
    connection: int = 0
    answer: str = ANSWER


@dataclass
class Books:
    """The oracle."""

    entries: list[Entry] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)
    """When each connection was made."""

    def pico(self, *charges: Charge) -> int:
        return sum(entry.pico for entry in self.entries if entry.charge in charges)

    def count(self, charge: Charge) -> int:
        return sum(entry.charge == charge for entry in self.entries)

    def fates(self) -> Counter[Fate]:
        return Counter(entry.fate for entry in self.entries)

    @property
    def asked(self) -> Counter[int]:
        """How often each case was asked."""
        return Counter(entry.case for entry in self.entries)

    @property
    def imposed_s(self) -> float:
        """Seconds in which nobody may have called because a 429 said so: the union of all pauses."""
        total, until = 0.0, 0.0
        for entry in self.entries:
            if entry.pause_s:
                total += max(0.0, entry.at + entry.pause_s - max(until, entry.at))
                until = max(until, entry.at + entry.pause_s)
        return total


Script = Callable[[int, int, bool, random.Random], Fate]
"""Case, how often it was asked, whether it is streamed, and chance -> what becomes of the request."""


def drawn(shares: Shares) -> Script:
    """Return the script that draws fates by their shares."""

    def script(_case: int, _nth: int, streamed: bool, rng: random.Random) -> Fate:
        share, rest = shares.streamed, 1 - shares.streamed
        broken = shares.broken_stream / share if streamed and share else 0.0
        malformed = shares.malformed / rest if not streamed and rest else 0.0
        chances: list[tuple[Fate, float]] = [
            ("rate_limit", shares.rate_limit),
            ("server_error", shares.server_error),
            ("stall", shares.stall),
            ("broken_stream", broken),
            ("malformed", malformed),
        ]
        point = rng.random()
        for fate, chance in chances:
            if point < chance:
                return fate
            point -= chance
        return "answer"

    return script


class FaultServer:
    """Use as a context manager; `url` is the base URL to give to a client. Serves some thousand requests a second."""

    def __init__(
        self,
        script: Script | Shares = NONE,
        *,
        seed: int = 1,
        pause_ms: tuple[int, int] = (5, 40),
        latency_s: float = 0,
    ) -> None:
        self.script = drawn(script) if isinstance(script, Shares) else script
        self.pause_ms = script.pause_ms if isinstance(script, Shares) else pause_ms
        self.seed = seed
        self.latency_s = latency_s
        self.books = Books()
        self.asked: Counter[int] = Counter()
        self.says: dict[str, str] = {}
        """What a model answers; the others say ANSWER."""
        self.open = 0
        """Connections that have not ended."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the fault server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    async def _main(self, ready: threading.Event) -> None:
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await self.loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        server.close()

    def restart(self, script: Script | Shares = NONE) -> None:
        """Begin new books under another script."""
        self.script = drawn(script) if isinstance(script, Shares) else script
        self.pause_ms = script.pause_ms if isinstance(script, Shares) else NONE.pause_ms
        self.books = Books()
        self.asked: Counter[int] = Counter()

    def settle(self) -> None:
        """Wait until what clients that ended had sent is in the books: it may still lie in their connections."""
        give_up = time.monotonic() + 10
        while True:
            # Three turns: connections are taken, then read, then found to have ended.
            asyncio.run_coroutine_threadsafe(self._turns(3), self.loop).result(10)
            if not self.open:
                return
            assert time.monotonic() < give_up, f"{self.open} connections of clients that ended are still open"
            time.sleep(0.001)

    async def _turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    def take(self, case: int, streamed: bool, connection: int) -> tuple[Entry, random.Random]:
        """Enter a request in the books and return what becomes of it."""
        self.asked[case] += 1
        nth = self.asked[case]
        rng = random.Random((self.seed << 40) ^ (case << 16) ^ nth)
        fate = self.script(case, nth, streamed, rng)
        tokens = tokens_of(case, nth)
        pico = (tokens[0] - tokens[1]) * INPUT_PICO + tokens[1] * CACHED_PICO + tokens[2] * OUTPUT_PICO
        charge: Charge = "told" if fate == "answer" else "none" if fate in ("rate_limit", "server_error") else "maybe"
        pause = rng.randint(*self.pause_ms) / 1000 if fate == "rate_limit" else 0.0
        entry = Entry(time.monotonic(), case, nth, fate, 0 if charge == "none" else pico, charge, pause, connection)
        self.books.entries.append(entry)
        return entry, rng


def tokens_of(case: int, nth: int) -> tuple[int, int, int]:
    """Return input, cached and output tokens of an answer: other ones for every case and every time it is asked."""
    return 40 + case % 17, case % 5, 9 + (7 * case + 3 * nth) % 23


class _Connection(asyncio.Protocol):
    """One keep-alive connection: whole requests in, whatever the script says out."""

    def __init__(self, server: FaultServer) -> None:
        self._server = server
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._server.open += 1
        self._number = len(self._server.books.connections)
        self._server.books.connections.append(time.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open -= 1

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"(?i)content-length: *(\d+)", self._pending[:end])
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._pending) < whole:
                return
            body, self._pending = self._pending[end + 4 : whole], self._pending[whole:]
            self._serve(body)

    def _serve(self, body: bytes) -> None:
        case = int(CASE.search(body)[1])  # type: ignore[index]
        model = re.search(rb'"model": ?"([^"]+)"', body)[1].decode()  # type: ignore[index]
        streamed = b'"stream":true' in body
        entry, rng = self._server.take(case, streamed, self._number)
        entry.answer = self._server.says.get(model, ANSWER)
        pieces = _pieces(entry, rng, model, streamed)
        if self._server.latency_s:
            self._server.loop.call_later(self._server.latency_s, self._send, pieces)
        else:
            self._send(pieces)

    def _send(self, pieces: tuple[bytes, Literal["keep", "close", "abort", "hang"]]) -> None:
        data, then = pieces
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if then == "close":
            self._transport.close()
        elif then == "abort":
            # What was written is to arrive first, then the line is cut.
            self._server.loop.call_later(0.01, self._transport.abort)


Sent = tuple[bytes, Literal["keep", "close", "abort", "hang"]]
"""The bytes, and what happens to the connection: kept, closed in order, torn, or left silent."""


def _pieces(entry: Entry, rng: random.Random, model: str, streamed: bool) -> Sent:
    match entry.fate:
        case "answer":
            whole = _stream(_events(entry, model)) if streamed else _http(_body(entry, model))
            return whole, "keep"
        case "rate_limit":
            return _rate_limit(entry, rng), "keep"
        case "server_error":
            return _server_error(rng), "keep"
        case "stall":
            return (_stream(_events(entry, model)) if streamed else _http(_body(entry, model)))[
                : rng.choice((0, 60, 300))
            ], "hang"
        case "broken_stream":
            return _broken(_events(entry, model), rng)
        case "malformed":
            return _malformed(_body(entry, model), rng), "keep"


def _usage(entry: Entry) -> dict[str, Any]:
    inside, cached, outside = tokens_of(entry.case, entry.nth)
    return {
        "prompt_tokens": inside,
        "completion_tokens": outside,
        "total_tokens": inside + outside,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _body(entry: Entry, model: str) -> bytes:
    message = {"role": "assistant", "content": entry.answer}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    head = {"id": f"chatcmpl-{entry.case}", "object": "chat.completion", "created": 1, "model": model}
    return json.dumps({**head, "choices": [choice], "usage": _usage(entry)}).encode()


def _events(entry: Entry, model: str) -> list[bytes]:
    head = {"id": f"chatcmpl-{entry.case}", "object": "chat.completion.chunk", "created": 1, "model": model}
    said = entry.answer[:9], entry.answer[9:]
    deltas: list[dict[str, Any]] = [{"role": "assistant"}, *({"content": part} for part in said)]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({**head, "choices": [], "usage": _usage(entry)})
    return [*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


def _http(body: bytes, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def _stream(events: list[bytes]) -> bytes:
    return _http(b"".join(events), kind="text/event-stream")


def _rate_limit(entry: Entry, rng: random.Random) -> bytes:
    body = json.dumps(
        {"error": {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    )
    milliseconds = round(entry.pause_s * 1000)
    stated = (f"retry-after-ms: {milliseconds}\r\n", f"retry-after: {entry.pause_s}\r\n")
    return _http(body.encode(), "429 Too Many Requests", more=rng.choice(stated))


def _server_error(rng: random.Random) -> bytes:
    status = rng.choice(("500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "529 Overloaded"))
    if rng.random() < 0.5:
        return _http(b"<html><h1>try later</h1></html>", status, "text/html")
    return _http(b'{"error": {"message": "oops", "type": "server_error", "param": null, "code": null}}', status)


def _broken(events: list[bytes], rng: random.Random) -> Sent:
    """Return a stream that breaks: torn, ended without a reason, without its last event, or inside an event."""
    way = rng.choice(("torn", "ended", "undone", "cut"))
    if way == "torn":
        chunked = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        first = b"".join(events[: rng.randint(1, 4)])
        return chunked + f"{len(first):x}\r\n".encode() + first + b"\r\n", "abort"
    if way == "ended":
        return _stream(events[: rng.randint(0, 3)]), "keep"
    if way == "undone":
        return _stream(events[:-1]), "keep"
    return _stream([*events[:2], events[2][:40]]), "keep"


def _malformed(body: bytes, rng: random.Random) -> bytes:
    """Return a body with status 200 that is no answer."""
    bodies = (
        (body[: len(body) // 2], "application/json"),
        (b"", "application/json"),
        (b"<html><body>Please sign in</body></html>", "text/html"),
        (b'{"error": {"message": "overloaded", "type": "server_error", "code": null}}', "application/json"),
        (body.replace(b'"choices": [', b'"choices": null, "rest": ['), "application/json"),
    )
    content, kind = rng.choice(bodies)
    return _http(content, kind=kind)
