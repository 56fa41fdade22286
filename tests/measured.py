"""Builders of what a ledger keeps: calls with their cost and time, judged cases, flows' evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.ports import CaseRecord
from migrate.vocabulary import (
    Answer,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    FlowEvidence,
    FlowName,
    Group,
    Json,
    JsonPath,
    Judged,
    Measurement,
    Money,
    Quantiles,
    Rate,
    Run,
    Rung,
    RungRates,
    Sample,
    Scores,
    Severity,
    Source,
    Timing,
    Usage,
)

AT = "2026-11-02T10:00:00.000Z"


def million(**tokens: int) -> Usage:
    """Usage in whole millions, so that a cost reads like the price list."""
    counts = {"input": 0, "output": 0, **tokens}
    return Usage(**{f"{name}_tokens": count * 1_000_000 for name, count in counts.items()})


def call(
    model: str = "gpt-4.1",
    usage: Usage = Usage(100, 0, None, 10),  # noqa: B008 - frozen
    *,
    sample: int = 1,
    ordinal: int = 0,
    served: str | None = None,
    tier: str | None = None,
    ms: float | None = None,
    started: float | None = None,
    first: float | None = None,
    step: str | None = None,
    usd: str | None = None,
    at: str = AT,
    source: Source = Source.LIVE,
    simulated: bool = False,
) -> Measurement:
    """One measured call; `ms` and `usd` are unknown unless given."""
    return Measurement(
        flow=FlowName("refund"),
        case=CaseId("late-parcel"),
        sample=sample,
        ordinal=ordinal,
        asked_model=model,
        served_model=served,
        usage=usage,
        service_tier=tier,
        timing=None if ms is None else Timing(ms, first, started_ms=started),
        at=at,
        source=source,
        simulated=simulated,
        cost_usd=usd,
        step=step,
    )


def timed(*milliseconds: float, **facts: Any) -> tuple[Measurement, ...]:
    """Samples 1, 2, ... of a case, each one call that took this long."""
    facts = {"served": "gpt-4.1-2025-04-14", **facts}
    return tuple(call(sample=number, ms=ms, **facts) for number, ms in enumerate(milliseconds, 1))


def paid(*amounts: str | None, **facts: Any) -> tuple[Measurement, ...]:
    """Samples 1, 2, ... of a case, each one call that cost this much."""
    return tuple(call(sample=number, usd=usd, **facts) for number, usd in enumerate(amounts, 1))


def finding(
    path: str = "$.confidence",
    kind: FindingKind = FindingKind.TYPE_CHANGED,
    *,
    severity: Severity = Severity.DRIFT,
    rung: Rung = Rung.AGREEMENT,
    expected: Json = 0.9,
    actual: Json = "0.9",
    message: str = "the type changed",
    rule: str = "",
    explained: str | None = None,
) -> Finding:
    return Finding(rung, kind, severity, JsonPath(path), message, expected, actual, rule, explained)


def compared(
    case: str = "late-parcel",
    *findings: Finding,
    flow: str = "refund",
    candidate: str = "gpt-4.1",
    baseline: str = "gpt-4o",
    verdict: CaseVerdict = CaseVerdict.SAME,
    rungs: Mapping[Rung, RungRates | None] | None = None,
    unjudged: tuple[str, ...] = (),
    note: str = "",
    measured: bool = True,
    scores: Scores | None = None,
) -> Comparison:
    what = (verdict, findings, rungs or {}, measured, unjudged, note, scores)
    return Comparison(FlowName(flow), CaseId(case), baseline, candidate, *what)


def record(
    comparison: Comparison | None = None,
    *,
    samples: int = 1,
    baseline: tuple[Measurement, ...] = (),
    candidate: tuple[Measurement, ...] = (),
) -> CaseRecord:
    judged = tuple(Judged(Sample(number, (), Answer("{}")), {}) for number in range(1, samples + 1))
    return CaseRecord(comparison or compared(), judged, baseline, candidate)


def rates(baseline: tuple[int, int], candidate: tuple[int, int]) -> RungRates:
    return RungRates(Rate(*baseline), Rate(*candidate))


def scores(
    before: tuple[int, int] = (5, 5),
    after: tuple[int, int] = (5, 5),
    agreement: tuple[tuple[int, int], tuple[int, int]] | None = ((5, 5), (25, 25)),
    planned: int | None = None,
) -> Scores:
    """What a case says of its flow: samples that keep the contract, and agreement of both sides."""
    return Scores(rates(before, after), None if agreement is None else rates(*agreement), planned or after[1])


def latency(p50: float | None = None, p95: float | None = None, n: int = 0, source: str = "live") -> Quantiles:
    return Quantiles(p50, p95, None, n, source)


def evidence(
    flow: str = "refund",
    candidate: str = "gpt-4.1",
    *,
    baseline: str = "gpt-4o",
    verdicts: Mapping[CaseVerdict, int] | None = None,
    rungs: Mapping[Rung, RungRates | None] | None = None,
    cost: tuple[str | None, str | None] = (None, None),
    unknown: tuple[int, int] = (0, 0),
    ratio: float | None = None,
    before: Quantiles | None = None,
    after: Quantiles | None = None,
    groups: tuple[Group, ...] = (),
    simulated: bool = False,
    unjudged: Mapping[str, int] | None = None,
    **verdict: Any,
) -> FlowEvidence:
    counts = {verdict: (verdicts or {}).get(verdict, 0) for verdict in CaseVerdict}
    cases = sum(counts.values())
    return FlowEvidence(
        flow=FlowName(flow),
        baseline=baseline,
        candidate=candidate,
        cases=cases,
        samples=cases,
        verdicts=counts,
        rungs={rung: (rungs or {}).get(rung) for rung in Rung},
        cost_baseline=Money(cost[0], unknown[0]),
        cost_candidate=Money(cost[1], unknown[1]),
        cost_ratio=ratio,
        latency_baseline=before or latency(),
        latency_candidate=after or latency(),
        groups=groups,
        simulated=simulated,
        unjudged=unjudged or {},
        **verdict,
    )


def replay(**facts: Any) -> Run:
    """A finished replay against gpt-4.1."""
    defaults: dict[str, Any] = {
        "id": "20261102-100000-ab12",
        "kind": "replay",
        "started_at": AT,
        "state": "complete",
        "candidates": ("gpt-4.1",),
    }
    return Run(**{**defaults, **facts})


def keep_run(project: Path, records: Sequence[CaseRecord], **facts: Any) -> Run:
    """Write a finished run, `replay(**facts)`, into the project's ledger."""
    # Other tests that make runs up have no ledger.
    from migrate.edges.ledger import open_ledger, sqlite_url

    run = replay(**facts)
    state = project / ".prompt-migrate"
    state.mkdir(exist_ok=True)
    ledger = open_ledger(sqlite_url(state / "ledger.db"), root=project)
    try:
        ledger.start(replace(run, state="running", finished_at=None, accounts={}))
        ledger.add(run.id, records)
        ledger.finish(run)
    finally:
        ledger.close()
    return run
