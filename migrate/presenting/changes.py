"""The groups of equal changes of a run, each over all the candidates that show it: one thing to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from migrate.presenting.numbers import counted
from migrate.reviewing import WORST_FIRST
from migrate.vocabulary import FlowEvidence, FlowName, Group, Severity


@dataclass(frozen=True, slots=True)
class Change:
    """A group of equal changes of one flow, over the candidates that show it."""

    flow: FlowName
    shown: tuple[tuple[str, Group], ...]
    """Candidate and its group, in the order of the evidence."""

    @property
    def group(self) -> Group:
        """The group as the first candidate shows it; id and severity are the same for all."""
        return self.shown[0][1]

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(candidate for candidate, _ in self.shown)

    @property
    def cases(self) -> int:
        """Cases that show it, counted against each candidate."""
        return sum(len(group.cases) for _, group in self.shown)


def changes(evidence: Iterable[FlowEvidence], *, cosmetic: bool = False) -> list[Change]:
    """Return the changes, worst first, then those of most cases.

    `cosmetic`: with those of form alone, which nobody decides on and `review` does not list.
    """
    found: dict[tuple[FlowName, str], list[tuple[str, Group]]] = {}
    for flow in evidence:
        for group in flow.groups:
            found.setdefault((flow.flow, group.id), []).append((flow.candidate, group))
    every = [Change(name, tuple(shown)) for (name, _), shown in found.items()]
    wanted = (change for change in every if cosmetic or change.group.severity is not Severity.COSMETIC)
    return sorted(wanted, key=lambda change: (WORST_FIRST[change.group.severity], -change.cases))


def cases_of(evidence: Sequence[FlowEvidence]) -> str:
    """Return `382 cases against 2 candidates, 764 comparisons`; of one candidate `382 cases`."""
    most: dict[FlowName, int] = {}
    for flow in evidence:
        most[flow.flow] = max(most.get(flow.flow, 0), flow.cases)
    candidates = len({flow.candidate for flow in evidence})
    cases, compared = sum(most.values()), sum(flow.cases for flow in evidence)
    said = counted(cases, "case")
    return said if candidates < 2 else f"{said} against {candidates} candidates, {compared} comparisons"


__all__ = ["Change", "cases_of", "changes"]
