"""Recorded answers as real HTTP responses of the library that asked."""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from migrate.edges.intercept.settling import settled_reply
from migrate.edges.intercept.tape import Recorded
from migrate.edges.intercept.tees import played
from migrate.edges.intercept.trace import Entry
from migrate.vocabulary import JsonObject, Reply
from migrate.wire.writing import Script, write_body, write_events

REPLAYED_HEADER: Final = "x-prompt-migrate-replayed"
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Replay:
    """What the application gets of a recorded answer."""

    script: Script
    body: JsonObject
    """The body of the answer; of a stream, what its events come to."""
    response: Any
    """A response of the library that asked, yet to be read."""


def replay_of(module: ModuleType, request: Any, entry: Entry, recorded: Recorded) -> Replay:
    """Return a recorded answer as the response to a request. Raises ValueError for vectors that were not kept."""
    reply = recorded.call.outcome
    assert isinstance(reply, Reply), "only replies are kept"
    settled = settled_reply(reply, entry.name)
    script = Script(entry.sent.api, entry.sent.body, settled, entry.name, _unix(recorded.call.at))
    as_it_came = None if entry.streamed else recorded.body
    body = write_body(script) if as_it_came is None else as_it_came
    response = _response(module, request, script, body if not entry.streamed else None)
    timing = recorded.call.timing
    response.elapsed = dt.timedelta(milliseconds=timing.total_ms if timing else 0)
    return Replay(script, body, response)


def _response(module: ModuleType, request: Any, script: Script, body: JsonObject | None) -> Any:
    headers = {"content-type": _EVENTS if body is None else _JSON, REPLAYED_HEADER: "true"}
    if script.reply.request_id:
        headers["x-request-id"] = script.reply.request_id
    pieces = list(write_events(script)) if body is None else [json.dumps(body, separators=(",", ":")).encode()]
    if body is not None:
        headers["content-length"] = str(len(pieces[0]))
    return module.Response(
        200,
        headers=headers,
        request=request,
        stream=played(module, pieces),
        extensions={"http_version": b"HTTP/1.1", "reason_phrase": b"OK"},
    )


def _unix(at: str) -> int:
    try:
        return int(dt.datetime.fromisoformat(at).timestamp())
    except ValueError:
        return 0


def refusal(module: ModuleType, request: Any, message: str) -> Exception:
    """Return the error of a call that may not leave: to the application it is a connection that failed.

    The SDK gets its own class, which it hands on at once; any other would be tried again after a pause.
    """
    openai = sys.modules.get("openai")
    if openai is not None and "x-stainless-lang" in request.headers:
        error: Exception = openai.APIConnectionError(message=message, request=request)
        return error
    failed: Exception = module.ConnectError(message, request=request)
    return failed
