"""What marks say of a flow reaches its goldens, its verdict and every later reading of the run."""

from __future__ import annotations

import json

import pytest
from flow_project import LATE, LATE_ID, against, golden, marked, run, write_tests
from small_project import Project

MERGED = marked("""\
import pytest

from app import desk

pytestmark = pytest.mark.FLOWMARK("desk", critical="low", ignore=["$.golden.found.amount"])


@FLOW(critical="high", samples=3)
class TestDesk:
    @FLOW(critical="critical", schema={"type": "string", "maxLength": 20}, ignore="$.golden.seen")
    def test_late(self, golden):
        answer = desk("my parcel is late")
        golden.check(answer["found"], name="found")
        golden.check(answer["reply"].count("3"), name="seen")


@FLOW(samples=1)
def test_broken(golden):
    assert desk("my cup is broken")["found"]["label"] == "broken"
""").replace("FLOWMARK", "flow")


@pytest.fixture
def merged(fresh_app: Project) -> Project:
    """Two tests of one flow, marked by module, class and function, with their goldens."""
    write_tests(fresh_app, MERGED)
    run(fresh_app, "-q", "--golden=new").assert_outcomes(passed=2)
    return fresh_app


def test_samples_are_of_the_closest_mark(merged: Project) -> None:
    """The class wants three runs of its test, the function one of its own."""
    counts = {case: len(golden(merged, case, "desk")["samples"]) for case in ("TestDesk-test_late", "test_broken")}
    assert {"TestDesk-test_late": 3, "test_broken": 1} == counts
    assert 8 == merged.models.calls


def test_the_strictest_class_of_a_flow_binds_wherever_its_verdict_is_read(merged: Project) -> None:
    """Run, `compare` and the JSON name one class and one margin, as for a flow with a prompt file."""
    replay = run(merged, "--model", "gpt-4.1")
    replay.assert_outcomes(passed=2)
    (flow,) = merged.compared()["flows"]
    assert ("critical", 0.005) == (flow["critical"], flow["metrics"][0]["margin"])
    later = merged.command("-m", "migrate", "compare").stdout.str()
    reason = "desk: contract may be"
    assert [[line for line in replay.outlines if reason in line]] == [
        [line for line in later.split("\n") if reason in line]
    ]
    assert "margin 0.5" in "".join(replay.outlines)


def test_a_schema_is_a_promise_of_the_last_answer(merged: Project) -> None:
    """What the mark promises and the candidate breaks is breaking, with its path, and counted on its rung."""
    merged.say("gpt-4.1", {"Answer a case of late": "Sorry, it took longer than we thought, by 3 days."})
    replay = run(merged, "--model", "gpt-4.1")
    replay.assert_outcomes(passed=1, failed=1)
    replay.stdout.fnmatch_lines(["*desk / TestDesk-test_late*", "*$.answer*"])
    (flow,) = merged.compared()["flows"]
    assert {"baseline": {"passed": 3, "total": 3}, "candidate": {"passed": 0, "total": 3}} == flow["rungs"]["schema"]
    assert [("schema", "breaking", "$.answer")] == [
        (group["rung"], group["severity"], group["path"]) for group in flow["groups"] if group["severity"] == "breaking"
    ]


def test_paths_to_ignore_add_up(merged: Project) -> None:
    """A value the module ignores and one the function ignores may both differ; nothing else may."""
    merged.say("gpt-4.1", {LATE: '{"label": "late", "amount": 9}', "Answer a case of late": "Sorry for 33 days."})
    run(merged, "-q", "--model", "gpt-4.1").assert_outcomes(passed=2)
    (flow,) = merged.compared()["flows"]
    assert not [group["path"] for group in flow["groups"] if group["path"].startswith("$.golden")]


def test_samples_of_the_command_line_are_runs_of_the_test(app: Project) -> None:
    """`--samples 3`: three whole runs in traces of their own, whatever the golden has."""
    run(app, "-q", "--model", "gpt-4.1", "--samples", "3", against(LATE_ID, "gpt-4.1")).assert_outcomes(passed=1)
    assert 6 == sum(app.models.asked("gpt-4.1").values())
    (flow,) = app.compared()["flows"]
    assert {"baseline": {"passed": 2, "total": 2}, "candidate": {"passed": 3, "total": 3}} == flow["rungs"]["answered"]


def test_the_schema_of_a_mark_may_be_a_file_or_a_model(fresh_app: Project) -> None:
    """A path is read from the root of the project, and a pydantic model states its own schema."""
    (fresh_app.root / "reply.json").write_text(json.dumps({"type": "string", "minLength": 3}))
    write_tests(
        fresh_app,
        "import pydantic\nimport pytest\nfrom app import desk\n\n\n"
        "class Reply(pydantic.RootModel[str]):\n    pass\n\n\n"
        '@FLOW("file", schema="reply.json")\ndef test_file():\n    desk("my parcel is late")\n\n\n'
        '@FLOW("model", schema=Reply)\ndef test_model():\n    desk("my parcel is late")\n',
    )
    run(fresh_app, "-q", "--golden=new").assert_outcomes(passed=2)
    fresh_app.say("gpt-4.1", {"Answer a case of late": "Hm"})
    replay = run(fresh_app, "-q", "--model", "gpt-4.1")
    replay.assert_outcomes(passed=1, failed=1)
    replay.stdout.fnmatch_lines(["*file / test_file*", "*$.answer*"])
