"""The same run dealt out to processes: every way of pytest-xdist to do it, and a worker that dies in the middle."""

from __future__ import annotations

import pytest
from small_project import BROKEN, LATE, LATE_ID, LOST, LOST_ID, Project, verdicts, write

WRONG = '{"label": "late", "amount": "3"}'
OTHER = '{"label": "lost", "amount": 2}'


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_workers_find_what_one_process_finds(project: Project, dist: str) -> None:
    """However cases are dealt out: the same verdicts, every case asked once, one run in the ledger, exit code 1."""
    project.say("gpt-4.1", {LATE: WRONG, LOST: OTHER})

    result = project.run("-v", "--model", "gpt-4.1", "-n", "2", "--dist", dist)

    ended = verdicts(result)
    assert 5 == len(ended)
    assert ["late-parcel"] == [node.split("::")[1].split("[")[0] for node, end in ended.items() if end == "FAILED"]
    assert 1 == result.ret
    assert 10 == project.models.calls
    document = project.compared()
    assert {"planned": 5, "judged": 5} == document["run"]["accounts"]
    assert {"notes": (0, 0), "refund": (1, 1)} == {
        flow["flow"]: (flow["verdicts"]["breaking"], flow["verdicts"]["drift"]) for flow in document["flows"]
    }


def test_every_worker_may_run_every_case(project: Project) -> None:
    """`--dist each` runs each case on both workers; a case is still one case in the accounts and in the evidence."""
    result = project.run("-q", "--model", "gpt-4.1", "--dist", "each", "--tx", "2*popen", LATE_ID, LOST_ID)

    result.assert_outcomes(passed=4)
    assert 0 == result.ret
    assert {"planned": 2, "judged": 2} == project.compared()["run"]["accounts"]


def test_one_worker_and_none_are_the_same(project: Project) -> None:
    """`-n 1`, `-n 0` and `-p no:xdist` run the same cases to the same ends."""
    project.say("gpt-4.1", {LATE: WRONG})

    runs = [
        project.run("-v", "--model", "gpt-4.1", *workers, "prompts/refund.prompt.yml")
        for workers in (["-n", "1"], ["-n", "0"], ["-p", "no:xdist"])
    ]

    assert [verdicts(runs[0])] * 3 == [verdicts(run) for run in runs]
    assert {LATE: 2, BROKEN: 2, LOST: 2} == project.models.asked("gpt-4.1")


def test_a_dead_worker_costs_its_case_and_no_other(project: Project) -> None:
    """The case a worker dies at is an error and the run is incomplete; every other case is judged, on a new worker."""
    write(
        project.root / "conftest.py",
        "import os\n\n"
        "def pytest_runtest_setup(item):\n"
        "    if 'broken-cup' in item.name and 'PYTEST_XDIST_WORKER' in os.environ:\n"
        "        os._exit(3)\n",
    )

    result = project.run("-v", "--model", "gpt-4.1", "-n", "2")

    ended = verdicts(result)
    result.assert_outcomes(passed=4, errors=1)
    assert ["ERROR"] == [end for node, end in ended.items() if "broken-cup" in node]
    assert 1 == result.ret
    result.stdout.fnmatch_lines("*worker 'gw?' crashed while running*broken-cup*")
    run = project.compared()["run"]
    assert "incomplete" == run["state"]
    assert 1 == sum(count for name, count in run["accounts"].items() if name.startswith("not_run:worker gw"))
    assert 4 == run["accounts"]["judged"]


def test_a_worker_that_dies_after_judging_is_no_pass(project: Project) -> None:
    """A case that was judged and never reported, because its worker died, does not end in 0."""
    write(
        project.root / "conftest.py",
        "import os\n\n"
        "def pytest_runtest_teardown(item):\n"
        "    if 'broken-cup' in item.name and 'PYTEST_XDIST_WORKER' in os.environ:\n"
        "        os._exit(0)\n",
    )

    result = project.run("-q", "--model", "gpt-4.1", "-n", "2")

    assert 1 == result.ret


def test_reports_that_cannot_be_sent_are_made_sendable(project: Project) -> None:
    """Text another plugin adds to a case's report, half a character in it, does not end the run unseen."""
    project.say("gpt-4.1", {LATE: WRONG})
    write(
        project.root / "conftest.py",
        "import pytest\n\n"
        "@pytest.hookimpl(trylast=True)\n"
        "def pytest_runtest_call(item):\n"
        "    item.add_report_section('call', 'said', 'half \\ud83d a character')\n",
    )

    result = project.run("-q", "--model", "gpt-4.1", "-n", "2")

    result.assert_outcomes(passed=4, failed=1)
    assert 1 == result.ret


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1"])
def test_workers_stop_early_and_say_so(project: Project, stop: str) -> None:
    """`-x` with workers ends the run as soon as one case failed: never 0, and what was not run has its reason."""
    project.say("gpt-4.1", dict.fromkeys([LATE, BROKEN, LOST], WRONG))

    result = project.run("-q", "--model", "gpt-4.1", "-n", "2", stop, "prompts/refund.prompt.yml")

    assert 0 != result.ret
    accounts = project.compared()["run"]["accounts"]
    assert accounts["planned"] == sum(accounts.values()) - accounts["planned"]


def test_junit_and_last_failed_hold_with_workers(project: Project) -> None:
    """Properties reach the JUnit file through workers, and `--lf` knows what failed on them."""
    project.say("gpt-4.1", {LATE: WRONG})
    project.run("-q", "--model", "gpt-4.1", "-n", "2", "--junitxml=junit.xml").assert_outcomes(passed=4, failed=1)

    again = project.run("-v", "--model", "gpt-4.1", "-n", "2", "--lf")

    assert {f"{LATE_ID}[gpt-4.1]": "FAILED"} == verdicts(again)
    junit = (project.root / "junit.xml").read_text("utf-8")
    assert (5, 1) == (junit.count('<property name="flow"'), junit.count('name="verdict" value="breaking"'))
