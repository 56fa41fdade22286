"""What tolerations did: the findings of a flow that they explained, and how many cases they let pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migrate.canonical import any_index
from migrate.comparing.forgiving import TOLERATION, holding
from migrate.vocabulary import CaseId, CaseVerdict, Comparison, FindingKind, JsonPath, ToleratedChange, Toleration

_Change = tuple[FindingKind, JsonPath]
_Verdicts = dict[CaseId, CaseVerdict]


class Excused:
    """The tolerated findings of one flow against one candidate, counted case by case."""

    def __init__(self) -> None:
        self._cases: dict[_Change, _Verdicts] = {}
        """Change -> the cases that show it, each with its verdict."""

    def add(self, comparison: Comparison) -> None:
        for found in comparison.findings:
            if found.explained == TOLERATION:
                cases = self._cases.setdefault((found.kind, any_index(found.path)), {})
                cases[comparison.case] = comparison.verdict

    def changes(self, candidate: str, tolerated: Sequence[Toleration]) -> tuple[ToleratedChange, ...]:
        """Return the tolerations at work, in the order of the changes they explain.

        `tolerated` are the entries that the prompt file has now: one that was taken out since is None.
        """
        return tuple(
            ToleratedChange(
                kind,
                path,
                tuple(cases),
                breaking=_count(cases, CaseVerdict.BREAKING),
                drifting=_count(cases, CaseVerdict.DRIFT),
                entry=entry,
            )
            for (kind, path), every in self._cases.items()
            for entry, cases in _by_entry(kind, path, every, candidate, tolerated)
        )


def _by_entry(
    kind: FindingKind, path: JsonPath, every: _Verdicts, candidate: str, tolerated: Sequence[Toleration]
) -> Iterable[tuple[Toleration | None, _Verdicts]]:
    alike = [one for one in tolerated if (one.kind, one.path) == (kind, path)]
    found: dict[Toleration | None, _Verdicts] = {}
    for case, verdict in every.items():
        # Beside one that is over stands the one that was written after it.
        entry = max(holding(alike, case, candidate, None), key=lambda one: one.expires, default=None)
        found.setdefault(entry, {})[case] = verdict
    return found.items()


def _count(cases: _Verdicts, verdict: CaseVerdict) -> int:
    return sum(one is verdict for one in cases.values())


__all__ = ["Excused"]
