"""What stands behind a number: its formula, the inputs it was made of here, and where the formula comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from migrate.canary.ladder import points
from migrate.canary.metrics import CAP_WEIGHT
from migrate.canary.nouns import Rollout
from migrate.canary.stages import LOOKS
from migrate.canary.terms import METRICS
from migrate.canary.verdicts import Reading, Verdict


@dataclass(frozen=True, slots=True)
class Explained:
    """One figure."""

    formula: str
    source: str
    inputs: Callable[[Rollout], Iterator[str]]


def _stages(rollout: Rollout) -> Iterator[str]:
    for stage in rollout.stages:
        if stage.looks:
            size = f"{stage.n_candidate} + {stage.n_control} units"
            margin = f"margin {points(stage.margin)} points, level {stage.level:.4g}"
            yield f"at {stage.share:.0%}: {margin}, {size}, power {stage.power_exact:.3f}"


def _first(rollout: Rollout) -> Iterator[str]:
    yield f"B a day {rollout.budget_per_day:.4g}, N {rollout.units_per_day:g} {rollout.units} a day"
    yield f"U {points(rollout.unfavourable)} points: the offline upper bound, doubled for hand-written cases"


def _evidence(rollout: Rollout) -> Iterator[str]:
    yield f"alpha {rollout.alpha:g}: stops at {1 / rollout.alpha:g}"
    yield from (
        f"{metric.name}: r0 {metric.r0:.4g}, weight {metric.weight:.3g}" for metric in rollout.metrics if metric.weight
    )
    yield f"cap: weight {CAP_WEIGHT:g}"


def _caps(rollout: Rollout) -> Iterator[str]:
    yield from (f"at {stage.share:.0%}: cap {stage.cap:.2%}" for stage in rollout.stages if stage.caps)


def _budget(rollout: Rollout) -> Iterator[str]:
    yield f"B {rollout.budget:.4g} units of the whole rollout"


def _split(rollout: Rollout) -> Iterator[str]:
    yield f"shares {', '.join(f'{stage.share:.0%}' for stage in rollout.stages)}; counted are {rollout.units}"


def _behaviour(rollout: Rollout) -> Iterator[str]:
    yield f"{rollout.behaviour[0].rollouts if rollout.behaviour else 0} rollouts a row; units independent"


EXPLAINED: Final[dict[str, Explained]] = {
    "size": Explained(
        f"n = (z_a sqrt(v0) + z_b sqrt(v1))^2 / (margin - excess)^2, v0 at the rates restricted to the margin; raised "
        f"until the exact power suffices; a = alpha / {LOOKS}: one look and two extensions (Bonferroni)",
        "Farrington and Manning, Statistics in Medicine 9 (1990); exact sums over both binomials",
        _stages,
    ),
    "power": Explained(
        "sum over both binomial counts of [Newcombe's one-sided upper bound of the excess < margin]",
        "definition; Newcombe, Statistics in Medicine 17 (1998) 873, method 10",
        _stages,
    ),
    "gate": Explained(
        "promote if the upper bound of the excess is below the stage's margin at a planned look; candidate's missing "
        "outcomes count as bad, the control's as good",
        "Newcombe, Statistics in Medicine 17 (1998) 873, method 10",
        _stages,
    ),
    "first_share": Explained(
        "largest step <= B a day / (N U), and not above the class's cap", "own definition", _first
    ),
    "evidence": Explained(
        "E = mean_j prod over bad units of P(side | bad; r_j) / P(side | bad; r0), P(candidate | bad; r) = "
        "s r / (s r + 1 - s), s the share at that hour; r_j = r0 20^((j - 1/2) / 40). Roll back when the weighted mean "
        "of the metrics' E and the cap's is 1 / alpha or more: at most alpha of acceptable candidates ever get there",
        "Przyborowski and Wilenski, Biometrika 31 (1940); Robbins (1970); Ville (1939); Lindon and Malek (2022)",
        _evidence,
    ),
    "cap": Explained(
        "E = mean_j r_j^k ((1 - r_j c) / (1 - c))^(n - k), k bad of n units; 1 while the control is past the cap too",
        "mixture of Bernoulli likelihood ratios; Ville (1939)",
        _caps,
    ),
    "budget": Explained(
        "sum over the hours of bad(candidate) - s / (1 - s) bad(control) > B; hours in which both sides fail left out",
        "own definition",
        _budget,
    ),
    "mismatch": Explained(
        "chi-square of the units against the shares, p < 0.0005 at a look; a Dirichlet mixture at any time, E >= 1000",
        "Pearson (1900); Lindon and Malek, NeurIPS 2022",
        _split,
    ),
    "behaviour": Explained(
        "simulated rollouts of this plan: binomial bad units a day, evidence looked at daily, gates at their sizes",
        "own simulation; standard error at most 0.5 / sqrt(rollouts)",
        _behaviour,
    ),
}
MEANINGS: Final = {
    "bad": "a unit met an answer that failed, broke its schema or was refused",
    "error": "a call failed, was cut or filtered, or was answered by a fallback",
    "schema": "a call failed, or its answer broke the flow's schema",
    "refusal": "a call failed, or was refused",
    "ungrounded": "a judge called an answer ungrounded; of the units a judge has seen",
    "thumbs_down": "a call failed, or got a thumb down",
    "slow": "a call failed, or took longer than the limit",
    "tokens": "an answer was longer than the limit",
    "cost": "a call cost more than the limit",
}
NAMES: Final = (*METRICS, *EXPLAINED)


def explanation(name: str, rollout: Rollout, verdict: Verdict | None = None) -> list[str]:
    """Return what stands behind a metric or a figure, for one flow."""
    if name in EXPLAINED:
        known = EXPLAINED[name]
        rows = [f"input: {line}" for line in known.inputs(rollout)]
        return [f"{rollout.flow}, {name}", f"formula: {known.formula}", *rows, f"source: {known.source}"]
    return [f"{rollout.flow}, {name}: {MEANINGS[name]}", *_metric(name, rollout, verdict)]


def _metric(name: str, rollout: Rollout, verdict: Verdict | None) -> Iterator[str]:
    metric = next((one for one in rollout.metrics if one.name == name), None)
    if metric is None:
        yield "not part of this plan: nothing is known of it"
        return
    yield f"input: today {metric.rate:.4g} of the units, at most {metric.upper:.4g} ({metric.source})"
    yield f"input: margin {points(metric.margin)} points, allowed ratio {metric.r0:.4g}, weight {metric.weight:.3g}"
    if metric.limit is not None:
        yield f"input: limit of one call {metric.limit:.6g}"
    reading = next((one for one in verdict.readings if one.name == name), None) if verdict else None
    if reading is not None:
        yield from _reading(reading)
    yield f"formula: {EXPLAINED['evidence'].formula}"
    yield f"source: {EXPLAINED['evidence'].source}"
    if metric.hard:
        yield f"formula: {EXPLAINED['gate'].formula}"
        yield f"source: {EXPLAINED['gate'].source}"


def _reading(reading: Reading) -> Iterator[str]:
    yield f"input: {reading.candidate_bad} of {reading.candidate_units} units of the candidate"
    yield f"input: {reading.control_bad} of {reading.control_units} units of the control"
    if reading.excess is not None and reading.upper is not None:
        yield f"result: excess {points(reading.excess)} points, upper bound {points(reading.upper)}"
    yield f"result: evidence {reading.e:.4g}, stops alone at {reading.threshold:.4g}"
    yield f"result: A/A evidence of two halves of the control {reading.e_control_halves:.4g}"
