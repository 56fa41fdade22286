"""What was decided of a golden and goes with it when another model's answers take its place.

A decision holds for the golden it was seen beside. A new one takes none of them along: each is named, and why it went.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from migrate.reviewing.sampling import answer_digests, answer_text, text_digest
from migrate.vocabulary import Approval, CaseId, Golden, Rejection

NOW_GOLDEN = "the answer is the golden's own now"
NOW_BASELINE = "what was rejected is the baseline now"


@dataclass(frozen=True, slots=True)
class Dropped:
    """One decision that is gone."""

    case: CaseId
    verdict: Literal["accept", "reject"]
    candidate: str
    reviewer: str
    reason: str
    why: str
    """Why it does not hold any more."""


def dropped_by(before: Golden | None, after: Golden) -> Iterator[Dropped]:
    """Yield the decisions on a golden that the one in its place does not have."""
    if before is None:
        return
    answers = answer_digests(after.samples)
    for approval in before.approved:
        own = text_digest(answer_text(approval.answer)) in answers
        yield _dropped(before, approval, NOW_GOLDEN if own else _seen_beside(before))
    for rejection in before.rejected:
        own = rejection.candidate == after.baseline
        yield _dropped(before, rejection, NOW_BASELINE if own else _seen_beside(before))


def _dropped(golden: Golden, one: Approval | Rejection, why: str) -> Dropped:
    verdict: Literal["accept", "reject"] = "accept" if isinstance(one, Approval) else "reject"
    return Dropped(golden.case, verdict, one.candidate, one.reviewer, one.reason, why)


def _seen_beside(golden: Golden) -> str:
    return f"it was seen beside the golden of {golden.baseline}; the next replay asks again"
