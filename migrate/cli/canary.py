"""`prompt-migrate canary`: plan a rollout, check it while it runs, export its flags, simulate its logs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from migrate.cli.printing import print_json, print_lines

if TYPE_CHECKING:
    from migrate.canary import Plan

INCONCLUSIVE: Final = 3
NARROWEST, WIDEST = 40, 120


@click.group()
def canary() -> None:
    """Plan a rollout, check it while it runs, export its flags, simulate its logs."""


@canary.command("plan")
@click.option("--run", "run_id", metavar="ID", help="Replay to plan from  [default: the newest]")
@click.option("--flow", "flows", multiple=True, metavar="FLOW", help="Flow to plan; may be given again  [default: all]")
@click.option(
    "--candidate", metavar="TEXT", help="Candidate of the run  [default: a flow's cheapest that is not unsafe]"
)
@click.option(
    "--policy", type=click.Path(path_type=Path), metavar="FILE", help="TOML file: budget, days, ladder, rates."
)
@click.option("--as-of", metavar="DATE", help="Day that retirement dates are judged against  [default: today]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/canary-plan.schema.json).")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the plan to a file, as JSON."
)
@click.pass_context
def plan(
    context: click.Context,
    *,
    run_id: str | None,
    flows: tuple[str, ...],
    candidate: str | None,
    policy: Path | None,
    as_of: str | None,
    as_json: bool,
    as_markdown: bool,
    output: Path | None,
) -> None:
    """Plan a rollout from the evidence of a replay: stages, stop rules, gates, exposure, and how the plan behaves.

    Ends with 0 when every flow may start, 3 when one may not, or not yet.
    """
    from migrate import wiring
    from migrate.canary import plan_document
    from migrate.edges.rollouts import write_document
    from migrate.wiring.canary import plan_canaries

    world = wiring.open_world(Path.cwd(), os.environ, {"as_of": as_of})
    try:
        made = plan_canaries(world, run_id=run_id, flows=flows, candidate=candidate, policy=policy)
    finally:
        world.close()
    document = plan_document(made)
    if output is not None:
        write_document(output, json.dumps(document, indent=2, allow_nan=False) + "\n")
    if as_json:
        print_json(document)
    else:
        _print_plan(made, as_markdown)
    if output is not None:
        click.echo(f"written: {output}; next: prompt-migrate canary export {output} --to flagd", err=True)
    ready = all(rollout.verdict in ("ready", "ready_modified") for rollout in made.rollouts)
    context.exit(0 if ready else INCONCLUSIVE)


def _print_plan(made: Plan, as_markdown: bool) -> None:
    from migrate.presenting.canary_plan import plan_lines, plan_markdown

    print_lines(plan_markdown(made) if as_markdown else plan_lines(made, width=screen_width()))


def screen_width() -> int:
    """Return the width of the terminal, within what reads well; 80 where there is none."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return 80
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
