"""`prompt-migrate review`: the changes of a run, group by group, decided with one key each."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from migrate.canonical import stamp
from migrate.cli.decide import MOST, MOST_SAMPLES, NAMED, NOTHING, REFUSED, folders_of, refuse_misnamed
from migrate.cli.keys import ESCAPE, pressed, typed
from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import fuller_lines, hanging, print_lines, terminal_width
from migrate.errors import UsageProblem, did_you_mean
from migrate.presenting.layout import wrapped
from migrate.presenting.numbers import counted
from migrate.vocabulary import CaseId, Group, Rung

if TYPE_CHECKING:
    from migrate.reviewing import Seen
    from migrate.wiring.world import World
    from migrate.workflow.review import Review
    from migrate.workflow.walk import Change, Session

T = TypeVar("T")

NO_PAGE: Final = "--open opens the page of --web"


@click.command()
@click.option("--run", "run_id", metavar="ID", help="Run to review  [default: the newest replay]")
@click.option("--flow", metavar="NAME", help="Only this flow.")
@click.option("--candidate", metavar="MODEL", help="Only this candidate.")
@click.option("--reviewer", metavar="NAME", help="Who decides  [default: the name git signs with]")
@click.option("--web", is_flag=True, help="On the report's page, served on this machine to the browser you open.")
@click.option("--open", "show", is_flag=True, help="With --web: open the page in a browser.")
@click.option(
    "--idle", type=click.IntRange(1, 1440), default=30, show_default=True, metavar="MINUTES", help="Ends --web."
)
@click.option("--undo", is_flag=True, help="Take back what was decided last in one go; again: what was before it.")
@click.option("--dry-run", is_flag=True, help="With --undo: say what would be taken back; write nothing.")
@click.option("--rate", "rates", is_flag=True, help="Rate a blind sample: which answer is better, how right each is.")
@click.option("--sample", type=click.IntRange(1, 10_000), default=30, show_default=True, metavar="N", help="Of --rate.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="What --rate draws by.")
@click.option("--pair", metavar="ID", help="With --rate: rate this pair by options, without a terminal.")
@click.option("--prefer", type=click.Choice(("a", "b", "tie")), help="Of --pair: the better answer.")
@click.option("--correct-a", type=click.IntRange(1, 5), metavar="1..5", help="Of --pair: how right A is.")
@click.option("--correct-b", type=click.IntRange(1, 5), metavar="1..5", help="Of --pair: how right B is.")
@click.pass_context
def review(context: click.Context, /, run_id: str | None, reviewer: str | None, **given: Any) -> None:
    """Go through the changes of a run in the terminal: accept, reject, tolerate or skip, group by group.

    Nothing is written before `q`; Escape and Ctrl-C leave and write nothing, or lead back to the group where a text is
    asked for. Without a terminal the commands that decide are listed instead, and the exit code is 2.

    With --web the report's page is served on this machine alone: what is decided there is written at once, and undone
    there too. Ctrl-C, or nobody asking for MINUTES, ends it with a summary.

    With --undo what was decided last is taken back, in goldens and prompt files: all of one command, of one group in
    the terminal, or of one act at the page. It takes --flow and --candidate; what others decided since stays.

    With --rate a sample of pairs of answers is drawn, the same for every rater of a seed, and shown in a random order
    without names; with --web at a page that holds nothing else. Ratings stand in fixtures/FLOW/ratings.jsonl, and
    beside the automatic verdicts in `compare` and `report`.
    """
    if given["rates"] or given["pair"]:
        from migrate.cli.rate import rate

        if given["pair"] and given["web"]:
            raise UsageProblem("--pair rates by options and --web at a page: they do not go together")
        if given["show"] and not given["web"]:
            raise UsageProblem(NO_PAGE, next_command="prompt-migrate review --rate --web --open")
        context.exit(rate(run_id, reviewer, given))
    if given["undo"]:
        context.exit(_undo(reviewer, given))
    if given["dry_run"]:
        raise UsageProblem("--dry-run is of --undo", next_command="prompt-migrate review --undo --dry-run")
    if given["web"]:
        context.exit(_serve(run_id, reviewer, given))
    if given["show"]:
        raise UsageProblem(NO_PAGE, next_command="prompt-migrate review --web --open")
    context.exit(_in_terminal(run_id, reviewer, given["flow"], given["candidate"]))


def _undo(reviewer: str | None, given: dict[str, Any]) -> int:
    """Take the newest decisions back; return the exit code."""
    from migrate import wiring
    from migrate.presenting.deciding import taken_back_lines
    from migrate.wiring.deciding import open_review
    from migrate.wiring.deciding import reviewer as reviewer_of

    if given["web"]:
        raise UsageProblem("the page undoes with `u`: --undo and --web do not go together")
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        writer, dry_run = open_review(world), given["dry_run"]
        outcomes = writer.last(given["flow"], given["candidate"])
        if not outcomes:
            _refuse_unknown(world, given["flow"], given["candidate"])
        if not dry_run:
            who, at = reviewer_of(world, reviewer), stamp(world.clock.now())
            outcomes = writer.take_back(outcomes, reviewer=who, at=at)
        folders = folders_of(world.settings)
        print_lines(taken_back_lines(outcomes, dry_run=dry_run, folders=folders, width=terminal_width()))
    finally:
        world.close()
    return REFUSED if any(one.status == "refused" for one in outcomes) else 0


def _refuse_unknown(world: World, flow: str | None, candidate: str | None) -> None:
    """Raise UsageProblem for a flow or candidate that no run has: nothing was decided of what is not there."""
    models = {text for run in world.ledger.runs() for text in run.candidates}
    for what, name, known in (("flow", flow, {*world.ledger.flows()}), ("candidate", candidate, models)):
        if name is not None and name not in known:
            guess = did_you_mean(name, known)
            raise UsageProblem(f'--{what} "{name}": no run has such a {what}', hint=guess)


def _serve(run_id: str | None, reviewer: str | None, given: dict[str, Any]) -> int:
    """Serve the page until it ends; return the exit code."""
    from migrate import wiring
    from migrate.cli.serving import serve
    from migrate.presenting.deciding import decided_lines
    from migrate.wiring.deciding import reviewer as reviewer_of
    from migrate.wiring.reporting import refuse_nothing
    from migrate.wiring.review_web import WebReview

    if given["flow"] or given["candidate"]:
        raise UsageProblem("the page has filters of its own: --web takes no --flow and no --candidate")
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        refuse_nothing(world)
        print_lines(["making the page ..."], err=True)
        web = WebReview(world, run_id, reviewer_of(world, reviewer))
        print_lines(warnings_of(web.lapsed), err=True)
        serve(web.server, f"run {web.run.id}", show=given["show"], idle=given["idle"])
        web.end()
        how: dict[str, Any] = {"folders": folders_of(world.settings), "width": terminal_width()}
        lines = decided_lines(web.outcomes, web.left_open, dry_run=False, asked=web.run.candidates, **how)
        print_lines(["", *(lines if web.outcomes else ["nothing was decided"])])
    finally:
        world.close()
    return 0


def _in_terminal(run_id: str | None, reviewer: str | None, flow: str | None, candidate: str | None) -> int:
    """Walk through the changes, or list the commands where there is no terminal; return the exit code."""
    from dataclasses import replace

    from migrate import wiring
    from migrate.wiring.deciding import open_review
    from migrate.wiring.deciding import reviewer as reviewer_of
    from migrate.workflow.walk import Session

    world = wiring.open_world(Path.cwd(), os.environ, {})

    take_in_leftovers(world.settings)
    try:
        writer, run = open_review(world), world.ledger.run(run_id)
        seen = list(writer.seen(run))
        refuse_misnamed(run, seen, flow, candidate)
        cases = [
            one for one in seen if flow in (None, one.comparison.flow) and candidate in (None, one.comparison.candidate)
        ]
        if run_id is None:
            print_lines(fuller_lines(world.ledger.runs(), run, "review"), err=True)
        given = replace(NOTHING, reviewer=reviewer_of(world, reviewer))
        _warn(writer, cases)
        standing = writer.standing_of(dict.fromkeys(one.comparison.flow for one in cases))
        session = Session(cases, given, lambda: stamp(world.clock.now()), standing)
        changes = session.changes()
        if not changes:
            print_lines([f"run {run.id}: nothing to decide"])
        elif sys.stdin.isatty() and sys.stdout.isatty():
            return _walk(session, changes, writer, folders_of(world.settings), run.candidates)
        else:
            older = run.id if run.id != world.ledger.run(None).id else None
            print_lines(_flags(session, changes, _narrowed(older, candidate)))
            raise UsageProblem("a review needs a terminal; the commands above decide without one")
    finally:
        world.close()
    return 0


LAPSED: Final = 5


def _warn(writer: Review, cases: Sequence[Seen]) -> None:
    print_lines(warnings_of(list(writer.lapsed(dict.fromkeys(one.comparison.flow for one in cases)))), err=True)


def warnings_of(lapsed: Sequence[str]) -> Iterator[str]:
    """Yield what is said of decisions whose golden changed since."""
    for line in lapsed[:LAPSED]:
        yield from hanging("warning: ", line, terminal_width())
    if len(lapsed) > LAPSED:
        yield f"warning: and of {len(lapsed) - LAPSED} more cases"


def _narrowed(run_id: str | None, candidate: str | None) -> str:
    """Return the options without which the commands would mean another run, or more models than were listed."""
    words = [("--run", run_id), ("--candidate", candidate)]
    return "".join(f" {name} {shlex.quote(value)}" for name, value in words if value is not None)


def _flags(session: Session, changes: tuple[Change, ...], narrowed: str) -> Iterator[str]:
    from migrate.presenting.reviewing import before_lines, companion_lines, flag_lines

    width = terminal_width()
    for change in changes:
        yield from flag_lines(
            change.flow,
            change.group,
            cases=change.cases,
            contract=change.is_contract,
            narrowed=narrowed,
            width=width,
        )
        yield from companion_lines(change.mates, twins=[mate.id for mate, _ in change.twins], width=width)
        yield from before_lines(session.said_before(change), width=width)


def _walk(
    session: Session, changes: tuple[Change, ...], writer: Review, folders: Sequence[str], asked: Sequence[str]
) -> int:
    """Show group after group until the reviewer ends; return the exit code. `asked` are the run's candidates."""
    at, example = 0, 0
    while True:
        _show(session, changes, at, example)
        key = pressed(_prompt(changes[at]))
        if key == ESCAPE:
            key = _leaving(session)
        if key == ESCAPE:
            print_lines(["left; nothing was written"])
            return 0
        if key == "q":
            return _write(session, writer, folders, asked)
        if not key:
            continue
        if key == "o":
            example += 1
            continue
        at, example = _acted(session, changes, at, key, writer.today), 0
        if at >= len(changes):
            print_lines(["that was the last group: q writes what was decided, b goes back"])
            at = len(changes) - 1


def _leaving(session: Session) -> str:
    """Ask whoever leaves what becomes of what was decided: `q`, Escape again, or nothing, which goes on."""
    made = len(session.decided())
    if not made:
        return ESCAPE
    key = pressed(f"  {counted(made, 'group')} decided and not written: [q] writes, Escape leaves without, [b]ack ")
    return key if key in (ESCAPE, "q") else ""


def _acted(session: Session, changes: tuple[Change, ...], at: int, key: str, today: str) -> int:
    """Do what a key says; return which group is next."""
    from migrate.presenting.reviewing import KEYS

    change = changes[at]
    match key:
        case "a" if change.is_contract:
            print_lines(["  it breaks the contract: it can be tolerated (t), or rejected (r)"])
        case "a" | "r" | "t":
            return at + _decided(session, change, key, today)
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


def _decided(session: Session, change: Change, key: str, today: str) -> bool:
    """Ask what a decision needs and keep it; False when the reviewer gave nothing."""
    verdict = {"a": "accept", "r": "reject", "t": "tolerate"}[key]
    print_lines([f"  to {verdict} it: Enter answers, Escape or Ctrl-C leaves the group as it was"])
    try:
        reason = _asked("reason", str)
        if verdict != "accept" and not reason:
            print_lines([f"  to {verdict} something a reason is needed"])
            return False
        bounds = _bounds(today) if verdict == "tolerate" else {}
        without = _left_out(change)
        count = sum(one.case not in without for one in change.examples)
        twins = _twins(session, change, verdict, without)
        if count > MOST:
            _confirm(f"that is {count} cases, more than {MOST} at once: {verdict} all of them? (y/N)")
    except (click.Abort, _Left):
        print_lines(["", "  left as it was"])
        return False
    cases = session.decide(change, verdict, reason, without, twins, **bounds)
    also = "".join(f", and {twin.id} with them" for twin in twins)
    print_lines([f"  {verdict}: {counted(cases, 'case')}{also}"])
    return True


class _Left(Exception):
    """Escape was pressed where something was asked, or a question was answered with no."""


def _asked(prompt: str, read: Callable[[str], T]) -> T:
    """Ask for a line of text, again until it can be read. Raises _Left at Escape, Abort at Ctrl-C."""
    while True:
        try:
            text = typed(f"  {prompt}: ")
        except (EOFError, KeyboardInterrupt):
            raise click.Abort from None
        if text == ESCAPE:
            raise _Left
        try:
            return read(text.strip())
        except click.UsageError as problem:
            print_lines(f"  {line}" for line in wrapped(problem.message, terminal_width() - 2))


def _twins(session: Session, change: Change, verdict: str, without: Collection[CaseId]) -> list[Group]:
    """Ask which groups at the same place are decided on with this one: often it is one change, met by two rules."""
    can = [group for _, group in change.twins if verdict != "accept" or group.rung is Rung.AGREEMENT]
    taken = []
    for group in can:
        shared = session.shared(change, group, without)
        said = f"{shared} of these are in {group.id} {group.severity.value} too, at the same place: {group.title}"
        print_lines(f"  {line}" for line in wrapped(said, terminal_width() - 2))
        if _asked(f"{verdict} that with it? (Y/n)", partial(_is_yes, empty=True)):
            taken.append(group)
    return taken


def _confirm(question: str) -> None:
    """Ask for a yes. Raises _Left for a no, and as `_asked` does."""
    if not _asked(question, partial(_is_yes, empty=False)):
        raise _Left


def _is_yes(text: str, *, empty: bool) -> bool:
    if text.lower() not in ("y", "yes", "n", "no", ""):
        raise click.UsageError(f'"{text}" is neither y nor n')
    return text.lower().startswith("y") if text else empty


def _bounds(today: str) -> dict[str, str | int | None]:
    """Ask how long a toleration holds, and for how many samples."""
    day = _asked("until (YYYY-MM-DD)", partial(_day, today=today))
    return {"expires": day, "at_most": _asked("at most so many samples of a case (Enter: all)", _most)}


def _left_out(change: Change) -> set[CaseId]:
    """Ask which cases of a group are left out."""
    members = {CaseId(one.case) for one in change.examples}
    if len(members) < 2:
        return set()

    def known(text: str) -> set[CaseId]:
        named = {CaseId(part) for part in text.replace(",", " ").split()}
        strange = sorted(named - members)
        if strange:
            raise click.UsageError(f'the group has no case "{strange[0]}": names of cases alone, Enter leaves none out')
        return named

    names = sorted(members)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    print_lines(f"  {line}" for line in wrapped(f"its cases: {', '.join(names[:NAMED])}{more}", terminal_width() - 2))
    return _asked("all but (cases; Enter: none)", known)


def _most(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > len(str(MOST_SAMPLES)) or not 1 <= int(text) <= MOST_SAMPLES:
        raise click.UsageError(f'"{text}" is no number of samples, 1 to {MOST_SAMPLES}')
    return int(text)


def _day(text: str, *, today: str) -> str:
    import datetime as dt

    from migrate.reviewing import over_words

    try:
        day = dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.UsageError(f'"{text}" is no day such as 2026-12-31') from None
    if day < today:
        raise click.UsageError(over_words(day, today))
    return day


def _show(session: Session, changes: tuple[Change, ...], at: int, example: int) -> None:
    from migrate.presenting.reviewing import before_lines, example_lines, group_lines

    width = terminal_width()
    change = changes[at]
    decided = session.decided().get(change.group.id)
    place = f"{at + 1}/{len(changes)}"
    shown = change.examples[example % len(change.examples)]
    print_lines(
        [
            "",
            *group_lines(
                change.flow,
                change.group,
                change.candidates,
                change.mates,
                cases=change.cases,
                place=place,
                decided=decided,
                width=width,
            ),
        ]
    )
    print_lines(before_lines(session.said_before(change), width=width))
    print_lines(example_lines(shown.case, shown.candidate, shown.finding, shown.samples, width=width))


def _prompt(change: Change) -> str:
    can = "[t]olerate [r]eject" if change.is_contract else "[a]ccept [r]eject [t]olerate"
    return f"  {can} [s]kip [o]ther [b]ack [u]ndo [q]uit [?] "


def _write(session: Session, writer: Review, folders: Sequence[str], asked: Sequence[str]) -> int:
    from migrate.presenting.deciding import decided_lines

    decisions = session.decisions()
    if not decisions:
        print_lines(["nothing was decided"])
        return 0
    outcomes = writer.apply(decisions)
    left_open = writer.left_open(outcomes)
    how: dict[str, Any] = {"folders": folders, "width": terminal_width(), "asked": asked}
    print_lines(decided_lines(outcomes, left_open, dry_run=False, **how))
    return 1 if any(one.status == "refused" for one in outcomes) else 0
