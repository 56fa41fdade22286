"""How a command complains: in the width of the terminal, with a guess at what was mistyped, commands whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

import click

from migrate.cli.printing import terminal_width
from migrate.errors import PromptMigrateError, did_you_mean
from migrate.inert import inert
from migrate.presenting.layout import wrapped

COMMANDS: Final = ("next: ",)
"""What a line begins with that is there to be copied, and stays whole."""


def complaint_lines(problem: PromptMigrateError) -> Iterator[str]:
    """Yield what is wrong and what to type next."""
    for line in f"prompt-migrate: {inert(str(problem))}".splitlines():
        yield from [line] if line.startswith(COMMANDS) else _fitted(line)


def helped(problem: click.UsageError) -> click.UsageError:
    """Return a complaint of click's with a guess at the mistyped choice; options and commands it guesses itself."""
    said = problem.format_message()
    if isinstance(problem, click.BadParameter) and problem.param is not None:
        choices = getattr(problem.param.type, "choices", ())
        given = said.partition(": ")[2].partition("' is not")[0].lstrip("'")
        guess = did_you_mean(given, map(str, choices))
        said = f"{said} {guess[0].upper()}{guess[1:]}" if guess else said
    return click.UsageError("\n".join(_fitted(inert(said), first="Error: ")), ctx=problem.ctx)


def _fitted(line: str, first: str = "") -> list[str]:
    """Return a line in the width of the terminal; whole where there is none, so that a log can be searched."""
    if not (sys.stderr.isatty() or os.environ.get("COLUMNS")):
        return [line]
    head, *rest = wrapped(first + line, terminal_width(), cut=False)
    return [head.removeprefix(first), *rest]


__all__ = ["complaint_lines", "helped"]
