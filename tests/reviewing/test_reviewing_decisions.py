"""A decision names what was seen by hash, and its published form says what each verdict needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from measured import compared, finding

from migrate.reviewing import Outcome, Seen, decide, rejected_again, seen_digest, taken_back
from migrate.vocabulary import (
    Answer,
    Approval,
    CaseId,
    CaseVerdict,
    Decision,
    FindingKind,
    FlowName,
    Golden,
    JsonPath,
    Judged,
    Rejection,
    Rung,
    Sample,
    Severity,
    ToolCall,
)

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
SCHEMA: Any = json.loads((SCHEMAS / "decisions.schema.json").read_text("utf-8"))
DECISION: dict[str, Any] = {
    "flow": "refund",
    "case_id": "late-parcel",
    "model": "gpt-4.1",
    "group": "G1a2b3c4",
    "verdict": "accept",
    "base_sha256": "0" * 64,
    "candidate_sha256": "f" * 64,
    "reason": "",
    "reviewer": "",
    "at": "2026-01-15T10:00:00Z",
}


def judged(number: int, answer: Answer | None) -> Judged:
    return Judged(Sample(number, (), answer), {})


def holds(**changes: Any) -> bool:
    document = {"format": 1, "run": "20260115-100000-ab12", "decisions": [DECISION | changes]}
    return jsonschema_rs.validator_for(SCHEMA).is_valid(document)


def test_the_hash_is_of_all_answers_in_their_order() -> None:
    """The order in which samples are read does not matter; another word, another order or a missing one does."""
    one, two = judged(1, Answer("yes")), judged(2, Answer("no"))
    seen = seen_digest([one, two])
    assert seen == seen_digest([two, one])
    others = [[one], [one, judged(2, Answer("No"))], [judged(1, Answer("no")), judged(2, Answer("yes"))]]
    assert seen not in [seen_digest(samples) for samples in [*others, [one, judged(2, None)]]]


def test_ids_of_tool_calls_are_not_part_of_the_hash() -> None:
    """A provider numbers its calls afresh each time; names and arguments are what was seen."""
    call = ToolCall("refund", '{"order": 1}', "call_1")
    seen = seen_digest([judged(1, Answer(None, (call,)))])
    assert seen == seen_digest([judged(1, Answer(None, (replace(call, id="call_2"),)))])
    assert seen != seen_digest([judged(1, Answer(None, (replace(call, arguments='{"order": 2}'),)))])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"group": None, "base_sha256": None}, True),
        ({"verdict": "reject"}, False),
        ({"verdict": "reject", "reason": "the refund is wrong"}, True),
        ({"verdict": "tolerate", "reason": "until the parser is mended"}, False),
        ({"verdict": "tolerate", "reason": "", "expires": "2026-03-01"}, False),
        ({"verdict": "tolerate", "reason": "until the parser is mended", "expires": "2026-03-01"}, True),
        ({"verdict": "approve"}, False),
        ({"candidate_sha256": None}, False),
    ],
)
def test_a_decision_says_what_its_verdict_needs(changes: dict[str, Any], expected: bool) -> None:
    """A rejection gives its reason, a tolerance its reason and the day it ends; what was seen is never left out."""
    assert expected is holds(**changes)


# --- Taking back -----------------------------------------------------------------------------------------------------


def approval(candidate: str, at: str = "2026-01-15T10:00:00Z", reason: str = "fine") -> Approval:
    return Approval(Answer("Yes."), candidate, "ada", reason, "f" * 64, at)


def decision() -> Decision:
    return Decision(FlowName("refund"), CaseId("late"), "gpt-4.1", "accept", "a" * 64, "f" * 64)


def golden(*approved: Approval) -> Golden:
    return Golden(FlowName("refund"), CaseId("late"), "gpt-4o", (), (), approved=approved)


def test_taking_back_leaves_what_others_decided_since() -> None:
    """An approval goes, a later one stays; words that were redacted on their way to the file do not matter."""
    mine, other = approval("gpt-4.1", reason="ask bob@example.com"), approval("gpt-4.1-mini")
    written = Outcome(decision(), "written", before=golden(), after=golden(mine))
    assert golden(other) == taken_back(golden(replace(mine, reason="ask <email>"), other), written)
    assert golden() == taken_back(golden(mine), written)


def test_what_was_replaced_comes_back() -> None:
    """An approval that a decision widened is the narrow one again."""
    narrow = replace(approval("gpt-4.1"), covers=((FindingKind.VALUE_CHANGED, JsonPath("$.amount")),))
    wide = replace(narrow, covers=(), at="2026-01-15T10:05:00Z")
    written = Outcome(decision(), "written", before=golden(narrow), after=golden(wide))
    assert golden(narrow) == taken_back(golden(wide), written)


def test_what_is_not_there_any_more_is_not_taken_back() -> None:
    """A golden that was recorded again, or whose approval was decided on again, is left alone."""
    written = Outcome(decision(), "written", before=golden(), after=golden(approval("gpt-4.1")))
    assert taken_back(golden(), written) is None
    assert taken_back(None, written) is None


# --- Rejected, and there again ---------------------------------------------------------------------------------------


def test_a_rejection_of_a_whole_case_is_told_as_it_was_made() -> None:
    """Once, as long as it holds for all that is open; of a case that changed in more ways since, change by change."""
    label, amount, fee = (finding(path, FindingKind.VALUE_CHANGED) for path in ("$.label", "$.amount", "$.fee"))
    covers = tuple((one.kind, one.path) for one in (label, amount))
    rejected = replace(decision(), verdict="reject", reason="wrong", reviewer="ada", at="2026-01-15T10:00:00Z")
    before = replace(golden(), rejected=(Rejection(covers, "gpt-4.1", "ada", "wrong", "f" * 64, rejected.at),))
    form = finding("$", FindingKind.WORDING_CHANGED, severity=Severity.COSMETIC)
    again = compared("late", label, amount, form, verdict=CaseVerdict.BREAKING)
    assert [rejected] == [*rejected_again(rejected, before, again)]
    more = compared("late", label, amount, fee, verdict=CaseVerdict.BREAKING)
    told = [*rejected_again(rejected, before, more)]
    assert (2, 2) == (len(told), len({one.group for one in told} - {None}))
    one = replace(rejected, path=JsonPath("$.label"))
    assert None not in [told.group for told in rejected_again(one, before, again)]
    assert [] == [*rejected_again(rejected, golden(), again)]


@pytest.mark.parametrize(
    ("rung", "of_contract"), [(Rung.TOOLS, True), (Rung.AGREEMENT, False)], ids=["of the contract", "of agreement"]
)
def test_of_what_rung_a_finding_is_says_whether_a_broken_contract_is_tolerated(rung: Rung, of_contract: bool) -> None:
    """A missing call of a tool may be either: the kind of a finding does not tell whether the golden was compared."""
    missing = finding("$tool_calls", FindingKind.MISSING_TOOL_CALL, rung=rung)
    seen = Seen(compared("a", missing, flow="refund"), (judged(1, Answer("yes")),), "base")
    tolerated = Decision(
        FlowName("refund"),
        CaseId("a"),
        seen.comparison.candidate,
        "tolerate",
        "base",
        seen_digest(seen.samples),
        reason="known",
        expires="2026-02-01",
    )
    golden = Golden(FlowName("refund"), CaseId("a"), "gpt-4o", (), ())
    (made,) = decide([tolerated], golden, seen, base=True, today="2026-01-15").outcomes
    assert ("written", of_contract) == (made.status, made.of_contract)
