"""Chat Completions: its request bodies read, its replies and stream events written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from migrate.edges.providers.simulated.complaints import bad_request
from migrate.edges.providers.simulated.draft import Draft
from migrate.edges.providers.simulated.question import Question, Turn, echoed_tier
from migrate.edges.providers.simulated.reading import integer, response_format, text_of, tool_from
from migrate.edges.providers.simulated.served import CREATED, Served, pieces, wire_json
from migrate.vocabulary import Json, JsonObject, Tool

DONE: Final = "data: [DONE]\n\n"


def read(body: JsonObject) -> Question:
    """Return what a Chat Completions body asks. Raises Refused where the API would."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request(
            "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    tools = tuple(_tool(entry, index) for index, entry in enumerate(body.get("tools") or []))
    promised = body.get("response_format") or {}
    form, schema, strict = response_format(promised, promised.get("json_schema") or {}, "response_format")
    name = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    return Question(
        api="chat",
        model=str(body.get("model") or ""),
        turns=tuple(_turn(message, index) for index, message in enumerate(messages)),
        tools=tools,
        tool_choice=_tool_choice(body.get("tool_choice"), tools),
        parallel=body.get("parallel_tool_calls") is not False,
        response_format=form,
        schema=schema,
        strict=strict,
        max_tokens=integer(body, name, minimum=1),
        max_tokens_name=name,
        stream=body.get("stream") is True,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        choices=integer(body, "n", minimum=1) or 1,
        service_tier=echoed_tier(body.get("service_tier")),
        extra_text="".join(json.dumps(part, ensure_ascii=False) for part in (body.get("tools"), schema) if part),
    )


def _turn(message: Any, index: int) -> Turn:
    where = f"messages[{index}]"
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise bad_request(f"Invalid type for '{where}': expected an object with a role.", param=where)
    text, images = text_of(message.get("content"), f"{where}.content")
    calls = message.get("tool_calls")
    return Turn(message["role"], text + (json.dumps(calls, ensure_ascii=False) if calls else ""), images)


def _tool(entry: Any, index: int) -> Tool:
    function = entry.get("function") if isinstance(entry, dict) else None
    return tool_from(function, f"tools[{index}].function")


def _tool_choice(asked: Any, tools: tuple[Tool, ...]) -> str:
    if isinstance(asked, dict):
        return str((asked.get("function") or {}).get("name", "auto"))
    return str(asked) if asked else ("auto" if tools else "none")


# --- Replies ---------------------------------------------------------------------------------------


def write(served: Served) -> Json:
    """Return the body of a whole reply."""
    choices = [
        {"index": index, "message": _message(served, index, draft), "logprobs": None, "finish_reason": _finish(draft)}
        for index, draft in enumerate(served.drafts)
    ]
    return {**_head(served, "chat.completion"), "choices": choices, "usage": usage(served)}


def _head(served: Served, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-simulated-{served.token}",
        "object": kind,
        "created": CREATED,
        "model": served.served_model,
        "service_tier": served.question.service_tier,
        "system_fingerprint": served.fingerprint,
    }


def _message(served: Served, choice: int, draft: Draft) -> Json:
    message: dict[str, Any] = {"role": "assistant", "content": draft.text, "refusal": draft.refusal, "annotations": []}
    if draft.calls:
        message["tool_calls"] = [
            {
                "id": served.call_id(choice, index),
                "type": "function",
                "function": {"name": call.name, "arguments": call.text},
            }
            for index, call in enumerate(draft.calls)
        ]
    return message


def _finish(draft: Draft) -> str:
    return "tool_calls" if draft.calls and draft.finish == "stop" else draft.finish


def usage(served: Served) -> Json:
    """Return the usage object; all input tokens count as prompt tokens, cached ones included."""
    counted = served.counted
    return {
        "prompt_tokens": counted.prompt,
        "completion_tokens": counted.completion,
        "total_tokens": counted.total,
        "prompt_tokens_details": {"cached_tokens": counted.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


# --- Streams ---------------------------------------------------------------------------------------


def events(served: Served) -> Iterator[str]:
    """Yield the server-sent events of a reply, `[DONE]` included."""
    head = _head(served, "chat.completion.chunk")
    if served.question.include_usage:
        head["usage"] = None
    for index, draft in enumerate(served.drafts):
        for delta, finish in _deltas(served, index, draft):
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            yield event({**head, "choices": [choice]})
    if served.question.include_usage:
        yield event({**head, "choices": [], "usage": usage(served)})
    yield DONE


def _deltas(served: Served, choice: int, draft: Draft) -> Iterator[tuple[Json, str | None]]:
    content = None if draft.text is None else ""
    yield {"role": "assistant", "content": content, "refusal": None}, None
    for piece in pieces(draft.text or ""):
        yield {"content": piece}, None
    for piece in pieces(draft.refusal or ""):
        yield {"refusal": piece}, None
    for index, call in enumerate(draft.calls):
        opening = {"name": call.name, "arguments": ""}
        first = {"index": index, "id": served.call_id(choice, index), "type": "function", "function": opening}
        yield {"tool_calls": [first]}, None
        for piece in pieces(call.text):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, _finish(draft)


def event(data: Json) -> str:
    """Return one unnamed server-sent event."""
    return f"data: {wire_json(data)}\n\n"
