"""What a failure says to type: as it is printed it can be typed, and it means that one case."""

from __future__ import annotations

import shlex
from contextlib import closing

import pytest
from click.testing import CliRunner
from flow_project import ANSWERS, run, write_tests
from small_project import CALL, CALL_ID, LATE, LATE_ID, NOTES, TODAY, Project

from migrate import wiring
from migrate.cli import main
from migrate.presenting import failure_lines
from migrate.vocabulary import CaseVerdict

NAMESAKE = NOTES.replace("id: call-back", "id: late-parcel")
"""A flow with a case that has the name of another flow's."""
LEADS = ("", "next:", "next: mend the prompt, then", "next: if the change is meant,")
"""What may stand before a command on its line."""
SPACED = """\
import pytest

from app import desk


@FLOW("refund desk")
@pytest.mark.parametrize("text", ["my parcel is late", "my cup is broken"], ids=["not late", "broken or worse"])
def test_desk(text):
    assert desk(text)
"""


def suggested(result: pytest.RunResult) -> list[str]:
    """Return the commands that stand on the screen, each from its first word to the end of its line."""
    found = []
    for line in result.outlines:
        for program in ("prompt-migrate ", "pytest "):
            before, _, words = line.partition(program)
            if words and before.strip() in LEADS:
                found.append(program + words)
    return found


def collected(project: Project, command: str) -> list[str]:
    """Return the items that a pytest command would run, as it is printed and with nothing added but where tests are."""
    words = [*shlex.split(command)[1:], "--collect-only", "-q"]
    result = run(project, *words) if (project.root / "app.py").exists() else project.run(*words)
    assert 0 == result.ret
    return [line for line in result.outlines if "::" in line]


def test_a_drift_is_accepted_by_the_command_that_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two flows have a case of one name and two candidates its change: the command is about one of the four."""
    monkeypatch.chdir(project.root)
    project.write(notes=NAMESAKE)
    assert 0 == project.run("--golden=new", "-q").ret
    for model in ("gpt-4.1", "gpt-4.1-mini"):
        project.say(model, {LATE: TODAY[LATE].replace("3", "4"), CALL: "Call Bob."})
    project.run("--model", "gpt-4.1", "--model", "gpt-4.1-mini")
    with closing(wiring.open_world(project.root, {}, {})) as world:
        run = world.ledger.run(None).id
        found = [one.comparison for one in world.ledger.records(run)]
    changed = [one for one in found if one.verdict is CaseVerdict.DRIFT]
    assert 4 == len(changed)
    for one in changed:
        command = failure_lines(one, None, one.candidate, run=run)[-3].strip()
        done = CliRunner().invoke(main, [*shlex.split(command)[1:], "--dry-run"])
        assert (0, f"would be accepted: 1 decision on 1 case ({one.candidate})\n") == (done.exit_code, done.output)


def test_a_failed_case_is_run_again_alone(project: Project) -> None:
    """A namesake of another flow is not run with it, and no other case."""
    project.write(notes=NAMESAKE)
    assert 0 == project.run("--golden=new", "-q").ret
    project.say("gpt-4.1", {LATE: "nothing"})
    again, *_ = suggested(project.run("--model", "gpt-4.1", LATE_ID))
    assert [f"{LATE_ID}[gpt-4.1]"] == collected(project, again)


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "stale"])
def test_a_golden_is_recorded_by_the_command_that_is_named(project: Project, missing: bool) -> None:
    """What is not there is recorded, what no longer fits is recorded again: this one alone."""
    if missing:
        project.golden("notes", "call-back").unlink()
    else:
        project.write(notes=NOTES.replace("call Ann", "call Bob"))
    again, *_ = suggested(project.run("--model", "gpt-4.1", CALL_ID))
    assert f"pytest --golden={'new' if missing else 'rewrite'} -k 'notes and call-back'" == again
    assert [CALL_ID] == [item.partition("[")[0] for item in collected(project, again)]


@pytest.mark.parametrize("tests", ["", SPACED], ids=["plain", "names with blanks"])
def test_a_marked_test_is_found_by_the_command_that_is_named(fresh_app: Project, tests: str) -> None:
    """Its flow and its case are words of `-k`, though neither is the name of the test function."""
    if tests:
        write_tests(fresh_app, tests)
    bare = run(fresh_app)
    bare.assert_outcomes(errors=2, **({} if tests else {"passed": 1}))
    commands = suggested(bare)
    assert 2 == len(set(commands))
    for command, name in zip(commands, ("late", "broken"), strict=True):
        (item,) = collected(fresh_app, command)
        assert name in item
    fresh_app.say("gpt-4o", ANSWERS)
    fresh_app.say("gpt-4.1", {**ANSWERS, LATE: "nothing"})
    assert 0 == run(fresh_app, "--golden=new").ret
    again, *_ = suggested(run(fresh_app, "--model", "gpt-4.1"))
    (item,) = collected(fresh_app, again)
    assert "late" in item
