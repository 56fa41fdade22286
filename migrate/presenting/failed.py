"""The failed cases of a run by what was found first: where pytest's own list has no room for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from migrate.presenting.layout import fit, wrapped
from migrate.presenting.numbers import counted

MOST_CAUSES: Final = 8
MOST_CASES: Final = 6
"""Cases named of one cause; the rest is counted."""


class FailedCase(NamedTuple):
    """One case that failed."""

    flow: str
    candidate: str
    case: str
    cause: str
    """In a few words, its path with list indices left open."""


def failed_lines(failed: Iterable[FailedCase], width: int) -> Iterator[str]:
    """Yield flow, finding and cases of what failed, the most frequent first; no line is wider than `width` cells."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for one in failed:
        causes.setdefault((one.flow, one.candidate, one.cause), []).append(one.case)
    if not causes:
        return
    several = len({candidate for _, candidate, _ in causes}) > 1
    yield fit("failed, by what was found first:", width)
    ordered = sorted(causes.items(), key=lambda pair: -len(pair[1]))
    for (flow, candidate, cause), cases in ordered[:MOST_CAUSES]:
        whose = f"{flow} on {candidate}" if several and candidate else flow
        # Two blanks first: what a file or a model named must never start a line of a CI log.
        yield from (f"  {line}" for line in wrapped(f"{whose}: {cause}: {_named(cases)}", width - 2))
    rest = sum(len(cases) for _, cases in ordered[MOST_CAUSES:])
    if rest:
        yield fit(f"  and {counted(rest, 'case')} by other findings: prompt-migrate review lists all", width)


def _named(cases: list[str]) -> str:
    more = len(cases) - MOST_CASES
    return ", ".join(cases[:MOST_CASES]) + (f" and {more} more" if more > 0 else "")


__all__ = ["FailedCase", "failed_lines"]
