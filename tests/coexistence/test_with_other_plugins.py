"""Beside the plugins engineers already use: neither changes what the other one finds."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_server import error
from small_project import BROKEN, CALL, LATE, LATE_ID, LOST, OTHERS, Project, verdicts, write

WRONG = '{"label": "late", "amount": "3"}'
OTHER = '{"label": "lost", "amount": 2}'
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


def evidence(project: Project) -> list[dict[str, Any]]:
    """Return what the newest run found, without what is measured."""
    flows: list[dict[str, Any]] = project.compared()["flows"]
    return [{name: flow[name] for name in flow if name != "latency_ms"} for flow in flows]


@WORKERS
def test_all_of_them_at_once(project: Project, workers: list[str]) -> None:
    """With every plugin loaded, a replay ends as it does alone: same items, same verdicts, same exit code."""
    project.say("gpt-4.1", {LATE: WRONG, LOST: OTHER})

    result = project.run("-v", "--model", "gpt-4.1", *workers, others=OTHERS)

    assert {"PASSED": 4, "FAILED": 1} == {
        end: list(verdicts(result).values()).count(end) for end in set(verdicts(result).values())
    }
    assert 1 == result.ret
    assert 10 == project.models.calls
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_random_order_with_and_without_workers(project: Project) -> None:
    """pytest-randomly shuffles cases and seeds random numbers: evidence is the same, alone and with workers."""
    project.say("gpt-4.1", {LATE: WRONG, LOST: OTHER, CALL: "Please call Ann back by 5 pm."})
    arguments = ["-v", "--model", "gpt-4.1", "--migrate-fresh"]

    straight = project.run(*arguments)
    found = [evidence(project)]
    orders = [list(verdicts(straight))]
    for seed, workers in (("1", []), ("2", []), ("3", ["-n", "2"])):
        shuffled = project.run(*arguments, "-p", "randomly", f"--randomly-seed={seed}", *workers, others=("randomly",))
        found.append(evidence(project))
        orders.append(list(verdicts(shuffled)))
        assert verdicts(straight) == verdicts(shuffled)

    assert [found[0]] * 4 == found
    assert 1 < len({tuple(order) for order in orders})


@WORKERS
def test_reruns_do_not_turn_red_into_green(project: Project, workers: list[str]) -> None:
    """pytest-rerunfailures runs a broken case again: it is judged by the answers it had, and nobody is asked again."""
    wrong_once = {question: lambda call: "no JSON" if call <= 2 else '{"label": "late"}' for question in (LATE, BROKEN)}
    project.say("gpt-4.1", {**wrong_once, LOST: lambda call: error(400) if call <= 2 else OTHER})

    result = project.run(
        *("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--reruns", "2", *workers),
        *("--junitxml=junit.xml",),
        others=("rerunfailures",),
    )

    assert 1 == result.ret
    result.stdout.fnmatch_lines("*2 failed, 1 error*rerun*")
    assert {LATE: 2, BROKEN: 2, LOST: 2} == project.models.asked("gpt-4.1")
    assert {"planned": 3, "judged": 2, "no_reply:bad_request": 1} == project.compared()["run"]["accounts"]


def test_snapshots_of_syrupy_are_left_alone(project: Project) -> None:
    """A bare run uses syrupy as ever; a replay deletes no snapshot of deselected tests, even when told to update."""
    write(project.root / "test_app.py", "def test_app(snapshot): assert snapshot == {'a': 1}\n")
    project.run("-q", "--snapshot-update", others=("syrupy",)).assert_outcomes(passed=1)
    before = project.files("__snapshots__")

    bare = project.run("-q", others=("syrupy",))
    replay = project.run("-q", "--model", "gpt-4.1", ".", "--snapshot-update", others=("syrupy",))

    assert 1 == len(before)
    bare.assert_outcomes(passed=1)
    replay.assert_outcomes(passed=5, deselected=1)
    assert (0, before) == (replay.ret, project.files("__snapshots__"))


def test_cassettes_of_pytest_recording_are_left_alone(project: Project) -> None:
    """`--record-mode` and `--block-network` rule the user's own tests; a replay asks its models beside them."""
    write(
        project.root / "test_app.py",
        "import socket\nimport pytest\n\n"
        "@pytest.mark.block_network\n"
        "def test_app():\n"
        "    with pytest.raises(RuntimeError):\n"
        "        socket.create_connection(('127.0.0.1', 9))\n",
    )

    bare = project.run("-q", "--record-mode=none", others=("recording",))
    replay = project.run(
        "-q", "--model", "gpt-4.1", "--record-mode=none", "--block-network", LATE_ID, others=("recording",)
    )

    bare.assert_outcomes(passed=1)
    replay.assert_outcomes(passed=1)
    assert 2 == project.models.calls


@WORKERS
def test_coverage_is_measured_as_ever(project: Project, workers: list[str]) -> None:
    """pytest-cov measures a bare run with our plugin loaded, and a replay under it ends as without it."""
    write(project.root / "app.py", "def one():\n    return 1\n")
    write(project.root / "test_app.py", "import app\n\ndef test_app(): assert app.one() == 1\n")

    bare = project.run("-q", "--cov=app", "--cov-report=term", *workers, others=("pytest_cov",))
    replay = project.run("-q", "--model", "gpt-4.1", LATE_ID, "--cov=app", *workers, others=("pytest_cov",))

    bare.assert_outcomes(passed=1)
    bare.stdout.fnmatch_lines("app.py * 100%")
    replay.assert_outcomes(passed=1)
    assert 0 == replay.ret


def test_asynchronous_tests_run_as_ever(project: Project) -> None:
    """pytest-asyncio in its automatic mode takes the user's coroutines and leaves cases alone."""
    write(project.root / "test_app.py", "import asyncio\n\nasync def test_app(): await asyncio.sleep(0)\n")

    bare = project.run("-q", "--asyncio-mode=auto", others=("asyncio",))
    replay = project.run("-q", "--model", "gpt-4.1", LATE_ID, "--asyncio-mode=auto", others=("asyncio",))

    bare.assert_outcomes(passed=1)
    replay.assert_outcomes(passed=1)


def test_nothing_of_ours_warns(project: Project) -> None:
    """With warnings as errors, unraisable ones and unclosed sockets included, a live run and its repetition pass."""
    for arguments in ([], ["--migrate-offline"], ["--migrate-fresh", "-n", "2"]):
        result = project.run("-q", "-W", "error", "--model", "gpt-4.1", *arguments)
        result.assert_outcomes(passed=5)
        assert 0 == result.ret
        assert "warning" not in result.stdout.str().lower() + result.stderr.str().lower()
