"""A run that was stopped is finished by `--migrate-resume`: what was answered is neither lost nor paid for twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from scripted_server import Scripted, answer, error, ok
from small_project import BROKEN, CALL, LATE, LATE_ID, LOST, MILK, OTHERS, TODAY, Project, write

CANDIDATE = "gpt-4.1"
QUESTIONS = (LATE, BROKEN, LOST, CALL, MILK)


def hang(project: Project, model: str, question: str, on: int = 1) -> None:
    """From its n-th call on, a question of a model is answered by a minute of silence, until `heal`."""

    def says(nth: int) -> str | Scripted:
        return TODAY[question] if nth < on else Scripted((b"",), pauses=(60.0,), hang_up=True)

    project.say(model, {question: says})


def heal(project: Project, model: str) -> None:
    project.say(model, TODAY)


def start(project: Project, *args: str) -> subprocess.Popen[bytes]:
    """Start pytest in the project and leave it running."""
    plain = " ".join(f"-p no:{name}" for name in OTHERS)
    write(project.root / "pytest.ini", f"[pytest]\naddopts = {plain}\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    command = [sys.executable, "-m", "pytest", "-q", *args]
    return subprocess.Popen(command, cwd=project.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for_calls(project: Project, model: str, count: int) -> None:
    """Wait until a model was asked so often, and what it answered had time to arrive."""
    ends = time.monotonic() + 60
    while sum(project.models.asked(model).values()) < count:
        assert time.monotonic() < ends, f"only {project.models.asked(model)} were asked"
        time.sleep(0.02)
    time.sleep(0.3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["kill", "term", "ctrl-c"])
def test_a_stopped_replay_is_finished_without_asking_twice(project: Project, number: int) -> None:
    """After kill -9, SIGTERM or Ctrl-C only the calls without an answer are made again, and the run is complete."""
    hang(project, CANDIDATE, LOST)
    process = start(project, "--model", CANDIDATE)
    wait_for_calls(project, CANDIDATE, 10)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode != 0
    heal(project, CANDIDATE)

    resumed = project.run("-q", "--migrate-resume")

    resumed.assert_outcomes(passed=5)
    assert {LATE: 2, BROKEN: 2, LOST: 4, CALL: 2, MILK: 2} == project.models.asked(CANDIDATE)
    (run,) = {flow["run"] if "run" in flow else project.compared()["run"]["id"] for flow in project.compared()["flows"]}
    assert "complete" == project.compared()["run"]["state"]
    assert run in out.decode() or number == signal.SIGKILL


def test_a_partial_run_is_kept_and_says_how_to_go_on(project: Project) -> None:
    """A run that was interrupted shows what it judged, calls itself incomplete and names the command to finish it."""
    hang(project, CANDIDATE, LOST)
    process = start(project, "--model", CANDIDATE)
    wait_for_calls(project, CANDIDATE, 10)
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=20)[0].decode()
    compared = project.compared()
    assert "incomplete" == compared["run"]["state"]
    assert f"pytest --migrate-resume={compared['run']['id']}" in " ".join(out.split())


def test_a_killed_run_is_known_to_every_command(project: Project) -> None:
    """`runs` and `compare` show it as unfinished, with all it had planned, and name what finishes it."""
    hang(project, CANDIDATE, LOST)
    process = start(project, "--model", CANDIDATE)
    wait_for_calls(project, CANDIDATE, 10)
    process.kill()
    process.communicate(timeout=20)
    heal(project, CANDIDATE)

    listed = project.command("-m", "migrate", "runs")
    compared = project.command("-m", "migrate", "compare")

    (plan,) = (project.root / ".prompt-migrate" / "journals").glob("*.plan.json")
    finish = f"prompt-migrate resume {plan.name.removesuffix('.plan.json')}"
    assert f"to finish it: {finish}" in listed.stderr.str()
    assert "interrupted" in listed.stdout.str()
    assert f"next: {finish}" in compared.stdout.str()
    assert re.search(r"[1-5] cases? not run: interrupted", compared.stdout.str())
    assert re.search(r"interrupted +[0-4]/5", listed.stdout.str())


def test_a_killed_recording_is_finished_without_asking_twice(fresh: Project) -> None:
    """Answers that were recorded before the kill become the goldens of the resumed run."""
    hang(fresh, "gpt-4o", LOST, on=2)
    process = start(fresh, "--golden=new")
    wait_for_calls(fresh, "gpt-4o", 6)
    wait_for_calls(fresh, "gpt-4o-mini", 4)
    process.kill()
    process.communicate(timeout=20)
    heal(fresh, "gpt-4o")

    fresh.run("-q", "--migrate-resume").assert_outcomes(passed=5)

    assert {LATE: 2, BROKEN: 2, LOST: 3} == fresh.models.asked("gpt-4o")
    assert {CALL: 2, MILK: 2} == fresh.models.asked("gpt-4o-mini")
    assert 5 == len(list((fresh.root / "fixtures").glob("*/[!m]*.json")))
    assert 2 == len(json.loads(fresh.golden("refund", "lost.letter").read_text())["samples"])
    measured = json.loads((fresh.root / "fixtures" / "refund" / "measurements.json").read_text())
    assert 6 == len(measured["rows"])


def test_a_resumed_fresh_run_does_not_fall_back_on_older_recordings(project: Project) -> None:
    """`--migrate-fresh` stays what it was: only answers of this very run are taken over."""
    project.run("-q", "--model", CANDIDATE).assert_outcomes(passed=5)
    hang(project, CANDIDATE, LOST, on=3)
    process = start(project, "--model", CANDIDATE, "--migrate-fresh")
    wait_for_calls(project, CANDIDATE, 20)
    process.kill()
    process.communicate(timeout=20)
    heal(project, CANDIDATE)

    project.run("-q", "--migrate-resume").assert_outcomes(passed=5)

    assert {LATE: 4, BROKEN: 4, LOST: 6, CALL: 4, MILK: 4} == project.models.asked(CANDIDATE)


def test_a_resumed_run_keeps_its_selection_and_its_model(project: Project) -> None:
    """What was not selected then is not asked now, and another model is refused in one sentence."""
    hang(project, CANDIDATE, LATE)
    process = start(project, "--model", CANDIDATE, "-k", "late or cup")
    wait_for_calls(project, CANDIDATE, 4)
    process.kill()
    process.communicate(timeout=20)
    heal(project, CANDIDATE)
    other = project.run("-q", "--migrate-resume", "--model", "gpt-4.1-mini")
    assert 4 == other.ret
    other.stderr.fnmatch_lines("*was started with --migrate-model*")

    project.run("-q", "--migrate-resume").assert_outcomes(passed=2, deselected=3)

    assert {LATE, BROKEN} == set(project.models.asked(CANDIDATE))


def test_there_must_be_something_to_resume(project: Project) -> None:
    """Without an unfinished run, resuming is a usage error with the command that lists runs."""
    result = project.run("-q", "--migrate-resume")
    assert 4 == result.ret
    result.stderr.fnmatch_lines(["*no unfinished run to resume*", "*prompt-migrate runs list*"])


def test_a_mistyped_model_does_not_stand_before_the_run_to_finish(project: Project) -> None:
    """A later run of a model that nobody has is left out, and both are told."""
    hang(project, CANDIDATE, LOST)
    process = start(project, "--model", CANDIDATE)
    wait_for_calls(project, CANDIDATE, 10)
    process.kill()
    process.communicate(timeout=20)
    heal(project, CANDIDATE)
    project.say("gpt-4.l", {question: error(404, "model_not_found") for question in QUESTIONS})
    project.run("-q", "--model", "gpt-4.l", LATE_ID)

    resumed = project.run("--migrate-resume")

    resumed.assert_outcomes(passed=5)
    resumed.stdout.fnmatch_lines(
        ["resuming run *: replay of gpt-4.1, *", "left out run *: the provider has no gpt-4.l"]
    )


def test_what_a_killed_run_paid_for_serves_the_next_one(project: Project) -> None:
    """Even without resuming, the next run finds the killed one's answers and lists it as interrupted."""
    hang(project, CANDIDATE, LOST)
    process = start(project, "--model", CANDIDATE)
    wait_for_calls(project, CANDIDATE, 10)
    process.kill()
    process.communicate(timeout=20)
    heal(project, CANDIDATE)

    project.run("-q", "--model", CANDIDATE).assert_outcomes(passed=5)

    assert {LATE: 2, BROKEN: 2, LOST: 4, CALL: 2, MILK: 2} == project.models.asked(CANDIDATE)
    states = [
        run["state"]
        for run in json.loads(project.command("-m", "migrate", "runs", "list", "--json").stdout.str())["runs"]
    ]
    assert ["complete", "interrupted"] == states[:2]


# --- money and quota ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_the_cost_cap_holds_and_the_run_can_go_on_with_another(project: Project, workers: list[str]) -> None:
    """Money is set aside before each call: the run stops with 1 before the cap, and resumes under a new one."""
    # An answer of 10,000 tokens costs 8 cents; without max_tokens 26 cents are set aside for it.
    usage = {"prompt_tokens": 10, "completion_tokens": 10_000}
    for question in QUESTIONS:
        project.say(CANDIDATE, {question: ok({**answer(TODAY[question], model=CANDIDATE), "usage": usage})})
    result = project.run("-q", "--model", CANDIDATE, "--max-cost", "0.60", *workers)
    assert 1 == result.ret
    assert 5 == sum(project.models.asked(CANDIDATE).values())
    assert "budget" in result.stdout.str()
    assert "incomplete" == project.compared()["run"]["state"]

    project.run("-q", "--migrate-resume", "--max-cost", "9", *workers).assert_outcomes(passed=5)

    assert 10 == sum(project.models.asked(CANDIDATE).values())


def test_a_cap_that_holds_one_call_at_a_time_does_not_stop_a_run(project: Project) -> None:
    """What a call needs less than was set aside for it serves the next one: a cap above the cost is enough."""
    project.run("-q", "--model", CANDIDATE, "--max-cost", "0.30").assert_outcomes(passed=5)


def test_a_cap_needs_a_price(project: Project) -> None:
    """A model nobody prices cannot be held to a cap: nothing is asked, and the reason is given."""
    result = project.run("-q", "--model", "house-model", "--max-cost", "1")
    assert 1 == result.ret
    assert {} == project.models.asked("house-model")
    assert "no price is known for house-model" in result.stdout.str()


@pytest.mark.parametrize("amount", ["0", "-1", "lots", "nan"])
def test_a_cap_is_an_amount_of_money(project: Project, amount: str) -> None:
    """Anything else is a usage error."""
    result = project.run("-q", "--model", CANDIDATE, "--max-cost", amount)
    assert result.ret in (1, 4)
    assert "takes US dollars" in result.stdout.str() + result.stderr.str()
    assert {} == project.models.asked(CANDIDATE)


def test_an_exhausted_quota_stops_the_run_at_once_and_it_resumes(project: Project) -> None:
    """The first such answer ends the asking; what was answered is kept, the rest is not run."""
    project.say(CANDIDATE, {LOST: error(429, "insufficient_quota")})
    project.configure(concurrency=1)
    result = project.run("-q", "--model", CANDIDATE)
    assert 1 == result.ret
    assert "quota" in result.stdout.str()
    before = sum(project.models.asked(CANDIDATE).values())
    heal(project, CANDIDATE)

    project.run("-q", "--migrate-resume").assert_outcomes(passed=5)

    assert 11 == sum(project.models.asked(CANDIDATE).values())
    assert before <= 9
