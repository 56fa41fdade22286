"""Evidence files: made-up answers for `route`, written by hand to see what it does with them. Never measurements.

An answer is a word: `good`, `differs` (keeps the contract, says something else), `bad` (breaks it unseen), or what an
application sees: `schema`, `length`, `refusal`, `empty`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from migrate.errors import Problem, UsageProblem
from migrate.ports import CaseRecord
from migrate.vocabulary import (
    Answer,
    CaseId,
    CaseVerdict,
    Comparison,
    Criticality,
    Finding,
    FindingKind,
    FlowName,
    JsonPath,
    Judged,
    Measurement,
    Place,
    Rate,
    Rung,
    RungRates,
    Sample,
    Scores,
    Severity,
    Source,
    Timing,
    Traffic,
    Usage,
)

SCHEMA: Final = Path(__file__).parent.parent / "schemas" / "route-evidence.schema.json"
MOST_SAID: Final = 5
BROKEN: Final[Mapping[str, Rung]] = {
    "bad": Rung.CHECKS,
    "schema": Rung.SCHEMA,
    "length": Rung.ANSWERED,
    "refusal": Rung.ANSWERED,
    "empty": Rung.ANSWERED,
}
"""What breaks on which rung."""
SPREAD: Final = 7919
"""A prime: figures given as a range are spread evenly over the cases, and not in their order."""


@dataclass(frozen=True, slots=True)
class EvidenceFlow:
    """One flow of an evidence file."""

    name: FlowName
    critical: Criticality
    margin: float | None
    traffic: Traffic
    baseline: str
    cases: int
    records: Mapping[str, Sequence[CaseRecord]]
    """By candidate."""
    baseline_samples: Mapping[CaseId, tuple[Judged, ...]]
    judgements: Mapping[str, Mapping[tuple[CaseId, int], float]]
    judge_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """What the file says."""

    name: str
    as_of: str
    """The day its prices and calendar are those of."""
    note: str
    flows: tuple[EvidenceFlow, ...]


def read_evidence(path: Path) -> EvidenceFile:
    """Read an evidence file. Raises UsageProblem with everything that is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise UsageProblem(f"the evidence file {path} cannot be read: {problem}") from None
    complaints = list(_complaints(document, path.name))
    if complaints:
        words = [f"  {complaint}" for complaint in complaints[:MOST_SAID]]
        more = len(complaints) - MOST_SAID
        rest = [f"  and {more} more"] if more > 0 else []
        raise UsageProblem("\n".join([f"the evidence file {path} cannot be used:", *words, *rest]))
    flows = tuple(_Flow(written).read() for written in document["flows"])
    return EvidenceFile(path.name, document["as_of"], document["note"], flows)


def _complaints(document: Any, file: str) -> Iterator[Problem]:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    errors = list(validator.iter_errors(document))
    for error in errors:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        yield Problem(error.message, Place(file, path=JsonPath(f"${steps}")))
    for place, flow in enumerate(() if errors else document["flows"]):
        if flow["flow"] in [other["flow"] for other in document["flows"][:place]]:
            at = Place(file, path=JsonPath(f"$.flows[{place}].flow"))
            yield Problem(f'"{flow["flow"]}" is there twice: it would be counted as two flows', at)
        names = set(flow["models"])
        wanted = [flow["baseline"]] if flow["baseline"] not in names else []
        wanted += sorted({name for case in flow["cases"] for name in case["answers"]} ^ names)
        for name in wanted:
            at = Place(file, path=JsonPath(f"$.flows[{place}]"))
            yield Problem(f'"{name}" has to be in models and in the answers of some case', at)
        for number, case in enumerate(flow["cases"]):
            if set(case["answers"]) != names:
                at = Place(file, path=JsonPath(f"$.flows[{place}].cases[{number}].answers"))
                yield Problem("every model of the flow answers every case", at)


@dataclass
class _Flow:
    """Turns one written flow into the records a ledger would hold."""

    written: Mapping[str, Any]
    number: int = 0
    records: dict[str, list[CaseRecord]] = field(default_factory=dict)
    samples: dict[CaseId, tuple[Judged, ...]] = field(default_factory=dict)
    judgements: dict[str, dict[tuple[CaseId, int], float]] = field(default_factory=dict)

    def read(self) -> EvidenceFlow:
        written = self.written
        total = sum(case["times"] for case in written["cases"])
        for case in written["cases"]:
            for _ in range(case["times"]):
                self._case(CaseId(f"case-{self.number:05}"), case["answers"], total)
                self.number += 1
        judge = written.get("judge_usd")
        return EvidenceFlow(
            name=FlowName(written["flow"]),
            critical=written.get("critical", "medium"),
            margin=written.get("margin"),
            traffic=Traffic(**written.get("traffic", {})),
            baseline=written["baseline"],
            cases=total,
            records=self.records,
            baseline_samples=self.samples,
            judgements=self.judgements,
            judge_usd=None if judge is None else Decimal(judge),
        )

    def _case(self, case: CaseId, answers: Mapping[str, Sequence[Any]], total: int) -> None:
        baseline = self.written["baseline"]
        before = [_plain(answer) for answer in answers[baseline]]
        self.samples[case] = tuple(_judged(number, one["is"]) for number, one in enumerate(before, 1))
        measured = self._measured(case, baseline, len(before), total)
        for model, said in answers.items():
            if model == baseline:
                continue
            after = [_plain(answer) for answer in said]
            samples = tuple(_judged(number, one["is"]) for number, one in enumerate(after, 1))
            comparison = _comparison((FlowName(self.written["flow"]), case), (baseline, model), before, after)
            record = CaseRecord(comparison, samples, measured, self._measured(case, model, len(after), total))
            self.records.setdefault(model, []).append(record)
            scores = {(case, number): one["judge"] for number, one in enumerate(after, 1) if "judge" in one}
            self.judgements.setdefault(model, {}).update(scores)

    def _measured(self, case: CaseId, model: str, samples: int, total: int) -> tuple[Measurement, ...]:
        """Return what the file says of a model's calls: the same for all samples of a case."""
        about = self.written["models"][model]
        share = (self.number * SPREAD % total) / max(total - 1, 1)
        usage = Usage(round(_at(about["input_tokens"], share)), 0, None, round(_at(about["output_tokens"], share)))
        timing = Timing(_at(about["ms"], share))
        facts = (model, model, usage, None, timing, "", Source.RECORDING, False)
        flow = FlowName(self.written["flow"])
        return tuple(Measurement(flow, case, number, 0, *facts) for number in range(1, samples + 1))


def _at(written: Any, share: float) -> float:
    low, high = written if isinstance(written, list) else (written, written)
    return float(low + (high - low) * share)


def _plain(answer: Any) -> dict[str, Any]:
    return {"is": answer} if isinstance(answer, str) else answer


def _judged(number: int, word: str) -> Judged:
    broken = BROKEN.get(word)
    rungs = {rung: rung is not broken for rung in (Rung.ANSWERED, Rung.SCHEMA, Rung.CHECKS)}
    answer = Answer(
        text=None if word in ("empty", "refusal") else "made up",
        refusal="made up" if word == "refusal" else None,
        finish="length" if word == "length" else "stop",
    )
    return Judged(Sample(number, (), answer), rungs)


def _comparison(
    named: tuple[FlowName, CaseId], models: tuple[str, str], before: Sequence[Any], after: Sequence[Any]
) -> Comparison:
    contract = RungRates(_rate(before, _keeps), _rate(after, _keeps))
    agreement = RungRates(_rate(before, _agrees), _rate(after, _agrees)) if len(before) > 1 else None
    drifted = [number for number, one in enumerate(after, 1) if one["is"] == "differs"]
    better, worse = contract.candidate.passed / len(after), contract.baseline.passed / len(before)
    return Comparison(
        *named,
        *models,
        verdict=CaseVerdict.BREAKING if better < worse else CaseVerdict.DRIFT if drifted else CaseVerdict.SAME,
        findings=tuple(_drift(number) for number in drifted),
        noise_measured=len(before) > 1,
        scores=Scores(contract, agreement, len(after)),
    )


def _drift(number: int) -> Finding:
    what = (Rung.AGREEMENT, FindingKind.VALUE_CHANGED, Severity.DRIFT, JsonPath("$"), "made up")
    return Finding(*what, sample=number)


def _rate(answers: Sequence[Any], holds: Any) -> Rate:
    return Rate(sum(holds(one["is"]) for one in answers), len(answers))


def _keeps(word: str) -> bool:
    return word not in BROKEN


def _agrees(word: str) -> bool:
    return word == "good"
