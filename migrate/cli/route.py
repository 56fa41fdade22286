"""`prompt-migrate route`: the cheapest satisfactory model for each flow, from the ledger alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from migrate.cli.compare import ledger_of, wants_colour
from migrate.cli.printing import print_json, print_lines, terminal_width
from migrate.errors import UsageProblem

if TYPE_CHECKING:
    from migrate.routing import RouteReport

INCONCLUSIVE: Final = 3
"""Exit code where a flow is insufficient."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    form: Literal["text", "json", "md", "litellm", "routes"]
    output: Path | None
    evidence: Path | None
    candidates: tuple[str, ...]
    any_order: bool
    rollout_days: int
    as_of: str | None
    explain: str | None
    held: Path | None
    """File to hold against the routes, in place of writing one."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/route.schema.json).")
@click.option("--md", "as_md", is_flag=True, help="Print Markdown, with cascades and plots of cost and quality.")
@click.option(
    "--export",
    type=click.Choice(["litellm", "json"]),
    help="Print the decisions alone: a LiteLLM proxy's configuration, or JSON (migrate/schemas/routes.schema.json).",
)
@click.option(
    "--check", "held", type=click.Path(path_type=Path), metavar="FILE", help="Hold an exported file against the routes."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="TEXT",
    help="Candidates to test, in this order  [default: all that were replayed, the dearest by list price first]",
)
@click.option("--any-order", is_flag=True, help="Test candidates by Holm's procedure instead of one after the other.")
@click.option(
    "--rollout-days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    metavar="N",
    help="A model must still be there when so many days are over.",
)
@click.option("--as-of", metavar="DATE", help="Judge retirement dates and prices as of this day (YYYY-MM-DD).")
@click.option("--explain", metavar="METRIC", help="Print formula, inputs and source of a figure or key of the JSON.")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Decide on made-up answers instead (migrate/schemas/route-evidence.schema.json); all output says so.",
)
@click.pass_context
def route(context: click.Context, /, *, as_json: bool, as_md: bool, export: str | None, **given: object) -> None:
    """Choose a model for each flow: the cheapest that is shown to be good enough.

    Reads the newest whole replay of every candidate from the ledger; asks nobody. Ends with 0 when every flow is
    decided, 3 when the evidence for one is insufficient.
    """
    asked = Asked(form=_form(as_json, as_md, export, given["held"]), **given)  # type: ignore[arg-type]
    words = [] if asked.explain is None else _words(asked.explain)
    if words:
        from migrate.presenting.layout import wrapped

        print_lines(line for text in words for line in wrapped(text, terminal_width(), cut=False))
        return
    name = None if asked.explain is None else _figure(asked.explain)
    report = replace(_report(asked), typed=asked.as_of is not None)
    if name is not None:
        from migrate.presenting.layout import wrapped
        from migrate.presenting.routes import heads
        from migrate.routing.explaining import explained

        lines = [*heads(report), *explained(name, report)]
        print_lines(line for text in lines for line in wrapped(text, terminal_width(), cut=False))
        return
    if asked.held is not None:
        context.exit(_hold(asked.held, report, asked.form))
    _show(report, asked)
    context.exit(INCONCLUSIVE if report.inconclusive else 0)


def _form(as_json: bool, as_md: bool, export: str | None, held: object) -> str:
    if as_json + as_md + (export is not None) > 1:
        raise UsageProblem("--json, --md and --export exclude each other")
    if held is not None and export is None:
        raise UsageProblem("--check holds an exported file: say which form it has, with --export")
    if export is not None:
        return "routes" if export == "json" else export
    return "json" if as_json else "md" if as_md else "text"


def _words(asked: str) -> list[str]:
    """Return what a word means that names no figure of a route, though a key of its JSON may be called so."""
    from migrate.cli.explaining import word_lines
    from migrate.routing.explaining import FIGURES

    return [] if asked in FIGURES.names else word_lines(asked, "route")


def _figure(asked: str) -> str:
    """Return the name of a figure that was asked for by it, or by a key of the JSON."""
    from migrate.cli.explaining import unknown_figure
    from migrate.routing.explaining import FIGURES

    name = FIGURES.named(asked)
    if name is None:
        raise unknown_figure(asked, "route")
    return name


def _report(asked: Asked) -> RouteReport:
    from migrate.wiring import open_world
    from migrate.wiring.routes import Wanted, route_of_file, route_of_ledger

    wanted = Wanted(asked.rollout_days, asked.any_order, asked.candidates)
    if asked.evidence is not None:
        from migrate.edges.evidence_files import read_evidence

        file = read_evidence(asked.evidence)
        return route_of_file(open_world(Path.cwd(), os.environ, {"as_of": asked.as_of or file.as_of}), file, wanted)
    world = open_world(Path.cwd(), os.environ, {"as_of": asked.as_of})
    with closing(ledger_of(world.settings)) as ledger:
        return route_of_ledger(world, ledger, wanted)


def _hold(path: Path, report: RouteReport, form: str) -> int:
    """Say where a file decides otherwise than the routes do; return the exit code, 1 where it does."""
    from migrate.wiring.route_export import export_flaws

    flaws = export_flaws(path, report, form)
    print_lines(flaws or [f"{path} is these routes: {', '.join(route.trials.flow for route in report.flows)}"])
    return 1 if flaws else 0


def _show(report: RouteReport, asked: Asked) -> None:
    if asked.output is None and asked.form == "json":
        from migrate.presenting.route_document import route_document

        print_json(route_document(report))
    elif asked.output is None and asked.form == "text":
        _print_table(report)
    elif asked.output is None:
        print_lines(_lines(report, asked.form))
    else:
        from migrate.edges.report import write_text

        write_text(asked.output, "".join(f"{line}\n" for line in _lines(report, asked.form)))
        print_lines([f"written: {asked.output}"], err=True)


def _print_table(report: RouteReport) -> None:
    from migrate.presenting.routes import route_lines

    width = terminal_width()
    colour = wants_colour(sys.stdout.isatty(), os.environ)
    lines = route_lines(report, width=width, colour=colour)
    if not colour:
        print_lines(lines)
        return
    for line in lines:
        click.echo(line, color=True)


def _lines(report: RouteReport, form: str) -> Iterator[str]:
    if form == "litellm":
        from migrate.edges.exporters.litellm import litellm_config

        yield from litellm_config(report).splitlines()
    elif form == "routes":
        from migrate.edges.exporters.routes import routes_json

        yield from routes_json(report).splitlines()
    elif form == "json":
        import json

        from migrate.presenting.route_document import route_document

        yield from json.dumps(route_document(report), indent=2, allow_nan=False).splitlines()
    else:
        from migrate.presenting.routes import route_lines, route_markdown

        yield from route_markdown(report) if form == "md" else route_lines(report)
