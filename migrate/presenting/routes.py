"""Routes for people: a row a flow, why it is so, what would settle it; in a terminal, and as Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from migrate import catalogue
from migrate.evidence.verdict import binding
from migrate.evidence.words import is_nearer_mended, is_within_reach, points, to_mend
from migrate.inert import inert
from migrate.presenting.layout import Cell, Colour, Column, cells, fit, table, wrapped
from migrate.presenting.meant import to_type
from migrate.presenting.numbers import UNKNOWN, counted, dollars_text, ratio_text
from migrate.presenting.terminal import SIMULATED
from migrate.routing import Cascade, Cascades, FlowRoute, Interval, Option, RouteReport, Rules, Why
from migrate.vocabulary import FlowMetric

SYNTHETIC: Final = "SYNTHETIC evidence: the answers are made up. This shows the tool, not a model."
COLUMNS: Final = (
    Column("flow", right=False, least=12),
    Column("route", right=False, least=12),
    Column("candidate", right=False, least=12),
    Column("verdict", right=False),
    Column("$/month", rank=2),
    Column("risk", rank=3),
    Column("p95", rank=5),
    Column("n", rank=4),
    Column("cases", rank=1),
)
LEGEND: Final = {
    "candidate": "the one a row is about",
    "$/month": "saved at the flow's traffic, or at stake (in brackets: not claimed)",
    "risk": "points of a hundred answers that may be worse",
    "p95": "candidate / baseline",
    "n": "cases compared",
    "cases": "more that are needed",
}
"""Head -> what it means."""
VERDICTS: Final = {
    "switch": "switch",
    "keep_baseline": "keep: worse",
    "keep_baseline_cheaper": "keep: cheaper",
    "insufficient": "insufficient",
}
CHANGED: Final[tuple[Why, ...]] = ("stale", "asked_otherwise")
"""Why a replay says nothing: the prompt is another one since."""
COLOURS: Final[dict[str, Colour]] = {"switch": "green", "keep_baseline": "red", "insufficient": "yellow"}
AGAIN: Final = "then prompt-migrate route"
MOST_NEXT: Final = 3
"""Flows whose next step is told; the rest is counted."""
SHORT: Final = 2
"""Steps that may stand on one line."""
_COMMAND: Final = re.compile(r"(?:then |look: )?(?:pytest|prompt-migrate) ")
PLOT_WIDE, PLOT_HIGH = 56, 12


def route_lines(report: RouteReport, *, width: int = 80, colour: bool = False) -> list[str]:
    """Return the report for a terminal: no line but the next command is wider than `width` cells."""
    rows = [_row(flow) for flow in report.flows]
    shown = table(COLUMNS, rows, width)[0].split()
    return [
        *(line for words in heads(report) for line in wrapped(words, width)),
        *table(COLUMNS, rows, width, colour=colour),
        *wrapped(_legend(shown), width),
        *(line for flow in report.flows for line in _why(flow, width)),
        *(line for words in feet(report) for line in wrapped(words, width)),
        *_next_lines(report, width),
    ]


def _legend(heads: Collection[str]) -> str:
    """Say what the columns that are there mean."""
    return "; ".join(f"{head}: {means}" for head, means in LEGEND.items() if head in heads)


def _next_lines(report: RouteReport, width: int) -> Iterator[str]:
    """Yield what to do next on one line, or step by step where that has no room.

    A command is never cut, and stands last on its line: what is copied must not carry our punctuation.
    """
    steps = _next(report)
    if len(steps) <= SHORT and cells(words := inert(f"next: {'; '.join(steps)}", keep_newlines=False)) <= width:
        yield words
        return
    for number, step in enumerate(steps):
        line = f"{'      ' if number else 'next: '}{inert(step, keep_newlines=False)}"
        yield from [line] if _COMMAND.match(step) else wrapped(line, width, cut=False)


def heads(report: RouteReport) -> Iterator[str]:
    """Yield what a reader must know first: where the answers are from, and which day it is."""
    if report.synthetic:
        yield SYNTHETIC
        yield f"{report.source}: {report.note}"
    if report.simulated:
        yield SIMULATED
    policy = report.policy
    pinned = " (--as-of)" if report.typed else " (pinned)" if report.pinned else ""
    yield f"judged as of {policy.as_of.isoformat()}{pinned}; a rollout of {policy.rollout_days} days ends {policy.ends}"


def feet(report: RouteReport) -> Iterator[str]:
    """Yield what holds for all flows together."""
    switches = sum(flow.verdict == "switch" for flow in report.flows)
    order = "by Holm's procedure" if report.policy.any_order else "one after the other, the dearest first"
    made = f"{switches} {'switch' if switches == 1 else 'switches'} in {counted(report.tested, 'flow')}"
    wrong = f"; of these {report.expected_wrong:.2g} are expected to be wrong at most" if switches else ""
    yield (
        f"{made} in which something could be gained{wrong} (Benjamini-Hochberg at {report.policy.q:g}); candidates "
        f"tested {order}"
    )
    sources = {flow.about.latency.source for flow in report.flows if flow.about is not None}
    yield from (f"latency: {source}" for source in sorted(sources))
    yield (
        "costs are those of a successful answer: measured tokens at the prices of that day, input cached as the flow's "
        "traffic says; compare has those of an answer as it was billed in a run; 30 days a month"
    )
    yield from _canary_words(report)


def _canary_words(report: RouteReport) -> Iterator[str]:
    """Yield how a plan may let start what stays here, where one can be made: the two answer different questions."""
    waits = [flow for flow in report.flows if flow.verdict == "insufficient" and flow.about is not None]
    if waits and not report.synthetic:
        yield (
            "a canary may start on thinner evidence than a switch, for it stops itself: prompt-migrate canary plan "
            "says which flows may; a switch without one wants the cases first"
        )


def _row(flow: FlowRoute) -> tuple[Cell, ...]:
    about = flow.about
    compared = max((metric.cases for metric in about.metrics), default=0) if about is not None else 0
    return (
        Cell(flow.trials.flow),
        Cell(flow.model),
        Cell(UNKNOWN if about is None else about.candidate),
        Cell(verdict_word(flow), COLOURS.get(flow.verdict, "")),
        Cell(_money(flow)),
        Cell(UNKNOWN if flow.risk is None or flow.verdict.startswith("keep") else points(flow.risk.points / 100)),
        Cell(ratio_text(about.latency.ratio) if about is not None else UNKNOWN),
        Cell(str(compared)),
        Cell(_needed(flow)),
    )


def verdict_word(flow: FlowRoute) -> str:
    """Return a verdict in words; where all candidates are barred, not their answers are to blame."""
    if flow.verdict != "keep_baseline" or not all(option.barred for option in flow.options):
        return VERDICTS[flow.verdict]
    if all(option.unavailable for option in flow.options):
        return "keep: all leave"
    return "keep: slower" if all(option.slow for option in flow.options) else "keep: all barred"


def _money(flow: FlowRoute) -> str:
    if flow.saving_month is None or flow.verdict.startswith("keep"):
        return UNKNOWN
    text = signed_dollars(flow.saving_month.value)
    return text if flow.verdict == "switch" else f"({text})"


def _needed(flow: FlowRoute) -> str:
    if flow.cases_needed is not None:
        return "too many" if _addable(flow) is None else str(flow.cases_needed)
    return {"will_not_help": "no help", "cannot_reach_power": "no power"}.get(flow.more_cases, UNKNOWN)


def _addable(flow: FlowRoute) -> int | None:
    """Return the cases that would settle a flow; None where none would, or more than anybody adds."""
    has = max((metric.cases for metric in flow.about.metrics), default=0) if flow.about is not None else 0
    return flow.cases_needed if is_within_reach(flow.cases_needed, has) else None


def signed_dollars(value: float) -> str:
    """Return dollars with their sign where they are less than nothing."""
    text = dollars_text(f"{abs(value):.10f}")
    return f"-{text}" if value < 0 else text


def between(interval: Interval, show: object = signed_dollars) -> str:
    """Return a figure with its interval: `$229.94 (105.23 to 354.66)`."""
    assert callable(show)
    if interval.low is None or interval.high is None:
        return f"{show(interval.value)} (no interval)"
    return f"{show(interval.value)} ({show(interval.low)} to {show(interval.high)})"


def printed(flow: FlowRoute) -> dict[str, Any]:
    """Return what is printed of a flow: its row by the heads of the table, and why it goes where it goes."""
    heads = (column.title for column in COLUMNS)
    return {
        "row": {head: cell.text for head, cell in zip(heads, _row(flow), strict=True)},
        "why": list(reasons(flow)),
    }


# --- why ----------------------------------------------------------------------------------------------------------


def _why(flow: FlowRoute, width: int) -> Iterator[str]:
    first, *rest = reasons(flow)
    # Two blanks first: a flow's name must never start a line of a CI log.
    yield from (f"  {line}" for line in wrapped(f"{flow.trials.flow}: {first}", width - 2))
    for words in rest:
        yield from (f"    {line}" for line in wrapped(words, width - 4))


def reasons(flow: FlowRoute) -> Iterator[str]:
    """Yield why a flow goes where it goes, the figures behind it after the reason that binds."""
    yield flow.reasons[0]
    if flow.verdict in ("switch", "insufficient"):
        yield from figures(flow)
    yield from flow.reasons[1:]


def figures(flow: FlowRoute) -> Iterator[str]:
    """Yield the figures of the candidate that is spoken of, each with interval and n."""
    about = flow.about
    if about is None:
        return
    if flow.saving_month is not None and about.cost is not None:
        said = "saves" if flow.verdict == "switch" else "at stake"
        yield f"{said} {between(flow.saving_month)} a month, 95 %, n {about.cost.cases}"
    if flow.risk is not None:
        daily = "" if flow.risk.a_day is None else f", {flow.risk.a_day:,.0f} answers a day"
        yield f"risk left: {flow.risk.metric} up to {points(flow.risk.points / 100)} points worse{daily}"
    yield p95_words(about)
    if flow.confirmed is not None:
        yield confirmed_words(flow)


def p95_words(option: Option) -> str:
    """Say how p95 changes: `p95 0.61x (0.44x to 0.83x), n 400`."""
    change = option.latency
    if change.ratio is None:
        return f"p95 cannot be compared: {change.source}"
    low, high = ratio_text(change.low), ratio_text(change.high)
    bounds = "no bound: too few cases" if change.low is None and change.high is None else f"{low} to {high}"
    return f"p95 {ratio_text(change.ratio)} ({bounds}), n {change.n}"


def confirmed_words(flow: FlowRoute) -> str:
    """Say what the choice is worth on cases that had no part in it."""
    found = flow.confirmed
    assert found is not None
    excess = f"excess {between(found.excess, points)} points"
    saved = "" if found.saving is None else f", saves {between(found.saving)} an answer"
    return f"confirmed on held-out cases: {excess}{saved}; {found.same} of {found.folds} folds choose the same"


def _next(report: RouteReport) -> list[str]:
    """Return what to do next, a step each."""
    open_ = [flow for flow in report.flows if flow.verdict == "insufficient"]
    if report.synthetic:
        return ["pytest --model MODEL", AGAIN]
    if any(flow.verdict == "switch" for flow in report.flows):
        return ["prompt-migrate route --export litellm"]
    lacking = {one.why: flow for flow in reversed(open_) for one in flow.trials.left_out if not flow.options}
    changed = [why for why in CHANGED if why in lacking]
    helped = [flow for flow in open_ if _wanted_words(flow)]
    if lacking and (changed or not helped):
        why = (changed or list(lacking))[0]
        return _replay_again(lacking[why], why)
    if not helped and any(option.unavailable and option.leaves for flow in report.flows for option in flow.options):
        return [f"pytest --model MODEL, one that stays past {report.policy.ends}{_suggested(report)}", AGAIN]
    if not helped:
        return [f"prompt-migrate {'canary plan' if any(map(_is_beyond_cases, open_)) else 'compare'}"]
    return _settling(sorted(helped, key=_at_stake, reverse=True))


def _at_stake(flow: FlowRoute) -> float:
    return flow.saving_month.value if flow.saving_month else 0.0


def _settling(flows: Sequence[FlowRoute]) -> list[str]:
    """Return the steps that settle flows, those with most at stake first."""
    named, rest = flows[:MOST_NEXT], flows[MOST_NEXT:]
    run = flows[0].about.trial.run if _to_mend(flows[0]) is not None and flows[0].about is not None else ""
    look = [f"look: prompt-migrate report --run {run} --open"] if run else []
    wanted = [_wanted_words(flow) for flow in named]
    more = [f"and {counted(len(rest), 'more flow')}, each with its reason above"] if rest else []
    added = any(_to_mend(flow) is None for flow in flows)
    record = ["then pytest --golden=new"] if added else []
    options = [option for flow in flows for option in flow.options]
    asked = dict.fromkeys(option.candidate for option in options if not option.barred or all(o.barred for o in options))
    replay = " ".join(f"--model {shlex.quote(candidate)}" for candidate in asked)
    return [*look, *wanted, *more, *record, f"then pytest {replay}", AGAIN]


def _is_beyond_cases(flow: FlowRoute) -> bool:
    return flow.cases_needed is not None and _addable(flow) is None


def _wanted_words(flow: FlowRoute) -> str:
    """Say what would settle a flow, mend its cases or add some; empty where neither does."""
    worse, more = _to_mend(flow), _addable(flow)
    name = flow.trials.flow
    if worse is not None:
        return to_mend(worse, name) + (f", or add {counted(more, 'case')}" if more else "")
    return f"add {counted(more, 'case')} to {name}" if more else ""


def _suggested(report: RouteReport) -> str:
    """Return what vendors suggest in the place of models that leave, where that stays: a hint, never a choice."""
    models = {model for flow in report.flows for option in flow.options for model in option.trial.models}
    known = [catalogue.facts(model) for model in sorted(models | {flow.trials.baseline for flow in report.flows})]
    named = dict.fromkeys(facts.successor for facts in known if facts is not None and facts.successor)
    stays = [name for name in named if catalogue.retired(name, report.policy.ends) is None]
    return f" (suggested: {', '.join(stays)})" if stays else ""


def _replay_again(flow: FlowRoute, why: Why) -> list[str]:
    """Return the steps to what gives a flow replays that can be weighed."""
    name = shlex.quote(flow.trials.flow)
    texts = [one.candidate for one in flow.trials.left_out if one.why == why]
    models = [to_type(text, [flow.trials.baseline]) if why == "no_answer" else text for text in texts]
    asked = " ".join(f"--model {shlex.quote(model)}" for model in dict.fromkeys(models))
    replay = f"pytest {asked} -k {name}"
    return [f"pytest --golden=rewrite -k {name}", f"then {replay}", AGAIN] if why == "stale" else [replay, AGAIN]


def _to_mend(flow: FlowRoute) -> FlowMetric | None:
    """Return the metric whose worse cases are to be mended before cases are added, the one that the reason names first.

    None where adding is nearer.
    """
    metrics = () if flow.about is None else flow.about.metrics
    return min(filter(is_nearer_mended, metrics), key=binding, default=None)


# --- Markdown -----------------------------------------------------------------------------------------------------


def route_markdown(report: RouteReport) -> list[str]:
    """Return the report as Markdown, with cascades and a plot of cost and quality for each flow."""
    lines = ["# Routes", ""]
    for words in heads(report):
        lines += [_safe(words), ""]
    lines += [
        "| flow | route | candidate | verdict | $/month | risk | p95 | n | cases needed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_safe(cell.text) for cell in _row(flow))} |" for flow in report.flows]
    lines += ["", _safe(_legend(LEGEND)), "", *(f"- {_safe(words)}" for words in feet(report))]
    for flow in report.flows:
        lines += ["", f"## {_safe(flow.trials.flow)}", "", *(f"- {_safe(words.strip())}" for words in reasons(flow))]
        if flow.cascades is not None:
            lines += ["", *(f"- {_safe(words)}" for words in cascade_lines(flow.cascades)), "", *_plot(flow.cascades)]
    return lines


def _safe(text: str) -> str:
    return inert(text, keep_newlines=False).replace("|", "\\|").replace("<", "&lt;")


def cascade_lines(cascades: Cascades) -> Iterator[str]:
    """Yield what the replayed cascades are worth."""
    best = cascades.best
    if best is None:
        return
    point = best.point
    fine = "within the margin" if point.satisfactory else "not shown to be within the margin"
    yield (
        f"cascade {rules_words(point.rules)}: good {point.good:.1%}, {signed_dollars(point.usd)} an answer, "
        f"contract at most {points(point.high)} points worse, n {point.cases}: {fine}, by itself"
    )
    shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(point.rules.tiers, best.answered, strict=True))
    precision = "nothing passed on" if best.precision is None else f"{best.precision:.0%} of what is passed on was bad"
    yield f"answered by {shares}; {precision}; bad and not seen {best.leak:.1%} of all"
    even = best.break_even
    passed = between(even.escalated, lambda share: f"{share:.1%}")
    yield f"{even.tiers[0]} passes on {passed}; before {even.tiers[1]} alone it pays below {even.limit:.1%}"
    if best.mean_ms is not None and best.p95_ms is not None and best.worst_ms is not None:
        yield f"latency mean {best.mean_ms:.0f} ms, p95 {best.p95_ms:.0f} ms, longest path {best.worst_ms:.0f} ms"
    yield _confirmed_cascade(best)
    yield from best.warnings


def _confirmed_cascade(best: Cascade) -> str:
    found = best.confirmed
    excess = f"excess {between(found.excess, points)} points"
    saved = "" if found.saving is None else f", saves {between(found.saving)} an answer"
    return f"confirmed on held-out cases: {excess}{saved}; {found.same} of {found.folds} folds choose the same"


def rules_words(rules: Rules) -> str:
    """Say a cascade in one line: `gpt-4.1-nano > gpt-4.1, judge below 0.6`."""
    judge = "" if rules.tau is None else f", judge below {rules.tau:g}"
    return " > ".join(rules.tiers) + judge


def _plot(cascades: Cascades) -> list[str]:
    """Return cost across and quality up, a letter a point, on a grid of characters; letters are explained below."""
    curve = cascades.curve
    costs, goods = [point.usd for point in curve], [point.good for point in curve]
    grid = [[" "] * PLOT_WIDE for _ in range(PLOT_HIGH)]
    names = []
    shown = [point for point in curve if point.efficient or len(point.rules.tiers) == 1]
    for letter, point in zip("abcdefghijklmnopqrstuvwxyz", shown, strict=False):
        across = _place(point.usd, costs, PLOT_WIDE)
        up = PLOT_HIGH - 1 - _place(point.good, goods, PLOT_HIGH)
        grid[up][across] = letter if grid[up][across] == " " else "*"
        mark = " (efficient)" if point.efficient else ""
        names.append(f"{letter} {rules_words(point.rules)}: {signed_dollars(point.usd)}, {point.good:.1%}{mark}")
    head = f"good {max(goods):.1%} at the top, {min(goods):.1%} at the bottom"
    foot = f"cost {signed_dollars(min(costs))} at the left, {signed_dollars(max(costs))} at the right, an answer"
    body = [f"|{''.join(row).rstrip()}" for row in grid]
    return ["```text", head, *body, "+" + "-" * PLOT_WIDE, foot, *(inert(name) for name in names), "```"]


def _place(value: float, among: Sequence[float], size: int) -> int:
    low, high = min(among), max(among)
    return round((value - low) / (high - low) * (size - 1)) if high > low else 0


__all__ = ["fit", "route_lines", "route_markdown", "rules_words"]
