"""The pages of decisions in a real browser: every picture beside a table of the same figures, and honest labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from measured import compared, replay
from report_browser import Tab
from report_stage import judged, trial, write_page

from migrate.presenting.report import Facts

DECIDED = Path(__file__).parent / "decided"
FILES = {"route": "route.json", "canary": "canary-plan.json", "check": "canary-check.json"}
RUN = "20261129-183344-8a13"


def documents(*names: str) -> dict[str, Any]:
    return {name: json.loads((DECIDED / FILES[name]).read_text("utf-8")) for name in names}


def written(path: Path, pages: dict[str, Any], run: str = RUN) -> Path:
    """A page about a run, with these decisions."""
    made = replay(id=run, simulated=True, finished_at="2026-01-15T10:05:00Z")
    write_page(path, [trial(compared("one"), judged(1, "yes", "gpt-4.1"))], facts=Facts(pages=pages), run=made)
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return written(tmp_path / "index.html", documents("route", "canary", "check"))


def rows(page: Any, caption_or_head: str) -> list[list[str]]:
    """Return the cells of the first table that says this in its head or caption."""
    table = page.locator(
        "table", has=page.locator(f"caption:has-text('{caption_or_head}'), th:has-text('{caption_or_head}')")
    ).first
    # What is opened by a click is drawn a moment later.
    table.locator("tbody tr").first.wait_for(state="attached")
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]


def test_a_plan_and_its_check_share_a_page(tab: Tab, report: Path) -> None:
    """Two tabs beside the report's own: Route and Canary."""
    page = tab.open(report)
    tabs = page.locator("nav[aria-label=Views] a").all_inner_texts()
    assert ["Route", "Canary"] == tabs[-2:]


def test_a_route_is_told_flow_by_flow(tab: Tab, tmp_path: Path) -> None:
    """A row a flow as the terminal prints it, why under it; a plot of cost against quality, and its table."""
    pages = documents("route")
    row = {"flow": "invoice-extraction", "route": "gpt-4o", "candidate": "gpt-4.1", "verdict": "keep: worse"}
    row |= {"$/month": "-", "risk": "-", "cases": "no help"}
    pages["route"] |= {"legend": {"$/month": "saved, or at stake", "cases": "more that are needed"}}
    for flow in pages["route"]["flows"]:
        flow["printed"] = {"row": row | {"flow": flow["flow"]}, "why": [*flow["reasons"], "p95 0.84x, n 4"]}
    page = tab.open(written(tmp_path / "index.html", pages), "#/page/route")
    assert [*row.values()] == rows(page, "$/month")[0]
    said = page.locator("main").inner_text()
    assert "$/month: saved, or at stake; cases: more that are needed" in said
    assert 2 == said.count("p95 0.84x, n 4")
    assert 2 == page.locator("svg.plane[aria-label^='Cost of an answer']").count()
    points = page.locator("svg.plane").last.locator(".mark").count()
    page.locator("summary:has-text('The plot as a table')").last.click()
    assert points == len(rows(page, "models, first asked first"))
    assert "Simulated: no real model answered." in said


def test_a_route_of_an_earlier_version_is_shown_still(tab: Tab, report: Path) -> None:
    """Without what the terminal printed: flow, model and verdict, and the reasons."""
    page = tab.open(report, "#/page/route")
    assert ["invoice-extraction", "gpt-4o", "keep baseline"] == rows(page, "verdict")[0]
    assert "contract at least" in page.locator("section", has_text="invoice-extraction").first.inner_text()


def test_a_canary_headline_claims_no_more_than_the_plan(tab: Tab, tmp_path: Path) -> None:
    """What the replay speaks against is counted apart, and nothing is said of it where there is none."""
    pages = documents("canary")
    path = tmp_path / "index.html"
    assert "Canary: 1 of 2 flows ready" == tab.open(written(path, pages), "#/page/canary").locator("h1").inner_text()
    (ready,) = (one for one in pages["canary"]["flows"] if one["verdict"].startswith("ready"))
    doubted = {**ready, "flow": "doubted", "doubts": ["gate_closed"]}
    pages["canary"]["flows"].append(doubted)
    head = tab.open(written(path, pages), "#/page/canary").locator("h1").inner_text()
    assert "Canary: 1 of 3 flows ready; 1 more could start, but the replay speaks against it" == head


def test_the_ladder_climbs_to_the_shares_of_the_plan(tab: Tab, report: Path) -> None:
    """A step a stage on the days it lasts, the bad answers to expect under it, and the stages as a table."""
    page = tab.open(report, "#/page/canary")
    stages = rows(page, "Stages, in calls")
    assert ["10%", "25%", "50%", "100%"] == [row[0] for row in stages]
    titles = page.locator("svg[aria-label^='The ladder of product-tags'] g > title").all_text_contents()
    assert "stage 1: 10% from day 0 to day 1; bad answers expected: 400 if equal, 1600 at the margin" == titles[0]
    assert 3 == len(titles)
    bars = page.locator("svg[aria-label^='Bad answers users meet'] > g")
    # The budget is of what comes on top: its line stands behind what comes anyway.
    ends = "one => Number(one.querySelector('.bad-margin').getAttribute('x'))"
    lines = "one => Number(one.querySelector('.margin').getAttribute('x1'))"
    anyway, budget = [[bar.evaluate(at) for bar in bars.all()] for at in (ends, lines)]
    assert 1 == len({round(line - end, 1) for line, end in zip(budget, anyway, strict=True)})
    assert "400 + 1,200" == bars.first.locator("text").last.text_content()


def stratum(flow: str, users: float, *, r0: float, limit: float) -> dict[str, Any]:
    """One member of a pool, as a plan has it."""
    shared = {
        "hard": False,
        "upper": 0.04,
        "call_rate": 0.02,
        "margin": 0.03,
        "weight": 0.5,
        "source": "the policy file",
    }
    return {
        "flow": flow,
        "units_per_day": users,
        "requests_per_day": 2 * users,
        "evidence": {"cases": 20, "excess": 0.01, "low": -0.02, "high": 0.05},
        "metrics": [
            {"name": "bad", "rate": 0.02, "r0": r0, "limit": None, **shared},
            {"name": "slow", "rate": 0.05, "r0": 1.2, "limit": limit, **shared},
        ],
        "rollback": [{"share": 0.1, "alpha": 0.01, "table": [[3, 3], [8, 4]]}],
    }


def pooled() -> dict[str, Any]:
    """A plan and a check with a pool in place of their flow, and a flow that could not be planned."""
    pages = documents("canary", "check")
    (flow,) = (one for one in pages["canary"]["flows"] if one["flow"] == "product-tags")
    strata = [stratum("product-tags", 3000, r0=1.75, limit=900.0), stratum("shelf-labels", 1000, r0=1.5, limit=2500.0)]
    behaves = flow["operating_characteristics"]
    for row in behaves:
        row |= {"harmed": None, "rolled_back_by_member": {"product-tags": 0.005, "shelf-labels": 0.01}}
    alone = {**behaves[0], "harmed": "shelf-labels", "rollouts": 500, "excess": 0.24, "promoted": 0.34}
    flow |= {"flow": "labels", "strata": strata, "operating_characteristics": [*behaves, alone]}
    gap = {"flow": "notes", "reason": 'flow "notes" has no traffic', "mend": "add traffic to <notes>"}
    pages["canary"] |= {"flows": [flow], "unplanned": [gap]}
    (check,) = pages["check"]["flows"]
    sides = {"candidate": {"bad": 4, "units": 130}, "control": {"bad": 8, "units": 1207}}
    own = [{"flow": one["flow"], **sides, "e": e, "threshold": 80} for one, e in zip(strata, (1.0, 25.2), strict=True)]
    check |= {"flow": "labels", "strata": own}
    return pages


def test_the_members_of_a_pool_are_told_with_what_is_their_own(tab: Tab, tmp_path: Path) -> None:
    """Traffic and part of the exposure, today's rate, the ratio and limit that are allowed, what alone stops all."""
    page = tab.open(written(tmp_path / "index.html", pooled()), "#/page/canary")
    first, second = rows(page, "part of the exposure")
    assert ["product-tags", "3,000", "75%", "6,000", "2.00%"] == first[:5]
    assert ["shelf-labels", "1,000", "25%", "2,000", "2.00%"] == second[:5]
    assert [
        "1.50×",
        "2,500 ms",
        "at 10%: 3 of the first 3, 4 of the first 8 bad answers are the candidate's",
    ] == second[6:9]
    assert "+1.0 (−2.0 to +5.0), n 20" == second[9]
    assert [["product-tags", "1.0"], ["shelf-labels", "25.2"]] == [
        [row[0], row[3]] for row in rows(page, "Members of the pool, bad answers of each")
    ]


def test_a_member_that_alone_is_worse_has_its_row(tab: Tab, tmp_path: Path) -> None:
    """How often it comes through, and how often one member's own evidence stops the pool; a flow has no such column."""
    page = tab.open(written(tmp_path / "index.html", pooled()), "#/page/canary")
    behaves = rows(page, "What this very plan does")
    assert ["+24.0 points in shelf-labels alone", "34.0%"] == behaves[-1][:2]
    assert "1.5%" == behaves[0][3]
    assert "500 where one member alone is worse" in page.locator("main").inner_text()
    plain = tab.open(written(tmp_path / "plain.html", documents("canary")), "#/page/canary")
    assert "member" not in plain.locator("main").inner_text()


def test_shares_are_rounded_as_the_terminal_rounds_them(tab: Tab, tmp_path: Path) -> None:
    """A tie goes to the even digit: the two never differ in the last one."""
    pages = pooled()
    (flow,) = pages["canary"]["flows"]
    wanted = [0.8325, 0.8335, 0.0005, 0.0015, 0.9995, 1 / 3]
    rows_of = flow["operating_characteristics"]
    flow["operating_characteristics"] = [{**rows_of[0], "promoted": share} for share in wanted]
    page = tab.open(written(tmp_path / "index.html", pages), "#/page/canary")
    assert [f"{share:.1%}" for share in wanted] == [row[1] for row in rows(page, "What this very plan does")]


def test_what_could_not_be_planned_is_told(tab: Tab, tmp_path: Path) -> None:
    """With the reason and what to do, and no angle bracket of it is obeyed."""
    page = tab.open(written(tmp_path / "index.html", pooled()), "#/page/canary")
    assert 'notes: flow "notes" has no traffic; add traffic to <notes>' in page.locator("main").inner_text()


def test_a_flow_that_must_not_start_has_no_picture(tab: Tab, report: Path) -> None:
    """The reason is told instead."""
    page = tab.open(report, "#/page/canary")
    section = page.locator("section", has=page.locator("h2:has-text('invoice-extraction')"))
    assert ("do not start", 0) == (section.locator(".pill").inner_text(), section.locator("svg.plane").count())
    assert "19 of 30 cases got worse" in section.inner_text()


def test_evidence_is_drawn_against_its_boundary(tab: Tab, report: Path) -> None:
    """The path past the dashed line is a rollback; the sentence for a release manager stands above it."""
    page = tab.open(report, "#/page/canary")
    plot = page.locator("svg[aria-label^='Evidence against the candidate of product-tags']")
    boundary = float(plot.locator(".margin").get_attribute("y1"))
    ends = float(plot.locator("path.step").get_attribute("d").rpartition(",")[2])
    assert ends < boundary
    assert "stops at 10" in plot.text_content()
    check = page.locator(".check").inner_text()
    assert "Roll back: give gpt-4o-mini all of product-tags again." in check
    page.locator("summary:has-text('The path of the evidence')").click()
    assert 120 == len(rows(page, "until (UTC)"))


def test_latency_of_both_sides_is_drawn_by_deciles(tab: Tab, report: Path) -> None:
    """Nine ticks a side above the table of the same sides, and the figures in words."""
    page = tab.open(report, "#/page/canary")
    plot = page.locator("svg[aria-label^='Latency of the calls of each side']")
    assert 18 == plot.locator("line.median").count()
    titles = plot.locator("g > title").all_text_contents()
    assert [row[0] for row in rows(page, "cost of a call")] == [title.split(":")[0] for title in titles]
    assert {"control: p50 432 ms, p95 832 ms", "candidate: p50 431 ms, p95 832 ms"} == {
        title.rpartition(", n =")[0] for title in titles
    }


def test_decisions_about_another_run_say_so(tab: Tab, tmp_path: Path) -> None:
    """They were given by name and are shown, with a warning on each page."""
    path = written(tmp_path / "index.html", documents("route", "canary"), run="20260115-100000-0001")
    said = [tab.open(path, f"#/page/{name}").locator(".warning").first.inner_text() for name in ("route", "canary")]
    assert [
        f"These routes are about another run than this report: {RUN}.",
        f"This plan is about another run than this report: {RUN}.",
    ] == said


def test_everything_else_of_a_document_is_one_click_away(tab: Tab, report: Path) -> None:
    """What the page has no picture for is there as it was printed."""
    page = tab.open(report, "#/page/route")
    page.locator("summary:has-text('Everything in the document of route --json')").click()
    page.locator(".document", has_text="rollout days").wait_for()
