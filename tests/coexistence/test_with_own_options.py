"""Suites that own the short names keep them; ours are there under their full names all the same."""

from __future__ import annotations

import pytest
from small_project import CALL_ID, LATE_ID, Project, write

OWNS_MODEL = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--model", default="none", help="the user's own")

@pytest.fixture
def model(request):
    return request.config.getoption("--model")
"""
USES_MODEL = "def test_model(model): assert model == 'mine'\n"
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


@WORKERS
def test_a_conftest_that_owns_model_keeps_it(project: Project, workers: list[str]) -> None:
    """`--model mine` goes to the suite, and no replay begins; `--migrate-model` beside it replays."""
    write(project.root / "conftest.py", OWNS_MODEL)
    write(project.root / "test_app.py", USES_MODEL)

    own = project.run("-q", "--model", "mine", *workers)
    both = project.run("-q", "--model", "mine", "--migrate-model", "gpt-4.1", *workers)

    own.assert_outcomes(passed=1)
    assert "prompt-migrate:" not in own.stdout.str()
    both.assert_outcomes(passed=5)


@WORKERS
def test_a_nested_conftest_that_owns_model_keeps_it(project: Project, workers: list[str]) -> None:
    """A conftest below the root, seen only while collecting, adds the same name: bare runs and full names work."""
    write(project.root / "tests" / "conftest.py", OWNS_MODEL)
    write(project.root / "tests" / "test_app.py", USES_MODEL.replace("mine", "none"))

    bare = project.run("-q", *workers)
    named = project.run("-q", "--model", "none", "tests/test_app.py", *workers)
    ours = project.run("-q", "--migrate-model", "gpt-4.1", ".", *workers)

    bare.assert_outcomes(passed=1)
    named.assert_outcomes(passed=1)
    assert 5 == ours.parseoutcomes()["passed"]
    assert 0 == ours.ret


def test_every_short_name_can_be_somebody_elses(project: Project) -> None:
    """A suite may own all of them at once: not one is lost, and the full names do the work."""
    names = ("--model", "--golden", "--samples", "--max-cost", "--fail-on")
    options = "\n".join(f"    parser.addoption({name!r})" for name in names)
    write(project.root / "conftest.py", f"def pytest_addoption(parser):\n{options}\n")
    own = [word for name in names for word in (name, "theirs")]

    result = project.run("-q", *own, "--migrate-model", "gpt-4.1", "--migrate-samples", "1", CALL_ID)

    result.assert_outcomes(passed=1)
    assert 1 == project.models.calls


@pytest.mark.parametrize("where", ["addopts", "environment"])
def test_short_names_work_from_everywhere(project: Project, where: str) -> None:
    """`--model` may stand in `addopts` or in PYTEST_ADDOPTS as well as on the command line."""
    if where == "environment":
        project.environ["PYTEST_ADDOPTS"] = "--model=gpt-4.1 --samples=1"
        result = project.run("-q", LATE_ID)
    else:
        write(project.root / "conftest.py", "")
        result = project.run("-q", LATE_ID, addopts="--model gpt-4.1 --samples 1")

    result.assert_outcomes(passed=1)
    assert 1 == project.models.calls


def test_abbreviations_stay_refused(project: Project) -> None:
    """`--mod` is no name of anything: pytest says so."""
    result = project.run("--mod", "gpt-4.1")

    assert 4 == result.ret
