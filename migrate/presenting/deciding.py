"""What became of decisions, in words and as JSON, with the commit message that is suggested for them."""

from __future__ import annotations

import datetime as dt
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from migrate.inert import inert
from migrate.presenting.layout import cells, wrapped
from migrate.presenting.numbers import counted
from migrate.reviewing import LeftOpen, Outcome
from migrate.vocabulary import Approval, Decision, Flow, JsonObject, Rejection

JSON_FORMAT: Final = 1
DONE: Final = {"accept": "accepted", "reject": "rejected", "tolerate": "tolerated"}
ANY_CANDIDATE: Final = "an approval is of the answer: it holds for every candidate that gives it"
NOT_COMPARED: Final = (
    "an answer that breaks its contract is not compared with the golden: what else changed in these shows in the run "
    "that counts this"
)
SHOWN: Final = 20
"""Reasons of refusals that are listed; the rest is counted."""
LEFT_OPEN: Final = 5
"""Groups listed in which cases stay open."""
LOG: Final = "commit decisions.jsonl beside the goldens too: it holds who decided what"
UNDONE_LOG: Final = "commit decisions.jsonl beside the goldens too: it holds who took back what"
PROMOTED_LOG: Final = "commit decisions.jsonl beside the goldens too: it holds who promoted what"
RATED_LOG: Final = "commit ratings.jsonl beside the goldens: compare and the report read it"


def decided_lines(
    outcomes: Sequence[Outcome],
    left_open: Sequence[LeftOpen],
    *,
    dry_run: bool,
    folders: Sequence[str],
    width: int,
    asked: Iterable[str] = (),
) -> Iterator[str]:
    """Yield what became of decisions, in words: how many of each kind, what was refused and why, what to type next.

    `asked` are the candidates of the run that was reviewed: the next one lacks none of them. No line but a command is
    wider than `width` cells.
    """
    for words in _decided_words(outcomes, dry_run=dry_run):
        yield from wrapped(words, width, cut=False)
    # Nobody has seen yet what else changed in these answers.
    if any(one.status == "written" and one.of_contract for one in outcomes):
        yield from wrapped(NOT_COMPARED, width)
    yield from _left_open_lines(left_open, width)
    written = [one.decision for one in outcomes if one.status == "written"]
    if written and not dry_run:
        yield from commit_lines(folders, commit_message(written), LOG, width)
        counting = counting_command(dict.fromkeys((*asked, *(one.candidate for one in written))))
        yield from beside("the run that counts them, then:", counting, width)


def _decided_words(outcomes: Sequence[Outcome], *, dry_run: bool) -> Iterator[str]:
    written = [one.decision for one in outcomes if one.status == "written"]
    for verdict, word in DONE.items():
        mine = [one for one in written if one.verdict == verdict]
        if mine:
            models = ", ".join(dict.fromkeys(one.candidate for one in mine))
            yield f"{'would be ' if dry_run else ''}{word}: {on_cases(mine)} ({models})"
            if verdict == "accept" and not dry_run:
                yield ANY_CANDIDATE
        yield from _overriding_words([one for one in outcomes if one.decision.verdict == verdict], dry_run=dry_run)
    already = [one.decision for one in outcomes if one.status == "already"]
    if already:
        dropped = any(one.reason for one in already)
        kept = "; what was written then stands, and the reason given now is not kept" if dropped else ""
        yield f"decided before: {on_cases(already)}{kept}"
    refused: dict[str, list[Decision]] = {}
    for one in outcomes:
        if one.status == "refused":
            refused.setdefault(one.why, []).append(one.decision)
    for why, mine in [*refused.items()][:SHOWN]:
        rest = f" and {counted(len(mine) - 1, 'more decision')}" if len(mine) > 1 else ""
        yield f"refused: {mine[0].flow}/{mine[0].case} against {mine[0].candidate}{rest}: {why}"
    outnumbered: dict[str, list[Decision]] = {}
    for one in outcomes:
        if one.status != "refused" and one.why:
            outnumbered.setdefault(one.why, []).append(one.decision)
    for why, mine in outnumbered.items():
        rest = f" and {counted(len(mine) - 1, 'more case')}" if len(mine) > 1 else ""
        yield f"warning: {mine[0].flow}/{mine[0].case} against {mine[0].candidate}{rest}: {why}"
    if len(refused) > SHOWN:
        yield f"refused: and for {len(refused) - SHOWN} more reasons (--json lists all)"


def _overriding_words(outcomes: Iterable[Outcome], *, dry_run: bool) -> Iterator[str]:
    """Yield whose earlier words these decisions set aside, and of which cases: nobody is overruled unawares."""
    over: dict[tuple[str, str, str, bool], list[Decision]] = {}
    for one in outcomes:
        for earlier in one.overrides if one.status == "written" else ():
            word = "accepted" if isinstance(earlier, Approval) else "rejected"
            over.setdefault((word, earlier.reviewer, earlier.reason, one.in_part), []).append(one.decision)
    for (word, reviewer, reason, in_part), mine in over.items():
        cases = [*dict.fromkeys(one.case for one in mine)]
        named = ", ".join(cases[:SHOWN]) + (f" and {len(cases) - SHOWN} more" if len(cases) > SHOWN else "")
        until = f"; until {mine[0].expires}, then that holds again" if mine[0].verdict == "tolerate" else ""
        said = f"{word} by {reviewer or 'a reviewer'} before" + (f" ({reason})" if reason else "")
        of = "this change of" if in_part else "what was said of"
        left = f"; the rest of it stays {word}" if in_part else ""
        yield f"{'would hold' if dry_run else 'holds'} over {of} {named}: {said}{until}{left}"


def on_cases(decisions: Collection[Decision]) -> str:
    """Return `3 decisions on 2 cases`: one case may have several changes, and against two models it is two cases.

    So they are counted on the report's page.
    """
    return f"{counted(len(decisions), 'decision')} on {counted(_cases(decisions), 'case')}"


def _cases(decisions: Iterable[Decision]) -> int:
    return len({(one.flow, one.case, one.candidate) for one in decisions})


def commit_lines(folders: Sequence[str], message: str, log: str, width: int) -> Iterator[str]:
    """Yield what takes what was written into git, with the log that is part of it; nothing here ever does."""
    yield from wrapped(log, width, cut=False)
    yield from beside("next:", f"git add --all {shlex.join(folders)} && git commit -m {shlex.quote(message)}", width)


def beside(words: str, command: str, width: int) -> Iterator[str]:
    """Yield words and a command on one line, or the command on a line of its own where that has no room.

    A command stands last on its line and is never cut: what is copied must not carry our punctuation.
    """
    line = inert(f"{words} {command}", keep_newlines=False)
    if cells(line) <= width:
        yield line
    else:
        yield words
        yield inert(f"  {command}", keep_newlines=False)


def _left_open_lines(groups: Sequence[LeftOpen], width: int) -> Iterator[str]:
    """Yield in which other groups the cases stay open: what was said of the one is not said of those."""
    if groups:
        cases = {(flow, *member) for flow, _, members in groups for member in members}
        words = f"{len(cases)} of these cases {'stays' if len(cases) == 1 else 'stay'} open in other groups:"
        yield from wrapped(words, width)
    for flow, group, members in groups[:LEFT_OPEN]:
        words = f"  {group.id} {group.severity.value}, {counted(len(members), 'case')}: {flow} {group.title}"
        yield from wrapped(words, width)
    if len(groups) > LEFT_OPEN:
        yield f"  and in {len(groups) - LEFT_OPEN} more groups"


def counting_command(candidates: Iterable[str]) -> str:
    """Return the command of the run in which decisions on these candidates count."""
    return shlex.join(["pytest", *(word for candidate in candidates for word in ("--model", candidate))])


def taken_back_lines(
    outcomes: Sequence[Outcome], *, dry_run: bool, folders: Sequence[str], width: int
) -> Iterator[str]:
    """Yield what became of decisions that were to be taken back, one line a kind and reason, and how git learns it."""
    kinds: dict[tuple[str, ...], list[Decision]] = {}
    for one in outcomes:
        kinds.setdefault((one.status, one.why, one.decision.verdict, one.decision.candidate), []).append(one.decision)
    for (status, why, verdict, candidate), mine in kinds.items():
        done = "would be taken back" if dry_run else "taken back"
        first, flows = mine[0], ", ".join(dict.fromkeys(one.flow for one in mine))
        cases = first.case if len(mine) == 1 else counted(_cases(mine), "case")
        words = f"{verdict} of {cases} in {flows} ({candidate}) by {first.reviewer}, {first.at}"
        told = f"{done}: {words}" if status != "refused" else f"refused: {words}: {why}"
        yield from wrapped(told, width, cut=False)
    if not outcomes:
        yield "nothing that was decided stands"
    written = [one.decision for one in outcomes if one.status == "written"]
    if written and not dry_run:
        message = commit_message(written).replace(": ", ": take back ", 1)
        yield from commit_lines(folders, message, UNDONE_LOG, width)


def lapsed_lines(flows: Iterable[Flow], today: dt.date) -> Iterator[str]:
    """Yield the tolerations whose last day is over: where each stands, what it let pass, and until when."""
    for flow in flows:
        for one in flow.tolerated:
            if dt.date.fromisoformat(one.expires) < today:
                where = one.place or flow.name
                yield f"{where}: {one.kind.value} at {one.path} was tolerated until {one.expires} ({one.reason})"


def commit_message(decisions: Iterable[Decision]) -> str:
    """Return the commit message suggested: what was decided, for how many cases of which groups."""
    groups = Counter((one.verdict, one.flow, one.group or one.path or "") for one in decisions)
    parts = [
        f"{verdict} {counted(count, 'case')} of {flow}" + (f" ({what})" if what else "")
        for (verdict, flow, what), count in groups.most_common(3)
    ]
    more = f", and {len(groups) - 3} more" if len(groups) > 3 else ""
    words = ", ".join(parts) + more
    return f"Review of a model migration: {words}"


def decided_document(outcomes: Iterable[Outcome], left_open: Sequence[LeftOpen], *, dry_run: bool) -> JsonObject:
    """Return what became of decisions, as `decided.schema.json` publishes it."""
    outcomes = list(outcomes)
    written = [one.decision for one in outcomes if one.status == "written"]
    return {
        "format": JSON_FORMAT,
        "dry_run": dry_run,
        "commit_message": commit_message(written) if written and not dry_run else None,
        "decisions": [
            {
                "flow": one.decision.flow,
                "case_id": one.decision.case,
                "model": one.decision.candidate,
                "verdict": one.decision.verdict,
                "group": one.decision.group,
                "path": one.decision.path,
                "status": one.status,
                "why": one.why,
                "overrides": [_earlier(word) for word in one.overrides],
            }
            for one in outcomes
        ],
        "left_open": [
            {
                "flow": flow,
                "group": group.id,
                "severity": group.severity.value,
                "title": group.title,
                "cases": list(group.cases),
            }
            for flow, group, _ in left_open
        ],
    }


def _earlier(word: Approval | Rejection) -> JsonObject:
    verdict = "accept" if isinstance(word, Approval) else "reject"
    return {"verdict": verdict, "reviewer": word.reviewer, "reason": word.reason, "at": word.at}


def page_decision(one: Decision) -> JsonObject:
    """Return a decision that is written already, in the words of the report page's own."""
    return {
        "flow": one.flow,
        "case_id": one.case,
        "model": one.candidate,
        "verdict": one.verdict,
        "group": one.group,
        "path": one.path,
        "reason": one.reason,
        "reviewer": one.reviewer,
        "at": one.at,
        "expires": one.expires,
        "at_most": one.at_most,
    }
