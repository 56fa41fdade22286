"""`review --web` in a real browser: what is decided is in goldens and prompt files at once, and undone there too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from report_browser import Tab
from report_served import Served
from small_project import LATE, Project

from migrate.cli import main

MODEL = ("-q", "--model", "gpt-4.1", "--migrate-offline", "--fail-on", "breaking,drift")


class Reviewed(Served):
    """The report's page, on which decisions are made."""

    def go(self, query: str) -> None:
        """Show the cases of a filter with the first undecided one open."""
        self.page.evaluate(f"location.hash = '#/cases?q={query}'")
        self.page.wait_for_selector(".row")
        self.page.keyboard.press("n")
        self.page.wait_for_selector(".case[data-row]")

    def answer(self, reason: str, **fields: str) -> None:
        """Answer the question that is open: a reason, and what else it asks for."""
        self.page.wait_for_selector("dialog :focus")
        self.page.keyboard.type(reason)
        for kind, value in fields.items():
            self.page.locator(f'dialog input[type="{kind}"]').fill(value)
        self.page.keyboard.press("Enter")


@pytest.fixture
def served(replayed: Project, tab: Tab) -> Iterator[Reviewed]:
    """A review that was just begun."""
    one = Reviewed(replayed, tab)
    yield one
    one.kill()


def written(project: Project) -> dict[str, bytes]:
    """Return goldens and prompt files, without the log that only grows."""
    files = project.files("fixtures") | project.files("prompts")
    return {name: content for name, content in files.items() if not name.endswith("decisions.jsonl")}


def counted(project: Project) -> tuple[int, int]:
    """Return how many approvals and rejections the golden of `late-parcel` holds."""
    golden = json.loads(project.golden("refund", "late-parcel").read_text("utf-8"))
    return len(golden["approved"]), len(golden.get("rejected", ()))


def log(project: Project) -> list[tuple[str, str, str]]:
    path = project.root / "fixtures" / "refund" / "decisions.jsonl"
    entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(one["verdict"], one["case"], one["reviewer"]) for one in entries]


def test_an_accepted_group_is_written_at_once_and_passes_on_the_next_run(served: Reviewed, replayed: Project) -> None:
    """Two cases with one key and one confirmation; the terminal sums them up with a commit message."""
    served.go("verdict:drift%20flow:refund")
    served.page.keyboard.press("A")
    served.page.get_by_role("button", name="accept 2 cases").click()
    served.wait("written: 2 decisions")
    assert "2 written" == served.page.locator(".pill.writer").inner_text()

    said = served.end()

    assert "accepted: 2 decisions on 2 cases (gpt-4.1)" in said
    assert "git commit -m 'Review of a model migration: accept 2 cases of refund" in said
    replayed.run(*MODEL)
    flow = next(one for one in replayed.compared()["flows"] if one["flow"] == "refund")
    assert {"accepted": 2, "breaking": 1} == {name: count for name, count in flow["verdicts"].items() if count}


def test_rejected_and_tolerated_are_written_with_reason_bound_and_day(served: Reviewed, replayed: Project) -> None:
    """A rejection stands beside the golden; a toleration in the prompt file ends on its day, then it fails again."""
    served.go("case:late-parcel")
    served.page.keyboard.press("r")
    served.answer("we would pay too much")
    served.wait("written: 1 decision")
    served.go("case:lost.letter")
    served.page.keyboard.press("t")
    served.answer("mended in 2.4", date="2026-02-01", number="2")
    served.wait("written: 1 decision")
    assert "the case" not in served.end()

    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert [("ada", "we would pay too much")] == [(one["reviewer"], one["reason"]) for one in golden["rejected"]]
    prompt = (replayed.root / "prompts" / "refund.prompt.yml").read_text("utf-8")
    assert ["  at_most: 2", '  reason: "mended in 2.4"', '  expires: "2026-02-01"'] == [
        line.removeprefix("  ") for line in prompt.splitlines()[-4:-1]
    ]
    for day, broken in (("2026-02-01", 1), ("2026-02-02", 2)):
        replayed.run(*MODEL, "--migrate-as-of", day)
        flow = next(one for one in replayed.compared()["flows"] if one["flow"] == "refund")
        assert broken == flow["verdicts"]["breaking"]


def test_undo_leaves_everything_as_it_was(served: Reviewed, replayed: Project) -> None:
    """Accepted, rejected and tolerated, then `u` as often: goldens and prompt files are the same bytes again."""
    before = written(replayed)
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision, accept of late-parcel; u undoes it")
    served.go("case:broken-cup")
    served.page.keyboard.press("r")
    served.answer("no")
    served.wait("written: 1 decision, reject of broken-cup")
    served.go("case:lost.letter")
    served.page.keyboard.press("t")
    served.answer("known", date="2026-02-01")
    served.wait("written: 1 decision, tolerate of lost.letter")
    assert before != written(replayed)
    for left, gone in (
        ("2 written", "tolerate of lost.letter"),
        ("1 written", "reject of broken-cup"),
        ("0 written", "accept of late-parcel"),
    ):
        served.page.keyboard.press("u")
        served.page.locator(".pill.writer", has_text=left).wait_for()
        served.wait(f"taken back: 1 decision, {gone}")
        served.page.locator(".case h1", has_text=gone.rpartition(" ")[2]).wait_for()
    assert before == written(replayed)
    undone = [(case, reviewer) for verdict, case, reviewer in log(replayed) if verdict == "undo"]
    assert [("lost.letter", "ada"), ("broken-cup", "ada"), ("late-parcel", "ada")] == undone
    assert "nothing was decided" in served.end()
    assert not (replayed.root / "fixtures" / "refund" / "decisions.jsonl").exists()


def test_undo_of_a_group_leaves_what_was_decided_of_a_member_before(served: Reviewed, replayed: Project) -> None:
    """Accepted by itself, then with its group: the undo of the group is refused nowhere, and nothing stays behind."""
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    before = written(replayed)
    served.go("case:broken-cup")
    served.page.keyboard.press("A")
    served.page.wait_for_selector("dialog")
    served.page.locator("dialog label", has_text="decide on these again too").locator("input").check()
    served.page.locator("dialog button[type=submit]").click()
    served.page.locator(".pill.writer", has_text="3 written").wait_for()
    served.page.keyboard.press("u")
    served.page.locator(".pill.writer", has_text="1 written").wait_for()
    assert before == written(replayed)
    served.page.keyboard.press("d")
    assert 0 == served.page.get_by_text("it was not written in this review").count()
    assert "accepted: 1 decision on 1 case" in served.end()


def test_what_one_key_decided_is_taken_back_as_one_another_day(served: Reviewed, replayed: Project) -> None:
    """The cases of a group have one time: `review --undo` finds all of them again, and nothing else of the session."""
    before = written(replayed)
    served.go("case:call-back")
    served.press("a", "written: 1 decision")
    served.go("verdict:drift%20flow:refund")
    served.page.keyboard.press("A")
    served.page.get_by_role("button", name="accept 2 cases").click()
    served.wait("written: 2 decisions")
    served.end()

    for said in ("taken back: accept of 2 cases in refund", "taken back: accept of call-back in notes"):
        assert CliRunner().invoke(main, ["review", "--undo"]).stdout.startswith(said)
    assert before == written(replayed)


def test_a_change_that_two_rules_see_is_decided_on_once(replayed: Project, tab: Tab) -> None:
    """The other group at the same place is ticked in the question: one key, one reason, and one undo."""
    checks = '\nchecks:\n  - {number: {equals: "{{ expected.amount }}"}, path: $.amount, name: the sum}\n'
    prompt = replayed.root / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8").rstrip("\n") + checks, "utf-8")
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-offline")
    before = written(replayed)
    served = Reviewed(replayed, tab)
    try:
        served.go("case:late-parcel")
        served.page.keyboard.press("R")
        twin = served.page.locator("dialog .twin")
        twin.wait_for()
        assert "$.amount value changed" in twin.inner_text()
        assert twin.locator("input").is_checked()
        served.answer("wrong sum")
        served.wait("written: 4 decisions")
        assert {"reject"} == {verdict for verdict, _, _ in log(replayed)}
        served.page.keyboard.press("u")
        served.page.locator(".pill.writer", has_text="0 written").wait_for()
        assert before == written(replayed)

        served.page.keyboard.press("R")
        twin.locator("input").uncheck()
        served.page.locator("dialog input[required]").focus()
        served.answer("wrong sum")
        served.wait("written: 2 decisions")
        served.end()
    finally:
        served.kill()


def test_what_others_decided_meanwhile_stays_in_the_log(served: Reviewed, replayed: Project) -> None:
    """A session that took its own back drops no line where somebody else decided in between."""
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    words = ("--case", "broken-cup", "--reason", "no", "--reviewer", "bob")
    assert 0 == CliRunner().invoke(main, ["reject", *words]).exit_code
    served.page.keyboard.press("u")
    served.page.locator(".pill.writer", has_text="0 written").wait_for()
    assert "nothing was decided" in served.end()
    assert [("accept", "ada"), ("reject", "bob"), ("undo", "ada")] == [(what, who) for what, _, who in log(replayed)]


def test_another_verdict_takes_the_place_of_the_first(served: Reviewed, replayed: Project) -> None:
    """Rejected, then accepted: the golden holds the approval alone, and undo brings the rejection back."""
    served.go("case:late-parcel")
    served.page.keyboard.press("r")
    served.answer("no")
    served.wait("written: 1 decision")
    served.page.evaluate("location.hash = '#/cases?q=case:late-parcel&c=refund~late-parcel~gpt-4.1'")
    served.page.wait_for_selector(".case[data-row] .made.reject")
    served.page.keyboard.press("a")
    served.page.wait_for_selector(".case[data-row] .made.accept")
    served.wait("written: 1 decision")
    assert (1, 0) == counted(replayed)
    served.page.keyboard.press("u")
    served.page.wait_for_selector(".case[data-row] .made.reject")
    served.wait("written: 1 decision")
    assert (0, 1) == counted(replayed)
    served.end()


def test_after_another_replay_the_page_is_refused(served: Reviewed, replayed: Project) -> None:
    """Answers nobody saw are not blessed: the page says why, keeps the case undecided, and nothing is written."""
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 99}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    before = written(replayed)
    served.go("case:late-parcel")
    served.press("a", "refused: 1 decision: the candidate's answers are others now")
    served.page.keyboard.press("d")
    assert "late-parcel" in served.page.locator(".refusals").inner_text()
    assert "0 decisions" in served.page.locator("main").inner_text()
    assert before == written(replayed)
    assert "nothing was decided" in served.end()


def test_two_reviewers_at_once(served: Reviewed, replayed: Project, tabs: Any) -> None:
    """Two reviews of one run at the same time: each decides, the same case and another; nothing of either is lost."""
    other = Reviewed(replayed, tabs(), reviewer="bob")
    served.go("case:late-parcel")
    other.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    other.page.keyboard.press("r")
    other.answer("not so fast")
    other.wait("written: 1 decision")
    other.go("case:broken-cup")
    other.press("a", "written: 1 decision")
    served.page.keyboard.press("u")
    served.wait("it was decided on again since")
    assert [("accept", "late-parcel", "ada"), ("reject", "late-parcel", "bob"), ("accept", "broken-cup", "bob")] == log(
        replayed
    )
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ([], ["bob"]) == (golden["approved"], [one["reviewer"] for one in golden["rejected"]])
    other.end()
    served.end()


def test_a_page_that_is_opened_again_knows_what_was_decided(served: Reviewed) -> None:
    """Reloaded, the page shows what this review wrote; after its end it says so and writes nothing."""
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    served.page.reload()
    served.page.wait_for_selector("html[data-ready]")
    assert "1 written" == served.page.locator(".pill.writer").inner_text()
    served.end()
    served.go("case:broken-cup")
    served.press("a", "not written")
    served.page.keyboard.press("d")
    assert "1 decision not written" in served.page.locator('[role="alert"]').inner_text()


def test_a_review_begun_after_decisions_shows_them(replayed: Project, tab: Tab) -> None:
    """What the command line decided since the run is told at the page, by whom; the rest is still undecided."""
    words = ("--case", "late-parcel", "--reason", "too much", "--reviewer", "bob")
    assert 0 == CliRunner().invoke(main, ["reject", *words]).exit_code
    served = Reviewed(replayed, tab)
    served.page.keyboard.press("d")
    served.page.wait_for_selector(".decisions tbody tr")
    said = served.page.locator("main").inner_text()
    assert "0 decisions on 0 cases here, 1 decision on 1 case written before" in said
    assert "by bob on 20" in said
    assert "nothing was decided" in served.end()


def test_the_page_asks_its_own_server_alone(served: Reviewed, tab: Tab) -> None:
    """Every request goes to the address of the link; the address bar holds no token, and scripts see no cookie."""
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    origin = served.link.partition("/?")[0]
    assert [] == [url for url in tab.asked if not url.startswith(origin)]
    assert ("", False) == (served.page.evaluate("document.cookie"), "token" in served.page.url)
    served.end()


def test_decisions_about_the_run_are_pages_here_too(replayed: Project, tab: Tab) -> None:
    """A plan that the report would show beside its own pages is shown by the page that is served."""
    decided = json.loads((Path(__file__).parent / "decided" / "canary-plan.json").read_text("utf-8"))
    for flow in decided["flows"]:
        flow["evidence"]["run"] = replayed.compared()["run"]["id"]
    (replayed.root / "plan.json").write_text(json.dumps(decided), "utf-8")
    served = Reviewed(replayed, tab)
    try:
        served.page.get_by_role("link", name="Canary").click()
        served.page.locator("h1", has_text="Canary").wait_for()
        assert decided["plan_id"] in served.page.locator("main").inner_text()
        served.end()
    finally:
        served.kill()


def test_the_page_served_keeps_the_rules_of_access(served: Reviewed, axe: str) -> None:
    """WCAG 2.2 AA on the views that only a served page has."""
    served.go("case:late-parcel")
    served.press("a", "written: 1 decision")
    served.page.keyboard.press("d")
    served.page.evaluate(axe)
    found = served.page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
    assert [] == [one["id"] for one in found["violations"]]
    served.end()
