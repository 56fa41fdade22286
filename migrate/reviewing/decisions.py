"""Decisions of a reviewer, and the writes they imply, as data: nothing here touches a file.

`chosen` turns what a reviewer named (a group, a case, a path) into one decision a case and candidate. `decide` says
what the decisions on one case make of its golden and which findings they tolerate, or why they are refused: a decision
holds for the golden and the answers that were seen, and for no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from migrate.canonical import any_index
from migrate.reviewing.groups import fingerprint_of, group_id, open_findings
from migrate.reviewing.seen import seen_digest
from migrate.vocabulary import (
    Answer,
    Approval,
    CaseId,
    Comparison,
    Decision,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    JsonPath,
    Judged,
    Rejection,
    Rung,
    Severity,
    Toleration,
)

Change = tuple[FindingKind, JsonPath]
"""A kind of finding, and where, list indices as `[*]`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reviewer named; everything that is set has to fit."""

    group: str | None = None
    case: CaseId | None = None
    path: JsonPath | None = None
    flow: FlowName | None = None
    candidate: str | None = None
    without: frozenset[CaseId] = frozenset()
    """All but these."""

    def takes(self, comparison: Comparison) -> bool:
        """Say whether a comparison is meant, whatever its findings are."""
        pairs = (
            (self.case, comparison.case),
            (self.flow, comparison.flow),
            (self.candidate, comparison.candidate),
        )
        return comparison.case not in self.without and all(wanted in (None, there) for wanted, there in pairs)


@dataclass(frozen=True, slots=True)
class Seen:
    """One case and candidate of the run that is reviewed."""

    comparison: Comparison
    samples: tuple[Judged, ...]
    """The candidate's samples."""
    base: str | None
    """Digest of the golden; None: there is none."""


@dataclass(slots=True)
class Said:
    """How far a word that was said of a group before goes."""

    cases: int = 0
    over: int = 0
    """Cases in which more samples show the change than a toleration lets pass."""
    most: int = 0
    """Samples of one of these that show it, at most."""


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


def chosen(cases: Iterable[Seen], choice: Choice, given: Decision) -> Iterator[Decision]:
    """Yield one decision a case and candidate that the choice names and that has something to decide.

    `given` holds what all of them share: verdict, reason, reviewer, time, bounds.
    """
    for seen in cases:
        found = seen.comparison
        if not choice.takes(found):
            continue
        decision = replace(
            given,
            flow=found.flow,
            case=found.case,
            candidate=found.candidate,
            base=seen.base,
            seen=seen_digest(seen.samples),
            group=choice.group,
            path=None if choice.path is None else any_index(choice.path),
        )
        if any(True for _ in meant(decision, found)):
            yield decision


def misnamed(cases: Sequence[Seen], choice: Choice, given: Decision) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what a choice names that is not there: its option, the name, and the names there are.

    A case that is left out has to be one that would be decided on otherwise; everything else has to be in the run. Of
    groups and places those are named that are open: there is nothing to say of the others.
    """
    if choice.without:
        would = {str(one.case) for one in chosen(cases, replace(choice, without=frozenset()), given)}
        if would:
            yield from (("except", name, tuple(sorted(would))) for name in sorted(choice.without - would))
    found = [seen.comparison for seen in cases]
    changes = [(one.flow, finding) for one in found for finding in one.findings]
    opened = [
        (one.flow, finding)
        for one in found
        for finding in open_findings(one)
        if finding.severity is not Severity.COSMETIC
    ]
    listed: dict[str, set[str]] = {
        "path": {any_index(finding.path) for _, finding in opened},
        "group": {group_id(fingerprint_of(*change)) for change in opened},
    }
    there: dict[str, tuple[str | None, set[str]]] = {
        "flow": (choice.flow, {one.flow for one in found}),
        "candidate": (choice.candidate, {one.candidate for one in found}),
        "case": (choice.case, {one.case for one in found if choice.flow in (None, one.flow)}),
        "path": (choice.path and any_index(choice.path), {any_index(finding.path) for _, finding in changes}),
    }
    if choice.group is not None:
        there["group"] = choice.group, {group_id(fingerprint_of(*change)) for change in changes}
    for option, (name, names) in there.items():
        if name is not None and name not in names:
            yield option, name, tuple(sorted(listed.get(option, names)))


def reopened(comparison: Comparison, golden: Golden | None, tolerated: Sequence[Toleration] | None) -> Comparison:
    """Return a comparison with those findings open again whose decision is gone, as where git took it back.

    `tolerated` is what the prompt file says today; without it tolerations are taken as they were counted.
    """

    def stands(finding: Finding) -> bool:
        change = finding.kind, any_index(finding.path)
        if finding.explained == "approval":
            return golden is None or any(not one.covers or change in one.covers for one in golden.approved)
        if finding.explained == "toleration" and tolerated is not None:
            return any(
                (one.kind, one.path) == change
                and (not one.cases or comparison.case in one.cases)
                and one.candidate in (None, comparison.candidate)
                for one in tolerated
            )
        return True

    gone = [finding for finding in comparison.findings if not stands(finding)]
    if not gone:
        return comparison
    findings = tuple(replace(one, explained=None) if one in gone else one for one in comparison.findings)
    return replace(comparison, findings=findings)


def meant(decision: Decision, comparison: Comparison) -> Iterator[Finding]:
    """Yield the findings a decision is about: those of its group, at its path, or all that are open."""
    for finding in open_findings(comparison):
        if finding.severity is Severity.COSMETIC:
            continue
        if decision.group is not None and group_id(fingerprint_of(comparison.flow, finding)) != decision.group:
            continue
        if decision.path in (None, any_index(finding.path)):
            yield finding


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
        findings = [*meant(decision, current.comparison)]
        if decision.verdict == "tolerate":
            new = [one for one in _tolerations(decision, findings) if not _is_among(one, (*added, *tolerated))]
            gone = tuple(_superseded(new, tolerated))
            replaced += [one for one in gone if one not in replaced]
            added = [*(one for one in added if one not in {*_superseded(new, added)}), *new]
            status: Literal["written", "already"] = "written" if new else "already"
            outcomes.append(
                Outcome(
                    decision,
                    status,
                    _outnumbered(decision, current.comparison),
                    tolerated=tuple(new),
                    replaced=gone,
                    overrides=tuple(_overridden(decision, after, findings, current.samples)),
                )
            )
            continue
        why = _still_tolerated(decision, findings, (*added, *tolerated))
        if why:
            outcomes.append(Outcome(decision, "refused", why))
            continue
        opposite = _overridden(decision, after, findings, current.samples)
        act = _accepted if decision.verdict == "accept" else _rejected
        changed = act(after, decision, findings, current.samples)
        outcomes.append(
            Outcome(decision, "already")
            if changed == after
            else Outcome(decision, "written", before=after, after=changed, overrides=tuple(opposite))
        )
        after = changed
    return Decided(tuple(outcomes), None if after == golden else after, tuple(added), tuple(replaced))


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


def showing(decision: Decision, comparison: Comparison) -> int:
    """Return in how many samples the change is seen that most of them show, of those a decision is about."""
    seen: dict[Change, set[int | None]] = {}
    for finding in meant(decision, comparison):
        seen.setdefault((finding.kind, any_index(finding.path)), set()).add(finding.sample)
    return max(map(len, seen.values()), default=0)


def _outnumbered(decision: Decision, comparison: Comparison) -> str:
    """Return what is said of a toleration that is bound to fewer samples than show the change; empty where it holds."""
    bound, samples = decision.at_most, showing(decision, comparison)
    if bound is None or samples <= bound:
        return ""
    said = f"tolerated in at most {bound} {'sample' if bound == 1 else 'samples'}, seen in {samples}"
    return f"{said}: the next run still fails; --at-most {samples} lets it pass"


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


def changes_of(findings: Iterable[Finding]) -> tuple[Change, ...]:
    """Return the kinds and places of findings, each once, sorted."""
    return tuple(sorted({(finding.kind, any_index(finding.path)) for finding in findings}))


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


def _still_tolerated(decision: Decision, findings: Iterable[Finding], tolerated: Sequence[Toleration]) -> str:
    """Return why a rejection would do nothing: the prompt file lets the change pass."""
    if decision.verdict != "reject":
        return ""
    changes, day = changes_of(findings), decision.at[:10]
    for one in tolerated:
        mine = (not one.cases or decision.case in one.cases) and one.candidate in (None, decision.candidate)
        if mine and one.at_most is None and one.expires >= day and (one.kind, one.path) in changes:
            return f"the prompt file tolerates it until {one.expires}: take that entry out first"
    return ""


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
    kept = tuple(one for one in now if _mark(one) not in added)
    return kept + tuple(one for one in before if _mark(one) not in new)


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


def _tolerations(decision: Decision, findings: Sequence[Finding]) -> Iterator[Toleration]:
    for kind, path in changes_of(findings):
        yield Toleration(
            kind=kind,
            path=path,
            reason=decision.reason,
            expires=decision.expires or "",
            cases=(decision.case,),
            candidate=decision.candidate,
            at_most=decision.at_most,
            reviewer=decision.reviewer,
        )


def _is_among(one: Toleration, known: Iterable[Toleration]) -> bool:
    """Say whether a toleration is part of another one."""
    return any(
        (other.kind, other.path, other.expires, other.at_most) == (one.kind, one.path, one.expires, one.at_most)
        and other.candidate in (None, one.candidate)
        and (not other.cases or set(one.cases) <= set(other.cases))
        for other in known
    )


def _superseded(new: Iterable[Toleration], known: Iterable[Toleration]) -> Iterator[Toleration]:
    """Yield the earlier tolerations, as of the one case, of the changes that new ones are about.

    One for all cases or for every candidate is a rule that somebody wrote by hand, and stays.
    """
    scopes = {(one.kind, one.path, one.candidate): one.cases for one in new}
    for other in known:
        cases = scopes.get((other.kind, other.path, other.candidate))
        if cases is not None and set(cases) <= set(other.cases):
            yield replace(other, cases=cases, place=None)


def joined(tolerated: Iterable[Toleration]) -> tuple[Toleration, ...]:
    """Return tolerations that differ in their cases alone as one, in the order they came."""
    together: dict[Toleration, dict[CaseId, None]] = {}
    for one in tolerated:
        together.setdefault(replace(one, cases=()), {}).update(dict.fromkeys(one.cases))
    return tuple(replace(one, cases=tuple(cases)) for one, cases in together.items())
