"""`prompt-migrate resume`: finish a run that was stopped, by handing it back to pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", required=False)
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def resume(run: str | None, pytest_args: tuple[str, ...]) -> None:
    """Finish RUN (default: the newest unfinished one): the same as `pytest --migrate-resume`.

    What was answered before is neither asked nor paid for again. Further arguments go to pytest (`-n 2`, `-q`).
    """
    from migrate import wiring

    if run is not None and run.startswith("-"):
        pytest_args, run = (run, *pytest_args), None
    world = wiring.open_world(Path.cwd(), os.environ, {})
    plan = world.plans.find(run)
    click.echo(f"resuming run {plan.run.id}, started {plan.run.started_at}", err=True)
    command = [sys.executable, "-m", "pytest", f"--migrate-resume={plan.run.id}", *pytest_args]
    os.execv(sys.executable, command)  # noqa: S606 - the same program, with the user's own arguments
