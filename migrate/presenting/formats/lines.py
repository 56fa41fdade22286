"""What a form tells of one case: who, verdict, worst finding, groups, cost and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.comparing.forgiving import fails_for_a_rejection
from migrate.evidence import Standing
from migrate.evidence.money import mean_cost_text
from migrate.evidence.rating import CaseMarks, HumanEvidence
from migrate.evidence.weighing import Record
from migrate.presenting.failure import failure_lines
from migrate.presenting.report.rows import Row, row_of
from migrate.vocabulary import CaseId, CaseVerdict, Flow, FlowEvidence, FlowName, Measurement, Place, Run

FAILED = frozenset({CaseVerdict.BREAKING, CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN})
"""Verdicts that fail an item under pytest always; `no_reply` is an error, drift fails where it is asked to."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case against one candidate, as a form tells it."""

    row: Row
    baseline: str
    place: Place | None
    """Where the case is written, if the inventory still has it."""
    cost_usd: tuple[str | None, str | None]
    """Mean of a sample, baseline and candidate; None: unknown."""
    latency_ms: tuple[float | None, float | None]
    """Mean over the timed samples."""
    said: tuple[str, ...]
    """What a failed item says, inert; empty for one that passed."""
    people: CaseMarks | None = None
    """What people said of it; None: nobody was asked."""
    fails: bool = False
    """The verdict is one that fails an item."""
    rejection: str = ""
    """Who rejected the change that it fails for, and why, where nothing broke; empty elsewhere."""

    @property
    def message(self) -> str:
        """What it fails for, in one line: its worst finding, or the reviewer's word."""
        found = self.row.title or self.row.verdict.value
        return f"{self.cause}: {found}; {self.rejection}" if self.rejection else found

    @property
    def cause(self) -> str:
        """Its verdict in words; of what fails for a rejected change alone that: `rejected drift`."""
        if self.rejection and self.row.severity is not None:
            return f"rejected {self.row.severity.value}"
        return self.row.verdict.value.replace("_", " ")

    @property
    def rejected_group(self) -> str:
        """Id of the group of equal changes that a reviewer rejected and that is there again; empty where none is."""
        # Of findings alike in severity the rejected ones come first.
        return self.row.groups[0] if self.rejection and self.row.groups else ""

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `error`: a fault of the road is no regression."""
        if self.row.verdict is CaseVerdict.NO_REPLY:
            return "error"
        return "failed" if self.fails else "passed"

    @property
    def values(self) -> dict[str, Any]:
        """The facts of the case by name, for rows and properties."""
        return {
            "flow": self.row.flow,
            "case": self.row.case,
            "baseline": self.baseline,
            "candidate": self.row.candidate,
            "verdict": self.row.verdict.value,
            "severity": self.row.severity.value if self.row.severity else None,
            "finding": self.row.title or None,
            "groups": list(self.row.groups),
            "samples": self.row.samples[1],
            "samples_with_findings": self.row.samples[0],
            "baseline_cost_usd": self.cost_usd[0],
            "candidate_cost_usd": self.cost_usd[1],
            "baseline_latency_ms": self.latency_ms[0],
            "candidate_latency_ms": self.latency_ms[1],
            "people_raters": [] if self.people is None else list(self.people.raters),
            "people_preference": self.people and self.people.preference,
            "people_baseline_correct": self.people and self.people.baseline_correct,
            "people_candidate_correct": self.people and self.people.candidate_correct,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """A run, as a form tells it."""

    run: Run
    evidence: Sequence[FlowEvidence]
    lines: Sequence[CaseLine]
    people: Sequence[HumanEvidence] = ()
    """What people said of its answers."""
    standing: Standing | None = None
    """Where it stands at the gates; None where nobody asked."""

    @property
    def rejected(self) -> frozenset[tuple[FlowName, str, str]]:
        """Flow, candidate and id of the groups that fail because a reviewer rejected them."""
        return frozenset(
            (line.row.flow, line.row.candidate, line.rejected_group) for line in self.lines if line.rejected_group
        )


class Lines:
    """Gathers the lines while the records are weighed."""

    def __init__(
        self, flows: Mapping[FlowName, Flow], run: str = "", failing: Collection[CaseVerdict] = FAILED
    ) -> None:
        self._failing = failing
        self.run = run
        """Names the run in the commands of what failed: these lines are read when it is not the newest any more."""
        self.lines: list[CaseLine] = []
        self._places: dict[tuple[FlowName, CaseId], Place | None] = {
            (flow.name, case.id): case.place for flow in flows.values() for case in flow.cases
        }

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records unchanged."""
        for record in records:
            self.lines.append(self._line(record))
            yield record

    def _line(self, record: Record) -> CaseLine:
        comparison = record.comparison
        row = row_of(record, (0, 0))
        place = self._places.get((comparison.flow, comparison.case))
        fails = row.verdict in self._failing
        failed = fails or row.verdict is CaseVerdict.NO_REPLY
        return CaseLine(
            row=row,
            baseline=comparison.baseline,
            place=place,
            cost_usd=(mean_cost_text(record.baseline), mean_cost_text(record.candidate)),
            latency_ms=(_mean_ms(record.baseline), _mean_ms(record.candidate)),
            said=tuple(failure_lines(comparison, place, comparison.candidate, run=self.run)) if failed else (),
            fails=fails,
            rejection=comparison.note if fails_for_a_rejection(comparison) else "",
        )


def lines_of(records: Iterable[Record], flows: Mapping[FlowName, Flow]) -> tuple[CaseLine, ...]:
    """Return the line of every record."""
    lines = Lines(flows)
    for _ in lines.watch(records):
        pass
    return tuple(lines.lines)


def rated(lines: Iterable[CaseLine], people: Sequence[HumanEvidence]) -> tuple[CaseLine, ...]:
    """Return the lines with what people said beside the verdicts."""
    marks = {(one.flow, case, one.candidate): said for one in people for case, said in one.marks.items()}
    return tuple(replace(line, people=marks.get((line.row.flow, line.row.case, line.row.candidate))) for line in lines)


def _mean_ms(rows: Iterable[Measurement]) -> float | None:
    """Return the mean time of a sample, all its calls together, in milliseconds; None when none was timed."""
    times: dict[int, float] = {}
    for row in rows:
        if row.timing is not None and row.served_model is not None:
            times[row.sample] = times.get(row.sample, 0.0) + row.timing.total_ms
    return round(sum(times.values()) / len(times), 3) if times else None
