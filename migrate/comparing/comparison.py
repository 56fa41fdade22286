"""A case compared: candidate samples against a golden, every finding, the rates, and the verdict that follows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from migrate.comparing.baselines import Baseline, input_text
from migrate.comparing.contract import Contract
from migrate.comparing.forgiving import (
    TOLERATION,
    excused,
    forgiven,
    holding,
    lapsed,
    outnumbered,
    rejected,
    rejected_first,
    rejected_words,
    suspended,
)
from migrate.comparing.inner import inner_findings
from migrate.comparing.samples import Agreement, agreement_of, worst_first
from migrate.comparing.verdict import Standing, case_verdict
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FlowName,
    Golden,
    Judged,
    Rate,
    Rung,
    RungRates,
    Scores,
    Severity,
    Toleration,
)

REVIEWED: Final = frozenset({"approval", TOLERATION})
"""Explanations that a person gave."""
UNRECORDED: Final = "no golden: nothing was recorded for this case"


def compare(
    contract: Contract,
    golden: Golden | None,
    samples: Sequence[Judged],
    *,
    candidate: str,
    flow: FlowName,
    case: CaseId,
    today: dt.date,
    planned: int,
    stale: str = "",
) -> Comparison:
    """Compare a candidate's samples with the golden of a case and return the verdict with every finding.

    `planned` is how many samples the candidate owes; samples without an answer are missing ones, and totals of rates
    are the samples that have one. `stale` says why the golden no longer fits the prompt, and is empty when it does.
    The baseline's agreement rate is its leave-one-out agreement, 0 of 0 for a golden of one sample.
    """
    judged = [sample for sample in samples if sample.sample.answer is not None]
    unjudged = tuple(dict.fromkeys(reason for sample in judged for reason in sample.unjudged))
    recorded = golden is not None and any(sample.sample.answer is not None for sample in golden.samples)
    if golden is None or not recorded or stale:
        name = "" if golden is None else golden.baseline
        alone = _alone(contract, judged, recorded=recorded, stale=bool(stale))
        return Comparison(flow, case, name, candidate, *alone, unjudged, stale or UNRECORDED)
    baseline = Baseline(contract, golden, today, lambda: input_text(golden, judged))
    expected = [baseline.expecting(sample) for sample in judged]
    held = holding(contract.tolerated, case, candidate, today)
    judged = forgiven(expected, held)
    agreements = [agreement_of(baseline, *pair) for pair in zip(judged, expected, strict=True)]
    agreements = _excused(agreements, held, len(baseline.samples))
    missing = _missing(samples, planned)
    inner = inner_findings(contract, baseline.samples, judged, today)
    findings = _findings(judged, [*_of(agreements), *inner])
    rejections = rejected(golden.rejected, candidate, findings)
    findings = rejected_first(findings, rejections)
    standing = _standing(baseline, judged, agreements, replied=not missing, rejected=bool(rejections))
    verdict = case_verdict(standing)
    rungs = _contract_rates(contract, baseline.samples, expected)
    if verdict is not CaseVerdict.CONTRACT_NOT_KEPT:
        rungs[Rung.AGREEMENT] = _agreement_rates(baseline, agreements)
    decided = [
        *rejected_words(rejections),
        *lapsed(contract.tolerated, case, candidate, findings, today),
        *outnumbered(contract.tolerated, case, candidate, findings, today),
        *suspended(golden.rejected, candidate, findings, held, rejections),
    ]
    note = "; ".join((*_remarks(baseline, missing, standing), *decided))
    scores = _scores(baseline, judged, agreements if rungs[Rung.AGREEMENT] else None, planned)
    what = (verdict, findings, rungs, len(baseline.samples) > 1, unjudged, note, scores)
    return Comparison(flow, case, golden.baseline, candidate, *what)


def _alone(
    contract: Contract, judged: Sequence[Judged], *, recorded: bool, stale: bool
) -> tuple[CaseVerdict, tuple[Finding, ...], dict[Rung, RungRates | None], bool]:
    """Return what can be said of samples without a fitting golden: verdict, findings, rates, and no noise measured."""
    verdict = case_verdict(Standing(golden=recorded, stale=stale))
    return verdict, _findings(judged, []), _contract_rates(contract, [], judged), False


def _standing(
    baseline: Baseline, judged: Sequence[Judged], agreements: Sequence[Agreement], *, replied: bool, rejected: bool
) -> Standing:
    return Standing(
        replied=replied,
        baseline=_kept(baseline.samples),
        candidate=_kept(judged),
        drift=not all(agreement.agrees for agreement in agreements),
        approved=any(found.explained in REVIEWED for found in _findings(judged, _of(agreements))),
        rejected=rejected,
        same=all(agreement.same for agreement in agreements),
    )


def _kept(samples: Sequence[Judged]) -> Fraction:
    return Fraction(sum(sample.kept for sample in samples), len(samples)) if samples else Fraction(0)


def _missing(samples: Sequence[Judged], planned: int) -> str:
    """Return how many planned answers are missing and why, empty when none is."""
    answered = sum(sample.sample.answer is not None for sample in samples)
    if answered >= max(planned, 1):
        return ""
    faults = [sample.sample.no_reply for sample in samples if sample.sample.answer is None]
    kinds = Counter(fault.kind.value for fault in faults if fault is not None)
    reasons = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items())) or "never asked"
    planned = max(planned, 1)
    return f"{planned - answered} of {planned} planned answers are missing: {reasons}"


def _remarks(baseline: Baseline, missing: str, standing: Standing) -> Iterator[str]:
    if missing:
        yield missing
    if baseline.rejudged:
        yield "the golden was judged again, on redacted text: the contract has changed since it was recorded"
    if standing.is_mixed:
        kept = sum(sample.kept for sample in baseline.samples)
        yield f"the baseline itself keeps the contract in {kept} of {len(baseline.samples)} samples"


def _findings(judged: Sequence[Judged], agreement: Sequence[Finding]) -> tuple[Finding, ...]:
    contract = (replace(found, sample=sample.sample.index) for sample in judged for found in sample.findings)
    return tuple(sorted([*contract, *agreement], key=worst_first))


def _contract_rates(
    contract: Contract, baseline: Sequence[Judged], candidate: Sequence[Judged]
) -> dict[Rung, RungRates | None]:
    rates: dict[Rung, RungRates | None] = {}
    for rung in CONTRACT_RUNGS:
        # A call before the final answer may promise what the final answer does not.
        promised = contract.promises(rung) or any(sample.rungs.get(rung) is not None for sample in candidate)
        rates[rung] = RungRates(_rate(baseline, rung), _rate(candidate, rung)) if promised else None
    rates[Rung.AGREEMENT] = None
    return rates


def _rate(samples: Sequence[Judged], rung: Rung) -> Rate:
    results = [sample.rungs.get(rung) for sample in samples]
    return Rate(results.count(True), len(results) - results.count(None))


def _agreement_rates(baseline: Baseline, candidate: Sequence[Agreement]) -> RungRates:
    own = baseline.leave_one_out()
    return RungRates(Rate(sum(own), len(own)), Rate(sum(sample.agrees for sample in candidate), len(candidate)))


def _scores(
    baseline: Baseline, judged: Sequence[Judged], agreements: Sequence[Agreement] | None, planned: int
) -> Scores:
    kept = (Rate(sum(sample.kept for sample in side), len(side)) for side in (baseline.samples, judged))
    own, agreement = baseline.leave_one_out(), None
    if agreements is not None and own:
        groups = sum(agreement.groups for agreement in agreements)
        agreement = RungRates(Rate(sum(own), len(own)), Rate(groups, len(agreements) * len(own)))
    return Scores(RungRates(*kept), agreement, max(planned, len(judged), 1))


def _of(agreements: Iterable[Agreement]) -> list[Finding]:
    return [found for agreement in agreements for found in agreement.findings]


def _excused(agreements: list[Agreement], held: Sequence[Toleration], groups: int) -> list[Agreement]:
    """Return the agreements with tolerated findings marked; one that nothing else speaks against agrees."""
    if not held:
        return agreements
    marked = excused([agreement.findings for agreement in agreements], held)
    return [_with(agreement, tuple(found), groups) for agreement, found in zip(agreements, marked, strict=True)]


def _with(agreement: Agreement, findings: tuple[Finding, ...], groups: int) -> Agreement:
    drift = [found.explained for found in findings if found.severity is Severity.DRIFT]
    if TOLERATION not in drift or None in drift:
        return replace(agreement, findings=findings)
    return replace(agreement, findings=findings, agrees=True, groups=groups)
