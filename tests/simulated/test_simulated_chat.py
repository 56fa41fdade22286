"""Chat Completions through the real SDK, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from simulated_stage import CALLS, ORDER_TOOLS, PROSE, TRIAGE, TRIAGED, OpenStage, Stage, case, chat_body

TOOLS: list[Any] = [{"type": "function", "function": tool} for tool in ORDER_TOOLS]
SCHEMA_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "triage", "strict": True, "schema": TRIAGE},
}


@pytest.fixture
def desk(stage: OpenStage) -> Stage:
    """A server that knows a triage, a letter and an order case."""
    return stage(
        [
            case(TRIAGED, chat_body("classify")),
            case(PROSE, chat_body("write")),
            case(CALLS, chat_body("order", tools=TOOLS)),
        ]
    )


def test_the_book_answers_a_json_case(desk: Stage) -> None:
    """A case of the book is answered with its reference answer, but for the baseline's harmless noise."""
    reply = desk.client().chat.completions.create(**chat_body("classify"))
    answer = json.loads(reply.choices[0].message.content)
    assert TRIAGED["label"] == answer["label"]
    assert TRIAGED["amount"] == answer["amount"]


def test_the_served_model_is_the_dated_snapshot(desk: Stage) -> None:
    """Replies name the snapshot, as the API does, whichever of its names was asked for."""
    asked = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano-2025-04-14")
    client = desk.client()
    served = [client.chat.completions.create(**{**chat_body("hi"), "model": name}).model for name in asked]
    expected = ["gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14"]
    assert [*expected, "gpt-4.1-nano-2025-04-14"] == served


def test_usage_adds_up(desk: Stage) -> None:
    """Total is prompt plus completion, and nothing is read from the cache of a short prompt."""
    usage = desk.client().chat.completions.create(**chat_body("classify")).usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 0


def test_a_long_standing_prefix_is_read_from_the_cache(desk: Stage) -> None:
    """From 1,024 tokens on, the messages before the last are cached, in steps of 128, on the first request already."""
    messages = [{"role": "system", "content": "word " * 1500}, {"role": "user", "content": "now?"}]
    usage = desk.client().chat.completions.create(model="gpt-4o", messages=messages).usage  # type: ignore[arg-type]
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    cached = usage.prompt_tokens_details.cached_tokens or 0
    assert cached % 128 == 0
    assert 1408 <= cached <= usage.prompt_tokens


def test_a_stream_says_the_same_as_the_whole_reply(desk: Stage) -> None:
    """The pieces of a stream put together are the whole reply's text, and the last chunk alone carries the usage."""
    client, header = desk.client(), {"x-prompt-migrate-sample": "1"}
    whole = client.chat.completions.create(**chat_body("write"), extra_headers=header)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**chat_body("write"), **options, extra_headers=header))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert whole.choices[0].message.content == text
    assert [whole.usage] == [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert chunks[-1].choices == []


def test_a_stream_without_include_usage_has_none(desk: Stage) -> None:
    """Usage is streamed only when asked for."""
    chunks = list(desk.client().chat.completions.create(**chat_body("write"), stream=True))
    assert [None] == list({chunk.usage for chunk in chunks})
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_tool_calls_come_whole_and_streamed(desk: Stage) -> None:
    """A case that expects a call gets it, with the same id and arguments in both forms."""
    client, header = desk.client(), {"x-prompt-migrate-sample": "1"}
    body = chat_body("order", tools=TOOLS)
    choice = client.chat.completions.create(**body, extra_headers=header).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or []
    with client.chat.completions.stream(**body, extra_headers=header) as stream:
        (streamed,) = stream.get_final_completion().choices[0].message.tool_calls or []
    assert (call.id, "get_order", {"order_id": "A-1", "urgent": True}) == (
        streamed.id,
        streamed.function.name,
        json.loads(streamed.function.arguments),
    )


def test_a_question_of_no_case_is_answered_by_its_schema(desk: Stage) -> None:
    """Without a case the answer is made from the schema, and the SDK's parser takes it."""
    reply = desk.client().chat.completions.create(**chat_body("unknown", response_format=SCHEMA_FORMAT))
    assert set(TRIAGE["required"]) <= set(json.loads(reply.choices[0].message.content))


def test_a_question_of_no_case_calls_the_tool_its_words_name(desk: Stage) -> None:
    """Without a case the tool that shares most words with the question is called; after its result prose follows."""
    client = desk.client()
    first = client.chat.completions.create(**chat_body("please cancel one order of mine", tools=TOOLS))
    (call,) = first.choices[0].message.tool_calls or []
    assert call.function.name == "cancel_order"
    result = {"role": "tool", "tool_call_id": call.id, "content": "done"}
    messages = [{"role": "user", "content": "please cancel"}, first.choices[0].message, result]
    second = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    assert second.choices[0].message.tool_calls is None
    assert len(second.choices[0].message.content.split()) > 4


@pytest.mark.parametrize(("choice", "called"), [("none", None), ("required", True)])
def test_tool_choice_is_obeyed(desk: Stage, choice: Any, called: bool | None) -> None:
    """`none` forbids calls and `required` demands one."""
    reply = desk.client().chat.completions.create(**chat_body("hello", tools=TOOLS, tool_choice=choice))
    assert called == (bool(reply.choices[0].message.tool_calls) or None)


def test_a_named_tool_is_called(desk: Stage) -> None:
    """A tool choice that names a function gets that function."""
    choice = {"type": "function", "function": {"name": "get_order"}}
    reply = desk.client().chat.completions.create(**chat_body("cancel it", tools=TOOLS, tool_choice=choice))
    assert ["get_order"] == [call.function.name for call in reply.choices[0].message.tool_calls or []]


def test_the_output_limit_cuts_and_is_noted(desk: Stage) -> None:
    """`max_tokens` ends the answer there, with `length`, and the habit log blames the request."""
    reply = desk.client().chat.completions.create(**chat_body("write", max_tokens=5))
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 5
    slip = desk.log[0]["habits"][0]
    assert ("output_limit", "request", "truncated") == (slip["habit"], slip["origin"], slip["breaks"]["kind"])


def test_several_choices_are_several_samples(desk: Stage) -> None:
    """With `n: 2` the two choices are samples 1 and 2, each with a line of its own in the log."""
    reply = desk.client().chat.completions.create(**chat_body("classify", n=2))
    assert [0, 1] == [choice.index for choice in reply.choices]
    assert [1, 2] == [line["sample"] for line in desk.log]


def test_the_async_client_is_served_as_well(desk: Stage) -> None:
    """Thirty questions at once through the asynchronous client all get an answer."""

    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=desk.base_url, api_key="any", max_retries=0) as client:
            bodies = [chat_body(f"question {number}") for number in range(30)]
            return await asyncio.gather(*(client.chat.completions.create(**body) for body in bodies))

    assert 30 == len([reply for reply in asyncio.run(ask()) if reply.choices[0].message.content])


def test_headers_tell_the_unscaled_latency(desk: Stage) -> None:
    """Every reply says that it is simulated, what it would have taken, and what the limits are."""
    raw = desk.client().chat.completions.with_raw_response.create(**chat_body("classify"))
    assert raw.headers["x-simulated"] == "true"
    assert 0 < float(raw.headers["x-simulated-first-token-ms"]) < float(raw.headers["x-simulated-latency-ms"])
    assert round(float(raw.headers["x-simulated-latency-ms"])) == int(raw.headers["openai-processing-ms"])
    assert {"x-request-id", "x-ratelimit-remaining-requests", "x-ratelimit-reset-tokens"} <= set(raw.headers)


# --- Refusals of the API --------------------------------------------------------------------------------


def test_an_unknown_model_is_not_found(desk: Stage) -> None:
    """404 with the API's code."""
    with pytest.raises(openai.NotFoundError) as caught:
        desk.client().chat.completions.create(**{**chat_body("hi"), "model": "gpt-9"})
    assert caught.value.code == "model_not_found"


def test_a_key_is_asked_for(desk: Stage) -> None:
    """401 without a bearer token; any token will do."""
    with pytest.raises(openai.AuthenticationError):
        desk.client(default_headers={"Authorization": "Basic abc"}).models.list()


def test_too_long_a_prompt_is_refused(desk: Stage) -> None:
    """400 with the API's code when the prompt exceeds the model's context window, which gpt-4.1's does not."""
    body = chat_body("word " * 130_000)
    with pytest.raises(openai.BadRequestError) as caught:
        desk.client().chat.completions.create(**body)
    assert caught.value.code == "context_length_exceeded"
    assert desk.client().chat.completions.create(**{**body, "model": "gpt-4.1"}).usage.prompt_tokens > 130_000


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 20_000}, "max_tokens"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ],
)
def test_a_bad_body_is_refused_with_its_parameter(desk: Stage, change: dict[str, Any], param: str) -> None:
    """400 names the parameter that cannot be acted on."""
    with pytest.raises(openai.BadRequestError) as caught:
        desk.client().chat.completions.create(**{**chat_body("hi"), **change})
    assert param == caught.value.param


def test_json_mode_needs_the_word_json(desk: Stage) -> None:
    """As on the real API, `json_object` is refused when no message speaks of JSON."""
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.BadRequestError, match="'json'"):
        desk.client().chat.completions.create(
            model="gpt-4o", messages=messages, response_format={"type": "json_object"}
        )


def test_what_is_not_served_says_so(desk: Stage) -> None:
    """Moderations get 404 in the API's error shape, naming what is served."""
    with pytest.raises(openai.NotFoundError, match="serves chat completions, responses"):
        desk.client().moderations.create(model="omni-moderation-latest", input="hi")


def test_models_carry_their_retirement_dates(desk: Stage) -> None:
    """`/v1/models` knows when each model leaves the API."""
    dates = {model.id: model.shutdown_date for model in desk.client().models.list()}
    assert "2026-10-23" == dates["gpt-4.1-nano"]
    assert {"2027-01-14"} == {dates[name] for name in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")}
    assert desk.client().models.retrieve("gpt-4o").shutdown_date == "2027-01-14"


@pytest.mark.parametrize("change", [{"temperature": 0.2}, {"max_tokens": 50}])
def test_parameters_a_model_does_not_take_are_refused(desk: Stage, change: dict[str, Any]) -> None:
    """What the catalogue says a model refuses is refused, so that the next migration's traps show here as well."""
    body = {**chat_body("hi"), "model": "gpt-6-luna"}
    with pytest.raises(openai.BadRequestError) as caught:
        desk.client().chat.completions.create(**body, **change)
    assert [caught.value.param] == list(change)
    assert "gpt-6-luna" == desk.client().chat.completions.create(**body).model
