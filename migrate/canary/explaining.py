"""What stands behind a number: its formula, the inputs it was made of here, and where the formula comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from migrate.canary.counted import Counted
from migrate.canary.figures import CHECK_PLACES, PLAN_PLACES
from migrate.canary.ladder import percent
from migrate.canary.metrics import CAP_WEIGHT
from migrate.canary.nouns import Rollout
from migrate.canary.terms import METRICS
from migrate.canary.verdicts import Reading, Verdict
from migrate.evidence.figures import Figures, of_the_tool
from migrate.evidence.words import points


@dataclass(frozen=True, slots=True)
class Subject:
    """One flow: its plan and, where a log was checked, what it says."""

    rollout: Rollout
    verdict: Verdict | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """One figure."""

    formula: str
    source: str
    inputs: Callable[[Subject], Iterator[str]]


def _stages(subject: Subject) -> Iterator[str]:
    for stage in subject.rollout.stages:
        if stage.looks:
            size = f"{stage.n_candidate} + {stage.n_control} units a look"
            levels = ", ".join(f"{level:.4g}" for level in stage.levels) or f"{stage.level:.4g}"
            power = f"power {stage.power_exact:.3f}"
            yield f"at {percent(stage.share)}: margin {points(stage.margin)} points, levels {levels}, {size}, {power}"


def _gate(subject: Subject) -> Iterator[str]:
    yield from _stages(subject)
    for look in subject.verdict.looks if subject.verdict else ():
        units = f"{look.candidate_units} units against {look.control_units}"
        yield f"look {look.number}: at most {points(look.upper)} points worse, {units}, passed: {_yes(look.passed)}"
    if subject.verdict is not None:
        missing = subject.verdict.missing_candidate, subject.verdict.missing_control
        yield f"units without an outcome: {missing[0]} of the candidate, {missing[1]} of the control"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _early(subject: Subject) -> Iterator[str]:
    for stage in subject.rollout.stages:
        if stage.early is not None:
            ratios = ", ".join(f"{name} {r0:.4g}" for name, r0 in stage.early.r0.items())
            wanted = f"passes at {stage.early.e:g}, {stage.early.days} days at least"
            yield f"at {percent(stage.share)}: {wanted}, r0 {ratios}"
    if not any(stage.early for stage in subject.rollout.stages):
        yield "not allowed by this plan's policy: early = true allows it"


def _first(subject: Subject) -> Iterator[str]:
    rollout = subject.rollout
    yield f"B a day {rollout.budget_per_day:.4g}, N {rollout.units_per_day:g} {rollout.units} a day"
    yield f"U {points(rollout.unfavourable)} points: the offline upper bound, doubled for hand-written cases"


def _offline(subject: Subject) -> Iterator[str]:
    rollout = subject.rollout
    bounds = [value for value in (rollout.excess, rollout.excess_low, rollout.excess_high) if value is not None]
    said = ", ".join(points(value) for value in bounds) or "unknown"
    yield f"excess, lower and upper bound in points: {said}; n {rollout.cases} cases, run {rollout.run}"
    yield f"p {'unknown' if rollout.p is None else f'{rollout.p:.4g}'}, margin {points(rollout.margin)} points"
    if rollout.mirrored_cases is not None:
        yield f"calls to mirror first: {rollout.mirrored_cases}"


def _reachable(subject: Subject) -> Iterator[str]:
    found = subject.rollout.reachable_margin
    yield "the flow's own margin can be shown" if found is None else f"{points(found)} points"


def _duration(subject: Subject) -> Iterator[str]:
    rollout = subject.rollout
    yield f"{rollout.units_per_day:g} {rollout.units} a day, {rollout.requests_per_day:g} calls a day"
    for stage in rollout.stages:
        wanted = f"{stage.days_exact:.2f} days wanted, {stage.days} planned, over on day {stage.ends_not_before}"
        yield f"at {percent(stage.share)}: {wanted}, {stage.requests} calls"
    yield f"starts on day {rollout.starts_on_day}, {rollout.days} days in all"


def _exposure(subject: Subject) -> Iterator[str]:
    for stage in subject.rollout.stages:
        bad = f"bad {stage.expected_bad_equal:.1f} if equal, {stage.expected_bad_at_margin:.1f} at the margin"
        yield f"at {percent(stage.share)}: {bad}, in excess {stage.budget_used:.1f}, over {stage.days} days"


def _money(subject: Subject) -> Iterator[str]:
    for stage in subject.rollout.stages:
        cold, warm = (
            "unknown" if usd is None else f"{usd:+.2f}" for usd in (stage.cost_per_day_cold, stage.cost_per_day_warm)
        )
        yield f"at {percent(stage.share)}: {cold} dollars a day cold, {warm} warm"
    yield from _side_lines(subject, "cost")


def _latency(subject: Subject) -> Iterator[str]:
    rollout = subject.rollout
    deltas = [("p50", rollout.latency_p50_delta_ms), ("p95", rollout.latency_p95_delta_ms)]
    said = ", ".join(f"{name} {'unknown' if delta is None else f'{delta:+.0f} ms'}" for name, delta in deltas)
    yield f"offline: {said}, n {rollout.latency_n} cases"
    yield from _side_lines(subject, "latency")


def _side_lines(subject: Subject, what: str) -> Iterator[str]:
    for side in subject.counted.sides if subject.counted else ():
        if what == "latency":
            bounds = f"{_known(side.p95_low_ms)} to {_known(side.p95_high_ms)}"
            quantiles = f"p50 {_known(side.p50_ms)}, p95 {_known(side.p95_ms)} ms ({bounds})"
            yield f"{side.arm}: {quantiles}, n {side.calls} calls"
        else:
            caches = f"cold {_known(side.cold_usd)}, warm {_known(side.warm_usd)}"
            yield f"{side.arm}: mean {_known(side.mean_usd)} dollars, {caches}, n {side.priced} calls"


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _rates(subject: Subject) -> Iterator[str]:
    for metric in subject.rollout.metrics:
        rate = f"{metric.rate:.4g} of the units, at most {metric.upper:.4g}, {metric.call_rate:.4g} of the calls"
        yield f"{metric.name}: {rate} ({metric.source})"
    for stratum in subject.rollout.strata:
        rates = ", ".join(f"{metric.name} {metric.rate:.4g}" for metric in stratum.metrics)
        yield f"{stratum.flow}: {rates} of {stratum.units_per_day:g} {subject.rollout.units} a day"


def _pool(subject: Subject) -> Iterator[str]:
    rollout, verdict = subject.rollout, subject.verdict
    if not rollout.strata:
        yield "a flow of its own: the policy has it in no pool"
    for stratum in rollout.strata:
        known = (stratum.excess, stratum.excess_low, stratum.excess_high)
        offline = ", ".join(points(value) for value in known if value is not None) or "unknown"
        traffic = f"{stratum.units_per_day:g} {rollout.units} and {stratum.requests_per_day:g} calls a day"
        yield f"{stratum.flow}: {traffic}; offline excess, lower and upper bound in points {offline}"
        yield f"{stratum.flow}: bad today {stratum.bad.rate:.4g}, allowed ratio {stratum.bad.r0:.4g}"
        for share, table in stratum.stops[:1]:
            first = ", ".join(f"{k} of the first {m}" for m, k in table[:3]) or "by more than the table lists"
            yield f"{stratum.flow}: alone it stops the pool at {percent(share)} by {first} of its bad answers"
    for member in verdict.strata if verdict else ():
        sides = f"{member.candidate_bad}/{member.candidate_units} against {member.control_bad}/{member.control_units}"
        yield f"{member.flow}: bad {sides}, E {member.e:.4g}, alone it stops the pool at {member.threshold:.4g}"


def _evidence(subject: Subject) -> Iterator[str]:
    rollout, verdict = subject.rollout, subject.verdict
    yield f"alpha {rollout.alpha:g}: stops at {1 / rollout.alpha:g}"
    yield from (
        f"{metric.name}: r0 {metric.r0:.4g}, weight {metric.weight:.3g}" for metric in rollout.metrics if metric.weight
    )
    yield f"cap: weight {CAP_WEIGHT * rollout.own_part:g}"
    if rollout.own_part < 1:
        yield f"members: weight {rollout.member_part:.3g} each"
    for reading in verdict.readings if verdict else ():
        yield f"{reading.name}: E {reading.e:.4g}, alone it stops at {reading.threshold:.4g}"
    if verdict is not None:
        yield f"the largest weighted mean so far {verdict.e:.4g}"


def _caps(subject: Subject) -> Iterator[str]:
    yield from (f"at {percent(stage.share)}: cap {stage.cap:.2%}" for stage in subject.rollout.stages if stage.caps)
    if subject.verdict is not None:
        yield f"E {subject.verdict.cap_e:.4g}, mean over the stages"


def _budget(subject: Subject) -> Iterator[str]:
    yield f"B {subject.rollout.budget:.4g} units of the whole rollout, {subject.rollout.budget_per_day:.4g} on day one"
    if subject.verdict is not None:
        yield f"spent {subject.verdict.spent:.4g}"


def _split(subject: Subject) -> Iterator[str]:
    rollout, verdict = subject.rollout, subject.verdict
    yield f"shares {', '.join(percent(stage.share) for stage in rollout.stages)}; counted are {rollout.units}"
    if verdict is not None and verdict.mismatch_p is not None and verdict.mismatch_e is not None:
        yield f"p {verdict.mismatch_p:.4g}, E {verdict.mismatch_e:.4g}"


def _halves(subject: Subject) -> Iterator[str]:
    if subject.verdict is None:
        yield "no log: canary check counts it"
        return
    yield from (f"{reading.name}: E {reading.e_control_halves:.4g}" for reading in subject.verdict.readings)


def _behaviour(subject: Subject) -> Iterator[str]:
    rows = subject.rollout.behaviour
    yield "units independent; bad answers alone, without what caps and the other metrics stop"
    for row in rows:
        where = f" in {row.harmed} alone" if row.harmed else ""
        ends = f"through {row.promoted:.3f}, rolled back {row.rolled_back:.3f}, held {row.held:.3f}"
        shown = f"{row.days:.1f} days, {row.bad_mean:.1f} bad, n {row.rollouts}"
        yield f"true excess {points(row.excess)} points{where}: {ends}, {shown}"
        if row.overspent:
            yield f"of these rolled back because the budget was spent: {row.overspent:.3f}"
        if row.by_member:
            own = ", ".join(f"{flow} {share:.3f}" for flow, share in row.by_member.items())
            yield f"of these rolled back by a member's own evidence: {own}"


def _counts(subject: Subject) -> Iterator[str]:
    found = subject.counted
    if found is None:
        yield "no log: canary check counts it"
        return
    calls = sum(row.calls for row in found.hours)
    yield f"{calls} calls, {found.unassigned} without a side, {found.duplicates} repeated, {found.late} joined late"
    yield f"{found.fallbacks} fallbacks, {found.crossed} units on both sides"


def _given(subject: Subject) -> Iterator[str]:
    rollout = subject.rollout
    margin = f"margin {points(rollout.margin)} points"
    yield f"{rollout.critical}: {margin}, alpha {rollout.alpha:g}, power {rollout.power:g}"
    if rollout.judge is not None:
        yield f"judge: sensitivity {rollout.judge.sensitivity:g}, specificity {rollout.judge.specificity:g}"


def _together(subject: Subject) -> Iterator[str]:
    rollout, verdict = subject.rollout, subject.verdict
    yield f"p {'unknown' if rollout.p is None else f'{rollout.p:.4g}'}, alpha {rollout.alpha:g}"
    if verdict is not None and verdict.path:
        yield f"E now {verdict.path[-1].e:.4g}"


EXPLAINED: Final[dict[str, Explained]] = {
    "size": Explained(
        "n = (z_a sqrt(v0) + z_b sqrt(v1))^2 / (margin - excess)^2, v0 at the rates restricted to the margin; raised "
        "until the exact power suffices; a: a third of alpha for one look and two extensions (Bonferroni), or the last "
        "level of O'Brien and Fleming's shape, n then parted over three looks",
        "Farrington and Manning, Statistics in Medicine 9 (1990); Lan and DeMets, Biometrika 70 (1983); exact sums",
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
        _gate,
    ),
    "early": Explained(
        "promote between the looks when E of every hard metric, with ratios r_j = r0 / 20^((j - 1/2) / 40), is at "
        "least 4 / alpha; r0 = 1 + margin / largest planned rate; silent where the control is shown to be past "
        "that rate",
        "mirror of the evidence; Ville (1939); a quarter of the gate's alpha is kept for it (Bonferroni)",
        _early,
    ),
    "first_share": Explained(
        "largest step <= B a day / (N U), and not above the class's cap", "own definition", _first
    ),
    "offline": Explained(
        "excess: mean over cases of baseline's share of good samples minus the candidate's, with the verdict's bounds; "
        "paired cases wanted: (z_a + z_b)^2 (psi - D^2) / (margin - D)^2, psi the upper bound of the discordant share",
        "docs/verdict.md; Owen 2001; Connor, Biometrics 43 (1987)",
        _offline,
    ),
    "reachable": Explained(
        "the smallest margin whose size at 50 % fits into the days there are, in steps of half a point",
        "Farrington and Manning, Statistics in Medicine 9 (1990)",
        _reachable,
    ),
    "duration": Explained(
        "whole days: max(least days, n / (share x units a day)); the last comparing stage lasts a week; flows start so "
        "that a day exposes no more new traffic than allowed, the most saving times confidence first",
        "definition",
        _duration,
    ),
    "exposure": Explained(
        "bad: days x units a day x share x rate, or (rate + margin); in excess: days x units a day x share x the "
        "excess that the gate before still allows",
        "definition; compare SQR (Xu, Duan and Huang 2018)",
        _exposure,
    ),
    "money": Explained(
        "a day: calls x share x (candidate's price - today's), the candidate's prompt cache empty or as warm as "
        "today's; in a log: mean of the priced calls, its interval by drawing units again in 256 groups",
        "definition; Efron, JASA 82 (1987); Chamandy and others (2012)",
        _money,
    ),
    "latency": Explained(
        "difference of quantiles over case means offline; quantiles of the calls of the newest stage in a log; "
        "interval: order statistics at 90 %",
        "Hyndman and Fan 1996; David and Nagaraja, Order Statistics, section 7.1",
        _latency,
    ),
    "rates": Explained(
        "share of units that meet at least one: 1 - (1 - rate of a call)^calls a unit; upper: Wilson's bound at 95 %, "
        "and half of it is planned with where the goldens are clean; a judge sees p Se + (1 - p) (1 - Sp)",
        "Wilson 1927; Rogan and Gladen 1978",
        _rates,
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
    "halves": Explained(
        "the same evidence over two halves of the control, by a second hash of the unit: an A/A test that stays small",
        "as evidence",
        _halves,
    ),
    "together": Explained(
        "claims: Benjamini and Hochberg over the flows' offline p at 0.05, Benjamini and Yekutieli where flows share a "
        "judge; alarms: the k largest E with the k-th at least m / (0.05 k); pooled: mean of E; stratified: ratios of "
        "all flows multiplied within each alternative",
        "Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001; Wang and Ramdas 2022; Vovk and Wang 2021",
        _together,
    ),
    "pool": Explained(
        "one share at every moment, so a bad answer is the candidate's with one chance whatever member it comes from: "
        "E = E of all as one / 2 + mean of the members' own E / 2, each by its own rates. Rates of the pool: means by "
        "traffic, their bounds the distances of the members' weighted, squared and added; margin, alpha, power and "
        "class: the strictest; a pool of one is its flow",
        "Zou and Donner, Statistics in Medicine 27 (2008); Vovk and Wang (2021); migrate/canary/pooling.py",
        _pool,
    ),
    "behaviour": Explained(
        "simulated rollouts of this plan: binomial bad units a day, evidence looked at daily, gates at their sizes; of "
        "a pool member by member, rolled back by its evidence as one and that of its members together",
        "own simulation; standard error at most 0.5 / sqrt(n)",
        _behaviour,
    ),
    "counts": Explained(
        "lines of the log by what they are; a line that comes twice counts once, an outcome that comes late joins its "
        "call by response_id",
        "definition",
        _counts,
    ),
    "given": Explained(
        "what was given and not computed: margins, errors, power, shares, seeds, the judge's sensitivity",
        "the flow's class of criticality, its prompt file, and the policy file",
        _given,
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
FIGURES: Final = Figures(NAMES, {**PLAN_PLACES, **CHECK_PLACES})


def explanation(name: str, subject: Subject) -> list[str]:
    """Return what stands behind a metric or a figure, for one flow."""
    flow = subject.rollout.flow
    if name in EXPLAINED:
        known = EXPLAINED[name]
        rows = [f"input: {line}" for line in known.inputs(subject)]
        return [f"{flow}, {name}", f"formula: {known.formula}", *rows, f"source: {of_the_tool(known.source)}"]
    return [f"{flow}, {name}: {MEANINGS[name]}", *_metric(name, subject)]


def _metric(name: str, subject: Subject) -> Iterator[str]:
    metric = next((one for one in subject.rollout.metrics if one.name == name), None)
    if metric is None:
        yield "not part of this plan: nothing is known of it"
        return
    yield f"input: today {metric.rate:.4g} of the units, at most {metric.upper:.4g} ({metric.source})"
    yield f"input: margin {points(metric.margin)} points, allowed ratio {metric.r0:.4g}, weight {metric.weight:.3g}"
    if metric.limit is not None:
        yield f"input: limit of one call {metric.limit:.6g}"
    readings = subject.verdict.readings if subject.verdict else ()
    reading = next((one for one in readings if one.name == name), None)
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
