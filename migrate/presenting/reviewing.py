"""A group of equal changes for a terminal: what it is, where, an example before and after, and what can be done."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from migrate.presenting.deciding import DONE
from migrate.presenting.failure import side_lines
from migrate.presenting.layout import fit, wrapped
from migrate.presenting.numbers import counted
from migrate.reviewing import Companion, Said
from migrate.vocabulary import Decision, Finding, Group

KEYS: Final = {
    "a": "accept: the changed answers are as good, whichever candidate gives them",
    "r": "reject: keep failing, with a reason; of these candidates alone",
    "t": "tolerate until a day, with a reason",
    "s": "skip",
    "o": "another example",
    "b": "back to the group before",
    "u": "undo the last decision",
    "q": "write what was decided, and end",
    "?": "this list",
}
"""What a reviewer can press; Escape and Ctrl-C leave and write nothing."""
WHY: Final = "    why:    "
MATES: Final = 2
"""Groups with mostly the same cases that are named."""


def group_lines(
    flow: str,
    group: Group,
    candidates: tuple[str, ...],
    mates: Sequence[tuple[Companion, Group]],
    *,
    cases: int,
    place: str,
    decided: str | None,
    width: int,
) -> Iterator[str]:
    """Yield the head of a group: which of how many, what changed, in how many cases, against which models.

    A case against two models is two.
    """
    state = f", {decided}ed" if decided in ("accept", "reject") else ", tolerated" if decided else ""
    yield fit(f"{place}  {group.id}  {group.severity.value}{state}", width)
    yield from wrapped(f"  {flow}: {group.title}", width)
    yield from wrapped(f"  {counted(cases, 'case')} against {', '.join(candidates)}", width)
    yield from companion_lines(mates, width=width)


def companion_lines(
    mates: Sequence[tuple[Companion, Group]], *, twins: Collection[str] = (), width: int
) -> Iterator[str]:
    """Yield the groups that most of these cases are in as well: often the same change, met by another rule.

    Of `twins` the option is told that decides on both.
    """
    for mate, group in mates[:MATES]:
        there = f"{mate.shared} of these in {mate.id} {group.severity.value} too: {group.title}"
        both = f"; --group {mate.id} beside the other decides on both" if mate.id in twins else ""
        yield from wrapped(f"  {there}{both}", width)
    if len(mates) > MATES:
        yield f"  and in {counted(len(mates) - MATES, 'more group')}"


def before_lines(said: Mapping[Decision, Said], *, width: int) -> Iterator[str]:
    """Yield what was decided of a group before this review, with how many of its cases each word is on."""
    for one, how_far in said.items():
        done, who = DONE[one.verdict], one.reviewer or "a reviewer"
        reason = f": {one.reason}" if one.reason else ""
        words = (
            f"{done} before by {who} on {one.at[:10]} ({counted(how_far.cases, 'case')}{_counts(one, how_far)}){reason}"
        )
        yield from wrapped(f"  {words}", width)


def _counts(one: Decision, said: Said) -> str:
    """Say what the next run makes of a word that was said before."""
    if one.verdict == "reject":
        return ""
    if not said.over:
        return ", which the next run counts"
    bound = f"in at most {counted(one.at_most or 0, 'sample')} of each, seen in {said.most}"
    which = "it still fails" if said.over == said.cases == 1 else f"{said.over} of them still fail"
    return f", {bound}: {which}"


def example_lines(case: str, candidate: str, finding: Finding, samples: int, *, width: int) -> Iterator[str]:
    """Yield one case of a group: the two sides of its finding, and why it matters."""
    times = f", in {counted(samples, 'sample')}" if samples > 1 else ""
    yield fit(f"  e.g. {case} against {candidate}{times}", width)
    yield from side_lines(finding, width)
    if finding.message:
        for number, line in enumerate(wrapped(finding.message, width - len(WHY))):
            yield f"{' ' * len(WHY) if number else WHY}{line}"


def flag_lines(flow: str, group: Group, *, cases: int, contract: bool, narrowed: str, width: int) -> Iterator[str]:
    """Yield a group with the commands that decide on it, for where nobody can press a key.

    No line but a command is wider than `width` cells. `narrowed`: options that every command needs, after a blank, or
    nothing.
    """
    chosen = f"--group {group.id}{narrowed}"
    words = f"{group.id}  {group.severity.value}  {flow}: {group.title}  ({counted(cases, 'case')})"
    yield from wrapped(words, width)
    if not contract:
        yield f"  prompt-migrate accept {chosen} --reason TEXT"
    yield f"  prompt-migrate tolerate {chosen} --until DATE --reason TEXT"
    yield f"  prompt-migrate reject {chosen} --reason TEXT"
