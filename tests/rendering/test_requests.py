"""The wire form of a case, in both APIs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from migrate.errors import InventoryProblem
from migrate.rendering import rehearse, render
from migrate.vocabulary import Case, CaseId, Flow, FlowName, Json, MessageTemplate, Place, Prompt, Tool, Variant

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
TOOL = Tool(
    "get_order", "Looks an order up.", {"type": "object", "properties": {"id": {"type": "string"}}}, strict=True
)
FULL = Prompt(
    messages=(MessageTemplate("system", "You help {{ name }}."), MessageTemplate("user", "{{ question }}")),
    model="gpt-4o",
    parameters={"temperature": 0, "max_tokens": 300},
    response_format="json_schema",
    schema=SCHEMA,
    schema_name="totals",
    schema_strict=True,
    tools=(TOOL,),
    tool_choice={"type": "function", "function": {"name": "get_order"}},
    parallel_tool_calls=False,
    stream=True,
)
CASE = Case(CaseId("late"), {"name": "Ann", "question": "Where is it?"})


def flow_of(prompt: Prompt, **more: Any) -> Flow:
    return Flow(FlowName("refund"), prompt, (CASE,), place=Place("prompts/refund.prompt.yml", 1), **more)


def body_of(prompt: Prompt, case: Case = CASE, **how: Any) -> Any:
    return render(flow_of(prompt), case, redact=lambda value: value, **how).body


def test_chat_completions() -> None:
    """A prompt with everything in it, as Chat Completions takes it."""
    expected = {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "You help Ann."},
            {"role": "user", "content": "Where is it?"},
        ],
        "temperature": 0,
        "max_tokens": 300,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "totals", "schema": SCHEMA, "strict": True},
        },
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_order",
                    "description": "Looks an order up.",
                    "parameters": TOOL.parameters,
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "get_order"}},
        "parallel_tool_calls": False,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert expected == body_of(FULL)


def test_responses() -> None:
    """The same prompt as the Responses API takes it: items, flat tools, nothing stored."""
    expected = {
        "model": "gpt-4o",
        "input": [
            {"role": "system", "content": "You help Ann."},
            {"role": "user", "content": "Where is it?"},
        ],
        "store": False,
        "temperature": 0,
        "max_output_tokens": 300,
        "text": {"format": {"type": "json_schema", "name": "totals", "schema": SCHEMA, "strict": True}},
        "tools": [
            {
                "type": "function",
                "name": "get_order",
                "description": "Looks an order up.",
                "parameters": TOOL.parameters,
                "strict": True,
            }
        ],
        "tool_choice": {"type": "function", "name": "get_order"},
        "parallel_tool_calls": False,
        "stream": True,
    }
    assert expected == body_of(replace(FULL, api="responses"))


def test_a_bare_prompt() -> None:
    """What a prompt does not say is not sent."""
    bare = Prompt((MessageTemplate("user", "Hi"),), "gpt-4o")
    assert {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]} == body_of(bare)


def test_reasoning_and_verbosity_have_homes_of_their_own_in_responses() -> None:
    """Parameters with a Chat Completions name move to where Responses has them."""
    prompt = Prompt(
        (MessageTemplate("user", "Hi"),),
        "gpt-5",
        api="responses",
        parameters={"reasoning_effort": "low", "verbosity": "high"},
        response_format="json_object",
    )
    body = body_of(prompt)
    assert {"effort": "low"} == body["reasoning"]
    assert {"verbosity": "high", "format": {"type": "json_object"}} == body["text"]


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}
TURNS = [
    {"role": "user", "content": "Is {{ name }} a template here?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
    {"role": "user", "content": [{"type": "text", "text": "Look."}, IMAGE]},
]
WITH_TURNS = Prompt((MessageTemplate("system", "S"), MessageTemplate("", turns_from="history")), "gpt-4o")


def test_turns_are_sent_as_they_are() -> None:
    """Messages that a case brings along are data, even where they look like templates."""
    case = Case(CaseId("late"), {"history": TURNS})
    assert [{"role": "system", "content": "S"}, *TURNS] == body_of(WITH_TURNS, case)["messages"]


def test_turns_become_items_in_responses() -> None:
    """Tool calls, tool outputs and content parts get the names Responses has for them."""
    case = Case(CaseId("late"), {"history": TURNS})
    expected = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Is {{ name }} a template here?"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "No."}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look."},
                {"type": "input_image", "image_url": "data:x", "detail": "low"},
            ],
        },
    ]
    assert expected == body_of(replace(WITH_TURNS, api="responses"), case)["input"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, '"history", whose turns belong here, is not among the inputs'),
        ({"history": "text"}, '"history" must be a list of messages to be put here as turns'),
        ({"history": [{"content": "x"}]}, 'turn 1 of "history" must be a mapping with a role'),
        ({"history": ["x"]}, 'turn 1 of "history" must be a mapping with a role'),
        ({"history": [{"role": "assistant", "tool_calls": [{"function": None}]}]}, "a tool call of a message must be"),
    ],
)
def test_turns_that_are_none(inputs: dict[str, Json], message: str) -> None:
    """A case that brings no messages where they are wanted is a problem, not a request."""
    with pytest.raises(InventoryProblem, match=message):
        body_of(WITH_TURNS, Case(CaseId("late"), inputs))


def test_templates_in_parts_and_beside_content() -> None:
    """Every string of a message is a template: in content parts, and in the keys beside the content."""
    prompt = Prompt(
        (
            MessageTemplate(
                "user", [{"type": "text", "text": "{{ name }}"}, {"type": "x", "n": 1}], {"name": "{{ name }}"}
            ),
        ),
        "gpt-4o",
    )
    expected = [{"role": "user", "content": [{"type": "text", "text": "Ann"}, {"type": "x", "n": 1}], "name": "Ann"}]
    assert expected == body_of(prompt)["messages"]


def test_another_model_and_wording() -> None:
    """A candidate changes the model, a variant the wording; the question is the same only while its words are."""
    other = replace(FULL, messages=(MessageTemplate("user", "{{ question }}"),))
    flow = flow_of(FULL)
    mine = render(flow, CASE, redact=lambda value: value)
    theirs = render(flow, CASE, model="gpt-4.1", redact=lambda value: value)
    reworded = render(flow, CASE, prompt=other, model="gpt-4.1", redact=lambda value: value)
    assert ("gpt-4o", "gpt-4.1") == (mine.model, theirs.model)
    assert mine.prompt_key == theirs.prompt_key
    assert mine.request_key != theirs.request_key
    assert theirs.prompt_key != reworded.prompt_key


def test_keys_are_made_of_redacted_bodies() -> None:
    """Redaction shapes the keys and never what is sent."""
    hidden = render(flow_of(FULL), CASE, redact=lambda _: {"model": "gpt-4o"})
    shown = render(flow_of(FULL), CASE, redact=lambda value: value)
    assert hidden.body == shown.body
    assert hidden.request_key != shown.request_key


def test_a_fault_names_its_line_in_the_prompt_file() -> None:
    """The line told is that of the template in the user's file, counted from where its text begins."""
    place = Place("prompts/refund.prompt.yml", 20, None)
    prompt = Prompt((MessageTemplate("user", "a\nb\n{{ nme|upper }}", place=place),), "gpt-4o")
    with pytest.raises(InventoryProblem) as caught:
        body_of(prompt)
    expected = 'prompts/refund.prompt.yml:22: case refund/late: "nme" is not among the inputs (did you mean "name"?)'
    assert expected == str(caught.value.problems[0])


def test_a_rehearsal_tells_each_problem_once() -> None:
    """Thirty cases with one mistake give one problem that counts the others, in the prompt and in its variants."""
    broken = Prompt((MessageTemplate("user", "{{ question }} {{ missing }}"),), "gpt-4o")
    cases = tuple(Case(CaseId(f"c{number}"), {"question": "x"}) for number in range(30))
    flow = replace(flow_of(replace(FULL, messages=broken.messages[:0])), cases=cases, variants=(Variant("v", broken),))
    expected = ['case refund/c0: "missing" is not among the inputs, and 29 more cases']
    assert expected == [problem.message for problem in rehearse(flow)]


def test_a_case_renders_in_microseconds() -> None:
    """A case of a kilobyte takes far less than a call could notice; the best of some rounds, for busy machines."""
    case = Case(CaseId("late"), {"name": "Ann", "question": "Where is my order? " * 50})
    flow = flow_of(replace(FULL, tools=(), tool_choice=None))

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(200):
            render(flow, case, redact=lambda value: value)
        return (time.perf_counter() - started) / 200

    assert min(seconds() for _ in range(5)) < 200e-6
