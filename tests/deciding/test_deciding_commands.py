"""What a reviewer decides at the command line: goldens and rules say afterwards what was decided, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from deciding_commands import MODEL, command, compared, counts, decide, downloaded, flat, group, log, statuses
from small_project import LATE, Project

from migrate import wiring


def test_an_accepted_group_passes_on_the_next_run(replayed: Project) -> None:
    """Two cases are accepted at once; the next replay calls them accepted, and the rest is as it was."""
    found = decide("accept", "--group", group("$.amount value changed"))
    assert {"late-parcel": "written", "broken-cup": "written"} == statuses(found)
    assert found["commit_message"].startswith("Review of a model migration: accept 2 cases of refund (G")

    replayed.run(*MODEL)

    assert {"accepted": 2, "breaking": 1} == counts()


def test_an_approval_is_no_sample_of_the_baseline(replayed: Project) -> None:
    """The golden's samples are byte for byte what they were; the answer stands beside them, with who and why."""
    path = replayed.golden("refund", "late-parcel")
    before = json.loads(path.read_text("utf-8"))
    decide("accept", "--case", "late-parcel", "--reason", "amounts are rounded up now")

    after = json.loads(path.read_text("utf-8"))
    (approval,) = after.pop("approved")
    assert {**before, "approved": [], "checksum": ""} == {**after, "approved": [], "checksum": ""}
    assert ("ada", "amounts are rounded up now", "gpt-4.1") == tuple(
        approval[name] for name in ("reviewer", "reason", "candidate")
    )
    assert {"label": "late", "amount": 4} == approval["answer"]["json"]


def test_an_approval_covers_what_was_seen_and_no_other_answer(replayed: Project) -> None:
    """Another amount than the accepted one is a change again."""
    decide("accept", "--case", "late-parcel")
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 9}'})

    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")

    assert 2 == counts()["drift"]


def test_all_but_these(replayed: Project) -> None:
    """A group is accepted without one of its cases, which is open as before."""
    found = decide("accept", "--group", group("$.amount value changed"), "--except", "late-parcel")
    assert {"broken-cup": "written"} == statuses(found)
    replayed.run(*MODEL)
    assert {"accepted": 1, "drift": 1, "breaking": 1} == counts()


def test_a_broken_contract_is_not_accepted(replayed: Project) -> None:
    """The refusal says what breaks the contract and what can be done instead; the golden is untouched."""
    before = replayed.files("fixtures")
    found = decide("accept", "--case", "lost.letter", code=1)
    (one,) = found["decisions"]
    assert "fenced json at $ breaks the contract" in one["why"]
    assert before == replayed.files("fixtures")


def test_a_tolerated_break_fails_again_after_its_last_day(replayed: Project) -> None:
    """Until the day it passes as accepted; a day later it breaks as before."""
    decide("tolerate", "--case", "lost.letter", "--until", "2026-02-01", "--reason", "mended in 2.4")
    replayed.run(*MODEL, "--migrate-as-of", "2026-02-01")
    assert {"accepted": 1, "drift": 2} == counts()

    replayed.run(*MODEL, "--migrate-as-of", "2026-02-02")

    assert {"breaking": 1, "drift": 2} == counts()


def test_tolerating_a_break_says_that_nobody_saw_the_rest(replayed: Project) -> None:
    """Behind a fence nothing was compared: what else changed would come as news. Of a drift all was compared."""
    words = ("--until", "2026-02-01", "--reason", "known", "--dry-run")
    said = "an answer that breaks its contract is not compared with the golden: what else changed in these shows in"
    assert said in flat(command("tolerate", "--case", "lost.letter", *words).stdout)
    assert said not in flat(command("tolerate", "--case", "late-parcel", *words).stdout)


def test_a_run_tells_the_tolerations_it_passes_by(replayed: Project) -> None:
    """pytest's summary and `compare` name the finding, the cases, the last day and the line of the prompt file."""
    decide("tolerate", "--case", "lost.letter", "--until", "2026-02-01", "--reason", "mended in 2.4")
    file = replayed.root / "prompts" / "refund.prompt.yml"
    line = file.read_text("utf-8").splitlines().index("tolerated:") + 2

    result = replayed.run("-q", "--model", "gpt-4.1", "--migrate-offline")

    said = (
        "tolerated for now, by the prompt files: "
        f"refund: fenced json at $ in 1 case, until 2026-02-01 (prompts/refund.prompt.yml:{line})"
    )
    assert said in " ".join(result.stdout.str().split())
    assert said in " ".join(command("compare").stdout.split())
    (one,) = next(flow for flow in compared()["flows"] if flow["flow"] == "refund")["tolerated"]
    assert ("fenced_json", ["lost.letter"], "2026-02-01") == (one["kind"], one["cases"], one["expires"])


def test_a_rejected_change_fails_with_its_reason(replayed: Project) -> None:
    """Drift alone passes; rejected drift fails the item, which says who rejected it and why."""
    decide("reject", "--case", "late-parcel", "--reason", "we would pay too much")

    result = replayed.run("-q", "--model", "gpt-4.1", "--migrate-offline")

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        [
            "  rejected drift: $.amount value changed: refund / late-parcel*",
            "*why: rejected by ada: we would pay too much*",
            "gate closed: refund against gpt-4.1: 2 of 3 cases breaking, 1 of them for a*",
            "  rejected change",
        ]
    )


def test_the_last_word_counts(replayed: Project) -> None:
    """A rejection is taken back by accepting, an approval by rejecting nothing that is open any more."""
    decide("reject", "--case", "late-parcel", "--reason", "no")
    decide("accept", "--case", "late-parcel")
    replayed.run(*MODEL)
    assert 1 == counts()["accepted"]


def test_a_rejection_takes_an_approval_back(replayed: Project) -> None:
    """Accepted, then rejected: the approval is gone, and the next replay fails with the reason."""
    decide("accept", "--case", "late-parcel")
    decide("reject", "--case", "late-parcel", "--reason", "not after all")
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ([], ["not after all"]) == (golden["approved"], [one["reason"] for one in golden["rejected"]])
    replayed.run(*MODEL)
    assert {"breaking": 2, "drift": 1} == counts()


@pytest.mark.parametrize(
    ("earlier", "later", "said"),
    [
        (("reject", "--reason", "wrong sum"), ("accept",), "rejected by ada before (wrong sum)"),
        (("accept",), ("reject", "--reason", "after all"), "accepted by ada before"),
        (
            ("reject", "--reason", "wrong sum"),
            ("tolerate", "--until", "2026-02-01", "--reason", "later"),
            "rejected by ada before (wrong sum); until 2026-02-01, then that holds again",
        ),
    ],
    ids=["accepted", "rejected", "tolerated"],
)
def test_nobody_is_overruled_unawares(
    replayed: Project, earlier: tuple[str, ...], later: tuple[str, ...], said: str
) -> None:
    """A group that holds a case of which somebody said the opposite: it is named, with who said it, and in JSON."""
    decide(earlier[0], "--case", "late-parcel", "--path", "$.amount", *earlier[1:])
    words = (later[0], "--group", group("$.amount value changed"), *later[1:])
    dry = flat(command(*words, "--reviewer", "bob", "--dry-run").stdout)
    assert f"would hold over what was said of late-parcel: {said}" in dry
    found = {one["case_id"]: one["overrides"] for one in decide(*words, "--dry-run")["decisions"]}
    assert (["ada"], []) == ([one["reviewer"] for one in found["late-parcel"]], found["broken-cup"])
    assert f"holds over what was said of late-parcel: {said}" in flat(command(*words, "--reviewer", "bob").stdout)


def test_what_is_tolerated_of_a_rejected_case_is_that_change_alone(replayed: Project) -> None:
    """The rest stays rejected: it is said when it is decided, and in the note of the next run, the reason once."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    decide("reject", "--flow", "refund", "--case", "late-parcel", "--reason", "wrong sum")
    words = ("tolerate", "--case", "late-parcel", "--path", "$.label", "--until", "2026-02-01", "--reason", "later")
    told = flat(command(*words, "--reviewer", "bob").stdout)
    said = "rejected by ada before (wrong sum); until 2026-02-01, then that holds again; the rest of it stays rejected"
    assert f"holds over this change of late-parcel: {said}" in told
    replayed.run("-q", "--model", "gpt-4.1")
    world = wiring.open_world(replayed.root, {}, {})
    record = world.ledger.record(world.ledger.run(None).id, "refund", "gpt-4.1", "late-parcel")
    world.close()
    assert record is not None
    note = "rejected by ada: wrong sum; a part of it is tolerated until 2026-02-01 all the same"
    assert ("breaking", note) == (record.comparison.verdict, record.comparison.note)


def test_a_rejection_holds_again_when_a_toleration_ends(replayed: Project) -> None:
    """A toleration is for a time: it leaves the rejection where it is."""
    decide("reject", "--case", "late-parcel", "--reason", "wrong sum")
    decide("tolerate", "--case", "late-parcel", "--until", "2026-02-01", "--reason", "later")
    both = "rejected by ada: wrong sum; tolerated until 2026-02-01 all the same"
    again = "rejected by ada: wrong sum; the toleration ended on 2026-02-01: later"
    for day, found, note in (
        ("2026-02-01", {"accepted": 1, "breaking": 1}, both),
        ("2026-02-02", {"breaking": 2}, again),
    ):
        replayed.run(*MODEL, "--migrate-as-of", day)
        assert {**found, "drift": 1} == counts()
        world = wiring.open_world(replayed.root, {}, {})
        record = world.ledger.record(world.ledger.run(None).id, "refund", "gpt-4.1", "late-parcel")
        world.close()
        assert record is not None
        assert note == record.comparison.note


def test_what_is_tolerated_cannot_be_rejected_beside_it(replayed: Project) -> None:
    """A rejection that would do nothing is refused, and says what lets the change pass."""
    decide("tolerate", "--case", "lost.letter", "--until", "2999-02-01", "--reason", "known")
    found = decide("reject", "--case", "lost.letter", "--reason", "no", code=1)
    assert "the prompt file tolerates it until 2999-02-01" in found["decisions"][0]["why"]


def test_deciding_twice_writes_once(replayed: Project) -> None:
    """The second time everything is `already`, and no byte changes."""
    words = ("accept", "--group", group("$.amount value changed"))
    decide(*words)
    before = replayed.files("fixtures")
    assert {"late-parcel": "already", "broken-cup": "already"} == statuses(decide(*words))
    assert before == replayed.files("fixtures")
    assert 2 == len(log(replayed, "refund"))


def test_a_dry_run_writes_nothing(replayed: Project) -> None:
    """It says what would be written, for goldens and prompt files alike."""
    before = replayed.files("fixtures") | replayed.files("prompts")
    day = ("--until", "2026-02-01", "--reason", "known", "--dry-run")
    assert {"lost.letter": "written"} == statuses(decide("tolerate", "--case", "lost.letter", *day))
    assert {"late-parcel": "written"} == statuses(decide("accept", "--case", "late-parcel", "--dry-run"))
    assert before == replayed.files("fixtures") | replayed.files("prompts")


def test_every_decision_has_a_line_in_the_log(replayed: Project) -> None:
    """Who, when, what and why, with the golden before and after."""
    decide("accept", "--case", "late-parcel", "--reason", "fine")
    decide("reject", "--case", "broken-cup", "--reason", "not fine")
    first, second = log(replayed, "refund")
    assert ("accept", "late-parcel", "ada", "fine") == tuple(
        first[name] for name in ("verdict", "case", "reviewer", "reason")
    )
    assert ("reject", "not fine") == (second["verdict"], second["reason"])
    assert first["base"] != first["after"]


def test_the_goldens_stay_sound(replayed: Project) -> None:
    """After decisions of every kind `goldens check` finds every file whole, and nothing left over."""
    decide("accept", "--case", "late-parcel")
    decide("reject", "--case", "broken-cup", "--reason", "no")
    decide("tolerate", "--case", "lost.letter", "--until", "2026-02-01", "--reason", "known")
    assert 0 == command("goldens", "check").exit_code
    assert 0 == command("validate").exit_code


def test_nothing_is_decided_by_accident(replayed: Project) -> None:
    """Without a group, case or path, without a reason where one is needed, or with nothing that fits: one sentence."""
    for words, said in [
        (("accept",), "say what to accept: --group, --case or --path"),
        (("reject", "--case", "late-parcel"), "a reason is needed"),
        (("accept", "--case", "buy-milk"), "nothing that is open"),
        (("tolerate", "--case", "late-parcel", "--reason", "x", "--until", "soon"), "--until takes a day"),
    ]:
        done = command(*words)
        assert 2 == done.exit_code
        assert said in done.stderr
        assert "Traceback" not in done.stderr


# --- A file of decisions -------------------------------------------------------------------------------------------


def test_downloaded_decisions_are_applied_once(replayed: Project) -> None:
    """Applied they are written, applied again they are already there, and the log has them once."""
    file = downloaded(replayed)
    assert {"late-parcel": "written", "broken-cup": "written"} == statuses(decide("apply", str(file)))
    assert {"late-parcel": "already", "broken-cup": "already"} == statuses(decide("apply", str(file)))
    assert 2 == len(log(replayed, "refund"))


def test_nothing_unseen_is_blessed(replayed: Project) -> None:
    """After another replay with other answers the decisions are refused, and the goldens are as they were."""
    file, before = downloaded(replayed), replayed.files("fixtures")
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 99}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")

    found = decide("apply", str(file), code=1)

    assert {"late-parcel": "refused", "broken-cup": "written"} == statuses(found)
    changed = {name for name, content in replayed.files("fixtures").items() if before.get(name) != content}
    assert {"fixtures/refund/broken-cup.json", "fixtures/refund/decisions.jsonl"} == changed


def test_a_golden_that_was_recorded_again_was_not_seen(replayed: Project) -> None:
    """Decisions on a golden hold for that golden: after a new recording they are refused."""
    file = downloaded(replayed)
    replayed.say("gpt-4o", {LATE: '{"label": "late", "amount": 7}'})
    replayed.run("-q", "--golden=rewrite", "-k", "late-parcel").assert_outcomes(passed=1)

    found = decide("apply", str(file), code=1)

    assert "refused" == statuses(found)["late-parcel"]
    assert "the golden was changed after it was seen" in str(found)


def test_two_reviewers_at_once(replayed: Project) -> None:
    """Both decide on different cases at the same time: everything both decided is there, and the files are whole."""
    words = [("accept", "--case", "late-parcel"), ("reject", "--case", "broken-cup", "--reason", "no")]
    started = [subprocess.Popen([sys.executable, "-m", "migrate", *command], cwd=replayed.root) for command in words]
    assert [0, 0] == [process.wait(120) for process in started]
    assert {"late-parcel", "broken-cup"} == {entry["case"] for entry in log(replayed, "refund")}
    assert 0 == command("goldens", "check").exit_code


def test_two_reviewers_of_one_case_at_once(replayed: Project) -> None:
    """Each decides on another place of the same answers: neither decision is lost, and the log is one chain."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    paths = [("accept", "--path", path, "--case", "late-parcel") for path in ("$.label", "$.amount")]
    started = [subprocess.Popen([sys.executable, "-m", "migrate", *words], cwd=replayed.root) for words in paths]
    assert [0, 0] == [process.wait(120) for process in started]
    (approval,) = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))["approved"]
    assert {"$.label", "$.amount"} == {change["path"] for change in approval["covers"]}
    first, second = log(replayed, "refund")
    assert first["after"] == second["base"]


def test_a_decision_made_on_top_of_another_holds(replayed: Project) -> None:
    """A report shows a golden as it was before the first decision; the second one on the same case is no stranger."""
    file = downloaded(replayed, verdict="reject", reason="no")
    decide("accept", "--case", "late-parcel")
    assert {"late-parcel": "written", "broken-cup": "written"} == statuses(decide("apply", str(file)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ('{"format": 2, "run": "r", "decisions": []}', "at $.format"),
        ('{"format": 1, "run": "r", "decisions": [{"verdict": "bless"}]}', "at $.decisions[0]"),
        ('{"format": 1, "format": 1, "run": "r", "decisions": []}', "is not JSON"),
    ],
)
def test_a_file_that_holds_no_decisions_is_refused(replayed: Project, text: str, said: str) -> None:
    """One sentence that says where; nothing is written, and there is no traceback."""
    (replayed.root / "decisions.json").write_text(text, "utf-8")
    done = command("apply", "decisions.json")
    assert 2 == done.exit_code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_more_than_fifty_cases_want_a_second_thought(replayed: Project) -> None:
    """A choice of more cases than anybody looked at is refused without `--all`."""
    rows = "".join(f"  - {{id: case-{n}, inputs: {{text: case {n}}}}}\n" for n in range(51))
    prompt = replayed.root / "prompts" / "notes.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8") + rows, "utf-8")
    replayed.say("gpt-4o-mini", {f"Note: case {n}": "Pay 3 euros." for n in range(51)})
    replayed.say("gpt-4.1", {f"Note: case {n}": "Pay 4 euros." for n in range(51)})
    replayed.run("-q", "--golden=new")
    replayed.run("-q", "--model", "gpt-4.1")
    words = ("accept", "--path", "$", "--flow", "notes")
    done = command(*words)
    assert 2 == done.exit_code
    assert "more than 50 at once" in done.stderr
    assert {"written"} == set(statuses(decide(*words, "--all")).values())


def test_deciding_asks_nobody(replayed: Project) -> None:
    """Deciding asks no model: the number of calls is what it was."""
    before = replayed.models.calls
    decide("accept", "--case", "late-parcel")
    replayed.run(*MODEL)
    assert before == replayed.models.calls


# --- Recorded again since ------------------------------------------------------------------------------------------


def test_recording_again_says_what_is_gone(replayed: Project) -> None:
    """Other answers make another golden: what was decided before is told, case by case, and in the review."""
    decide("accept", "--case", "late-parcel")
    decide("reject", "--case", "broken-cup", "--reason", "no")
    replayed.say("gpt-4o", {LATE: '{"label": "late", "amount": 7}'})

    result = replayed.run("-q", "--golden=rewrite", "-k", "late-parcel")

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines("*refund/late-parcel was recorded again with other answers: 1 approval gone*")
    assert "approved" not in replayed.golden("refund", "late-parcel").read_text("utf-8").replace('"approved": []', "")
    said = command("review").stderr
    assert "warning: refund/late-parcel: the golden is another one since ada decided (accept) on 20" in flat(said)
    assert all(len(line) <= 80 for line in said.splitlines() if line.startswith(("warning: ", "         ")))
    assert "broken-cup" not in said


def test_recording_the_same_answers_keeps_what_was_decided(replayed: Project) -> None:
    """No byte changes, and nobody is warned."""
    decide("accept", "--case", "late-parcel")
    decide("reject", "--case", "broken-cup", "--reason", "no")
    before = {name: content for name, content in replayed.files("fixtures").items() if "measurements" not in name}
    done = replayed.command("-m", "migrate", "record", "--rewrite", "--flow", "refund")
    assert "gone with" not in done.stderr.str()
    assert before == {name: content for name, content in replayed.files("fixtures").items() if name in before}
    assert 0 == len(command("review").stderr.partition("warning:")[1])


# --- Killed in between ---------------------------------------------------------------------------------------------


def test_no_approval_is_without_its_line(replayed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log comes first: where it could not be written, no golden and no prompt file says a word of the decision."""
    before = replayed.files("fixtures") | replayed.files("prompts")

    def killed(*_: object) -> None:
        raise SystemExit(137)

    monkeypatch.setattr("migrate.edges.goldens.log.DecisionFiles.add", killed)
    command("accept", "--case", "late-parcel")
    command("tolerate", "--case", "lost.letter", "--until", "2026-02-01", "--reason", "soon mended")
    assert before == replayed.files("fixtures") | replayed.files("prompts")


def test_a_line_without_its_golden_does_no_harm(replayed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the log and the golden: the same decisions, given again, hold, and the log leads to the golden."""
    file = downloaded(replayed)

    def killed(*_: object) -> None:
        raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr("migrate.edges.goldens.store.GoldenFiles.write", killed)
        command("apply", str(file))
    assert 2 == len(log(replayed, "refund"))
    assert {"late-parcel": "written", "broken-cup": "written"} == statuses(decide("apply", str(file)))

    for case in ("late-parcel", "broken-cup"):
        mine = [entry["after"] for entry in log(replayed, "refund") if entry["case"] == case]
        checksum = json.loads(replayed.golden("refund", case).read_text("utf-8"))["checksum"]
        assert checksum.removeprefix("sha256:") in mine


def test_a_case_that_stays_open_in_another_group_is_told(replayed: Project) -> None:
    """One answer changed in two ways: who accepts the one is told of the other, until that is decided too."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    amount, label = group("$.amount value changed"), group("$.label")

    done = command("accept", "--group", amount, "--reviewer", "ada", "--dry-run")
    found = decide("accept", "--group", amount)

    assert "1 of these cases stays open in other groups:" in done.stdout.splitlines()
    assert any(line.startswith(f"  {label} drift, 1 case: refund $.label") for line in done.stdout.splitlines())
    assert [(label, ["late-parcel"])] == [(one["group"], one["cases"]) for one in found["left_open"]]
    assert [] == decide("accept", "--group", label)["left_open"]
    mates = {one["id"]: one["shares_cases_with"] for flow in compared()["flows"] for one in flow["groups"]}
    assert [{"id": amount, "cases": 1}] == mates[label]


def test_a_rejected_case_is_not_told_to_stay_open(replayed: Project) -> None:
    """It fails on purpose: what else changed in it is no news."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    assert [] == decide("reject", "--group", group("$.label"), "--reason", "wrong queue")["left_open"]
