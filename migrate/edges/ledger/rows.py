"""Case records as rows of the tables, and rows as case records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final, Literal

from sqlalchemy import RowMapping

from migrate.edges.ledger import plain
from migrate.edges.ledger.columns import encode_json
from migrate.ports import CaseRecord
from migrate.pricing import usd_text
from migrate.vocabulary import (
    Call,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FlowName,
    JsonObject,
    JsonPath,
    Judged,
    Measurement,
    NoReply,
    Run,
    Timing,
    Usage,
)

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Flow, candidate, case."""
Side = Literal["baseline", "candidate"]

_EXACT: Final = Context(prec=60)
"""Of our own: the application under test may have set a coarse one."""
_LARGEST: Final = 2**63 - 1
_TIMES: Final = ("total_ms", "first_token_ms", "waited_ms", "started_ms")
"""Columns of a timing, in the order of its fields."""
_VERDICTS: Final = {verdict.value: verdict for verdict in CaseVerdict}


def key_of(record: CaseRecord) -> Key:
    comparison = record.comparison
    return comparison.flow, comparison.candidate, comparison.case


@dataclass(slots=True)
class Batch:
    """The rows of a few hundred case records, table by table."""

    run_id: str
    comparisons: list[Row] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    samples: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    """Digest -> JSON text of a body."""
    _seen: dict[int, tuple[str, JsonObject]] = field(default_factory=dict)
    """Identity of a body object -> its digest, and the object itself, so that its identity is not given away."""

    def take(self, record: CaseRecord) -> None:
        flow, candidate, case = key_of(record)
        key: Row = {"run_id": self.run_id, "flow": flow, "candidate": candidate, "case_id": case}
        self.comparisons.append(key | _comparison_row(record.comparison))
        self.findings += [key | _finding_row(*placed) for placed in enumerate(record.comparison.findings)]
        self.samples += [key | self._sample_row(*placed) for placed in enumerate(record.samples)]
        self.calls += [key | row for row in _call_rows("baseline", record.baseline, ())]
        self.calls += [key | row for row in _call_rows("candidate", record.candidate, record.samples)]

    def _sample_row(self, position: int, judged: Judged) -> Row:
        sample = judged.sample
        fault = sample.no_reply
        return {
            "position": position,
            "sample": sample.index,
            "kept": judged.kept,
            "no_reply": None if fault is None else fault.kind.value,
            "answer": None if sample.answer is None else plain.answer_out(sample.answer),
            "value": judged.value,
            "parsed": judged.parsed,
            "rungs": plain.rungs_out(judged.rungs),
            "if_repaired": None if judged.if_repaired is None else plain.rungs_out(judged.if_repaired),
            "findings": [plain.finding_out(finding) for finding in judged.findings],
            "unjudged": list(judged.unjudged),
            "trace": plain.sample_out(sample, self._keep),
        }

    def _keep(self, body: JsonObject) -> str:
        # The samples of a case usually share one body object.
        if id(body) in self._seen:
            return self._seen[id(body)][0]
        text = encode_json(body)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self._seen[id(body)] = digest, body
        self.bodies[digest] = text
        return digest


def _comparison_row(comparison: Comparison) -> Row:
    return {
        "baseline": comparison.baseline,
        "verdict": comparison.verdict.value,
        "rungs": plain.rates_out(comparison.rungs, comparison.scores),
        "noise_measured": comparison.noise_measured,
        "unjudged": list(comparison.unjudged),
        "note": comparison.note,
        "critical": comparison.critical,
        "changed": list(comparison.changed),
    }


def _finding_row(position: int, finding: Finding) -> Row:
    return {
        "position": position,
        "rung": finding.rung.value,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "path": finding.path,
        "message": finding.message,
        "expected": finding.expected,
        "actual": finding.actual,
        "rule": finding.rule,
        "explained": finding.explained,
        "sample": finding.sample,
    }


def _call_rows(side: Side, measurements: Iterable[Measurement], samples: Iterable[Judged]) -> Iterator[Row]:
    traced = {(judged.sample.index, call.ordinal): call for judged in samples for call in judged.sample.calls}
    for position, one in enumerate(measurements):
        call = traced.get((one.sample, one.ordinal))
        yield {"side": side, "position": position} | _measured_part(one) | _timed_part(one.timing) | _traced_part(call)


def _measured_part(one: Measurement) -> Row:
    usage = one.usage
    return {
        "sample": one.sample,
        "ordinal": one.ordinal,
        "asked_model": one.asked_model,
        "served_model": one.served_model,
        "input_tokens": _countable(usage.input_tokens),
        "cached_tokens": _countable(usage.cached_tokens),
        "cache_write_tokens": _countable(usage.cache_write_tokens),
        "output_tokens": _countable(usage.output_tokens),
        "reasoning_tokens": _countable(usage.reasoning_tokens),
        "service_tier": one.service_tier,
        "at": one.at,
        "source": one.source.value,
        "simulated": one.simulated,
        "request_id": one.request_id,
        "cost_pico": pico_of(one.cost_usd),
        "cost_usd": one.cost_usd,
        "lost": one.lost,
        "step": one.step,
    }


def _countable(tokens: int | None) -> int | None:
    """Return a count, or unknown for one that no column holds: a server's nonsense must not lose a run."""
    return tokens if tokens is not None and abs(tokens) <= _LARGEST else None


def _timed_part(timing: Timing | None) -> Row:
    return {name: None if timing is None else getattr(timing, name) for name in _TIMES}


def _traced_part(call: Call | None) -> Row:
    if call is None:
        return {"attempts": None, "no_reply": None, "request_key": None}
    fault = call.outcome.kind.value if isinstance(call.outcome, NoReply) else None
    return {"attempts": call.attempts, "no_reply": fault, "request_key": call.request.request_key}


def pico_of(usd: str | None) -> int | None:
    """Return dollars as whole 1e-12 dollars, rounded half even; None when unknown or past what a column holds."""
    if usd is None:
        return None
    pico = int(Decimal(usd).scaleb(12, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    return pico if abs(pico) <= _LARGEST else None


def usd_of(pico: int) -> str:
    """Return whole 1e-12 dollars as an exact decimal of dollars."""
    return usd_text(Decimal(pico).scaleb(-12, _EXACT))


# --- Runs ----------------------------------------------------------------------------------------------


def run_row(run: Run) -> Row:
    row = {column.name: getattr(run, column.name) for column in fields(run)}
    return row | {"candidates": list(run.candidates), "accounts": dict(run.accounts)}


def run_of(row: RowMapping) -> Run:
    """Return the run of a row that has the columns of `runs`, and maybe others."""
    named = {column.name: row[column.name] for column in fields(Run)}
    return Run(**(named | {"candidates": tuple(row["candidates"])}))


# --- Rows to records ---------------------------------------------------------------------------------


def record_of(
    comparison: RowMapping,
    findings: Iterable[RowMapping],
    samples: Iterable[RowMapping],
    calls: Iterable[RowMapping],
    bodies: Mapping[str, JsonObject],
) -> CaseRecord:
    """Return the record a comparison's rows were made of; the rows are in the order of their positions."""
    flow, case = FlowName(comparison["flow"]), CaseId(comparison["case_id"])
    measured: dict[str, list[Measurement]] = {"baseline": [], "candidate": []}
    for call in calls:
        measured[call["side"]].append(measurement_of(flow, case, call))
    return CaseRecord(
        comparison=_comparison(flow, case, comparison, tuple(_finding(row) for row in findings)),
        samples=tuple(_judged(row, bodies) for row in samples),
        baseline=tuple(measured["baseline"]),
        candidate=tuple(measured["candidate"]),
    )


def _comparison(flow: FlowName, case: CaseId, row: RowMapping, findings: tuple[Finding, ...]) -> Comparison:
    rungs, scores = plain.rates_in(row["rungs"])
    return Comparison(
        flow=flow,
        case=case,
        baseline=row["baseline"],
        candidate=row["candidate"],
        verdict=_VERDICTS[row["verdict"]],
        findings=findings,
        rungs=rungs,
        noise_measured=row["noise_measured"],
        unjudged=tuple(row["unjudged"]),
        note=row["note"],
        scores=scores,
        critical=row["critical"],
        changed=tuple(row["changed"] or ()),
    )


def _finding(row: RowMapping) -> Finding:
    return Finding(
        rung=plain.RUNGS[row["rung"]],
        kind=plain.KINDS[row["kind"]],
        severity=plain.SEVERITIES[row["severity"]],
        path=JsonPath(row["path"]),
        message=row["message"],
        expected=row["expected"],
        actual=row["actual"],
        rule=row["rule"],
        explained=row["explained"],
        sample=row["sample"],
    )


def _judged(row: RowMapping, bodies: Mapping[str, JsonObject]) -> Judged:
    answer = None if row["answer"] is None else plain.answer_in(row["answer"])
    return Judged(
        sample=plain.sample_in(row["sample"], row["trace"], answer, bodies),
        rungs=plain.rungs_in(row["rungs"]),
        findings=tuple(plain.finding_in(finding) for finding in row["findings"]),
        value=row["value"],
        parsed=row["parsed"],
        if_repaired=None if row["if_repaired"] is None else plain.rungs_in(row["if_repaired"]),
        unjudged=tuple(row["unjudged"]),
    )


def measurement_of(flow: FlowName, case: CaseId, row: RowMapping) -> Measurement:
    """Return the measurement a row of `calls` was made of."""
    total, *times = (row[name] for name in _TIMES)
    return Measurement(
        flow=flow,
        case=case,
        sample=row["sample"],
        ordinal=row["ordinal"],
        asked_model=row["asked_model"],
        served_model=row["served_model"],
        usage=Usage(
            row["input_tokens"],
            row["cached_tokens"],
            row["cache_write_tokens"],
            row["output_tokens"],
            row["reasoning_tokens"],
        ),
        service_tier=row["service_tier"],
        timing=None if total is None else Timing(total, *times),
        at=row["at"],
        source=plain.SOURCES[row["source"]],
        simulated=row["simulated"],
        request_id=row["request_id"],
        cost_usd=row["cost_usd"],
        lost=row["lost"],
        step=row["step"],
    )
