"""`prompt-migrate review`: the changes of a run, group by group, decided with one key each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from migrate.cli.decide import decided_lines
from migrate.cli.keys import ESCAPE, pressed
from migrate.cli.printing import print_lines
from migrate.errors import UsageProblem
from migrate.presenting.numbers import counted
from migrate.vocabulary import CaseId, Decision, FlowName

if TYPE_CHECKING:
    from migrate.workflow.review import Review
    from migrate.workflow.walk import Change, Session

NARROWEST, WIDEST = 40, 120


@click.command()
@click.option("--run", "run_id", metavar="ID", help="Run to review  [default: the newest replay]")
@click.option("--flow", metavar="NAME", help="Only this flow.")
@click.option("--candidate", metavar="MODEL", help="Only this candidate.")
@click.option("--reviewer", metavar="NAME", help="Who decides  [default: the name git signs with]")
@click.pass_context
def review(
    context: click.Context, run_id: str | None, flow: str | None, candidate: str | None, reviewer: str | None
) -> None:
    """Go through the changes of a run in the terminal: accept, reject, tolerate or skip, group by group.

    Nothing is written before `q`; Escape and Ctrl-C leave and write nothing. Without a terminal the commands that
    decide are listed instead, and the exit code is 2.
    """
    from dataclasses import replace

    from migrate import wiring
    from migrate.wiring.deciding import open_review
    from migrate.wiring.deciding import reviewer as reviewer_of
    from migrate.workflow.walk import Session

    world = wiring.open_world(Path.cwd(), os.environ, {})
    try:
        writer, run = open_review(world), world.ledger.run(run_id)
        cases = [
            one
            for one in writer.seen(run)
            if flow in (None, one.comparison.flow) and candidate in (None, one.comparison.candidate)
        ]
        given = replace(NOBODY, reviewer=reviewer_of(world, reviewer), at=_now(world.clock.now().isoformat()))
        session = Session(cases, given)
        changes = session.changes()
        if not changes:
            print_lines([f"run {run.id}: nothing to decide"])
        elif sys.stdin.isatty() and sys.stdout.isatty():
            context.exit(_walk(session, changes, writer))
        else:
            print_lines(_flags(changes))
            raise UsageProblem("a review needs a terminal; the commands above decide without one")
    finally:
        world.close()


NOBODY: Final = Decision(FlowName(""), CaseId(""), "", "accept", None, "")


def _now(text: str) -> str:
    return text.split(".", 1)[0].removesuffix("+00:00") + "Z"


def _flags(changes: tuple[Change, ...]) -> Iterator[str]:
    from migrate.presenting.reviewing import flag_lines

    for change in changes:
        yield from flag_lines(change.flow, change.group, contract=change.is_contract)


def _walk(session: Session, changes: tuple[Change, ...], writer: Review) -> int:
    """Show group after group until the reviewer ends; return the exit code."""
    at, example = 0, 0
    while True:
        _show(session, changes, at, example)
        key = pressed(_prompt(changes[at]))
        if key == ESCAPE:
            print_lines(["left; nothing was written"])
            return 0
        if key == "q":
            return _write(session, writer)
        if key == "o":
            example += 1
            continue
        at, example = _acted(session, changes, at, key), 0
        if at >= len(changes):
            print_lines(["that was the last group: q writes what was decided, b goes back"])
            at = len(changes) - 1


def _acted(session: Session, changes: tuple[Change, ...], at: int, key: str) -> int:
    """Do what a key says; return which group is next."""
    from migrate.presenting.reviewing import KEYS

    change = changes[at]
    match key:
        case "a" if change.is_contract:
            print_lines(["  it breaks the contract: it can be tolerated (t), or rejected (r)"])
        case "a" | "r" | "t":
            return at + _decided(session, change, key)
        case "s" | " " | "n":
            return at + 1
        case "b" | "p":
            return max(at - 1, 0)
        case "u":
            undone = session.undo()
            print_lines([f"  taken back: {undone}" if undone else "  nothing was decided yet"])
            return next((place for place, one in enumerate(changes) if one.group.id == undone), at)
        case _:
            print_lines([f"  {name}  {words}" for name, words in KEYS.items()])
    return at


def _decided(session: Session, change: Change, key: str) -> bool:
    """Ask what a decision needs and keep it; False when the reviewer gave nothing."""
    verdict = {"a": "accept", "r": "reject", "t": "tolerate"}[key]
    reason = click.prompt("  reason", default="", show_default=False).strip()
    if verdict != "accept" and not reason:
        print_lines([f"  to {verdict} something a reason is needed"])
        return False
    day = click.prompt("  until (YYYY-MM-DD)", value_proc=_day) if verdict == "tolerate" else None
    cases = session.decide(change, verdict, reason, day)
    print_lines([f"  {verdict}: {counted(cases, 'case')}"])
    return True


def _day(text: str) -> str:
    import datetime as dt

    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise click.UsageError(f'"{text}" is no day such as 2026-12-31') from None


def _show(session: Session, changes: tuple[Change, ...], at: int, example: int) -> None:
    from migrate.presenting.reviewing import example_lines, group_lines

    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    change = changes[at]
    decided = session.decided().get(change.group.id)
    place = f"{at + 1}/{len(changes)}"
    shown = change.examples[example % len(change.examples)]
    print_lines(
        ["", *group_lines(change.flow, change.group, change.candidates, place=place, decided=decided, width=width)]
    )
    print_lines(example_lines(shown.case, shown.candidate, shown.finding, shown.samples, width=width))


def _prompt(change: Change) -> str:
    can = "[t]olerate [r]eject" if change.is_contract else "[a]ccept [r]eject [t]olerate"
    return f"  {can} [s]kip [o]ther [b]ack [u]ndo [q]uit [?] "


def _write(session: Session, writer: Review) -> int:
    decisions = session.decisions()
    if not decisions:
        print_lines(["nothing was decided"])
        return 0
    outcomes = writer.apply(decisions)
    print_lines(decided_lines(outcomes, dry_run=False))
    return 1 if any(one.status == "refused" for one in outcomes) else 0
