"""Listen to the answer of one attempt without touching it, and read what it was once it is over."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from migrate.canonical import stamp
from migrate.edges.intercept.trace import Ending, Entry, Trace
from migrate.ports import Clock
from migrate.vocabulary import Endpoint, NoReply, NoReplyKind, Reply, Timing
from migrate.wire.faults import kind_of_status
from migrate.wire.replies import NotAReply, read_answer, read_body
from migrate.wire.streams import Assembly

MOST_BYTES: Final = 64 * 1024 * 1024
"""A longer answer reaches the application whole and is not kept."""
_ABANDONED: Final = "the application gave up the call before an answer came"


@dataclass(slots=True)
class Listener:
    """Hears one attempt from its request to its last byte; told once how it ended."""

    trace: Trace
    entry: Entry
    clock: Clock
    served_as: Sequence[str] | None = ()
    """Further models that may answer for the asked one; None: whichever does."""
    redact: Callable[[str], str] = str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    decode: Callable[[bytes], bytes] | None = None
    """Undoes the content encoding of a stream; None: there is none."""
    over: bool = False
    _chunks: list[tuple[float, bytes]] = field(default_factory=list)
    _size: int = 0
    _last: float = 0.0

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of the answer has come."""
        self.status, self.headers = status, headers

    def chunk(self, data: bytes) -> None:
        """A piece of the body has come."""
        # Not `harmless`, and in one step: a stream has many pieces, and a call costs more than keeping one.
        try:
            self._last = now = self.clock.monotonic()
            self._size += len(data)
            if self._size <= MOST_BYTES:
                self._chunks.append((now, data))
        except Exception as fault:
            self.trace.fault(fault)

    def whole(self) -> None:
        """The last byte has come."""
        self._end(abandoned=False)

    def dropped(self) -> None:
        """The application closed the answer; nothing is wrong if it had ended."""
        self._end(abandoned=True)

    def failed(self, error: BaseException) -> None:
        """The request, or reading its answer, raised."""
        if isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)) or _is_cancelled(error):
            self.dropped()
            return
        if not self.over:
            self.over = True
            with self.trace.harmless():
                self._tell(self._broken(error))

    # --- reading -------------------------------------------------------------------------------------------

    def _end(self, *, abandoned: bool) -> None:
        if self.over:
            return
        self.over = True
        with self.trace.harmless():
            self._tell(self._ending(abandoned=abandoned))

    def _broken(self, error: BaseException) -> Ending:
        """Return what a failed attempt came to; an answer that was whole when the connection broke is one."""
        try:
            if self.status == 200:
                return self._read()
        except NotAReply:
            pass
        kind = NoReplyKind.TIMEOUT if "Timeout" in type(error).__name__ else NoReplyKind.CONNECTION
        return Ending(NoReply(kind, self.redact(_words(error))), None, self._stamp())

    def _ending(self, *, abandoned: bool) -> Ending:
        if not self.status:
            return Ending(NoReply(NoReplyKind.INTERRUPTED, _ABANDONED), None, self._stamp(), abandoned=True)
        if self._size > MOST_BYTES:
            words = f"an answer of {self._size} bytes is not kept"
            return Ending(NoReply(NoReplyKind.MALFORMED_BODY, words), None, self._stamp())
        if self.status >= 300:
            return Ending(self._refused(), None, self._stamp(), unpaid=True)
        try:
            return self._read()
        except NotAReply as fault:
            if abandoned and fault.no_reply.kind is NoReplyKind.INCOMPLETE_STREAM:
                return self._partial()
            return Ending(fault.no_reply, None, self._stamp())

    def _read(self) -> Ending:
        if self._is_stream:
            assembly, first = self._assembled()
            body = assembly.body()
        else:
            body, first = read_body(self._content(), self.headers.get("content-type", "")), None
        reply = self._reply(body)
        return Ending(reply, self._timing(first), self._stamp(), body, simulated=self._simulated)

    def _reply(self, body: dict[str, Any]) -> Reply:
        asked = self.entry.sent.model
        also = self.served_as if self.served_as is not None else (str(body.get("model")),)
        return read_answer(self._endpoint, body, asked, self.headers.get("x-request-id"), also)

    def _partial(self) -> Ending:
        """Return what came of an answer that the application did not read to its end."""
        try:
            assembly, first = self._assembled()
            body = assembly.partial()
            reply = self._reply(body)
            if self._endpoint == "responses":
                reply = replace(reply, answer=replace(reply.answer, finish="unknown"))
        except NotAReply:
            return Ending(NoReply(NoReplyKind.INTERRUPTED, _ABANDONED), None, self._stamp(), abandoned=True)
        timing = self._timing(first)
        return Ending(reply, timing, self._stamp(), body, simulated=self._simulated, abandoned=True)

    def _assembled(self) -> tuple[Assembly, float | None]:
        """Put the stream together; return it with the monotonic second of its first content, None when unknown."""
        assembly, first, rest = Assembly(self._endpoint), None, b""
        pieces = self._decoded()
        for at, data in pieces:
            whole, end, rest = (rest + data).rpartition(b"\n")
            assembly.feed_lines(whole + end)
            if assembly.started:
                first = at
                break
        # When the others came is nowhere told, and one long text is read in half the time of many short ones.
        assembly.feed_lines(b"".join([rest, *(data for _, data in pieces)]))
        return assembly, first

    def _decoded(self) -> Iterator[tuple[float | None, bytes]]:
        if self.decode is None:
            yield from self._chunks
        else:
            # Which piece of the compressed stream held the first content is not told by it.
            yield None, self.decode(b"".join(data for _, data in self._chunks))

    def _content(self) -> bytes:
        content = b"".join(data for _, data in self._chunks)
        return content if self.decode is None else self.decode(content)

    def _refused(self) -> NoReply:
        error: Any = None
        try:
            body = json.loads(self._content())
            error = body.get("error") if isinstance(body, dict) else None
        except (ValueError, RecursionError):
            pass
        code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
        kind = kind_of_status(self.status, str(code or ""), str(message or ""))
        words = f"HTTP {self.status}" + (f" {code}" if code else "") + (f": {_line(message)}" if message else "")
        return NoReply(kind, self.redact(words), self.status)

    # --- facts ---------------------------------------------------------------------------------------------

    @property
    def _endpoint(self) -> Endpoint:
        return self.entry.sent.api

    @property
    def _is_stream(self) -> bool:
        return "text/event-stream" in self.headers.get("content-type", "")

    @property
    def _simulated(self) -> bool:
        return "x-simulated-latency-ms" in self.headers

    def _timing(self, first: float | None) -> Timing:
        if self._simulated:
            # The simulated provider's own figures: its waits are shortened by its time scale.
            told = self.headers.get("x-simulated-first-token-ms") if self._is_stream else None
            return Timing(float(self.headers["x-simulated-latency-ms"]), float(told) if told else None)
        started = self.entry.started
        last = self._last or self.clock.monotonic()
        return Timing((last - started) * 1000, None if first is None else (first - started) * 1000)

    def _stamp(self) -> str:
        return stamp(self.clock.now())

    def _tell(self, ending: Ending) -> None:
        self.trace.unwatch(id(self))
        self.trace.end(self.entry, ending, self._last or self.clock.monotonic())


def _is_cancelled(error: BaseException) -> bool:
    """Say whether an error is trio's way to cancel; asyncio's is known by its class."""
    trio = sys.modules.get("trio")
    return trio is not None and isinstance(error, trio.Cancelled)


def _words(error: BaseException) -> str:
    """Name the innermost cause; messages of the transport carry no secrets."""
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    return f"{type(inner).__name__}: {_line(inner)}"


def _line(message: object) -> str:
    return str(message).strip().split("\n", 1)[0][:200]
