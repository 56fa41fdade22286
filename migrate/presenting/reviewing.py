"""A group of equal changes for a terminal: what it is, where, an example before and after, and what can be done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from migrate.inert import inert
from migrate.presenting.deciding import DONE
from migrate.presenting.layout import fit
from migrate.presenting.numbers import counted
from migrate.vocabulary import Decision, Finding, Group, Json, Rung

KEYS: Final = {
    "a": "accept: the changed answers are as good",
    "r": "reject: keep failing, with a reason",
    "t": "tolerate until a day, with a reason",
    "s": "skip",
    "o": "another example",
    "b": "back to the group before",
    "u": "undo the last decision",
    "q": "write what was decided, and end",
    "?": "this list",
}
"""What a reviewer can press; Escape and Ctrl-C leave and write nothing."""


def group_lines(
    flow: str, group: Group, candidates: tuple[str, ...], *, place: str, decided: str | None, width: int
) -> Iterator[str]:
    """Yield the head of a group: which of how many, what changed, in how many cases, against which models."""
    state = f", {decided}ed" if decided in ("accept", "reject") else ", tolerated" if decided else ""
    yield fit(f"{place}  {group.id}  {group.severity.value}{state}", width)
    yield fit(f"  {flow}: {group.title}", width)
    yield fit(f"  {counted(len(group.cases), 'case')} against {', '.join(candidates)}", width)


def before_lines(said: Mapping[Decision, int], *, width: int) -> Iterator[str]:
    """Yield what was decided of a group before this review, with how many of its cases each word is on."""
    for one, cases in said.items():
        done, who = DONE[one.verdict], one.reviewer or "a reviewer"
        reason = f": {inert(one.reason, keep_newlines=False)}" if one.reason else ""
        counts = "" if one.verdict == "reject" else ", which the next run counts"
        yield fit(f"  {done} before by {who} on {one.at[:10]} ({counted(cases, 'case')}{counts}){reason}", width)


def example_lines(case: str, candidate: str, finding: Finding, samples: int, *, width: int) -> Iterator[str]:
    """Yield one case of a group: the two sides of its finding, and why it matters."""
    times = f", in {counted(samples, 'sample')}" if samples > 1 else ""
    yield fit(f"  e.g. {case} against {candidate}{times}", width)
    first, second = ("before: ", "after:  ") if finding.rung is Rung.AGREEMENT else ("wanted: ", "got:    ")
    yield fit(f"    {first}{_text(finding.expected)}", width)
    yield fit(f"    {second}{_text(finding.actual)}", width)
    if finding.message:
        yield fit(f"    why:    {inert(finding.message, keep_newlines=False)}", width)


def flag_lines(flow: str, group: Group, *, contract: bool) -> Iterator[str]:
    """Yield a group with the commands that decide on it, for where nobody can press a key."""
    yield f"{group.id}  {group.severity.value}  {flow}: {group.title}  ({counted(len(group.cases), 'case')})"
    if contract:
        yield f"  prompt-migrate tolerate --group {group.id} --until DATE --reason TEXT"
    else:
        yield f"  prompt-migrate accept --group {group.id} --reason TEXT"
    yield f"  prompt-migrate reject --group {group.id} --reason TEXT"


def _text(value: Json) -> str:
    return inert(json.dumps(value, ensure_ascii=False, default=str), keep_newlines=False)
