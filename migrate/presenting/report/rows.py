"""One row of the list of cases: enough to sort, filter and find it, and where its details are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from migrate.evidence.weighing import Record
from migrate.reviewing import WORST_FIRST, fingerprint_of, group_id
from migrate.vocabulary import CaseId, CaseVerdict, Finding, FlowName, Severity

WORST_VERDICTS: Final = (
    CaseVerdict.BREAKING,
    CaseVerdict.NO_REPLY,
    CaseVerdict.NO_GOLDEN,
    CaseVerdict.STALE_GOLDEN,
    CaseVerdict.DRIFT,
    CaseVerdict.UNSTABLE_BASELINE,
    CaseVerdict.CONTRACT_NOT_KEPT,
    CaseVerdict.IMPROVED,
    CaseVerdict.ACCEPTED,
    CaseVerdict.WITHIN_NOISE,
    CaseVerdict.SAME,
)
"""The order in which a reviewer wants them."""
_RANK: Final = {verdict: rank for rank, verdict in enumerate(WORST_VERDICTS)}


@dataclass(frozen=True, slots=True)
class Row:
    """One case against one candidate."""

    flow: FlowName
    candidate: str
    case: CaseId
    verdict: CaseVerdict
    severity: Severity | None
    """Of the worst finding that nothing explains."""
    title: str
    """That finding in one line."""
    groups: tuple[str, ...]
    """Ids of the groups of equal changes it belongs to."""
    place: tuple[int, int]
    """Number of its chunk, and its place in it."""
    samples: tuple[int, int]
    """Samples with an unexplained finding, out of how many."""

    @property
    def order(self) -> tuple[Any, ...]:
        """Worst first: verdict, severity, share of samples; then by name, so that the order is always the same."""
        severity = 3 if self.severity is None else WORST_FIRST[self.severity]
        return _RANK[self.verdict], severity, -self.samples[0], self.flow, self.case, self.candidate


def row_of(record: Record, place: tuple[int, int]) -> Row:
    """Return the row of a record."""
    comparison = record.comparison
    counting = [finding for finding in comparison.findings if finding.explained is None]
    worst = min(counting, key=lambda finding: WORST_FIRST[finding.severity], default=None)
    groups = dict.fromkeys(group_id(fingerprint_of(comparison.flow, finding)) for finding in counting)
    return Row(
        flow=comparison.flow,
        candidate=comparison.candidate,
        case=comparison.case,
        verdict=comparison.verdict,
        severity=None if worst is None else worst.severity,
        title=comparison.note if worst is None else _title(worst),
        groups=tuple(groups),
        place=place,
        samples=(len({finding.sample for finding in counting}), len(record.samples)),
    )


def rows_document(
    rows: Iterable[Row], flows: Sequence[str], candidates: Sequence[str], groups: Sequence[str]
) -> dict[str, Any]:
    """Return the rows, worst first, as columns: they are many, and each name of a key would count."""
    ordered = sorted(rows, key=lambda row: row.order)
    flow_number = {name: number for number, name in enumerate(flows)}
    candidate_number = {name: number for number, name in enumerate(candidates)}
    group_number = {name: number for number, name in enumerate(groups)}
    severities = [severity.value for severity in WORST_FIRST]
    return {
        "flow": [flow_number[row.flow] for row in ordered],
        "candidate": [candidate_number[row.candidate] for row in ordered],
        "case": [row.case for row in ordered],
        "verdict": [_RANK[row.verdict] for row in ordered],
        "severity": [-1 if row.severity is None else severities.index(row.severity.value) for row in ordered],
        "title": [row.title for row in ordered],
        # A group of findings that the weighing leaves out (the baseline breaks the contract as well) has no number.
        "groups": [[group_number[name] for name in row.groups if name in group_number] for row in ordered],
        "place": [list(row.place) for row in ordered],
        "samples": [list(row.samples) for row in ordered],
    }


def _title(finding: Finding) -> str:
    return f"{finding.path} {finding.kind.value.replace('_', ' ')}"
