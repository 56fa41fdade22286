"""A check of a running canary as people read it: lines for a terminal, Markdown with the evidence drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final

from migrate.canary.check_documents import cost_interval, together_of
from migrate.canary.counted import Counted, Log, Side
from migrate.canary.nouns import Plan
from migrate.canary.together import Together
from migrate.canary.verdicts import MemberReading, PathPoint, Reading, Verdict
from migrate.presenting.layout import Cell, Colour, Column, painted, table, wrapped
from migrate.presenting.markdown import markdown_table, plain
from migrate.presenting.numbers import UNKNOWN

COLOURS: Final[dict[str, Colour]] = {
    "promote": "green",
    "observe": "green",
    "hold": "yellow",
    "rollback": "red",
    "unusable": "red",
}
METRIC_COLUMNS: Final = (
    Column("metric", right=False),
    Column("candidate"),
    Column("control"),
    Column("excess"),
    Column("at most"),
    Column("margin"),
    Column("evidence"),
    Column("alone stops at"),
    Column("A/A", rank=1),
)
MEMBER_COLUMNS: Final = (
    Column("member", right=False),
    Column("candidate"),
    Column("control"),
    Column("evidence"),
    Column("alone stops at"),
)
SIDE_COLUMNS: Final = (
    Column("side", right=False),
    Column("calls"),
    Column("p50 ms"),
    Column("p95 ms"),
    Column("p95, 90 %", rank=1),
    Column("$/1000 calls"),
    Column("95 %", rank=2),
    Column("cold", rank=3),
    Column("warm", rank=3),
)
PLOT_WIDTH, PLOT_HEIGHT = 60, 8


def check_lines(plan: Plan, log: Log, verdicts: Sequence[Verdict], *, width: int, colour: bool = False) -> list[str]:
    """Return the verdicts as lines of at most `width` cells."""
    lines = wrapped(f"plan {plan.plan_id}, {log_words(log)}", width)
    for verdict in verdicts:
        lines += ["", *_flow(verdict, log.flows.get(verdict.flow), width, colour)]
    if len(verdicts) > 1:
        lines += ["", *wrapped(together_words(together_of(plan, log, verdicts)), width)]
    return lines


def together_words(found: Together) -> str:
    """Say what several flows tell as one: a warning, for what stops a rollout is its own evidence."""
    alarms = ", ".join(found.alarms) or "none"
    return (
        f"{found.flows} flows as one: alarms {alarms} (e-values, share of wrong ones at most {found.q:g}); mean "
        f"evidence {evidence_text(found.pooled_e)}, of bad answers by strata {evidence_text(found.stratified_e)}; "
        f"a warning from {found.threshold:g} on, each flow is stopped by its own"
    )


def log_words(log: Log) -> str:
    """Return what the log was, in words."""
    words = f"{log.lines:,} lines"
    if log.unreadable:
        words += f", {log.unreadable:,} not readable"
    if log.other_plans:
        words += f", {sum(log.other_plans.values()):,} of other plans ({', '.join(list(log.other_plans)[:3])})"
    if log.orphans:
        words += f", {log.orphans:,} late outcomes without a call"
    if log.missing_columns:
        words += f"; no line has {', '.join(log.missing_columns)}"
    return words


def headline(verdict: Verdict) -> str:
    """Return flow, verdict, stage, and until when the log goes."""
    words = f"{verdict.flow}: {verdict.word.upper()} ({verdict.why.replace('_', ' ')})"
    if verdict.stage is not None and verdict.share is not None:
        words += f", stage {verdict.stage} at {verdict.share * 100:g} % since {verdict.started}"
    if verdict.seen_until:
        words += f", seen until {verdict.seen_until}"
    return words + (" (SIMULATED)" if verdict.simulated else "")


def _flow(verdict: Verdict, counted: Counted | None, width: int, colour: bool) -> Iterator[str]:
    head = wrapped(headline(verdict), width)
    yield from (painted(line, COLOURS[verdict.word], on=colour) for line in head)
    for sentence in verdict.sentences:
        yield from wrapped(f"  {sentence}", width)
    if verdict.readings:
        yield from table(METRIC_COLUMNS, [_metric(reading) for reading in verdict.readings], width)
    if verdict.strata:
        yield from table(MEMBER_COLUMNS, [_member(member) for member in verdict.strata], width)
    if counted is not None and counted.sides:
        yield from table(SIDE_COLUMNS, [_side(side) for side in counted.sides], width)
    for fact in facts(verdict, counted):
        yield from wrapped(f"  - {fact}", width)


def facts(verdict: Verdict, counted: Counted | None) -> Iterator[str]:
    """Yield what stands beside the tables."""
    if verdict.readings:
        stops = f"all metrics weighed together; {verdict.threshold:g} stops the rollout"
        yield f"evidence so far at most {evidence_text(verdict.e)}, {stops}; a metric alone, the figure in its row"
    if verdict.budget:
        yield f"budget: {verdict.spent:.0f} of {verdict.budget:.0f} bad answers beyond the control's"
    if verdict.mismatch_p is not None and verdict.mismatch_e is not None:
        split = f"p {verdict.mismatch_p:.3g}, evidence {evidence_text(verdict.mismatch_e)}"
        yield f"split of the units as planned: {split} (invalid below 0.0005 at a look, or past 1000)"
    if counted is not None and any(side.ratings for side in counted.sides):
        rates = ", ".join(f"{side.arm} {side.ratings / side.calls:.2%}" for side in counted.sides)
        yield f"calls with a thumb: {rates}"
    yield from verdict.notes
    if verdict.next_check:
        yield f"next check: {verdict.next_check}"


def _metric(reading: Reading) -> tuple[Cell, ...]:
    return (
        Cell(reading.name + (" *" if reading.hard else "")),
        Cell(f"{reading.candidate_bad}/{reading.candidate_units}"),
        Cell(f"{reading.control_bad}/{reading.control_units}"),
        Cell(points(reading.excess)),
        Cell(points(reading.upper)),
        Cell(points(reading.margin) if reading.hard else UNKNOWN),
        Cell(evidence_text(reading.e)),
        Cell(evidence_text(reading.threshold) if reading.threshold < 1e300 else UNKNOWN),
        Cell(evidence_text(reading.e_control_halves)),
    )


def _member(member: MemberReading) -> tuple[Cell, ...]:
    return (
        Cell(member.flow),
        Cell(f"{member.candidate_bad}/{member.candidate_units}"),
        Cell(f"{member.control_bad}/{member.control_units}"),
        Cell(evidence_text(member.e)),
        Cell(evidence_text(member.threshold)),
    )


def points(share: float | None) -> str:
    """Return points of a hundred with one digit."""
    return UNKNOWN if share is None else f"{share * 100:.1f}"


def evidence_text(value: float) -> str:
    """Return evidence with as many digits as matter."""
    if value < 100:
        return f"{value:.1f}"
    return f"{value:.0f}" if value < 1e5 else f"{value:.0e}"


def _side(side: Side) -> tuple[Cell, ...]:
    low, high = cost_interval(side)
    bounds = [UNKNOWN if bound is None else f"{bound:.0f}" for bound in (side.p95_low_ms, side.p95_high_ms)]
    return (
        Cell(side.arm),
        Cell(f"{side.calls:,}"),
        Cell(UNKNOWN if side.p50_ms is None else f"{side.p50_ms:.0f}"),
        Cell(UNKNOWN if side.p95_ms is None else f"{side.p95_ms:.0f}"),
        Cell(" - ".join(bounds)),
        Cell(_thousand(side.mean_usd)),
        Cell(f"{_thousand(low)} - {_thousand(high)}"),
        Cell(_thousand(side.cold_usd)),
        Cell(_thousand(side.warm_usd)),
    )


def _thousand(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{usd * 1000:.3f}"


# --- Markdown ---


def check_markdown(plan: Plan, log: Log, verdicts: Sequence[Verdict]) -> list[str]:
    """Return the verdicts as Markdown, the path of the evidence drawn against its boundary."""
    lines = [f"# Canary check of plan {plan.plan_id}", "", f"{log_words(log).capitalize()}."]
    for verdict in verdicts:
        counted = log.flows.get(verdict.flow)
        lines += ["", f"## {plain(headline(verdict))}", "", *(plain(sentence) for sentence in verdict.sentences)]
        if verdict.readings:
            lines += ["", *markdown_table(METRIC_COLUMNS, [_metric(reading) for reading in verdict.readings])]
            if verdict.strata:
                lines += ["", *markdown_table(MEMBER_COLUMNS, [_member(member) for member in verdict.strata])]
            lines += ["", "```text", *evidence_plot(verdict.path, verdict.threshold), "```"]
        if counted is not None and counted.sides:
            lines += ["", *markdown_table(SIDE_COLUMNS, [_side(side) for side in counted.sides])]
            drawn = latency_plot(counted.sides)
            lines += ["", "```text", *drawn, "```"] if drawn else []
        lines += ["", *(f"- {plain(fact)}" for fact in facts(verdict, counted))]
    if len(verdicts) > 1:
        lines += ["", f"{plain(together_words(together_of(plan, log, verdicts)))}."]
    return lines


def evidence_plot(path: Sequence[PathPoint], threshold: float) -> list[str]:
    """Draw the logarithm of the evidence over the hours, and the line at which it stops the rollout."""
    if not path:
        return []
    top = max(log10(threshold) * 1.25, *(log10(max(min(point.e, 1e12), 1e-3)) for point in path))
    bottom = -1.0
    step = max(len(path) / PLOT_WIDTH, 1.0)
    shown = [path[int(at * step)] for at in range(min(PLOT_WIDTH, len(path)))]
    if shown[-1] != path[-1]:
        shown.append(path[-1])

    def row_of(value: float) -> int:
        clipped = min(max(log10(max(value, 1e-300)), bottom), top)
        return round((top - clipped) / (top - bottom) * (PLOT_HEIGHT - 1))

    limit = row_of(threshold)
    rows = []
    for row in range(PLOT_HEIGHT):
        label = f"{10 ** (top - row * (top - bottom) / (PLOT_HEIGHT - 1)):>8.3g} "
        cells = "".join("*" if row_of(point.e) == row else "-" if row == limit else " " for point in shown)
        rows.append(f"{label}|{cells}" + (f" stops at {threshold:g}" if row == limit else ""))
    return [row.rstrip() for row in rows]


def latency_plot(sides: Sequence[Side]) -> list[str]:
    """Draw the latency of the calls of each side on one logarithmic scale: deciles, p95 and the bounds of p95."""
    timed = [side for side in sides if side.p50_ms and side.p95_ms and side.deciles_ms]
    known = [value for side in timed for value in (*side.deciles_ms, side.p95_ms, side.p95_high_ms) if value]
    if not known:
        return []
    low, high = log10(min(known)), log10(max(known) * 1.02)

    def place(value: float) -> int:
        return round((log10(value) - low) / (high - low) * (PLOT_WIDTH - 1)) if high > low else 0

    lines = []
    for side in timed:
        row = [" "] * PLOT_WIDTH
        if side.p95_low_ms and side.p95_high_ms:
            for at in range(place(side.p95_low_ms), place(side.p95_high_ms) + 1):
                row[at] = "-"
        for value in side.deciles_ms:
            row[place(max(value, min(known)))] = "|"
        row[place(side.p50_ms or 1.0)], row[place(side.p95_ms or 1.0)] = "M", "*"
        lines.append(f"{side.arm:>9} {''.join(row)}".rstrip())
    scale = f"{10**low:.0f} ms at the left, {10**high:.0f} ms at the right"
    return [*lines, f"| deciles, M the middle one, * p95, - its bounds; {scale}, n {_calls(timed)} calls"]


def _calls(sides: Sequence[Side]) -> str:
    return " and ".join(f"{side.calls:,}" for side in sides)
