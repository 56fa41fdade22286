"""A canary plan as people read it: lines for a terminal, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from migrate.canary import Plan, Rollout, Stage
from migrate.canary.behaving import HIDDEN
from migrate.canary.nouns import Behaviour, Claims
from migrate.evidence.words import signed_points
from migrate.presenting.layout import Cell, Colour, Column, table, wrapped
from migrate.presenting.markdown import markdown_table, plain
from migrate.presenting.numbers import UNKNOWN, counted

COLOURS: Final[dict[str, Colour]] = {
    "ready": "green",
    "ready_modified": "green",
    "shadow_first": "yellow",
    "cannot_reach_power": "yellow",
    "do_not_start": "red",
}
STARTING: Final = ("ready", "ready_modified")
ALWAYS: Final = 0.9995
"""Share of rollouts that reads as 100.0 %."""
KINDS: Final = {"compare": "compare", "holdback": "hold back", "watch": "watch"}
OVERVIEW_COLUMNS: Final = (
    Column("flow", right=False, least=12),
    Column("candidate", right=False, least=10),
    Column("verdict", right=False),
    Column("first share"),
    Column("from day", rank=1),
    Column("days"),
)
STAGE_COLUMNS: Final = (
    Column("share"),
    Column("stage", right=False),
    Column("margin"),
    Column("candidate"),
    Column("control"),
    Column("days"),
    Column("until day"),
    Column("power", rank=1),
    Column("bad, equal", rank=2),
    Column("bad, at margin", rank=4),
    Column("$/day cold", rank=5),
    Column("$/day warm", rank=3),
)
STRATUM_COLUMNS: Final = (
    Column("member", right=False),
    Column("units a day"),
    Column("calls a day", rank=2),
    Column("bad today"),
    Column("cases", rank=1),
    Column("worse offline"),
    Column("at most"),
)
BEHAVIOUR_COLUMNS: Final = (
    Column("true excess"),
    Column("through"),
    Column("rolled back"),
    Column("held"),
    Column("mean days"),
    Column("bad, mean"),
    Column("bad, p95"),
)
POOL_COLUMNS: Final = (*BEHAVIOUR_COLUMNS[:3], Column("by a member"), *BEHAVIOUR_COLUMNS[3:-1], Column("p95", rank=1))
ALONE_COLUMNS: Final = (
    Column("worse alone", right=False, least=10),
    Column("by"),
    Column("through"),
    Column("rolled back"),
    Column("by its own", rank=2),
    Column("held"),
    Column("mean days", rank=1),
    Column("bad, mean", rank=3),
)


def plan_lines(plan: Plan, *, width: int, colour: bool = False) -> list[str]:
    """Return the plan as lines of at most `width` cells."""
    head = f"plan {plan.plan_id}, as of {plan.as_of}, {plan.tool}, seed {plan.seed}"
    lines = [head]
    if len(plan.rollouts) > 1:
        lines += ["", *table(OVERVIEW_COLUMNS, [*map(_overview, plan.rollouts)], width, colour=colour)]
    shared = _shared(plan)
    for rollout in plan.rollouts:
        lines += ["", *_flow_lines(rollout, shared, width, colour)]
    for of, said in _shared_parts(plan, shared):
        lines += ["", *wrapped(of, width), *(part for words in said for part in wrapped(f"  - {words}", width))]
    for words in unplanned_words(plan):
        lines += ["", *wrapped(words, width)]
    claims = [] if plan.claims is None else wrapped(claims_words(plan.claims), width)
    more = [line for words in _route_words(plan) for line in wrapped(words, width)]
    return [*lines, "", *claims, *wrapped(_legend(plan), width), *more]


def _shared(plan: Plan) -> dict[str, list[str]]:
    """Return the caveats that several flows have alike, with these flows: each is said once."""
    said: dict[str, list[str]] = {}
    for rollout in plan.rollouts:
        for words in dict.fromkeys((*_caveats(rollout), *_behind(rollout))):
            said.setdefault(words, []).append(rollout.flow)
    return {words: flows for words, flows in said.items() if len(flows) > 1}


def _shared_parts(plan: Plan, shared: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield whom shared caveats are about, and the caveats; those of most flows first."""
    by_flows: dict[tuple[str, ...], list[str]] = {}
    for words, flows in shared.items():
        by_flows.setdefault(tuple(flows), []).append(words)
    for flows, said in sorted(by_flows.items(), key=lambda pair: -len(pair[0])):
        yield f"of {'every flow' if len(flows) == len(plan.rollouts) else ', '.join(flows)}:", said


def _caveats(rollout: Rollout) -> Sequence[str]:
    """Return what is said of a plan that may start; why one may not stands with it, whoever else shares it."""
    return rollout.reasons if rollout.verdict in STARTING else ()


def _reasons(rollout: Rollout, shared: Collection[str]) -> Iterator[str]:
    """Yield what is said of the verdict of a flow; cases that two metrics name alike are named once."""
    told: set[str] = set()
    for words in rollout.reasons:
        start, named, cases = words.partition("worse in ")
        if named and cases in told:
            yield f"{start}{named}the same cases"
        elif words not in shared or rollout.verdict not in STARTING:
            yield words
        told.add(cases)


def _own(rollout: Rollout, shared: Collection[str]) -> Iterator[str]:
    """Yield what stands behind one flow's plan, less what is said of several."""
    yield from (words for words in _behind(rollout) if words not in shared)


def _behind(rollout: Rollout) -> Iterator[str]:
    """Yield what stands behind a plan: of one that must not start the evidence alone, for nothing was planned."""
    yield from _evidence_words(rollout)
    if rollout.verdict != "do_not_start":
        yield from (*_planned_words(rollout), *rollout.assumptions)


def _overview(rollout: Rollout) -> tuple[Cell, ...]:
    """Return a flow's row above all plans: where it stands, and what its first stage exposes when."""
    colour: Colour = "yellow" if rollout.doubts and rollout.verdict in STARTING else COLOURS.get(rollout.verdict, "")
    verdict = Cell(standing_words(rollout), colour)
    first = [UNKNOWN] * 3
    if rollout.verdict in STARTING and rollout.stages:
        first = [f"{rollout.stages[0].share * 100:g}%", str(rollout.starts_on_day), str(rollout.days)]
    return (Cell(rollout.flow), Cell(rollout.candidate), verdict, *map(Cell, first))


def _flow_lines(rollout: Rollout, shared: Collection[str], width: int, colour: bool) -> Iterator[str]:
    yield from wrapped(headline(rollout), width)
    for reason in _reasons(rollout, shared):
        yield from wrapped(f"  - {reason}", width)
    if rollout.stages:
        yield from table(STAGE_COLUMNS, [_cells(stage) for stage in rollout.stages], width, colour=colour)
        yield from wrapped(f"  {stop_words(rollout)}", width)
    if rollout.behaviour:
        for columns, rows in _behaviour(rollout, whole=False):
            yield from table(columns, rows, width)
    if rollout.strata:
        yield from table(STRATUM_COLUMNS, _strata(rollout), width)
    for fact in _own(rollout, shared):
        yield from wrapped(f"  - {fact}", width)


def _strata(rollout: Rollout) -> list[tuple[Cell, ...]]:
    """Return a row for each member of a pool."""
    return [
        (
            Cell(stratum.flow),
            Cell(f"{stratum.units_per_day:,.0f}"),
            Cell(f"{stratum.requests_per_day:,.0f}"),
            Cell(f"{stratum.bad.rate:.2%}"),
            Cell(str(stratum.cases)),
            Cell(UNKNOWN if stratum.excess is None else signed_points(stratum.excess)),
            Cell(UNKNOWN if stratum.excess_high is None else signed_points(stratum.excess_high)),
        )
        for stratum in rollout.strata
    ]


def standing_words(rollout: Rollout) -> str:
    """Return a verdict as it is read alone: nobody is told `ready` of what the replay speaks against."""
    verdict = rollout.verdict.replace("_", " ")
    if not rollout.doubts:
        return verdict
    return f"{'ready' if rollout.verdict in STARTING else verdict}, {rollout.doubts[0].replace('_', ' ')}"


def headline(rollout: Rollout) -> str:
    """Return what a plan says first: flow, models, verdict, days."""
    words = f"{rollout.flow}: {rollout.baseline} -> {rollout.candidate}: {standing_words(rollout)}"
    if rollout.verdict in STARTING:
        words += f", {rollout.days} days from day {rollout.starts_on_day}"
    return words + (" (SIMULATED evidence)" if rollout.simulated else "")


def stop_words(rollout: Rollout) -> str:
    """Return the first stage's stop rule in words, and the budget."""
    stage = rollout.stages[0]
    rows = list(stage.rollback.get("bad", ()))[:3]
    said = ", ".join(f"{k} of the first {m}" for m, k in rows)
    stop = f"at {stage.share:.0%} roll back when {said} units with a bad answer are the candidate's" if said else ""
    spent = f"{rollout.budget:.0f} more of them than the control's share would have it" if rollout.budget else ""
    parts = [part for part in (stop, spent and f"{'or' if stop else 'roll back'} when {spent}") if part]
    return "; ".join((*parts, "all tables are in the JSON"))


def _cells(stage: Stage) -> tuple[Cell, ...]:
    compares = stage.share_kind == "compare"
    return (
        Cell(f"{stage.share * 100:g}%"),
        Cell(KINDS[stage.share_kind] + (", asks" if stage.human_gate else "")),
        Cell(f"{stage.margin * 100:.3g}"),
        Cell(f"{stage.n_candidate:,}" if compares else UNKNOWN),
        Cell(f"{stage.n_control:,}" if compares else UNKNOWN),
        Cell(str(stage.days) if stage.share_kind != "watch" else UNKNOWN),
        Cell(str(stage.ends_not_before) if stage.share_kind != "watch" else UNKNOWN),
        Cell(UNKNOWN if stage.power_exact is None else f"{stage.power_exact:.0%}"),
        Cell(f"{stage.expected_bad_equal:.0f}"),
        Cell(f"{stage.expected_bad_at_margin:.0f}"),
        Cell(money(stage.cost_per_day_cold)),
        Cell(money(stage.cost_per_day_warm)),
    )


def money(usd: float | None) -> str:
    """Return dollars a day more or less: `+1.20`, `-38.00`."""
    return UNKNOWN if usd is None else f"{usd:+.2f}"


Rows = list[tuple[Cell, ...]]


def _behaviour(rollout: Rollout, *, whole: bool = True) -> Iterator[tuple[Sequence[Column], Rows]]:
    """Yield what simulated rollouts do; of a pool also what its members' own evidence does, and one that is harmed.

    Unless `whole`, a larger excess than the first that is always rolled back is left to `--explain behaviour`.
    """
    alone, rows = ([row for row in rollout.behaviour if bool(row.harmed) is harmed] for harmed in (True, False))
    sure = next((at for at, row in enumerate(rows) if row.rolled_back >= ALWAYS), len(rows))
    yield POOL_COLUMNS if alone else BEHAVIOUR_COLUMNS, [*map(_row, rows if whole else rows[: sure + 1])]
    if alone:
        yield ALONE_COLUMNS, [_alone_row(row) for row in alone]


def _row(row: Behaviour) -> tuple[Cell, ...]:
    return (
        Cell(f"{row.excess * 100:.3g} points"),
        Cell(f"{row.promoted:.1%}"),
        Cell(f"{row.rolled_back:.1%}"),
        *((Cell(f"{sum(row.by_member.values()):.1%}"),) if row.by_member else ()),
        Cell(f"{row.held:.1%}"),
        Cell(f"{row.days:.1f}"),
        Cell(f"{row.bad_mean:.0f}"),
        Cell(f"{row.bad_p95:.0f}"),
    )


def _alone_row(row: Behaviour) -> tuple[Cell, ...]:
    return (
        Cell(row.harmed),
        Cell(f"{row.excess * 100:.3g} points"),
        Cell(f"{row.promoted:.1%}", "red" if row.promoted > HIDDEN else ""),
        Cell(f"{row.rolled_back:.1%}"),
        Cell(f"{row.by_member.get(row.harmed, 0.0):.1%}"),
        Cell(f"{row.held:.1%}"),
        Cell(f"{row.days:.1f}"),
        Cell(f"{row.bad_mean:.0f}"),
    )


def unplanned_words(plan: Plan) -> Iterator[str]:
    """Yield what was asked for and could not be planned, and what to do about it."""
    yield from (f"{one.flow}: not planned: {one.reason}; {one.mend}" for one in plan.unplanned)


def _evidence_words(rollout: Rollout) -> Iterator[str]:
    if rollout.excess is not None and rollout.excess_low is not None and rollout.excess_high is not None:
        bounds = f"{signed_points(rollout.excess_low)} to {signed_points(rollout.excess_high)}"
        seen = f"{signed_points(rollout.excess)} points worse in {counted(rollout.cases, 'case')} ({bounds})"
        yield f"offline, contract: {seen}"
        yield f"evidence of run {rollout.run}"
    if rollout.latency_p95_delta_ms is not None and rollout.latency_p50_delta_ms is not None:
        deltas = f"p50 {rollout.latency_p50_delta_ms:+.0f} ms, p95 {rollout.latency_p95_delta_ms:+.0f} ms"
        yield f"latency: {deltas}, n {counted(rollout.latency_n, 'case')}"


def _planned_words(rollout: Rollout) -> Iterator[str]:
    rows = [f"{metric.name} {metric.rate:.2%} ({metric.source})" for metric in rollout.metrics if metric.hard]
    calls = rollout.requests_per_day / rollout.units_per_day
    each = f", each with {calls:.3g} calls a day" if calls > 1 else ""
    yield f"planned with: {'; '.join(rows)}, of {rollout.units}{each}"
    yield from _simulated_words(rollout)


def _simulated_words(rollout: Rollout) -> Iterator[str]:
    for harmed in (False, True):
        rows = [row for row in rollout.behaviour if bool(row.harmed) is harmed]
        if rows:
            error = 50 / rows[0].rollouts ** 0.5
            which = "where one member alone is worse" if harmed else "a row"
            yield f"{rows[0].rollouts} simulated rollouts {which}, standard error at most {error:.1f} points"
    if any(row.by_member for row in rollout.behaviour):
        yield "by a member, by its own: rolled back mostly by one member's own evidence, a part of rolled back"


def claims_words(claims: Claims) -> str:
    """Say which flows are shown offline to be within their margin, all of the plan taken together."""
    shown = ", ".join(claims.flows) or "none"
    name = claims.procedure.replace("_", " and ").title().replace(" And ", " and ")
    return (
        f"shown offline to be within the margin, {counted(claims.of, 'flow')} taken together: {shown} ({name} at "
        f"{claims.q:g}; expected to be wrong: at most {claims.q * len(claims.flows):.2g})"
    )


def _legend(plan: Plan) -> str:
    cut = any(row for one in plan.rollouts for row in one.behaviour if not row.harmed and row.rolled_back >= ALWAYS)
    larger = "; a true excess larger than the first that is always rolled back: --explain behaviour" if cut else ""
    return (
        "candidate, control: units the look at the end of a stage wants; margin in points of a hundred units; "
        f"at most {plan.newly_exposed:.0%} of all traffic is newly exposed on one day{larger}"
    )


def _route_words(plan: Plan) -> Iterator[str]:
    """Yield how a flow may start here that a route keeps, and which of the two is next; nothing where none may."""
    starting = [one for one in plan.rollouts if one.verdict in STARTING]
    if not starting:
        return
    ready = [one for one in starting if not one.doubts]
    following = "for what is ready it is the next step" if ready else "here mending what got worse is the next step"
    if ready and len(ready) < len(starting):
        following += ", for what the replay speaks against (gate closed, past margin) mending is"
    yield (
        "a canary may start on thinner evidence than route wants for a switch, for it stops itself: "
        f"{following}; a switch without one wants the cases that route names"
    )


# --- Markdown ---


def plan_markdown(plan: Plan) -> list[str]:
    """Return the plan as Markdown, a drawing of the ladder in each flow."""
    lines = [f"# Canary plan {plan.plan_id}", "", f"As of {plan.as_of}, {plan.tool}, seed {plan.seed}."]
    if len(plan.rollouts) > 1:
        lines += ["", *markdown_table(OVERVIEW_COLUMNS, [*map(_overview, plan.rollouts)])]
    shared = _shared(plan)
    for rollout in plan.rollouts:
        lines += [
            "",
            f"## {plain(headline(rollout))}",
            "",
            *(f"- {plain(reason)}" for reason in _reasons(rollout, shared)),
        ]
        if rollout.stages:
            lines += ["", *markdown_table(STAGE_COLUMNS, [_cells(stage) for stage in rollout.stages])]
            lines += ["", f"{plain(stop_words(rollout)).capitalize()}.", "", "```text", *ladder_plot(rollout), "```"]
        if rollout.behaviour:
            for columns, rows in _behaviour(rollout):
                lines += ["", *markdown_table(columns, rows)]
        if rollout.strata:
            lines += ["", *markdown_table(STRATUM_COLUMNS, _strata(rollout))]
        lines += ["", *(f"- {plain(fact)}" for fact in _own(rollout, shared))]
    for of, said in _shared_parts(plan, shared):
        lines += ["", f"{plain(of).capitalize()}", "", *(f"- {plain(words)}" for words in said)]
    if plan.unplanned:
        lines += ["", "## Not planned", "", *(f"- {plain(words)}" for words in unplanned_words(plan))]
    claims = [] if plan.claims is None else ["", f"{plain(claims_words(plan.claims)).capitalize()}."]
    more = [part for words in _route_words(plan) for part in ("", f"{words[0].upper()}{words[1:]}.")]
    return [*lines, *claims, "", f"{_legend(plan).capitalize()}.", *more]


def ladder_plot(rollout: Rollout, width: int = 40) -> list[str]:
    """Draw the stages: a bar for the share, and the bad answers that are shown if the candidate is at the margin."""
    lines = []
    most = max((stage.expected_bad_at_margin for stage in rollout.stages), default=0.0) or 1.0
    for stage in rollout.stages:
        bar = "#" * max(round(stage.share * width), 1)
        shown = stage.expected_bad_at_margin
        marks = "x" * round(shown / most * width / 2)
        name = f"{stage.share * 100:g}%"
        lines.append(
            f"{name:>5} day {stage.ends_not_before:>3} |{bar:<{width}}| {marks} {shown:.0f} bad at margin".rstrip()
        )
    return lines
