"""Every way to call the API through its SDK, written once for sync and async clients, and a server that answers them.

No test framework is needed here: the same forms run in a process of their own under other versions of the SDK.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import inspect
import json
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pydantic
from scripted_server import Scripted, Seen, error, events, http, ok

MODEL = "gpt-4o"
USER = [{"role": "user", "content": "Where is parcel 7?"}]
TRACK = {
    "name": "track",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"parcel": {"type": "integer"}},
        "required": ["parcel"],
        "additionalProperties": False,
    },
}
TOOLS = [{"type": "function", "function": TRACK}]
FLAT_TOOLS = [{"type": "function", **TRACK}]
CALL = {"id": "call_drawn", "type": "function", "function": {"name": "track", "arguments": '{"parcel": 7}'}}
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
FLAT_USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 16,
}


class Parcel(pydantic.BaseModel):
    """What a parse helper is asked for."""

    place: str
    days: int


PARSED = '{"place": "Köln", "days": 2}'

# --- The server -----------------------------------------------------------------------------------------


def served(asked: str) -> str:
    """Return the snapshot that answers for a model."""
    return {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4.1": "gpt-4.1-2025-04-14"}.get(asked, asked)


def provider(seen: Seen) -> Scripted:
    """Answer like the API: the last words of the question say how."""
    if seen.method != "POST":
        return ok({"object": "list", "data": []})
    body = seen.json
    question = json.dumps(body, ensure_ascii=False)
    fault = _fault(question, seen)
    if fault is not None:
        return fault
    if seen.path.split("?")[0].endswith("/embeddings"):
        return ok(_embeddings(body), x_request_id="req_e")
    answer = _chat_answer if seen.path.split("?")[0].endswith("/chat/completions") else _responses_answer
    return answer(body, question)


def _fault(question: str, seen: Seen) -> Scripted | None:
    for word, scripted in {
        "answer 400": error(400, "invalid_request", "no such thing"),
        "answer 401": error(401, "invalid_api_key"),
        "answer 404": error(404, "model_not_found"),
        "answer 429": error(429, "rate_limit_exceeded", retry_after_ms="1"),
        "answer 500": error(500, retry_after_ms="1"),
        "a page": http(b"<html>Sign in</html>", kind="text/html"),
        "half a body": http(b'{"choices": [{"mess'),
        "an error object": ok({"error": {"message": "boom"}}),
        "hang up": Scripted(
            (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",), (), True
        ),
        "an error event": events({"error": {"message": "overloaded"}}),
        "no end": events(_chunk({"content": "half"}), done=False),
        "cut stream": Scripted(
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n"
                 b"data: " + json.dumps(_chunk({"content": "half"})).encode() + b"\n\n",
            ), (), True,
        ),
    }.items():  # fmt: skip
        if word in question:
            return scripted
    if "once 500" in question and seen.headers.get("x-stainless-retry-count") == "0":
        return error(500, retry_after_ms="1")
    return None


def _says(question: str) -> str:
    if "Parcel" in question:
        return PARSED
    return "Your parcel is in Köln – two days left. 📦"


def _chat_answer(body: dict[str, Any], question: str) -> Scripted:
    wants_tool = "tools" in body and "tool_call_id" not in question
    message: dict[str, Any] = {"role": "assistant", "content": None if wants_tool else _says(question)}
    message |= {"refusal": None, "annotations": []}
    if wants_tool:
        message["tool_calls"] = [CALL]
    finish = "tool_calls" if wants_tool else "stop"
    if body.get("stream"):
        return events(*_chunks(body, message, finish))
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-drawn", "object": "chat.completion", "created": 1, "model": served(body["model"])}
    whole = {**head, "service_tier": "default", "system_fingerprint": "fp_1", "choices": [choice], "usage": USAGE}
    return ok(whole, x_request_id="req_c")


def _chunk(delta: dict[str, Any], finish: str | None = None, model: str = "gpt-4o-2024-08-06") -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-drawn", "object": "chat.completion.chunk", "created": 1, "model": model}
    return {**head, "service_tier": "default", "system_fingerprint": "fp_1", "choices": [choice]}


def _chunks(body: dict[str, Any], message: dict[str, Any], finish: str) -> list[dict[str, Any]]:
    model = served(body["model"])
    content = message["content"]
    chunks = [_chunk({"role": "assistant", "content": None if content is None else "", "refusal": None}, model=model)]
    words = [] if content is None else re.findall(r"\S+ ?", content)
    chunks += [_chunk({"content": word}, model=model) for word in words]
    for call in message.get("tool_calls", ()):
        opening = {**call, "index": 0, "function": {"name": "track", "arguments": ""}}
        pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"parcel"', ": 7}")]
        chunks += [_chunk({"tool_calls": [piece]}, model=model) for piece in (opening, *pieces)]
    chunks.append(_chunk({}, finish, model=model))
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**_chunk({}, model=model), "choices": [], "usage": USAGE})
    return chunks


def _responses_answer(body: dict[str, Any], question: str) -> Scripted:
    whole = _response(body, question)
    if not body.get("stream"):
        return ok(whole, x_request_id="req_r")
    text = "".join(
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(_response_events(whole))
    )
    return http(text.encode(), kind="text/event-stream")


def _response(body: dict[str, Any], question: str) -> dict[str, Any]:
    wants_tool = "tools" in body and "function_call_output" not in question
    part = {"type": "output_text", "text": _says(question), "annotations": [], "logprobs": []}
    message = {"id": "msg_drawn", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    call = {"id": "fc_drawn", "type": "function_call", "status": "completed", "call_id": "call_drawn"}
    call |= {"name": "track", "arguments": '{"parcel": 7}'}
    return {
        "id": "resp_drawn",
        "object": "response",
        "created_at": 1,
        "model": served(body["model"]),
        "error": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "status": "completed",
        "incomplete_details": None,
        "output": [call] if wants_tool else [message],
        "usage": FLAT_USAGE,
    }


def _response_events(whole: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    item = whole["output"][0]
    place = {"item_id": item["id"], "output_index": 0}
    listed: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    if item["type"] == "message":
        part, text = item["content"][0], item["content"][0]["text"]
        inner = {**place, "content_index": 0}
        listed += [
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            {"type": "response.content_part.added", **inner, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **inner, "delta": text[:9], "logprobs": []},
            {"type": "response.output_text.delta", **inner, "delta": text[9:], "logprobs": []},
            {"type": "response.output_text.done", **inner, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **inner, "part": part},
        ]
    else:
        kind = "response.function_call_arguments"
        listed += [
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "arguments": ""}},
            {"type": f"{kind}.delta", **place, "delta": item["arguments"]},
            {"type": f"{kind}.done", **place, "name": item["name"], "arguments": item["arguments"]},
        ]
    listed.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    return [*listed, {"type": "response.completed", "response": whole}]


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = []
    for index, text in enumerate(texts):
        vector: Any = [len(text) / 8, 0.5, -0.25]
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack("<3f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


# --- Sync and async alike ---------------------------------------------------------------------------------


async def settled(value: Any) -> Any:
    """Return a value, awaited where the client is asynchronous."""
    return await value if inspect.isawaitable(value) else value


async def each(stream: Any) -> AsyncIterator[Any]:
    """Yield what a stream of either kind yields."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """Enter a context manager of either kind."""
    if hasattr(manager, "__aenter__"):
        async with manager as inner:
            yield inner
    else:
        with manager as inner:
            yield inner


def dump(value: Any) -> Any:
    """Return what a value of the SDK holds, as JSON."""
    if isinstance(value, pydantic.BaseModel):
        return {"class": type(value).__name__, **json.loads(value.model_dump_json(warnings=False))}
    return value if isinstance(value, (str, int, float, list, dict, type(None))) else repr(type(value))


# --- The forms --------------------------------------------------------------------------------------------

Form = Callable[[Any], Awaitable[Any]]


async def chat(client: Any) -> Any:
    return dump(await settled(client.chat.completions.create(model=MODEL, messages=USER, temperature=0.1, seed=3)))


async def chat_streamed(client: Any) -> Any:
    options = {"include_usage": True}
    stream = await settled(
        client.chat.completions.create(model=MODEL, messages=USER, stream=True, stream_options=options)
    )
    return [dump(chunk) async for chunk in each(stream)]


async def chat_tool_loop(client: Any) -> Any:
    """Two chained calls: the second quotes the first answer's tool call."""
    first = await settled(client.chat.completions.create(model=MODEL, messages=USER, tools=TOOLS))
    asked = first.choices[0].message
    told = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "Köln"}
    messages = [*USER, asked, told]
    return [
        dump(first),
        dump(await settled(client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS))),
    ]


async def chat_parsed(client: Any) -> Any:
    parse = getattr(client.chat.completions, "parse", None) or client.beta.chat.completions.parse
    return dump(await settled(parse(model=MODEL, messages=USER, response_format=Parcel)))


async def chat_helper(client: Any) -> Any:
    """The SDK's own stream helper, which puts the answer together."""
    async with entered(client.chat.completions.stream(model=MODEL, messages=USER, tools=TOOLS)) as stream:
        kinds = [event.type async for event in each(stream)]
        return [sorted(set(kinds)), dump(await settled(stream.get_final_completion()))]


async def chat_raw(client: Any) -> Any:
    raw = await settled(client.chat.completions.with_raw_response.create(model=MODEL, messages=USER))
    return [raw.status_code, raw.headers.get("x-request-id"), raw.retries_taken, dump(raw.parse())]


async def chat_raw_streamed(client: Any) -> Any:
    raw = await settled(client.chat.completions.with_raw_response.create(model=MODEL, messages=USER, stream=True))
    return [dump(chunk) async for chunk in each(raw.parse())]


async def chat_streaming_response(client: Any) -> Any:
    manager = client.chat.completions.with_streaming_response.create(model=MODEL, messages=USER)
    async with entered(manager) as response:
        return json.loads(await settled(response.text()))


async def responses(client: Any) -> Any:
    return dump(await settled(client.responses.create(model=MODEL, input="Where is parcel 7?")))


async def responses_streamed(client: Any) -> Any:
    stream = await settled(client.responses.create(model=MODEL, input=USER, stream=True))
    return [dump(event) async for event in each(stream)]


async def responses_tool_loop(client: Any) -> Any:
    """Two chained calls: the second names the first answer."""
    first = await settled(client.responses.create(model=MODEL, input=USER, tools=FLAT_TOOLS))
    told = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "Köln"}
    again = client.responses.create(model=MODEL, input=[told], previous_response_id=first.id, tools=FLAT_TOOLS)
    return [dump(first), dump(await settled(again))]


async def responses_quoting(client: Any) -> Any:
    """Two chained calls: the second hands back the first answer's items."""
    first = await settled(client.responses.create(model=MODEL, input=USER))
    items = [*USER, *first.output, {"role": "user", "content": "And parcel 8?"}]
    return [dump(first), dump(await settled(client.responses.create(model=MODEL, input=items)))]


async def responses_parsed(client: Any) -> Any:
    return dump(await settled(client.responses.parse(model=MODEL, input=USER, text_format=Parcel)))


async def responses_helper(client: Any) -> Any:
    async with entered(client.responses.stream(model=MODEL, input=USER)) as stream:
        kinds = [event.type async for event in each(stream)]
        return [sorted(set(kinds)), dump(await settled(stream.get_final_response()))]


async def embeddings(client: Any) -> Any:
    return dump(await settled(client.embeddings.create(model="text-embedding-3-small", input=["a", "bb"])))


async def embeddings_raw(client: Any) -> Any:
    create = client.embeddings.with_raw_response.create
    raw = await settled(create(model="text-embedding-3-small", input="ccc", encoding_format="float"))
    return json.loads(raw.http_response.text)


ANSWERED: dict[str, Form] = {
    form.__name__: form
    for form in (
        chat, chat_streamed, chat_tool_loop, chat_parsed, chat_helper, chat_raw, chat_raw_streamed,
        chat_streaming_response, responses, responses_streamed, responses_tool_loop, responses_quoting,
        responses_parsed, responses_helper, embeddings, embeddings_raw,
    )
}  # fmt: skip
"""Forms that end in an answer."""


def _failing(words: str, *, stream: bool = False) -> Form:
    async def form(client: Any) -> Any:
        messages = [{"role": "user", "content": words}]
        answer = await settled(client.chat.completions.create(model=MODEL, messages=messages, stream=stream))
        return [dump(item) async for item in each(answer)] if stream else dump(answer)

    return form


FAILING: dict[str, Form] = {
    **{words: _failing(words) for words in (
        "answer 400", "answer 401", "answer 404", "answer 429", "answer 500", "once 500", "a page", "half a body",
        "an error object", "hang up",
    )},
    **{f"{words}, streamed": _failing(words, stream=True) for words in (
        "answer 400", "answer 500", "a page", "hang up", "an error event", "no end", "cut stream",
    )},
}  # fmt: skip
"""Forms that end in an error, or in what the SDK takes for an answer."""


def outcome(form: Form, client: Any) -> Any:
    """Run a form to its end; return what the application sees, an exception included."""

    async def run() -> Any:
        try:
            return await form(client)
        except Exception as fault:
            code, body = getattr(fault, "code", None), getattr(fault, "body", None)
            cause = type(fault.__cause__).__name__
            return ["raised", type(fault).__name__, str(fault), code, body, cause]
        finally:
            await settled(client.close())

    return asyncio.run(run())


# --- The clients --------------------------------------------------------------------------------------------

KEY = "sk-canary-0123456789abcdefghij"


def clients(url: str) -> dict[str, Callable[[], Any]]:
    """Return how each kind of client is made that this version of the SDK has."""
    http_library = __import__("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
    azure = url.removesuffix("/v1")
    given: dict[str, Any] = {"api_key": KEY, "base_url": url, "max_retries": 1}
    made = {
        "sync": lambda: openai.OpenAI(**given),
        "async": lambda: openai.AsyncOpenAI(**given),
        "sync, own http client": lambda: openai.OpenAI(http_client=http_library.Client(), **given),
        "async, own http client": lambda: openai.AsyncOpenAI(http_client=http_library.AsyncClient(), **given),
        "sync, Azure": lambda: openai.AzureOpenAI(
            api_key=KEY, azure_endpoint=azure, api_version="2025-04-01-preview", max_retries=1
        ),
        "async, Azure": lambda: openai.AsyncAzureOpenAI(
            api_key=KEY, azure_endpoint=azure, api_version="2025-04-01-preview", max_retries=1
        ),
    }
    needs = "aiohttp" if http_library.__name__ == "httpx2" else "httpx_aiohttp"
    if importlib.util.find_spec(needs) is not None:
        made["async, aiohttp"] = lambda: openai.AsyncOpenAI(http_client=openai.DefaultAioHttpClient(), **given)
    with contextlib.suppress(ImportError):
        import httpx

        if http_library is not httpx:
            made["sync, httpx before httpx2"] = lambda: openai.OpenAI(http_client=httpx.Client(), **given)  # type: ignore[arg-type]
    return made
