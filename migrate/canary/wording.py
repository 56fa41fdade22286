"""A verdict in sentences that a release manager can forward: what to do first, then why, with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from migrate.canary.counted import Counted
from migrate.canary.evidence_path import Evidence
from migrate.canary.gates import DAY, Total, Totals
from migrate.canary.ladder import percent
from migrate.canary.nouns import Metric, Rollout, Stage
from migrate.canary.terms import MetricName
from migrate.canary.verdicts import EarlyPass, Look, MemberReading
from migrate.evidence.words import points

Said = tuple[str, ...]
PAST_DOUBT: Final = 1e12
KINDS: Final[dict[MetricName, str]] = {
    "bad": "a bad answer",
    "error": "a failed call",
    "schema": "a broken schema",
    "refusal": "a refusal",
    "ungrounded": "an ungrounded answer",
    "thumbs_down": "a thumb down",
    "slow": "a slow call",
    "tokens": "a very long answer",
    "cost": "a very dear answer",
}


def model_of(text: str) -> str:
    """Return the model a candidate's text names; empty where it names several, so that none can be checked."""
    return "" if any(mark in text for mark in "=,:") else text.partition("@")[0]


def share_of(bad: int, units: int) -> str:
    """Return `31 of 940 (3.3 %)`."""
    return f"{bad} of {units} ({bad / units:.1%})" if units else f"{bad} of 0"


def sides(sofar: Totals, name: MetricName = "bad") -> str:
    """Return both sides' units with an answer of a kind."""
    candidate, control = sofar["candidate"], sofar["control"]
    before = share_of(control.bad.get(name, 0), control.units)
    return f"{share_of(candidate.bad.get(name, 0), candidate.units)} of the candidate's, {before} of the control's"


def _roll_back(rollout: Rollout) -> str:
    return f"Roll back: give {rollout.baseline} all of {rollout.flow} again."


def harm(rollout: Rollout, sofar: Totals, share: float, evidence: Evidence) -> Said:
    parts = {metric.name: metric.weight * evidence.at_most.get(metric.name, 1.0) for metric in rollout.metrics}
    # Where several are past all doubt, what the gate is about is named.
    hard = {metric.name for metric in rollout.metrics if metric.hard}
    culprit = max(parts, key=lambda name: (min(parts[name], PAST_DOUBT), name in hard, parts[name]))
    kind = KINDS[culprit]
    return (
        _roll_back(rollout),
        (
            f"The candidate gives {kind} more often than allowed: in this stage, at {percent(share)}, "
            f"{sides(sofar, culprit)} {rollout.units} met {kind}."
        ),
        (
            f"The evidence stood at {number(evidence.most)}, and {number(1 / rollout.alpha)} stops the rollout: "
            f"an acceptable candidate gets there in at most {rollout.alpha:.0%} of rollouts, however often one looks."
        ),
    )


def harmed_member(rollout: Rollout, member: MemberReading, share: float, evidence: Evidence) -> Said:
    before = share_of(member.control_bad, member.control_units)
    seen = f"{share_of(member.candidate_bad, member.candidate_units)} of the candidate's, {before} of the control's"
    return (
        _roll_back(rollout),
        (
            f"The candidate harms {member.flow}, whatever it does to the others: in this stage, at {percent(share)}, "
            f"{seen} {rollout.units} met a bad answer there."
        ),
        (
            f"The evidence stood at {number(evidence.most)}, and {number(1 / rollout.alpha)} stops the rollout; "
            f"a member alone stops it at {number(member.threshold)}, and {member.flow} stands at {number(member.e)}."
        ),
    )


def unseen(rollout: Rollout, stage: Stage, flows: Sequence[str]) -> Said:
    return (
        f"Hold at {percent(stage.share)}: of {', '.join(flows)} not both sides are in the log yet.",
        f"{rollout.flow} is a pool: a verdict is about members that were seen, at the share of all of them.",
    )


def capped(rollout: Rollout, sofar: Totals, place: tuple[int, Stage] | None) -> Said:
    cap = "" if place is None else f" of {place[1].cap:.1%}"
    return (
        _roll_back(rollout),
        f"The candidate's bad answers are past the cap{cap}, the control's are not: {sides(sofar)} {rollout.units}.",
    )


def spent(rollout: Rollout, evidence: Evidence) -> Said:
    return (
        _roll_back(rollout),
        (
            f"The budget is spent: {evidence.spent_most:.0f} {rollout.units} met a bad answer beyond what the control "
            f"would have given them, {rollout.budget:.0f} were allowed."
        ),
    )


def no_control(rollout: Rollout, share: float) -> Said:
    return (
        f"No verdict: at {percent(share)} the log has no call of {rollout.flow} meant for {rollout.baseline}.",
        "Only a control at the same time tells the model from the day: log both sides, and check again.",
    )


def no_calls(rollout: Rollout, unassigned: int = 0) -> Said:
    if unassigned:
        return (
            f"No verdict: no call of {rollout.flow} says which side it was meant for, at which share.",
            f"{unassigned} calls lack assigned (candidate or baseline) or share (0 to 1); --share gives one to all.",
        )
    return (f"No verdict: the log has no call of {rollout.flow} under this plan.",)


def invalid(faults: Sequence[str]) -> Said:
    return ("Hold: the data are not those of the plan, so nothing is promoted on them.", *map(capitalised, faults))


def capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def both(sofar: Totals, now: bool) -> Said:
    when = "now" if now else "in this stage"
    return (
        "Hold, and leave the shares as they are: both sides fail.",
        f"More calls fail {when} than the baseline's history has it: {sides(sofar)} units met a bad answer.",
        "That is no matter of the candidate: it is not counted against the budget, and the comparison stays fair.",
    )


def drifting(rollout: Rollout, alerts: Sequence[str]) -> Said:
    return (f"Look at {rollout.flow}: its answers are no longer those that were tested.", *alerts)


def alert(metric: Metric, bad: int, units: int, cap: float) -> str:
    limit = "" if metric.limit is None else f", past {metric.limit:.4g} {UNITS.get(metric.name, '')}".rstrip()
    return f"{share_of(bad, units)} units met {KINDS[metric.name]}{limit}; the goldens allow {cap:.1%}."


UNITS: Final[dict[MetricName, str]] = {"tokens": "output tokens", "cost": "US dollars", "slow": "ms"}


def quiet(rollout: Rollout, total: Total) -> Said:
    return (
        f"Observe: {rollout.candidate} answers all of {rollout.flow}; nothing can be compared, and nothing drifts.",
        f"{share_of(total.bad.get('bad', 0), total.units)} {rollout.units} met a bad answer.",
    )


def held_back(rollout: Rollout, stage: Stage, sofar: Totals) -> Said:
    return (
        f"Promote {rollout.flow} to 100 %: {percent(1 - stage.share)} were held back for {stage.days} days.",
        f"Nothing stopped it: {sides(sofar)} {rollout.units} met a bad answer.",
    )


def more_days(stage: Stage, hours: int) -> Said:
    return (f"Hold at {percent(stage.share)}: {hours / DAY:.1f} of {stage.days} days of the hold-back are over.",)


def more_units(stage: Stage, sofar: Totals, hours: int, wait: float) -> Said:
    have, want = sofar["candidate"].units, stage.n_candidate
    other, wanted = sofar["control"].units, stage.n_control
    return (
        f"Hold at {percent(stage.share)}: not enough has been seen for the planned look.",
        (
            f"{have} of {want} units of the candidate, {other} of {wanted} of the control, "
            f"{hours / DAY:.1f} of {stage.days} days; {until(wait)}."
        ),
    )


def until(wait: float) -> str:
    if wait == float("inf"):
        return "at this traffic it never will be"
    return f"at this traffic in {wait / DAY:.1f} days" if wait else "that is now"


def passed(rollout: Rollout, number_: int, stage: Stage, look: Look) -> Said:
    return (
        _promoted(rollout, number_, stage),
        (
            f"At look {look.number} of {stage.looks} it is at most {points(max(look.upper, 0.0))} points worse, "
            f"the gate wants less than {points(stage.margin)}: {look.candidate_units} units against "
            f"{look.control_units}, missing outcomes taken for the worst."
        ),
    )


def passed_early(rollout: Rollout, number_: int, stage: Stage, early: EarlyPass) -> Said:
    wanted = 0.0 if stage.early is None else stage.early.e
    return (
        _promoted(rollout, number_, stage),
        (
            f"The evidence that it is not {points(stage.margin)} points worse stands at {number(early.e)}, "
            f"{number(wanted)} is enough before the planned look: {early.candidate_units} units against "
            f"{early.control_units}, missing outcomes taken for the worst."
        ),
    )


def _promoted(rollout: Rollout, number_: int, stage: Stage) -> str:
    following = rollout.stages[number_] if number_ < len(rollout.stages) else None
    to = "the next stage" if following is None else percent(following.share)
    ask = " A person says yes before it." if following is not None and following.human_gate else ""
    return f"Promote {rollout.flow} from {percent(stage.share)} to {to}.{ask}"


def missing(sofar: Totals, look: Look, stage: Stage) -> Said:
    candidate, control = sofar["candidate"].missing, sofar["control"].missing
    return (
        f"Hold at {percent(stage.share)}: too many outcomes are missing.",
        (
            f"The gate would pass, but of {candidate} units of the candidate and {control} of the control nobody knows "
            f"how their calls ended; were the candidate's bad, it could be {points(max(look.upper, 0.0))} points worse."
        ),
    )


def exhausted(stage: Stage, look: Look) -> Said:
    return (
        f"Hold at {percent(stage.share)}: a person decides.",
        (
            f"All {stage.looks} looks are used: it may still be {points(max(look.upper, 0.0))} points worse, "
            f"the gate wants less than {points(stage.margin)}."
        ),
    )


def inconclusive(stage: Stage, sofar: Totals, look: Look, wait: float) -> Said:
    more = max(stage.n_candidate * (look.number + 1) - sofar["candidate"].units, 0)
    return (
        f"Hold at {percent(stage.share)}: look {look.number} of {stage.looks} decided nothing.",
        (
            f"The candidate may be {points(max(look.upper, 0.0))} points worse, the gate wants less than "
            f"{points(stage.margin)}; the next look wants {more} more of its units, {until(wait)}."
        ),
    )


def notes(rollout: Rollout, counted: Counted, evidence: Evidence) -> Iterator[str]:
    """Yield what was seen beside the verdict."""
    if evidence.degraded:
        yield f"both sides failed more than usual in {len(evidence.degraded)} hours: not counted against the budget"
    if counted.fallbacks:
        yield f"{counted.fallbacks} calls were answered by another model after theirs had failed: counted as failed"
    if counted.duplicates:
        yield f"{counted.duplicates} lines repeated a call and were left out"
    if counted.late:
        yield f"{counted.late} outcomes came as lines of their own and were joined to their calls"
    if counted.unassigned:
        yield f"{counted.unassigned} calls do not say which side they were meant for: left out"
    if counted.crossed:
        yield f"{counted.crossed} units were on both sides in one stage"
    if rollout.verdict not in ("ready", "ready_modified"):
        yield f"the plan's verdict was {rollout.verdict.replace('_', ' ')}: it was not to start"


def silence(hours: int) -> Iterator[str]:
    """Yield that time went by in which nobody was looked at."""
    if hours:
        yield f"{hours} hours without a call are not counted as time: logs that are missing, or a clock that is wrong"


def number(value: float) -> str:
    """Return evidence as people read it: past a million nobody needs to know how far."""
    if value >= 1e6:
        return "more than a million"
    return f"{value:.1f}".removesuffix(".0") if value < 100 else f"{value:,.0f}"
