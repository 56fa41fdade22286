"""`review --undo`: what was decided last is taken back another day, by whatever door it came."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from click.testing import CliRunner, Result
from deciding_commands import downloaded
from small_project import LATE, Project

from migrate.cli import main

ADA = ("--reviewer", "ada", "--reason", "as it should be")
BOB = ("--reviewer", "bob", "--reason", "too much")


def command(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, words)
    assert code == done.exit_code, done.output
    return done


def undo(*words: str, code: int = 0) -> list[str]:
    return command("review", "--undo", "--reviewer", "cyd", *words, code=code).stdout.splitlines()


def written(project: Project) -> dict[str, bytes]:
    """Return goldens and prompt files, without the log that only grows."""
    files = project.files("fixtures") | project.files("prompts")
    return {name: content for name, content in files.items() if not name.endswith("decisions.jsonl")}


def group(project: Project, kind: str) -> str:
    groups = [one for flow in project.compared()["flows"] for one in flow["groups"] if one["kind"] == kind]
    return str(max(groups, key=lambda one: len(one["cases"]))["id"])


def test_what_git_does_not_know_yet_is_said(replayed: Project) -> None:
    """The log is a new file that `git diff` does not show: each act says to commit it, and how."""
    for said in (
        command("accept", "--flow", "refund", "--path", "$.amount", *ADA).stdout.splitlines(),
        undo(),
        command("promote", "gpt-4.1", "--flow", "refund", *ADA).stdout.splitlines(),
    ):
        (at,) = (at for at, line in enumerate(said) if line.startswith("commit decisions.jsonl beside the goldens too"))
        assert "git add --all fixtures prompts && git commit -m" in "".join(said[at + 1 : at + 3])


@pytest.mark.parametrize(
    "words",
    [
        ("accept", "--flow", "refund", "--path", "$.amount", *ADA),
        ("reject", "--flow", "refund", "--case", "broken-cup", *BOB),
        ("tolerate", "--flow", "refund", "--case", "lost.letter", "--until", "2026-02-01", *BOB),
    ],
    ids=["accept", "reject", "tolerate"],
)
def test_what_was_decided_is_taken_back_to_the_byte(replayed: Project, words: tuple[str, ...]) -> None:
    """Approval, rejection, toleration: goldens and prompt files are as they were; the log says who took it back."""
    before = written(replayed)
    command(*words)
    assert before != written(replayed)
    said = undo()
    assert said[0].startswith(f"taken back: {words[0]} of ")
    assert before == written(replayed)
    log = (replayed.root / "fixtures" / "refund" / "decisions.jsonl").read_text("utf-8").splitlines()
    entry = json.loads(log[-1])
    assert ("undo", words[0], "cyd") == (entry["verdict"], entry["undoes"], entry["reviewer"])
    assert ["nothing that was decided stands"] == undo()


def test_a_group_is_taken_back_whole_and_then_what_was_before_it(replayed: Project) -> None:
    """One command decided on two cases: one undo takes both back, the next one the command before."""
    untouched = written(replayed)
    command("reject", "--flow", "notes", "--case", "call-back", *BOB)
    before = written(replayed)
    command("accept", "--group", group(replayed, "value_changed"), *ADA)
    assert undo("--dry-run")[0].startswith("would be taken back: accept of 2 cases in refund (gpt-4.1) by ada")
    assert undo()[0].startswith("taken back: accept of 2 cases in refund (gpt-4.1) by ada")
    assert before == written(replayed)
    assert undo()[0].startswith("taken back: reject of call-back in notes (gpt-4.1) by bob")
    assert untouched == written(replayed)


@pytest.mark.parametrize("order", [("refund", "notes"), ("notes", "refund")])
def test_of_two_decisions_within_a_second_the_second_is_the_last(
    replayed: Project, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    """Whichever of the flows it is in: a decision's time is kept to the millisecond."""
    cases = {"refund": "late-parcel", "notes": "call-back"}
    for flow, now in zip(order, (dt.datetime(2026, 1, 15, 9, 0, 0, us, dt.UTC) for us in (1000, 2000)), strict=True):
        monkeypatch.setattr("migrate.edges.clock.SystemClock.now", lambda _, now=now: now)
        command("reject", "--flow", flow, "--case", cases[flow], *BOB)
    for flow in reversed(order):
        assert undo()[0].startswith(f"taken back: reject of {cases[flow]} in {flow}")


def test_a_file_that_is_applied_is_written_now_whenever_it_was_downloaded(replayed: Project) -> None:
    """Its decisions are the last ones, all of them at once, though another was made between download and apply."""
    file = downloaded(replayed)
    document = json.loads(file.read_text("utf-8"))
    for one, minute in zip(document["decisions"], ("01", "02"), strict=True):
        one |= {"reviewer": "ada", "at": f"2026-01-15T10:{minute}:00.000Z"}
    file.write_text(json.dumps(document), "utf-8")
    command("reject", "--flow", "notes", "--case", "call-back", *BOB)
    command("apply", str(file))
    assert ["accept of 2 cases in refund", "reject of call-back in notes"] == [
        undo()[0].removeprefix("taken back: ").partition(" (")[0] for _ in range(2)
    ]


def test_a_flow_can_be_named(replayed: Project) -> None:
    """The newest decision of that flow, whatever was decided of others since."""
    command("accept", "--flow", "refund", "--case", "late-parcel", *ADA)
    command("reject", "--flow", "notes", "--case", "call-back", *BOB)
    assert undo("--flow", "refund")[0].startswith("taken back: accept of late-parcel in refund")
    assert undo("--flow", "refund") == ["nothing that was decided stands"]
    assert undo()[0].startswith("taken back: reject of call-back in notes")


def test_what_others_decided_of_the_same_golden_stays(replayed: Project) -> None:
    """Two candidates' answers to one case: the older decision is taken back, the newer one is untouched."""
    replayed.say("gpt-4.1-mini", {LATE: '{"label": "late", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini", "-k", "refund")
    late = ("--flow", "refund", "--case", "late-parcel")
    command("accept", *late, "--candidate", "gpt-4.1", *ADA)
    command("accept", *late, "--candidate", "gpt-4.1-mini", *BOB)
    assert undo("--candidate", "gpt-4.1")[0].startswith("taken back: accept of late-parcel in refund (gpt-4.1) by ada")
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ["bob"] == [one["reviewer"] for one in golden["approved"]]


LATE_PARCEL = ("--flow", "refund", "--case", "late-parcel")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(("reject", *BOB), ("accept", *ADA)), (("accept", *ADA), ("reject", *BOB)), (("accept", *BOB), ("accept", *ADA))],
    ids=["reject then accept", "accept then reject", "a whole case after a place of it"],
)
def test_what_took_the_place_of_an_earlier_decision_gives_it_back(
    replayed: Project, earlier: tuple[str, ...], later: tuple[str, ...]
) -> None:
    """Overridden, then taken back, to the byte; then the one before it, and what was decided before both."""
    untouched = written(replayed)
    command("reject", "--flow", "notes", "--case", "call-back", "--reviewer", "bob", "--reason", "another day")
    other = written(replayed)
    command(earlier[0], *LATE_PARCEL, "--path", "$.amount", *earlier[1:])
    before = written(replayed)
    command(later[0], *LATE_PARCEL, *later[1:])
    assert before != written(replayed)
    assert undo("--flow", "refund")[0].startswith(f"taken back: {later[0]} of late-parcel in refund (gpt-4.1)")
    assert before == written(replayed)
    assert undo("--flow", "refund")[0].startswith(f"taken back: {earlier[0]} of late-parcel in refund (gpt-4.1)")
    assert other == written(replayed)
    assert undo()[0].startswith("taken back: reject of call-back in notes")
    assert untouched == written(replayed)


def test_what_another_decided_since_of_the_same_golden_stays_where_an_overridden_one_comes_back(
    replayed: Project,
) -> None:
    """Rejected and accepted for one model, accepted for another in between: the rejection comes back beside it."""
    replayed.say("gpt-4.1-mini", {LATE: '{"label": "late", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini", "-k", "refund")
    command("reject", *LATE_PARCEL, "--candidate", "gpt-4.1", *BOB)
    command("accept", *LATE_PARCEL, "--candidate", "gpt-4.1", *ADA)
    command("accept", *LATE_PARCEL, "--candidate", "gpt-4.1-mini", *BOB)
    assert undo("--candidate", "gpt-4.1")[0].startswith("taken back: accept of late-parcel in refund (gpt-4.1) by ada")
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ["gpt-4.1-mini"] == [one["candidate"] for one in golden["approved"]]
    assert ["gpt-4.1"] == [one["candidate"] for one in golden["rejected"]]


def test_a_line_of_an_earlier_version_that_does_not_say_what_was_there_is_refused(replayed: Project) -> None:
    """Rejected, then accepted, by a version that logged less: nothing is taken back and the reason is said."""
    command("reject", *LATE_PARCEL, *BOB)
    command("accept", *LATE_PARCEL, *ADA)
    path = replayed.root / "fixtures" / "refund" / "decisions.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    less = [{name: value for name, value in one.items() if name not in ("wrote", "replaced")} for one in lines]
    path.write_text("".join(json.dumps(one) + "\n" for one in less), "utf-8")
    before = written(replayed)
    said = " ".join(line.strip() for line in undo(code=1))
    assert said.startswith("refused: accept of late-parcel in refund (gpt-4.1) by ada")
    assert said.endswith("what the golden held before it was not logged, as earlier versions did not: git has it")
    assert before == written(replayed)


@pytest.mark.parametrize(
    "damage",
    [{"wrote": 5}, {"wrote": [1]}, {"wrote": [{"list": "approved"}]}, {"replaced": [{}]}, {"case": None, "at": None}],
    ids=str,
)
def test_a_damaged_log_is_told_and_nothing_is_taken_back(replayed: Project, damage: dict[str, object]) -> None:
    """Logs lie in git, where hands and merges reach them: which decision it is, and what to do; never a traceback."""
    command("reject", *LATE_PARCEL, *BOB)
    command("accept", *LATE_PARCEL, *ADA)
    path = replayed.root / "fixtures" / "refund" / "decisions.jsonl"
    *earlier, last = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    whole = {name: value for name, value in (last | damage).items() if value is not None}
    path.write_text("".join(json.dumps(one) + "\n" for one in (*earlier, whole)), "utf-8")
    before = written(replayed)
    done = CliRunner().invoke(main, ["review", "--undo", "--reviewer", "cyd"])
    assert isinstance(done.exception, SystemExit)
    assert "decision 2 in the decisions.jsonl of refund is not whole" in " ".join(done.stderr.split())
    assert "restore the file from git, or remove the line" in " ".join(done.stderr.split())
    assert before == written(replayed)


def test_a_toleration_of_several_cases_comes_back_as_the_one_entry_it_was(replayed: Project) -> None:
    """Tolerated in two cases, then on other terms, then taken back: to the byte, and it can be replaced again."""
    value = ("--group", group(replayed, "value_changed"), *BOB)
    command("tolerate", *value, "--until", "2026-02-01", "--at-most", "2")
    before = written(replayed)
    command("tolerate", *value, "--until", "2026-02-01", "--at-most", "3")
    assert undo()[0].startswith("taken back: tolerate of 2 cases in refund")
    assert before == written(replayed)
    command("tolerate", *value, "--until", "2026-03-01")
    assert 1 == (replayed.root / "prompts" / "refund.prompt.yml").read_text("utf-8").count("reviewer:")


def test_an_entry_that_stands_case_by_case_is_replaced_all_the_same(replayed: Project) -> None:
    """As an undo of earlier versions left it: two entries that differ in their cases alone."""
    value = ("--group", group(replayed, "value_changed"), *BOB)
    for case in ("broken-cup", "late-parcel"):
        command("tolerate", "--flow", "refund", "--case", case, "--until", "2026-02-01", *BOB)
    path = replayed.root / "prompts" / "refund.prompt.yml"
    assert 2 == path.read_text("utf-8").count("reviewer:")
    command("tolerate", *value, "--until", "2026-03-01")
    assert 1 == path.read_text("utf-8").count("reviewer:")


def test_a_golden_that_is_another_one_is_left_alone(replayed: Project) -> None:
    """Promoted since: the decision went with the golden, and there is nothing to take back."""
    command("accept", "--flow", "refund", "--case", "late-parcel", *ADA)
    command("promote", "gpt-4.1", "--flow", "refund", "--reason", "in production")
    before = written(replayed)
    assert ["nothing that was decided stands"] == undo()
    assert before == written(replayed)


def test_words_that_do_not_go_together(replayed: Project) -> None:
    """The page has an undo of its own, and a dry run is one of an undo."""
    assert "do not go together" in command("review", "--undo", "--web", code=2).stderr
    assert "--dry-run is of --undo" in command("review", "--dry-run", code=2).stderr
