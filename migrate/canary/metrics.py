"""What a plan watches for: the metrics of a flow with their rates, allowed ratios and parts of the error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from migrate.canary.nouns import Inputs, Metric
from migrate.canary.terms import METRICS, MetricName, Terms
from migrate.errors import UsageProblem
from migrate.statistics import seen_margin, seen_rate, weighted_bound, wilson
from migrate.vocabulary import Rung

FEW: Final = 0.005
"""Taken for a rate that nobody measured."""
SPIKES: Final = 0.05
"""One call in twenty passes the p95 of the goldens; so many more than twice as many are a change."""
CAP_WEIGHT: Final = 0.1
"""Part of the rollback's error that the absolute cap takes."""
HARD_WEIGHT: Final = 0.6
"""Part that the hard metrics share; the others share what is left."""
WATCHED_ONLY: Final = frozenset[MetricName]({"tokens", "cost"})
"""Alerts after the rollout; a dearer or longer answer is no reason to roll back by itself."""


def unit_rate(rate: float, calls: float) -> float:
    """Return the share of units that meet at least one bad answer, their calls taken as independent."""
    good: float = 1.0 - min(max(rate, 0.0), 1.0)
    return 1.0 - float(good**calls)


def planned_metrics(inputs: Inputs, terms: Terms) -> tuple[Metric, ...]:
    """Return the metrics of a flow, or of a pool, that something is known of, in the order of all tables."""
    known = _pooled_rates(inputs, terms) if inputs.members else _unit_rates(inputs, terms)
    names = [name for name in METRICS if name in known]
    hard = [name for name in names if name in terms.hard]
    watched = [name for name in names if name not in terms.hard and name not in WATCHED_ONLY]
    weights = dict.fromkeys(hard, (HARD_WEIGHT if watched else 1 - CAP_WEIGHT) / max(len(hard), 1))
    weights |= dict.fromkeys(watched, (1 - CAP_WEIGHT - (HARD_WEIGHT if hard else 0)) / max(len(watched), 1))
    part = inputs.own_part
    return tuple(_metric(name, known[name], inputs, terms, weights.get(name, 0.0) * part) for name in names)


Known = tuple[float, float, str, float | None]
"""Rate of a call, its upper bound, where it comes from, and the limit of one call."""


@dataclass(frozen=True, slots=True)
class _Rate:
    """A rate of a flow's units before a judge sees it."""

    seen: float
    planned: float
    upper: float
    call_upper: float
    limit: float | None
    source: str


def _unit_rates(inputs: Inputs, terms: Terms) -> dict[MetricName, _Rate]:
    return {name: _unit_rate(name, known, inputs, terms) for name, known in _call_rates(inputs, terms)}


def _unit_rate(name: MetricName, known: Known, inputs: Inputs, terms: Terms) -> _Rate:
    rate, upper, source, limit = known
    calls = inputs.calls_per_unit
    if name in terms.rates:
        given = terms.rates[name]
        return _Rate(given, given, given, given / calls, limit, "the policy file")
    # Clean goldens do not promise that nothing is ever bad: half of what they cannot exclude is planned for.
    planned = unit_rate(rate or upper / 2, calls)
    if not rate:
        source += f": none, so half of what they cannot exclude is taken, {upper / 2:.2%} of calls"
    return _Rate(unit_rate(rate, calls), planned, unit_rate(upper, calls), upper, limit, source)


def _pooled_rates(inputs: Inputs, terms: Terms) -> dict[MetricName, _Rate]:
    """Return the rates of a pool's units: means over its members by their traffic, of what is known of all of them.

    Raises UsageProblem for a hard metric that nothing is known of in a member: a gate would let it through unseen.
    """
    sheets = [_unit_rates(member.inputs, member.terms) for member in inputs.members]
    units = [member.inputs.units_per_day for member in inputs.members]
    if len(sheets) == 1:
        return sheets[0]
    common = [name for name in METRICS if all(name in sheet for sheet in sheets)]
    for name in (name for name in terms.hard if name not in common):
        flows = [m.inputs.evidence.flow for m, sheet in zip(inputs.members, sheets, strict=True) if name not in sheet]
        raise UsageProblem(
            f'pool "{inputs.evidence.flow}" cannot be planned: nothing is known of "{name}" in {", ".join(flows)}',
            hint="a hard metric of a pool is one of every member",
        )
    return {name: _mixed([sheet[name] for sheet in sheets], units) for name in common}


def _mixed(rates: Sequence[_Rate], units: Sequence[float]) -> _Rate:
    seen = sum(weight * rate.seen for weight, rate in zip(units, rates, strict=True)) / sum(units)
    upper = weighted_bound([(weight, rate.seen, rate.upper) for weight, rate in zip(units, rates, strict=True)])
    # What an hour of calls is held against: in that hour the worst member may be alone.
    call_upper = max(rate.call_upper for rate in rates)
    same = len({rate.source for rate in rates}) == 1
    # A limit is of one member's calls: each has its own.
    return _Rate(
        seen, seen or upper / 2, upper, call_upper, None, rates[0].source if same else "the members, by their traffic"
    )


def _call_rates(inputs: Inputs, terms: Terms) -> Iterator[tuple[MetricName, Known]]:
    yield "bad", _contract(inputs)
    yield "error", (FEW, FEW, "taken for one call in 200", None)
    if (schema := _rung(inputs, Rung.SCHEMA)) is not None:
        yield "schema", schema
    yield "refusal", _rung(inputs, Rung.ANSWERED) or (FEW, FEW, "taken for one call in 200", None)
    if terms.judge is not None or "ungrounded" in terms.hard:
        yield "ungrounded", (FEW, FEW, "taken for one call in 200", None)
    yield "thumbs_down", (FEW, FEW, "taken for one call in 200", None)
    slow = inputs.evidence.latency_baseline.p95
    if slow is not None:
        n = inputs.evidence.latency_baseline.n
        source = f"p95 of {n} golden {'case' if n == 1 else 'cases'}"
        yield "slow", (SPIKES, SPIKES, source, slow * terms.latency_ratio)
    tokens = _larger(inputs.baseline.tokens_p95, inputs.candidate.tokens_p95)
    if tokens:
        yield "tokens", (SPIKES, SPIKES, _both(inputs), tokens)
    cost = _larger(inputs.baseline.cost_p95, inputs.candidate.cost_p95)
    if cost:
        yield "cost", (SPIKES, SPIKES, _both(inputs), cost)


def _larger(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _both(inputs: Inputs) -> str:
    return f"larger p95 of {inputs.baseline.calls} golden and {inputs.candidate.calls} replayed calls"


def _contract(inputs: Inputs) -> Known:
    contract = next((metric for metric in inputs.evidence.metrics if metric.name == "contract"), None)
    if contract is None or contract.baseline is None:
        return FEW, FEW, "taken for one call in 200", None
    bad = (1 - contract.baseline) * contract.cases
    # A case counts once, however many samples stand behind it.
    upper = wilson(round(bad), contract.cases)[1]
    noun = "case" if contract.cases == 1 else "cases"
    return bad / contract.cases, upper, f"contract broken in the goldens of {contract.cases} {noun}", None


def _rung(inputs: Inputs, rung: Rung) -> Known | None:
    rates = inputs.evidence.rungs.get(rung)
    if rates is None or not rates.baseline.total:
        return None
    bad = rates.baseline.total - rates.baseline.passed
    upper = wilson(bad, rates.baseline.total)[1]
    return bad / rates.baseline.total, upper, f"{bad} of {rates.baseline.total} golden samples", None


def _metric(name: MetricName, known: _Rate, inputs: Inputs, terms: Terms, weight: float) -> Metric:
    per_unit, upper_unit, source = known.planned, known.upper, known.source
    margin = inputs.margin
    if name == "ungrounded" and terms.judge is not None:
        judge = terms.judge
        per_unit = seen_rate(per_unit, judge.sensitivity, judge.specificity)
        upper_unit = seen_rate(upper_unit, judge.sensitivity, judge.specificity)
        margin = seen_margin(margin, judge.sensitivity, judge.specificity)
        source += f", as a judge of {judge.sensitivity:.0%} / {judge.specificity:.0%} sees it"
    r0 = 1.0 if inputs.critical == "critical" else 1 + margin / max(upper_unit, 1e-6)
    return Metric(
        name, name in terms.hard, per_unit, upper_unit, known.call_upper, margin, r0, weight, known.limit, source
    )
