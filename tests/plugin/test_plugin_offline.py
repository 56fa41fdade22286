"""Recordings: what was paid for once is not asked again, and offline nothing is asked at all."""

from __future__ import annotations

import pytest
from small_project import BROKEN, BROKEN_ID, CALL_ID, LATE, LATE_ID, LOST, LOST_ID, Project, verdicts

OTHER = '{"label": "late", "amount": 4}'


def edit(project: Project, before: str, after: str) -> None:
    path = project.root / "prompts" / "refund.prompt.yml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_offline_opens_no_socket(project: Project, workers: list[str]) -> None:
    """A second run with `--migrate-offline` gives the verdicts of the first one, without network or child process."""
    project.say("gpt-4.1", {LATE: '{"label": "late"}', LOST: '{"label": "lost", "amount": 9}'})
    live = project.run("-v", "--model", "gpt-4.1")
    flows = project.compared()["flows"]
    project.guard()

    offline = project.run("-v", "--model", "gpt-4.1", "--migrate-offline", *workers)

    assert verdicts(live) == verdicts(offline)
    assert live.ret == offline.ret
    assert "" == project.reached_out()
    assert [flow["verdicts"] for flow in flows] == [flow["verdicts"] for flow in project.compared()["flows"]]


def test_offline_needs_no_key_and_no_provider(project: Project) -> None:
    """Recordings answer whoever recorded them, with no key in the environment and the provider gone."""
    project.run("-q", "--model", "gpt-4.1", LATE_ID).assert_outcomes(passed=1)

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID, "--migrate-offline", "--migrate-provider", "openai")

    result.assert_outcomes(passed=1)


def test_a_missing_recording_is_an_error_that_names_the_case(project: Project) -> None:
    """Offline, a case nobody asked before is an error: never a skip, never a pass, never a call."""
    project.run("-q", "--model", "gpt-4.1", LATE_ID).assert_outcomes(passed=1)

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID, BROKEN_ID, "--migrate-offline")

    result.assert_outcomes(passed=1, errors=1)
    assert 1 == result.ret
    result.stdout.fnmatch_lines("*no recording of refund/broken-cup for gpt-4.1 (live calls are off)*")
    assert 2 == project.models.calls


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("temperature: 0.5", "temperature: 0.7"),
        ("wording one", "wording two"),
        ("description: sends", "description: returns"),
        ("[late, broken]", "[late, broken, lost]"),
    ],
    ids=["parameter", "message", "tool", "schema"],
)
def test_any_change_of_the_request_misses(project: Project, before: str, after: str) -> None:
    """A recording answers the very same request: another parameter, message, tool or schema alone is a miss."""
    variant = (
        "  tried:\n"
        "    messages: [{role: system, content: wording one}, {role: user, content: '{{ text }}'}]\n"
        "    modelParameters: {temperature: 0.5}\n"
        "    jsonSchema: {type: object, properties: {label: {enum: [late, broken]}, amount: {type: number}}}\n"
        "    tools: [{name: look, description: sends, parameters: {type: object, properties: {}}}]\n"
    )
    edit(project, "variants:\n", "variants:\n" + variant)
    project.run("-q", "--model", "gpt-4.1@tried", LATE_ID).assert_outcomes(passed=1)
    edit(project, before, after)

    result = project.run("-q", "--model", "gpt-4.1@tried", LATE_ID, "--migrate-offline")

    result.assert_outcomes(errors=1)


def test_repeats_are_distinct_samples(project: Project) -> None:
    """K samples are K calls the first time and none the next: a recording never stands in for its siblings."""
    project.say("gpt-4.1", {LATE: lambda call: f'{{"label": "late", "amount": {call}}}'})

    project.run("-q", "--model", "gpt-4.1", LATE_ID, "--samples", "3")
    first = project.compared()["flows"]
    project.run("-q", "--model", "gpt-4.1", LATE_ID, "--samples", "3")

    assert {LATE: 3} == project.models.asked("gpt-4.1")
    assert [flow["verdicts"] for flow in first] == [flow["verdicts"] for flow in project.compared()["flows"]]
    assert [3] == [flow["samples"] for flow in first]


def test_more_samples_ask_only_for_the_missing_ones(project: Project) -> None:
    """Raising `--samples` from 2 to 5 asks three times; lowering it asks nobody."""
    for samples in ("2", "5", "3"):
        project.run("-q", "--model", "gpt-4.1", LATE_ID, "--samples", samples).assert_outcomes(passed=1)

    assert {LATE: 5} == project.models.asked("gpt-4.1")


def test_fresh_asks_again_and_replaces(project: Project) -> None:
    """`--migrate-fresh` asks for everything; the new answers are the ones that are replayed from then on."""
    project.run("-q", "--model", "gpt-4.1", LATE_ID).assert_outcomes(passed=1)
    project.say("gpt-4.1", {LATE: '{"label": "late"}'})

    project.run("-q", "--model", "gpt-4.1", LATE_ID).assert_outcomes(passed=1)
    project.run("-q", "--model", "gpt-4.1", LATE_ID, "--migrate-fresh").assert_outcomes(failed=1)
    project.run("-q", "--model", "gpt-4.1", LATE_ID, "--migrate-offline").assert_outcomes(failed=1)

    assert {LATE: 4} == project.models.asked("gpt-4.1")


def test_the_baseline_is_never_compared_with_its_own_recording(project: Project) -> None:
    """The candidate equal to the baseline is asked anew, and shows what has changed since it was recorded."""
    project.say("gpt-4o", {LATE: OTHER})

    result = project.run("-v", "--model", "gpt-4o", LATE_ID, BROKEN_ID)

    assert 2 == project.models.asked("gpt-4o")[LATE]
    result.stdout.fnmatch_lines("*2 cases: 1 same, 1 drift*")
    offline = project.run("-q", "--model", "gpt-4o", LOST_ID, "--migrate-offline")
    offline.assert_outcomes(errors=1)


def test_reordered_cases_keep_their_answers(project: Project) -> None:
    """Recordings belong to requests, not to places in a file: cases in another order are answered as before."""
    project.say("gpt-4.1", {LATE: '{"label": "late"}'})
    project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml").assert_outcomes(passed=2, failed=1)
    path = project.root / "prompts" / "refund.prompt.yml"
    head, _, cases = path.read_text("utf-8").partition("cases:\n")
    path.write_text(head + "cases:\n" + "\n".join(reversed(cases.splitlines())) + "\n", encoding="utf-8")

    result = project.run("-v", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--migrate-offline")

    assert [f"{LOST_ID}[gpt-4.1]", f"{BROKEN_ID}[gpt-4.1]", f"{LATE_ID}[gpt-4.1]"] == list(verdicts(result))
    assert ["PASSED", "PASSED", "FAILED"] == list(verdicts(result).values())


def test_recordings_are_private(project: Project) -> None:
    """State lies in `.prompt-migrate/`, a folder of its owner alone; a finished run leaves no journal in it."""
    project.run("-q", "--model", "gpt-4.1", CALL_ID).assert_outcomes(passed=1)

    state = project.root / ".prompt-migrate"
    assert 0o700 == state.stat().st_mode & 0o777
    assert 0o600 == (state / "recordings.db").stat().st_mode & 0o777
    assert [] == list((state / "journals").iterdir())


def test_a_killed_run_is_not_paid_for_twice(project: Project) -> None:
    """What a killed run was answered is used by the next one: only the rest is asked, and what was in flight."""
    killer = (
        "import os, signal\n\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'teardown' and 'broken-cup' in report.nodeid:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (project.root / "conftest.py").write_text(killer, encoding="utf-8")
    killed = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--migrate-concurrency", "1")
    asked = project.models.calls
    (project.root / "conftest.py").unlink()

    result = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml")

    assert -9 == killed.ret
    assert 4 <= asked
    result.assert_outcomes(passed=3)
    asked_for = project.models.asked("gpt-4.1")
    assert (2, 2) == (asked_for[LATE], asked_for[BROKEN])
    assert asked_for[LOST] <= 3
