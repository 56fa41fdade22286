"""Cases that pass: reported without running phases nobody takes part in, and with them as soon as somebody does."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from flow_project import BROKEN_ID as BROKEN_TEST
from flow_project import LATE_ID as LATE_TEST
from flow_project import against
from flow_project import run as run_app
from small_project import BROKEN_ID, LATE, LATE_ID, PROMPTS, Project, write

LISTENS = """
def {hook}:
    with open("phases.txt", "a") as out:
        print("{hook}".split("(")[0], item.name, file=out)
"""
FIXTURES = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def kept():
    print("set up")
    yield
    print("torn down")
"""
SEES_PHASES = """
import _pytest.runner
shown = _pytest.runner.call_and_report
def counted(item, when, *args, **kwargs):
    with open("phases.txt", "a") as out:
        print(when, item.name, file=out)
    return shown(item, when, *args, **kwargs)
_pytest.runner.call_and_report = counted
"""


def phases(project: Project) -> list[str]:
    path = project.root / "phases.txt"
    return path.read_text("utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize(
    "hook", ["pytest_runtest_setup(item)", "pytest_runtest_call(item)", "pytest_runtest_makereport(item, call)"]
)
def test_a_conftest_that_takes_part_in_a_phase_is_called_in_it(project: Project, hook: str) -> None:
    """Whoever implements a phase's hook sees every case in it, the passing ones too."""
    write(project.root / "conftest.py", LISTENS.format(hook=hook))

    project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml").assert_outcomes(passed=3)

    assert 3 == len({line.split()[1] for line in phases(project)})


def test_only_cases_with_something_to_raise_run_through_their_phases(project: Project) -> None:
    """Where nobody takes part, the phases of a passing case are not run; those of a failing one are."""
    project.say("gpt-4.1", {LATE: '{"label": "late", "amount": "3"}'})
    write(project.root / "conftest.py", SEES_PHASES)

    project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml").assert_outcomes(passed=2, failed=1)

    ran = [line.split("[")[0] for line in phases(project)]
    last = [f"{phase} lost.letter" for phase in ("setup", "call", "teardown")]
    assert ["setup late-parcel", "call late-parcel", "teardown late-parcel", *last] == ran, "the last one tears down"


def test_both_ways_tell_the_same(project: Project) -> None:
    """JUnit, verbose lines, durations and the summary do not show which way a case was reported."""

    def told() -> tuple[dict[str, list[tuple[str, str]]], list[str], list[str]]:
        result = project.run(
            "-v", "--durations=0", "-vv", "--model", "gpt-4.1", "--junitxml=out.xml", "-o", "junit_family=xunit2"
        )
        result.assert_outcomes(passed=5)
        cases = ET.parse(project.root / "out.xml").getroot().iter("testcase")
        properties = {
            f"{case.get('classname')}::{case.get('name')}": [
                (str(one.get("name")), str(one.get("value"))) for one in case.iter("property")
            ]
            for case in cases
        }
        lines = [line for line in result.outlines if "::" in line and "PASSED" in line]
        counted = [line.split()[1] for line in result.outlines if line.strip().endswith("]") and "s call" in line]
        return properties, lines, counted

    short = told()
    write(project.root / "conftest.py", LISTENS.format(hook="pytest_runtest_teardown(item)"))
    long = told()

    assert 5 == len(short[0])
    assert 5 == len(phases(project))
    assert long == short


def test_what_tests_beside_the_cases_set_up_comes_to_its_end(app: Project) -> None:
    """Cases between tests with fixtures leave nothing standing, and tear nothing down before its time."""
    write(app.root / "prompts" / "notes.prompt.yml", PROMPTS["notes"])
    write(app.root / "conftest.py", FIXTURES)
    run_app(app, "-q", "--golden=new", "tests/test_app.py::test_desk", "prompts").assert_outcomes(passed=4)

    order = (against(LATE_TEST, "gpt-4.1"), "prompts", against(BROKEN_TEST, "gpt-4.1"))
    result = run_app(app, "-q", "-s", "--model", "gpt-4.1", *order)

    result.assert_outcomes(passed=4)
    told = [word for word in ("set up", "torn down", "INTERNALERROR") for _ in range(result.stdout.str().count(word))]
    assert ["set up", "torn down"] == told
    assert result.stdout.str().index("set up") < result.stdout.str().index("torn down")


def test_a_mark_added_late_holds(project: Project) -> None:
    """A case that a conftest marks goes the long way: skipped is skipped, and its neighbour passes."""
    write(
        project.root / "conftest.py",
        "import pytest\n\n"
        "def pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.skip(reason='later'))\n",
    )

    project.run("-q", "--model", "gpt-4.1", LATE_ID, BROKEN_ID).assert_outcomes(passed=1, skipped=1)


def test_a_mistake_of_our_own_is_shown_as_one(project: Project) -> None:
    """A bug in judging is an error with its traceback, once, and the next case is judged all the same."""
    write(
        project.root / "conftest.py",
        "import migrate.workflow.replay as replay\n"
        "right = replay.Replay.conclude\n"
        "def wrong(self, trial, calls):\n"
        "    if trial.case.id == 'late-parcel':\n"
        "        raise ZeroDivisionError('a bug')\n"
        "    return right(self, trial, calls)\n"
        "replay.Replay.conclude = wrong\n",
    )

    result = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines("*ZeroDivisionError: a bug*")
    assert "INTERNALERROR" not in result.stdout.str()
