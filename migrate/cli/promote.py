"""`prompt-migrate promote`: a finished candidate becomes the baseline."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.cli.decide import folders_of
from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import hanging, print_json, print_lines, terminal_width
from migrate.presenting.layout import wrapped
from migrate.presenting.numbers import counted

if TYPE_CHECKING:
    from migrate.workflow.promote import Promoted

JSON_FORMAT: Final = 1
REFUSED: Final = 1
SHOWN: Final = 10
"""Decisions of a flow that are named one by one."""


@click.command()
@click.argument("candidate")
@click.option("--run", "run_id", metavar="ID", help="The replay that decides  [default: the newest]")
@click.option("--flow", "flows", multiple=True, metavar="NAME", help="Only this flow; repeatable.")
@click.option("--reason", default="", metavar="TEXT", help="Why, where the verdict of a flow is not `safe`.")
@click.option("--reviewer", metavar="NAME", help="Who decides  [default: the name git signs with]")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/promoted.schema.json).")
@click.pass_context
def promote(context: click.Context, /, candidate: str, **given: Any) -> None:
    """Make CANDIDATE the baseline: its answers become the goldens, the prompt file names it.

    Asks nobody: the answers are those of the replay. Flows whose verdict is not `safe` are refused without a reason.
    What was decided of the goldens before does not hold for those in their place: it is listed, with why, and goes.
    Ends with 1 when a flow was refused.
    """
    from migrate import wiring
    from migrate.canonical import stamp
    from migrate.wiring.deciding import promote as promoted
    from migrate.wiring.deciding import reviewer
    from migrate.workflow.promote import Signed

    world = wiring.open_world(Path.cwd(), os.environ, {})

    take_in_leftovers(world.settings)
    try:
        at = stamp(world.clock.now())
        signed = Signed(reviewer(world, given["reviewer"]), at, given["reason"].strip())
        write = not given["dry_run"]
        results = list(promoted(world, given["run_id"], candidate, given["flows"], signed, write=write))
        leaving = world.leaving_of((one.model, one.before) for one in results if one.status == "written")
    finally:
        world.close()
    if given["as_json"]:
        print_json(_document(results, dry_run=given["dry_run"]))
        print_lines(leaving, err=True)
    else:
        print_lines(_lines(results, leaving, dry_run=given["dry_run"]))
        print_lines(_next_lines(results, candidate, folders_of(world.settings), dry_run=given["dry_run"]))
        print_lines(_unsafe_lines(results, given["run_id"]))
    context.exit(REFUSED if any(one.status == "refused" for one in results) else 0)


def _lines(results: Sequence[Promoted], leaving: Sequence[str], *, dry_run: bool) -> Iterator[str]:
    width = terminal_width()
    for one in results:
        match one.status:
            case "written":
                verb = "would be the baseline" if dry_run else "is the baseline now"
                yield from wrapped(f"{one.flow}: {one.model} {verb}, {counted(one.goldens, 'golden')}", width)
                yield from _left(one, dry_run=dry_run)
            case "already":
                yield from wrapped(f"{one.flow}: {one.model} is the baseline already", width)
            case _:
                yield from wrapped(f"{one.flow}: refused: {one.why}", width, cut=False)
    for words in leaving:
        yield from wrapped(words, width)


def _next_lines(results: Sequence[Promoted], candidate: str, folders: Sequence[str], *, dry_run: bool) -> Iterator[str]:
    from migrate.presenting.deciding import PROMOTED_LOG, commit_lines

    written = [one.flow for one in results if one.status == "written"]
    if written and not dry_run:
        words = f"Promote {candidate} for {', '.join(written[:3])}" + (" and others" if len(written) > 3 else "")
        yield from commit_lines(folders, words, PROMOTED_LOG, terminal_width())


def _unsafe_lines(results: Sequence[Promoted], run_id: str | None) -> Iterator[str]:
    """Yield the command that tells why a verdict is not `safe`, and what would make it so."""
    from migrate.presenting.deciding import beside

    if any(one.only_unsafe for one in results):
        which = "" if run_id is None else f" --run {shlex.quote(run_id)}"
        yield from beside("why, and what would help:", f"prompt-migrate compare{which}", terminal_width())


def _left(promoted: Promoted, *, dry_run: bool) -> Iterator[str]:
    """Yield what becomes of the decisions on the goldens before, one line each, and of the tolerations."""
    gone = promoted.dropped
    if gone:
        kinds = Counter("approval" if one.verdict == "accept" else "rejection" for one in gone)
        words = " and ".join(counted(number, kind) for kind, number in kinds.items())
        yield f"  {words} of the goldens before {'would go' if dry_run else 'went'} with them:"
    width = terminal_width()
    alike = Counter(gone)
    for one, times in [*alike.items()][:SHOWN]:
        who = f" by {one.reviewer}" if one.reviewer else ""
        reason = f' "{one.reason}"' if one.reason else ""
        answers = f", {times} answers" if times > 1 else ""
        words = f"{one.case}, {one.verdict} of {one.candidate}{answers}{who}{reason}: {one.why}"
        yield from hanging("    ", words, width)
    if len(alike) > SHOWN:
        yield f"    and {len(alike) - SHOWN} more: --json has all"
    if promoted.tolerated:
        stay = "stays" if promoted.tolerated == 1 else "stay"
        yield f"  {counted(promoted.tolerated, 'toleration')} in the prompt file {stay}, each until its day"


def _document(results: Sequence[Promoted], *, dry_run: bool) -> dict[str, Any]:
    flows = [
        {
            "flow": one.flow,
            "model": one.model,
            "status": one.status,
            "goldens": one.goldens,
            "why": one.why,
            "dropped": [asdict(dropped) for dropped in one.dropped],
            "tolerated": one.tolerated,
        }
        for one in results
    ]
    return {"format": JSON_FORMAT, "dry_run": dry_run, "flows": flows}
