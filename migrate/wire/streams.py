"""Put a streamed answer together: server-sent events in, the same body out that a plain call returns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from secrets import token_hex
from typing import Any, Final

from migrate.vocabulary import Endpoint, NoReplyKind
from migrate.wire.replies import NotAReply

_DELTAS: Final = frozenset(
    {"response.output_text.delta", "response.function_call_arguments.delta", "response.refusal.delta"}
)
_HEAD: Final = frozenset({"id", "model", "service_tier"})
_CHAT_HEAD: Final = ("model", "service_tier", "system_fingerprint")
_DONE: Final = "[DONE]"
_MARK: Final = json.dumps(token_hex(16))
"""Stands between events that are read together; what is drawn anew in every process is in none of them."""


class Assembly:
    """Collects the events of one stream; `body` gives the whole answer, or raises NotAReply for a cut one."""

    def __init__(self, api: Endpoint) -> None:
        self._responses = api == "responses"
        self._head: dict[str, Any] = {}
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: str | None = None
        self._usage: Any = None
        self._final: dict[str, Any] | None = None
        self._done = False
        self.started = False
        """True once the first piece of content has come."""

    def feed(self, line: str) -> None:
        """Take one line of the stream; lines that carry no data are passed over."""
        if not line.startswith("data:"):
            return
        data = line[5:].strip()
        if data == _DONE:
            self._done = True
        else:
            self._take([_event(data)])

    def feed_lines(self, content: bytes) -> None:
        """Take any number of lines, the last of which may have no end."""
        lines = content.decode("utf-8", "replace").split("\n")
        data = [line[5:].strip() for line in lines if line.startswith("data:")]
        events = [one for one in data if one != _DONE]
        self._done = self._done or len(events) < len(data)
        self._take(_together(events) or map(_event, events))

    def _take(self, events: Iterable[Any]) -> None:
        take = self._feed_responses if self._responses else self._feed_chat
        for event in events:
            if not isinstance(event, dict):
                raise NotAReply(NoReplyKind.MALFORMED_BODY, "an event of the stream is not an object")
            if error := event.get("error"):
                raise NotAReply(NoReplyKind.SERVER_ERROR, f"an error inside the stream: {str(error)[:200]}")
            take(event)

    def body(self) -> dict[str, Any]:
        """Return the answer as a plain response body."""
        if self._responses:
            if self._final is None:
                raise NotAReply(NoReplyKind.INCOMPLETE_STREAM, "the stream ended without its last event")
            return self._final
        if self._finish is None:
            raise NotAReply(NoReplyKind.INCOMPLETE_STREAM, "the stream ended without a finish reason")
        if not self._done:
            raise NotAReply(NoReplyKind.INCOMPLETE_STREAM, "the stream ended without its last event")
        return self._chat_body()

    def partial(self) -> dict[str, Any]:
        """Return what has come so far as a response body, for a reader that stopped before the end.

        Raises NotAReply when not even the model is known.
        """
        body = self._responses_so_far() if self._responses else self._chat_body()
        if "model" not in body:
            raise NotAReply(NoReplyKind.INCOMPLETE_STREAM, "the stream was given up before it began")
        return body

    def _chat_body(self) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": "".join(self._text) if self._text else None,
            "refusal": "".join(self._refusal) or None,
            "tool_calls": [self._calls[index] for index in sorted(self._calls)] or None,
        }
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return {**self._head, "choices": [choice], "usage": self._usage}

    def _responses_so_far(self) -> dict[str, Any]:
        if self._final is not None:
            return self._final
        parts = [{"type": "output_text", "text": "".join(self._text)}] if self._text else []
        parts += [{"type": "refusal", "refusal": "".join(self._refusal)}] if self._refusal else []
        calls = [self._calls[index] for index in sorted(self._calls)]
        return {**self._head, "status": None, "output": [{"type": "message", "content": parts}, *calls]}

    def _feed_responses(self, event: dict[str, Any]) -> None:
        kind = str(event.get("type"))
        if kind in _DELTAS:
            self.started = True
            self._add(kind, event)
        elif kind == "response.output_item.added":
            item = _mapping(event.get("item"))
            if item.get("type") == "function_call":
                self._calls[_place(event.get("output_index", 0))] = {**item, "arguments": ""}
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self._final = _mapping(event.get("response")) or None
        elif kind == "response.created":
            self._head = {name: value for name, value in _mapping(event.get("response")).items() if name in _HEAD}

    def _add(self, kind: str, event: dict[str, Any]) -> None:
        """Keep a piece of the answer, for the case that the whole never comes."""
        piece = _text(event.get("delta"))
        if kind == "response.output_text.delta":
            self._text.append(piece)
        elif kind == "response.refusal.delta":
            self._refusal.append(piece)
        elif (call := self._calls.get(_place(event.get("output_index", 0)))) is not None:
            call["arguments"] += piece

    def _feed_chat(self, event: dict[str, Any]) -> None:
        said = event.get
        for name in _CHAT_HEAD:
            if (value := said(name)) is not None:
                self._head[name] = value
        if usage := said("usage"):
            self._usage = usage
        choices = said("choices")
        if not choices:
            return
        if not isinstance(choices, list):
            raise _misshapen()
        first = choices[0]
        if not isinstance(first, dict) or first.get("index", 0) != 0:
            return
        if delta := first.get("delta"):
            self._feed_delta(delta)
        self._finish = first.get("finish_reason") or self._finish

    def _feed_delta(self, delta: Any) -> None:
        if not isinstance(delta, dict):
            raise _misshapen()
        if piece := delta.get("content"):
            if not isinstance(piece, str):
                raise _misshapen()
            self._text.append(piece)
            self.started = True
            if len(delta) == 1:
                return
        if piece := delta.get("refusal"):
            self._refusal.append(_text(piece))
            self.started = True
        if calls := delta.get("tool_calls"):
            self._feed_calls(calls)

    def _feed_calls(self, calls: Any) -> None:
        if not isinstance(calls, list):
            raise _misshapen()
        for call in calls:
            self.started = True
            self._feed_call(_mapping(call))

    def _feed_call(self, piece: dict[str, Any]) -> None:
        empty = {"id": "", "function": {"name": "", "arguments": ""}}
        call = self._calls.setdefault(_place(piece.get("index", 0)), empty)
        call["id"] = _text(piece.get("id")) or call["id"]
        function = _mapping(piece.get("function"))
        for name in ("name", "arguments"):
            call["function"][name] += _text(function.get(name))


def _event(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise NotAReply(NoReplyKind.INCOMPLETE_STREAM, "an event of the stream is cut") from None


def _together(events: list[str]) -> list[Any]:
    """Return what the events hold, read as one list: that takes half the time, since their keys are the same.

    Empty where one of them by itself is not whole: then not every mark is where it was put.
    """
    try:
        read = json.loads(f"[{f',{_MARK},'.join(events)}]")
    except (ValueError, RecursionError):
        return []
    found, marks = read[::2], read[1::2]
    return found if len(found) == len(events) and marks.count(_MARK[1:-1]) == len(events) - 1 == len(marks) else []


def _misshapen() -> NotAReply:
    return NotAReply(NoReplyKind.MALFORMED_BODY, "an event of the stream has another shape than the API's")


def _mapping(value: Any) -> dict[str, Any]:
    """Return an object; an empty one for what is absent. Raises NotAReply for anything else."""
    if value and not isinstance(value, dict):
        raise _misshapen()
    return value or {}


def _text(value: Any) -> str:
    """Return a text; an empty one for what is absent. Raises NotAReply for anything else."""
    if value and not isinstance(value, str):
        raise _misshapen()
    return value or ""


def _place(value: Any) -> int:
    """Return the place of a tool call among the others. Raises NotAReply for anything but a whole number."""
    if not isinstance(value, int):
        raise _misshapen()
    return value
