"""`prompt-migrate report`: a run as a page to review it on, or in the forms that CI systems read."""

from __future__ import annotations

import os
import shlex
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from migrate.cli.compare import exit_code
from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import fuller_lines, print_lines
from migrate.errors import UsageProblem

if TYPE_CHECKING:
    from migrate.vocabulary import FlowEvidence, Run
    from migrate.wiring.world import World

FORMATS: Final = ("html", "md", "github", "gitlab", "junit", "csv", "jsonl", "ctrf", "parquet", "datasette")


@click.command()
@click.option("--run", "run_id", metavar="ID", help="Run to report, or the start of its id  [default: newest replay]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True, help="What to write.")
@click.option("-o", "--output", metavar="PATH", help="Where to write  [default: reports/RUN/index.html, else stdout]")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--page",
    "pages",
    multiple=True,
    metavar="NAME=FILE",
    help="Show decisions too: route=, canary= (the plan), check=. Beside the page, in reports/ and in the project's "
    "folder route.json, canary-plan.json or plan.json, and canary-check.json are found.",
)
@click.option("--gate", is_flag=True, help="End as `compare` does: 1 for a closed gate, 12 stale, 10 incomplete.")
@click.pass_context
def report(
    context: click.Context,
    *,
    run_id: str | None,
    form: str,
    output: str | None,
    show: bool,
    pages: tuple[str, ...],
    gate: bool,
) -> None:
    """Write the report of a replay: one self-contained page, or a form that CI systems read.

    The page works from a file, offline; decisions made on it are downloaded as decisions.json. `--format datasette`
    writes what datasette shows beside the ledger: the meaning of every column, and queries that are ready to be asked.
    """
    from migrate import wiring
    from migrate.wiring.reporting import refuse_nothing

    if show and form != "html":
        raise UsageProblem(f"--open shows a page, --format {form} is none", next_command="prompt-migrate report --open")
    world = wiring.open_world(Path.cwd(), os.environ, {})
    take_in_leftovers(world.settings)
    try:
        refuse_nothing(world)
        if form == "datasette":
            _write_out(_datasette(), output)
            return
        if form == "html":
            run, evidence = _write_page(world, run_id, output, pages, show=show)
        else:
            run, evidence = _write_text(world, run_id, form, output)
        if run_id is None:
            print_lines(fuller_lines(world.ledger.runs(), run, "report"), err=True)
        context.exit(_code(world, run, evidence) if gate else 0)
    finally:
        world.close()


def _write_page(
    world: World, run_id: str | None, output: str | None, given: Sequence[str], *, show: bool
) -> tuple[Run, tuple[FlowEvidence, ...]]:
    from migrate.edges.report import write_report
    from migrate.wiring.report_pages import found_pages, given_pages
    from migrate.wiring.reporting import make_report, page_folders, replay_of, report_path

    run = replay_of(world.ledger, run_id)
    path = Path(output) if output else report_path(world, run)
    pages = given_pages(given)
    found, left_out = found_pages(run, page_folders(world, path))
    print_lines(left_out, err=True)
    made = make_report(world, run.id, {**found, **pages})
    written = write_report(path, made.packed)
    print_lines(_said(written), err=True)
    if show:
        webbrowser.open(path.resolve().as_uri())
    return made.run, made.evidence


def _write_text(
    world: World, run_id: str | None, form: str, output: str | None
) -> tuple[Run, tuple[FlowEvidence, ...]]:
    """Write one of the other forms to a file, or to standard output, which is then the document's alone."""
    from migrate.wiring.reporting import make_text

    run, evidence, text = make_text(world, "jsonl" if form == "parquet" else form, run_id)
    if form == "parquet":
        _write_parquet(text, output)
    else:
        _write_out(text, output)
    return run, evidence


def _write_parquet(json_lines: str, output: str | None) -> None:
    from migrate.edges.report.parquet import write_parquet

    if output is None:
        raise UsageProblem(
            "Parquet is no text: name a file", next_command="prompt-migrate report --format parquet -o cases.parquet"
        )
    write_parquet(Path(output), json_lines)
    print_lines([f"wrote {output}"], err=True)


def _datasette() -> str:
    import json

    from migrate.edges.ledger.datasette import metadata

    return json.dumps(metadata(), indent=2) + "\n"


def _write_out(text: str, output: str | None) -> None:
    """Write text to a file, or to standard output. Raises StoreProblem."""
    if output is None:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
        return
    from migrate.edges.report import write_text

    write_text(Path(output), text)
    print_lines([f"wrote {output}"], err=True)


def _said(written: Sequence[Path]) -> list[str]:
    path, *beside = written
    shown = str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    more = f" and {len(beside)} files in {beside[0].parent.name}/ beside it: keep them together" if beside else ""
    return [f"wrote {shown}{more}", f"open with: {_opener()} {shlex.quote(shown)}"]


def _opener() -> str:
    import sys

    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")


def _code(world: World, run: Run, evidence: tuple[FlowEvidence, ...]) -> int:
    from migrate.evidence import parse_fail_on, standing

    gates = parse_fail_on(",".join(world.settings.fail_on))
    found = standing(run, evidence, gates)
    reasons = [*found.closed, *found.stale, *found.incomplete]
    print_lines((f"gate closed: {reason}" for reason in reasons), err=True)
    return exit_code(found)
