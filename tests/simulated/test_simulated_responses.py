"""Responses through the real SDK, over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from simulated_stage import CALLS, ORDER_TOOLS, PROSE, TRIAGE, TRIAGED, OpenStage, Stage, case, key_of

INPUT: list[Any] = [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "classify"}]
FORMAT: Any = {"format": {"type": "json_schema", "name": "triage", "strict": True, "schema": TRIAGE}}
TOOLS: list[Any] = [{"type": "function", **tool} for tool in ORDER_TOOLS]
BODY: dict[str, Any] = {"model": "gpt-4.1", "input": INPUT, "store": False}


@pytest.fixture
def desk(stage: OpenStage) -> Stage:
    """A server that knows a triage, a letter and an order case, asked through Responses."""
    bodies = [{**BODY, "text": FORMAT}, BODY, {**BODY, "tools": TOOLS}]
    answers = [TRIAGED, PROSE, CALLS]
    entries = [case(answer, body) for answer, body in zip(answers, bodies, strict=True)]
    keys = [key_of(body, "responses") for body in bodies]
    return stage([(key, entry) for key, (_, entry) in zip(keys, entries, strict=True)], personas={})


def test_the_book_answers_with_text(desk: Stage) -> None:
    """The reference answer is the output text, and the usage adds up."""
    response = desk.client().responses.create(**BODY, text=FORMAT)
    assert TRIAGED["amount"] == json.loads(response.output_text)["amount"]
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_the_book_answers_with_calls(desk: Stage) -> None:
    """Function calls are items of the output."""
    (item,) = desk.client().responses.create(**BODY, tools=TOOLS).output
    assert item.type == "function_call"
    assert ("get_order", {"order_id": "A-1", "urgent": True}) == (item.name, json.loads(item.arguments))


@pytest.mark.parametrize("more", [{}, {"text": FORMAT}, {"tools": TOOLS}])
def test_a_stream_ends_with_the_whole_response(desk: Stage, more: dict[str, Any]) -> None:
    """Events are numbered in order, deltas add up to the item, and the last event carries the whole response."""
    client, header = desk.client(), {"x-prompt-migrate-sample": "1"}
    whole = client.responses.create(**BODY, **more, extra_headers=header)
    events = list(client.responses.create(**BODY, **more, stream=True, extra_headers=header))
    assert list(range(len(events))) == [event.sequence_number for event in events]
    assert ["response.created", "response.in_progress"] == [event.type for event in events[:2]]
    last = events[-1]
    assert last.type == "response.completed"
    assert whole.output == last.response.output
    deltas = "".join(event.delta for event in events if event.type.endswith(".delta"))
    item = whole.output[0]
    assert (item.arguments if item.type == "function_call" else whole.output_text) == deltas


def test_the_output_limit_leaves_the_response_incomplete(desk: Stage) -> None:
    """`max_output_tokens` ends in status `incomplete`, with its reason, whole and streamed."""
    response = desk.client().responses.create(**BODY, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    events = list(desk.client().responses.create(**BODY, max_output_tokens=16, stream=True))
    assert events[-1].type == "response.incomplete"


def test_a_plain_string_and_instructions_are_understood(desk: Stage) -> None:
    """`input` may be a string, `instructions` a system message."""
    response = desk.client().responses.create(model="gpt-4o", input="parcels and tents", instructions="Be short.")
    assert "parcels" in response.output_text or "tents" in response.output_text
    assert response.instructions == "Be short."


def test_calls_and_their_results_may_be_in_the_input(desk: Stage) -> None:
    """After a function call's output the answer is prose."""
    call = {"type": "function_call", "call_id": "call_1", "name": "get_order", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "sent on Monday"}
    user = {"role": "user", "content": [{"type": "input_text", "text": "where is my order"}]}
    items: Any = [user, call, result]
    assert desk.client().responses.create(model="gpt-4o", input=items, tools=TOOLS).output_text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "reasoning"}]}, "input[0].type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"max_output_tokens": 1}, "max_output_tokens"),
    ],
)
def test_a_bad_body_is_refused_with_its_parameter(desk: Stage, change: dict[str, Any], param: str) -> None:
    """400 names the parameter that cannot be acted on."""
    with pytest.raises(openai.BadRequestError) as caught:
        desk.client().responses.create(**{**BODY, **change})
    assert param == caught.value.param
