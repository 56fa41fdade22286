"""Why a verdict is what it is, in words: points are points of a hundred answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from migrate import catalogue
from migrate.evidence.policy import Policy
from migrate.evidence.tally import Tally
from migrate.vocabulary import CaseVerdict, FlowEvidence, FlowMetric

SOON_DAYS: Final = 210
"""A rollout of a month, and half a year in which its model is worth having."""
Ends: TypeAlias = tuple[int | None, str]
"""Days until a model leaves, by the day that is judged by, and the first day without; None: no end is announced."""
FAR: Final = 9
"""More than so many times the cases again: mending what got worse is the nearer way."""
MOST_ADDED: Final = 500
"""More cases than that, and than `FAR` times its own, no flow is given: such a number is no advice."""
TOO_MANY: Final = "too many cases would have to be added"


def safe(metrics: Sequence[FlowMetric]) -> str:
    """Say what a safe flow was shown to be."""
    bounds = ", ".join(f"{metric.name} {_at_worst(metric)}" for metric in metrics)
    return f"{bounds}, margin {points(metrics[0].margin)}"


def _at_worst(metric: FlowMetric) -> str:
    if metric.high < 0:
        return f"at least {points(-metric.high)} points better"
    return f"at most {points(metric.high)} points worse"


def itself(baseline: str) -> str:
    """Say of a candidate that it is the baseline: its figures are those of noise, and nothing is to be decided."""
    return f"{baseline} is the baseline, compared with itself: what differs is its own noise"


def unsafe(metric: FlowMetric, unkept: int = 0) -> str:
    """Say by how much an unsafe flow is worse at least; `unkept` are cases that agreement leaves out."""
    worse = f"{metric.name} at least {points(metric.low)} points worse, margin {points(metric.margin)}"
    return f"{worse}, in {_where(metric)}{_beside(metric, unkept)}"


def insufficient(metric: FlowMetric, unkept: int = 0) -> str:
    """Say why a metric is not settled, and what would settle it; `unkept` are cases that agreement leaves out."""
    margin, needed = points(metric.margin), metric.cases_needed
    if metric.excess is None and metric.missing:
        return f"no answer came, so nothing is known of {metric.name}: {metric.missing} are missing"
    if metric.p <= metric.alpha:
        more = "" if needed is None else f": {_more(metric)}"
        return f"{metric.name} within {margin} points by itself, not yet among all flows{more}"
    if metric.margin <= 0:
        return f"{metric.name} with margin 0 must be shown to be better, and is not"
    worse = f"{metric.name} may be {points(metric.high)} points worse, margin {margin}"
    if metric.planned_for == "equal":
        return f"{worse}, {metric.worse} cases worse and {metric.better} better: {_if_by_chance(metric)}"
    if metric.excess is not None and metric.excess >= metric.margin:
        where = f"{_where(metric)}{_beside(metric, unkept)}"
        return f"{metric.name} {points(metric.excess)} points worse, margin {margin}: mend it, in {where}"
    if needed is not None and is_nearer_mended(metric):
        return f"{worse}: {_mend_or_add(metric)}"
    if needed is not None:
        return f"{worse}: {_more(metric)}"
    if metric.missing:
        return f"{worse}: {metric.missing} answers are missing"
    return f"{worse}: too near it for any number of cases"


def is_nearer_mended(metric: FlowMetric) -> bool:
    """Say whether to mend the cases that got worse comes before adding cases: few are worse, very many are needed."""
    if not metric.worse or metric.p <= metric.alpha:
        return False
    needed, excess = metric.cases_needed, metric.excess
    return (excess is not None and excess >= metric.margin) or (needed or 0) > FAR * metric.cases


def is_within_reach(needed: int | None, cases: int) -> bool:
    """Say whether anybody adds so many cases to a flow that has `cases`; unknown is not within reach."""
    return needed is not None and needed <= max(FAR * cases, MOST_ADDED)


def to_mend(metric: FlowMetric, flow: str = "") -> str:
    """Say which cases got worse: `mend 2 of 30 cases of mail-reply`."""
    return f"mend {_where(metric)}{flow and f' of {flow}'}"


def _mend_or_add(metric: FlowMetric) -> str:
    """Say both ways, `mend 1 of 4 cases, or add 95 cases`; where nobody can add so many, the one that is left."""
    if is_within_reach(metric.cases_needed, metric.cases):
        return f"{to_mend(metric)}, or add {metric.cases_needed} cases"
    return f"mend it, in {_where(metric)}: {TOO_MANY}"


def _if_by_chance(metric: FlowMetric) -> str:
    if is_within_reach(metric.cases_needed, metric.cases):
        return f"if by chance, {metric.cases_needed} more cases"
    return f"mend it, for {TOO_MANY}"


def _more(metric: FlowMetric) -> str:
    """Say how many cases to add; beyond reach, what shows it instead: production logs tell of the contract alone."""
    if is_within_reach(metric.cases_needed, metric.cases):
        return f"{metric.cases_needed} more cases"
    return f"{TOO_MANY}{'; a canary shows it on traffic' if metric.name == 'contract' else ''}"


def _beside(metric: FlowMetric, unkept: int) -> str:
    """Say why agreement is of fewer cases than the flow has: where nobody keeps the contract it is not asked."""
    return f" ({unkept} left out: contract not kept today)" if unkept and metric.name == "agreement" else ""


def _where(metric: FlowMetric) -> str:
    return f"{metric.worse} of {metric.cases} cases"


def kept_from_safe(evidence: FlowEvidence) -> str:
    """Say in a few words what keeps a flow from `safe`: breaking cases, cases to add; else the first of its reasons."""
    broken, needed = evidence.verdicts.get(CaseVerdict.BREAKING, 0), evidence.cases_needed
    parts = [
        f"{broken} breaking {'case' if broken == 1 else 'cases'}" if broken else "",
        f"{needed} more {'case' if needed == 1 else 'cases'} needed" if is_within_reach(needed, evidence.cases) else "",
    ]
    return ", ".join(part for part in parts if part) or next(iter(evidence.reasons), "")


def gaps(tally: Tally, policy: Policy) -> Iterator[str]:
    """Say what is missing that no arithmetic makes up for, the worst first."""
    if not tally.contract.n:
        left_out = ", ".join(f"{len(cases)} {why}" for why, cases in tally.excluded.items())
        yield f"no case could be compared: {left_out or 'there is none'}"
        return
    if policy.cases is not None and tally.cases < policy.cases:
        verb = "is" if tally.cases == 1 else "are"
        yield f"only {tally.cases} of the flow's {policy.cases} cases {verb} in this run"
    if not tally.agreement.n and tally.unmeasured:
        yield "goldens of one sample show no noise: agreement wants 2 or more"
    elif not tally.agreement.n:
        yield "the contract is not kept today either, in any case: agreement is not asked"


def remarks(tally: Tally, policy: Policy) -> Iterator[str]:
    """Say what a reader should know of the cases and of the flow."""
    if tally.contract.missing:
        yield f"missing answers taken for bad: {tally.contract.missing}"
    for why, cases in tally.excluded.items() if tally.contract.n else ():
        yield f"cases left out, {why}: {len(cases)}"
    if tally.agreement.n and tally.unmeasured:
        yield f"cases left out of agreement, golden of one sample: {tally.unmeasured}"
    if policy.cases is None:
        yield f"judged as {policy.critical}: no prompt file says more"


def leaving(model: str, days: Ends, baseline: str, before: Ends) -> str:
    """Say when a model leaves its API, where that is soon or no later than what it replaces; empty elsewhere."""
    left, day = days
    if left is None:
        return ""
    if left <= 0:
        return f"{model} left the API on {day}"
    said = f"{model} leaves the API on {day}, in {left} {'day' if left == 1 else 'days'}"
    if before[0] is not None and left <= before[0]:
        return f"{said}, no later than {baseline}: another move follows by then"
    return said if left <= SOON_DAYS else ""


def ends_of(models: Iterable[str], today: dt.date) -> Ends:
    """Return the days until the first of some models leaves, and which day that is; None where none is announced."""
    known = [(model, catalogue.days_left(model, today)) for model in models]
    ends = [(left, model) for model, left in known if left is not None]
    if not ends:
        return None, ""
    left, model = min(ends)
    facts = catalogue.facts(model)
    return left, "" if facts is None or facts.shutdown is None else facts.shutdown.isoformat()


def points(share: float) -> str:
    """Return a share as points of a hundred, with as many digits as tell it from 0: `7.2`, `12`, `0.05`."""
    value = share * 100
    digits = next((digits for digits in (1, 2) if not value or float(f"{value:.{digits}f}")), 3)
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def signed_points(share: float) -> str:
    """Return points of a hundred with their sign, which nothing has none of: `+7.2`, `-0.05`, `0`."""
    text = points(share)
    return text if text == "0" or share < 0 else f"+{text}"
