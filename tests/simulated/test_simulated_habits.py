"""Every habit: what it does to an answer, and the line that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from simulated_stage import CALLS, ORDER_TOOLS, PROSE, TRIAGE, TRIAGED, OpenStage, case, chat_body

from migrate.edges.providers.simulated.draft import Draft, DraftCall
from migrate.edges.providers.simulated.habits import HABITS
from migrate.edges.providers.simulated.latency import Pace
from migrate.edges.providers.simulated.personas import PERSONAS, CaseNoise, Persona, Rate
from migrate.edges.providers.simulated.places import select
from migrate.edges.providers.simulated.promises import broken_checks
from migrate.vocabulary import Check

WORDING = ("jitter", "paraphrase", "code_style")
ALWAYS = Rate(1.0, 1.0, 1.0)
QUIET = CaseNoise(ambiguous=0.0, unstable=0.0, never_kept=0.0)
PACE = Pace(1.0, 0.0, 0.0, 0.0)
TOOLS: list[Any] = [{"type": "function", "function": tool} for tool in ORDER_TOOLS]
LABEL = Check("label", {"one_of": ["billing", "delivery", "other"], "value": "billing"}, "$.label", "right queue")  # type: ignore[arg-type]
RIGHT_CALLS = Check("tool_calls", {"value": CALLS["tool_calls"]}, None, "right calls")


@dataclass
class Told:
    """A reply to a question whose model has one habit, and the log's word on it."""

    text: str | None
    refusal: str | None
    calls: list[tuple[str, Any]]
    finish: str
    line: dict[str, Any]

    @property
    def slip(self) -> dict[str, Any]:
        (slip,) = [slip for slip in self.line["habits"] if slip["habit"] not in WORDING]
        return slip

    @property
    def own(self) -> list[str]:
        """Names of the habits of the model itself, other words left out."""
        return [slip["habit"] for slip in self.line["habits"] if slip["origin"] == "persona"]

    @property
    def answer(self) -> Any:
        return json.loads(self.text or "")

    def at(self, path: str) -> Any:
        """Return what stands at a path of the answer; raises when nothing does."""
        ((_, value),) = select(self.answer, path)
        return value


Ask = Callable[..., Told]


@pytest.fixture
def ask(stage: OpenStage) -> Ask:
    """Ask a model with one habit about a case that expects `expected`."""

    def ask(habit: str, expected: Any, *, parse: str | None = None, checks: Any = (), **body: Any) -> Told:
        asked = chat_body("please look this up", **body)
        persona = Persona("gpt-4o", PACE, {habit: ALWAYS}, wording=0.0)
        promises: dict[str, Any] = {"checks": tuple(checks), **({"parse": parse} if parse else {})}
        desk = stage([case(expected, asked, **promises)], personas={"gpt-4o": persona}, noise=QUIET)
        choice = desk.client().chat.completions.create(**asked).choices[0]
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls or []]
        (line,) = desk.log
        return Told(choice.message.content, choice.message.refusal, calls, choice.finish_reason, line)

    return ask


def promise(told: Told) -> tuple[str, str] | None:
    """Return rung and kind of the break that the log names."""
    broken = told.slip["breaks"]
    return None if broken is None else (broken["rung"], broken["kind"])


# --- JSON ----------------------------------------------------------------------------------------------


def test_number_as_string(ask: Ask) -> None:
    """A number is written as a string: wrong type at its path."""
    told = ask("number_as_string", TRIAGED)
    path = told.slip["path"]
    assert ("schema", "wrong_type") == promise(told)
    assert path in ("$.amount", "$.confidence")
    assert isinstance(told.at(path), str)
    assert not told.line["expected_kept"]


def test_dropped_required(ask: Ask) -> None:
    """A required key is gone: the path is the key's own."""
    told = ask("dropped_required", TRIAGED)
    assert ("schema", "missing_required") == promise(told)
    assert {told.slip["path"].removeprefix("$.")} == set(TRIAGED) - set(told.answer)


def test_dropped_optional(ask: Ask) -> None:
    """An optional key is gone, which keeps the contract and changes the answer."""
    told = ask("dropped_optional", TRIAGED)
    assert ("key_removed", True) == (told.slip["changes"], told.line["expected_kept"])
    assert {told.slip["path"].removeprefix("$.")} == set(TRIAGED) - set(told.answer)
    assert told.slip["path"].removeprefix("$.") not in TRIAGE["required"]


def test_null_value(ask: Ask) -> None:
    """A value becomes null where null is forbidden."""
    told = ask("null_value", TRIAGED)
    assert ("schema", "null_not_allowed") == promise(told)
    assert told.at(told.slip["path"]) is None


def test_enum_drift(ask: Ask) -> None:
    """A label outside the enum; a check on the same place fails too, and is named beside."""
    told = ask("enum_drift", TRIAGED, checks=[LABEL])
    assert ("schema", "not_in_enum") == promise(told)
    assert told.answer["label"] not in TRIAGE["properties"]["label"]["enum"]
    assert [("check_failed", "$.label", "right queue")] == [
        (other["kind"], other["path"], other["check"]) for other in told.slip["also"]
    ]


@pytest.mark.parametrize(("closed", "expected"), [(True, ("schema", "extra_key")), (False, None)])
def test_extra_key(ask: Ask, stage: OpenStage, closed: bool, expected: Any) -> None:
    """A key nobody asked for breaks a closed schema, and merely adds to an open one."""
    schema = {**TRIAGE, "additionalProperties": not closed}
    asked = chat_body("please look this up")
    persona = Persona("gpt-4o", PACE, {"extra_key": ALWAYS}, wording=0.0)
    desk = stage([case(TRIAGED, asked, schema=schema)], personas={"gpt-4o": persona}, noise=QUIET)
    answer = json.loads(desk.client().chat.completions.create(**asked).choices[0].message.content)
    slip = next(slip for slip in desk.log[0]["habits"] if slip["habit"] == "extra_key")
    assert expected == (slip["breaks"] and (slip["breaks"]["rung"], slip["breaks"]["kind"]))
    assert {slip["path"].removeprefix("$.")} == set(answer) - set(TRIAGED)


def test_out_of_bounds(ask: Ask) -> None:
    """A number past its bound, of the right type."""
    told = ask("out_of_bounds", TRIAGED)
    assert (("schema", "schema_violation"), "$.confidence") == (promise(told), told.slip["path"])
    assert told.answer["confidence"] > 1


def test_changed_value(ask: Ask) -> None:
    """Another value of the same kind, valid, where no check reads."""
    told = ask("changed_value", TRIAGED, checks=[LABEL])
    assert (None, "value_changed") == (promise(told), told.slip["changes"])
    assert told.answer["label"] == "billing"
    assert told.at(told.slip["path"]) == told.slip["after"] != told.slip["before"]


def test_changed_fact(ask: Ask) -> None:
    """A number or date in a sentence inside the JSON is another one."""
    told = ask("changed_fact", TRIAGED)
    assert (None, "fact_changed", "$.summary") == (promise(told), told.slip["changes"], told.slip["path"])
    changed = TRIAGED["summary"].replace(told.slip["before"], told.slip["after"])
    assert changed == told.answer["summary"]


def test_reordered_list(ask: Ask) -> None:
    """A list in another order."""
    told = ask("reordered_list", TRIAGED)
    assert (None, "list_order") == (promise(told), told.slip["changes"])
    assert ["invoice", "vip", "refund"] == told.answer["tags"]


def test_shortened_list(ask: Ask) -> None:
    """The last item is left out."""
    told = ask("shortened_list", TRIAGED)
    assert (None, "list_length") == (promise(told), told.slip["changes"])
    assert ["refund", "invoice"] == told.answer["tags"]


@pytest.mark.parametrize(("parse", "expected"), [("json", ("parsed", "fenced_json")), ("fenced", None)])
def test_fenced_json(ask: Ask, parse: str, expected: Any) -> None:
    """A code fence breaks what reads raw JSON, and not what strips fences."""
    told = ask("fenced_json", TRIAGED, parse=parse)
    assert expected == promise(told)
    assert (told.text or "").startswith("```json\n")


def test_chatty_json(ask: Ask) -> None:
    """Prose before and after the JSON."""
    told = ask("chatty_json", TRIAGED)
    assert ("parsed", "chatty_json") == promise(told)
    assert "{" in (told.text or "")[1:]


def test_invalid_json(ask: Ask) -> None:
    """A trailing comma."""
    told = ask("invalid_json", TRIAGED)
    assert ("parsed", "invalid_json") == promise(told)
    with pytest.raises(ValueError):
        json.loads(told.text or "")


def test_failed_check(ask: Ask) -> None:
    """The check that fails is named with its path, and the schema still holds."""
    told = ask("failed_check", TRIAGED, checks=[LABEL])
    assert ("checks", "check_failed") == promise(told)
    assert ("$.label", "right queue") == (told.slip["path"], told.slip["breaks"]["check"])
    assert told.answer["label"] in ("delivery", "other")


CHECKS: list[tuple[str, Any, str]] = [
    ("contains", {"value": ["12.50"]}, PROSE),
    ("not_contains", {"value": "sorry"}, PROSE),
    ("starts_with", {"value": "The refund"}, PROSE),
    ("ends_with", {"value": "customer."}, PROSE),
    ("regex", {"pattern": "^The"}, PROSE),
    ("not_regex", {"pattern": "anything else"}, PROSE),
    ("length", {"max": 60, "unit": "words"}, PROSE),
    ("length", {"min": 30, "unit": "words"}, PROSE),
    ("length", {"max": 900, "unit": "characters"}, PROSE),
    ("label", {"one_of": ["billing", "bug"], "value": "bug"}, "Bug."),
    ("one_of", {"value": ["yes", "no"]}, "yes"),
    ("equals", {"value": "42"}, "42"),
    ("number", {"equals": 42, "abs": 0.5}, "42"),
    ("json", {}, '{"a": 1}'),
    ("sql", {"schema": "CREATE TABLE orders (id INT)"}, "SELECT id FROM orders"),
    ("python", {"defines": ["total"]}, "def total(items):\n    return sum(items)"),
    ("citations", {"passages": [{"id": "P1"}], "min": 1}, "It costs 4.90 EUR [P1] in every shop of ours."),
]


@pytest.mark.parametrize(("kind", "arguments", "text"), CHECKS)
def test_every_kind_of_check_can_be_failed(ask: Ask, kind: Any, arguments: Any, text: str) -> None:
    """Whatever a check asserts of a text, there is a way to fail it, and that way is told."""
    told = ask("failed_check", text, checks=[Check(kind, arguments, None, "the check")])
    assert ("checks", "check_failed") == promise(told)
    assert ("the check", "$") == (told.slip["breaks"]["check"], told.slip["breaks"]["path"])
    assert told.slip["how"]
    assert text != told.text


@pytest.mark.parametrize(("kind", "arguments", "text"), CHECKS)
def test_harmless_habits_fail_no_check(ask: Ask, kind: Any, arguments: Any, text: str) -> None:
    """A habit that may change a fact, never fails the check that reads it."""
    told = ask("changed_fact_in_text", text, checks=[Check(kind, arguments, None, "the check")])
    assert told.line["expected_kept"]


# --- Tool calls ----------------------------------------------------------------------------------------


def test_double_call(ask: Ask) -> None:
    """The same call twice: the second one is told of."""
    told = ask("double_call", CALLS, tools=TOOLS)
    assert (("tools", "wrong_call_count"), "$tool_calls[1]") == (promise(told), told.slip["path"])
    assert 2 == len(told.calls)
    assert told.calls[0] == told.calls[1]


def test_wrong_tool(ask: Ask) -> None:
    """Another tool of the list, with arguments it accepts."""
    told = ask("wrong_tool", CALLS, tools=TOOLS)
    assert (("tools", "wrong_tool"), "$tool_calls[0].name") == (promise(told), told.slip["path"])
    assert "cancel_order" == told.calls[0][0]
    assert "A-1" == told.calls[0][1]["order_id"]


def test_unknown_tool(ask: Ask) -> None:
    """A tool nobody offered."""
    told = ask("unknown_tool", CALLS, tools=TOOLS)
    assert (("tools", "unknown_tool"), "$tool_calls[0].name") == (promise(told), told.slip["path"])
    assert told.calls[0][0] not in ("get_order", "cancel_order")


def test_null_argument(ask: Ask) -> None:
    """Null for an argument that must be something."""
    told = ask("null_argument", CALLS, tools=TOOLS)
    assert ("tools", "null_argument") == promise(told)
    name = told.slip["path"].removeprefix("$tool_calls[0].arguments.")
    assert told.calls[0][1][name] is None


def test_missing_argument(ask: Ask) -> None:
    """A required argument left out."""
    told = ask("missing_argument", CALLS, tools=TOOLS)
    assert ("tools", "invalid_arguments") == promise(told)
    assert "$tool_calls[0].arguments.order_id" == told.slip["path"]
    assert {"urgent": True} == told.calls[0][1]


def test_wrong_argument(ask: Ask) -> None:
    """Another value for an argument that a check reads."""
    told = ask("wrong_argument", CALLS, tools=TOOLS, checks=[RIGHT_CALLS])
    assert ("tools", "invalid_arguments") == promise(told)
    assert told.calls[0][1] != CALLS["tool_calls"][0]["arguments"]


@pytest.mark.parametrize(("checks", "changes"), [([], "tool_arguments_changed"), ([RIGHT_CALLS], None)])
def test_changed_argument(ask: Ask, checks: Any, changes: str | None) -> None:
    """Another valid value for an argument, only where no check reads it."""
    told = ask("changed_argument", CALLS, tools=TOOLS, checks=checks)
    assert told.line["expected_kept"]
    assert ([changes] if changes else []) == [slip["changes"] for slip in told.line["habits"]]


def test_invented_argument(ask: Ask) -> None:
    """Where every argument given is read by a check, an optional one is added that none reads."""
    expected = {"tool_calls": [{"name": "get_order", "arguments": {"order_id": "A-1"}}]}
    told = ask("changed_argument", expected, tools=TOOLS, checks=[replace(RIGHT_CALLS, arguments={"value": expected})])
    assert ("tool_arguments_changed", "$tool_calls[0].arguments.urgent") == (told.slip["changes"], told.slip["path"])
    assert {"order_id": "A-1", "urgent": told.slip["after"]} == told.calls[0][1]
    assert told.line["expected_kept"]


def test_missing_tool_call(ask: Ask) -> None:
    """Asks the user in prose instead of calling."""
    told = ask("missing_tool_call", CALLS, tools=TOOLS)
    assert (("tools", "missing_tool_call"), "$tool_calls") == (promise(told), told.slip["path"])
    assert [] == told.calls
    assert (told.text or "").endswith("?")


def test_unexpected_tool_call(ask: Ask) -> None:
    """Calls a tool where words are right."""
    told = ask("unexpected_tool_call", PROSE, tools=TOOLS)
    assert (("tools", "unexpected_tool_call"), "$tool_calls[0]") == (promise(told), told.slip["path"])
    assert 1 == len(told.calls)


ORDERED: list[Any] = [("get_order", {"order_id": "A-1"}), ("get_order", {"order_id": "A-2"})]
"""Two calls that are expected, each with an argument that is read."""
MADE: list[tuple[str, list[Any], list[tuple[str, str]]]] = [
    ("as expected, in another order", ORDERED[::-1], []),
    (
        "another argument",
        [ORDERED[0], ("get_order", {"order_id": "B-7"})],
        [("invalid_arguments", "[1].arguments.order_id")],
    ),
    ("an argument left out", [ORDERED[0], ("get_order", {})], [("invalid_arguments", "[1].arguments.order_id")]),
    ("another tool", [("cancel_order", {}), ORDERED[1]], [("wrong_tool", "[0].name")]),
    ("a tool nobody offered", [("get_order_v2", {}), ORDERED[1]], []),
    ("one call less", [ORDERED[1]], [("wrong_call_count", "")]),
    ("one call more", [*ORDERED, ORDERED[1]], [("wrong_call_count", "[2]")]),
    ("another tool beside", [*ORDERED, ("cancel_order", {})], [("unexpected_tool_call", "[2]")]),
    ("no call", [], [("missing_tool_call", "")]),
]


@pytest.mark.parametrize(("made", "broken"), [case[1:] for case in MADE], ids=[case[0] for case in MADE])
def test_calls_are_held_against_the_expected_ones(made: list[Any], broken: Any) -> None:
    """The room's own eye says of every call what a `tool_calls` check will find, with its path."""
    check = Check(
        "tool_calls", {"value": [{"name": name, "arguments": given} for name, given in ORDERED]}, None, "calls"
    )
    draft = Draft("tool_calls", calls=tuple(DraftCall(name, given) for name, given in made))
    found = broken_checks((check,), draft, frozenset({"get_order", "cancel_order"}))
    assert [(kind, f"$tool_calls{place}") for kind, place in broken] == [(one.kind, one.path) for one in found]


# --- No whole answer, or other words ----------------------------------------------------------------------

STRICT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "triage", "strict": True, "schema": TRIAGE},
}


def test_refusal_in_its_field(ask: Ask) -> None:
    """Where a schema is enforced, a refusal stands in its own field."""
    told = ask("refusal", TRIAGED, response_format=STRICT)
    assert ("answered", "refused") == promise(told)
    assert told.text is None
    assert (told.refusal or "").startswith("I'm sorry")


@pytest.mark.parametrize(
    ("expected", "body", "also"),
    [
        (TRIAGED, {}, [("parsed", "invalid_json", "$")]),
        (CALLS, {"tools": TOOLS}, [("tools", "missing_tool_call", "$tool_calls")]),
        (PROSE, {}, []),
    ],
)
def test_refusal_in_words(ask: Ask, expected: Any, body: Any, also: Any) -> None:
    """Elsewhere it is words, which are no answer either; what they are not, JSON or a call, is named beside."""
    told = ask("refusal", expected, **body)
    assert ("answered", "refused") == promise(told)
    assert also == [(other["rung"], other["kind"], other["path"]) for other in told.slip["also"]]
    assert (told.text or "").startswith("I'm sorry")
    assert "in words" == told.slip["how"]


def test_filtered(ask: Ask) -> None:
    """The content filter leaves nothing."""
    told = ask("filtered", PROSE)
    assert (("answered", "filtered"), "content_filter", "") == (promise(told), told.finish, told.text)


def test_empty(ask: Ask) -> None:
    """An empty answer with a normal end."""
    told = ask("empty", PROSE)
    assert (("answered", "empty"), "stop", "") == (promise(told), told.finish, told.text)


def test_truncation(ask: Ask) -> None:
    """Cut text, with the finish reason of a cut."""
    told = ask("truncation", PROSE)
    assert (("answered", "truncated"), "length") == (promise(told), told.finish)
    assert PROSE.startswith(told.text or "?")


def test_changed_fact_in_text(ask: Ask) -> None:
    """Another number or date in prose."""
    told = ask("changed_fact_in_text", PROSE)
    assert (None, "fact_changed") == (promise(told), told.slip["changes"])
    words = zip(PROSE.split(), (told.text or "").split(), strict=True)
    assert [(told.slip["before"], told.slip["after"])] == [(old, new) for old, new in words if old != new]


def test_language_switch(ask: Ask) -> None:
    """German where English is asked for, about as long, with the facts kept."""
    told = ask("language_switch", PROSE)
    assert (None, "language_changed") == (promise(told), told.slip["changes"])
    assert "Vielen Dank" in (told.text or "")
    assert "12.50" in (told.text or "")


def test_markdown(ask: Ask) -> None:
    """Other line breaks, the same words."""
    told = ask("markdown", PROSE)
    assert (None, "wording_changed") == (promise(told), told.slip["changes"])
    assert PROSE.split() == (told.text or "").split()
    assert PROSE != told.text


# --- What the API prevents ----------------------------------------------------------------------------------


def test_a_strict_schema_prevents_what_it_guarantees(ask: Ask) -> None:
    """With a strict schema no habit breaks parsing or the schema; without one they do."""
    prevented = [habit.name for habit in HABITS if habit.needs_loose_schema or habit.needs_free_text]
    assert 10 == len(prevented)
    for name in prevented:
        assert [] == ask(name, TRIAGED, response_format=STRICT).own, name


def test_json_mode_prevents_fences_but_not_wrong_types(ask: Ask) -> None:
    """`json_object` guarantees JSON and nothing more."""
    mode = {"type": "json_object"}
    assert [] == ask("fenced_json", TRIAGED, response_format=mode).own
    assert ("schema", "wrong_type") == promise(ask("number_as_string", TRIAGED, response_format=mode))


def test_switched_off_parallel_calls_are_never_doubled(ask: Ask) -> None:
    """`parallel_tool_calls: false` is a guarantee."""
    assert [] == ask("double_call", CALLS, tools=TOOLS, parallel_tool_calls=False).line["habits"]


# --- Together -------------------------------------------------------------------------------------------------


def test_at_most_one_habit_breaks_a_reply(stage: OpenStage) -> None:
    """A model with every habit at once still breaks one promise a reply, so that each finding has one cause."""
    persona = Persona("gpt-4o", PACE, {habit.name: ALWAYS for habit in HABITS})
    asked = [chat_body(f"question {number}") for number in range(12)]
    answers = [TRIAGED, PROSE] * 6
    entries = [case(answer, body, f"c{n}") for n, (answer, body) in enumerate(zip(answers, asked, strict=True))]
    desk = stage(entries, personas={"gpt-4o": persona})
    client = desk.client()
    for body in asked:
        client.chat.completions.create(**body)
    broken = [sum(slip["breaks"] is not None for slip in line["habits"]) for line in desk.log]
    assert {0, 1} >= set(broken)
    assert sum(broken) >= 6


def test_every_persona_names_known_habits() -> None:
    """Rates are shares, habits are those of the catalogue, and smaller models have all habits of larger ones."""
    names = {habit.name for habit in HABITS}
    for persona in PERSONAS.values():
        assert set(persona.habits) <= names
        assert all(
            0 <= share <= 1 for rate in persona.habits.values() for share in (rate.flows, rate.cases, rate.samples)
        )
    mild, more, most = (PERSONAS[name].habits for name in ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"))
    assert names == set(most)
    for name in names:
        rates = [habits[name].overall if name in habits else 0.0 for habits in (mild, more, most)]
        assert sorted(rates) == rates


def test_the_baseline_has_no_habits() -> None:
    """gpt-4o shows the noise of the cases and other words, and nothing else."""
    assert {} == PERSONAS["gpt-4o"].habits


def test_a_harmless_habit_never_mends_a_break(stage: OpenStage) -> None:
    """What a reply breaks is still broken after everything else was done to it."""
    persona = Persona("gpt-4o", PACE, {"failed_check": ALWAYS, "language_switch": ALWAYS, "markdown": ALWAYS})
    asked = chat_body("please look this up")
    check = Check("not_contains", {"value": "sorry"}, None, "no excuses")
    desk = stage([case(PROSE, asked, checks=(check,))], personas={"gpt-4o": persona}, noise=QUIET)
    said = desk.client().chat.completions.create(**asked).choices[0].message.content
    assert "sorry" in said
    assert not desk.log[0]["expected_kept"]
