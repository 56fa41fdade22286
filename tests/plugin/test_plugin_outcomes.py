"""How a case ends: what fails it, what is an error, what passes and is counted, and what closes the gate at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted_server import answer, error, ok
from small_project import BROKEN, BROKEN_ID, CALL, LATE, LATE_ID, LOST, MILK, TODAY, Project, gates, verdicts, write

from migrate.edges.goldens import GoldenFiles
from migrate.redaction import Redactor
from migrate.vocabulary import FlowName, Timing

WRONG_TYPE = '{"label": "late", "amount": "3"}'
OTHER_AMOUNT = '{"label": "broken", "amount": 50}'


def edit(project: Project, flow: str, before: str, after: str) -> None:
    """Change a prompt file as its owner would."""
    path = project.root / "prompts" / f"{flow}.prompt.yml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_every_kind_of_end_in_one_run(project: Project) -> None:
    """A broken contract fails, a changed value passes as drift, no answer is an error, the same answer passes."""
    project.say("gpt-4.1", {LATE: WRONG_TYPE, BROKEN: OTHER_AMOUNT, LOST: error(400, message="bad request")})

    result = project.run("-v", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "prompts/notes.prompt.yml")

    assert ["FAILED", "PASSED", "ERROR", "PASSED", "PASSED"] == list(verdicts(result).values())
    result.assert_outcomes(passed=3, failed=1, errors=1)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["*5 cases: 2 same, 1 drift, 1 breaking, 1 no reply*"])


def test_drift_passes_and_is_counted(project: Project) -> None:
    """A changed value alone ends in 0: the summary counts it, by flow and in all."""
    project.say("gpt-4.1", {BROKEN: OTHER_AMOUNT})

    result = project.run("--model", "gpt-4.1")

    result.assert_outcomes(passed=5)
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["*5 cases: 4 same, 1 drift*"])
    assert {"refund": 1, "notes": 0} == {
        flow["flow"]: flow["verdicts"]["drift"] for flow in project.compared()["flows"]
    }


def test_a_case_without_an_answer_is_an_error_with_its_fault(project: Project) -> None:
    """A fault of the road is an error of the set-up, names fault and next command, and never a regression."""
    project.say("gpt-4.1", {LATE: error(400, "bad_request", "no such field")})

    result = project.run("--model", "gpt-4.1", LATE_ID, BROKEN_ID)

    result.assert_outcomes(passed=1, errors=1)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["*ERROR at setup of refund / late-parcel*", "*bad_request*no such field*"])
    result.stdout.fnmatch_lines("next: pytest --model gpt-4.1 --lf")
    assert ["1 of 2 cases without an answer"] == gates(result)
    assert "Traceback" not in result.stdout.str()


def test_a_model_without_access_is_asked_once_and_the_run_resumes(project: Project) -> None:
    """What would have been asked of a model that is not there is not run; once it is there, it is asked."""
    project.configure(concurrency=1)
    project.say("gpt-4.1", dict.fromkeys(TODAY, error(404, "model_not_found", "no such model")))

    refused = project.run("--model", "gpt-4.1", "--samples", "2")

    assert 1 == refused.ret
    refused.assert_outcomes(errors=1)
    assert 1 == sum(project.models.asked("gpt-4.1").values())
    refused.stdout.fnmatch_lines(["1 case: 1 no reply"])
    assert ["incomplete: 5 planned = 1 no_reply:model_not_found + 4 not_run:model_not_found"] == [
        said.partition(";")[0] for said in gates(refused)
    ]
    assert "to finish it: pytest --migrate-resume" in refused.stdout.str()
    project.say("gpt-4.1", TODAY)
    project.run("--migrate-resume").assert_outcomes(passed=5)


def test_one_missing_answer_of_several_is_an_error_and_the_others_are_kept(project: Project) -> None:
    """When only sample 2 is missing the case is not judged; the next run asks for that one alone."""
    project.say("gpt-4.1", {LATE: lambda call: error(400) if call == 2 else '{"label": "late", "amount": 3}'})

    first = project.run("-q", "--model", "gpt-4.1", LATE_ID)
    second = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    first.assert_outcomes(errors=1)
    second.assert_outcomes(passed=1)
    assert {LATE: 3} == project.models.asked("gpt-4.1")


def test_a_quota_fault_ends_the_asking(project: Project) -> None:
    """Once the quota is used up no further call is made, and the run says that it is not finished, and why."""
    project.say("gpt-4.1", dict.fromkeys([LATE, BROKEN, LOST], error(429, "insufficient_quota", "you ran out")))

    result = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--migrate-concurrency", "1")

    assert 1 == project.models.calls
    assert 1 == result.ret
    assert gates(result)[0].startswith("incomplete: 3 planned = 3 not_run:quota")


def test_a_foreign_model_is_no_answer(project: Project) -> None:
    """An answer served by another model than the one asked is an error, whatever it says."""
    project.say("gpt-4.1", {LATE: ok(answer('{"label": "late", "amount": 3}', model="some-other-model"))})

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*some-other-model*")


def test_a_refusal_is_an_answer_and_stays_one(project: Project) -> None:
    """A refusal breaks the contract, and is kept like any answer: the next run fails again without asking."""
    project.say("gpt-4.1", {LATE: ok(answer(None, model="gpt-4.1", refusal="I cannot help with that."))})

    first = project.run("-q", "--model", "gpt-4.1", LATE_ID)
    again = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    first.assert_outcomes(failed=1)
    again.assert_outcomes(failed=1)
    assert {LATE: 2} == project.models.asked("gpt-4.1")


def test_a_case_without_a_golden_fails(project: Project) -> None:
    """Nothing is asked for it; it fails in words of its own, with the command that records it."""
    project.golden("refund", "late-parcel").unlink()

    result = project.run("--model", "gpt-4.1", LATE_ID, BROKEN_ID)

    result.assert_outcomes(passed=1, failed=1)
    assert {BROKEN: 2} == project.models.asked("gpt-4.1")
    result.stdout.fnmatch_lines(
        ["  no golden: refund / late-parcel against gpt-4.1*", "*next: pytest --golden=new -k 'refund and late-parcel'"]
    )
    assert "1 of 2 cases without a golden, so compared with nothing" in gates(result)[0]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("Sort the message.", "Please sort the message.", "messages[[]0[]] changed since it was recorded"),
        ("{temperature: 0}", "{temperature: 1}", "temperature changed since it was recorded"),
        ("[late, broken, lost]", "[late, broken, lost, fraud]", "response_format changed since it was recorded"),
        ("model: gpt-4o", "model: gpt-4o-mini", "recorded from gpt-4o, the prompt file now says gpt-4o-mini"),
    ],
    ids=["message", "parameter", "schema", "baseline"],
)
def test_a_stale_golden_fails_and_says_what_changed(project: Project, before: str, after: str, words: str) -> None:
    """A changed prompt makes its goldens stale: the case fails unasked, names the changed part and the command."""
    edit(project, "refund", before, after)

    result = project.run("--model", "gpt-4.1", LATE_ID)

    result.assert_outcomes(failed=1)
    assert 1 == result.ret
    assert 0 == project.models.calls
    result.stdout.fnmatch_lines(
        [
            "  stale golden: refund / late-parcel against gpt-4.1*",
            f"*{words}*",
            "*next: pytest --golden=rewrite -k 'refund and late-parcel'",
        ]
    )
    assert ["stale: refund against gpt-4.1: 1 of 1 cases have a stale golden"] == gates(result)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cases:", "rules: {$.amount: {tolerance: 0.5}}\ncases:"),
        ("cases:", "samples: 4\ncases:"),
        ("variants:", "checks: [{json: true}]\nvariants:"),
        ('content: "{{ text }}"}]}', 'content: "Say {{ text }}"}]}'),
        ("name: Refund triage", "name: Refunds, sorted\nowner: payments"),
    ],
    ids=["rules", "samples", "checks", "variants", "names"],
)
def test_what_the_baseline_never_saw_makes_no_golden_stale(project: Project, before: str, after: str) -> None:
    """Rules, checks, variants, names and the number of samples can change without recording again."""
    edit(project, "refund", before, after)

    project.run("-q", "--model", "gpt-4.1", LATE_ID).assert_outcomes(passed=1)


def test_a_damaged_golden_is_an_error_of_its_case(project: Project) -> None:
    """A golden edited by hand cannot be judged by: one error with the file's name; the other cases run."""
    golden = project.golden("refund", "late-parcel")
    golden.write_text(golden.read_text("utf-8").replace("late", "lite"), encoding="utf-8")

    result = project.run("--model", "gpt-4.1", LATE_ID, BROKEN_ID)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*refund/late-parcel.json does not fit its checksum**")
    assert gates(result)[0].startswith("incomplete: 2 planned = 1 judged + 1 not_run:error")
    assert "Traceback" not in result.stdout.str()


def test_an_unstable_baseline_passes_and_is_counted(fresh: Project) -> None:
    """Where today's model keeps the contract only sometimes, a candidate that does no worse is no regression."""
    fresh.say("gpt-4o", {LATE: lambda call: WRONG_TYPE if call % 2 else '{"label": "late", "amount": 3}'})
    fresh.run("-q", "--golden=new", LATE_ID).assert_outcomes(passed=1)
    fresh.say("gpt-4.1", {LATE: lambda call: WRONG_TYPE if call % 2 else '{"label": "late", "amount": 3}'})

    open_gate = fresh.run("-q", "--model", "gpt-4.1", LATE_ID)
    closed = fresh.run("-q", "--model", "gpt-4.1", LATE_ID, "--fail-on", "unstable")

    open_gate.assert_outcomes(passed=1)
    assert 0 == open_gate.ret
    open_gate.stdout.fnmatch_lines("*1 case: 1 unstable baseline")
    assert 1 == closed.ret
    assert ["refund against gpt-4.1: 1 of 1 cases with an unstable baseline"] == gates(closed)


@pytest.mark.parametrize(
    ("fail_on", "reason"),
    [
        ("drift", "refund against gpt-4.1: 1 of 3 cases drifting"),
        ("breaking,drift", "refund against gpt-4.1: 1 of 3 cases drifting"),
        ("breaking", None),
        ("cost:+10%", "notes against gpt-4.1: cost +1150.0%, more than +10%"),
        ("cost:+2000%", None),
        ("p95:+9999999%", None),
    ],
)
def test_the_gate_is_closed_by_what_was_asked_for(project: Project, fail_on: str, reason: str | None) -> None:
    """`--fail-on` ends a run with 1 and says why; a drift that it names fails its item, a figure none."""
    project.say("gpt-4.1", {BROKEN: OTHER_AMOUNT})

    result = project.run("-q", "--model", "gpt-4.1", "--fail-on", fail_on)

    drifting = int("drift" in fail_on)
    result.assert_outcomes(passed=5 - drifting, failed=drifting)
    assert (0 if reason is None else 1) == result.ret
    assert ([] if reason is None else [reason]) == gates(result)


@pytest.mark.parametrize(("baseline_ms", "closed"), [(0.001, True), (1e9, False)])
def test_the_gate_of_latency_names_both_figures(project: Project, baseline_ms: float, closed: bool) -> None:
    """`p95:+20%` closes when the candidate is slower, and says how many cases and which day both figures are from.

    The candidate's figures are those of the first answer: a replay from recordings is not taken for a fast model.
    """
    goldens = GoldenFiles(project.root / "fixtures", Redactor({}))
    rows = [replace(row, timing=Timing(baseline_ms)) for row in goldens.measurements(FlowName("refund"))]
    goldens.write_measurements(FlowName("refund"), rows)
    arguments = ["-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--fail-on", "p95:+20%"]

    live, recorded = project.run(*arguments), project.run(*arguments, "--migrate-offline")

    assert [1 if closed else 0] * 2 == [live.ret, recorded.ret]
    if closed:
        growth = [gates(result)[0].split(" (")[0] for result in (live, recorded)]
        assert growth[0] == growth[1]
        assert "n 3, against recorded on" in gates(live)[0]
        assert "(recorded on" in gates(recorded)[0]


def test_fail_on_may_be_repeated_and_come_from_the_configuration(project: Project) -> None:
    """Lists of several `--fail-on` add up; without the option the configured list holds."""
    project.say("gpt-4.1", {BROKEN: OTHER_AMOUNT})
    project.configure(fail_on=["drift"])

    configured = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml")
    given = project.run(
        "-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--fail-on", "unstable", "--fail-on", "cost:+50%"
    )

    assert (1, 0) == (configured.ret, given.ret)


def test_a_drift_that_is_asked_for_fails_its_item_with_what_accepts_it(project: Project) -> None:
    """The gate names a flow and a number: the item names the case, what changed, and what to type if it is fine."""
    project.say("gpt-4.1", {BROKEN: OTHER_AMOUNT})
    asked = project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml", "--fail-on", "breaking,drift")
    asked.assert_outcomes(passed=2, failed=1)
    asked.stdout.fnmatch_lines(
        [
            "  drift: $.amount value changed: refund / broken-cup*",
            "    prompt-migrate accept --flow refund --case broken-cup --candidate gpt-4.1",
            "failed, by what was found first:",
            "  refund: drift: $.amount value changed: broken-cup",
            "gate closed: refund against gpt-4.1: 1 of 3 cases drifting",
        ]
    )
    project.run("-q", "--model", "gpt-4.1", "prompts/refund.prompt.yml").assert_outcomes(passed=3)


def test_a_skipped_case_is_accounted_for(project: Project) -> None:
    """A case the user's own hook skips is counted with its reason: the run is complete, and says so."""
    write(
        project.root / "conftest.py",
        "import pytest\n\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if 'late-parcel' in item.name:\n"
        "            item.add_marker(pytest.mark.skip(reason='known, see #12'))\n",
    )

    result = project.run("-v", "--model", "gpt-4.1", "prompts/refund.prompt.yml")

    result.assert_outcomes(passed=2, skipped=1)
    assert 0 == result.ret
    run = project.compared()["run"]
    assert "complete" == run["state"]
    assert {"planned": 3, "judged": 2, "skipped:known, see #12": 1} == run["accounts"]


def test_an_expected_failure_does_not_open_the_gate(project: Project) -> None:
    """A case marked `xfail` does not fail as an item, but a broken contract still closes the gate."""
    project.say("gpt-4.1", {LATE: WRONG_TYPE})
    write(
        project.root / "conftest.py",
        "import pytest\n\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        item.add_marker(pytest.mark.xfail)\n",
    )

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    result.assert_outcomes(xfailed=1)
    assert 1 == result.ret


def test_errors_of_collection_ask_nobody(project: Project) -> None:
    """When pytest will not run for a broken test file on a named path, no call is made and paid for."""
    write(project.root / "tests" / "test_app.py", "import nothing_of_that_name\n")

    result = project.run("-q", "--model", "gpt-4.1", "prompts", "tests")

    assert 2 == result.ret
    assert 0 == project.models.calls


def test_an_interrupted_run_is_incomplete(project: Project) -> None:
    """Ctrl-C ends in pytest's own code 2; the answers that were there are kept, and the run says what is missing."""
    write(
        project.root / "conftest.py",
        "def pytest_runtest_setup(item):\n    if 'late-parcel' in item.name:\n        raise KeyboardInterrupt\n",
    )

    result = project.run("-q", "--model", "gpt-4.1")

    assert 2 == result.ret
    assert gates(result)[0].startswith("incomplete: 5 planned = 2 judged + 3 not_run:interrupted")
    assert {CALL, MILK} <= project.models.asked("gpt-4.1").keys()


def test_a_damaged_ledger_loses_nothing(project: Project) -> None:
    """A run that cannot be written is no good run; no other one starts until the file is moved, then both are kept."""
    ledger = project.root / ".prompt-migrate" / "ledger.db"
    ledger.write_bytes(b"no database" * 1000)
    project.say("gpt-4.1", {LATE: WRONG_TYPE})

    red = project.run("-q", "--model", "gpt-4.1", LATE_ID, BROKEN_ID)
    refused = project.run("-q", "--model", "gpt-4.1", BROKEN_ID)
    ledger.rename(ledger.with_suffix(".damaged"))
    green = project.run("-q", "--model", "gpt-4.1", BROKEN_ID)

    red.assert_outcomes(passed=1, failed=1)
    red.stdout.fnmatch_lines(["  breaking: *late-parcel against gpt-4.1*", "gate closed:*ledger*damaged*"])
    refused.stderr.fnmatch_lines(["ERROR: the ledger .prompt-migrate/ledger.db is damaged*", "next: mv *"])
    green.assert_outcomes(passed=1)
    assert [1, 4, 0] == [red.ret, refused.ret, green.ret]
    assert {LATE: 2, BROKEN: 2} == project.models.asked("gpt-4.1")
    for run in (red, refused):
        assert "Traceback" not in run.stdout.str() + run.stderr.str()


def test_a_state_folder_that_cannot_be_written_is_told_before_anything_is_paid(project: Project) -> None:
    """Where `.prompt-migrate` cannot be a folder, the run does not start: one sentence, exit code 4, no call."""
    state = project.root / ".prompt-migrate"
    state.rename(project.root / "elsewhere")
    write(state, "a file")

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    assert 4 == result.ret
    result.stderr.fnmatch_lines("ERROR: cannot write to *.prompt-migrate*")
    assert 0 == project.models.calls
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_defect_of_ours_hides_nothing(project: Project) -> None:
    """Should weighing fail for a reason nobody thought of, pytest's code 3 says so, below what the items said."""
    project.say("gpt-4.1", {LATE: WRONG_TYPE})
    write(
        project.root / "conftest.py",
        "from migrate import wiring\n\n"
        "def broken(*_, **__): raise TypeError('nobody thought of this')\n\n"
        "wiring.fold = broken\n",
    )

    result = project.run("-q", "--model", "gpt-4.1", LATE_ID)

    assert 3 == result.ret
    result.stdout.fnmatch_lines(
        ["  breaking: *late-parcel against gpt-4.1*", "gate closed: the run could not be kept*"]
    )
    assert "nobody thought of this" in result.stdout.str() + result.stderr.str()
