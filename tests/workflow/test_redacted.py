"""What leaves the judge is redacted, the quotations in its findings too."""

from __future__ import annotations

from migrate.canonical import request_of
from migrate.redaction import Redactor
from migrate.vocabulary import (
    Answer,
    Call,
    Finding,
    FindingKind,
    JsonPath,
    Judged,
    Reply,
    Rung,
    Sample,
    Severity,
)
from migrate.workflow.replay import redacted

MAIL = "anna.lind" + "@example.org"


def test_a_finding_does_not_quote_what_the_answer_may_not_keep():
    """An address in the answer is gone from text, value and findings alike."""
    answer = Answer(f'{{"to": "{MAIL}"}}')
    request = request_of("chat", {"model": "gpt-4.1"}, lambda value: value)
    sample = Sample(1, (Call(request, Reply(answer, "gpt-4.1")),), answer)
    finding = Finding(
        Rung.CHECKS,
        FindingKind.CHECK_FAILED,
        Severity.BREAKING,
        JsonPath("$.to"),
        f'is "{MAIL}"',
        expected="nobody",
        actual=[MAIL],
    )
    judged = Judged(sample, {Rung.CHECKS: False}, (finding,), value={"to": MAIL}, parsed=True)
    kept = redacted(judged, Redactor())
    assert MAIL not in repr(kept)
    assert {Rung.CHECKS: False} == kept.rungs
