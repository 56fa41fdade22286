"""What each figure of a route means: its formula, what goes into it, and where the formula is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from migrate.evidence.figures import Explanation, Figures
from migrate.evidence.figures import explained as explained_figure
from migrate.routing.nouns import FlowRoute, RouteReport


def explained(name: str, report: RouteReport | None) -> Iterator[str]:
    """Yield what a metric is and, where there is a report, what went into it, flow by flow."""
    flows = [] if report is None else [(flow.trials.flow, flow) for flow in report.flows]
    return explained_figure(name, METRICS[name], flows)


def _metrics(flow: FlowRoute) -> str:
    about = flow.about
    if about is None or not about.metrics:
        return "nothing compared"
    parts = (
        f"{one.name} n {one.cases}, worse {one.worse}, better {one.better}, missing {one.missing}, "
        f"excess {'-' if one.excess is None else f'{one.excess:.4f}'}, bounds {one.low:.4f} to {one.high:.4f}, "
        f"margin {one.margin:g}, alpha {one.alpha:g}, p {one.p:.4g}"
        for one in about.metrics
    )
    return f"{about.candidate}: {'; '.join(parts)}; adjusted p {about.adjusted:.4g}, level {about.level:.4g}"


def _cost(flow: FlowRoute) -> str:
    about = flow.about
    if about is None or about.cost is None:
        return "cost unknown"
    cost, traffic = about.cost, flow.trials.traffic
    return (
        f"{about.candidate}: {cost.candidate:.3g} against {cost.baseline:.3g} dollars a successful answer, "
        f"n {cost.cases}; requests a day {_known(traffic.requests_per_day)}, "
        f"cached share {_known(traffic.cached_share)}"
    )


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _latency(flow: FlowRoute) -> str:
    if flow.about is None:
        return "nothing compared"
    change = flow.about.latency
    ratio, low, high = map(_known, (change.ratio, change.low, change.high))
    return f"{flow.about.candidate}: {ratio}, at least {low}, at most {high}, n {change.n}, {change.source}"


def _risk(flow: FlowRoute) -> str:
    if flow.risk is None:
        return "nothing compared"
    return f"{flow.risk.metric} {flow.risk.points:.2f} points, answers a day {_known(flow.risk.a_day)}"


def _confirmed(flow: FlowRoute) -> str:
    found = flow.confirmed
    if found is None:
        return "no switch to confirm"
    return f"excess {found.excess.value:.4f} over {found.cases} cases, {found.same} of {found.folds} folds agree"


def _cascade(flow: FlowRoute) -> str:
    best = None if flow.cascades is None else flow.cascades.best
    if best is None:
        return "no cascade to replay"
    shares = ", ".join(f"{share:.4f}" for share in best.answered)
    tiers = " > ".join(best.point.rules.tiers)
    precision = "-" if best.precision is None else f"{best.precision:.4f}"
    return f"{tiers}: answered {shares}, precision {precision}, leak {best.leak:.4f}, n {best.point.cases}"


def _break_even(flow: FlowRoute) -> str:
    best = None if flow.cascades is None else flow.cascades.best
    if best is None:
        return "no cascade to replay"
    even = best.break_even
    return (
        f"{' > '.join(even.tiers)}: P(escalate) {even.escalated.value:.4f}, limit {even.limit:.4f} from "
        f"c1 {even.first:.3g}, cj {even.judge:.3g}, c2 {even.second:.3g}"
    )


def _curve(flow: FlowRoute) -> str:
    curve = () if flow.cascades is None else flow.cascades.curve
    if flow.cascades is None or not curve:
        return "no cascade to replay"
    low, high = min(point.usd for point in curve), max(point.usd for point in curve)
    return (
        f"{len(curve)} points, {sum(point.efficient for point in curve)} efficient, from {low:.3g} to {high:.3g} "
        f"dollars an answer, n {curve[0].cases}, {flow.cascades.left_out} cases left out"
    )


def _given(flow: FlowRoute) -> str:
    policy, traffic = flow.trials.policy, flow.trials.traffic
    return (
        f"{policy.critical}: margin {policy.margin:g}, alpha {policy.alpha:g}; requests a day "
        f"{_known(traffic.requests_per_day)}, cached share {_known(traffic.cached_share)}"
    )


def _level(flow: FlowRoute) -> str:
    parts = (f"{one.candidate} p {one.p:.4g}, adjusted {one.adjusted:.4g}, {one.standing}" for one in flow.options)
    level = flow.options[0].level if flow.options else 0.0
    return f"level {level:.4g}; {'; '.join(parts)}"


VERDICT_PAGE: Final = "docs/verdict.md"
METRICS: Final[dict[str, Explanation[FlowRoute]]] = {
    "excess": Explanation(
        "how much larger the candidate's share of bad answers is, with the bounds that decide",
        "mean over cases of baseline's share of good samples minus the candidate's; bounds: the less convinced of "
        "Student's t and an empirical likelihood test",
        "cases are independent and a random sample of what production asks",
        f"{VERDICT_PAGE}; Owen 2001; Garwood 1936",
        _metrics,
    ),
    "p": Explanation(
        "how surprising the answers would be if the candidate were worse by the margin or more",
        "the larger of contract's and agreement's (intersection-union); then the running maximum over the candidates "
        "tested before it, or Holm's with --any-order; satisfactory where that is at most the level",
        "the order of the candidates was fixed before the answers were seen",
        "Berger 1982; Maurer, Hothorn and Lehmacher 1995; Holm 1979",
        _level,
    ),
    "expected_wrong": Explanation(
        "how many of the flows that switch are expected to be wrong at most",
        "q times the number of switches; a flow's level is R q / m, at most its alpha: R of the m flows in which "
        "something could be gained have a candidate that keeps it",
        "flows err independently, or together",
        "Benjamini and Hochberg 1995; Benjamini and Bogomolov 2014",
        _level,
    ),
    "cases_needed": Explanation(
        "cases still needed until the candidate would be satisfactory with the power of its class",
        "the smallest n whose p, at a sample as unlucky as one in 1 - power, keeps the level; minus n; the largest of "
        "its metrics, and of the candidate it waits for",
        "cases to come are like those seen, or, where that says so, both sides are equal and vary as much",
        f"{VERDICT_PAGE}; compare Connor 1987, Miller 2024",
        _metrics,
    ),
    "cost": Explanation(
        "dollars a successful answer",
        "sum over cases of the mean cost of a sample, over the sum of the shares that keep the contract; a sample "
        "costs tokens x rates of the day, traffic.cached_share of its input at the rate of cached input; a failed "
        "try that may have been paid for costs what the answer did",
        "what keeps no contract is asked again, at the same chance",
        "definition",
        _cost,
    ),
    "saving": Explanation(
        "dollars a month that a switch saves",
        "(baseline's cost - candidate's cost) x requests a day x 30; interval: Student's t over linear residuals of "
        "the two ratios",
        "traffic stays; the recorded cases are as long as production's",
        "Cochran 1977, section 6.3",
        _cost,
    ),
    "risk": Explanation(
        "how many more bad answers the evidence still allows, in points of a hundred answers",
        "the larger upper bound of excess of the two metrics, at 1 - alpha; a day: times requests a day",
        "as for excess",
        "definition",
        _risk,
    ),
    "p95": Explanation(
        "how p95 of latency changes: the candidate's divided by the baseline's",
        "ratio of the 0.95-quantiles over case means; bounds: order statistics of each side at 97.5 %, crosswise "
        "divided, so each bound of the ratio holds with 95 %",
        "cold with cold, warm with warm; figures keep the day they were measured",
        "David and Nagaraja, Order Statistics, section 7.1; Bonferroni",
        _latency,
    ),
    "confirmed": Explanation(
        "what the choice is worth on cases that had no part in it",
        "five folds by a hash of the case's name; each is counted under the choice of the other four, or under the "
        "baseline where those choose none; excess with the verdict's bounds, saving with Student's t, at 95 %",
        "cases are independent; four fifths of the cases choose somewhat worse than all",
        "Geisser 1975",
        _confirmed,
    ),
    "cascade": Explanation(
        "what asking a cheaper model first gives, without a new call",
        "for every case the mean over all K1 x K2 x K3 paths through the recorded samples; an answer is passed on for "
        "schema, length, refusal, empty, or a judge's score below tau; cost and latency of all tiers that were tried; "
        "precision = bad ones passed on / passed on; leak = bad ones accepted before the last tier / all",
        "samples of different models are independent given the case; a judge's score is the one recorded",
        "exact sums; compare FrugalGPT (Chen et al. 2023)",
        _cascade,
    ),
    "break_even": Explanation(
        "whether two tiers are cheaper than the second alone",
        "P(escalate) < 1 - (c1 + cj) / c2, costs in the mean over the same cases",
        "a judge is asked about every first answer that shows no fault by itself",
        "c1 + cj + P(escalate) c2 < c2, rearranged",
        _break_even,
    ),
    "curve": Explanation(
        "what single models and cascades cost and are worth: the cost-quality frontier",
        "good: share of answers that keep the contract; usd: mean cost of an answer, all tiers that were tried and the "
        "judge; excess and bounds as for excess, each point by itself; efficient: no cheaper point is as good",
        "as for cascade; the bounds stand outside the error control over candidates and flows",
        "definition; compare FrugalGPT (Chen et al. 2023), RouteLLM (Ong et al. 2024)",
        _curve,
    ),
    "given": Explanation(
        "what was given and not computed: margins, errors, traffic, days, the largest ratio of p95",
        "the flow's class of criticality, its prompt file, and the options of the command",
        "they were fixed before the answers were seen",
        "docs/verdict.md, docs/route.md",
        _given,
    ),
}
"""Name -> what `--explain` says."""
FIGURES: Final = Figures(
    (*METRICS,),
    {
        "rollout_days": "given",
        "q": "expected_wrong",
        "slower": "given",
        "flows_tested": "expected_wrong",
        "expected_wrong": "expected_wrong",
        "flows.margin": "given",
        "flows.alpha": "given",
        "flows.requests_per_day": "given",
        "flows.cached_share": "given",
        "flows.saving_usd_month": "saving",
        "flows.risk": "risk",
        "flows.p95": "p95",
        "flows.cases_needed": "cases_needed",
        "flows.confirmed": "confirmed",
        "flows.candidates.p": "p",
        "flows.candidates.p_adjusted": "p",
        "flows.candidates.level": "p",
        "flows.candidates.metrics": "excess",
        "flows.candidates.metrics.p": "p",
        "flows.candidates.metrics.cases_needed": "cases_needed",
        "flows.candidates.cost": "cost",
        "flows.candidates.cost.saving_usd": "saving",
        "flows.candidates.p95": "p95",
        "flows.candidates.cases_needed": "cases_needed",
        "flows.cascades.curve": "curve",
        "flows.cascades.best": "cascade",
        "flows.cascades.best.point": "curve",
        "flows.cascades.best.break_even": "break_even",
        "flows.cascades.best.confirmed": "confirmed",
        "flows.cascades.left_out": "cascade",
    },
)
