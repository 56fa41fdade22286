"""What killed runs were answered, read in before a command speaks of runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from migrate.cli.printing import hanging, print_lines, terminal_width
from migrate.errors import PromptMigrateError

if TYPE_CHECKING:
    from migrate.vocabulary import Settings


def take_in_leftovers(settings: Settings) -> None:
    """Fold what killed runs were answered into the stores, and say on standard error which runs that were.

    Where it cannot be written, as in a checkout that is read only, that is said and the command goes on without it.
    """
    if not any((settings.root / settings.state / "journals").glob("*.jsonl")):
        return
    from migrate.wiring import World, fold_leftovers

    width, world = terminal_width(), World(settings, os.environ)
    try:
        for run_id in fold_leftovers(world):
            if run_id in world.plans.known():
                said = f"run {run_id} was killed before its end; what it was answered counts"
                print_lines(hanging("note: ", said, width), err=True)
                print_lines([f"      to finish it: prompt-migrate resume {run_id}"], err=True)
    except (PromptMigrateError, OSError) as problem:
        said = f"what killed runs were answered is not counted: {problem}"
        print_lines(hanging("note: ", said, width), err=True)
    finally:
        world.close()
