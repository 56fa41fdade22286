"""Equal changes meet in one group, unequal ones do not, and the worst comes first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import compared, finding

from migrate.canonical import any_index
from migrate.reviewing import group_changes
from migrate.vocabulary import (
    CaseVerdict,
    FindingKind,
    Json,
    JsonPath,
    Rung,
    Severity,
)


def test_one_change_in_many_cases_is_one_group() -> None:
    """Three cases, two samples of one of them: one group that knows its cases and its findings."""
    changes = [
        compared("late-parcel", finding(expected=0.9, actual="0.9"), finding(expected=0.8, actual="0.85")),
        compared("broken-cup", finding(expected=1, actual="1")),
        compared("angry", finding(expected=0.25, actual="0.25")),
    ]
    (group,) = group_changes(changes)
    assert ("$.confidence number -> string", 4) == (group.title, group.count)
    assert ("angry", "broken-cup", "late-parcel") == group.cases


def test_classes_of_values_are_different_changes() -> None:
    """A word that became prose is not a word that became another word, and `true` is not `false`."""
    pairs = [("low", "high"), ("open", "closed"), ("low", "it is rather low"), (True, False), (False, True), (1, 2.5)]
    changes = [
        compared(f"c{number}", finding("$.x", FindingKind.VALUE_CHANGED, expected=before, actual=after))
        for number, (before, after) in enumerate(pairs)
    ]
    assert [
        ("$.x value changed, word -> word", 2),
        ("$.x value changed, false -> true", 1),
        ("$.x value changed, number -> number", 1),
        ("$.x value changed, true -> false", 1),
        ("$.x value changed, word -> text", 1),
    ] == sorted(
        ((group.title, len(group.cases)) for group in group_changes(changes)), key=lambda row: (-row[1], row[0])
    )


def test_a_key_is_gone_whatever_its_value_was() -> None:
    """One optional key that is left out is one change, for all the values it used to have."""
    changes = [
        compared(f"c{number}", finding("$.note", FindingKind.KEY_REMOVED, expected=value, actual=None))
        for number, value in enumerate(["a", "a b", 3, None, []])
    ]
    (group,) = group_changes(changes)
    assert ("$.note key removed", 5) == (group.title, group.count)


def test_values_cut_short_keep_their_type() -> None:
    """Of a large value a finding holds its size in words: it is grouped with the small ones of its type."""
    changes = [
        compared(f"c{number}", finding("$.x", expected=before, actual=after))
        for number, (before, after) in enumerate([([1], {"a": 1}), ("list of 900 items", "object with 70 keys")])
    ]
    (group,) = group_changes(changes)
    assert ("$.x array -> object", 2) == (group.title, group.count)


def test_list_positions_do_not_tear_a_change_apart() -> None:
    """The price of every item is one path."""
    changes = [compared("a", *(finding(f"$.items[{place}].price") for place in range(12)))]
    (group,) = group_changes(changes)
    assert ("$.items[*].price", 12) == (group.path, group.count)


def test_digits_in_a_quoted_key_are_its_name() -> None:
    """Only list indices become `[*]`."""
    path = JsonPath('$["a[0]"].b[10]["c\\"[1]"][2]')
    assert any_index(path) == '$["a[0]"].b[*]["c\\"[1]"][*]'


def test_tool_calls_meet_too() -> None:
    """Arguments of the first and the second call of a tool have one path."""
    assert any_index(JsonPath("$tool_calls[1].arguments.order_id")) == "$tool_calls[*].arguments.order_id"


def test_worst_first_then_largest() -> None:
    """One breaking case outranks fifty that drift, and those outrank any wording."""
    wording = finding("$.note", FindingKind.WORDING_CHANGED, severity=Severity.COSMETIC, expected="a b", actual="b a")
    drift = finding("$.total", FindingKind.VALUE_CHANGED, expected=1.5, actual=2.5)
    rare = finding("$.tax", FindingKind.VALUE_CHANGED, expected=1.5, actual=2.5)
    broken = finding("$.id", FindingKind.MISSING_REQUIRED, severity=Severity.BREAKING, rung=Rung.SCHEMA)
    changes = [compared(f"c{number}", wording, drift) for number in range(50)]
    changes += [compared("c7", rare), compared("c8", broken)]
    found = [(group.severity.value, group.path, len(group.cases)) for group in group_changes(changes)]
    assert [
        ("breaking", "$.id", 1),
        ("drift", "$.total", 50),
        ("drift", "$.tax", 1),
        ("cosmetic", "$.note", 50),
    ] == found


def test_what_noise_or_an_approval_explains_is_left_out() -> None:
    """Only what somebody has to look at is grouped."""
    explained = [compared("a", finding(explained="noise")), compared("b", finding(explained="approval"))]
    assert group_changes(explained) == ()


def test_a_contract_nobody_keeps_is_left_out() -> None:
    """What today's model breaks as well is no change."""
    broken = finding("$.id", FindingKind.MISSING_REQUIRED, severity=Severity.BREAKING, rung=Rung.SCHEMA)
    assert group_changes([compared("a", broken, verdict=CaseVerdict.CONTRACT_NOT_KEPT)]) == ()


@pytest.mark.parametrize("verdict", [CaseVerdict.UNSTABLE_BASELINE, CaseVerdict.IMPROVED])
def test_a_contract_that_is_broken_today_is_no_change(verdict: CaseVerdict) -> None:
    """Where the baseline breaks it no less often, only what the answers say differently is grouped."""
    broken = finding("$.id", FindingKind.MISSING_REQUIRED, severity=Severity.BREAKING, rung=Rung.SCHEMA)
    (group,) = group_changes([compared("a", broken, finding(), verdict=verdict)])
    assert group.path == "$.confidence"


def test_the_word_outside_an_enum_is_the_change() -> None:
    """`refundd` and `return` are two things to fix, however many cases have them."""
    changes = [
        compared(
            case,
            finding(
                "$.intent",
                FindingKind.NOT_IN_ENUM,
                severity=Severity.BREAKING,
                rung=Rung.SCHEMA,
                expected=["refund", "question"],
                actual=word,
            ),
        )
        for case, word in [("a", "refundd"), ("b", "refundd"), ("c", "return")]
    ]
    titles = [(group.title, len(group.cases)) for group in group_changes(changes)]
    assert [('$.intent not in enum: "refundd"', 2), ('$.intent not in enum: "return"', 1)] == titles


def test_checks_are_told_apart_by_name() -> None:
    """Two checks on the whole answer are two groups."""
    failed = [
        finding("$", FindingKind.CHECK_FAILED, severity=Severity.BREAKING, rung=Rung.CHECKS, rule=rule)
        for rule in ("label", "no apology")
    ]
    titles = [group.title for group in group_changes([compared("a", *failed)])]
    assert ["$ check failed: label", "$ check failed: no apology"] == sorted(titles)


def test_groups_of_one_title_say_what_tells_them_apart() -> None:
    """Two rows that read the same look like a mistake: the values' class or the types follow; their ids stay."""
    broken = {"severity": Severity.BREAKING, "rung": Rung.CHECKS, "rule": "cites"}
    found = [
        finding("$", FindingKind.CHECK_FAILED, expected=["1"], actual=["99"], **broken),
        finding("$", FindingKind.CHECK_FAILED, expected=1, actual=0, **broken),
        finding("$", FindingKind.INVALID_JSON, expected=None, actual=""),
        finding("$", FindingKind.INVALID_JSON, expected=None, actual="{ and more"),
        finding("$.n", FindingKind.TYPE_CHANGED, expected=1, actual=None),
        finding("$.n", FindingKind.NULL_NOT_ALLOWED, severity=Severity.BREAKING, expected="number", actual=None),
    ]
    groups = group_changes([compared("a", *found)])
    assert [
        "$ check failed: cites, array -> array",
        "$ check failed: cites, number -> number",
        "$ invalid json, empty text",
        "$ invalid json, text",
        "$.n number -> null",
        "$.n number -> null",
    ] == sorted(group.title for group in groups)
    alone = [group_changes([compared("a", one)])[0] for one in found]
    assert {"$ check failed: cites", "$ invalid json", "$.n number -> null"} == {group.title for group in alone}
    assert sorted(group.id for group in alone) == sorted(group.id for group in groups)


def test_a_broken_schema_names_the_types_it_wants() -> None:
    """For a schema finding the type before is what the schema says, not the type of that text."""
    broken = [
        finding("$.n", FindingKind.WRONG_TYPE, rung=Rung.SCHEMA, expected="number", actual="x"),
        finding("$.m", FindingKind.WRONG_TYPE, rung=Rung.SCHEMA, expected="number or null", actual=[1]),
        finding("$.o", FindingKind.NULL_NOT_ALLOWED, rung=Rung.SCHEMA, expected="string", actual=None),
        finding("$.p", FindingKind.NULL_NOT_ALLOWED, rung=Rung.SCHEMA, expected=["a", "b"], actual=None),
    ]
    titles = sorted(group.title for group in group_changes([compared("a", *broken)]))
    assert [
        "$.m number or null -> array",
        "$.n number -> string",
        "$.o string -> null",
        "$.p enum -> null",
    ] == titles


def test_ids_are_stable_over_runs_candidates_and_order() -> None:
    """An id written down today finds the same change tomorrow; another flow has another one."""
    first = [compared("a", finding()), compared("b", finding("$.other"))]
    again = [compared("c", finding("$.other")), compared("d", finding(expected=0.1, actual="0.2"))]
    ids = {group.path: group.id for group in group_changes(first)}
    assert ids == {group.path: group.id for group in group_changes(again)}
    (elsewhere,) = group_changes([compared("a", finding(), flow="notes")])
    assert elsewhere.id not in ids.values()
    assert all(re.fullmatch("G[0-9a-f]{7}", found) for found in ids.values())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(FindingKind)), VALUES, VALUES, st.sampled_from(list(Severity))), max_size=20
    )
)
def test_every_finding_is_in_exactly_one_group(changes: list[tuple[FindingKind, Json, Json, Severity]]) -> None:
    """Whatever models write, groups lose nothing, count nothing twice, and have an id each."""
    comparisons = [
        compared(f"c{number}", finding("$.x", kind, severity=severity, expected=before, actual=after))
        for number, (kind, before, after, severity) in enumerate(changes)
    ]
    groups = group_changes(comparisons)
    assert len(changes) == sum(group.count for group in groups)
    assert len(changes) == sum(len(group.cases) for group in groups)
    assert len(groups) == len({group.id for group in groups})
    assert groups == group_changes(reversed(comparisons))
