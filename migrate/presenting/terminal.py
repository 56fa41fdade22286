"""A run in a terminal: a row for every flow and candidate, the largest changes, and what to type next.

Everything a model, a provider or a file wrote is made inert on the way; colours are put around it afterwards.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from migrate.evidence.latency import comparable
from migrate.evidence.money import sum_text
from migrate.inert import inert
from migrate.presenting.changes import Change, cases_of, changes
from migrate.presenting.failure import failure_lines
from migrate.presenting.layout import Cell, Colour, Column, fit, table, wrapped
from migrate.presenting.meant import UNNAMED, unknown_models, unknown_words
from migrate.presenting.numbers import UNKNOWN, counted, dollars_text, ratio_text, share_text
from migrate.presenting.people import people_lines
from migrate.vocabulary import (
    CaseVerdict,
    FlowEvidence,
    Quantiles,
    Run,
    Rung,
    Severity,
    StepEvidence,
    ToleratedChange,
)

SIMULATED: Final = "SIMULATED: the simulated provider answered. This shows the tool, not a model."
TOP_GROUPS: Final = 5
MOST_TOLERATED: Final = 5
MOST_NAMED: Final = 4
"""Flows that a note names; the rest is counted."""
COLUMNS: Final = (
    Column("flow", right=False, least=15),
    Column("cases"),
    Column("schema ok", rank=2),
    Column("break"),
    Column("drift"),
    Column("noise", rank=5),
    Column("cost", rank=3),
    Column("p50", rank=6),
    Column("p95", rank=4),
    Column("verdict", right=False, rank=1),
)
LEGEND: Final = (
    "schema ok: candidate/baseline, of all samples; noise: changes within the baseline's own; "
    "cost, p50, p95: candidate divided by baseline; cost: of an answer as it was billed in these runs, where route "
    "counts one that keeps the contract, its input cached as in production"
)
CLOCKS: Final = {
    "wall": "wall",
    "critical_path": "critical path",
    "calls": "sum of calls",
    "first_token": "first token",
}
REASONS: Final = "why not safe, in points of a hundred answers:"
ENOUGH_FOR_P95: Final = 59
"""Cases below which p95 has no upper bound."""
GROUP_COLUMNS: Final = (
    Column("group", right=False),
    Column("", right=False, rank=1),
    Column("cases", rank=2),
    Column("flow", right=False, least=8),
    Column("change", right=False, least=20),
)

if TYPE_CHECKING:
    from migrate.evidence.rating import HumanEvidence
SEVERITY_COLOURS: Final[dict[Severity, Colour]] = {Severity.BREAKING: "red", Severity.DRIFT: "yellow"}
VERDICT_COLOURS: Final[dict[str, Colour]] = {"safe": "green", "unsafe": "red", "insufficient": "yellow"}


def summary_lines(
    run: Run,
    evidence: Sequence[FlowEvidence],
    *,
    width: int = 80,
    colour: bool = False,
    people: Sequence[HumanEvidence] = (),
    named: bool = False,
    leaving: Sequence[str] = (),
) -> list[str]:
    """Return the summary of a replay: no line but the next command is wider than `width` cells.

    `named` says that the run was asked for by its id and may not be the newest, so that the next command names it too;
    `leaving` are words of candidates that leave their API.
    """
    simulated = run.simulated or any(flow.simulated for flow in evidence)
    return [
        *(wrapped(SIMULATED, width) if simulated else ()),
        *_tables(evidence, width, colour),
        *(line for note in (*_notes(run, evidence), *leaving) for line in wrapped(note, width)),
        *_tolerated_lines(evidence, width),
        *_groups(evidence, width, colour),
        *people_lines(people, width),
        *(line for pair in unknown_models(run, evidence).items() for line in wrapped(unknown_words(*pair), width)),
        # Never cut: it is there to be copied.
        *(inert(line, keep_newlines=False) for line in _next_lines(run, evidence, width, named=named)),
    ]


def verdict_words(verdict: CaseVerdict) -> str:
    """Return a case verdict in words: `within noise`."""
    # What is tolerated was not accepted: to a reviewer these are two acts, to a run they come to the same.
    return "accepted or tolerated" if verdict is CaseVerdict.ACCEPTED else verdict.value.replace("_", " ")


# --- the table -----------------------------------------------------------------------------------------------


def _tables(evidence: Sequence[FlowEvidence], width: int, colour: bool) -> Iterator[str]:
    for candidate in dict.fromkeys(flow.candidate for flow in evidence):
        flows = [flow for flow in evidence if flow.candidate == candidate]
        # A flow without a golden has no baseline; one that asks several models names them all.
        baselines = ", ".join(sorted({model for flow in flows for model in flow.baseline.split(", ")} - {""}))
        baselines = baselines or "no golden"
        yield fit(f"{baselines} -> {candidate}", width)
        yield from table(COLUMNS, [row for flow in flows for row in _rows(flow)], width, colour=colour)
        reasons = [line for flow in flows for line in _reason(flow, width)]
        yield from [fit(REASONS, width), *reasons] if reasons else ()
        promoted = [flow.flow for flow in flows if flow.is_itself]
        yield from wrapped(_promoted_words(candidate, promoted), width) if promoted else ()
    if evidence:
        yield from wrapped(LEGEND, width)


def _promoted_words(candidate: str, flows: Sequence[str]) -> str:
    """Say of which flows a candidate is the baseline: once, and not as a reason against it."""
    more = f" and {len(flows) - MOST_NAMED} more" if len(flows) > MOST_NAMED else ""
    return f"{candidate} is the baseline already, as once promoted, of {_listed(flows)}{more}: nothing to decide there"


def _reason(flow: FlowEvidence, width: int) -> Iterator[str]:
    """Yield why a flow is not safe: the reason that binds; the others are in the JSON."""
    if flow.verdict is not None and flow.verdict != "safe" and flow.reasons and not flow.is_itself:
        # Two blanks first: a flow's name must never start a line of a CI log.
        yield from (f"  {line}" for line in wrapped(f"{flow.flow}: {flow.reasons[0]}", width - 2))


def _rows(flow: FlowEvidence) -> Iterator[tuple[Cell, ...]]:
    """Yield the row of a flow and, of a chain of several steps, what each of them costs and takes."""
    yield _row(flow)
    for step in flow.steps if len(flow.steps) > 1 else ():
        figures = (_ratio(step.cost_ratio), _latency_ratio(step, "p50"), _latency_ratio(step, "p95"))
        yield (Cell(f"  {step.step}"), *[Cell("")] * 5, *map(Cell, figures), Cell(_calls(step)))


def _calls(step: StepEvidence) -> str:
    """Return how many calls a step took, the baseline's beside where it took others: `66/60 calls`."""
    made, before = step.calls_candidate, step.calls_baseline
    return f"{made} calls" if made == before else f"{made}/{before} calls"


def _row(flow: FlowEvidence) -> tuple[Cell, ...]:
    breaking, drift, noise = (
        flow.verdicts.get(verdict, 0) for verdict in (CaseVerdict.BREAKING, CaseVerdict.DRIFT, CaseVerdict.WITHIN_NOISE)
    )
    verdict = "baseline" if flow.is_itself else flow.verdict or UNKNOWN
    return (
        Cell(flow.flow),
        Cell(str(flow.cases)),
        Cell(_schema(flow)),
        Cell(str(breaking), "red" if breaking else ""),
        Cell(str(drift), "yellow" if drift else ""),
        Cell(str(noise)),
        Cell(_ratio(flow.cost_ratio)),
        Cell(_latency_ratio(flow, "p50")),
        Cell(_latency_ratio(flow, "p95")),
        Cell(verdict, VERDICT_COLOURS.get(verdict, "")),
    )


def _schema(flow: FlowEvidence) -> str:
    rates = flow.rungs.get(Rung.SCHEMA)
    if rates is None:
        return UNKNOWN
    # At eighty columns every cell counts: nine columns must stand beside the longest verdict.
    return f"{share_text(rates.candidate).removesuffix('%')}/{share_text(rates.baseline)}"


def _ratio(ratio: float | None) -> str:
    return ratio_text(ratio).removesuffix("x")


def _latency_ratio(flow: FlowEvidence | StepEvidence, name: str) -> str:
    before, after = flow.latency_baseline, flow.latency_candidate
    if not comparable(before, after):
        return UNKNOWN
    return _ratio(getattr(after, name) / getattr(before, name))


# --- what stands under it ------------------------------------------------------------------------------------


def _notes(run: Run, evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    if not evidence:
        yield "no case was judged"
        return
    yield counts_words(run, evidence)
    yield from _places(evidence)
    yield from _latency_notes(evidence)
    yield from filter(None, map(_clocks_note, evidence))
    few = sum(min(flow.latency_candidate.n, flow.latency_baseline.n) < ENOUGH_FOR_P95 for flow in evidence)
    if few:
        yield f"p95 has no upper bound in {few} of {counted(len(evidence), 'row')}: that wants {ENOUGH_FOR_P95} cases"
    yield from _money_notes(evidence)
    for flow in evidence:
        for what, cases in flow.changed.items():
            yield f"changed for {flow.candidate} in {counted(cases, 'case')} of {flow.flow}: {what}"
    unjudged = sum((Counter(flow.unjudged) for flow in evidence), Counter[str]())
    for check, cases in unjudged.items():
        yield f"not judged: {check} ({counted(cases, 'case')})"


def counts_words(run: Run, evidence: Sequence[FlowEvidence]) -> str:
    """Say what came of the cases: `382 cases against 2 candidates, 764 comparisons: 371 same, 207 breaking`."""
    rejected = sum(flow.rejected for flow in evidence)
    breaking = verdict_words(CaseVerdict.BREAKING)
    said = [
        f"{count} {words}" + (f" ({rejected} by a rejected change)" if rejected and words == breaking else "")
        for words, count in _counts(run, evidence).items()
    ]
    return f"{cases_of(evidence)}: {', '.join(said)}"


def _counts(run: Run, evidence: Sequence[FlowEvidence]) -> dict[str, int]:
    """Return the cases by what came of them, in words; what was never asked is told apart, as the accounts have it."""
    counts = sum((Counter(flow.verdicts) for flow in evidence), Counter[CaseVerdict]())
    found = {verdict_words(verdict): counts[verdict] for verdict in reversed(CaseVerdict) if counts[verdict]}
    asked = sum(count for name, count in run.accounts.items() if name.startswith("no_reply:"))
    silent = verdict_words(CaseVerdict.NO_REPLY)
    if asked < found.get(silent, 0) and any(name.startswith("not_run:") for name in run.accounts):
        apart = {silent: asked, "not run": found.pop(silent) - asked}
        return {words: count for words, count in {**apart, **found}.items() if count}
    return found


def _places(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    """Yield where the cases are of which the table of several flows has no column, and which are not as they should."""
    if len(evidence) < 2:
        return
    several = len({flow.candidate for flow in evidence}) > 1
    for verdict in (CaseVerdict.CONTRACT_NOT_KEPT, CaseVerdict.UNSTABLE_BASELINE):
        found = [(flow, flow.verdicts[verdict]) for flow in evidence if flow.verdicts.get(verdict)]
        named = [f"{count} in {flow.flow}{f' on {flow.candidate}' if several else ''}" for flow, count in found]
        left = sum(count for _, count in found[MOST_NAMED:])
        more = f" and {left} elsewhere" if left else ""
        if named:
            yield f"{verdict_words(verdict)}: {_listed(named)}{more}"


def _latency_notes(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    """Yield where the latencies are from, each once; where they are from several places, of whom each is."""
    found: dict[str, list[FlowEvidence]] = {}
    for flow in evidence:
        words = f"candidate {flow.latency_candidate.source}; baseline {flow.latency_baseline.source}"
        found.setdefault(words, []).append(flow)
    several = len({flow.candidate for flow in evidence}) > 1
    for words, flows in found.items():
        named = [f"{flow.flow} on {flow.candidate}" if several else flow.flow for flow in flows]
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        yield f"latency{f' of {_listed(named)}{more}' if len(found) > 1 else ''}: {words}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED])


def _clocks_note(flow: FlowEvidence) -> str:
    """Return how long a sample of several calls takes, candidate's and baseline's medians; a chain's rows say it."""
    if not flow.several_calls or flow.steps or flow.times is None:
        return ""
    before, after = flow.times
    pairs = {words: (getattr(after, clock), getattr(before, clock)) for clock, words in CLOCKS.items()}
    told = [f"{words} {_seconds(new)} ({_seconds(old)})" for words, (new, old) in pairs.items() if new.n or old.n]
    return f"{flow.flow}, medians of {after.calls.n} ({before.calls.n}) cases: {', '.join(told)}; baseline in brackets"


def _seconds(side: Quantiles) -> str:
    return UNKNOWN if side.p50 is None else f"{side.p50 / 1000:.2f} s"


def _money_notes(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    for candidate, (spent, recorded) in spent_of(evidence).items():
        yield f"cost of all samples: {candidate} {spent}; baseline, when recorded, {recorded}"
    for whose, sides in (
        ("", [flow.cost_candidate for flow in evidence]),
        (", when the baseline was recorded", [flow.cost_baseline for flow in evidence]),
    ):
        lost = sum(side.lost for side in sides)
        unknown = sum(side.unknown for side in sides) - lost
        parts = [counted(unknown, "call")] if unknown else []
        parts += [f"{counted(lost, 'attempt')} that failed or {'was' if lost == 1 else 'were'} cut off"] if lost else []
        if parts:
            yield f"cost unknown of {' and '.join(parts)}{whose}: not in these figures"


def spent_of(evidence: Sequence[FlowEvidence]) -> dict[str, tuple[str, str]]:
    """Return what all samples cost, by candidate: its own as asked in the run, the baseline's as recorded."""
    found = {}
    for candidate in dict.fromkeys(flow.candidate for flow in evidence):
        flows = [flow for flow in evidence if flow.candidate == candidate]
        sides = ([flow.cost_candidate.usd for flow in flows], [flow.cost_baseline.usd for flow in flows])
        found[candidate] = (dollars_text(_sum(sides[0])), dollars_text(_sum(sides[1])))
    return found


def _sum(amounts: Sequence[str | None]) -> str | None:
    return sum_text(amount for amount in amounts if amount is not None)


def _tolerated_lines(evidence: Sequence[FlowEvidence], width: int) -> Iterator[str]:
    """Yield what passes by a toleration alone: which, where it stands, in how many cases, and until when."""
    several = len({flow.candidate for flow in evidence}) > 1
    used = [
        (f"{flow.flow} on {flow.candidate}" if several else flow.flow, one)
        for flow in evidence
        for one in flow.tolerated
    ]
    if not used:
        return
    yield fit("tolerated for now, by the prompt files:", width)
    # What ends first is what somebody has to see to first.
    used.sort(key=lambda pair: "" if pair[1].entry is None else pair[1].entry.expires)
    for whose, one in used[:MOST_TOLERATED]:
        yield from (f"  {line}" for line in wrapped(f"{whose}: {_toleration_words(one)}", width - 2, cut=False))
    if len(used) > MOST_TOLERATED:
        yield fit(f"  and {len(used) - MOST_TOLERATED} more that end later (compare --json lists all)", width)


def _toleration_words(one: ToleratedChange) -> str:
    """Say what a toleration lets pass: `fenced json at $ in 3 cases, until 2026-03-01 (prompts/a.prompt.yml:3)`."""
    kinds = ((one.breaking, "breaking"), (one.drifting, "drifting"))
    still = ", ".join(f"{count} still {word}" for count, word in kinds if count)
    said = f"{one.kind.value.replace('_', ' ')} at {one.path} in {counted(len(one.cases), 'case')}"
    said += f" ({still} by something else)" if still else ""
    if one.entry is None:
        return f"{said}; the prompt files as they stand have no such entry"
    place = one.entry.place
    return f"{said}, until {one.entry.expires}" + ("" if place is None else f" ({replace(place, path=None)})")


# --- groups and the next command --------------------------------------------------------------------------------


def _groups(evidence: Sequence[FlowEvidence], width: int, colour: bool) -> Iterator[str]:
    """Yield the largest changes; one that several candidates show is one row, its cases counted for each."""
    found = changes(evidence)
    if not found:
        return
    several = len({flow.candidate for flow in evidence}) > 1
    groups = f"{counted(len(found), 'group')} of equal changes"
    all_shown = len(found) <= TOP_GROUPS
    yield f"{groups}:" if all_shown else f"worst {TOP_GROUPS} of {groups} (prompt-migrate review lists all):"
    rows = [_change_row(change, several=several) for change in found[:TOP_GROUPS]]
    yield from table(GROUP_COLUMNS, rows, width, colour=colour)


def _change_row(change: Change, *, several: bool) -> tuple[Cell, ...]:
    severity = change.group.severity
    return (
        Cell(change.group.id),
        Cell(severity.value, SEVERITY_COLOURS.get(severity, "")),
        Cell(str(change.cases)),
        Cell(change.flow),
        Cell(change.group.title + (f" ({', '.join(change.candidates)})" if several else "")),
    )


def _next_lines(run: Run, evidence: Sequence[FlowEvidence], width: int, *, named: bool) -> list[str]:
    """Return what to type next; where something changed, how to look at it and to decide comes first."""
    command = _next(run, evidence)
    if not any(
        flow.verdicts.get(verdict) for flow in evidence for verdict in (CaseVerdict.BREAKING, CaseVerdict.DRIFT)
    ):
        return [f"next: {command}"]
    which = f" --run {run.id}" if named else ""
    look, decide = f"prompt-migrate report{which} --open to look,", f"prompt-migrate review{which} to decide;"
    both = f"next: {look} {decide}"
    return [*([both] if len(both) <= width else [f"next: {look}", f"      {decide}"]), f"      {command}"]


def _next(run: Run, evidence: Sequence[FlowEvidence]) -> str:
    """Return the next command, by the most urgent thing: what cannot be judged comes before what was."""
    counts = sum((Counter(flow.verdicts) for flow in evidence), Counter[CaseVerdict]())
    unknown = unknown_models(run, evidence)
    # What may be a slip is not repeated, and of what was never asked nothing failed last.
    named = {text: unknown[text] or UNNAMED if text in unknown else text for text in run.candidates}
    models = " ".join(f"--model {shlex.quote(text)}" for text in dict.fromkeys(named.values()))
    if len(unknown) == len(run.candidates):
        # A wrong name judges nothing: what it says of goldens can wait for the right one.
        return f"pytest {models}"
    if counts[CaseVerdict.NO_GOLDEN]:
        return "pytest --golden=new"
    if counts[CaseVerdict.STALE_GOLDEN]:
        stale = next(flow.flow for flow in evidence if flow.verdicts.get(CaseVerdict.STALE_GOLDEN))
        return f"pytest --golden=rewrite -k {shlex.quote(stale)}"
    if not unknown and any(name.startswith("not_run:") for name in run.accounts):
        # Another run, of what failed, would leave this one unfinished behind it.
        return f"prompt-migrate resume {run.id}"
    if counts[CaseVerdict.NO_REPLY] or run.state != "complete":
        return f"pytest {models}" if unknown else f"pytest {models} --lf"
    if counts[CaseVerdict.BREAKING]:
        return f"mend the prompt, then pytest {models} --lf"
    if counts[CaseVerdict.DRIFT]:
        return f"then pytest {models} --lf"
    return "prompt-migrate route"


__all__ = ["counts_words", "failure_lines", "spent_of", "summary_lines", "verdict_words"]
