"""Tests marked as flows: the application's own code recorded, replayed with the model swapped, answered offline."""

from __future__ import annotations

import json

import pytest
from flow_project import BROKEN_ID, LATE, LATE_ID, SORTED, TESTS, against, golden, run, write_tests
from scripted_server import error
from small_project import PROMPTS, Project, gates, verdicts, write

FENCED = {question: f"```json\n{text}\n```" for question, text in SORTED.items()}


def test_recording_keeps_every_call_of_every_run(app: Project) -> None:
    """Each sample is one run of the test: its calls in order, the values it gave to `golden`, and how it ended."""
    document = golden(app)
    assert 2 == len(document["samples"]) == len(document["requests"])
    for sample in document["samples"]:
        assert [{"amount": 3, "label": "late"}, ["Sorry for 3 days."]] == [
            call["answer"].get("json") or call["answer"]["lines"] for call in sample["calls"]
        ]
        assert {"answer": "Sorry for 3 days.", "golden": {"found": {"amount": 3, "label": "late"}}} == (
            sample["answer"]["json"]
        )
        assert True is sample["rungs"]["checks"]
    rows = json.loads((app.root / "fixtures/refund/measurements.json").read_text("utf-8"))["rows"]
    assert [(1, 0), (1, 1), (2, 0), (2, 1)] == [
        (row["sample"], row["ordinal"]) for row in rows if row["case"] == "test_desk-late"
    ]


def test_a_bare_run_is_answered_by_the_goldens(app: Project) -> None:
    """`pytest` alone runs marked tests offline, with no key and no socket, beside every other test."""
    app.guard()
    before = app.files(".prompt-migrate")
    result = run(app, "-v", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)
    assert {LATE_ID, BROKEN_ID, "tests/test_app.py::test_plain"} == verdicts(result).keys()
    assert ("", 0) == (app.reached_out(), app.models.calls)
    assert before == app.files(".prompt-migrate")


def test_a_bare_run_without_a_golden_is_an_error(fresh_app: Project) -> None:
    """What was never recorded is no pass and no skip; the next command is named."""
    result = run(fresh_app, "-k", "late")
    result.assert_outcomes(errors=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["*refund / test_desk-late: no golden*", "  next: pytest --golden=new -k 'refund and test_desk-late'"]
    )


def test_a_changed_question_misses_and_is_named(app: Project) -> None:
    """The nearest recording and the first place that differs are told; nothing is asked."""
    source = (app.root / "app.py").read_text("utf-8").replace("Sort. JSON only.", "Sort it. JSON only.")
    write(app.root / "app.py", source)
    result = run(app, "-k", "late")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["*the application asks what was not recorded from gpt-4o*", "*$.messages[[]0].content*", "  next: *rewrite*"]
    )
    assert 0 == app.models.calls


def test_a_changed_value_fails_a_bare_run_in_few_lines(app: Project) -> None:
    """`golden.check` and `value == golden` say which place differs, in at most fifteen lines."""
    write_tests(app, TESTS.replace('answer["found"], name', '{**answer["found"], "amount": 7}, name'))
    result = run(app, "-q", "-k", "late", "--tb=short")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*found differs from the golden:*", "*$.golden.found.amount: value changed (drift)*"])
    shown = [line for line in result.outlines if line.startswith("E ")]
    assert 0 < len(shown) <= 15


def test_a_candidate_that_says_the_same_passes(app: Project) -> None:
    """`--model` sends the same calls with the model swapped; ids name the candidate, and the ledger has the flow."""
    result = run(app, "-v", "--model", "gpt-4.1")
    result.assert_outcomes(passed=2, deselected=1)
    assert {against(LATE_ID, "gpt-4.1"), against(BROKEN_ID, "gpt-4.1")} == verdicts(result).keys()
    assert {"gpt-4.1"} == {body["model"] for body in app.models.bodies}
    assert 8 == app.models.calls
    result.stdout.fnmatch_lines(["*refund*2*", "*2 cases: 2 same*"])
    compared = app.compared()
    assert [("refund", 2)] == [(flow["flow"], flow["cases"]) for flow in compared["flows"]]


def test_a_parser_that_breaks_fails_with_flow_path_and_cause(app: Project) -> None:
    """The candidate puts its JSON in a fence, the application's parser fails, and the report names both."""
    app.say("gpt-4.1", FENCED)
    result = run(app, "--model", "gpt-4.1", "-k", "late")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "  breaking: *: refund / test_desk-late against gpt-4.1*",
            "*the test fails: *JSONDecodeError*",
            "  $calls[[]0]: fenced json (drift, in 2 of * samples)",
            "*JSON inside a code fence, which the application does not strip",
        ]
    )
    assert 1 == result.ret


def test_drift_of_a_golden_value_passes_and_is_counted(app: Project) -> None:
    """Another value that every assertion of the test lets pass is drift."""
    app.say("gpt-4.1", {LATE: '{"label": "late", "amount": 4}'})
    result = run(app, "--model", "gpt-4.1", "-k", "late")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*1 drift*", "*$.golden.found.amount*"])


def test_offline_is_answered_by_recordings_of_the_candidate(app: Project) -> None:
    """After one live run the same run needs nobody; a changed parameter is a miss, and an error of its test."""
    run(app, "-q", "--model", "gpt-4.1").assert_outcomes(passed=2, deselected=1)
    app.guard()
    again = run(app, "-q", "--model", "gpt-4.1", "--migrate-offline")
    again.assert_outcomes(passed=2, deselected=1)
    source = (app.root / "app.py").read_text("utf-8").replace("temperature=0", "temperature=0.5")
    write(app.root / "app.py", source)
    missed = run(app, "-q", "--model", "gpt-4.1", "--migrate-offline", "-k", "late")
    missed.assert_outcomes(errors=1, deselected=2)
    missed.stdout.fnmatch_lines(["*differs first at $.temperature: 0 recorded, 0.5 asked*"])
    assert ("", 8) == (app.reached_out(), app.models.calls)


def test_a_mapping_leaves_other_models_alone(app: Project) -> None:
    """Models that are not mapped stay as the application asks for them."""
    result = run(app, "-v", "--model", "gpt-4o-mini=gpt-4.1-mini", "-k", "late")
    result.assert_outcomes(passed=1, deselected=2)
    assert {"gpt-4o"} == {body["model"] for body in app.models.bodies}
    assert [against(LATE_ID, "gpt-4o-mini=gpt-4.1-mini")] == [*verdicts(result)]


def test_parameters_the_candidate_does_not_take_are_told(app: Project) -> None:
    """What was left out or translated for a candidate is said with its case."""
    app.say("gpt-5", {**SORTED, "Answer a case of late": "Sorry for 3 days."})
    result = run(app, "-q", "--model", "gpt-5", "-k", "late")
    result.assert_outcomes(passed=1, deselected=2)
    said = "temperature: not taken by gpt-5, left out"
    assert f"changed for gpt-5 in 1 case of refund: {said}" in " ".join(result.stdout.str().split())
    assert not any("temperature" in body for body in app.models.bodies)
    (flow,) = app.compared()["flows"]
    assert ("refund", [{"what": said, "cases": 1}]) == (flow["flow"], flow["changed"])


def test_a_marked_test_without_a_call_fails(fresh_app: Project) -> None:
    """A mark on a test that asks nobody proves nothing, recorded, bare or against a candidate."""
    write_tests(fresh_app, 'import pytest\n\n@FLOW("idle")\ndef test_idle():\n    pass\n')
    result = run(fresh_app, "--golden=new")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*idle / test_idle: no call of the OpenAI API was seen in this test*"])
    assert not (fresh_app.root / "fixtures").exists()


def test_the_marks_of_module_class_and_function_are_merged_and_checked(fresh_app: Project) -> None:
    """The closest word holds, paths to ignore add up, and everything wrong is said at once, with guesses."""
    module = (
        """\
    import pytest
    pytestmark = pytest.mark.FLOW("desk", samples=0)
    @FLOW(critcal="high")
    def test_one(): pass
    @FLOW(critical="hihg", ignore=["items"])
    def test_two(): pass
    """.replace("pytest.mark.FLOW", "pytest.mark" + ".flow")
        .replace("\n    ", "\n")
        .lstrip()
    )
    write_tests(fresh_app, module)
    result = run(fresh_app)
    assert 4 == result.ret
    said = result.stderr.str()
    for words in (
        'tests/test_app.py:3: unknown keyword "critcal" (did you mean "critical"?)',
        "samples is a whole number from 1, not 0",
        "critical is one of low, medium, high, critical, not 'hihg' (did you mean \"high\"?)",
        "`items` is not a JSON path",
    ):
        assert words in said


def test_ignored_paths_are_not_compared(app: Project) -> None:
    """`ignore` speaks of the answer and of every golden value alike."""
    write_tests(app, TESTS.replace('critical="high"', 'critical="high", ignore=["$.amount"]'))
    app.say("gpt-4.1", {LATE: '{"label": "late", "amount": 4}'})
    result = run(app, "--model", "gpt-4.1", "-k", "late")
    result.assert_outcomes(passed=1, deselected=2)
    assert "1 drift" not in result.stdout.str()


def test_a_call_without_an_answer_is_an_error(app: Project) -> None:
    """A fault of the road is never a regression: the test is an error, and the run is not complete without it."""
    app.say("gpt-4.1", {LATE: error(500)})
    result = run(app, "--model", "gpt-4.1", "-k", "late")
    result.assert_outcomes(errors=1, deselected=2)
    result.stdout.fnmatch_lines(["*server_error*"])
    assert gates(result)


def test_prompts_and_marked_tests_are_one_run(app: Project) -> None:
    """The inventory and the marked tests of the usual paths are collected together and accounted for together."""
    app.write(**PROMPTS)
    run(app, "-q", "--golden=new").assert_outcomes(passed=7, deselected=1)
    result = run(app, "--model", "gpt-4.1")
    assert 7 == sum(result.parseoutcomes().get(word, 0) for word in ("passed", "failed"))
    assert {"refund", "notes"} == {flow["flow"] for flow in app.compared()["flows"]}


@pytest.mark.parametrize("workers", ["2"])
def test_workers_share_marked_tests(app: Project, workers: str) -> None:
    """With pytest-xdist every worker runs its share, and the controller tells of all of them."""
    result = run(app, "--model", "gpt-4.1", "-n", workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*2 cases: 2 same*"])


def test_files_that_do_not_speak_of_the_mark_are_not_opened(app: Project) -> None:
    """A test module that cannot be imported here stands in the way of nothing."""
    write(app.root / "tests" / "test_other.py", "import nowhere_to_be_found\n")
    result = run(app, "--model", "gpt-4.1", "-k", "late")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*1 test file without * not opened*"])


def test_the_cap_holds_for_applications(app: Project) -> None:
    """A call that the cap does not hold does not leave, and the run stops."""
    result = run(app, "--model", "gpt-4.1", "--max-cost", "0.000001")
    assert 1 == result.ret
    assert 0 == app.models.calls
    assert "budget" in result.stdout.str()


def test_a_method_of_unittest_cannot_be_held_against_a_candidate(fresh_app: Project) -> None:
    """pytest can give it no candidate, and running it on the baseline instead would prove nothing."""
    method = "    @FLOW('old')\n    def test_it(self):\n        pass\n"
    write_tests(fresh_app, f"import unittest\nimport pytest\n\n\nclass TestOld(unittest.TestCase):\n{method}")
    result = run(fresh_app, "--model", "gpt-4.1")
    assert 4 == result.ret
    assert "pytest can give it no candidate" in result.stderr.str()
