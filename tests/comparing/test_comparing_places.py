"""Places in an answer: how paths are written, which rule governs where, which items belong together."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from comparing_cases import flow_of, trial
from hypothesis import given
from hypothesis import strategies as st

from migrate.comparing import parse_path
from migrate.comparing.matching import MAX_ITEMS, best_pairs
from migrate.comparing.paths import brief, look_up, said, write_path
from migrate.comparing.rules import RuleBook
from migrate.vocabulary import CaseVerdict, Json, JsonPath, Rule


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ("$",)),
        ("$.items[0].price", ("$", "items", 0, "price")),
        ("$.items[*]", ("$", "items", None)),
        ("$.*.name", ("$", None, "name")),
        ('$["odd key"][\'it\\\'s "so"\']', ("$", "odd key", 'it\'s "so"')),
        ("$.straße.foo-bar", ("$", "straße", "foo-bar")),
        ("$tool_calls[0].arguments.order_id", ("$tool_calls", 0, "arguments", "order_id")),
        ("$.tool_calls", ("$", "tool_calls")),
    ],
)
def test_paths_are_read(text: str, steps: tuple[object, ...]) -> None:
    """A written path is read into its steps."""
    assert steps == parse_path(text)


NO_PATHS = ("", "items", "$items", "$.", "$..a", "$.a[", "$.a[-1]", "$.a b", '$["a]', "$.a[?(@.b)]")


@pytest.mark.parametrize("text", NO_PATHS)
def test_what_is_no_path_is_refused(text: str) -> None:
    """Anything else is refused in a sentence that shows it."""
    with pytest.raises(ValueError, match="is not a"):
        parse_path(text)


@given(st.lists(st.one_of(st.text(max_size=8), st.integers(0, 99), st.none()), max_size=5))
def test_a_path_is_read_as_it_was_written(steps: list[str | int | None]) -> None:
    """Whatever the keys, a written path leads back to its steps."""
    assert ("$", *steps) == parse_path(write_path(("$", *steps)))


def test_wildcards_lead_to_every_place() -> None:
    """A wildcard enters items of lists and values of objects, and says where it went."""
    value = {"a": [{"b": 1}, {"c": 2}, {"b": 3}], "d": {"b": 4}}

    assert [(("a", 0, "b"), 1), (("a", 2, "b"), 3)] == list(look_up(value, ("a", None, "b")))
    assert [(("d", "b"), 4)] == list(look_up(value, (None, "b")))


def _governing(path: str, rules: list[Rule]) -> str:
    root, *steps = parse_path(path)
    cursor = RuleBook(rules).root(root, None)
    for step in steps:
        cursor = cursor.down(step)
    return cursor.rule.path if cursor.rule is not None else ""


@pytest.mark.parametrize(
    ("path", "governing"),
    [
        ("$.a", "$"),
        ("$.items[0].price", "$.items[0].price"),
        ("$.items[1].price", "$.items[*].price"),
        ("$.items[1].name", "$.items[*]"),
        ("$.items[1].name.first", "$.items[*]"),
        ("$.items", "$.items"),
        ("$.other[1].price", "$"),
        ("$tool_calls[3].arguments.note", "$tool_calls[*].arguments.note"),
        ("$tool_calls[3].arguments.id", ""),
    ],
)
def test_the_most_specific_rule_governs(path: str, governing: str) -> None:
    """The longest rule wins, a concrete step before a wildcard; rules about lists say nothing of what is inside."""
    rules = [
        Rule(JsonPath("$"), "tolerance", {"abs": 1}),
        Rule(JsonPath("$.items"), "unordered"),
        Rule(JsonPath("$.items[*]"), "exact"),
        Rule(JsonPath("$.items[*].price"), "tolerance", {"abs": 2}),
        Rule(JsonPath("$.items[0].price"), "ignore"),
        Rule(JsonPath("$tool_calls[*].arguments.note"), "ignore"),
    ]

    assert governing == _governing(path, rules)
    assert governing == _governing(path, rules[::-1])


ITEMS = st.lists(
    st.one_of(
        st.sampled_from(["x", "y", 1, None]),
        st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from([1, 2, "x", "\ud800", [1]]), max_size=2),
        st.lists(st.sampled_from([1, "x"]), max_size=2),
    ),
    min_size=1,
    max_size=5,
)


@given(ITEMS, ITEMS)
def test_items_are_paired_once(old: list[Json], new: list[Json]) -> None:
    """Matching gives each item at most one partner, and as many pairs as the shorter list has items."""
    pairs = best_pairs(old, new)

    assert min(len(old), len(new)) == len(pairs)
    assert len(pairs) == len({left for left, _ in pairs}) == len({right for _, right in pairs})
    assert all(left < len(old) and right < len(new) for left, right in pairs)


def test_the_most_similar_items_are_paired() -> None:
    """Items that changed in one field find their own, whatever their order."""
    old = [{"sku": name, "price": price, "name": name * 3} for name, price in (("A", 1), ("B", 2), ("C", 3))]
    new = [{**old[2], "price": 9}, {**old[0], "price": 8}, {**old[1], "price": 7}]

    assert [(0, 1), (1, 2), (2, 0)] == best_pairs(old, new)


def test_long_unordered_lists_stay_cheap() -> None:
    """A long unordered list in which every item changed is compared without the quadratic matching."""
    items = [{"id": index, "name": f"item {index}"} for index in range(20 * MAX_ITEMS)]
    changed = [{**item, "name": f"other {item['id']}"} for item in reversed(items)]
    rules = [Rule(JsonPath("$"), "unordered")]
    comparison = trial(flow_of("json", rules=rules), [json.dumps(items)] * 2, [json.dumps(changed)]).compare()

    assert CaseVerdict.DRIFT is comparison.verdict
    assert {"value_changed"} == {found.kind.value for found in comparison.findings}


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ("x" * 300, "x" * 199 + "…"),
        ({"a": "x" * 300}, "object with 1 key"),
        (["x" * 100] * 3, "list of 3 items"),
        ({"a": 1}, {"a": 1}),
        (10**5000, "integer of about 5001 digits"),
        (None, None),
    ],
    ids=["text", "object", "list", "small", "integer", "null"],
)
def test_values_in_findings_are_short(value: Json, short: Json) -> None:
    """A finding holds small values whole and large ones by name."""
    assert short == brief(value)
    assert len(said(value)) < 100


def test_importing_the_room_is_light() -> None:
    """Nothing heavy is loaded with the room: each library comes with the first answer that needs it."""
    heavy = "jsonschema, jsonschema_rs, deepdiff, rapidfuzz, yaml, jinja2, sqlalchemy, openai"
    code = f"import migrate.comparing, sys; print([name for name in '{heavy}'.split(', ') if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == out.stdout.strip()
