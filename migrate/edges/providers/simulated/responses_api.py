"""Responses: its request bodies read, its replies and stream events written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from migrate.edges.providers.simulated.complaints import bad_request
from migrate.edges.providers.simulated.draft import Draft
from migrate.edges.providers.simulated.question import Question, Turn, echoed_tier
from migrate.edges.providers.simulated.reading import integer, response_format, text_of, tool_from
from migrate.edges.providers.simulated.served import CREATED, Served, pieces, wire_json
from migrate.vocabulary import Json, JsonObject, Tool


def read(body: JsonObject) -> Question:
    """Return what a Responses body asks. Raises Refused where the API would."""
    if not body.get("input"):
        raise bad_request("Missing required parameter: 'input'.", param="input", code="missing_required_parameter")
    tools = tuple(_tool(entry, index) for index, entry in enumerate(body.get("tools") or []))
    promised = (body.get("text") or {}).get("format") or {}
    form, schema, strict = response_format(promised, promised, "text.format")
    return Question(
        api="responses",
        model=str(body.get("model") or ""),
        turns=_turns(body),
        tools=tools,
        tool_choice=_tool_choice(body.get("tool_choice"), tools),
        parallel=body.get("parallel_tool_calls") is not False,
        response_format=form,
        schema=schema,
        strict=strict,
        max_tokens=integer(body, "max_output_tokens", minimum=16),
        max_tokens_name="max_output_tokens",
        stream=body.get("stream") is True,
        include_usage=True,
        service_tier=echoed_tier(body.get("service_tier")),
        extra_text="".join(json.dumps(part, ensure_ascii=False) for part in (body.get("tools"), schema) if part),
    )


def _turns(body: JsonObject) -> tuple[Turn, ...]:
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list):
        raise bad_request("Invalid type for 'input': expected a string or an array of items.", param="input")
    first = [Turn("system", body["instructions"])] if isinstance(body.get("instructions"), str) else []
    return (*first, *(_turn(item, index) for index, item in enumerate(items)))


def _turn(item: Any, index: int) -> Turn:
    where = f"input[{index}]"
    if not isinstance(item, dict):
        raise bad_request(f"Invalid type for '{where}': expected an object.", param=where)
    match item.get("type", "message"):
        case "message":
            text, images = text_of(item.get("content"), f"{where}.content")
            return Turn(str(item.get("role", "user")), text, images)
        case "function_call":
            return Turn("assistant", f"{item.get('name')}({item.get('arguments')})")
        case "function_call_output":
            output = item.get("output")
            return Turn("tool", output if isinstance(output, str) else json.dumps(output, ensure_ascii=False))
        case other:
            raise bad_request(
                f"Invalid value: {other!r}: not served here.", param=f"{where}.type", code="invalid_value"
            )


def _tool(entry: Any, index: int) -> Tool:
    if isinstance(entry, dict) and entry.get("type", "function") != "function":
        message = f"Invalid value: {entry['type']!r}: the simulated provider knows function tools only."
        raise bad_request(message, param=f"tools[{index}].type", code="invalid_value")
    return tool_from(entry, f"tools[{index}]")


def _tool_choice(asked: Any, tools: tuple[Tool, ...]) -> str:
    if isinstance(asked, dict):
        return str(asked.get("name", "auto"))
    return str(asked) if asked else ("auto" if tools else "none")


# --- Replies ---------------------------------------------------------------------------------------


def write(served: Served, body: JsonObject) -> Json:
    """Return the body of a whole reply; the API echoes much of what it was asked."""
    draft = served.drafts[0]
    status, reason = _status(draft)
    return {
        **_head(served, body),
        "status": status,
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": [item for item, _ in _items(served, draft)],
        "usage": usage(served),
    }


def _head(served: Served, body: JsonObject) -> dict[str, Any]:
    question = served.question
    return {
        "id": f"resp_simulated_{served.token}",
        "object": "response",
        "created_at": CREATED,
        "model": served.served_model,
        "error": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": question.max_tokens,
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": question.parallel,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": question.service_tier,
        "store": body.get("store") is not False,
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
    }


def _status(draft: Draft) -> tuple[str, str | None]:
    if draft.finish == "length":
        return "incomplete", "max_output_tokens"
    if draft.finish == "content_filter":
        return "incomplete", "content_filter"
    return "completed", None


def _items(served: Served, draft: Draft) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the finished output items, each with the text that a stream would portion out."""
    status = "completed" if draft.finish in ("stop", "tool_calls") else "incomplete"
    if draft.refusal is not None:
        yield _message(served, {"type": "refusal", "refusal": draft.refusal}, status), draft.refusal
    elif draft.text is not None:
        part = {"type": "output_text", "text": draft.text, "annotations": [], "logprobs": []}
        yield _message(served, part, status), draft.text
    for index, call in enumerate(draft.calls):
        item = {
            "id": f"fc_{served.token}_{index}",
            "type": "function_call",
            "status": status,
            "call_id": served.call_id(0, index),
            "name": call.name,
            "arguments": call.text,
        }
        yield item, call.text


def _message(served: Served, part: Json, status: str) -> dict[str, Any]:
    return {"id": f"msg_{served.token}", "type": "message", "role": "assistant", "status": status, "content": [part]}


def usage(served: Served) -> Json:
    """Return the usage object."""
    counted = served.counted
    return {
        "input_tokens": counted.prompt,
        "input_tokens_details": {"cached_tokens": counted.cached, "cache_write_tokens": 0},
        "output_tokens": counted.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted.total,
    }


# --- Streams ---------------------------------------------------------------------------------------


def events(served: Served, body: JsonObject) -> Iterator[str]:
    """Yield the server-sent events of a reply, numbered in order."""
    for number, data in enumerate(_events(served, body)):
        named = {**data, "sequence_number": number}
        yield f"event: {data['type']}\ndata: {wire_json(named)}\n\n"


def _events(served: Served, body: JsonObject) -> Iterator[dict[str, Any]]:
    whole = write(served, body)
    begun = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, (item, text) in enumerate(_items(served, served.drafts[0])):
        if item["type"] == "message":
            yield from _message_events(item, index, text)
        else:
            yield from _call_events(item, index, text)
    yield {"type": f"response.{whole['status']}", "response": whole}


def _message_events(item: dict[str, Any], index: int, text: str) -> Iterator[dict[str, Any]]:
    part = item["content"][0]
    key, kind = ("refusal", "refusal") if part["type"] == "refusal" else ("text", "output_text")
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    extra: dict[str, Json] = {"logprobs": []} if kind == "output_text" else {}
    unfinished = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": index, "item": unfinished}
    yield {"type": "response.content_part.added", **place, "part": {**part, key: ""}}
    for piece in pieces(text):
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, **extra}
    yield {"type": f"response.{kind}.done", **place, key: text, **extra}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _call_events(item: dict[str, Any], index: int, text: str) -> Iterator[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": index}
    kind = "response.function_call_arguments"
    unfinished = {**item, "status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": index, "item": unfinished}
    for piece in pieces(text):
        yield {"type": f"{kind}.delta", **place, "delta": piece}
    yield {"type": f"{kind}.done", **place, "name": item["name"], "arguments": text}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}
