"""The judge against the log on contracts of any shape, not only those of the inventory; no HTTP is needed for that."""

from __future__ import annotations

import datetime as dt
from typing import Any

from account import contract_findings, promises_of
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.comparing import contract_of, judge
from migrate.edges.providers.simulated import chat_api
from migrate.edges.providers.simulated.book import BookEntry, kind_of
from migrate.edges.providers.simulated.draft import Draft
from migrate.edges.providers.simulated.habits import HABITS
from migrate.edges.providers.simulated.log import Entry, log_line
from migrate.edges.providers.simulated.performing import Troupe
from migrate.edges.providers.simulated.personas import PERSONAS, Persona, Rate
from migrate.vocabulary import Answer, CaseId, Check, Flow, FlowName, JsonPath, Prompt, Sample, Tool, ToolCall

PROSE = "The customer often needs help quickly because the parcel of 12.50 EUR was late on 2026-01-20."
MONEY = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "currency": {"type": "string", "enum": ["EUR", "USD"]}},
    "required": ["amount", "currency"],
    "additionalProperties": False,
}
LEAVES: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string", "enum": ["open", "closed", "other"]}, "open"),
    ({"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, "AB-17"),
    ({"type": "string", "maxLength": 100}, PROSE),
    ({"type": "string"}, PROSE),
    ({"type": "integer", "minimum": 0, "maximum": 50}, 12),
    ({"type": "number", "minimum": 0, "maximum": 1}, 0.9),
    ({"type": "number"}, 12.5),
    ({"type": "boolean"}, True),
    ({"type": ["string", "null"]}, None),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 3),
    ({"enum": [1, 2, 3]}, 2),
    ({"$ref": "#/$defs/Money"}, {"amount": 4.9, "currency": "EUR"}),
]
KEYS = ["label", "confidence", "summary", "tags", "note", "items", "name", "a b", "total"]
Shape = tuple[dict[str, Any], Any]


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    """Draw a list of equal items, with or without a bound."""
    schema, value = draw(inner)
    count = draw(st.integers(0, 3))
    bounds = draw(st.sampled_from([{}, {"maxItems": 4}, {"minItems": 0, "maxItems": 3}]))
    return {"type": "array", "items": schema, **bounds}, [value] * count


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    """Draw an object, open or closed, some of its keys optional, some of these absent."""
    members = draw(st.dictionaries(st.sampled_from(KEYS), inner, min_size=1, max_size=4))
    required = [key for key in members if draw(st.booleans())]
    given = {key: value for key, (_, value) in members.items() if key in required or draw(st.booleans())}
    properties = {key: schema for key, (schema, _) in members.items()}
    closed = {"additionalProperties": False} if draw(st.booleans()) else {}
    return {"type": "object", "properties": properties, "required": required, **closed}, given


SHAPES = st.recursive(st.sampled_from(LEAVES), lambda inner: lists(inner) | objects(inner), max_leaves=6)


def places(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    """Return every place of a value below its root."""
    steps: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        steps = [(f".{key}" if key.isidentifier() else f'["{key}"]', inner) for key, inner in value.items()]
    elif isinstance(value, list):
        steps = [(f"[{index}]", inner) for index, inner in enumerate(value)]
    return [found for step, inner in steps for found in [(path + step, inner), *places(inner, path + step)]]


def fitting(value: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Return checks, as kind and arguments, that hold for a value."""
    if value is None or isinstance(value, bool):
        return [("equals", {"value": value})]
    if isinstance(value, int | float):
        return [("number", {"equals": value, "abs": 0.005}), ("equals", {"value": value})]
    if isinstance(value, str):
        return [
            ("contains", {"value": [value[:4]]}),
            ("length", {"max": 20, "unit": "words"}),
            ("equals", {"value": value}),
        ]
    size = {"min": len(value), "max": len(value)}
    items = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    members = [("contains", {"value": items[:1]}), ("not_contains", {"value": ["nothing"]})] if items else []
    return [("json_path", {"length": size}), ("json_path", {"exists": True}), *members]


@st.composite
def json_cases(draw: st.DrawFn) -> tuple[dict[str, Any], Any, tuple[Check, ...]]:
    """Draw a schema, an answer that keeps it, and checks that hold for the answer."""
    schema, value = draw(objects(SHAPES))
    chosen = draw(st.lists(st.sampled_from(places(value) or [("$", value)]), max_size=4, unique_by=lambda one: one[0]))
    checks = []
    for path, inner in chosen:
        kind, arguments = draw(st.sampled_from(fitting(inner)))
        checks.append(Check(kind, arguments, JsonPath(path), f"check of {path}"))
    return {**schema, "$defs": {"Money": MONEY}}, value, tuple(checks)


ARGUMENTS = {"type": "object", "properties": {"id": {"type": "string"}, "money": MONEY}, "required": ["id"]}
TOOLS = tuple(Tool(name, name, ARGUMENTS, False) for name in ("get_order", "cancel_order", "search"))
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([tool.name for tool in TOOLS]),
            "arguments": st.fixed_dictionaries(
                {"id": st.sampled_from(["A-1", "A-2"])}, optional={"money": st.just({"amount": 4.9, "currency": "EUR"})}
            ),
        }
    ),
    min_size=1,
    max_size=3,
)
HABIT_SETS = st.sets(st.sampled_from(sorted(habit.name for habit in HABITS)), min_size=1, max_size=6)
SEEDS = st.integers(0, 1_000)


def assert_agreed(
    question: dict[str, Any], entry: BookEntry, tools: tuple[Tool, ...], habits: set[str], seed: int
) -> None:
    """Play one reply: what the log says is broken or follows from that is what the judge finds."""
    wire = [{"name": tool.name, "description": "", "parameters": dict(tool.parameters)} for tool in tools]
    body = {**question, **({"tools": [{"type": "function", "function": one} for one in wire]} if wire else {})}
    always = Persona("m", PERSONAS["gpt-4o"].pace, dict.fromkeys(habits, Rate(1.0, 1.0, 1.0)))
    performance = Troupe(seed, {"m": always}).perform(chat_api.read(body), "m", "key", entry, 1)
    line = log_line(Entry("r", "m", "key", "f", "c", None, 1, seed), performance, dt.datetime.now(dt.UTC))
    prompt = Prompt(model="m", messages=(), schema=entry.schema, tools=tools)
    flow = Flow(name=FlowName("f"), prompt=prompt, cases=(), parse=entry.parse)
    judged = judge(contract_of(flow, prompt, entry.checks), Sample(1, (), answer_of(performance.draft)))
    causes, consequences = promises_of(line)
    if performance.draft.refusal is None:  # that words refuse, and are not what is answered today, only a golden tells
        causes = {one: habit for one, habit in causes.items() if habit != "refusal"}
    assert causes.keys() | consequences.keys() == contract_findings(judged.findings)


def answer_of(draft: Draft) -> Answer:
    calls = tuple(ToolCall(call.name, call.text) for call in draft.calls)
    return Answer(draft.text, calls, draft.refusal, draft.finish)


@settings(max_examples=200)
@given(
    json_cases(),
    st.sampled_from(["text", "json_object", "json_schema"]),
    st.sampled_from(["json", "fenced"]),
    HABIT_SETS,
    SEEDS,
)
def test_log_and_judge_agree_on_json(case: Any, mode: str, parse: Any, habits: set[str], seed: int) -> None:
    """Whatever the schema, the checks and the response format: what is logged is found, and nothing else is."""
    schema, value, checks = case
    format_: dict[str, Any] = {"type": mode}
    if mode == "json_schema":
        format_["json_schema"] = {"name": "answer", "strict": False, "schema": schema}
    question = {"model": "m", "messages": [{"role": "user", "content": "as json"}], "response_format": format_}
    entry = BookEntry(FlowName("f"), CaseId("c"), value, kind_of(value, parse), schema, parse, checks)
    assert_agreed(question, entry, (), habits, seed)


@settings(max_examples=100)
@given(CALLS, HABIT_SETS, SEEDS)
def test_log_and_judge_agree_on_calls(calls: list[Any], habits: set[str], seed: int) -> None:
    """Whichever calls are expected, one tool twice or several in a turn: what is logged is found, and nothing else."""
    expected = {"tool_calls": calls}
    check = Check("tool_calls", {"value": calls}, None, "the right calls")
    entry = BookEntry(FlowName("f"), CaseId("c"), expected, kind_of(expected, "text"), checks=(check,))
    question = {"model": "m", "messages": [{"role": "user", "content": "look it up"}]}
    assert_agreed(question, entry, TOOLS, habits, seed)
