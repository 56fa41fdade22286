"""A project with application flows alone: every later command works on what their runs found."""

from __future__ import annotations

import json
from typing import Any

from flow_project import LATE, golden, run
from small_project import Project

CANDIDATE = "gpt-4.1"


def command(project: Project, *args: str) -> tuple[int, str]:
    done = project.command("-m", "migrate", *args)
    return done.ret, done.stdout.str() + done.stderr.str()


def group(project: Project, path: str) -> str:
    flow: dict[str, Any]
    (flow,) = project.compared()["flows"]
    return next(group["id"] for group in flow["groups"] if group["path"] == path)


def test_a_changed_answer_of_a_test_is_accepted_and_stays_so(app: Project) -> None:
    """`accept` writes the approval beside the test's golden, where the next run reads it: no prompt file is needed."""
    app.say(CANDIDATE, {LATE: '{"label": "late", "amount": 4}'})
    run(app, "-q", "--model", CANDIDATE)
    found = group(app, "$.golden.found.amount")
    assert 0 == command(app, "accept", "--group", found, "--reason", "meant", "--reviewer", "Ann")[0]
    assert ["Ann"] == [one["reviewer"] for one in golden(app)["approved"]]
    run(app, "-q", "--model", CANDIDATE).assert_outcomes(passed=2, deselected=1)
    (flow,) = app.compared()["flows"]
    assert (1, 0) == (flow["verdicts"]["accepted"], flow["verdicts"]["drift"])


def test_what_cannot_be_tolerated_without_a_prompt_file_says_where_it_can(app: Project) -> None:
    """A toleration is a rule of a prompt file; of a marked test the mark has the word for it."""
    app.say(CANDIDATE, {LATE: '{"label": "late"}'})
    run(app, "-q", "--model", CANDIDATE)
    found = group(app, "$.golden.found.amount")
    _, said = command(app, "tolerate", "--group", found, "--reason", "meant", "--until", "2999-01-01")
    assert "stands in `ignore` of its mark" in " ".join(said.split())


def test_no_command_takes_the_goldens_of_tests_for_leftovers(app: Project) -> None:
    """`goldens check`, `doctor` and `route` know flows that no prompt file has, and never say to remove them."""
    run(app, "-q", "--model", CANDIDATE)
    code, said = command(app, "goldens", "check")
    assert (0, True, False) == (code, "2 goldens of tests marked as flows" in said, "git rm" in said)
    checked = json.loads(command(app, "goldens", "check", "--json")[1])
    assert ([], 2) == (checked["faults"], checked["of_tests"])
    doctor = command(app, "doctor")[1]
    assert "there is no such folder" not in doctor
    code, said = command(app, "route")
    assert (True, False) == ("refund" in said, "there is no such folder" in said)
