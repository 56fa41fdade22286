"""Replies written again as a provider would send them: whole bodies, and streams of server-sent events.

What a reply does not hold is written as the API's default: log probabilities, further choices (`n` above 1) and the
items of built-in tools are gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from migrate.vocabulary import Answer, Endpoint, Json, JsonObject, Reply, ToolCall, Usage

_PIECE: Final = re.compile(r"\s*\S{1,8}|\s+")
"""About a token: what one event of a stream carries."""
_FINISH: Final[Mapping[str, str | None]] = {"unknown": None}
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be written: a reply, and the request that it answers."""

    endpoint: Endpoint
    request: JsonObject
    reply: Reply
    name: str
    """Stem of the ids in the answer: equal names make equal bytes."""
    created: int = 0
    """Unix time of the answer, in seconds."""


def write_body(script: Script) -> dict[str, Any]:
    """Return the body of a plain answer. Raises ValueError for embeddings, whose vectors no reply holds."""
    if script.endpoint == "chat":
        return _chat(script)
    if script.endpoint == "responses":
        return _responses(script)
    raise ValueError("a reply holds no vectors")


def write_events(script: Script) -> Iterator[bytes]:
    """Yield the server-sent events of a streamed answer, one at a time. Raises ValueError as `write_body` does."""
    if script.endpoint == "chat":
        for chunk in _chunks(script):
            yield f"data: {_encode(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"
    elif script.endpoint == "responses":
        for number, event in enumerate(_response_events(script)):
            named = _encode({**event, "sequence_number": number})
            yield f"event: {event['type']}\ndata: {named}\n\n".encode()
    else:
        raise ValueError("embeddings are not streamed")


def tool_call_id(name: str, place: int) -> str:
    """Return the id of a tool call, by its place among those of the answer."""
    return f"call_{name}_{place}"


def _pieces(text: str | None) -> Iterable[str]:
    return _PIECE.findall(text or "")


def _id_of(script: Script, call: ToolCall, place: int) -> str:
    return call.id or tool_call_id(script.name, place)


# --- Chat Completions -----------------------------------------------------------------------------------


def _chat(script: Script) -> dict[str, Any]:
    answer = script.reply.answer
    choice = {"index": 0, "message": _message(script), "logprobs": None, "finish_reason": _finish(answer)}
    return {**_chat_head(script, "chat.completion"), "choices": [choice], "usage": _chat_usage(script.reply.usage)}


def _chat_head(script: Script, kind: str) -> dict[str, Any]:
    reply = script.reply
    return {
        "id": f"chatcmpl-{script.name}",
        "object": kind,
        "created": script.created,
        "model": reply.served_model,
        "service_tier": reply.service_tier,
        "system_fingerprint": reply.fingerprint,
    }


def _message(script: Script) -> dict[str, Any]:
    answer = script.reply.answer
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text,
        "refusal": answer.refusal,
        "annotations": [],
    }
    if answer.tool_calls:
        message["tool_calls"] = [_tool_call(script, call, place) for place, call in enumerate(answer.tool_calls)]
    return message


def _tool_call(script: Script, call: ToolCall, place: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": _id_of(script, call, place), "type": "function", "function": function}


def _finish(answer: Answer) -> str | None:
    return _FINISH.get(answer.finish, answer.finish)


def _chat_usage(usage: Usage) -> Json:
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    details = {
        "prompt_tokens_details": _known(cached_tokens=usage.cached_tokens, cache_write_tokens=usage.cache_write_tokens),
        "completion_tokens_details": _known(reasoning_tokens=usage.reasoning_tokens),
    }
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        **{name: known for name, known in details.items() if known},
    }


def _known(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}


def _chunks(script: Script) -> Iterator[dict[str, Any]]:
    head = _chat_head(script, "chat.completion.chunk")
    options = script.request.get("stream_options")
    told = isinstance(options, Mapping) and bool(options.get("include_usage"))
    if told:
        head["usage"] = None
    for delta in _deltas(script):
        yield {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(script.reply.answer)}
    yield {**head, "choices": [last]}
    if told:
        yield {**head, "choices": [], "usage": _chat_usage(script.reply.usage)}


def _deltas(script: Script) -> Iterator[dict[str, Any]]:
    answer = script.reply.answer
    yield {"role": "assistant", "content": None if answer.text is None else "", "refusal": None}
    for piece in _pieces(answer.text):
        yield {"content": piece}
    for piece in _pieces(answer.refusal):
        yield {"refusal": piece}
    for place, call in enumerate(answer.tool_calls):
        opening = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": place, **_tool_call(script, call, place), "function": opening}]}
        for piece in _pieces(call.arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


# --- Responses ------------------------------------------------------------------------------------------


def _responses(script: Script) -> dict[str, Any]:
    status, reason = _status(script.reply.answer)
    return {
        **_response_head(script),
        "status": status,
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": [item for item, _ in _items(script)],
        "usage": _responses_usage(script.reply.usage),
    }


def _response_head(script: Script) -> dict[str, Any]:
    asked, reply = script.request, script.reply
    return {
        "id": f"resp_{script.name}",
        "object": "response",
        "created_at": script.created,
        "model": reply.served_model,
        "error": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "metadata": asked.get("metadata") or {},
        "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": asked.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": reply.service_tier,
        "store": asked.get("store") is not False,
        "temperature": asked.get("temperature", 1.0),
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p", 1.0),
        "truncation": asked.get("truncation") or "disabled",
    }


def _status(answer: Answer) -> tuple[str, str | None]:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(answer.finish)
    return ("completed", None) if reason is None else ("incomplete", reason)


def _items(script: Script) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the finished output items, each with the text that a stream portions out."""
    answer = script.reply.answer
    status, _ = _status(answer)
    if answer.refusal is not None:
        yield _output_message(script, {"type": "refusal", "refusal": answer.refusal}, status), answer.refusal
    elif answer.text is not None:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        yield _output_message(script, part, status), answer.text
    for place, call in enumerate(answer.tool_calls):
        item = {
            "id": f"fc_{script.name}_{place}",
            "type": "function_call",
            "status": status,
            "call_id": _id_of(script, call, place),
            "name": call.name,
            "arguments": call.arguments,
        }
        yield item, call.arguments


def _output_message(script: Script, part: Json, status: str) -> dict[str, Any]:
    return {"id": f"msg_{script.name}", "type": "message", "role": "assistant", "status": status, "content": [part]}


def _responses_usage(usage: Usage) -> Json:
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        # These two are never missing from an answer of the API.
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            **_known(cache_write_tokens=usage.cache_write_tokens),
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _response_events(script: Script) -> Iterator[dict[str, Any]]:
    whole = _responses(script)
    begun = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, (item, text) in enumerate(_items(script)):
        events = _message_events if item["type"] == "message" else _call_events
        yield from events(item, place, text)
    yield {"type": f"response.{whole['status']}", "response": whole}


def _message_events(item: dict[str, Any], place: int, text: str) -> Iterator[dict[str, Any]]:
    part = item["content"][0]
    key, kind = ("refusal", "refusal") if part["type"] == "refusal" else ("text", "output_text")
    where = {"item_id": item["id"], "output_index": place, "content_index": 0}
    extra: dict[str, Json] = {"logprobs": []} if kind == "output_text" else {}
    started = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": place, "item": started}
    yield {"type": "response.content_part.added", **where, "part": {**part, key: ""}}
    for piece in _pieces(text):
        yield {"type": f"response.{kind}.delta", **where, "delta": piece, **extra}
    yield {"type": f"response.{kind}.done", **where, key: text, **extra}
    yield {"type": "response.content_part.done", **where, "part": part}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _call_events(item: dict[str, Any], place: int, text: str) -> Iterator[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": place}
    kind = "response.function_call_arguments"
    started = {**item, "status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": place, "item": started}
    for piece in _pieces(text):
        yield {"type": f"{kind}.delta", **where, "delta": piece}
    yield {"type": f"{kind}.done", **where, "name": item["name"], "arguments": text}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}
