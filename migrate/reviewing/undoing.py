"""Which decisions of a log still stand, and what the newest of them wrote: enough to take it back another day.

The log tells who decided what on which golden, and what a decision took the place of there. Lines of earlier versions
lack the latter: what they tell of is taken back only where the golden is then the one from before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from migrate.canonical import any_index
from migrate.errors import StoreProblem
from migrate.reviewing.choosing import Change
from migrate.reviewing.decisions import Outcome
from migrate.reviewing.groups import fingerprint_of, group_id, open_findings
from migrate.vocabulary import (
    Answer,
    Approval,
    CaseId,
    Comparison,
    Decision,
    FindingKind,
    FlowName,
    Golden,
    Json,
    JsonObject,
    JsonPath,
    Rejection,
    Severity,
    Toleration,
    ToolCall,
)

VERDICTS: Final = frozenset({"accept", "reject", "tolerate"})
GONE: Final = "it is not there any more: it was decided on again since, or the golden was recorded or promoted"
REPLACED: Final = "what the golden held before it was not logged, as earlier versions did not: git has it"

MARK: Final = ("list", "place", "candidate", "covers", "reviewer", "seen", "at")
"""What finds an entry of a golden again."""


@dataclass(frozen=True, slots=True)
class Made:
    """One decision that stands."""

    decision: Decision
    base: str | None
    """Digest of the golden it was written on top of."""
    alone: bool
    """No earlier decision on this case and candidate stands in its golden, so it took the place of none."""
    replaced: tuple[Toleration, ...] = ()
    """Tolerations whose place it took in the prompt file."""
    wrote: tuple[JsonObject, ...] | None = None
    """Marks of what it wrote in the golden, with the places; None: the log does not say."""
    displaced: tuple[JsonObject, ...] = ()
    """What it took the place of in the golden, with the places."""
    tolerated: tuple[Change, ...] = ()
    """What a toleration lets pass; empty: the log does not say, as earlier versions did not."""
    applied_at: str = ""
    """When the file was applied that it came in; empty: it was written as it was made."""

    @property
    def written(self) -> tuple[str, str]:
        """When it was written, and when it was made: what tells the last one."""
        return self.applied_at or self.decision.at, self.decision.at


def standing(flow: FlowName, entries: Iterable[JsonObject]) -> tuple[Made, ...]:
    """Return the decisions of a log that were neither taken back nor went with a promotion, the oldest first.

    Raises StoreProblem for an entry that is no whole decision: a log lies in git, where hands and merges reach it.
    """
    made: list[Made] = []
    for number, entry in enumerate(entries, 1):
        try:
            made = _after(made, flow, entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreProblem(
                f"decision {number} in the decisions.jsonl of {flow} is not whole",
                hint="restore the file from git, or remove the line",
            ) from error
    return tuple(made)


def _after(made: list[Made], flow: FlowName, entry: JsonObject) -> list[Made]:
    """Return the decisions that stand after one more entry."""
    if entry["verdict"] == "promote":
        return [one for one in made if one.decision.case != entry["case"]]
    if entry["verdict"] == "undo":
        _pop(made, _decision(flow, {**entry, "verdict": entry["undoes"]}))
    elif entry["verdict"] in VERDICTS:
        decision = _decision(flow, entry)
        in_golden = (one.decision for one in made if one.decision.verdict != "tolerate")
        alone = not any(_about(one) == _about(decision) for one in in_golden)
        applied_at = str(entry.get("applied_at", ""))
        if decision.verdict == "tolerate":
            changes = tuple((FindingKind(one["kind"]), JsonPath(one["path"])) for one in entry.get("tolerated", ()))
            replaced = tuple(_replaced(decision, entry))
            made.append(Made(decision, entry["base"], alone, replaced, tolerated=changes, applied_at=applied_at))
        else:
            wrote, gone = entry.get("wrote"), tuple(entry.get("replaced", ()))
            for one in (*(wrote or ()), *gone):
                _check(one)
            for one in gone:
                _restored(one)
            made.append(Made(decision, entry["base"], alone, (), wrote, gone, applied_at=applied_at))
    return made


def _check(entry: JsonObject) -> None:
    """Raise for what does not find an entry of a golden again."""
    missing = [name for name in MARK if name not in entry]
    if missing or entry["list"] not in ("approved", "rejected") or type(entry["place"]) is not int:
        raise ValueError(f"no mark of a golden's entry: {missing}")
    _covers(entry)


def rejected_again(decision: Decision, golden: Golden | None, comparison: Comparison) -> Iterator[Decision]:
    """Yield an earlier rejection as one decision a group of open changes that it holds for in this comparison.

    One of a whole case that holds for all that is open in it is told as it was made, once.
    """
    rejections = () if golden is None else golden.rejected
    mine = [one for one in rejections if (one.candidate, one.at) == (decision.candidate, decision.at)]
    changes = {change for one in mine for change in one.covers}
    found = [one for one in open_findings(comparison) if one.severity is not Severity.COSMETIC]
    open_again = [one for one in found if (one.kind, any_index(one.path)) in changes]
    if found and len(open_again) == len(found) and decision.group is None and decision.path is None:
        yield decision
        return
    for group in dict.fromkeys(group_id(fingerprint_of(comparison.flow, one)) for one in open_again):
        yield replace(decision, group=group, path=None)


def _pop(made: list[Made], undone: Decision) -> None:
    """Take out the last decision that an undo was of; the undo has a reviewer and a time of its own."""
    for place in range(len(made) - 1, -1, -1):
        if replace(made[place].decision, reviewer="", at="") == replace(undone, reviewer="", at=""):
            del made[place]
            return


def _decision(flow: FlowName, entry: JsonObject) -> Decision:
    return Decision(
        flow=flow,
        case=CaseId(entry["case"]),
        candidate=entry["candidate"],
        verdict=entry["verdict"],
        base=None,
        seen=entry["seen"],
        group=entry.get("group"),
        path=None if entry.get("path") is None else JsonPath(entry["path"]),
        reason=entry["reason"],
        reviewer=entry["reviewer"],
        at=entry["at"],
        expires=entry.get("expires"),
        at_most=entry.get("at_most"),
    )


def _replaced(decision: Decision, entry: JsonObject) -> Iterator[Toleration]:
    for one in entry.get("replaced", ()):
        yield Toleration(
            kind=FindingKind(one["kind"]),
            path=JsonPath(one["path"]),
            reason=one["reason"],
            expires=one["expires"],
            cases=(decision.case,),
            candidate=decision.candidate,
            at_most=one["at_most"],
            reviewer=one["reviewer"],
        )


def _about(decision: Decision) -> tuple[CaseId, str]:
    return decision.case, decision.candidate


def newest(logs: Mapping[FlowName, Sequence[Made]]) -> tuple[Made, ...]:
    """Return what was written last in one go: the decisions that end their logs, of one file or of one moment."""
    ends = [made[-1] for made in logs.values() if made]
    if not ends:
        return ()
    last = max(ends, key=lambda one: one.written)
    return tuple(one for made in logs.values() for one in _tail(made, last))


def _tail(made: Sequence[Made], last: Made) -> list[Made]:
    tail: list[Made] = []
    for one in reversed(made):
        if not _in_one_go(one, last):
            break
        tail.append(one)
    return tail[::-1]


def _in_one_go(one: Made, last: Made) -> bool:
    """Say whether two decisions were written by one command, as a whole file is, or made in one act."""
    if one.applied_at or last.applied_at:
        return one.applied_at == last.applied_at
    return _act(one.decision) == _act(last.decision)


def _act(decision: Decision) -> Decision:
    return replace(decision, flow=FlowName(""), case=CaseId(""), seen="", candidate="", group=None, path=None)


def written_by(
    made: Made, golden: Golden | None, tolerated: Iterable[Toleration], digest: Callable[[Golden], str]
) -> Outcome:
    """Return what a decision wrote, as it is found today; refused where it cannot be told."""
    decision = made.decision
    if decision.verdict == "tolerate":
        mine = tuple(_tolerated(made, tolerated))
        if not mine:
            return Outcome(decision, "refused", GONE)
        return Outcome(decision, "written", tolerated=mine, replaced=made.replaced)
    if golden is not None and made.wrote is not None:
        before = _put_back(golden, made.wrote, made.displaced)
        return (
            Outcome(decision, "refused", GONE) if before is None else Outcome(decision, "written", "", before, golden)
        )
    without = None if golden is None else _without(golden, decision)
    if golden is None or without is None:
        return Outcome(decision, "refused", GONE)
    if not made.alone and digest(without) != made.base:
        return Outcome(decision, "refused", REPLACED)
    return Outcome(decision, "written", before=without, after=golden)


def unlike(outcome: Outcome) -> JsonObject:
    """Return what the log has to say of a decision on a golden that held others of the candidate: what it wrote there,
    and what that took the place of. Empty where the golden held none.
    """
    before, after, candidate = outcome.before, outcome.after, outcome.decision.candidate
    if before is None or after is None:
        return {}
    if candidate not in {*(one.candidate for one in before.approved), *(one.candidate for one in before.rejected)}:
        return {}
    wrote = [
        *_entries("approved", after.approved, before.approved),
        *_entries("rejected", after.rejected, before.rejected),
    ]
    gone = [
        *_entries("approved", before.approved, after.approved),
        *_entries("rejected", before.rejected, after.rejected),
    ]
    return {"wrote": [{name: one[name] for name in MARK} for one in wrote], "replaced": gone}


def _entries(
    there: Literal["approved", "rejected"], mine: Sequence[Approval | Rejection], others: Sequence[Approval | Rejection]
) -> Iterator[dict[str, Json]]:
    for place, one in enumerate(mine):
        if one not in others:
            yield {
                "list": there,
                "place": place,
                "candidate": one.candidate,
                "covers": [{"kind": kind.value, "path": path} for kind, path in one.covers],
                "reviewer": one.reviewer,
                "reason": one.reason,
                "seen": one.seen,
                "at": one.at,
            } | ({"answer": _answer_entry(one.answer)} if isinstance(one, Approval) else {})


def _answer_entry(answer: Answer) -> dict[str, Json]:
    calls: list[Json] = [{"id": one.id, "name": one.name, "arguments": one.arguments} for one in answer.tool_calls]
    return {"text": answer.text, "tool_calls": calls, "refusal": answer.refusal, "finish": answer.finish}


def _put_back(golden: Golden, wrote: Iterable[JsonObject], displaced: Iterable[JsonObject]) -> Golden | None:
    """Return a golden without what was written and with what that took the place of; None where it is not there."""
    approved, rejected = [*golden.approved], [*golden.rejected]
    for entry in sorted(wrote, key=lambda one: one["place"], reverse=True):
        here: Sequence[Approval | Rejection] = approved if entry["list"] == "approved" else rejected
        at = [place for place, one in enumerate(here) if _has_mark(one, entry)]
        if not at:
            return None
        # Others may have written before it since.
        gone = entry["place"] if entry["place"] in at else at[0]
        if entry["list"] == "approved":
            del approved[gone]
        else:
            del rejected[gone]
    for entry in sorted(displaced, key=lambda one: one["place"]):
        one = _restored(entry)
        if isinstance(one, Approval):
            approved.insert(entry["place"], one)
        else:
            rejected.insert(entry["place"], one)
    return replace(golden, approved=tuple(approved), rejected=tuple(rejected))


def _restored(entry: JsonObject) -> Approval | Rejection:
    shared = {name: entry[name] for name in ("candidate", "reviewer", "reason", "seen", "at")}
    if entry["list"] == "approved":
        return Approval(_answer(entry["answer"]), covers=_covers(entry), **shared)
    return Rejection(_covers(entry), **shared)


def _has_mark(one: Approval | Rejection, entry: JsonObject) -> bool:
    mark = (one.candidate, one.seen, one.at, one.reviewer, one.covers)
    return mark == (entry["candidate"], entry["seen"], entry["at"], entry["reviewer"], _covers(entry))


def _covers(entry: JsonObject) -> tuple[tuple[FindingKind, JsonPath], ...]:
    return tuple((FindingKind(one["kind"]), JsonPath(one["path"])) for one in entry["covers"])


def _answer(entry: JsonObject) -> Answer:
    calls = tuple(ToolCall(one["name"], one["arguments"], one["id"]) for one in entry["tool_calls"])
    return Answer(entry["text"], calls, entry["refusal"], entry["finish"])


def is_there(made: Made, golden: Golden | None, tolerated: Iterable[Toleration]) -> bool:
    """Say whether something of what a decision wrote is in its golden, or in the prompt file, today."""
    if made.decision.verdict == "tolerate":
        return any(True for _ in _tolerated(made, tolerated))
    return golden is not None and _without(golden, made.decision) is not None


def _without(golden: Golden, decision: Decision) -> Golden | None:
    """Return a golden without what a decision wrote, None where nothing of it is there."""
    if decision.verdict == "accept":
        kept = tuple(one for one in golden.approved if not _is_of(one, decision))
        return None if kept == golden.approved else replace(golden, approved=kept)
    left = tuple(one for one in golden.rejected if not _is_of(one, decision))
    return None if left == golden.rejected else replace(golden, rejected=left)


def _is_of(one: Approval | Rejection, decision: Decision) -> bool:
    mark = decision.candidate, decision.seen, decision.at, decision.reviewer
    return (one.candidate, one.seen, one.at, one.reviewer) == mark


def _tolerated(made: Made, tolerated: Iterable[Toleration]) -> Iterator[Toleration]:
    decision = made.decision
    for one in tolerated:
        terms = one.candidate, one.expires, one.at_most, one.reviewer, one.reason
        mine = decision.candidate, decision.expires, decision.at_most, decision.reviewer, decision.reason
        here = (one.kind, one.path) in made.tolerated if made.tolerated else decision.path in (None, one.path)
        if terms == mine and here and decision.case in one.cases:
            yield replace(one, cases=(decision.case,), place=None)
