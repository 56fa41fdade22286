"""Fold journals into the stores: recordings, measurements of goldens, and the ledger, in one place and one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from migrate.errors import StoreProblem
from migrate.evidence.money import as_asked
from migrate.ports import CaseRecord, Goldens, Ledger, Recordings
from migrate.vocabulary import (
    LOOKUP,
    Call,
    CaseId,
    CaseVerdict,
    FlowName,
    Judged,
    Measurement,
    NoReply,
    NoReplyKind,
    PriceUsed,
    Reply,
    Run,
    Sample,
    Source,
    Usage,
)
from migrate.workflow.lookups import Lookups, no_lookups, with_lookups

Event = Run | tuple[int, Call] | CaseRecord
Price = Callable[[Measurement], str | None]
BATCH: Final = 500


@dataclass(slots=True)
class Folded:
    """What the journals of a run held."""

    run: Run | None = None
    cases: int = 0
    calls: int = 0
    verdicts: Counter[CaseVerdict] = field(default_factory=Counter)
    no_replies: Counter[str] = field(default_factory=Counter)
    not_run: Counter[str] = field(default_factory=Counter)
    """Cases that were never asked, by reason: the run was stopped before."""
    flows: set[FlowName] = field(default_factory=set)
    unwritten: set[tuple[FlowName, CaseId]] = field(default_factory=set)
    """Recorded cases whose golden could not be written: their answers wait for the resumed run."""


class Fold:
    """Completes case records with measurements and prices and hands them on in batches."""

    def __init__(
        self,
        goldens: Goldens,
        recordings: Recordings,
        ledger: Ledger,
        price: Price,
        lookups: Lookups = no_lookups,
    ) -> None:
        self._goldens = goldens
        self._recordings = recordings
        self._ledger = ledger
        self._price = price
        self._lookups = lookups
        self._baseline: dict[FlowName, dict[CaseId, tuple[Measurement, ...]]] = {}

    def fold(self, run: Run, events: Iterable[Event], folded: Folded) -> Iterator[CaseRecord]:
        """Write everything in `events` under `run` and yield the complete records, a batch after it is written.

        Must be run to its end. Repeating it replaces the same rows; of a case that was judged twice, because a
        worker died after judging it, the first record counts.
        """
        self._ledger.start(run)
        recorded: dict[FlowName, list[Measurement]] = {}
        for records in _batches(self._cases(run, events, folded), BATCH):
            complete = [self._complete(run, record) for record in records]
            if run.kind == "record":
                for record in complete:
                    if (record.comparison.flow, record.comparison.case) in folded.unwritten:
                        continue
                    recorded.setdefault(record.comparison.flow, []).extend(_kept(record))
            self._ledger.add(run.id, complete)
            yield from complete
        for flow, measurements in recorded.items():
            if measurements:
                self._goldens.write_measurements(flow, measurements)

    def keep_own(self, run: Run, events: Iterable[Event]) -> None:
        """Keep the answers under the run's own name, so that it can be resumed and nobody else has them."""
        answers = (event for event in events if isinstance(event, tuple))
        while some := list(islice(answers, BATCH)):
            self._recordings.put((sample, named_after(run.id, call)) for sample, call in some)

    def finish(self, run: Run, prices: Sequence[PriceUsed]) -> None:
        """Write the run's end."""
        self._ledger.add_prices(run.id, prices)
        self._ledger.finish(run)

    def _cases(self, run: Run, events: Iterable[Event], folded: Folded) -> Iterator[CaseRecord]:
        calls: list[tuple[int, Call]] = []
        seen: set[tuple[FlowName, str, CaseId]] = set()
        for event in events:
            match event:
                case Run():
                    folded.run = event
                case CaseRecord():
                    key = (event.comparison.flow, event.comparison.candidate, event.comparison.case)
                    if key not in seen:
                        seen.add(key)
                        self._count(event, folded)
                        if run.kind == "record" and not self._is_written(event):
                            folded.unwritten.add((event.comparison.flow, event.comparison.case))
                        yield event
                case (sample, call):
                    folded.calls += 1
                    # Answers recorded as goldens are never replayed: a candidate equal to the baseline must be
                    # asked anew, or it would be compared with itself.
                    if run.kind == "replay":
                        calls.append((sample, call))
                    if len(calls) >= BATCH:
                        self._recordings.put(calls)
                        calls = []
        self._recordings.put(calls)

    def _count(self, record: CaseRecord, folded: Folded) -> None:
        folded.cases += 1
        folded.flows.add(record.comparison.flow)
        folded.verdicts[record.comparison.verdict] += 1
        if record.comparison.verdict is CaseVerdict.NO_REPLY:
            calls = [call for judged in record.samples for call in judged.sample.calls]
            faults = [call for call in calls if isinstance(call.outcome, NoReply)]
            kinds = [fault.outcome.kind for fault in faults if isinstance(fault.outcome, NoReply)]
            untried = any(not fault.attempts for fault in faults)
            # One call that was told there is no such model speaks for the others of its case.
            told = untried and any(fault.attempts for fault in faults) and set(kinds) == {NoReplyKind.MODEL_NOT_FOUND}
            (folded.not_run if untried and not told else folded.no_replies)[kinds[0].value if kinds else "missing"] += 1

    def _is_written(self, record: CaseRecord) -> bool:
        """Say whether the golden of a recorded case holds its answers; True of one that has not got them all."""
        if record.comparison.verdict is CaseVerdict.NO_REPLY:
            return True
        try:
            golden = self._goldens.read(record.comparison.flow, record.comparison.case)
        except StoreProblem:
            return False
        return golden is not None and _said(golden.samples) == _said(record.samples)

    def _complete(self, run: Run, record: CaseRecord) -> CaseRecord:
        comparison = record.comparison
        flow, case = comparison.flow, comparison.case
        samples = (judged.sample for judged in record.samples)
        rows = [row for sample in samples for row in measurements_of(flow, case, sample)]
        asked = self._lookups(flow, case, None if run.kind == "record" else comparison.candidate)
        candidate = tuple(self._priced(row) for row in with_lookups(rows, asked))
        baseline = () if run.kind == "record" else self._baseline_of(flow, case)
        if baseline and (today := self._lookups(flow, case, None)):
            baseline = tuple(row if row.cost_usd else self._priced(row) for row in with_lookups(baseline, today))
        return replace(record, baseline=baseline, candidate=candidate)

    def _baseline_of(self, flow: FlowName, case: CaseId) -> tuple[Measurement, ...]:
        if flow not in self._baseline:
            by_case: dict[CaseId, list[Measurement]] = {}
            for measurement in self._goldens.measurements(flow):
                by_case.setdefault(measurement.case, []).append(self._priced(measurement))
            self._baseline[flow] = {case: tuple(rows) for case, rows in by_case.items()}
        return self._baseline[flow].get(case, ())

    def _priced(self, measurement: Measurement) -> Measurement:
        return replace(measurement, cost_usd=self._price(measurement))


def _said(samples: Sequence[Judged]) -> list[str | None]:
    answers = (judged.sample.answer for judged in samples)
    return [None if answer is None else answer.text for answer in answers]


def own_key(run_id: str, request_key: str) -> str:
    """Return the key of an answer that belongs to one run alone."""
    return f"{request_key}@{run_id}"


def named_after(run_id: str, call: Call) -> Call:
    """Return a call under its run's own key."""
    return replace(call, request=replace(call.request, request_key=own_key(run_id, call.request.request_key)))


class OfRun:
    """Implements `ports.Recordings` over another: only what one run was answered."""

    def __init__(self, recordings: Recordings, run_id: str) -> None:
        self._recordings = recordings
        self._run_id = run_id

    def get(self, request_key: str, sample: int) -> Call | None:
        return self._recordings.get(own_key(self._run_id, request_key), sample)

    def put(self, calls: Iterable[tuple[int, Call]]) -> int:
        return self._recordings.put((sample, named_after(self._run_id, call)) for sample, call in calls)

    def close(self) -> None:
        self._recordings.close()


def measurements_of(flow: FlowName, case: CaseId, sample: Sample) -> Iterator[Measurement]:
    """Yield what each call of a sample used and took; a call without a reply has unknown usage."""
    for call in sample.calls:
        reply = call.outcome if isinstance(call.outcome, Reply) else None
        yield Measurement(
            flow=flow,
            case=case,
            sample=sample.index,
            ordinal=call.ordinal,
            asked_model=call.request.model,
            served_model=reply.served_model if reply else None,
            usage=reply.usage if reply else Usage(),
            service_tier=reply.service_tier if reply else None,
            timing=call.timing,
            at=call.at,
            source=call.source,
            simulated=call.simulated,
            request_id=reply.request_id if reply else None,
            lost=call.lost,
            step=call.step,
        )


def _kept(record: CaseRecord) -> list[Measurement]:
    """Return what goes beside the golden: nothing of a case whose golden was not written, and no costs.

    Nor tries that were cut off when the recording was stopped: they are in the ledger, under the run that made them.
    """
    if any(isinstance(call.outcome, NoReply) for judged in record.samples for call in judged.sample.calls):
        return []
    calls = [row for row in as_asked(record.candidate, record.samples) if row.ordinal != LOOKUP]
    return [replace(row, cost_usd=None, source=Source.GOLDEN) for row in calls]


def _batches(records: Iterable[CaseRecord], size: int) -> Iterator[list[CaseRecord]]:
    batch: list[CaseRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
