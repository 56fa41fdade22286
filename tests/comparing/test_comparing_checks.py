"""Checks: what each kind asks of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from comparing_cases import contract_for, flow_of, judged_of, sample_of

from migrate.comparing import judge
from migrate.vocabulary import Check, FindingKind, Json, JsonPath, Judged, Rung, Severity

SHOP = "CREATE TABLE orders (id INTEGER, total REAL); CREATE TABLE users (id INTEGER, name TEXT);"
PASSAGES = [{"id": "terms-1", "text": "..."}, {"id": "terms-2", "text": "..."}]


def _judged(kind: str, arguments: dict[str, Any], answer: Json, path: str | None = None) -> Judged:
    """Judge one answer by one check: as text, or as JSON where the check has a path."""
    check = Check(kind, arguments, None if path is None else JsonPath(path), "the check")  # type: ignore[arg-type]
    parse = "text" if path is None else "json"
    text = answer if path is None else json.dumps(answer)
    return judge(contract_for(flow_of(parse, checks=[check])), sample_of(1, text))


TEXT: list[tuple[str, dict[str, Any], str, bool]] = [
    ("equals", {"value": "yes"}, " yes\n", True),
    ("equals", {"value": "yes"}, "Yes", False),
    ("contains", {"value": "late"}, "it is late", True),
    ("contains", {"value": ["late", "now"]}, "it is late", False),
    ("contains", {"value": "LATE", "ignore_case": True}, "it is late", True),
    ("not_contains", {"value": ["```", "sorry"]}, "fine", True),
    ("not_contains", {"value": ["```", "sorry"]}, "so sorry", False),
    ("starts_with", {"value": "Dear"}, "\n Dear Ada", True),
    ("starts_with", {"value": "Dear"}, "Oh dear", False),
    ("ends_with", {"value": ["Bye.", "Regards"]}, "Regards \n", True),
    ("ends_with", {"value": "Bye."}, "Bye", False),
    ("regex", {"pattern": "^[A-Z]+$"}, "ABC", True),
    ("regex", {"pattern": "^[A-Z]+$", "flags": "i"}, "abc", True),
    ("regex", {"pattern": "^[A-Z]+$"}, "abc", False),
    ("not_regex", {"pattern": "```|;"}, "SELECT 1", True),
    ("not_regex", {"pattern": "```|;"}, "SELECT 1;", False),
    ("one_of", {"value": ["a", "b"]}, " a ", True),
    ("one_of", {"value": ["a", "b"]}, "A", False),
    ("number", {"equals": 12.5, "abs": 0.01}, "12.51", True),
    ("number", {"equals": 12.5, "abs": 0.01}, "12.511", False),
    ("number", {"equals": 200, "rel": 0.05}, "190", True),
    ("number", {"equals": 200, "rel": 0.05}, "189.9", False),
    ("number", {"min": 0, "max": 1}, "0", True),
    ("number", {"min": 0, "max": 1}, "1.5", False),
    ("number", {"min": 0}, "about 5", False),
    ("number", {"min": 0}, "NaN", False),
    ("length", {"max": 3}, "one two three", True),
    ("length", {"max": 2}, "one two three", False),
    ("length", {"min": 4, "max": 4, "unit": "characters"}, "four", True),
    ("length", {"max": 2, "unit": "sentences"}, "One. Two! It costs 3.50 in all?", False),
    ("length", {"max": 2, "unit": "sentences"}, "One. It costs 3.50 in all", True),
    ("length", {"max": 2, "unit": "lines"}, "\na\nb\n", True),
    ("length", {"max": 2, "unit": "lines"}, "a\nb\nc", False),
    ("label", {"one_of": ["billing", "bug"], "value": "billing"}, " Billing. ", True),
    ("label", {"one_of": ["billing", "bug"]}, "**billing**", False),
    ("label", {"one_of": ["billing", "bug"], "value": "billing"}, "bug", False),
    ("label", {"one_of": ["billing", "bug"]}, "payment", False),
    ("label", {"value": "bug"}, "BUG!", True),
    ("json", {}, ' {"a": 1} ', True),
    ("json", {}, '{"a": 1', False),
    ("json", {}, '{"a": 1, "a": 1}', False),
    ("sql", {"schema": SHOP}, "SELECT total FROM orders WHERE id = ?", True),
    ("sql", {"schema": SHOP}, "```sql\nSELECT total FROM orders;\n```", True),
    ("sql", {"schema": SHOP}, "SELECT '?', ':x' FROM orders", True),
    ("sql", {"schema": SHOP}, "SELECT price FROM orders", False),
    ("sql", {"schema": SHOP}, "SELECT 1; DROP TABLE orders", False),
    ("sql", {"schema": SHOP}, "ATTACH '/tmp/other.db' AS other", False),
    ("sql", {"schema": SHOP}, "PRAGMA writable_schema = 1", False),
    ("sql", {"schema": SHOP}, "Sorry, no.", False),
    ("sql", {}, "", False),
    ("python", {"defines": ["cents"]}, "import re\n\ndef cents(x):\n    return x", True),
    ("python", {"defines": ["cents"]}, "```python\ndef cents(x):\n    return x\n```", True),
    ("python", {"defines": ["cents"]}, "def dollars(x):\n    return x", False),
    ("python", {"defines": ["cents"]}, "class A:\n    def cents(self): ...", False),
    ("python", {}, "def cents(x)\n    return x", False),
    ("python", {}, "x = '\\d'", True),
    ("citations", {"passages": PASSAGES}, "So it is [1], and [2; terms-1].", True),
    ("citations", {"passages": PASSAGES}, "So it is [3].", False),
    ("citations", {"passages": PASSAGES}, "So it is [terms-9].", False),
    ("citations", {"passages": PASSAGES}, "So it is.", False),
    ("citations", {"passages": PASSAGES, "min": 0}, "So it is [sic], see [here](https://x.y).", True),
    ("citations", {"passages": PASSAGES, "min": 2}, "[1] and again [1].", False),
]


@pytest.mark.parametrize(("kind", "arguments", "answer", "holds"), TEXT)
def test_checks_of_text(kind: str, arguments: dict[str, Any], answer: str, holds: bool) -> None:
    """A check of a text holds or fails as its kind says."""
    assert holds is _judged(kind, arguments, answer).rungs[Rung.CHECKS]


VALUE: list[tuple[str, dict[str, Any], Json, str, bool]] = [
    ("equals", {"value": {"b": [1, 2]}}, {"a": {"b": [1, 2.0]}}, "$.a", True),
    ("equals", {"value": 1}, {"a": True}, "$.a", False),
    ("equals", {"value": None}, {"a": None}, "$.a", True),
    ("equals", {"value": "x"}, {}, "$.a", False),
    ("contains", {"value": "x"}, {"a": ["x", "y"]}, "$.a", True),
    ("contains", {"value": "x"}, {"a": ["xy"]}, "$.a", False),
    ("not_contains", {"value": "x"}, {"a": ["xy"]}, "$.a", True),
    ("one_of", {"value": [1, "b"]}, {"a": 1}, "$.a", True),
    ("one_of", {"value": [1, "b"]}, {"a": True}, "$.a", False),
    ("number", {"min": 0}, {"a": [{"b": 1}, {"b": -1}]}, "$.a[*].b", False),
    ("number", {"min": 0}, {"a": [{"b": 1}, {"b": 2}]}, "$.a[*].b", True),
    ("number", {"min": 0}, {"a": []}, "$.a[*].b", False),
    ("number", {"equals": 0.3}, {"a": 0.3}, "$.a", True),
    ("length", {"max": 1}, {"a": ["x y z"]}, "$.a", True),
    ("length", {"max": 1}, {"a": ["x", "y"]}, "$.a", False),
    ("json_path", {"exists": True}, {"a": None}, "$.a", True),
    ("json_path", {"exists": True}, {"b": 1}, "$.a", False),
    ("json_path", {"absent": True}, {"b": 1}, "$.a", True),
    ("json_path", {"absent": True}, {"a": 1}, "$.a", False),
    ("json_path", {"count": 2}, {"a": [1, 2]}, "$.a[*]", True),
    ("json_path", {"count": 2}, {"a": [1]}, "$.a[*]", False),
    ("json_path", {"length": {"min": 1, "max": 2}}, {"a": [1, 2]}, "$.a", True),
    ("json_path", {"length": {"min": 1}}, {"a": []}, "$.a", False),
    ("json_path", {"length": {"min": 1}}, {}, "$.a", False),
    ("citations", {"passages": PASSAGES}, {"a": ["terms-1"]}, "$.a", True),
    ("citations", {"passages": PASSAGES}, {"a": ["terms-3"]}, "$.a", False),
    ("label", {"one_of": ["x"]}, {"a": "X"}, "$.a", True),
    ("regex", {"pattern": "^\\d$"}, {"a": 5}, "$.a", True),
]


@pytest.mark.parametrize(("kind", "arguments", "answer", "path", "holds"), VALUE)
def test_checks_of_a_place(kind: str, arguments: dict[str, Any], answer: Json, path: str, holds: bool) -> None:
    """A check with a path holds when it holds of every value there, and of none fails."""
    assert holds is _judged(kind, arguments, answer, path).rungs[Rung.CHECKS]


def test_a_failed_check_is_a_finding() -> None:
    """The finding of a failed check names it, its place, what was expected and what there is."""
    judged = _judged("equals", {"value": 12.5}, {"total": 12}, "$.total")
    (found,) = judged.findings

    assert (Rung.CHECKS, FindingKind.CHECK_FAILED, Severity.BREAKING) == (found.rung, found.kind, found.severity)
    assert ("$.total", "the check", 12.5, 12) == (found.path, found.rule, found.expected, found.actual)


def test_a_check_without_a_path_reads_a_json_answer_as_a_value() -> None:
    """In a JSON flow `equals` compares the value, `contains` looks at the text."""
    checks = [Check("equals", {"value": {"a": 1}}), Check("contains", {"value": '"a"'})]
    contract = contract_for(flow_of("json", checks=checks))

    assert judge(contract, sample_of(1, '{ "a": 1 }')).kept


def test_a_path_into_a_text_flow_needs_json_there() -> None:
    """A check with a path reads a text flow's answer as JSON, and fails where it is none."""
    contract = contract_for(flow_of("text", checks=[Check("equals", {"value": 1}, JsonPath("$.a"))]))
    right, wrong = judged_of(contract, ['{"a": 1}', "a is 1"])

    assert (True, False) == (right.rungs[Rung.CHECKS], wrong.rungs[Rung.CHECKS])


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (Check("judge", {"prompt": "Is it kind?"}, None, "tone"), "tone: judges are not available"),
        (Check("sql", {"dialect": "postgres"}, None, "query"), "query: SQL dialect postgres cannot be checked here"),
        (Check("sql", {"schema": "CREATE TABEL x"}, None, "query"), "query: the schema of the check is not valid"),
        (Check("regex", {"pattern": r"^(a*)*\1$"}, None, "slow"), "slow: the pattern needs too many steps"),
    ],
)
def test_what_cannot_be_judged_is_said(check: Check, reason: str) -> None:
    """A check that cannot be decided here neither holds nor fails: it is named with the reason."""
    judged = judge(contract_for(flow_of("text", checks=[check])), sample_of(1, "a" * 40 + "!"))

    assert judged.rungs[Rung.CHECKS] is None
    assert judged.kept
    assert judged.unjudged[0].startswith(reason)


def test_an_unjudged_check_does_not_hide_the_others() -> None:
    """Beside a check that cannot be decided the others still count."""
    checks = [Check("judge", {}, None, "tone"), Check("contains", {"value": "x"})]
    contract = contract_for(flow_of("text", checks=checks))
    right, wrong = judged_of(contract, ["x", "y"])

    assert (True, False) == (right.rungs[Rung.CHECKS], wrong.rungs[Rung.CHECKS])


def test_if_repaired_is_shown_apart() -> None:
    """A fenced answer fails rungs 3 and 5 as it stands, and `if_repaired` says what a repair would give."""
    checks = [Check("equals", {"value": 1}, JsonPath("$.a")), Check("not_contains", {"value": "```"})]
    contract = contract_for(flow_of("json", schema={"type": "object", "required": ["a"]}, checks=checks))
    judged = judge(contract, sample_of(1, '```json\n{"a": 1}\n```'))

    assert (False, False, False) == tuple(judged.rungs[rung] for rung in (Rung.PARSED, Rung.SCHEMA, Rung.CHECKS))
    assert {Rung.SCHEMA: True, Rung.TOOLS: None, Rung.CHECKS: True} == judged.if_repaired
    assert (True, {"a": 1}) == (judged.parsed, judged.value)
    assert [FindingKind.FENCED_JSON] == [found.kind for found in judged.findings]


def test_a_sample_without_an_answer_is_not_judged() -> None:
    """A missing answer has no rung passed and none failed."""
    judged = judge(contract_for(flow_of("json", checks=[Check("json", {})])), sample_of(1, None))

    assert {None} == set(judged.rungs.values())
    assert () == judged.findings
