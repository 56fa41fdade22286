"""Requests and replies with the provider's own ids settled, so that equal conversations are equal requests.

A provider draws an id for every answer, output item and tool call, and a later request of the same trace quotes it.
Left as they are, no two samples would ever ask the same second question, and no replay would find it. So:

- tool calls of a conversation are numbered in the order in which its messages hold them;
- an answer that a request only names (`previous_response_id`) is called after the request it answered;
- what the application hands back of an earlier answer is reduced to what a reply keeps of it: text, calls, refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from migrate.canonical import digest
from migrate.vocabulary import Endpoint, Json, JsonObject, Reply
from migrate.wire.writing import tool_call_id

_REFERENCES: Final = ("previous_response_id", "conversation")
_QUOTED: Final = frozenset({"message", "function_call", "function_call_output"})
"""Input items that are kept when they come from an earlier answer; others, as its reasoning, follow from it."""

_REMARKS: Final = frozenset({"annotations", "parsed", "reasoning", "reasoning_content", "reasoning_details"})
"""Members of a chat answer that no reply keeps, as clients send them back."""


def name_of(request_key: str, equal: int) -> str:
    """Return the name of the answer to the `equal`-th call with this key: the stem of every id in it."""
    return digest(f"{request_key} {equal}")[:16]


def settled_reply(reply: Reply, name: str) -> Reply:
    """Return a reply whose tool calls have settled ids."""
    if not reply.answer.tool_calls:
        return reply
    calls = tuple(replace(call, id=tool_call_id(name, place)) for place, call in enumerate(reply.answer.tool_calls))
    return replace(reply, answer=replace(reply.answer, tool_calls=calls))


def drawn_ids(endpoint: Endpoint, body: JsonObject, name: str) -> dict[str, str]:
    """Return the ids that a provider drew for an answer, each with its settled one."""
    if endpoint == "chat":
        return {str(call["id"]): tool_call_id(name, place) for place, call in enumerate(_chat_calls(body))}
    if endpoint != "responses":
        return {}
    ids = {str(body.get("id")): f"resp_{name}"}
    called = 0
    for item in body.get("output") or ():
        kind, drawn = item.get("type"), str(item.get("id"))
        if kind == "function_call":
            ids[drawn] = f"fc_{name}_{called}"
            ids[str(item.get("call_id"))] = tool_call_id(name, called)
            called += 1
        else:
            ids[drawn] = f"{'msg' if kind == 'message' else kind}_{name}"
    return ids


def _chat_calls(body: JsonObject) -> list[Any]:
    choices = body.get("choices") or ()
    message = choices[0].get("message") if choices else None
    return [call for call in (message or {}).get("tool_calls") or () if call.get("id")]


def settled_body(endpoint: Endpoint, body: JsonObject, known: Mapping[str, str]) -> JsonObject:
    """Return a request's body with the ids of earlier answers settled; `known` holds those the trace has met."""
    if endpoint == "chat" and isinstance(body.get("messages"), list):
        return {**body, "messages": _Conversation(known).messages(body["messages"])}
    if endpoint != "responses":
        return body
    settled = {**body, **{name: _reference(body[name], known) for name in _REFERENCES if name in body}}
    if isinstance(body.get("input"), list):
        settled["input"] = list(_Conversation(known).items(body["input"]))
    return settled


def _reference(value: Json, known: Mapping[str, str]) -> Json:
    return known.get(value, value) if isinstance(value, str) else value


class _Conversation:
    """One pass over the messages of a request: numbers its tool calls."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._numbers: dict[str, str] = {}
        self._met = 0

    def messages(self, messages: list[Json]) -> list[Json]:
        return [self._message(message) if isinstance(message, dict) else message for message in messages]

    def _message(self, message: dict[str, Json]) -> JsonObject:
        if message.get("role") == "tool":
            return {**message, "tool_call_id": self._of(message.get("tool_call_id"))}
        if message.get("role") != "assistant":
            return message
        said = {name: value for name, value in message.items() if value is not None and name not in _REMARKS}
        if isinstance(said.get("tool_calls"), list):
            said["tool_calls"] = [self._numbered(call, "id") for call in said["tool_calls"]]
        return said

    def items(self, items: list[Json]) -> Iterator[Json]:
        for item in items:
            if not isinstance(item, dict):
                yield item
            elif item.get("type", "message") in _QUOTED:
                yield self._item(item)
            elif item.get("type") == "item_reference":
                yield {**item, "id": _reference(item.get("id"), self._known)}
            elif item.get("id") not in self._known:
                yield item

    def _item(self, item: dict[str, Json]) -> JsonObject:
        kind = item.get("type", "message")
        if kind == "function_call":
            kept = {name: item.get(name) for name in ("type", "call_id", "name", "arguments")}
            numbered: JsonObject = self._numbered(kept, "call_id")
            return numbered
        if kind == "function_call_output":
            rest = {name: value for name, value in item.items() if name not in ("id", "status")}
            return {**rest, "call_id": self._of(item.get("call_id"))}
        if item.get("role") != "assistant":
            return item
        return {"type": "message", "role": "assistant", "content": _parts(item.get("content"))}

    def _numbered(self, call: Json, member: str) -> Json:
        if not isinstance(call, dict):
            return call
        self._met += 1
        number = f"call_{self._met}"
        self._numbers[str(call.get(member))] = number
        return {**call, member: number}

    def _of(self, drawn: Json) -> Json:
        """Return the settled id of the call that an output belongs to: the last one so called, here or in the trace."""
        return self._numbers.get(drawn, self._known.get(drawn, drawn)) if isinstance(drawn, str) else drawn


def _parts(content: Json) -> Json:
    """Return what a reply keeps of the content parts of an answer."""
    if not isinstance(content, list):
        return content
    kept = {"output_text": "text", "refusal": "refusal"}
    return [
        {"type": part["type"], kept[part["type"]]: part.get(kept[part["type"]])}
        if isinstance(part, dict) and part.get("type") in kept
        else part
        for part in content
    ]
