"""Build a report while its records are weighed: one pass over the ledger, one flow in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from migrate.errors import StoreProblem
from migrate.evidence.weighing import Record
from migrate.presenting.report.details import LongInputs, Texts, golden_document, trial_document
from migrate.presenting.report.latencies import Latencies
from migrate.presenting.report.noise import NoiseFloor
from migrate.presenting.report.overview import Facts, index_document
from migrate.presenting.report.provenance import Provenance
from migrate.presenting.report.rows import Row, row_of
from migrate.vocabulary import CaseId, FlowEvidence, FlowName, Golden, JsonObject, Request, Run

CHUNK: Final = 250
"""Cases a chunk: the more, the smaller a report, and the longer the first case of a chunk takes to open."""

ReadGolden = Callable[[FlowName, CaseId], Golden | None]
"""Returns a golden, None where there is none; raises StoreProblem for a damaged one."""

Requests = Callable[[Record, Golden | None], Mapping[str, Request]]
"""Returns what a candidate was asked, by request key: the calls whose text can be had."""


def stored_requests(record: Record, _golden: Golden | None) -> dict[str, Request]:
    """Return the requests as the ledger has them: of most calls no text, and the key alone."""
    calls = (call for judged in record.samples for call in judged.sample.calls)
    return {call.request.request_key: call.request for call in calls}


class ReportBuilder:
    """Turns the records of a run into chunks as they come, and into an index at the end.

    Records come ordered by flow, as the ledger yields them; `emit` is given each chunk once.
    """

    def __init__(
        self,
        run: Run,
        read_golden: ReadGolden,
        emit: Callable[[JsonObject], None],
        *,
        requests: Requests = stored_requests,
        size: int = CHUNK,
    ) -> None:
        self._requests = requests
        self._numbers = {candidate: number for number, candidate in enumerate(dict.fromkeys(run.candidates))}
        self.run = run
        self.rows: list[Row] = []
        self.noise = NoiseFloor()
        self.provenance = Provenance()
        self.latencies = Latencies()
        self.damaged: list[str] = []
        self._read_golden = read_golden
        self._emit = emit
        self._size = size
        self._chunk: list[JsonObject] = []
        self._texts = Texts()
        self._chunks = 0

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records unchanged, for whoever weighs them; a flow's cases are written when it is over."""
        flow: list[Record] = []
        for record in records:
            if flow and record.comparison.flow != flow[0].comparison.flow:
                self._add_flow(flow)
                flow = []
            flow.append(record)
            yield record
        self._add_flow(flow)
        self._close_chunk()

    def index(self, evidence: Sequence[FlowEvidence], facts: Facts) -> dict[str, Any]:
        """Return the index, once every record was watched."""
        return index_document(self, evidence, facts)

    def _add_flow(self, records: Sequence[Record]) -> None:
        cases: dict[CaseId, list[Record]] = {}
        for record in records:
            cases.setdefault(record.comparison.case, []).append(record)
        for shared in cases.values():
            self._add_case(shared)

    def _add_case(self, records: Sequence[Record]) -> None:
        comparison = records[0].comparison
        golden = self._golden(comparison.flow, comparison.case)
        if golden is not None:
            self.noise.add(golden)
        place = (self._chunks, len(self._chunk))
        for record in records:
            self.rows.append(row_of(record, place))
            self.noise.explain(record.comparison)
            self.provenance.add(record)
            self.latencies.add(record)
        self._chunk.append(self._case(records, golden))
        if len(self._chunk) >= self._size:
            self._close_chunk()

    def _case(self, records: Sequence[Record], golden: Golden | None) -> JsonObject:
        comparison = records[0].comparison
        asked = [self._requests(record, golden) for record in records]
        full = LongInputs(request for requests in asked for request in requests.values())
        trials = [
            trial_document(record, self._number(record.comparison.candidate), requests, self._texts)
            for record, requests in zip(records, asked, strict=True)
        ]
        golden_part = None if golden is None else golden_document(golden, records[0].baseline, full, self._texts)
        return {"flow": comparison.flow, "case": comparison.case, "golden": golden_part, "trials": trials}

    def _number(self, candidate: str) -> int:
        return self._numbers.setdefault(candidate, len(self._numbers))

    @property
    def candidates(self) -> tuple[str, ...]:
        """The run's candidates, and any other that a record names."""
        return tuple(self._numbers)

    def _golden(self, flow: FlowName, case: CaseId) -> Golden | None:
        try:
            return self._read_golden(flow, case)
        except StoreProblem as problem:
            # The report is about the run: a golden that cannot be read now is told of, and the rest is shown.
            self.damaged.append(problem.message)
            return None

    def _close_chunk(self) -> None:
        if self._chunk:
            self._emit({"cases": self._chunk, "texts": self._texts.kept})
            self._chunk, self._texts = [], Texts()
            self._chunks += 1
