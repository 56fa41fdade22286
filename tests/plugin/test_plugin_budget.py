"""A cap on what a run may spend holds wherever it was written."""

from __future__ import annotations

import pytest
from small_project import Project

CENTS = "0.000001"
"""Less than one call can cost."""


@pytest.mark.parametrize("where", ["command line", "configuration", "environment"])
def test_a_cap_stops_the_run_before_it_is_passed(project: Project, where: str) -> None:
    """No call is made that could cost more than the cap; the run is incomplete and says how to finish it."""
    arguments = ["--max-cost", CENTS] if where == "command line" else []
    if where == "configuration":
        project.configure(max_cost=CENTS)
    if where == "environment":
        project.environ["PROMPT_MIGRATE_MAX_COST"] = CENTS
    result = project.run("--model", "gpt-4.1", *arguments)
    assert (1, 0) == (result.ret, project.models.calls)
    assert "budget" in result.stdout.str()
    assert "--migrate-resume=" in result.stdout.str()


def test_the_command_line_has_the_last_word_on_the_cap(project: Project) -> None:
    """A larger cap given for one run wins over the configured one."""
    project.configure(max_cost=CENTS)
    result = project.run("--model", "gpt-4.1", "--max-cost", "5")
    assert 0 == result.ret
    assert project.models.calls
