"""`--migrate-report` writes the page with the run, from the controller alone, and tells when it cannot."""

from __future__ import annotations

import pytest
from small_project import LATE, Project

WRONG = '{"label": "late", "amount": "3"}'


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_the_page_is_written_with_the_run(project: Project, workers: list[str]) -> None:
    """A folder gets an index.html; where it is stands in the summary, and the run ends as it would without."""
    project.say("gpt-4.1", {LATE: WRONG})
    result = project.run("--model", "gpt-4.1", "--migrate-report", "reports/ci", *workers)
    assert 1 == result.ret
    assert "report: reports/ci/index.html" in result.stdout.str()
    assert "<title>gpt-4.1: prompt-migrate run " in (project.root / "reports/ci/index.html").read_text("utf-8")


def test_a_page_that_cannot_be_written_is_told(project: Project) -> None:
    """A run that did not do what it was asked for is not fine, and says why in one line."""
    (project.root / "taken").write_text("a file", "utf-8")
    result = project.run("--model", "gpt-4.1", "--migrate-report", "taken/page.html")
    assert 1 == result.ret
    assert "gate closed: cannot write the report" in result.stdout.str()
