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
    assert "; 2 undecided." in page.locator("main").inner_text()


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
    assert "0 decisions on 0 cases here, 2 decisions on 2 cases written before; 2 undecided." in said
    rows = [row.inner_text() for row in page.locator("tbody tr").all()]
    assert [True, True] == ["by ada on 2026-01-16" in row and "as agreed" in row for row in rows]
    page.locator("tbody a", has_text="second").click()
    page.wait_for_selector('.case[data-row] >> text="second"')
    assert "rejected $.amount number -> string" in page.locator(".deciding p.made.reject").inner_text()
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
    assert "; 1 undecided." in page.locator("main.decisions").inner_text()
    page.goto(page.url.partition("#")[0] + "#/cases")
    page.wait_for_selector("main.cases")
    typed(page, "n")
    opened(page)
    typed(page, "R")
    page.locator("dialog input").first.fill("the queue is wrong")
    page.locator("dialog input").first.press("Enter")
    typed(page, "d")
    assert "; 0 undecided." in page.locator("main.decisions").inner_text()


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
    assert "undone: accepted first" == page.locator(".said").inner_text()
    assert "first" == opened(page)
    typed(page, "r", "Escape", "Escape")
    assert 0 == page.locator("dialog").count()
    assert 0 == page.locator(".case").count()
    typed(page, "d")
    assert "0 decisions on 0 cases; 4 undecided." in page.locator("main.decisions").inner_text()


def test_decisions_outlive_the_page(tab: Tab, report: Path) -> None:
    """Closed and opened again in the same browser, nothing decided is lost; taking it back is remembered too."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "a")
    page = tab.open(report, "#/decisions")
    assert "1 decision on 1 case; 3 undecided." in page.locator("main").inner_text()
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


def scrolled(page: Any, top: int) -> None:
    """Scroll, and wait until the page was told of it."""
    page.evaluate("top => scrollTo(0, top)", top)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert top == page.evaluate("scrollY")


def test_a_new_view_starts_at_its_top_and_back_returns(tab: Tab, report: Path) -> None:
    """By a link and by a key; typing in the filter does not jump."""
    tab.page.set_viewport_size({"width": 1400, "height": 300})
    page = tab.open(report, "#/overview")
    scrolled(page, 500)
    page.locator(".matrix a", has_text="refund").first.evaluate("one => one.click()")
    page.wait_for_selector("main.flow")
    assert 0 == page.evaluate("scrollY")
    scrolled(page, 400)
    page.keyboard.press("o")
    page.wait_for_selector("main.overview")
    assert 0 == page.evaluate("scrollY")
    for top in (400, 500):
        page.go_back()
        page.wait_for_function("top => scrollY === top", arg=top)
    page.goto(page.url.partition("#")[0] + "#/cases?c=refund~first~gpt-4.1")
    page.wait_for_selector(".case[data-row]")
    scrolled(page, 200)
    page.locator("#q").evaluate("one => (one.value = 'first', one.dispatchEvent(new Event('input')))")
    page.wait_for_function("location.hash.includes('q=first')")
    assert 200 == page.evaluate("scrollY")


def test_the_list_is_found_as_it_was_left(tab: Tab, tmp_path: Path) -> None:
    """By Back, by the keys and after a reload; another filter has a place of its own."""
    path = tmp_path / "many.html"
    write_page(path, [trial(compared(f"case-{number:03}"), judged(1, NOW, "gpt-4.1")) for number in range(200)])
    page = tab.open(path, "#/cases")
    ended = "new Promise(done => addEventListener('scrollend', () => done(), {once: true, capture: true}))"
    page.evaluate(f"(document.querySelector('.list').scrollTop = 3000, {ended})")
    for back in (page.go_back, lambda: typed(page, "c"), page.reload):
        if back != page.reload:
            typed(page, "d")
            page.wait_for_selector("main.decisions")
        back()
        page.locator(".row", has_text="case-066").wait_for()
        assert 3000 == page.evaluate("document.querySelector('.list').scrollTop")
    typed(page, "d")
    page.wait_for_selector("main.decisions")
    page.evaluate("location.hash = '#/cases?q=case'")
    page.locator(".row", has_text="case-001").wait_for()
    assert 0 == page.evaluate("document.querySelector('.list').scrollTop")


@pytest.mark.parametrize(
    ("answer", "box", "told"), [("", "empty", "is empty"), (" \n", "only blanks", "has only blanks")]
)
def test_an_empty_answer_is_said_to_be_empty(tab: Tab, report: Path, answer: str, box: str, told: str) -> None:
    """Not rewritten, and no blank box; as raw text too."""
    one = trial(compared("one", finding("$"), verdict=CaseVerdict.DRIFT), judged(1, answer, "gpt-4.1"))
    write_page(report, [one], [golden(CaseId("one"), "Dear Ann, your parcel is late.")])
    page = tab.open(report, "#/cases")
    typed(page, "n")
    opened(page)
    assert [f"The candidate's answer {told}."] == page.locator(".answers p.note").all_inner_texts()
    assert "Dear Ann, your parcel is late." == page.locator(".prose.before").inner_text()
    assert box == page.locator(".prose.after .note").inner_text()
    if not answer:
        typed(page, "x")
        assert "empty" == page.locator("pre[aria-label='candidate, raw text']").inner_text()


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
    """To be copied into a terminal: run the case again, decide on it, decide on a change by its title; quoted."""
    page = tab.open(report, "#/cases?q=case:first")
    typed(page, "n")
    assert "first" == opened(page)
    commands = dict(zip(*(page.locator(f".commands {part}").all_inner_texts() for part in ("dt", "code")), strict=True))
    assert "pytest --model gpt-4.1 -k 'refund and first'" == commands.pop("run it again")
    run, where = "--run 20261102-100000-ab12", "--flow refund --case first --candidate gpt-4.1"
    asked = {"accept": "", "reject": " --reason WHY", "tolerate": " --until DAY --reason WHY"}
    for verdict, more in asked.items():
        assert f"prompt-migrate {verdict} {run} {where}{more}" == commands.pop(f"{verdict} the case")
        command = commands.pop(f"{verdict} all with $.amount number -> string")
        assert command.startswith(f"prompt-migrate {verdict} {run} --group G")
        assert command.endswith(more)
    assert {} == commands
    page = tab.open(report, "#/cases?q=case:broken")
    typed(page, "n")
    assert "broken" == opened(page)
    assert ["run it again", "reject the case", "tolerate the case"] == page.locator(".commands dt").all_inner_texts()[
        :3
    ]


def test_buttons_are_alike_until_it_is_decided(tab: Tab, report: Path) -> None:
    """None looks pressed before; then the one that was."""
    page = tab.open(report, "#/cases?q=case:broken")
    typed(page, "n")
    opened(page)
    shown = "all => [...new Set(all.map(one => getComputedStyle(one).backgroundColor))].length"
    buttons = page.locator(".deciding .buttons button:enabled:not(.quiet)")
    assert (3, 1) == (buttons.count(), buttons.evaluate_all(shown))
    typed(page, "r")
    page.locator("#reason").fill("wrong")
    typed(page, "Enter")
    assert ["true"] == [one.get_attribute("aria-pressed") for one in page.locator(".deciding button.reject").all()]
    assert 2 == buttons.evaluate_all(shown)


def test_an_empty_reason_is_asked_for(tab: Tab, report: Path) -> None:
    """Enter says beside the field that one is needed, and leaves the question open."""
    page = tab.open(report, "#/cases?q=case:first")
    typed(page, "n", "r")
    page.wait_for_selector("dialog :focus")
    typed(page, "Enter")
    field = page.locator("dialog input[required]")
    told = page.locator(f"#{field.get_attribute('aria-describedby')}")
    assert ("polite", "true") == (told.get_attribute("aria-live"), field.get_attribute("aria-invalid"))
    assert "A reason is needed" in told.inner_text()
    page.keyboard.type("no")
    typed(page, "Enter")
    assert "rejected first; u undoes it" == page.locator(".said").inner_text()


def test_what_was_decided_by_itself_is_left_out_of_its_group(tab: Tab, report: Path) -> None:
    """Each such case is marked and counted, and one tick takes them in again; both counts of the panel agree."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "a")
    page.wait_for_selector('.case[data-row] >> text="second"')
    typed(page, "R")
    dialog = page.locator("dialog")
    assert "3 cases, 1 of them decided already: accepted 1." in dialog.inner_text()
    assert "accepted already" in dialog.locator(".members label", has_text="first").inner_text()
    ticked = "all => all.map(one => one.checked)"
    boxes = dialog.locator(".members input")
    assert [False, True, True] == boxes.evaluate_all(ticked)
    dialog.get_by_label("decide on these again too").check()
    assert ([True, True, True], "Reject 3 cases") == (boxes.evaluate_all(ticked), dialog.locator("h2").inner_text())
    dialog.get_by_label("decide on these again too").uncheck()
    page.locator("#reason").fill("a number")
    typed(page, "Enter")
    verdicts = {one["case_id"]: one["verdict"] for one in downloaded(page)["decisions"]}
    assert {"first": "accept", "second": "reject", "third": "reject"} == verdicts


def two_changes(path: Path, facts: Facts | None = None) -> dict[str, str]:
    """Write a page of one case that changed in two ways; return the groups by path."""
    label = finding("$.label", expected="late", actual="lost")
    amount = finding("$.amount", expected=3, actual="3")
    one = trial(compared("both", amount, label, verdict=CaseVerdict.DRIFT), judged(1, NOW, "gpt-4.1"))
    index = write_page(path, [one], [golden(CaseId("both"), TODAY)], facts=facts)
    return {group["path"]: group["id"] for group in index["groups"]}


def test_a_toleration_holds_over_a_rejection_of_the_case(tab: Tab, report: Path) -> None:
    """As runs count it: tolerated in all that changed, in part it is still rejected; each is told by its title."""
    groups = two_changes(report)
    before = replace(decided("both", "reject"), at="2026-01-15T11:00:00Z")
    some = [replace(decided("both", "tolerate", group), expires="2099-01-01") for group in groups.values()]
    alone = "The toleration is of that change alone: the rest of the case stays rejected."
    over = "The tolerations hold over the rejection."
    for held, standing, told in (
        (some[:1], "reject", alone),
        (some, "tolerate", over),
        ([*some, before], "tolerate", over),
    ):
        two_changes(report, Facts(decided=[before, *held]))
        page = tab.open(report, "#/cases")
        assert [standing] == page.locator(".row .state").all_inner_texts()
        page.locator(".row").click()
        opened(page)
        assert told in page.locator(".deciding .note").all_inner_texts()
    said = page.locator(".deciding").inner_text()
    assert 2 == said.count("until 2099-01-01")
    assert "tolerated $.label string -> string until 2099-01-01" in said
    assert "rejected the whole case" in said
    typed(page, "r")
    page.locator("#reason").fill("no")
    typed(page, "Enter")
    assert "rejected both; it is tolerated all the same" in page.locator(".said").inner_text()


def test_an_earlier_act_on_several_changes_is_one_row(tab: Tab, report: Path) -> None:
    """What was decided at once of a case is listed once, with the titles of its changes; the tab counts the same."""
    groups = two_changes(report)
    two_changes(report, Facts(decided=[decided("both", "reject", group) for group in groups.values()]))
    page = tab.open(report, "#/decisions")
    assert "1 decision on 1 case written before" in page.locator("main").inner_text()
    assert "Decisions 1" == page.locator("nav a", has_text="Decisions").inner_text()
    assert page.locator("nav a", has_text="Cases").inner_text().endswith(" undecided")
    about = page.locator("tbody td.path").all_inner_texts()
    assert {"$.amount number -> string", "$.label string -> string"} == {*about[0].split("; ")}


def test_half_decided_cases_are_counted_apart(tab: Tab, report: Path) -> None:
    """The line over the list and the page of decisions say the same, of what was skipped as well."""
    groups = two_changes(report)
    two_changes(report, Facts(decided=[decided("both", "accept", groups["$.label"])]))
    page = tab.open(report, "#/cases")
    assert "1 case, 0 undecided, 1 partly decided" == page.locator(".tally-line [role=status]").inner_text()
    typed(page, "d")
    assert "; 0 undecided, 1 partly decided. Go on" in page.locator("main.decisions").inner_text()
    typed(page, "c", "n")
    opened(page)
    typed(page, "s", "d")
    assert "; 0 undecided, 1 skipped. Go on" in page.locator("main.decisions").inner_text()
    typed(page, "c")
    assert "1 case, 0 undecided, 1 skipped" == page.locator(".tally-line [role=status]").inner_text()


def test_a_filter_is_met_as_the_page_spells_it(tab: Tab, report: Path) -> None:
    """Blanks and underscores are alike, the start of a word is enough, and what is tolerated has its verdict's name."""
    explained = finding("$.amount", expected=3, actual="3", explained="toleration")
    records = [trial(compared("broken", BREAK, verdict=CaseVerdict.BREAKING), judged(1, NOW, "gpt-4.1"))]
    records += [trial(compared("kept", explained, verdict=CaseVerdict.ACCEPTED), judged(1, NOW, "gpt-4.1"))]
    write_page(report, records, [golden(CaseId(case), TODAY) for case in ("broken", "kept")])
    found = {}
    for query in ("kind:not", 'kind:"not in enum"', "kind:NOT_IN", "verdict:tolerated", "verdict:acc", "verdict:brea"):
        page = tab.open(report, f"#/cases?q={query}")
        found[query] = page.locator(".row .case-name").all_inner_texts()
    broken, kept = ["broken"], ["kept"]
    assert [broken, broken, broken, kept, kept, broken] == list(found.values())
    assert ["breaking 1", "accepted or tolerated 1"] == page.locator(".chip").all_inner_texts()[:2]
    page.locator(".row").click()
    page.keyboard.press("c")
    page.locator(".row", has_text="kept").click()
    assert "accepted or tolerated" == page.locator(".case h1 .pill").inner_text()


def test_a_filter_that_finds_nothing_says_which_part(tab: Tab, report: Path) -> None:
    """The term that finds nothing by itself; where each finds some, that none has all. The placeholder is not cut."""
    page = tab.open(report, "#/cases?q=kind:brokn%20verdict:drift")
    assert "No case passes this filter. kind:brokn finds nothing by itself" in page.locator(".none").inner_text()
    page = tab.open(report, "#/cases?q=case:fine%20verdict:drift")
    assert "Each of its terms finds some, but no case has all of them." in page.locator(".none").inner_text()
    page = tab.open(report, "#/cases")
    fits = "one => { one.value = one.placeholder; return one.scrollWidth <= one.clientWidth }"
    assert page.locator("#q").evaluate(fits)
