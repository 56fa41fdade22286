"""Which decisions of a log still stand, and what the newest of them wrote: enough to take it back another day.

The log tells who decided what on which golden; what it does not hold is what a decision took the place of. A decision
that replaced an earlier one is therefore taken back only where the golden is then the one from before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from migrate.canonical import any_index
from migrate.reviewing.decisions import Outcome
from migrate.reviewing.groups import fingerprint_of, group_id, open_findings
from migrate.vocabulary import (
    Approval,
    CaseId,
    Comparison,
    Decision,
    FindingKind,
    FlowName,
    Golden,
    JsonObject,
    JsonPath,
    Rejection,
    Toleration,
)

VERDICTS: Final = frozenset({"accept", "reject", "tolerate"})
GONE: Final = "it is not there any more: it was decided on again since, or the golden was recorded or promoted"
REPLACED: Final = "it took the place of an earlier decision, which the log does not hold: git has it"


@dataclass(frozen=True, slots=True)
class Made:
    """One decision that stands."""

    decision: Decision
    base: str | None
    """Digest of the golden it was written on top of."""
    alone: bool
    """No earlier decision on this case and candidate stands, so it took the place of none."""
    replaced: tuple[Toleration, ...] = ()
    """Tolerations whose place it took in the prompt file."""


def standing(flow: FlowName, entries: Iterable[JsonObject]) -> tuple[Made, ...]:
    """Return the decisions of a log that were neither taken back nor went with a promotion, the oldest first."""
    made: list[Made] = []
    for entry in entries:
        if entry["verdict"] == "promote":
            made = [one for one in made if one.decision.case != entry["case"]]
        elif entry["verdict"] == "undo":
            _pop(made, _decision(flow, {**entry, "verdict": entry["undoes"]}))
        elif entry["verdict"] in VERDICTS:
            decision = _decision(flow, entry)
            alone = not any(_about(one.decision) == _about(decision) for one in made)
            made.append(Made(decision, entry["base"], alone, tuple(_replaced(decision, entry))))
    return tuple(made)


def rejected_again(decision: Decision, golden: Golden | None, comparison: Comparison) -> Iterator[Decision]:
    """Yield an earlier rejection as one decision a group of open changes that it holds for in this comparison."""
    rejections = () if golden is None else golden.rejected
    mine = [one for one in rejections if (one.candidate, one.at) == (decision.candidate, decision.at)]
    changes = {change for one in mine for change in one.covers}
    open_again = [one for one in open_findings(comparison) if (one.kind, any_index(one.path)) in changes]
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
    """Return what was decided last in one go: the decisions that end their logs and differ in their cases alone."""
    ends = [made[-1].decision for made in logs.values() if made]
    if not ends:
        return ()
    act = _act(max(ends, key=lambda one: one.at))
    return tuple(one for made in logs.values() for one in _tail(made, act))


def _tail(made: Sequence[Made], act: Decision) -> list[Made]:
    tail: list[Made] = []
    for one in reversed(made):
        if _act(one.decision) != act:
            break
        tail.append(one)
    return tail[::-1]


def _act(decision: Decision) -> Decision:
    return replace(decision, flow=FlowName(""), case=CaseId(""), seen="", candidate="")


def written_by(
    made: Made, golden: Golden | None, tolerated: Iterable[Toleration], digest: Callable[[Golden], str]
) -> Outcome:
    """Return what a decision wrote, as it is found today; refused where it cannot be told."""
    decision = made.decision
    if decision.verdict == "tolerate":
        mine = tuple(_tolerated(decision, tolerated))
        if not mine:
            return Outcome(decision, "refused", GONE)
        return Outcome(decision, "written", tolerated=mine, replaced=made.replaced)
    without = None if golden is None else _without(golden, decision)
    if golden is None or without is None:
        return Outcome(decision, "refused", GONE)
    if not made.alone and digest(without) != made.base:
        return Outcome(decision, "refused", REPLACED)
    return Outcome(decision, "written", before=without, after=golden)


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


def _tolerated(decision: Decision, tolerated: Iterable[Toleration]) -> Iterator[Toleration]:
    for one in tolerated:
        terms = one.candidate, one.expires, one.at_most, one.reviewer, one.reason
        mine = decision.candidate, decision.expires, decision.at_most, decision.reviewer, decision.reason
        here = decision.path is None or any_index(decision.path) == one.path
        if terms == mine and here and decision.case in one.cases:
            yield replace(one, cases=(decision.case,), place=None)
