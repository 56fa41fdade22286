"""The oldest pytest that is supported runs, selects, refuses and tells as the newest one does."""

from __future__ import annotations

import pytest
from small_project import BROKEN_ID, LATE, LATE_ID, LOST_ID, Project, verdicts, write

WRONG = '{"label": "late", "amount": "3"}'


@pytest.fixture
def older(project: Project, old_pytest: str) -> Project:
    """The recorded project, run by the older pytest."""
    project.other_pytest = old_pytest
    return project


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_the_older_pytest_ends_as_the_newer_one(older: Project, workers: list[str]) -> None:
    """Verdicts, counts, exit code, ids with dots, properties: the same, alone and with workers."""
    older.say("gpt-4.1", {LATE: WRONG})

    result = older.run("-v", "--model", "gpt-4.1", "--junitxml=junit.xml", *workers)

    if not workers:
        result.stdout.fnmatch_lines("*pytest-8.4.*")
    result.assert_outcomes(passed=4, failed=1)
    assert 1 == result.ret
    assert "PASSED" == verdicts(result)[f"{LOST_ID}[gpt-4.1]"]
    assert 5 == (older.root / "junit.xml").read_text("utf-8").count('<property name="verdict"')
    assert "Traceback" not in result.stdout.str()


def test_the_older_pytest_selects_alike(older: Project) -> None:
    """`--lf`, a full id and a recording: the second run knows the first one's failure."""
    older.say("gpt-4.1", {LATE: WRONG})
    older.run("-q", "--model", "gpt-4.1", f"{LATE_ID}[gpt-4.1]", BROKEN_ID).assert_outcomes(passed=1, failed=1)

    again = older.run("-v", "--model", "gpt-4.1", "--lf", "--migrate-offline")

    assert {f"{LATE_ID}[gpt-4.1]": "FAILED"} == verdicts(again)


def test_the_older_pytest_refuses_alike(older: Project) -> None:
    """A refusal is one sentence and exit code 4; a bare run knows nothing of prompts."""
    write(older.root / "test_app.py", "def test_app(): pass\n")

    refused = older.run("--model", "gpt-4.1@polite")
    bare = older.run("-q")

    assert 4 == refused.ret
    refused.stderr.fnmatch_lines("ERROR: no flow has a prompt variant*")
    bare.assert_outcomes(passed=1)


def test_the_older_pytest_lets_a_conftest_own_the_name(older: Project) -> None:
    """A conftest that owns `--model` keeps it; a closed gate is told even with `--no-summary`."""
    write(older.root / "conftest.py", "def pytest_addoption(parser): parser.addoption('--model')\n")
    older.say("gpt-4.1", {LATE: '{"label": "late", "amount": 4}'})

    result = older.run(
        "--no-summary", "--model", "mine", "--migrate-model", "gpt-4.1", LATE_ID, "--migrate-fail-on", "drift"
    )

    result.assert_outcomes(failed=1)
    assert 1 == result.ret
    result.stdout.fnmatch_lines("gate closed: refund against gpt-4.1: 1 of 1 cases drifting")
