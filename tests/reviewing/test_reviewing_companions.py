"""Groups of mostly the same cases are named beside each other, and a decision on the one leaves the other open."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from measured import compared, finding

from migrate.canonical import any_index
from migrate.reviewing import Seen, companions, fingerprint_of, group_id, left_open, seen_digest
from migrate.vocabulary import CaseId, Comparison, Decision, Finding, FindingKind, FlowName, JsonPath, Severity

DATE = finding("$.date", FindingKind.VALUE_CHANGED, expected="2026-01-02", actual="2026-02-01")
CHECK = replace(finding("$.date", FindingKind.CHECK_FAILED), severity=Severity.BREAKING)
SAID = Decision(FlowName("refund"), CaseId("late"), "gpt-4.1", "accept", "0", seen_digest([]))


def seen(*findings: Finding, case: str = "late") -> Seen:
    return Seen(compared(case, *findings), (), "0")


def of(comparison: Comparison, one: Finding) -> str:
    return group_id(fingerprint_of(comparison.flow, one))


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.frozensets(st.integers(0, 6), min_size=1)))
def test_a_companion_holds_at_least_half_of_the_members(groups: dict[str, frozenset[int]]) -> None:
    """For every pair of groups: named exactly where half are shared, with how many, the largest share first."""
    found = companions(groups)
    assert set(groups) == set(found)
    for name, mates in found.items():
        mine = groups[name]
        shared = {other: len(mine & there) for other, there in groups.items() if other != name}
        assert {other: count for other, count in shared.items() if count * 2 >= len(mine)} == {
            mate.id: mate.shared for mate in mates
        }
        assert [mate.shared for mate in mates] == sorted((mate.shared for mate in mates), reverse=True)


def test_a_small_group_is_not_named_by_a_large_one() -> None:
    """One of ten cases in both: the large group is told to who looks at the small one, and not the other way."""
    found = companions({"large": range(10), "small": [3]})
    assert ((), [("large", 1)]) == (found["large"], [*map(tuple, found["small"])])


def test_what_was_not_decided_stays_open() -> None:
    """The date was let pass as a group; the check it fails is another promise, and is told."""
    one = seen(DATE, CHECK)
    decision = replace(SAID, verdict="tolerate", group=of(one.comparison, DATE))
    ((flow, group, _),) = left_open([(one, [decision])])
    assert ("refund", of(one.comparison, CHECK), ("late",)) == (flow, group.id, group.cases)


def test_two_decisions_leave_nothing_open() -> None:
    """A path, a group, or a case as a whole: whatever was named is not told again."""
    one = seen(DATE, CHECK)
    by_group = [replace(SAID, group=of(one.comparison, two)) for two in (DATE, CHECK)]
    by_path = [replace(SAID, path=JsonPath(any_index(DATE.path)))]
    assert [(), (), ()] == [left_open([(one, said)]) for said in (by_group, by_path, [SAID])]


def test_a_decision_on_other_answers_says_nothing_of_these() -> None:
    """What was decided of the replay before leaves the case as open as it is."""
    one = seen(DATE)
    assert 1 == len(left_open([(one, [replace(SAID, seen="another")])]))
