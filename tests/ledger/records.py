"""Ordinary runs and case records, to put into ledgers."""

from __future__ import annotations

from migrate.ports import CaseRecord
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    Answer,
    Call,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    FlowName,
    JsonPath,
    Judged,
    Measurement,
    Rate,
    Reply,
    Request,
    Run,
    Rung,
    RungRates,
    Sample,
    Severity,
    Source,
    Timing,
    Usage,
)

AT = "2026-01-15T09:30:00.000Z"


def run_named(run_id: str, **facts: object) -> Run:
    """Return a replay that started when its id says."""
    return Run(**({"id": run_id, "kind": "replay", "started_at": f"2026-01-15T09:30:00.{run_id[-3:]:>03}Z"} | facts))  # type: ignore[arg-type]


def record_named(
    case: str,
    flow: str = "refund",
    candidate: str = "gpt-4.1",
    *,
    ms: float = 840.0,
    usd: str | None = "0.0012",
    samples: int = 1,
    verdict: CaseVerdict = CaseVerdict.DRIFT,
) -> CaseRecord:
    """Return what a replay of an ordinary case leaves: an answer a sample, a finding, measurements of both sides."""
    judged = tuple(_answered(case, candidate, k, ms) for k in range(1, samples + 1))
    both = RungRates(baseline=Rate(samples, samples), candidate=Rate(samples, samples))
    return CaseRecord(
        comparison=Comparison(
            flow=FlowName(flow),
            case=CaseId(case),
            baseline="gpt-4o",
            candidate=candidate,
            verdict=verdict,
            findings=(_changed(),),
            rungs=dict.fromkeys(Rung, both),
            noise_measured=True,
        ),
        samples=judged,
        baseline=tuple(_measured(flow, case, "gpt-4o", k, 1000.0, "0.003") for k in range(1, samples + 1)),
        candidate=tuple(_measured(flow, case, candidate, k, ms, usd) for k in range(1, samples + 1)),
    )


def _answered(case: str, candidate: str, k: int, ms: float) -> Judged:
    text = '{"category": "late_parcel", "refund": true, "amount": 12.5, "reason": "The parcel came nine days late."}'
    messages = [
        {"role": "system", "content": "You decide on refunds of a web shop. Answer in JSON. " * 8},
        {"role": "user", "content": f"Case {case}: my parcel came nine days late, I want my money back. " * 3},
    ]
    body = {"model": candidate, "messages": messages, "temperature": 0, "response_format": {"type": "json_object"}}
    answer = Answer(text)
    call = Call(
        request=Request("chat", body, request_key=f"k1:{case}{candidate}", prompt_key=f"k1:{case}"),
        outcome=Reply(answer, candidate, Usage(240, 0, None, 32, 0), "default", "fp_1", f"req_{case}_{k}"),
        timing=Timing(ms, 210.0),
        at=AT,
    )
    value = {"category": "late_parcel", "refund": True, "amount": 12.5, "reason": "The parcel came nine days late."}
    return Judged(Sample(k, (call,), answer), dict.fromkeys(CONTRACT_RUNGS, True), value=value, parsed=True)


def _changed() -> Finding:
    return Finding(
        Rung.AGREEMENT,
        FindingKind.VALUE_CHANGED,
        Severity.DRIFT,
        JsonPath("$.amount"),
        "12.5 where the golden has 10",
        expected=10,
        actual=12.5,
        rule="golden",
        sample=1,
    )


def _measured(flow: str, case: str, model: str, k: int, ms: float, usd: str | None) -> Measurement:
    return Measurement(
        flow=FlowName(flow),
        case=CaseId(case),
        sample=k,
        ordinal=0,
        asked_model=model,
        served_model=f"{model}-2024-08-06",
        usage=Usage(240, 0, None, 32, 0),
        service_tier="default",
        timing=Timing(ms, 210.0),
        at=AT,
        source=Source.LIVE,
        simulated=True,
        request_id=f"req_{case}_{k}",
        cost_usd=usd,
    )
