"""What a replay says of a rollout before it starts: what forbids it, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from migrate.canary.nouns import Doubt, Inputs, Lack
from migrate.evidence.words import leaving, points
from migrate.vocabulary import CaseVerdict, FlowEvidence, FlowMetric

MOST_NAMED: Final = 20
"""Cases that a reason names; the report has them all."""
CLOSING: Final = "a run closes its gate on that when asked to, by --fail-on breaking,drift"
YES: Final = "a person says yes before the first stage"


def forbidden(inputs: Inputs) -> tuple[str, ...]:
    """Return why the rollout must not start by what was replayed, the worst first; empty where nothing forbids it."""
    if len(inputs.members) > 1:
        # What one member shows is not made up for by the others.
        return (*_harm(inputs), *(f"{one.evidence.flow}: {why}" for one in _flows(inputs) for why in forbidden(one)))
    unknown = _unknown(inputs)
    return (*_harm(inputs), *_rejected(inputs)) if unknown is None else (unknown[1],)


def lack(inputs: Inputs) -> Lack | None:
    """Return what has to be made before a rollout that is forbidden can be judged; None where enough is known."""
    lacks = {found[0] for one in _flows(inputs) if (found := _unknown(one)) is not None}
    return next((one for one in get_args(Lack) if one in lacks), None)


def misgivings(inputs: Inputs) -> Iterator[tuple[Doubt, str]]:
    """Yield what speaks against a rollout that nothing forbids: said before all else, whatever comes of the plan."""
    for one in _flows(inputs):
        if one.offline.gate:
            yield "gate_closed", f"{_whose(inputs, one)}{_gate_words(one)}"
        for metric in one.evidence.metrics:
            if metric.excess is not None and metric.excess > inputs.margin:
                yield "past_margin", f"{_whose(inputs, one)}{_past_words(one, metric, metric.excess)}"


def worth_knowing(inputs: Inputs) -> Iterator[str]:
    """Yield what a person should know of a rollout that may start."""
    for one in _flows(inputs):
        said = (_leaving_words(one), _agreement_words(one), one.offline.dearer)
        yield from (f"{_whose(inputs, one)}{words}" for words in said if words)


def asks(inputs: Inputs) -> bool:
    """Say whether a person has to say yes: the replay closed its gate, or is worse by twice the margin by estimate."""
    metrics = (metric for one in _flows(inputs) for metric in one.evidence.metrics)
    return any(one.offline.gate for one in _flows(inputs)) or any(_is_far(inputs, metric) for metric in metrics)


def _is_far(inputs: Inputs, metric: FlowMetric) -> bool:
    return (metric.excess or 0.0) > 2 * inputs.margin


def _whose(inputs: Inputs, one: Inputs) -> str:
    return f"{one.evidence.flow}: " if len(inputs.members) > 1 else ""


def _flows(inputs: Inputs) -> tuple[Inputs, ...]:
    return tuple(member.inputs for member in inputs.members) or (inputs,)


def is_answered(evidence: FlowEvidence) -> bool:
    """Say whether anything could be compared: a candidate that nobody answered for shows nothing."""
    return any(metric.excess is not None for metric in evidence.metrics)


def compared(evidence: FlowEvidence) -> int:
    """Return how many cases have a golden that fits to be held against."""
    without = (CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_GOLDEN)
    return evidence.cases - sum(evidence.verdicts.get(verdict, 0) for verdict in without)


def _gate_words(inputs: Inputs) -> str:
    """Say that the replay closed the gate, and which cases broke."""
    offline = inputs.offline
    broken = offline.worse.get("contract", ())
    named = f", {_named(broken)}" if broken else ""
    return f"the replay closed its gate: {offline.gate}{named}"


def _past_words(inputs: Inputs, metric: FlowMetric, excess: float) -> str:
    """Say that a metric is past the margin by its estimate, though it is not shown to be."""
    seen = f"{metric.name} {points(excess)} points worse, margin {points(inputs.margin)}"
    bounds = f"not shown ({points(metric.low)} to {points(metric.high)})"
    mend = f"mend {_of(metric.worse, metric.cases)} first" if metric.worse else "mend it first"
    logs = "; production logs do not measure it" if metric.name == "agreement" else ""
    return f"past the margin by the best estimate: {seen}, {bounds}: {mend}{logs}"


def _leaving_words(inputs: Inputs) -> str:
    """Say that the candidate leaves soon, or no later than its baseline. Empty where it does not."""
    evidence = inputs.evidence
    days, before = (inputs.days_left, inputs.shutdown), (inputs.baseline_days_left, inputs.baseline_shutdown)
    return leaving(evidence.candidate, (days[0], days[1] or ""), evidence.baseline, (before[0], before[1] or ""))


def _agreement_words(inputs: Inputs) -> str:
    """Say what production will not show: the candidate agrees less by estimate. Empty where it does not."""
    metric = _agreement(inputs)
    if metric is None or metric.excess is None or not 0 < metric.excess <= inputs.margin:
        return ""
    seen = f"{points(metric.excess)} points worse ({points(metric.low)} to {points(metric.high)})"
    return f"agreement is not measured in production logs; offline {seen} in {_cases(metric.cases)}, not shown"


def _agreement(inputs: Inputs) -> FlowMetric | None:
    return next((metric for metric in inputs.evidence.metrics if metric.name == "agreement"), None)


def _unknown(inputs: Inputs) -> tuple[Lack, str] | None:
    """Return what is lacking to judge one flow, and how that is said."""
    evidence, whole, offline = inputs.evidence, inputs.offline.flow_cases, inputs.offline
    if offline.stale:
        stale = f"{_of(offline.stale, evidence.cases)} have a stale golden"
        return "goldens", f"{stale}: record them again, then replay"
    if offline.outdated:
        asked = f"the prompt changed since run {inputs.run} asked it"
        return "replay", f"{asked}, in {_of(offline.outdated, evidence.cases)}: replay it again"
    if not is_answered(evidence):
        return "answers", f"{_silence(inputs)}: nothing is known of it"
    if whole is not None and compared(evidence) < whole:
        return "replay", f"run {inputs.run} has {_of(compared(evidence), whole)} of the flow: replay all of them first"
    return None


def _silence(inputs: Inputs) -> str:
    """Say why nothing could be compared."""
    evidence = inputs.evidence
    silent = evidence.verdicts.get(CaseVerdict.NO_REPLY, 0)
    if silent:
        return f"no answer of {evidence.candidate} to {_of(silent, evidence.cases)} in run {inputs.run}"
    return evidence.reasons[0] if evidence.reasons else f"no case could be compared in run {inputs.run}"


def _harm(inputs: Inputs) -> Iterator[str]:
    harmed = [metric for metric in inputs.evidence.metrics if metric.low > inputs.margin]
    for metric in harmed:
        # The contract is what a plan is about; anything else is called by its name.
        name = "" if metric.name == "contract" else f"{metric.name} "
        worse = f"{name}at least {points(metric.low)} points worse offline, margin {points(inputs.margin)}"
        yield f"{worse}: {metric.worse} of {_cases(metric.cases)} got worse, mend them first"
        failing = inputs.offline.worse.get(metric.name, ())
        if failing:
            yield f"{name}worse in {_named(failing)}"
    if harmed and all(metric.name != "contract" for metric in harmed):
        yield f"its answers change their meaning and keep the contract: {CLOSING}"
    if not harmed and inputs.evidence.verdict == "unsafe":
        yield f"shown to be unsafe offline: {'; '.join(inputs.evidence.reasons[:1])}"


def _rejected(inputs: Inputs) -> Iterator[str]:
    again = inputs.offline.rejected
    if again:
        yield f"what a reviewer rejected is there again in {_cases(len(again))}: mend it, or take the rejection back"
        yield _named(again)


def _named(cases: Sequence[str]) -> str:
    more = len(cases) - MOST_NAMED
    return ", ".join(cases[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _of(count: int, total: int) -> str:
    return f"{count} of {_cases(total)}"


__all__ = [
    "asks",
    "compared",
    "forbidden",
    "is_answered",
    "lack",
    "misgivings",
    "worth_knowing",
]
