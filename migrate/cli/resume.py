"""`prompt-migrate resume`: finish a run that was stopped, by handing it back to pytest."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import click

from migrate.cli.printing import print_lines, terminal_width
from migrate.presenting.layout import wrapped


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", required=False)
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def resume(run: str | None, pytest_args: tuple[str, ...]) -> None:
    """Finish RUN (default: the unfinished one, if it is the only one): the same as `pytest --migrate-resume`.

    What was answered before is neither asked nor paid for again. Further arguments go to pytest (`-n 2`, `-q`).
    """
    from migrate import wiring

    if run is not None and run.startswith("-"):
        pytest_args, run = (run, *pytest_args), None
    world = wiring.open_world(Path.cwd(), os.environ, {})
    with closing(world):
        plan, words = wiring.choose(world, run)
    print_lines((part for line in words for part in wrapped(line, terminal_width(), cut=False)), err=True)
    command = [sys.executable, "-m", "pytest", f"--migrate-resume={plan.run.id}", *pytest_args]
    os.execv(sys.executable, command)  # noqa: S606 - the same program, with the user's own arguments
