"""A review in a terminal: one key a group, nothing written before the end, a way back."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner
from deciding_terminal import Terminal
from measured import compared, finding, record, replay
from small_project import LATE, Project

from migrate import wiring
from migrate.cli import main
from migrate.reviewing import Companion
from migrate.vocabulary import (
    CaseId,
    CaseVerdict,
    Decision,
    FindingKind,
    FlowName,
    Group,
    JsonPath,
    Rung,
    Severity,
)
from migrate.wiring.deciding import open_review
from migrate.workflow.walk import Change, Session


def session(project: Project) -> Session:
    world = wiring.open_world(project.root, {}, {})
    cases = list(open_review(world).seen(world.ledger.run(None)))
    world.close()
    return Session(
        cases,
        Decision(FlowName(""), CaseId(""), "", "accept", None, "", reviewer="ada"),
        lambda: "2026-01-15T10:00:00.000Z",
    )


def test_the_worst_comes_first(replayed: Project) -> None:
    """Breaks before drift, and among equals the group of more cases."""
    changes = session(replayed).changes()
    assert ["breaking", "drift", "drift"] == [change.group.severity.value for change in changes]
    assert [True, False, False] == [change.is_contract for change in changes]
    assert 2 == len(changes[1].examples)


def test_the_last_word_on_a_group_counts(replayed: Project) -> None:
    """A decision is replaced by a later one and taken back by undo; nothing else of the session changes."""
    walk = session(replayed)
    _, amounts, note = walk.changes()
    assert 2 == walk.decide(amounts, "accept")
    assert 1 == walk.decide(note, "accept")
    assert 2 == walk.decide(amounts, "reject", "no")
    assert {amounts.group.id: "reject", note.group.id: "accept"} == walk.decided()
    assert {"reject", "accept"} == {decision.verdict for decision in walk.decisions()}

    assert amounts.group.id == walk.undo()
    assert ["accept"] * 3 == [decision.verdict for decision in walk.decisions()]


@pytest.mark.parametrize(
    ("path", "twins"),
    [
        ("$", 0),
        ("$calls[2]", 0),
        ("$tool_calls", 0),
        ("$tool_calls[*]", 0),
        ("$calls[2].tool_calls[*]", 0),
        ("$.amount", 1),
        ("$calls[2].amount", 1),
        ("$tool_calls[*].arguments.id", 1),
        ("$[*]", 1),
    ],
)
def test_the_whole_answer_is_no_place_that_makes_two_changes_one(path: str, twins: int) -> None:
    """A fence and a wrong fact are both found in the whole: only what is at one place inside is offered together."""
    one, other = (
        Group(name, FindingKind.CHECK_FAILED, Severity.DRIFT, Rung.CHECKS, JsonPath(path), "", (), 1) for name in "ab"
    )
    change = Change("refund", one, ("gpt-4.1",), (), ((Companion("b", 1), other),))
    assert twins == len(change.twins)


def test_a_case_that_changed_against_two_candidates_is_two(replayed: Project) -> None:
    """The number shown is the number decided on, in the walk, its listing and what is said to stay open."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.say("gpt-4.1-mini", {LATE: '{"label": "lost", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini", "--migrate-fresh")
    walk = session(replayed)
    (label,) = (one for one in walk.changes() if one.group.path == "$.label")
    assert (2, ("late-parcel",)) == (label.cases, label.group.cases)
    assert label.cases == walk.decide(label, "accept")
    assert [2] == [mate.shared for mate, _ in label.mates]
    listed = CliRunner().invoke(main, ["review"]).stdout
    assert "(2 cases)" in listed[listed.index(label.group.id) :].partition("prompt-migrate")[0]
    done = CliRunner().invoke(main, ["accept", "--group", label.group.id])
    assert "accepted: 2 decisions on 2 cases" in done.stdout
    assert "2 of these cases stay open in other groups:" in done.stdout


def test_without_a_terminal_the_commands_are_listed(replayed: Project) -> None:
    """Each group with what can be typed for it, then one sentence and exit code 2."""
    done = CliRunner().invoke(main, ["review"])
    assert 2 == done.exit_code
    assert 2 == done.stdout.count("prompt-migrate accept --group G")
    assert 3 == done.stdout.count("prompt-migrate tolerate --group G")
    assert "a review needs a terminal" in done.stderr


def test_a_mistyped_flow_is_no_finished_review(replayed: Project) -> None:
    """What is not in the run is named with what is there; nobody reads that nothing is left to decide."""
    for words, said in ((("--flow", "refnd"), "refund"), (("--candidate", "gpt-4.2"), "gpt-4.1")):
        done = CliRunner().invoke(main, ["review", *words])
        assert (2, "") == (done.exit_code, done.stdout)
        assert f'did you mean "{said}"?' in done.stderr.replace("`", '"')


def test_a_group_names_another_of_the_same_cases(replayed: Project) -> None:
    """An answer that changed in two ways: each of its groups is shown with the other, in how many cases."""
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 4}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    (label,) = (one for one in session(replayed).changes() if one.group.path == "$.label")
    ((mate, amount),) = label.mates
    said = CliRunner().invoke(main, ["review"]).stdout.splitlines()
    place = next(at for at, line in enumerate(said) if line.startswith(label.group.id))
    assert f"  1 of these in {mate.id} drift too: {amount.title}" in said[place + 1 : place + 5]


def test_what_was_decided_before_is_said_beside_its_group(replayed: Project) -> None:
    """A rejected group offered again says who rejected it, when and why; an accepted one, that the next run counts."""
    amounts, note = session(replayed).changes()[1:]
    run = CliRunner().invoke
    late = ("--group", amounts.group.id, "--except", "broken-cup", "--reason", "too much", "--reviewer", "ada")
    assert 0 == run(main, ["reject", *late]).exit_code
    assert 0 == run(main, ["accept", "--group", note.group.id, "--reviewer", "bob"]).exit_code

    said = run(main, ["review"]).stdout.splitlines()

    rejected = next(place for place, line in enumerate(said) if line.startswith("  rejected before by ada on 20"))
    assert said[rejected].endswith("(1 case): too much")
    assert any(line.startswith(amounts.group.id) for line in said[rejected - 4 : rejected])
    assert any(line.startswith("  accepted before by bob") and line.endswith("the next run counts)") for line in said)
    run(main, ["review", "--undo"])
    assert not any("before by bob" in line for line in run(main, ["review"]).stdout.splitlines())


def test_a_group_is_accepted_with_one_key(replayed: Project) -> None:
    """A break is refused acceptance, the drift is accepted with a reason, and `q` writes it."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("a")
    terminal.wait("it breaks the contract")
    terminal.wait("[q]uit [?]")
    terminal.press("s")
    terminal.wait("2/2")
    terminal.wait("[q]uit [?]")
    terminal.press("a")
    terminal.wait("reason:")
    terminal.press("rounded up\n")
    terminal.wait("all but")
    terminal.press("\n")
    terminal.wait("accept: 2 cases")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    terminal.wait("accepted: 2 decisions on 2 cases (gpt-4.1)")
    assert 0 == terminal.end()
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ["rounded up"] == [approval["reason"] for approval in golden["approved"]]


def test_escape_and_ctrl_c_where_a_text_is_asked_for_lead_back(replayed: Project) -> None:
    """What was begun is left as it was, what was decided before stays, and the review goes on."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    for act in (terminal.interrupt, lambda: terminal.press("\x1b\n"), lambda: terminal.press("half a rea\x1b")):
        terminal.press("t")
        terminal.wait("Escape or Ctrl-C leaves the group as it was")
        terminal.wait("reason:")
        act()
        terminal.wait("left as it was")
        terminal.wait("1/2")
        terminal.wait("[q]uit [?]")
    terminal.press("r")
    terminal.wait("reason:")
    terminal.press("no\n")
    terminal.wait("2/2")
    terminal.wait("[q]uit [?]")
    for act, said in ((terminal.interrupt, "Escape leaves without"), (lambda: terminal.press("b"), "2/2")):
        act()
        terminal.wait(said)
    terminal.wait("[q]uit [?]")
    terminal.interrupt()
    terminal.wait("1 group decided and not written")
    terminal.interrupt()
    terminal.wait("left; nothing was written")
    assert 0 == terminal.end()


def test_who_leaves_by_mistake_can_still_write(replayed: Project) -> None:
    """Escape asks first where something was decided: `q` writes it, and nothing is lost by one key."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("r")
    terminal.wait("reason:")
    terminal.press("no\n")
    terminal.wait("[q]uit [?]")
    terminal.press("\x1b")
    terminal.wait("1 group decided and not written")
    terminal.press("q")
    terminal.wait("rejected: 1 decision on 1 case")
    assert 0 == terminal.end()


def test_a_day_that_is_over_is_asked_for_again(replayed: Project) -> None:
    """A toleration until the day before would let nothing pass: that is said at once, not at the end."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("t")
    terminal.wait("reason:")
    terminal.press("known\n")
    for keys, said in (("soon\n", "no day such as"), ("2020-02-30\n", "no day such as"), ("2020-01-01\n", "is over")):
        terminal.wait("until")
        terminal.press(keys)
        terminal.wait(said)
    terminal.wait("until")
    terminal.press("2099-01-01\n")
    terminal.wait("at most")
    for words in ("none", "0", "1001", "00001000000"):
        terminal.press(f"{words}\n")
        terminal.wait(f'"{words}" is no number of samples')
        terminal.wait("at most")
    terminal.press("\n")
    terminal.wait("tolerate: 1 case")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    terminal.wait("tolerated: 1 decision on 1 case")
    assert 0 == terminal.end()


def test_the_commands_say_which_run_and_model_was_listed(replayed: Project) -> None:
    """A group has the same id in every run: pasted after another replay, a command still means what was listed."""
    first = json.loads(CliRunner().invoke(main, ["compare", "--json"]).stdout)["run"]["id"]
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    run = CliRunner().invoke
    assert "--run" not in run(main, ["review"]).stdout
    said = run(main, ["review", "--run", first, "--candidate", "gpt-4.1"]).stdout.splitlines()
    commands = [line for line in said if line.startswith("  prompt-migrate ")]
    assert commands
    assert all(f" --run {first} --candidate gpt-4.1 " in line for line in commands)


def test_a_group_but_for_one_and_a_break_within_bounds(replayed: Project) -> None:
    """A toleration is asked for its day and its samples; a group for the cases that are left out, by name."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("t")
    for words, keys in (("reason:", "known\n"), ("until", "2026-02-01\n"), ("at most", "2\n")):
        terminal.wait(words)
        terminal.press(keys)
    terminal.wait("2/2")
    terminal.wait("[q]uit [?]")
    terminal.press("a")
    terminal.wait("reason:")
    terminal.press("\n")
    terminal.wait("all but")
    terminal.press("late-cup\n")
    terminal.wait('the group has no case "late-cup"')
    terminal.wait("all but")
    terminal.press("late-parcel\n")
    terminal.wait("accept: 1 case")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    terminal.wait("git add")
    assert 0 == terminal.end()
    prompt = (replayed.root / "prompts" / "refund.prompt.yml").read_text("utf-8")
    assert "    at_most: 2\n" in prompt
    goldens = {case: replayed.golden("refund", case).read_text("utf-8") for case in ("late-parcel", "broken-cup")}
    assert {"late-parcel": False, "broken-cup": True} == {
        case: bool(json.loads(text)["approved"]) for case, text in goldens.items()
    }


def test_a_text_that_is_asked_for_can_be_mended(replayed: Project) -> None:
    """Backspace takes a character, Ctrl-W a word, Ctrl-U all; arrows are no text, and wide characters are."""
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("s")
    terminal.wait("2/2")
    terminal.wait("[q]uit [?]")
    terminal.press("r")
    terminal.wait("reason: ")
    for keys in ("nothing of it\x15", "tree", "\x7f\x7fop", "\x1b[D", " 高 zu\x17ü\n"):
        terminal.press(keys)
        time.sleep(0.2)
    terminal.wait("all but")
    terminal.press("\n")
    terminal.wait("reject: 2 cases")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    terminal.wait("git add")
    assert 0 == terminal.end()
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ["trop 高ü"] == [one["reason"] for one in golden["rejected"]]


def test_escape_leaves_and_writes_nothing(replayed: Project) -> None:
    """Whatever was decided in the session: Escape rejects nothing and accepts nothing."""
    before = replayed.files("fixtures") | replayed.files("prompts")
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("r")
    terminal.wait("reason:")
    terminal.press("no\n")
    terminal.wait("reject: 1 case")
    terminal.wait("[q]uit [?]")
    terminal.press("\x1b")
    terminal.wait("Escape leaves without")
    terminal.press("\x1b")
    terminal.wait("nothing was written")
    assert 0 == terminal.end()
    assert before == replayed.files("fixtures") | replayed.files("prompts")


def crowded(project: Project, count: int) -> None:
    """Add a newer run in which so many cases of a flow changed alike."""
    drift = finding("$.amount", expected=3, actual="3")
    records = [record(compared(f"case-{n:02}", drift, verdict=CaseVerdict.DRIFT)) for n in range(count)]
    run = replay(id="20990101-000000-ab12", started_at="2099-01-01T00:00:00Z")
    world = wiring.open_world(project.root, {}, {})
    world.ledger.start(replace(run, state="running", accounts={}))
    world.ledger.add(run.id, records)
    world.ledger.finish(run)
    world.close()


def test_more_than_fifty_cases_at_once_are_asked_about(replayed: Project) -> None:
    """What `--all` is to the commands is a question in the terminal: `n` and Escape decide nothing, `y` on all."""
    crowded(replayed, 51)
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    for answer, said in (("n\n", "left as it was"), ("\x1b", "left as it was"), ("y\n", "accept: 51 cases")):
        terminal.press("a")
        terminal.wait("reason:")
        terminal.press("\n")
        terminal.wait("all but")
        terminal.press("\n")
        terminal.wait("that is 51 cases, more than 50 at once: accept all of them?")
        terminal.press(answer)
        terminal.wait(said)
        terminal.wait("[q]uit [?]")
    terminal.press("\x1b")
    terminal.wait("Escape leaves without")
    terminal.press("\x1b")
    terminal.wait("nothing was written")
    assert 0 == terminal.end()


def test_fifty_cases_are_decided_without_a_question(replayed: Project) -> None:
    """Leaving one out of fifty-one is enough; the commands refuse fifty-one without `--all`."""
    crowded(replayed, 51)
    terminal = Terminal(replayed)
    terminal.wait("[q]uit [?]")
    terminal.press("a")
    terminal.wait("reason:")
    terminal.press("\n")
    terminal.wait("all but")
    terminal.press("case-07\n")
    terminal.wait("accept: 50 cases")
    terminal.wait("[q]uit [?]")
    for _ in "12":
        terminal.press("\x1b")
        terminal.wait(" written")
    assert 0 == terminal.end()
    done = CliRunner().invoke(main, ["accept", "--flow", "refund", "--path", "$.amount"])
    assert (2, True) == (done.exit_code, "that is 51 cases, more than 50 at once" in done.stderr)
