"""`accept`, `reject`, `tolerate` and `apply`: decisions from the command line or a file, all through one writer."""

from __future__ import annotations

import datetime as dt
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from migrate.canonical import stamp
from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import folded, hanging, print_json, print_lines, terminal_width
from migrate.errors import UsageProblem, did_you_mean
from migrate.vocabulary import CaseId, Decision, FlowName, JsonPath

if TYPE_CHECKING:
    from migrate.ports import Clock
    from migrate.reviewing import Choice, LeftOpen, Outcome, Seen
    from migrate.vocabulary import Run, Settings
    from migrate.workflow.review import Review

REFUSED: Final = 1
"""Exit code when a decision did not hold."""
MOST: Final = 50
"""Cases decided at once without `--all`."""
MOST_SAMPLES: Final = 1000
"""The most samples of a case that a toleration may be bound to."""
NAMED: Final = 20
"""Names that a complaint about one that is not there lists."""

NOTHING: Final = Decision(FlowName(""), CaseId(""), "", "accept", None, "")
"""A decision that says nothing yet."""

Verdict = Literal["accept", "reject", "tolerate"]
Command = TypeVar("Command", bound=Callable[..., Any])
Strange = tuple[str, str, tuple[str, ...]]
"""A name that is not there: its option, the name, and the names there are."""


def _choice(command: Command) -> Command:
    """Give a command the options that say what is meant and by whom."""
    options = (
        click.option("--run", "run_id", metavar="ID", help="Run that was reviewed  [default: the newest replay]"),
        click.option(
            "--group",
            "groups",
            multiple=True,
            metavar="ID",
            help="A group of equal changes, as `compare` lists them; repeatable.",
        ),
        click.option("--case", metavar="CASE", help="One case; --flow says of which flow, where several have it."),
        click.option("--path", metavar="PATH", help="One place in the answers, list indices as [*]."),
        click.option("--flow", metavar="NAME", help="Only this flow."),
        click.option("--candidate", metavar="MODEL", help="Only this candidate."),
        click.option("--except", "without", multiple=True, metavar="CASE", help="All but this case; repeatable."),
        click.option("--reason", default="", metavar="TEXT", help="Why; needed to reject or tolerate."),
        click.option("--reviewer", metavar="NAME", help="Who decides  [default: the name git signs with]"),
        click.option("--all", "everything", is_flag=True, help=f"Decide on more than {MOST} cases at once."),
        click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/decided.schema.json)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_choice
@click.pass_context
def accept(context: click.Context, /, **given: Any) -> None:
    """Approve changed answers beside the goldens.

    An approval is read when answers are compared; it never becomes a sample of the baseline. It is of an answer, and
    holds for every candidate that gives it. A broken contract cannot be accepted, only tolerated.
    """
    context.exit(_decide("accept", given))


@click.command()
@_choice
@click.pass_context
def reject(context: click.Context, /, **given: Any) -> None:
    """Let changes keep failing, with the reason shown, also those that would only be drift.

    A rejection is of what one candidate changed: another candidate that answers the same is decided on by itself.
    """
    context.exit(_decide("reject", given))


@click.command()
@_choice
@click.option("--until", metavar="DATE", required=True, help="The last day it holds (YYYY-MM-DD).")
@click.option(
    "--at-most", type=click.IntRange(1, MOST_SAMPLES), metavar="N", help="Samples of a case that may show it."
)
@click.pass_context
def tolerate(context: click.Context, /, **given: Any) -> None:
    """Let findings pass until a day: the only way past a broken contract.

    Written under `tolerated` in the prompt file, where it is reviewed like the rest.
    """
    context.exit(_decide("tolerate", given))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--reviewer", metavar="NAME", help="Who decided, where the file does not say.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/decided.schema.json).")
@click.pass_context
def apply(context: click.Context, file: Path, reviewer: str | None, dry_run: bool, as_json: bool) -> None:
    """Write the decisions that were downloaded from a report.

    A decision holds for the golden and the answers that were seen: after another replay or recording it is refused.
    """
    from dataclasses import replace

    from migrate import wiring
    from migrate.edges.decision_files import read_decisions
    from migrate.wiring.deciding import open_review
    from migrate.wiring.deciding import reviewer as reviewer_of

    run_id, decisions = read_decisions(file)
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        name = reviewer_of(world, reviewer)
        signed = [one if one.reviewer else replace(one, reviewer=name) for one in decisions]
        review = open_review(world)
        outcomes = review.apply(signed, write=not dry_run, at=stamp(world.clock.now()))
        left_open = review.left_open(outcomes)
        # The run may have been another machine's, and be unknown here.
        asked = next((one.candidates for one in world.ledger.runs() if one.id == run_id), ())
    finally:
        world.close()
    folders = folders_of(world.settings)
    context.exit(_tell(outcomes, left_open, folders, dry_run=dry_run, as_json=as_json, asked=asked))


def _decide(verdict: Verdict, given: dict[str, Any]) -> int:
    from migrate import wiring
    from migrate.wiring.deciding import open_review, reviewer

    if not (given["groups"] or given["case"] or given["path"]):
        problem = f"say what to {verdict}: --group, --case or --path"
        raise UsageProblem(problem, hint=_mistyped(given["flow"]), next_command="prompt-migrate compare")
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        review, run = open_review(world), world.ledger.run(given["run_id"])
        decision = _decision(verdict, given, world.clock.now(), reviewer(world, given["reviewer"]))
        decisions = _all_chosen(review, run, given, decision)
        cases = len({(one.flow, one.case, one.candidate) for one in decisions})
        if cases > MOST and not given["everything"]:
            raise UsageProblem(
                f"that is {cases} cases, more than {MOST} at once",
                hint="look at some of them first; --all means all of them",
            )
        outcomes = review.apply(decisions, write=not given["dry_run"])
        left_open = review.left_open(outcomes)
        print_lines(_over_by_the_calendar(decision, world.clock), err=True)
    finally:
        world.close()
    folders = folders_of(world.settings)
    how = {name: given[name] for name in ("dry_run", "as_json")}
    return _tell(outcomes, left_open, folders, **how, asked=run.candidates)


def _mistyped(flow: str | None) -> str:
    """Return what was meant by a flow that is not there; empty where it is there, or none was named."""
    from migrate import wiring
    from migrate.edges.configuration import refuse_without_runs

    if flow is None:
        return ""
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        refuse_without_runs(world.settings)
        known = {*world.ledger.flows()}
    finally:
        world.close()
    return "" if flow in known else f'there is no flow "{flow}"; {did_you_mean(flow, known)}'.removesuffix("; ")


def _over_by_the_calendar(decision: Decision, clock: Clock) -> Iterator[str]:
    """Yield a word on a last day that only a pinned day has not passed yet."""
    today, pinned = clock.now().date().isoformat(), clock.today().isoformat()
    if decision.expires is not None and pinned <= decision.expires < today:
        said = f"{decision.expires} is over by the calendar: it holds while runs are judged as of {pinned} (as_of)"
        yield from hanging("note: ", said, terminal_width())


def _choices(given: dict[str, Any], cases: Sequence[Seen], shared: Decision) -> list[Choice]:
    """Return what is meant, group by group; a case that is left out has to be in one of the groups alone."""
    from migrate.reviewing import Choice, chosen

    choice = Choice(
        case=None if given["case"] is None else CaseId(given["case"]),
        path=None if given["path"] is None else JsonPath(given["path"]),
        flow=None if given["flow"] is None else FlowName(given["flow"]),
        candidate=given["candidate"],
    )
    choices = [replace(choice, group=group) for group in dict.fromkeys(given["groups"])] or [choice]
    members = [{one.case for one in chosen(cases, each, shared)} for each in choices]
    without = frozenset(map(CaseId, given["without"]))
    strange = without.difference(*members)
    return [replace(each, without=strange | (without & mine)) for each, mine in zip(choices, members, strict=True)]


def _decision(verdict: Verdict, given: dict[str, Any], now: dt.datetime, reviewer: str) -> Decision:
    if verdict != "accept" and not given["reason"].strip():
        raise UsageProblem(f"to {verdict} something a reason is needed", hint="--reason TEXT")
    return Decision(
        flow=FlowName(""),
        case=CaseId(""),
        candidate="",
        verdict=verdict,
        base=None,
        seen="",
        reason=given["reason"].strip(),
        reviewer=reviewer,
        at=stamp(now),
        expires=_day(given.get("until")),
        at_most=given.get("at_most"),
    )


def _day(text: str | None) -> str | None:
    try:
        return None if text is None else dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageProblem(f'--until takes a day such as 2026-12-31, not "{text}"') from None


def _all_chosen(review: Review, run: Run, given: dict[str, Any], shared: Decision) -> list[Decision]:
    """Return the decisions that were asked for, group by group. Raises UsageProblem where one of them means nothing."""
    from migrate.reviewing import misnamed

    seen, decisions = list(review.seen(run)), list[Decision]()
    for choice in _choices(given, seen, shared):
        found = _chosen(run, seen, choice, shared)
        if not found:
            strange = next(misnamed(seen, choice, shared), None)
            other = review.open_elsewhere(run, choice, shared)
            raise _nothing_fits(run, other, strange, lambda run: _typed(shared.verdict, given, run))
        decisions += found
    return decisions


def _chosen(run: Run, cases: Sequence[Seen], choice: Choice, shared: Decision) -> list[Decision]:
    """Return the decisions that a choice means; none where nothing that is open fits."""
    from migrate.reviewing import chosen, misnamed

    decisions = list(chosen(cases, choice, shared))
    if choice.case is not None and choice.flow is None and len({one.flow for one in decisions}) > 1:
        flows = ", ".join(sorted({one.flow for one in decisions}))
        raise UsageProblem(f'several flows have a case "{choice.case}": {flows}', hint="--flow says which one")
    strange = next(misnamed(cases, choice, shared), None)
    if strange is not None and strange[0] == "except":
        raise _misnamed(run, *strange)
    return decisions


def _nothing_fits(run: Run, other: Run | None, strange: Strange | None, typed: Callable[[Run], str]) -> UsageProblem:
    """Return the complaint about a choice that means nothing: where it is open instead, or which name is not there."""
    if other is not None:
        return UsageProblem(
            f"nothing that is open in run {run.id} fits: the newest answers to it are those of run {other.id}",
            next_command=typed(other),
        )
    if strange is not None:
        return _misnamed(run, *strange)
    return UsageProblem(
        f"nothing that is open in run {run.id} fits",
        hint="what was decided, is within the noise, or is not kept today either, is not open",
        next_command=f"prompt-migrate compare --run {run.id}",
    )


def refuse_misnamed(run: Run, cases: Sequence[Seen], flow: str | None, candidate: str | None) -> None:
    """Raise UsageProblem for a flow or candidate that a run has not."""
    from migrate.reviewing import Choice, misnamed

    choice = Choice(flow=None if flow is None else FlowName(flow), candidate=candidate)
    strange = next(misnamed(cases, choice, NOTHING), None)
    if strange is not None:
        raise _misnamed(run, *strange)


def _misnamed(run: Run, option: str, name: str, there: Sequence[str]) -> UsageProblem:
    """Return the complaint about a name that is not there, with those that are."""
    what = {"except": "a case that is left out is none of those meant", "case": f"run {run.id} has no such case"}
    more = f" and {len(there) - NAMED} more" if len(there) > NAMED else ""
    near = did_you_mean(name, there)
    # An id says nothing by itself: a long list of them is no help.
    telling = option != "group" or not more
    listed = f"there are: {', '.join(there[:NAMED]) or 'none'}{more}" if telling else ""
    return UsageProblem(
        f'--{option} "{name}": {what.get(option, f"run {run.id} has no such {option}")}; nothing was written',
        hint=folded(" ".join(part for part in (near, listed) if part)),
        next_command=f"prompt-migrate {'compare' if telling else 'review'} --run {run.id}",
    )


def _typed(verdict: str, given: dict[str, Any], run: Run) -> str:
    """Return the command that was typed, for another run."""
    words = ["prompt-migrate", verdict, "--run", run.id]
    for group in given["groups"]:
        words += ["--group", group]
    for name in ("case", "path", "flow", "candidate", "reason", "reviewer", "until", "at_most"):
        if given.get(name):
            words += [f"--{name.replace('_', '-')}", str(given[name])]
    for case in given["without"]:
        words += ["--except", case]
    flags = {"everything": "--all", "dry_run": "--dry-run", "as_json": "--json"}
    return shlex.join([*words, *(flag for name, flag in flags.items() if given[name])])


def folders_of(settings: Settings) -> tuple[str, str]:
    """Return the folders that decisions write to."""
    return str(settings.fixtures), str(settings.prompts)


def _tell(
    outcomes: Sequence[Outcome],
    left_open: Sequence[LeftOpen],
    folders: Sequence[str],
    *,
    dry_run: bool,
    as_json: bool,
    asked: Sequence[str],
) -> int:
    """Print what became of decisions; return the exit code."""
    from migrate.presenting.deciding import decided_document, decided_lines

    if as_json:
        print_json(decided_document(outcomes, left_open, dry_run=dry_run))
    else:
        how: dict[str, Any] = {"folders": folders, "width": terminal_width(), "asked": asked}
        print_lines(decided_lines(outcomes, left_open, dry_run=dry_run, **how))
    return REFUSED if any(one.status == "refused" for one in outcomes) else 0
