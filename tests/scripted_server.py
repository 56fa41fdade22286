"""A real HTTP server on loopback that does exactly what a test's script says, and keeps count.

A script is called with each request and returns a `Scripted`: whole bytes of an HTTP response, cut into pieces with
pauses if need be. The server is the oracle of a test: what it counted is what was asked.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Scripted:
    """What to answer: pieces of raw bytes, a pause before each, and whether to hang up afterwards."""

    pieces: tuple[bytes, ...]
    pauses: tuple[float, ...] = ()
    hang_up: bool = False


def http(
    body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> Scripted:
    """Return a whole HTTP response."""
    given = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return Scripted((f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body,))


def answer(text: str | None = "ok", *, model: str = "gpt-4.1-2025-04-14", **message: Any) -> dict[str, Any]:
    """Return the body of a chat completion."""
    finish = message.pop("finish_reason", "stop")
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 2,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def ok(body: Any, **headers: str) -> Scripted:
    return http(json.dumps(body).encode(), headers={name.replace("_", "-"): value for name, value in headers.items()})


def error(status: int, code: str | None = None, message: str = "no", **headers: str) -> Scripted:
    body = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return http(json.dumps(body).encode(), status=f"{status} X", headers=given)


def events(*data: Any, done: bool = True, tail: bytes = b"") -> Scripted:
    """Return a stream of server-sent events, ended by `[DONE]` unless told otherwise."""
    lines = [b"data: " + (json.dumps(item).encode()) + b"\n\n" for item in data]
    body = b"".join(lines) + (b"data: [DONE]\n\n" if done else b"") + tail
    return http(body, kind="text/event-stream")


@dataclass
class ScriptedServer:
    """Use as a context manager; `url` is the base URL to give to a client."""

    script: Callable[[Seen], Scripted]
    seen: list[Seen] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(5), "the scripted server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        fields = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ", 2)
        request = Seen(len(self.seen), method, path, headers, body)
        self.seen.append(request)
        scripted = self.script(request)
        for number, piece in enumerate(scripted.pieces):
            if number < len(scripted.pauses) and scripted.pauses[number]:
                await asyncio.sleep(scripted.pauses[number])
            writer.write(piece)
            await writer.drain()
        return not scripted.hang_up
