"""What each figure of a run's summary means: its formula, what goes into it, and where the formula is from."""

from __future__ import annotations

from typing import Final

from migrate.evidence.figures import Explanation, Figures
from migrate.vocabulary import CaseVerdict, FlowEvidence, FlowMetric, Quantiles, Rung

PAGE: Final = "docs/verdict.md"


def _metrics(flow: FlowEvidence) -> str:
    parts = (
        f"{one.name} n {one.cases}, worse {one.worse}, better {one.better}, missing {one.missing}, "
        f"excess {_known(one.excess)}, bounds {one.low:.4f}{_level(one, flow)} to {one.high:.4f}, "
        f"margin {one.margin:g}, alpha {one.alpha:g}, p {one.p:.4g}, cases needed {_known(one.cases_needed)}"
        for one in flow.metrics
    )
    return f"{flow.candidate}: {'; '.join(parts) or 'nothing compared'}; {flow.verdict or 'no verdict'}"


def _level(metric: FlowMetric, flow: FlowEvidence) -> str:
    """Say at which level the lower bound stands: the same excess has another one where the other metric is past too."""
    other = next((one.name for one in flow.metrics if one is not metric), None)
    if other is None:
        return ""
    if metric.low_share < 1:
        return f" (at {metric.low_share:g} alpha: {other} is not shown past its margin)"
    return f" (at all of alpha: {other} is shown past its margin too)"


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _rungs(flow: FlowEvidence) -> str:
    parts = []
    for rung in Rung:
        rates = flow.rungs.get(rung)
        if rates is not None:
            before, after = rates.baseline, rates.candidate
            parts.append(f"{rung.value} {after.passed} of {after.total} against {before.passed} of {before.total}")
    return f"{flow.candidate}: {'; '.join(parts) or 'no rung is promised'}"


def _verdicts(flow: FlowEvidence) -> str:
    parts = (f"{verdict.value} {flow.verdicts[verdict]}" for verdict in CaseVerdict if flow.verdicts.get(verdict))
    return f"{flow.candidate}: {', '.join(parts) or 'none'} of {flow.cases} cases, {flow.samples} samples"


def _cost(flow: FlowEvidence) -> str:
    before, after = flow.cost_baseline, flow.cost_candidate
    return (
        f"{flow.candidate}: {after.usd or 'unknown'} against {before.usd or 'unknown'} dollars, "
        f"{before.unknown + after.unknown} answers of unknown cost, ratio {_known(flow.cost_ratio)}, n {flow.cases}"
    )


def _latency(flow: FlowEvidence) -> str:
    return f"{flow.candidate}: {_side(flow.latency_candidate)} against {_side(flow.latency_baseline)}"


def _side(side: Quantiles) -> str:
    low, high = side.p95_interval or (None, None)
    bounds = f"at least {_known(low)}, at most {_known(high)}"
    return f"p50 {_known(side.p50)}, p95 {_known(side.p95)} ms ({bounds}), n {side.n}, {side.source}"


def _steps(flow: FlowEvidence) -> str:
    parts = (f"{step.step} {step.calls_candidate} calls against {step.calls_baseline}" for step in flow.steps)
    return f"{flow.candidate}: {', '.join(parts) or 'one call an answer'}"


def _groups(flow: FlowEvidence) -> str:
    return f"{flow.candidate}: {len(flow.groups)} groups, {sum(group.count for group in flow.groups)} findings"


def _people(flow: FlowEvidence) -> str:
    return f"{flow.candidate}: ratings of people lie beside the goldens, in {flow.flow}/ratings.jsonl"


SUMMARY: Final[dict[str, Explanation[FlowEvidence]]] = {
    "verdict": Explanation(
        "whether a flow is safe, unsafe or insufficient, and the p-value that decides it",
        "safe: the larger p of contract and agreement keeps what the other flows leave of alpha; unsafe: a lower bound "
        "of an excess is past the margin; else insufficient",
        "cases are independent and a random sample of what production asks",
        f"{PAGE}; Berger 1982; Benjamini and Hochberg 1995",
        _metrics,
    ),
    "excess": Explanation(
        "how much larger the candidate's share of bad answers is, with the bounds that decide",
        "mean over cases of baseline's share of good samples minus the candidate's; bounds: the less convinced of "
        "Student's t and an empirical likelihood test, a missing answer taken for what does the claim most harm",
        "a case counts once, however many samples stand behind it",
        f"{PAGE}; Owen 2001; Garwood 1936",
        _metrics,
    ),
    "cases_needed": Explanation(
        "cases still needed until the flow would be safe with the power of its class",
        "the smallest n whose p, at a sample as unlucky as one in 1 - power, keeps the level; minus n",
        "cases to come are like those seen, or, where that says so, both sides are equal and vary as much",
        f"{PAGE}; compare Connor 1987, Miller 2024",
        _metrics,
    ),
    "rates": Explanation(
        "samples that pass a rung of the contract, of all samples of the cases it applies to",
        "passed / total; never conditional on the rung before",
        "none: these are counts",
        "definition; an interval is Wilson's (1927)",
        _rungs,
    ),
    "cases": Explanation(
        "cases by their verdict",
        "the first verdict that holds, in the order of docs/explanation.md; each case has one",
        "none: these are counts",
        "definition",
        _verdicts,
    ),
    "cost": Explanation(
        "what the answers cost, candidate against baseline",
        "sum over calls of tokens x the rates of the day, exactly; ratio: per answered case; unknown is never 0; what "
        "route counts is another thing: an answer that keeps the contract, its input cached as in production",
        "each side as it was billed in its run, the provider's prompt cache as it was then",
        "definition",
        _cost,
    ),
    "latency": Explanation(
        "p50 and p95 of how long an answer takes",
        "quantiles over case means; bounds: order statistics at 90 %, none where n cannot give one",
        "cases are independent; a replayed answer keeps the figure of the day it was recorded",
        "Hyndman and Fan 1996; David and Nagaraja, Order Statistics, section 7.1",
        _latency,
    ),
    "steps": Explanation(
        "calls of each step of a chain",
        "calls of all samples, one side against the other",
        "none: these are counts",
        "definition",
        _steps,
    ),
    "groups": Explanation(
        "findings that are alike",
        "findings of equal kind, rung, path and severity in one flow",
        "none: these are counts",
        "definition",
        _groups,
    ),
    "people": Explanation(
        "what people said of a sample of the pairs that differ, blind: preference, correctness, agreement",
        "preference: mean over cases of 1 candidate, 0 tie, -1 baseline; correctness: mean of marks from 1 to 5; a "
        "case counts once; bounds at 95 %: the less convinced of Student's t and an empirical likelihood test; "
        "agreement: Krippendorff's alpha over pairs with two ratings or more, its interval by bootstrap",
        "the rated pairs are a random sample of those that differ; they say nothing of the others",
        "docs/review.md; Krippendorff, Content Analysis, 4th edition, chapter 12; Owen 2001",
        _people,
    ),
}
"""Name -> what `compare --explain` says."""
FIGURES: Final = Figures(
    (*SUMMARY,),
    {
        "run": "cases",
        "flows.cases": "cases",
        "flows.samples": "cases",
        "flows.verdicts": "cases",
        "flows.changed": "cases",
        "flows.tolerated": "cases",
        "flows.cases_needed": "cases_needed",
        "flows.metrics": "excess",
        "flows.metrics.p": "verdict",
        "flows.metrics.alpha": "verdict",
        "flows.metrics.cases_needed": "cases_needed",
        "flows.rungs": "rates",
        "flows.cost_usd": "cost",
        "flows.latency_ms": "latency",
        "flows.steps.calls": "steps",
        "flows.steps.cost_usd": "cost",
        "flows.steps.latency_ms": "latency",
        "flows.groups": "groups",
        "flows.people": "people",
    },
)
