"""One change that two rules see, a check and the value itself: decided on once, taken back once, by every door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deciding_commands import MODEL, command, compared, counts, decide, flat, log
from deciding_terminal import Terminal
from small_project import REFUND, Project

CHECKS = """\
checks:
  - {number: {equals: "{{ expected.amount }}"}, path: $.amount, name: the sum}
"""


@pytest.fixture
def seen_twice(replayed: Project) -> Project:
    """Both changed amounts fail a check, and are other values than the golden's."""
    (replayed.root / "prompts" / "refund.prompt.yml").write_text(REFUND + CHECKS, "utf-8")
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-offline")
    return replayed


def groups() -> tuple[str, str]:
    """Return the ids of the check's group and the value's."""
    found = {
        one["kind"]: one["id"] for flow in compared()["flows"] for one in flow["groups"] if "amount" in one["path"]
    }
    return found["check_failed"], found["value_changed"]


def verdicts(project: Project) -> list[tuple[str, str]]:
    return [(one["verdict"], one["case"]) for one in log(project, "refund")]


BOTH = [("tolerate", case) for case in ("broken-cup", "late-parcel") for _ in "12"]


def test_two_groups_are_decided_on_by_one_command(seen_twice: Project) -> None:
    """The change passes until its day, and one undo takes both decisions back."""
    check, value = groups()
    prompt = Path("prompts/refund.prompt.yml")
    before = prompt.read_bytes()
    words = ("tolerate", "--group", check, "--group", value, "--until", "2026-02-01", "--reason", "as agreed")
    done = flat(command(*words).stdout)
    assert "tolerated: 4 decisions on 2 cases (gpt-4.1)" in done
    assert "stay open" not in done
    assert sorted(BOTH) == sorted(verdicts(seen_twice))
    seen_twice.run(*MODEL)
    assert {"accepted": 2, "breaking": 1} == counts()
    assert flat(command("review", "--undo").stdout).startswith("taken back: tolerate of 2 cases in refund")
    assert before == prompt.read_bytes()


def test_a_case_left_out_has_to_be_in_one_of_the_groups(seen_twice: Project) -> None:
    check, value = groups()
    words = ("reject", "--group", check, "--group", value, "--reason", "no")
    assert {"late-parcel"} == {one["case_id"] for one in decide(*words, "--except", "broken-cup")["decisions"]}
    done = command(*words, "--except", "broken-cap")
    assert (2, True) == (done.exit_code, "a case that is left out is none of those meant" in flat(done.stderr))


def test_a_group_that_is_not_there_stops_all_of_them(seen_twice: Project) -> None:
    check, _ = groups()
    done = command("reject", "--group", check, "--group", "G0000000", "--reason", "no")
    assert (2, []) == (done.exit_code, log(seen_twice, "refund"))
    assert '"G0000000"' in done.stderr


def test_without_a_terminal_the_option_for_both_is_told(seen_twice: Project) -> None:
    check, value = groups()
    said = flat(command("review").stdout)
    assert f"2 of these in {value} drift too" in said
    assert f"--group {value} beside the other decides on both" in said
    assert f"--group {check} beside the other decides on both" in said


@pytest.mark.parametrize(("answer", "wanted"), [("\n", sorted(BOTH)), ("n\n", BOTH[::2])], ids=["yes", "no"])
def test_the_terminal_asks_whether_the_other_is_meant_too(
    seen_twice: Project, answer: str, wanted: list[tuple[str, str]]
) -> None:
    """Enter is yes: one reason and one day for both; `n` decides on the one that is shown alone."""
    terminal = Terminal(seen_twice)
    terminal.wait("check failed: the sum")
    terminal.answer(
        ("[q]uit [?]", "t"),
        ("reason:", "as agreed\n"),
        ("until", "2026-02-01\n"),
        ("at most", "\n"),
        ("all but", "\n"),
        ("tolerate that with it? (Y/n)", answer),
    )
    terminal.wait("tolerate: 2 cases")
    terminal.answer(("[q]uit [?]", "q"))
    assert 0 == terminal.end()
    assert sorted(wanted) == sorted(verdicts(seen_twice))


def test_the_other_is_counted_as_far_as_the_cases_meant(seen_twice: Project) -> None:
    """One left out of two: one of these is in the other group too; a name that is not there is told in whole lines."""
    terminal = Terminal(seen_twice)
    terminal.answer(("[q]uit [?]", "r"), ("reason:", "no\n"), ("all but", "no-such-case\n"))
    terminal.wait("names of cases alone, Enter leaves none")
    terminal.wait("\n  ")
    terminal.answer(("all but", "late-parcel\n"))
    terminal.wait("1 of these are in")
    terminal.answer(("(Y/n)", "\n"))
    terminal.wait("reject: 1 case")
    terminal.answer(("[q]uit [?]", "q"))
    assert 0 == terminal.end()
    assert [("reject", "broken-cup")] * 2 == verdicts(seen_twice)


def test_what_breaks_the_contract_is_not_accepted_with_the_other(seen_twice: Project) -> None:
    """The value can be accepted, the check beside it cannot: no question about it is asked."""
    terminal = Terminal(seen_twice)
    terminal.answer(("[q]uit [?]", "s"), ("[q]uit [?]", "s"))
    terminal.wait("$.amount value changed")
    terminal.answer(("[q]uit [?]", "a"), ("reason:", "\n"), ("all but", "\n"))
    terminal.wait("accept: 2 cases")
    terminal.answer(("[q]uit [?]", "q"))
    assert 0 == terminal.end()
    assert {"accept"} == {verdict for verdict, _ in verdicts(seen_twice)}


def test_rejected_together_both_fail_with_the_reason(seen_twice: Project) -> None:
    check, value = groups()
    decide("reject", "--group", check, "--group", value, "--reason", "wrong sum")
    golden = json.loads(seen_twice.golden("refund", "late-parcel").read_text("utf-8"))
    kinds = sorted(change["kind"] for one in golden["rejected"] for change in one["covers"])
    assert ["check_failed", "value_changed"] == kinds
