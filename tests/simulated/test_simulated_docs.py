"""The page about the simulated provider says what the data says."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from migrate.cli.simulate import simulate
from migrate.edges.providers.simulated.habits import HABITS, Habit
from migrate.edges.providers.simulated.models import Models
from migrate.edges.providers.simulated.personas import NOISE, PERSONAS, RETUNED, Rate

PAGE = (Path(__file__).parents[2] / "docs" / "simulated-provider.md").read_text(encoding="utf-8")
MODELS_WITH_HABITS = [name for name, persona in PERSONAS.items() if persona.habits]


def prevented_by(habit: Habit) -> str:
    """Say which response format prevents a habit."""
    if habit.needs_free_text:
        return "`json_object`, `json_schema`"
    return "strict `json_schema`" if habit.needs_loose_schema else habit.prevented


def percent(share: float) -> str:
    return f"{share * 100:.3g}"


def rate(found: Rate | None) -> str:
    """Write a rate as flows / cases / samples, in percent."""
    return "" if found is None else " / ".join(percent(share) for share in (found.flows, found.cases, found.samples))


def habit_table() -> str:
    """Return the table of habits, as the page must have it."""
    head = "| habit | what it does | breaks the contract | prevented by | known from |\n| --- | --- | --- | --- | --- |"
    rows = [
        f"| `{habit.name}` | {habit.description} | {'yes' if habit.breaking else 'no'} | {prevented_by(habit)} "
        f"| {habit.source} |"
        for habit in HABITS
    ]
    return "\n".join([head, *rows])


def rate_table() -> str:
    """Return the table of rates, as the page must have it."""
    head = "| habit | " + " | ".join(MODELS_WITH_HABITS) + " |\n| --- |" + " --- |" * len(MODELS_WITH_HABITS)
    rows = [
        f"| `{habit.name}` | "
        + " | ".join(rate(PERSONAS[name].habits.get(habit.name)) for name in MODELS_WITH_HABITS)
        + " |"
        for habit in HABITS
    ]
    steady = " | ".join(percent(PERSONAS[name].steady) for name in MODELS_WITH_HABITS)
    return "\n".join([head, *rows, f"| flows where nothing breaks | {steady} |"])


def pace_table() -> str:
    """Return the table of speeds and limits, as the page must have it."""
    head = (
        "| model | served as | context | most output | leaves the API | first token, ms | per input token, ms "
        "| per output token, ms | spread |\n" + "| --- " * 9 + "|"
    )
    rows = []
    for name in PERSONAS:
        model = Models().find(name)
        assert model is not None
        facts, pace = model.facts, PERSONAS[name].pace
        speed = f"{pace.first_token_ms:g} | {pace.per_input_ms:g} | {pace.per_output_ms:g} | {pace.spread:g}"
        limits = f"{facts.context_window:,} | {facts.max_output:,} | {facts.shutdown or ''}"
        rows.append(f"| {name} | {model.snapshot} | {limits} | {speed} |")
    return "\n".join([head, *rows])


@pytest.mark.parametrize("table", [habit_table, rate_table, pace_table])
def test_the_tables_of_the_page_are_those_of_the_data(table: object) -> None:
    """Habits, rates, limits and speeds on the page are the ones that are played."""
    assert callable(table)
    assert str(table()) in PAGE


def test_the_noise_of_cases_is_on_the_page() -> None:
    """The shares of ambiguous, unstable and never kept cases, and of re-tuned wordings, are told as they are."""
    for share in (NOISE.ambiguous, NOISE.unstable, NOISE.never_kept, RETUNED):
        assert f"{percent(share)} %" in PAGE


def test_every_option_of_the_command_is_on_the_page() -> None:
    """No option of `simulate` is left out, and none is told of that does not exist."""
    options = {name for parameter in simulate.params if isinstance(parameter, click.Option) for name in parameter.opts}
    usage = PAGE[: PAGE.index("## What it speaks")]
    assert options == set(re.findall(r"(?<![-\w])--[a-z][a-z-]*", usage))
