"""Decisions of a reviewer, and the writes they imply, as data: nothing here touches a file.

`decide` says what the decisions on one case make of its golden and which findings they tolerate, or why they are
refused: a decision holds for the golden and the answers that were seen, and for no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from migrate.reviewing.choosing import Change, Seen, changes_of, meant
from migrate.reviewing.seen import seen_digest
from migrate.reviewing.tolerations import is_among, outnumbered, still_tolerated, superseded, tolerations_of
from migrate.vocabulary import (
    Answer,
    Approval,
    Decision,
    Finding,
    Golden,
    Judged,
    Rejection,
    Rung,
    Toleration,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one decision."""

    decision: Decision
    status: Literal["written", "already", "refused"]
    why: str = ""
    """Why it was refused, or why what was written lets nothing pass."""
    before: Golden | None = None
    """The golden it was written on top of; None where the golden stayed as it was."""
    after: Golden | None = None
    """The golden with it alone."""
    tolerated: tuple[Toleration, ...] = ()
    """What it added to the prompt file."""
    replaced: tuple[Toleration, ...] = ()
    """What it took the place of there."""
    overrides: tuple[Approval | Rejection, ...] = ()
    """Earlier words in the golden that say the opposite of these changes. A toleration holds over a rejection until its
    day, and leaves it where it is; an approval takes it out, and a rejection takes an approval out."""
    in_part: bool = False
    """True where one of them is of other changes as well, and still holds for those."""
    of_contract: bool = False
    """True where a toleration lets a broken contract pass."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the decisions on one case and candidate imply."""

    outcomes: tuple[Outcome, ...]
    golden: Golden | None = None
    """To be written; None where it stays as it is."""
    tolerated: tuple[Toleration, ...] = ()
    """To be added to the prompt file."""
    replaced: tuple[Toleration, ...] = ()
    """To be taken out of it."""


def decide(
    decisions: Sequence[Decision],
    golden: Golden | None,
    current: Seen | None,
    *,
    base: bool,
    tolerated: Sequence[Toleration] = (),
    today: str = "",
) -> Decided:
    """Return what the decisions on one case and candidate imply, the later ones on top of the earlier ones.

    `base`: the golden is the one that was seen, or came from it by decisions alone. `tolerated`: what the prompt file
    says already; `today`, the day that runs are judged as of. Of decisions on the same changes the last one counts.
    """
    outcomes: list[Outcome] = []
    added: list[Toleration] = []
    replaced: list[Toleration] = []
    after = golden
    for decision in decisions:
        why = _refusal(decision, after, current, base=base, today=today)
        if why or after is None or current is None:
            outcomes.append(Outcome(decision, "refused", why))
            continue
        if decision.verdict == "tolerate":
            made = _tolerated(decision, after, current, (*added, *tolerated), tolerated)
            replaced += [one for one in made.replaced if one not in replaced]
            added = [*(one for one in added if one not in {*superseded(made.tolerated, added)}), *made.tolerated]
        else:
            made = _worded(decision, after, current, (*added, *tolerated))
            after = made.after or after
        outcomes.append(made)
    return Decided(tuple(outcomes), None if after == golden else after, tuple(added), tuple(replaced))


def _tolerated(
    decision: Decision,
    golden: Golden,
    current: Seen,
    known: Sequence[Toleration],
    in_file: Sequence[Toleration],
) -> Outcome:
    """Return what a toleration adds to those known, and what it takes the place of in the prompt file."""
    findings = [*meant(decision, current.comparison)]
    new = tuple(one for one in tolerations_of(decision, findings) if not is_among(one, known))
    overrides = tuple(_overridden(decision, golden, findings, current.samples))
    return Outcome(
        decision,
        "written" if new else "already",
        outnumbered(decision, current.comparison),
        tolerated=new,
        replaced=tuple(superseded(new, in_file)),
        overrides=overrides,
        in_part=_are_of_more(overrides, findings),
        of_contract=any(finding.rung is not Rung.AGREEMENT for finding in findings),
    )


def _worded(decision: Decision, golden: Golden, current: Seen, known: Sequence[Toleration]) -> Outcome:
    """Return what an approval or a rejection makes of a golden."""
    findings = [*meant(decision, current.comparison)]
    why = still_tolerated(decision, findings, known)
    if why:
        return Outcome(decision, "refused", why)
    act = _accepted if decision.verdict == "accept" else _rejected
    changed = act(golden, decision, findings, current.samples)
    if changed == golden:
        return Outcome(decision, "already")
    overrides = tuple(_overridden(decision, golden, findings, current.samples))
    in_part = _are_of_more(overrides, findings)
    return Outcome(decision, "written", before=golden, after=changed, overrides=overrides, in_part=in_part)


def _overridden(
    decision: Decision, golden: Golden, findings: Sequence[Finding], samples: Sequence[Judged]
) -> Iterator[Approval | Rejection]:
    """Yield what a golden says already of these changes of the candidate, where the decision says the opposite."""
    changes = {*changes_of(findings)}
    if decision.verdict != "reject":
        mine = (one for one in golden.rejected if one.candidate == decision.candidate)
        yield from (one for one in mine if not changes.isdisjoint(one.covers))
        return
    answers = {_texts(judged.sample.answer) for judged in samples if judged.sample.answer is not None}
    for one in golden.approved:
        if one.candidate == decision.candidate and _texts(one.answer) in answers:
            yield from [one] if not one.covers or not changes.isdisjoint(one.covers) else []


def _are_of_more(earlier: Iterable[Approval | Rejection], findings: Iterable[Finding]) -> bool:
    """Say whether earlier words are of other changes as well."""
    changes = {*changes_of(findings)}
    return any(not changes.issuperset(one.covers) for one in earlier)


NOTHING_OPEN: Final = "nothing of it is open: it was decided before, or is within the noise"


def _refusal(decision: Decision, golden: Golden | None, current: Seen | None, *, base: bool, today: str) -> str:
    """Return why a decision does not hold, empty when it does."""
    if golden is None or decision.base is None:
        return "there is no golden: nothing was compared"
    if current is None:
        return f"no replay has an answer of {decision.candidate} to this case"
    if not base:
        return "the golden was changed after it was seen"
    if decision.seen != seen_digest(current.samples):
        return "the candidate's answers are others now than those that were seen: it was replayed again"
    findings = [*meant(decision, current.comparison)]
    if not findings:
        return NOTHING_OPEN
    broken = next((finding for finding in findings if finding.rung is not Rung.AGREEMENT), None)
    if decision.verdict == "accept" and broken is not None:
        kind = broken.kind.value.replace("_", " ")
        return f"{kind} at {broken.path} breaks the contract: it can be tolerated until a day, or mended"
    if decision.verdict != "accept" and not decision.reason:
        return f"to {decision.verdict} something a reason is needed"
    if decision.verdict == "tolerate" and decision.expires is None:
        return "a toleration needs the day it ends"
    if decision.verdict == "tolerate" and decision.expires is not None and decision.expires < today:
        return over_words(decision.expires, today)
    return ""


def over_words(day: str, today: str) -> str:
    """Return why a toleration until a day that is over, both in ISO's form, is refused."""
    return f"{day} is over: runs are judged as of {today}, and it would let nothing pass"


def _accepted(golden: Golden, decision: Decision, findings: Sequence[Finding], samples: Sequence[Judged]) -> Golden:
    """Return the golden with an approval of each different answer that shows one of the findings."""
    approved = list(golden.approved)
    for judged in samples:
        shown = [finding for finding in findings if finding.sample in (None, judged.sample.index)]
        if shown and judged.sample.answer is not None:
            covers = changes_of(shown) if decision.group or decision.path else ()
            _approve(approved, decision, judged.sample.answer, covers)
    taken_back = _without(golden.rejected, decision, changes_of(findings))
    return replace(golden, approved=tuple(approved), rejected=taken_back)


def _approve(approved: list[Approval], decision: Decision, answer: Answer, covers: tuple[Change, ...]) -> None:
    """Add an approval, or widen the one of the same answer by the same candidate."""
    for place, known in enumerate(approved):
        if known.candidate == decision.candidate and _texts(known.answer) == _texts(answer):
            # Without changes named an approval covers all of them.
            wider = tuple(sorted({*known.covers, *covers})) if known.covers and covers else ()
            if wider != known.covers:
                approved[place] = _approval(decision, answer, wider)
            return
    approved.append(_approval(decision, answer, covers))


def _approval(decision: Decision, answer: Answer, covers: tuple[Change, ...]) -> Approval:
    return Approval(answer, decision.candidate, covers=covers, **_signed(decision))


def _texts(answer: Answer) -> tuple[object, ...]:
    return answer.text, tuple((call.name, call.arguments) for call in answer.tool_calls)


def _signed(decision: Decision) -> dict[str, str]:
    return {"reviewer": decision.reviewer, "reason": decision.reason, "seen": decision.seen, "at": decision.at}


def _rejected(golden: Golden, decision: Decision, findings: Sequence[Finding], samples: Sequence[Judged]) -> Golden:
    """Return the golden with a rejection of the changes, and without what was approved of them before."""
    changes = changes_of(findings)
    golden = replace(golden, approved=_disapproved(golden.approved, decision, changes, samples))
    if any(one.candidate == decision.candidate and set(changes) <= set(one.covers) for one in golden.rejected):
        return golden
    kept = _without(golden.rejected, decision, changes)
    return replace(golden, rejected=(*kept, Rejection(changes, decision.candidate, **_signed(decision))))


def _disapproved(
    approved: Iterable[Approval], decision: Decision, changes: Iterable[Change], samples: Sequence[Judged]
) -> tuple[Approval, ...]:
    """Return the approvals less these changes of the answers seen: what explains a change keeps it from failing."""
    answers = {_texts(judged.sample.answer) for judged in samples if judged.sample.answer is not None}
    gone, kept = set(changes), []
    for one in approved:
        if one.candidate == decision.candidate and _texts(one.answer) in answers:
            covers = tuple(change for change in one.covers if change not in gone)
            # An approval of everything covers these changes too, and cannot be cut down to the rest.
            if covers:
                kept.append(one if covers == one.covers else replace(one, covers=covers))
        else:
            kept.append(one)
    return tuple(kept)


def taken_back(golden: Golden | None, outcome: Outcome) -> Golden | None:
    """Return a golden without what a decision wrote, whatever was decided since; None where it is not there any more.

    What the decision had replaced comes back.
    """
    before, after = outcome.before, outcome.after
    if golden is None or before is None or after is None:
        return None
    approved = _unwound(golden.approved, before.approved, after.approved)
    rejected = _unwound(golden.rejected, before.rejected, after.rejected)
    if approved is None or rejected is None:
        return None
    return replace(golden, approved=approved, rejected=rejected)


Reviewed = TypeVar("Reviewed", Approval, Rejection)


def _unwound(
    now: tuple[Reviewed, ...], before: tuple[Reviewed, ...], after: tuple[Reviewed, ...]
) -> tuple[Reviewed, ...] | None:
    old, new, here = [*map(_mark, before)], [*map(_mark, after)], [*map(_mark, now)]
    if here == new:
        return before
    added = [mark for mark in new if mark not in old]
    if any(mark not in here for mark in added):
        return None
    kept = [one for one in now if _mark(one) not in added]
    for place, one in enumerate(before):
        if old[place] not in new:
            # Where it was, as far as the others that were written since let it.
            kept.insert(place, one)
    return tuple(kept)


def _mark(one: Approval | Rejection) -> tuple[object, ...]:
    """Return what tells an entry apart; its words are left out, because they were redacted on their way to the file."""
    return one.candidate, one.seen, one.at, one.reviewer, one.covers


def _without(rejected: Iterable[Rejection], decision: Decision, changes: Iterable[Change]) -> tuple[Rejection, ...]:
    """Return the rejections less these changes of the decision's candidate."""
    gone, kept = set(changes), []
    for one in rejected:
        covers = one.covers
        if one.candidate == decision.candidate:
            covers = tuple(change for change in covers if change not in gone)
        if covers:
            kept.append(one if covers == one.covers else replace(one, covers=covers))
    return tuple(kept)
