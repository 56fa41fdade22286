"""The failed cases of a run, by what was found first."""

from __future__ import annotations

from measured import compared, finding

from migrate.presenting.failed import FailedCase, failed_lines
from migrate.presenting.failure import first_finding
from migrate.presenting.layout import cells
from migrate.vocabulary import CaseVerdict, FindingKind, Severity

FENCE = "breaking: $ fenced json"


def failed(case: str, cause: str = FENCE, candidate: str = "gpt-4.1", flow: str = "refund") -> FailedCase:
    return FailedCase(flow, candidate, case, cause)


def test_equal_findings_are_told_once_with_their_cases() -> None:
    """Flow, finding and case survive at eighty columns, whatever a test's id is as long as."""
    long = failed("instructions-hidden-in-the-message-en", "breaking: $.line_items[*].unit_price wrong type")
    lines = [*failed_lines([failed("late-parcel"), long, failed("broken-cup")], 80)]
    assert [
        "failed, by what was found first:",
        "  refund: breaking: $ fenced json: late-parcel, broken-cup",
        "  refund: breaking: $.line_items[*].unit_price wrong type:",
        "    instructions-hidden-in-the-message-en",
    ] == lines


def test_candidates_are_named_where_there_are_several() -> None:
    """What one of them breaks the other may keep."""
    lines = [*failed_lines([failed("a"), failed("a", candidate="gpt-4.1-mini")], 80)]
    assert [f"  refund on gpt-4.1: {FENCE}: a", f"  refund on gpt-4.1-mini: {FENCE}: a"] == lines[1:]


def test_many_are_counted() -> None:
    """Six cases of a finding are named and eight findings, the most frequent first; the rest is counted."""
    many = [failed(f"case-{n}") for n in range(9)]
    others = [failed("x", f"breaking: $.{key} wrong type") for key in "abcdefgh"]
    lines = [*failed_lines([*others, *many], 80)]
    assert [
        f"  refund: {FENCE}: case-0, case-1, case-2, case-3, case-4,",
        "    case-5 and 3 more",
    ] == lines[1:3]
    assert "  and 1 case by other findings: prompt-migrate review lists all" == lines[-1]
    assert max(map(cells, lines)) <= 80


def test_nothing_is_said_where_nothing_failed() -> None:
    """No heading without a case."""
    assert [] == [*failed_lines([], 80)]


def test_what_made_a_case_fail_is_the_same_for_equal_changes() -> None:
    """The worst finding, its list index left open; without one, the verdict."""
    price = finding("$.items[3].price", FindingKind.WRONG_TYPE, severity=Severity.BREAKING)
    broken = compared("a", finding(), price, verdict=CaseVerdict.BREAKING)
    assert "breaking: $.items[*].price wrong type" == first_finding(broken)
    assert "no golden" == first_finding(compared("a", verdict=CaseVerdict.NO_GOLDEN))
