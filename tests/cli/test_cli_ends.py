"""How `prompt-migrate` ends when a command does not."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

import migrate.cli
from migrate.errors import (
    BudgetStop,
    IncompleteRun,
    Interrupted,
    PromptMigrateError,
    StaleGoldens,
    StoreProblem,
    UsageProblem,
)


def ending(problem: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a command that raises."""

    @click.command()
    def runs() -> None:
        raise problem

    monkeypatch.setattr("migrate.cli.runs.runs", runs)
    result = CliRunner().invoke(migrate.cli.main, ["runs"])
    return result.exit_code, result.stdout, result.stderr


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is neither a success nor a closed gate: scripts can tell."""
    assert (130, "", "prompt-migrate: interrupted\n") == ending(KeyboardInterrupt(), monkeypatch)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageProblem, 2),
        (IncompleteRun, 10),
        (Interrupted, 130),
        (BudgetStop, 11),
        (StaleGoldens, 12),
        (StoreProblem, 13),
    ],
)
def test_a_problem_of_the_family_ends_with_its_code(
    kind: type[PromptMigrateError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence on standard error, the next command under it, nothing on standard output."""
    problem = kind("it did not work\x1b[2J", next_command="prompt-migrate runs")
    said = "prompt-migrate: it did not work<U+001B>[2J\nnext: prompt-migrate runs\n"
    assert (code, "", said) == ending(problem, monkeypatch)
