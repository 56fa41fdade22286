"""Which tolerations were at work in a replay, and how much each let pass."""

from __future__ import annotations

from dataclasses import replace

from measured import compared, finding

from migrate.evidence.tolerating import Excused
from migrate.vocabulary import (
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    JsonPath,
    ToleratedChange,
    Toleration,
)

FENCE = replace(finding("$", FindingKind.FENCED_JSON), explained="toleration")
PRICE = finding("$.items[3].price", FindingKind.VALUE_CHANGED)
AT = JsonPath("$")


def until(day: str, *cases: str, candidate: str | None = None) -> Toleration:
    return Toleration(
        FindingKind.FENCED_JSON, AT, "known", day, cases=tuple(CaseId(case) for case in cases), candidate=candidate
    )


def judged(case: str, verdict: CaseVerdict, *found: Finding) -> Comparison:
    return replace(compared(case, *found), verdict=verdict)


def at_work(*tolerated: Toleration, cases: tuple[Comparison, ...]) -> list[tuple[str | None, tuple[str, ...]]]:
    excused = Excused()
    for comparison in cases:
        excused.add(comparison)
    changes = excused.changes("gpt-4.1", tolerated)
    return [(None if one.entry is None else one.entry.expires, one.cases) for one in changes]


def test_a_toleration_tells_the_cases_that_pass_by_it_and_those_that_do_not() -> None:
    """Equal findings are one change, its list indices left open; what still breaks or drifts is counted apart."""
    excused, entry = Excused(), until("2026-03-01")
    excused.add(judged("a", CaseVerdict.ACCEPTED, FENCE, FENCE))
    excused.add(judged("b", CaseVerdict.BREAKING, FENCE, PRICE))
    excused.add(judged("c", CaseVerdict.DRIFT, FENCE, PRICE))
    excused.add(judged("d", CaseVerdict.DRIFT, PRICE))
    cases = (CaseId("a"), CaseId("b"), CaseId("c"))
    assert (ToleratedChange(FindingKind.FENCED_JSON, AT, cases, 1, 1, entry),) == excused.changes("gpt-4.1", [entry])


def test_cases_belong_to_the_entry_that_names_them() -> None:
    """Two entries for the same change each tell their own cases; one for another candidate tells none."""
    cases = (judged("a", CaseVerdict.ACCEPTED, FENCE), judged("b", CaseVerdict.ACCEPTED, FENCE))
    entries = (until("2026-03-01", "a"), until("2026-04-01", "b"), until("2026-05-01", candidate="gpt-4.1-mini"))
    assert [("2026-03-01", ("a",)), ("2026-04-01", ("b",))] == at_work(*entries, cases=cases)


def test_an_entry_that_is_over_gives_way_to_the_one_written_after_it() -> None:
    """A run passes by the entry that still holds."""
    cases = (judged("a", CaseVerdict.ACCEPTED, FENCE),)
    assert [("2026-09-01", ("a",))] == at_work(until("2026-01-01"), until("2026-09-01"), cases=cases)


def test_an_entry_that_was_taken_out_since_is_unknown() -> None:
    """What passed stays told, without a day."""
    assert [(None, ("a",))] == at_work(cases=(judged("a", CaseVerdict.ACCEPTED, FENCE),))
