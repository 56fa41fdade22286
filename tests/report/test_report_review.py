"""A review with the keyboard alone, in a real browser, from a file: what is decided is what is downloaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from measured import compared, finding, replay
from report_browser import Tab
from report_stage import documents_of, golden, judged, trial, write_page

from migrate.presenting.report import Facts
from migrate.reviewing import seen_digest
from migrate.vocabulary import Approval, CaseId, CaseVerdict, Decision, FindingKind, FlowName, JsonPath, Rung, Severity

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
BREAK = finding(
    "$.label",
    FindingKind.NOT_IN_ENUM,
    severity=Severity.BREAKING,
    rung=Rung.SCHEMA,
    expected=["late", "lost"],
    actual="delayed",
    message="not one of the listed values",
)
TODAY, NOW = '{"label": "late", "amount": 3}', '{"label": "late", "amount": "3"}'
CASES = ("first", "second", "third")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Three cases that drift alike, one that breaks, two that are fine."""
    return drifting(tmp_path / "index.html")


def drifting(path: Path, facts: Facts | None = None, verdict: CaseVerdict = CaseVerdict.DRIFT) -> Path:
    drift = finding("$.amount", expected=3, actual="3")
    records = [trial(compared(case, drift, verdict=verdict), judged(1, NOW, "gpt-4.1")) for case in CASES]
    broken = judged(1, '{"label": "delayed", "amount": 3}', "gpt-4.1", rungs={Rung.SCHEMA: False})
    records += [trial(compared("broken", BREAK, verdict=CaseVerdict.BREAKING), broken)]
    records += [trial(compared(case), judged(1, TODAY, "gpt-4.1")) for case in ("fine", "good")]
    write_page(path, records, [golden(one.comparison.case, TODAY) for one in records], facts=facts)
    return path


def opened(page: Any) -> str:
    """Return the name of the open case, once it is shown."""
    page.wait_for_selector(".case[data-row]")
    return str(page.locator(".case h1").inner_text().split()[0])


def typed(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def downloaded(page: Any) -> dict[str, Any]:
    """Return decisions.json as the browser saves it, checked against its published form."""
    typed(page, "d")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="download decisions.json").click()
    document: dict[str, Any] = json.loads(Path(waiting.value.path()).read_text("utf-8"))
    schema = json.loads((SCHEMAS / "decisions.schema.json").read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(document)
    return document


def test_keys_go_through_everything_undecided_worst_first(tab: Tab, report: Path) -> None:
    """`n` opens the worst case, then the next undecided one; cases without a decision to make are passed over."""
    page = tab.open(report, "#/cases")
    for case in ("broken", *CASES):
        typed(page, "n")
        page.locator(".case[data-row] h1", has_text=case).wait_for()
    typed(page, "n")
    page.locator(".said", has_text="no undecided case after this one").wait_for()


def test_one_case_accepted_one_rejected_one_tolerated(tab: Tab, report: Path) -> None:
    """Accepting says nothing more; rejecting asks for a reason, tolerating for a reason and a day. All carry hashes."""
    page = tab.open(report, "#/cases")
    typed(page, "n", "r")
    page.wait_for_selector("dialog :focus")
    page.keyboard.type("the label is wrong")
    typed(page, "Enter")
    assert "first" == opened(page)
    typed(page, "a")
    page.wait_for_selector('.case[data-row] >> text="second"')
    typed(page, "t")
    page.wait_for_selector("dialog :focus")
    page.keyboard.type("until the parser is mended")
    page.locator('dialog input[type="date"]').fill("2099-06-30")
    typed(page, "Enter")
    decisions = {one["case_id"]: one for one in downloaded(page)["decisions"]}
    assert {"broken": "reject", "first": "accept", "second": "tolerate"} == {
        case: one["verdict"] for case, one in decisions.items()
    }
    assert ("the label is wrong", "2099-06-30") == (decisions["broken"]["reason"], decisions["second"]["expires"])
    assert "$.amount" == decisions["second"]["path"]
    seen = seen_digest([judged(1, NOW, "gpt-4.1")])
    assert ("a" * 64, seen) == (decisions["first"]["base_sha256"], decisions["first"]["candidate_sha256"])


def test_a_group_is_accepted_but_for_one(tab: Tab, report: Path) -> None:
    """`A` asks once for all cases that share the change; a case that is left out stays undecided."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "A")
    page.locator(".members label", has_text="third").locator("input").uncheck()
    page.get_by_role("button", name="accept 2 cases").click()
    document = downloaded(page)
    assert ["first", "second"] == sorted(one["case_id"] for one in document["decisions"])
    (group,) = {one["group"] for one in document["decisions"]}
    assert group.startswith("G")
    assert "2 cases still undecided" in page.locator("main").inner_text()


def test_a_broken_contract_cannot_be_accepted(tab: Tab, report: Path) -> None:
    """Neither by key nor by button; the page says what can be done instead."""
    page = tab.open(report, "#/cases")
    typed(page, "n")
    assert "broken" == opened(page)
    typed(page, "a")
    assert "a broken contract cannot be accepted" in page.locator(".said").inner_text()
    assert page.get_by_role("button", name="accept a").is_disabled()
    typed(page, "d")
    assert "0 decisions" in page.locator("main.decisions").inner_text()


def decided(case: str, verdict: Any, group: str | None = None, path: str | None = None) -> Decision:
    place = None if path is None else JsonPath(path)
    words = {"reason": "as agreed", "reviewer": "ada", "at": "2026-01-16T09:00:00Z"}
    return Decision(FlowName("refund"), CaseId(case), "gpt-4.1", verdict, None, "", group, place, **words)


def test_what_was_written_since_the_run_is_decided(tab: Tab, report: Path) -> None:
    """A page made after decisions shows who decided what; `n` passes over those cases, and no command offers them."""
    made = [decided("first", "accept"), decided("second", "reject", path="$.amount"), decided("fine", "accept")]
    drifting(report, Facts(decided=made))
    page = tab.open(report, "#/cases")
    typed(page, "n", "n")
    page.wait_for_selector('.case[data-row] >> text="third"')
    assert "accept the case" in page.locator("main").inner_text()
    typed(page, "d")
    said = page.locator("main.decisions").inner_text()
    assert "0 decisions on 0 cases here, 2 decisions on 2 cases written before; 2 cases still undecided" in said
    rows = [row.inner_text() for row in page.locator("tbody tr").all()]
    assert [True, True] == ["by ada on 2026-01-16" in row and "as agreed" in row for row in rows]
    page.locator("tbody a", has_text="second").click()
    page.wait_for_selector('.case[data-row] >> text="second"')
    assert "rejected for G" in page.locator(".deciding p.made.reject").inner_text()
    assert "accept the case" not in page.locator("main").inner_text()


def test_what_was_decided_before_the_run_is_listed_apart(tab: Tab, report: Path) -> None:
    """What stood when the run began, by whom and until when, also of cases with nothing to decide."""
    until = replace(decided("first", "tolerate"), expires="2026-02-01", at_most=2)
    drifting(report, Facts(counted=[until, decided("fine", "accept", path="$.amount")]))
    page = tab.open(report, "#/decisions")
    said = page.locator("main").inner_text()
    assert "Nothing was decided on this page yet" in said
    assert "2 decisions on this run's flows, which it counts" in said
    first, fine = [row.inner_text() for row in page.locator("main section tbody tr").all()]
    assert all(word in first for word in ("tolerated until 2026-02-01, in at most 2 samples", "ada on 2026-01-16"))
    assert all(word in fine for word in ("fine", "accepted", "$.amount", "as agreed"))
    drifting(report, Facts())
    said = tab.open(report, "#/decisions").locator("main").inner_text()
    assert "The logs hold none of this run's flows" in said
    assert "prompt-migrate compare --run" in said


def test_an_approval_is_named_with_its_reviewer_day_and_candidate(tab: Tab, tmp_path: Path) -> None:
    """What explains a difference says who accepted whose answer, when and why; two of one act are told once."""
    explained = finding("$.amount", expected=3, actual="3", explained="approval")
    answer = judged(1, NOW, "gpt-4.1").sample.answer
    assert answer is not None
    one = Approval(answer, "gpt-4.1", "ada", "nobody adds it up", "s", "2026-01-12T09:00:00Z")
    before = replace(golden("first", TODAY), approved=(one, one, replace(one, candidate="gpt-4.1-mini", reviewer="")))
    record = trial(compared("first", explained, verdict=CaseVerdict.ACCEPTED), judged(1, NOW, "gpt-4.1"))
    write_page(tmp_path / "index.html", [record], [before])
    page = tab.open(tmp_path / "index.html", "#/cases?c=refund~first~gpt-4.1")
    assert [
        "an answer of gpt-4.1 was accepted by ada on 2026-01-12: nobody adds it up",
        "an answer of gpt-4.1-mini was accepted by a reviewer on 2026-01-12: nobody adds it up",
    ] == page.locator(".approvals li").all_inner_texts()


def test_a_candidate_that_leaves_is_told_on_the_first_page(tab: Tab, tmp_path: Path) -> None:
    """When it leaves its API stands under the verdict, in the words of the terminal."""
    told = "gpt-4.1 leaves the API on 2027-01-14, in 364 days, no later than gpt-4o: another move follows by then"
    page = tab.open(drifting(tmp_path / "index.html", Facts(leaving=[told])), "#/overview")
    assert told in page.locator("header.headline").inner_text()


def test_what_was_rejected_before_the_run_is_decided(tab: Tab, report: Path) -> None:
    """A change that was rejected and is there again fails on purpose: `n` passes over it, and the run counted it."""
    drifting(report)
    groups = documents_of(report.read_text("utf-8"))["index"]["groups"]
    (group,) = (one["id"] for one in groups if one["path"] == "$.amount")
    made = replace(decided("first", "reject", group), at="2026-01-14T09:00:00Z")
    drifting(report, Facts(decided=[made]))
    page = tab.open(report, "#/cases")
    typed(page, "n", "n")
    page.wait_for_selector('.case[data-row] >> text="second"')
    page.goto(page.url.partition("#")[0] + "#/decisions")
    page.locator("tbody a", has_text="first").click()
    page.wait_for_selector('.case[data-row] >> text="first"')
    assert "on 2026-01-14, before this run, which counts it" in page.locator(".deciding p.made.reject").inner_text()


def test_one_rejected_change_settles_a_case(tab: Tab, report: Path) -> None:
    """A case that changed in two ways and is rejected for one of them has to be mended: it is not asked for again."""
    label = finding("$.label", expected="late", actual="lost")
    amount = finding("$.amount", expected=3, actual="3")
    one = trial(compared("both", amount, label, verdict=CaseVerdict.DRIFT), judged(1, NOW, "gpt-4.1"))
    write_page(report, [one], [golden(CaseId("both"), TODAY)])
    page = tab.open(report, "#/cases")
    typed(page, "n")
    page.locator(".group-buttons, .deciding").first.wait_for()
    typed(page, "d")
    assert "1 case still undecided" in page.locator("main.decisions").inner_text()
    page.goto(page.url.partition("#")[0] + "#/cases")
    typed(page, "n", "R")
    page.locator("dialog input").first.fill("the queue is wrong")
    page.locator("dialog input").first.press("Enter")
    typed(page, "d")
    assert "0 cases still undecided" in page.locator("main.decisions").inner_text()


def test_a_number_and_its_text_can_be_told_apart(tab: Tab, report: Path) -> None:
    """A value that became a text is shown in quotes: `9.4` and `"9.4"`."""
    drifting(report)
    page = tab.open(report, "#/cases")
    page.wait_for_selector("[role=row], .row, .case")
    typed(page, "n", "n")
    page.wait_for_selector('.case[data-row] >> text="first"')
    sides = page.locator(".finding-list .sides").first.inner_text()
    assert ("3", '"3"') == tuple(word for word in sides.split() if "3" in word)


def test_a_toleration_is_offered_from_the_day_that_runs_are_judged_as_of(tab: Tab, report: Path) -> None:
    """Ninety days after a pinned day, whatever the calendar says."""
    broken = trial(compared("broken", BREAK, verdict=CaseVerdict.BREAKING), judged(1, NOW, "gpt-4.1"))
    write_page(report, [broken], [golden(CaseId("broken"), TODAY)], run=replay(as_of="2026-01-15"))
    page = tab.open(report, "#/cases")
    typed(page, "n")
    page.wait_for_selector(".case[data-row]")
    typed(page, "t")
    day = page.locator("dialog input[type=date]")
    assert "2026-04-15" == day.input_value()
    day.fill("2026-01-14")
    page.locator("dialog [role=alert]", has_text="That day is over: runs are judged as of 2026-01-15").wait_for()


def test_a_case_that_fails_as_rejected_can_still_be_accepted(tab: Tab, report: Path) -> None:
    """No contract is broken, whatever the verdict: the button is there as it is for its group."""
    drifting(report, Facts(), CaseVerdict.BREAKING)
    page = tab.open(report, "#/cases?q=case:first")
    typed(page, "n")
    page.wait_for_selector('.case[data-row] >> text="first"')
    assert page.get_by_role("button", name="accept a", exact=True).is_enabled()
    typed(page, "a")
    assert ["accept"] == [one["verdict"] for one in downloaded(page)["decisions"]]


def test_undo_takes_back_the_last_decision_and_escape_never_decides(tab: Tab, report: Path) -> None:
    """`u` undoes a group at once; Escape leaves the question, then the case, and nothing was rejected."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "a", "u")
    assert "undone" == page.locator(".said").inner_text()
    typed(page, "p")
    typed(page, "n", "r", "Escape", "Escape")
    assert 0 == page.locator("dialog").count()
    assert 0 == page.locator(".case").count()
    typed(page, "d")
    assert "0 decisions on 0 cases; 4 cases still undecided" in page.locator("main.decisions").inner_text()


def test_decisions_outlive_the_page(tab: Tab, report: Path) -> None:
    """Closed and opened again in the same browser, nothing decided is lost; taking it back is remembered too."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "a")
    page = tab.open(report, "#/decisions")
    assert "1 decision on 1 case; 3 cases still undecided" in page.locator("main").inner_text()
    page.get_by_role("button", name="take back").click()
    page = tab.open(report, "#/decisions")
    assert "0 decisions" in page.locator("main").inner_text()


def test_a_view_is_a_link(tab: Tab, report: Path) -> None:
    """Filter, case and layout stand in the hash: opened elsewhere, the same is shown."""
    page = tab.open(report, "#/cases")
    page.get_by_role("group", name="Verdict").get_by_role("button", name="drift 3").click()
    typed(page, "n", "n", "v")
    page.wait_for_selector(".unified")
    hash_ = page.evaluate("location.hash")
    page = tab.open(report, hash_)
    assert "second" == opened(page)
    assert (3, 1) == (page.locator(".row").count(), page.locator(".unified").count())


def test_filters_count_what_they_would_show(tab: Tab, report: Path) -> None:
    """Chips carry counts beside the other filters; words, paths and texts of answers narrow the list."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    verdicts = page.get_by_role("group", name="Verdict").get_by_role("button").all_inner_texts()
    assert ["drift 3", "breaking 1", "same 2"] == verdicts
    found = {}
    for query in ("second", "path:$.amount", "path:$.label", "text:delayed", "nothing-like-it"):
        page.locator("#q").fill(query)
        page.wait_for_function("!document.querySelector('.search .note')")
        page.wait_for_timeout(100)
        found[query] = page.locator(".row .case-name").all_inner_texts()
    assert {
        "second": ["second"],
        "path:$.amount": ["first", "second", "third"],
        "path:$.label": ["broken"],
        "text:delayed": ["broken"],
        "nothing-like-it": [],
    } == found


def test_the_difference_is_shown_by_path(tab: Tab, report: Path) -> None:
    """What changed has a row with both sides and a word for the change; equal values fold into a count."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n")
    opened(page)
    row = page.locator(".tree-row.leaf.type")
    assert ["amount", "3", '"3"'] == [
        row.locator(part).inner_text().strip("≠ ") for part in (".key", ".before", ".after")
    ]
    assert "1 equal value" in page.locator(".tree-row.fold").inner_text()
    typed(page, "x")
    assert [TODAY, NOW] == page.locator(".answers pre").all_inner_texts()


def test_what_can_be_done_is_there_as_commands(tab: Tab, report: Path) -> None:
    """To be copied into a terminal: run the case again, decide on it, decide on its group; quoted for a shell."""
    page = tab.open(report, "#/cases?q=case:first")
    typed(page, "n")
    assert "first" == opened(page)
    commands = page.locator(".commands code").all_inner_texts()
    assert "pytest --model gpt-4.1 -k 'refund and first'" == commands[0]
    run = "prompt-migrate accept --run 20261102-100000-ab12"
    assert f"{run} --flow refund --case first --candidate gpt-4.1" == commands[1]
    assert commands[2].startswith(f"{run} --group G")
