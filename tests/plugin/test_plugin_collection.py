"""Which items a run has, what they are called, and how they are chosen, with pytest's own means."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_project import (
    BROKEN,
    BROKEN_ID,
    CALL,
    CALL_ID,
    LATE,
    LATE_ID,
    LOST_ID,
    MILK,
    MILK_ID,
    Project,
    gates,
    verdicts,
    write,
)

ALL = [CALL_ID, MILK_ID, LATE_ID, BROKEN_ID, LOST_ID]
WRONG_TYPE = '{"label": "late", "amount": "3"}'


def ids(result: pytest.RunResult) -> list[str]:
    """Return the ids that `--co -q` lists."""
    return [line for line in result.outlines if "::" in line]


def on(candidate: str, nodes: Sequence[str] = ALL) -> list[str]:
    return [f"{node}[{candidate}]" for node in nodes]


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([f"{LOST_ID}[gpt-4.1]"], [LOST_ID]),
        ([LATE_ID, CALL_ID], [LATE_ID, CALL_ID]),
        (["prompts/notes.prompt.yml"], [CALL_ID, MILK_ID]),
        (["-k", "late-parcel"], [LATE_ID]),
        (["-k", "refund and not late-parcel"], [BROKEN_ID, LOST_ID]),
        (["-k", "critical_high"], [CALL_ID, MILK_ID]),
        (["-k", "de"], [LOST_ID]),
        (["-m", "migrate"], ALL),
        (["-m", "not migrate"], []),
        (["--deselect", f"{LATE_ID}[gpt-4.1]", "prompts/refund.prompt.yml"], [BROKEN_ID, LOST_ID]),
        (["--ignore", "prompts/refund.prompt.yml"], [CALL_ID, MILK_ID]),
    ],
    ids=lambda value: shlex.join(value) if value and value[0] not in ALL else "",
)
def test_items_are_chosen_as_tests_are(project: Project, arguments: list[str], chosen: list[str]) -> None:
    """Full ids, ids without the candidate, files, `-k` by case, flow, tag and criticality, `-m`, `--deselect`."""
    result = project.run("--co", "-q", "--model", "gpt-4.1", *arguments)

    assert on("gpt-4.1", chosen) == ids(result)
    assert (0 if chosen else 5) == result.ret


@pytest.mark.parametrize(
    "candidate",
    [
        "gpt-4.1@terse",
        "gpt-4o@terse",
        "gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini",
        "ft:gpt-4o-mini-2024-07-18:my-org:refunds:AbC123",
        "ft:gpt-4o-mini-2024-07-18:my-org::AbC123",
        "=llama3:8b",
    ],
)
def test_the_text_of_a_candidate_is_the_bracket_of_the_id(project: Project, candidate: str) -> None:
    """Variants, mappings, fine-tunes and local names stand in the bracket as typed; such an id can be typed back."""
    project.guard()

    result = project.run("--co", "-q", "--model", candidate, f"{LATE_ID}[{candidate}]")

    assert on(candidate, [LATE_ID]) == ids(result)


def test_several_candidates_of_a_case_stand_side_by_side(project: Project) -> None:
    """Every `--model` adds an item a case, the same one twice adds none, and cases keep the order of their files."""
    models = ["--model", "gpt-4.1", "--model", "gpt-4.1-mini", "--model=gpt-4.1"]

    result = project.run("--co", "-q", *models, "prompts/refund.prompt.yml")

    expected = [f"{case}[{model}]" for case in (LATE_ID, BROKEN_ID, LOST_ID) for model in ("gpt-4.1", "gpt-4.1-mini")]
    assert expected == ids(result)


def test_each_candidate_is_asked_for_its_own_answers(project: Project) -> None:
    """A mapping sends each flow to the model named for today's one, a variant sends its own wording.

    A flow that has no such variant is no part of that candidate's trial: its cases are deselected and counted.
    """
    mapping = "gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini"

    result = project.run("-v", "--model", mapping, "--model", "gpt-4.1-nano@terse", LATE_ID, CALL_ID)

    assert {LATE: 2} == project.models.asked("gpt-4.1")
    assert {CALL: 2} == project.models.asked("gpt-4.1-mini")
    assert {LATE: 2} == project.models.asked("gpt-4.1-nano")
    [wording] = {len(body["messages"]) for body in project.models.bodies if body["model"] == "gpt-4.1-nano"}
    assert 1 == wording, "the variant has no system message"
    assert {
        f"{LATE_ID}[{mapping}]": "PASSED",
        f"{CALL_ID}[{mapping}]": "PASSED",
        f"{LATE_ID}[gpt-4.1-nano@terse]": "PASSED",
    } == verdicts(result)
    result.assert_outcomes(passed=3, deselected=1)


def test_other_tests_are_deselected_and_counted(project: Project) -> None:
    """With `--model`, a path that holds other tests gives its prompt files; the rest is deselected, never run."""
    write(project.root / "prompts" / "test_beside.py", "def test_a(): assert 0\n\ndef test_b(): assert 0\n")

    result = project.run("-q", "--model", "gpt-4.1", ".")

    result.assert_outcomes(passed=5, deselected=2)
    assert 0 == result.ret


def test_the_inventory_is_collected_whatever_testpaths_says(project: Project) -> None:
    """`testpaths` is for the user's own tests: without a path, `--model` means the inventory, also under xdist."""
    write(project.root / "tests" / "test_app.py", "def test_app(): assert 0\n")
    ini = "testpaths = tests\n"

    alone = project.run("-q", "--model", "gpt-4.1", ini=ini)
    parallel = project.run("-q", "--model", "gpt-4.1", "-n", "2", ini=ini)

    alone.assert_outcomes(passed=5)
    parallel.assert_outcomes(passed=5)


def test_the_inventory_may_have_folders_and_another_name(project: Project) -> None:
    """The ini key `migrate_prompts` names the folder; flows in folders below it keep their golden."""
    (project.root / "prompts").rename(project.root / "flows")
    (project.root / "flows" / "billing").mkdir()
    (project.root / "flows" / "refund.prompt.yml").rename(project.root / "flows" / "billing" / "refund.prompt.yml")

    result = project.run("-v", "--model", "gpt-4.1", ini="migrate_prompts = flows\n")

    result.assert_outcomes(passed=5)
    assert "PASSED" == verdicts(result)["flows/billing/refund.prompt.yml::late-parcel[gpt-4.1]"]


def test_a_project_can_be_named_through_a_link(project: Project) -> None:
    """A path through a symbolic link means the file it leads to."""
    link = project.root.parent / "link"
    link.symlink_to(project.root)

    result = project.run("--co", "-q", "--model", "gpt-4.1", f"{link}/prompts/notes.prompt.yml")

    assert 0 == result.ret
    assert 2 == len(ids(result))


def test_verbose_ids_can_be_typed_back(project: Project) -> None:
    """Dots of a case id stay dots in `-v`, so that the line can be copied into the next command."""
    result = project.run("-v", "--model", "gpt-4.1", LOST_ID)

    assert on("gpt-4.1", [LOST_ID]) == list(verdicts(result))


def test_last_failed_and_failed_first(project: Project) -> None:
    """`--lf` runs what failed, `--ff` runs it first; mended answers end the failure."""
    project.say("gpt-4.1-mini", {BROKEN: '{"label": "broken"}'})
    project.run("-q", "--model", "gpt-4.1-mini").assert_outcomes(passed=4, failed=1)

    first = project.run("-v", "--model", "gpt-4.1-mini", "--ff")
    last = project.run("-v", "--model", "gpt-4.1-mini", "--lf")
    project.say("gpt-4.1-mini", {BROKEN: '{"label": "broken", "amount": 5}'})
    mended = project.run("-v", "--model", "gpt-4.1-mini", "--lf", "--migrate-fresh")

    assert [f"{BROKEN_ID}[gpt-4.1-mini]", "FAILED"] == list(next(iter(verdicts(first).items())))
    assert {f"{BROKEN_ID}[gpt-4.1-mini]": "FAILED"} == verdicts(last)
    assert {f"{BROKEN_ID}[gpt-4.1-mini]": "PASSED"} == verdicts(mended)


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1"])
def test_a_run_that_stops_early_says_what_was_not_run(project: Project, stop: str) -> None:
    """After `-x` the run is incomplete: the cases left are counted with the reason, and the gate is closed."""
    project.say("gpt-4.1", {MILK: "", LATE: WRONG_TYPE})

    result = project.run("-q", "--model", "gpt-4.1", stop)

    result.assert_outcomes(passed=1, failed=1)
    assert 1 == result.ret
    assert gates(result)[0].startswith("incomplete: 5 planned = 2 judged + 3 not_run:stopping after 1 failures")
    assert "incomplete" == project.compared()["run"]["state"]


def test_order_does_not_matter(project: Project) -> None:
    """Cases run backwards, by a hook of the user, end as they do forwards."""
    project.say("gpt-4.1", {LATE: WRONG_TYPE, MILK: "Purchase some milk, 3 litres."})
    forwards = project.run("-v", "--model", "gpt-4.1")
    flows = project.compared()["flows"]
    write(project.root / "conftest.py", "def pytest_collection_modifyitems(items): items.reverse()\n")

    backwards = project.run("-v", "--model", "gpt-4.1", "--migrate-fresh")

    assert list(verdicts(forwards)) == list(reversed(verdicts(backwards)))
    assert verdicts(forwards) == verdicts(backwards)
    assert [flow["verdicts"] for flow in flows] == [flow["verdicts"] for flow in project.compared()["flows"]]


def test_equal_inputs_are_cases_of_their_own(project: Project) -> None:
    """Two cases that render to the same request are both recorded, both asked and both judged."""
    text = (project.root / "prompts" / "notes.prompt.yml").read_text("utf-8")
    project.write(notes=text + "  - {id: ring-back, inputs: {text: call Ann}, expected: Call Ann.}\n")

    project.run("-q", "--golden=new", "-k", "ring-back").assert_outcomes(passed=1, deselected=5)
    result = project.run("-v", "--model", "gpt-4.1", "prompts/notes.prompt.yml")
    again = project.run("-v", "--model", "gpt-4.1", "prompts/notes.prompt.yml", "--migrate-offline")

    assert {CALL: 4, MILK: 2} == project.models.asked("gpt-4.1")
    assert 3 == list(verdicts(result).values()).count("PASSED")
    assert verdicts(result) == verdicts(again)


def test_junit_names_flow_candidate_and_verdict(project: Project) -> None:
    """`--junitxml` has properties and the line of every case, the findings as the failure's text, and no traceback."""
    cases = (
        '{"id": "call-back", "inputs": {"text": "call Ann"}}\n\n{"id": "buy-milk", "inputs": {"text": "buy milk"}}\n'
    )
    write(project.root / "prompts" / "cases" / "notes.jsonl", cases)
    notes = (project.root / "prompts" / "notes.prompt.yml").read_text("utf-8")
    project.write(notes=notes.split("cases:")[0] + "cases: cases/notes.jsonl\n")
    project.say("gpt-4.1", {LATE: WRONG_TYPE})

    result = project.run("--model", "gpt-4.1", "--junitxml=junit.xml", "-o", "junit_family=xunit1")

    result.assert_outcomes(passed=4, failed=1)
    cases_of = {case.get("name"): case for case in ET.parse(project.root / "junit.xml").iter("testcase")}
    refund = (project.root / "prompts" / "refund.prompt.yml").read_text("utf-8").splitlines()
    late = cases_of["late-parcel[gpt-4.1]"]
    found = {"case": "late-parcel", "finding": "breaking: $.amount wrong type"}
    assert {"flow": "refund", "candidate": "gpt-4.1", "verdict": "breaking", **found} == properties(late)
    assert "late-parcel" in refund[int(late.get("line", "0"))]
    assert "prompts/refund.prompt.yml" == late.get("file")
    [failure] = late.findall("failure")
    assert "$.amount: wrong type (breaking, in 2 of 2 samples)" in (failure.text or "")
    call = cases_of["call-back[gpt-4.1]"]
    assert {"flow": "notes", "candidate": "gpt-4.1", "verdict": "same"} == properties(call)
    assert "cases: cases/notes.jsonl" == project_line(project.root / "prompts/notes.prompt.yml", call)
    written = (project.root / "junit.xml").read_text("utf-8")
    for trace in ("Traceback", "items.py", "raise Regression", "site-packages"):
        assert trace not in written + result.stdout.str()


def properties(case: ET.Element) -> dict[str, str]:
    found = [(str(each.get("name")), str(each.get("value"))) for each in case.iter("property")]
    assert len(found) == len(dict(found)), "a property is written once"
    return dict(found)


def project_line(path: Path, case: ET.Element) -> str:
    return path.read_text("utf-8").splitlines()[int(case.get("line", "0"))]


def test_no_case_chosen_is_no_run(project: Project) -> None:
    """`-k` that matches nothing ends with pytest's own code 5; nothing is asked and no run is kept."""
    before = project.files(".prompt-migrate")

    result = project.run("-q", "--model", "gpt-4.1", "-k", "nothing-like-this")

    assert 5 == result.ret
    assert 0 == project.models.calls
    assert "run" not in result.stdout.str()
    assert before == project.files(".prompt-migrate")


def test_a_folder_without_flows_is_left_alone(project: Project) -> None:
    """A conftest that wants what is not installed stands beside tests that are not of this run: it is not loaded."""
    write(project.root / "tests" / "other" / "conftest.py", "import a_library_that_nobody_installed\n")
    write(project.root / "tests" / "other" / "test_other.py", "def test_other():\n    pass\n")

    result = project.run("--model", "gpt-4.1")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines("*1 test file without `mark.flow` not opened")
