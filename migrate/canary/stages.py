"""The rows of a plan: sizes, days, exposure, stop tables and gates of each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil, prod
from statistics import NormalDist
from typing import Final

from migrate.canary.ladder import hold_back
from migrate.canary.metrics import CAP_WEIGHT, planned_metrics
from migrate.canary.nouns import MOST_CAP, Early, Inputs, Metric, Rollout, ShareKind, Stage, Stratum, Table
from migrate.canary.terms import MetricName, Terms
from migrate.statistics import Size, boundaries, cap_table, exact_power, powered, stop_table

LOOKS: Final = 3
"""One at the planned size and two extensions of the same length; or thirds of it, with O'Brien and Fleming's levels."""
EARLY_PART: Final = 0.25
"""Part of a gate's error that is kept for passing it between its looks, where that is allowed."""
LONGEST_TABLE: Final = 120
"""Bad answers that a stop table lists; past it `canary check` computes the evidence itself."""
CAP_TOTALS: Final = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
MOST_UNITS: Final = 4_000_000
"""Of one stage; a flow that needs more cannot be shown anything."""


def stage_rows(
    inputs: Inputs, terms: Terms, metrics: Sequence[Metric], gates: Sequence[tuple[float, float]], excess: float
) -> tuple[Stage, ...] | None:
    """Return the rows of the stages (share, margin) and of what follows them; None where a stage cannot be sized.

    `excess` is what the first stage has to be prepared for; each later one for what the gate before still allows.
    """
    writer = _Writer(inputs, terms, metrics)
    for place, (share, margin) in enumerate(gates):
        size = stage_size(metrics, share, margin, inputs, terms)
        if size is None:
            return None
        writer.compare(share, margin, size, excess, last=place == len(gates) - 1)
        excess = margin
    writer.end(excess)
    return tuple(writer.rows)


def look_levels(alpha: float, terms: Terms) -> tuple[float, ...]:
    """Return the one-sided error of each look; together they and an early promotion err no more often than alpha.

    Alike by Bonferroni; or by K. K. G. Lan and D. L. DeMets, Biometrika 70 (1983), at thirds of the information.
    """
    left = alpha * (1 - EARLY_PART) if terms.early else alpha
    if terms.looks == "bonferroni":
        return (left / LOOKS,) * LOOKS
    return _late_levels(left)


@lru_cache(maxsize=64)
def _late_levels(alpha: float) -> tuple[float, ...]:
    bounds = boundaries(alpha, [(look + 1) / LOOKS for look in range(LOOKS)])
    return tuple(1 - NormalDist().cdf(bound) for bound in bounds)


def stage_size(
    metrics: Sequence[Metric], share: float, margin: float, inputs: Inputs, terms: Terms | None = None
) -> Size | None:
    """Return the units that the first look wants, so that all hard metrics pass with the plan's power if all are equal.

    They pass at the first look where all looks have one level, else by the last one, of thrice as many units.
    """
    terms = terms or Terms()
    hard = [metric for metric in metrics if metric.hard]
    power = 1 - (1 - inputs.power) / len(hard)
    level = look_levels(inputs.alpha, terms)[-1]
    sizes = [_size(metric.rate, _scaled(metric, margin, inputs), share, level, power) for metric in hard]
    found = [size for size in sizes if size is not None]
    if len(found) < len(sizes):
        return None
    size = max(found, key=lambda size: size.candidate)
    part = looks_until_power(terms)
    return Size(ceil(size.candidate / part), ceil(size.control / part))


def looks_until_power(terms: Terms) -> int:
    """Return the look that the power is promised for."""
    return 1 if terms.looks == "bonferroni" else LOOKS


@lru_cache(maxsize=1024)
def _size(rate: float, margin: float, share: float, alpha: float, power: float) -> Size | None:
    if margin <= 0 or rate + margin >= 1:
        return None
    return powered(rate, margin, share, alpha=alpha, power=power, most=MOST_UNITS)


def _scaled(metric: Metric, margin: float, inputs: Inputs) -> float:
    """Return a stage's margin on the metric's own scale: a judge shrinks it."""
    return margin * metric.margin / inputs.margin


@dataclass(slots=True)
class _Writer:
    """The rows of one flow, one after another: each knows on which day the one before it ends."""

    inputs: Inputs
    terms: Terms
    metrics: Sequence[Metric]
    rows: list[Stage] = field(default_factory=list)

    def compare(self, share: float, margin: float, size: Size, excess: float, *, last: bool) -> None:
        """Add a stage with a gate; `excess` is what its candidate may have by what is known before it."""
        exact = size.candidate / (share * self.inputs.units_per_day)
        least = self.terms.last_gate_days if last else self.terms.min_days
        row = self._row(share, "compare", margin, max(least, ceil(exact - 1e-9)), excess)
        levels = look_levels(self.inputs.alpha, self.terms)
        looks = looks_until_power(self.terms)
        whole = Size(size.candidate * looks, size.control * looks)
        power = prod(
            exact_power(whole, (metric.rate, metric.rate), _scaled(metric, margin, self.inputs), levels[looks - 1])
            for metric in self.metrics
            if metric.hard
        )
        row = replace(row, n_candidate=size.candidate, n_control=size.control, days_exact=exact)
        row = replace(row, early=self._early(margin, least) if self.terms.early else None)
        self.rows.append(replace(row, power_exact=power, looks=LOOKS, level=levels[0], levels=levels))

    def _early(self, margin: float, least: int) -> Early:
        """Return how the gate may be passed early: the margin as a ratio to the largest rate the control may have."""
        hard = [metric for metric in self.metrics if metric.hard]
        r0 = {metric.name: 1 + _scaled(metric, margin, self.inputs) / max(metric.upper, 1e-6) for metric in hard}
        return Early(1 / (self.inputs.alpha * EARLY_PART), least, r0)

    def end(self, margin: float) -> None:
        """Add the hold-back, where there is one, and the full share, at which there is nothing to compare with."""
        kept = hold_back(self.inputs, self.terms)
        if kept and self.terms.hold_back_days:
            self.rows.append(self._row(1 - kept, "holdback", margin, self.terms.hold_back_days, margin))
        self.rows.append(self._row(1.0, "watch", margin, 0, margin))

    def _row(self, share: float, kind: ShareKind, margin: float, days: int, excess: float) -> Stage:
        inputs = self.inputs
        units = days * inputs.units_per_day * share
        bad = next(metric for metric in self.metrics if metric.name == "bad")
        cap = min(_largest(inputs, bad) + margin, MOST_CAP)
        cold, warm = _money(inputs, share)
        watched = kind != "watch"
        return Stage(
            share=share,
            share_kind=kind,
            margin=margin,
            n_candidate=0,
            n_control=0,
            requests=round(days * inputs.requests_per_day),
            days_exact=float(days),
            days=days,
            ends_not_before=days + (self.rows[-1].ends_not_before if self.rows else 0),
            power_exact=None,
            expected_bad_equal=units * bad.rate,
            expected_bad_at_margin=units * min(bad.rate + margin, 1.0),
            budget_used=units * excess,
            cost_per_day_cold=cold,
            cost_per_day_warm=warm,
            rollback=_tables(inputs, self.metrics, share, units) if watched else {},
            cap=cap,
            caps=_caps(cap, inputs.alpha * CAP_WEIGHT * inputs.own_part, units) if watched else (),
            looks=0,
            level=None,
        )


def _largest(inputs: Inputs, bad: Metric) -> float:
    """Return the largest bad rate the control may have: of a pool its worst member's, when others are asleep."""
    each = [planned_metrics(member.inputs, member.terms) for member in inputs.members]
    return max((metric.upper for metrics in each for metric in metrics if metric.name == "bad"), default=bad.upper)


def _money(inputs: Inputs, share: float) -> tuple[float | None, float | None]:
    """Return dollars a day against today: with a cold prompt cache of the candidate's, and with one as warm as today's.

    Prompt caches belong to a model: at 10 % of the traffic the candidate's is colder than it will be.
    """
    today, calls = inputs.baseline.warm_usd, inputs.requests_per_day * share
    cold, warm = inputs.candidate.cold_usd, inputs.candidate.warm_usd
    if today is None or cold is None or warm is None:
        return None, None
    return calls * (cold - today), calls * (warm - today)


def _tables(inputs: Inputs, metrics: Sequence[Metric], share: float, units: float) -> dict[MetricName, Table]:
    found: dict[MetricName, Table] = {}
    for metric in metrics:
        if metric.weight:
            events = _events(3 * metric.rate * units / share)
            found[metric.name] = _stops(share, inputs.alpha * metric.weight, events, metric.r0)
    return found


def with_member_stops(rollout: Rollout) -> Rollout:
    """Return the rollout; of a pool with the integers by which the bad answers of one member alone stop all of them."""
    watched = [stage for stage in rollout.stages if stage.share_kind != "watch"]
    if not (rollout.member_part and watched):
        return rollout
    strata = [replace(one, stops=tuple(_member_stops(one, rollout, watched))) for one in rollout.strata]
    return replace(rollout, strata=tuple(strata))


def _member_stops(stratum: Stratum, rollout: Rollout, stages: Sequence[Stage]) -> Iterator[tuple[float, Table]]:
    alpha = rollout.alpha * rollout.member_part * stratum.bad.weight
    for stage in stages:
        expected = 3 * stratum.bad.rate * stratum.units_per_day * stage.days
        yield stage.share, _stops(stage.share, alpha, _events(expected), stratum.bad.r0)


def _events(expected: float) -> int:
    """Return how many bad answers a stop table lists."""
    return max(10, min(ceil(expected), LONGEST_TABLE))


@lru_cache(maxsize=4096)
def _stops(share: float, alpha: float, events: int, r0: float) -> Table:
    return stop_table(share, alpha, events, r0)


@lru_cache(maxsize=256)
def _caps(cap: float, alpha: float, units: float) -> Table:
    return cap_table(cap, alpha, [total for total in CAP_TOTALS if total <= max(units, CAP_TOTALS[0])])
