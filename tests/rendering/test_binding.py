"""Checks bound to a case."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.errors import InventoryProblem
from migrate.rendering import bind_checks
from migrate.vocabulary import Case, CaseId, Check, Flow, FlowName, Json, MessageTemplate, Place, Prompt

PROMPT = Prompt((MessageTemplate("user", "x"),), "gpt-4o")
CASE = Case(
    CaseId("late"),
    {"passages": [{"id": "P1"}], "price": 12.5, "tags": ["a", "b"], "items": {"values": [1, 2]}, "nothing": None},
    expected={"label": "billing", "total": None, "items": [1, 2, 3]},
    place=Place("prompts/cases/refund.jsonl", 4),
)


def bound(*checks: Check, case: Case = CASE) -> tuple[Check, ...]:
    return bind_checks(Flow(FlowName("refund"), PROMPT, (case,), checks=checks), case)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ expected.label }}", "billing"),
        ("{{expected}}", CASE.expected),
        (" {{ passages }} ", [{"id": "P1"}]),
        ("{{ price }}", 12.5),
        ("{{ price * 2 }}", 25.0),
        ("{{ expected.total }}", None),
        ("{{ nothing }}", None),
        ("{{ expected.items }}", [1, 2, 3]),
        ("{{ expected.items | length }}", 3),
        ("{{ items.values }}", [1, 2]),
        ("{{ items['values'][0] }}", 1),
        ("{{ expected.items[1:] }}", [2, 3]),
        ("{{ tags | map('upper') }}", ["A", "B"]),
        ("{{ expected.calls | default([]) }}", []),
        ("{{ 1 if 'a' in tags else 0 }}", 1),
        ("{{ 'Order ' ~ price }}", "Order 12.5"),
        ("{{ {'a': [price]} }}", {"a": [12.5]}),
        ("{{ true }}", True),
    ],
)
def test_an_expression_is_bound_to_its_value(expression: str, value: Json) -> None:
    """One whole expression becomes the value itself, with its type; data comes before methods of the same name."""
    (check,) = bound(Check("equals", {"value": expression}))
    assert (type(value), value) == (type(check.arguments["value"]), check.arguments["value"])


def test_expressions_anywhere_in_the_arguments() -> None:
    """Arguments are bound at any depth; what is fixed stays."""
    check = Check(
        "json_path", {"length": {"min": "{{ expected.items | length }}", "max": 9}, "x": ["{{ price }}", "b"]}
    )
    assert {"length": {"min": 3, "max": 9}, "x": [12.5, "b"]} == bound(check)[0].arguments


@pytest.mark.parametrize("text", ["plain", "{{", "a {{ price }}", "{{ price }} {{ price }}x", "}} {{"])
def test_other_texts_stay(text: str) -> None:
    """A text that is not one whole expression is not touched, and the check is the same object."""
    check = Check("contains", {"value": text})
    assert check is bound(check)[0]


def test_a_judges_prompt_is_not_bound() -> None:
    """What a judge is asked speaks of an answer that is not there yet."""
    check = Check("judge", {"prompt": "{{ completion }}"})
    assert check is bound(check)[0]


def test_the_flows_checks_come_first() -> None:
    """A case's own checks follow those of its flow."""
    own = Check("json", {}, name="own")
    case = Case(CaseId("late"), {}, checks=(own,))
    assert ["flow", "own"] == [check.name for check in bound(Check("json", {}, name="flow"), case=case)]


def test_everything_that_cannot_be_bound_is_said_at_once() -> None:
    """Each problem names the case, the check and the place, with the nearest name there is."""
    checks = [
        Check("equals", {"value": "{{ expected.labl }}"}, name="label", place=Place("p.yml", 7)),
        Check("equals", {"value": "{{ pric }}"}, name="price", place=Place("p.yml", 9)),
        Check("equals", {"value": "{{ price }} {{ price }}"}, name="two", place=Place("p.yml", 11)),
    ]
    with pytest.raises(InventoryProblem) as caught:
        bound(*checks)
    expected = [
        (
            "p.yml:7",
            'check "label" cannot be bound: there is no "labl" in the mapping (did you mean "label"?)',
            "",
        ),
        ("p.yml:9", 'check "price" cannot be bound: "pric" is not among the inputs', 'did you mean "price"?'),
        ("p.yml:11", 'check "two" cannot be bound: only one whole {{ expression }} can be bound', ""),
    ]
    problems = caught.value.problems
    told = [
        (str(problem.place), problem.message.removeprefix("case refund/late: "), problem.hint) for problem in problems
    ]
    assert expected == told


def test_an_expectation_that_nobody_wrote() -> None:
    """A check that needs `expected` sends the reader to the case that lacks it."""
    case = Case(CaseId("late"), {}, place=Place("cases.jsonl", 4))
    with pytest.raises(InventoryProblem) as caught:
        bound(Check("equals", {"value": "{{ expected.total }}"}, name="total"), case=case)
    expected = 'cases.jsonl:4: case refund/late: check "total" needs `expected`, which is not given'
    assert expected == str(caught.value.problems[0])


@pytest.mark.parametrize(
    "expression", ["{{ price.__class__ }}", "{{ 'a' * 10**10 }}", "{{ range }}", "{{ tags.append }}"]
)
def test_expressions_are_sandboxed(expression: str) -> None:
    """An expression in a check can do no more than a template."""
    arguments: dict[str, Any] = {"value": expression}
    with pytest.raises(InventoryProblem):
        bound(Check("equals", arguments))
