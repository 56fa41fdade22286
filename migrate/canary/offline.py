"""What a replay says of a rollout before it starts: what forbids it, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from migrate.canary.ladder import points
from migrate.canary.nouns import Inputs, Rollout
from migrate.evidence.words import leaving
from migrate.vocabulary import CaseVerdict, FlowEvidence, FlowMetric

MOST_NAMED: Final = 20
"""Cases that a reason names; the report has them all."""
UNKNOWN: Final = "nothing is known of it"
CLOSING: Final = "a run closes its gate on that when asked to, by --fail-on breaking,drift"
IN_PART: Final = "replay all of them first"
STALE: Final = "record them again, then replay"
AGAIN: Final = "replay it again"


def forbidden(inputs: Inputs) -> tuple[str, ...]:
    """Return why the rollout must not start by what was replayed, the worst first; empty where nothing forbids it."""
    if len(inputs.members) > 1:
        # What one member shows is not made up for by the others.
        return (*_harm(inputs), *(f"{one.evidence.flow}: {why}" for one in _flows(inputs) for why in forbidden(one)))
    return tuple(_unknown(inputs)) or (*_harm(inputs), *_rejected(inputs))


def worth_knowing(inputs: Inputs) -> Iterator[str]:
    """Yield what a person should know of a rollout that may start."""
    for one in _flows(inputs):
        name = f"{one.evidence.flow}: " if len(inputs.members) > 1 else ""
        said = (_gate_words(one), _leaving_words(one), _agreement_words(one), one.offline.dearer)
        yield from (f"{name}{words}" for words in said if words)


def asks_of_agreement(inputs: Inputs) -> bool:
    """Say whether the estimate of agreement alone wants a person's yes: worse by more than twice the margin."""
    found = filter(None, map(_agreement, _flows(inputs)))
    return any((metric.excess or 0.0) > 2 * inputs.margin for metric in found)


def _flows(inputs: Inputs) -> tuple[Inputs, ...]:
    return tuple(member.inputs for member in inputs.members) or (inputs,)


def is_answered(evidence: FlowEvidence) -> bool:
    """Say whether anything could be compared: a candidate that nobody answered for shows nothing."""
    return any(metric.excess is not None for metric in evidence.metrics)


def compared(evidence: FlowEvidence) -> int:
    """Return how many cases have a golden that fits to be held against."""
    without = (CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_GOLDEN)
    return evidence.cases - sum(evidence.verdicts.get(verdict, 0) for verdict in without)


def is_unknown(rollout: Rollout) -> bool:
    """Say whether a plan was refused because nothing could be compared."""
    return any(reason.endswith(UNKNOWN) for reason in rollout.reasons)


def wants_replay(rollout: Rollout) -> bool:
    """Say whether a plan was refused for what was not replayed."""
    return is_unknown(rollout) or any(reason.endswith((IN_PART, AGAIN)) for reason in rollout.reasons)


def wants_goldens(rollout: Rollout) -> bool:
    """Say whether a plan was refused for goldens that are stale."""
    return any(reason.endswith(STALE) for reason in rollout.reasons)


def _gate_words(inputs: Inputs) -> str:
    """Say that the replay closed the gate, and which cases broke. Empty where it did not."""
    offline = inputs.offline
    broken = offline.worse.get("contract", ())
    named = f", {_named(broken)}" if broken else ""
    return f"the replay closed its gate: {offline.gate}{named}" if offline.gate else ""


def _leaving_words(inputs: Inputs) -> str:
    """Say that the candidate leaves soon, or no later than its baseline. Empty where it does not."""
    evidence = inputs.evidence
    days, before = (inputs.days_left, inputs.shutdown), (inputs.baseline_days_left, inputs.baseline_shutdown)
    return leaving(evidence.candidate, (days[0], days[1] or ""), evidence.baseline, (before[0], before[1] or ""))


def _agreement_words(inputs: Inputs) -> str:
    """Say what production will not show: the candidate agrees less by estimate. Empty where it does not."""
    metric = _agreement(inputs)
    if metric is None or metric.excess is None or metric.excess <= 0:
        return ""
    seen = f"{points(metric.excess)} points worse ({points(metric.low)} to {points(metric.high)})"
    said = f"agreement is not measured in production logs; offline {seen} in {_cases(metric.cases)}, not shown"
    return f"{said}: a person says yes before the first stage" if asks_of_agreement(inputs) else said


def _agreement(inputs: Inputs) -> FlowMetric | None:
    return next((metric for metric in inputs.evidence.metrics if metric.name == "agreement"), None)


def _unknown(inputs: Inputs) -> Iterator[str]:
    evidence, whole, offline = inputs.evidence, inputs.offline.flow_cases, inputs.offline
    if offline.stale:
        yield f"{_of(offline.stale, evidence.cases)} have a stale golden: {STALE}"
    elif offline.outdated:
        asked = f"the prompt changed since run {inputs.run} asked it"
        yield f"{asked}, in {_of(offline.outdated, evidence.cases)}: {AGAIN}"
    elif not is_answered(evidence):
        silent = evidence.verdicts.get(CaseVerdict.NO_REPLY, 0)
        if silent:
            yield f"no answer of {evidence.candidate} to {_of(silent, evidence.cases)} in run {inputs.run}: {UNKNOWN}"
        else:
            why = evidence.reasons[0] if evidence.reasons else f"no case could be compared in run {inputs.run}"
            yield f"{why}: {UNKNOWN}"
    elif whole is not None and compared(evidence) < whole:
        yield f"run {inputs.run} has {_of(compared(evidence), whole)} of the flow: {IN_PART}"


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
    "asks_of_agreement",
    "compared",
    "forbidden",
    "is_answered",
    "is_unknown",
    "wants_goldens",
    "wants_replay",
    "worth_knowing",
]
