"""Case records turned into trials: what each recorded answer was worth, what it would cost, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias

from migrate.evidence.latency import Clockings
from migrate.evidence.money import EXACT, as_asked
from migrate.evidence.weighing import Record
from migrate.routing.nouns import CaseCost, Row, Signal, Trial
from migrate.vocabulary import (
    CaseId,
    Comparison,
    Finding,
    FindingKind,
    Judged,
    Measurement,
    Rung,
    RungRates,
    Severity,
)

Price: TypeAlias = Callable[[Measurement], "Decimal | str"]
"""What a call would cost in production, or why nobody can say."""
Judgements: TypeAlias = Mapping[tuple[CaseId, int], float]
"""A judge's scores by case and sample."""

BROKEN_TOOLS: Final = (FindingKind.UNKNOWN_TOOL, FindingKind.NULL_ARGUMENT)
"""What the application sees of a tool call by its schema alone; whether it is the right one it does not."""


@dataclass(frozen=True, slots=True)
class TrialOf:
    """What names a trial."""

    candidate: str
    run: str = ""
    simulated: bool = False


class TrialReader:
    """Takes the records of one flow and candidate as they come; findings and answers are let go of."""

    def __init__(self, about: TrialOf, price: Price, judgements: Judgements | None = None) -> None:
        self._about = about
        self._price = price
        self._judgements = judgements or {}
        self._rows: dict[CaseId, tuple[Row, ...]] = {}
        self._costs: dict[CaseId, CaseCost] = {}
        self._clocks = (Clockings(), Clockings())
        self._models: dict[str, None] = {}
        self._unpriced = ""
        self._simulated = about.simulated
        self._comparisons: list[Comparison] = []

    def add(self, record: Record) -> None:
        """Take one case."""
        comparison = record.comparison
        self._comparisons.append(replace(comparison, findings=()))
        self._models |= dict.fromkeys(one.asked_model for one in record.candidate)
        scores = comparison.scores
        if scores is None:
            # What is not compared says nothing of cost and latency either: it is of another prompt, or of none.
            return
        for measurements, clock in zip((record.baseline, record.candidate), self._clocks, strict=True):
            clock.add(measurements)
            self._simulated = self._simulated or any(one.simulated for one in measurements)
        asked = as_asked(record.candidate, record.samples)
        before, after = (self._usd(side) for side in (record.baseline, asked))
        costs = mean_usd(before), mean_usd(after)
        kept, answered = scores.contract, scores.contract.candidate.total
        if costs[0] is not None and costs[1] is not None and kept.baseline.total and answered:
            shares = kept.baseline.passed / kept.baseline.total, kept.candidate.passed / answered
            self._costs[comparison.case] = CaseCost(costs[0], shares[0], costs[1], shares[1])
        if answered >= scores.planned:
            found = _Answers(record.samples, comparison.findings, scores.agreement)
            timed = _durations(record.candidate)
            self._rows[comparison.case] = tuple(
                row_of(judged, found.agreement(judged), after.get(judged.sample.index), timed.get(judged.sample.index))
                for judged in record.samples
            )

    def _usd(self, measurements: Sequence[Measurement]) -> dict[int, Decimal | None]:
        def price(one: Measurement) -> Decimal | str:
            usd = self._price(one)
            if isinstance(usd, str):
                self._unpriced = self._unpriced or usd
            return usd

        return usd_by_sample(measurements, price)

    def trial(self) -> Trial:
        """Return what was taken, the cases in the order of their names."""
        judged = {case: self._with_judge(case, rows) for case, rows in self._rows.items()}
        return Trial(
            candidate=self._about.candidate,
            models=tuple(sorted(self._models)),
            comparisons=tuple(sorted(self._comparisons, key=lambda one: one.case)),
            rows=dict(sorted(judged.items())),
            costs=dict(sorted(self._costs.items())),
            unpriced=self._unpriced,
            clocks=self._clocks,
            run=self._about.run,
            simulated=self._simulated,
        )

    def _with_judge(self, case: CaseId, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(replace(row, judge=self._judgements.get((case, number))) for number, row in enumerate(rows, 1))


def baseline_rows(
    samples: Sequence[Judged],
    kept: RungRates,
    agreement: RungRates | None,
    measurements: Sequence[Measurement],
    price: Price,
) -> tuple[Row, ...] | None:
    """Return the baseline's own answers to one case; None where they were judged otherwise than the comparison says.

    A golden keeps the judgement of the day it was recorded. Where that day's contract gives another share than the
    comparison was made with, nobody can say which of the samples are good today.
    """
    good = sum(judged.kept for judged in samples)
    if (good, len(samples)) != (kept.baseline.passed, kept.baseline.total):
        return None
    share = None if agreement is None else agreement.baseline.share
    usd, timed = usd_by_sample(measurements, price), _durations(measurements)
    return tuple(
        row_of(judged, share, usd.get(judged.sample.index), timed.get(judged.sample.index)) for judged in samples
    )


def row_of(judged: Judged, agreement: float | None, usd: Decimal | None, ms: float | None) -> Row:
    """Return one answer as routing sees it."""
    return Row(judged.kept, agreement, frozenset(signals_of(judged)), usd, ms)


def signals_of(judged: Judged) -> Iterator[Signal]:
    """Yield what the application can see of an answer that went wrong, without the golden and without the checks."""
    rungs, answer = judged.rungs, judged.sample.answer
    broken = any(finding.kind in BROKEN_TOOLS for finding in judged.findings)
    if answer is None or (not answer.text and not answer.tool_calls and answer.refusal is None):
        yield Signal.EMPTY
    elif rungs.get(Rung.PARSED) is False or rungs.get(Rung.SCHEMA) is False or broken:
        yield Signal.SCHEMA
    if answer is not None and answer.finish == "length":
        yield Signal.LENGTH
    if answer is not None and (answer.refusal is not None or answer.finish == "content_filter"):
        yield Signal.REFUSAL


def usd_by_sample(measurements: Sequence[Measurement], price: Price) -> dict[int, Decimal | None]:
    """Return the cost of each sample, None where a call has none.

    A try that failed and may have been paid for is taken to cost what the answer that followed did: nobody told.
    """
    found: dict[int, Decimal | None] = {}
    for one in measurements:
        usd, sofar = price(one), found.get(one.sample, Decimal())
        if isinstance(usd, str) or sofar is None:
            found[one.sample] = None
        else:
            found[one.sample] = EXACT.add(sofar, EXACT.multiply(usd, Decimal(1 + one.lost)))
    return found


def mean_usd(samples: Mapping[int, Decimal | None]) -> Decimal | None:
    """Return the mean cost of a case's samples; None when one is unknown, or there is none."""
    known = [usd for usd in samples.values() if usd is not None]
    if not known or len(known) < len(samples):
        return None
    total = Decimal()
    for usd in known:
        total = EXACT.add(total, usd)
    return EXACT.divide(total, Decimal(len(known)))


class _Answers:
    """How far each of a candidate's samples of one case agrees with the golden.

    The ledger counts agreement over all samples of a case, each against every group of goldens that lacks one. A
    sample with a difference that nothing explains agrees with none of them; the others share the count evenly.
    """

    def __init__(self, samples: Sequence[Judged], findings: Iterable[Finding], agreement: RungRates | None) -> None:
        self._measured = agreement is not None
        drifted = {finding.sample for finding in findings if _differs(finding)}
        self._agreeing = {
            judged.sample.index for judged in samples if _readable(judged) and judged.sample.index not in drifted
        }
        whole = 0.0 if agreement is None or agreement.candidate.share is None else agreement.candidate.share
        self._each = min(whole * len(samples) / len(self._agreeing), 1.0) if self._agreeing else 0.0

    def agreement(self, judged: Judged) -> float | None:
        if not self._measured:
            return None
        return self._each if judged.sample.index in self._agreeing else 0.0


def _differs(finding: Finding) -> bool:
    return finding.rung is Rung.AGREEMENT and finding.severity is Severity.DRIFT and finding.explained is None


def _readable(judged: Judged) -> bool:
    """Say whether there is anything to compare: an answer that parses, if need be after repair."""
    if judged.sample.answer is None or judged.rungs.get(Rung.ANSWERED) is False:
        return False
    return judged.rungs.get(Rung.PARSED) is not False or judged.if_repaired is not None


def _durations(measurements: Sequence[Measurement]) -> dict[int, float]:
    """Return the milliseconds of each sample that is timed in all its calls."""
    found: dict[int, float] = {}
    untimed = {one.sample for one in measurements if one.timing is None or one.served_model is None}
    for one in measurements:
        if one.timing is not None and one.sample not in untimed:
            found[one.sample] = found.get(one.sample, 0.0) + one.timing.total_ms
    return found
