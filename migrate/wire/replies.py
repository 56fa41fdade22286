"""Turn what came over the wire into a `Reply`, or into the words for why it is none.

The SDK calls more things a success than a harness may: an error object or an HTML page with status 200, null
choices, a stream without a finish reason. Nothing becomes a reply here unless it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from migrate.catalogue import is_served_as
from migrate.vocabulary import Answer, Endpoint, Finish, NoReply, NoReplyKind, Reply, ToolCall, Usage

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}

MOST_TOKENS: Final = 10**9
"""A count above is a mistake of the server: no request has as many, and no database could add them up."""


class NotAReply(Exception):
    """The body is no whole answer; carries the no-reply that says so."""

    def __init__(self, kind: NoReplyKind, message: str) -> None:
        super().__init__(message)
        self.no_reply = NoReply(kind, message)


def read_body(content: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON object of a response body. Raises NotAReply for a page, an error object or broken JSON."""
    if content and "json" not in content_type and content[:1] not in (b"{", b"["):
        kind = content_type.partition(";")[0].strip() or "no content type"
        raise NotAReply(NoReplyKind.NOT_AN_API_ANSWER, f"not an API answer ({kind}, {len(content)} bytes)")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, f"the body is not whole JSON ({len(content)} bytes)") from None
    if not isinstance(body, dict):
        raise NotAReply(NoReplyKind.NOT_AN_API_ANSWER, f"the body is a JSON {type(body).__name__}, not an answer")
    if body.get("error"):
        raise NotAReply(
            NoReplyKind.NOT_AN_API_ANSWER, f"an error object with status 200: {_error_words(body['error'])}"
        )
    return body


def read_answer(
    api: Endpoint, body: dict[str, Any], asked: str, request_id: str | None, served_as: Sequence[str] = ()
) -> Reply:
    """Return the reply in a whole response body. Raises NotAReply when a part of it is missing or foreign."""
    reply = READERS[api](body)
    served = body.get("model")
    if not isinstance(served, str) or not served:
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the answer does not say which model served it")
    if served not in served_as and not is_served_as(asked, served):
        raise NotAReply(NoReplyKind.WRONG_MODEL, f"asked {asked}, served {served}")
    return Reply(
        answer=reply,
        served_model=served,
        usage=_usage(body.get("usage")),
        service_tier=_text(body.get("service_tier")),
        fingerprint=_text(body.get("system_fingerprint")),
        request_id=request_id,
    )


def _read_chat(body: dict[str, Any]) -> Answer:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the answer has no choices")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the first choice has no message")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the tool calls of the answer are no list")
    return Answer(
        text=_text(message.get("content")),
        tool_calls=tuple(_chat_tool_call(call) for call in calls),
        refusal=_text(message.get("refusal")),
        finish=FINISHES.get(str(choices[0].get("finish_reason")), "unknown"),
    )


def _chat_tool_call(call: Any) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "a tool call has no function")
    return ToolCall(str(function.get("name") or ""), str(function.get("arguments") or ""), str(call.get("id") or ""))


def _read_responses(body: dict[str, Any]) -> Answer:
    output = body.get("output")
    if not isinstance(output, list):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the response has no output")
    if body.get("status") in ("failed", "cancelled", "in_progress", "queued"):
        raise NotAReply(NoReplyKind.SERVER_ERROR, f"the response ended with status {body['status']}")
    texts: list[str] = []
    refusals: list[str] = []
    for part in _message_parts(output):
        if part.get("type") == "output_text":
            texts.append(str(part.get("text") or ""))
        elif part.get("type") == "refusal":
            refusals.append(str(part.get("refusal") or ""))
    calls = tuple(
        ToolCall(str(item.get("name") or ""), str(item.get("arguments") or ""), str(item.get("call_id") or ""))
        for item in output
        if isinstance(item, dict) and item.get("type") == "function_call"
    )
    return Answer(
        text="".join(texts) if texts else None,
        tool_calls=calls,
        refusal="".join(refusals) or None,
        finish=_responses_finish(body, bool(calls)),
    )


def _message_parts(output: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for item in output:
        content = item.get("content") if isinstance(item, dict) and item.get("type") == "message" else None
        if isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _responses_finish(body: dict[str, Any], called: bool) -> Finish:
    if body.get("status") == "incomplete":
        reason = _get(body.get("incomplete_details"), "reason")
        return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if called else "stop"


def _read_embeddings(body: dict[str, Any]) -> Answer:
    """Return an answer without text: vectors are handed through, never compared."""
    if not isinstance(body.get("data"), list):
        raise NotAReply(NoReplyKind.MALFORMED_BODY, "the answer has no embeddings")
    return Answer(text=None)


READERS: Mapping[Endpoint, Callable[[dict[str, Any]], Answer]] = {
    "chat": _read_chat,
    "responses": _read_responses,
    "embeddings": _read_embeddings,
}


def _usage(usage: Any) -> Usage:
    """Read the usage of either API; a count that is no sane whole number is unknown."""
    if not isinstance(usage, dict):
        return Usage()
    details_in = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    details_out = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        cached_tokens=_count(_get(details_in, "cached_tokens")),
        cache_write_tokens=_count(_get(details_in, "cache_write_tokens")),
        output_tokens=_count(usage.get("completion_tokens", usage.get("output_tokens"))),
        reasoning_tokens=_count(_get(details_out, "reasoning_tokens")),
    )


def _get(details: Any, name: str) -> Any:
    return details.get(name) if isinstance(details, dict) else None


def _count(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if known else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _error_words(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:200]
