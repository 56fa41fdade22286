"""The page keeps WCAG 2.2 AA on every view, in both colour schemes and on a narrow screen, as axe sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from measured import compared, finding
from report_browser import Tab
from report_stage import golden, judged, trial, write_page

from migrate.evidence.rating import weigh_ratings
from migrate.presenting.report import Facts
from migrate.vocabulary import (
    CaseId,
    CaseVerdict,
    Flow,
    FlowName,
    JsonPath,
    Judged,
    Prompt,
    Rating,
    Rule,
    Rung,
    Severity,
)

RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
VIEWS: Final = {
    "overview": ("#/overview", ()),
    "flow": ("#/flow/refund", ()),
    "rated": ("#/cases?q=case:alike-1", ("n",)),
    "list": ("#/cases", ()),
    "case": ("#/cases", ("n",)),
    "raw": ("#/cases", ("n", "x")),
    "unified": ("#/cases", ("n", "v")),
    "question": ("#/cases", ("n", "r")),
    "group": ("#/cases?q=verdict:drift", ("n", "A")),
    "table": ("#/cases?view=table", ()),
    "decisions": ("#/cases?q=verdict:drift", ("n", "a", "d")),
    "route": ("#/page/route", ()),
    "canary": ("#/page/canary", ()),
    "calls": ("#/cases?q=case:chained", ("j",)),
    "help": ("#/overview", ("?",)),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each kind of thing the page can show."""
    path = tmp_path_factory.mktemp("access") / "index.html"
    drift = finding("$.amount", expected=3, actual="3")
    wrong = finding("$.label", severity=Severity.BREAKING, rung=Rung.SCHEMA, expected="late", actual="delayed")
    one, other = '{"label": "late", "amount": 3}', '{"label": "delayed", "amount": "3", "note": "a\u00a0b"}'
    prose = ("Dear Ann,\nyour parcel is late.\nBye", "Dear Ann,\nyour parcel will be late.\nBye")
    records = [
        trial(compared("json", drift, wrong, verdict=CaseVerdict.BREAKING), judged(1, other, "gpt-4.1")),
        trial(compared("alike-1", drift, verdict=CaseVerdict.DRIFT), judged(1, prose[1], "gpt-4.1")),
        trial(compared("alike-2", drift, verdict=CaseVerdict.DRIFT), judged(1, other, "gpt-4.1")),
        trial(compared("gone", verdict=CaseVerdict.NO_REPLY), judged(1, None, "gpt-4.1")),
        trial(compared("same"), judged(1, one, "gpt-4.1")),
        trial(compared("chained"), chained(judged(1, one, "gpt-4.1"))),
    ]
    goldens = [golden(record.comparison.case, one, prose[0]) for record in records]
    flow = Flow(FlowName("refund"), Prompt((), "gpt-4o"), (), title="Refund", rules=(Rule(JsonPath("$.x"), "ignore"),))
    names = {"route": "route.json", "canary": "canary-plan.json", "check": "canary-check.json"}
    decided = Path(__file__).parent / "decided"
    pages = {name: json.loads((decided / file).read_text("utf-8")) for name, file in names.items()}
    said = Rating(flow.name, CaseId("alike-1"), "gpt-4.1", "ada", "tie", 4, 4, "baseline", "b", "c", 0, 1, 3)
    people = weigh_ratings([said, replace(said, rater="bob", candidate_correct=2)], {}, 1)
    assert people is not None
    write_page(path, records, goldens, facts=Facts(flows={flow.name: flow}, pages=pages, people=(people,)))
    return path


def chained(sample: Judged) -> Judged:
    """The same sample after a call before its last."""
    (last,) = sample.sample.calls
    calls = (replace(last, step="read"), replace(last, ordinal=1, step="reply"))
    return replace(sample, sample=replace(sample.sample, calls=calls))


def violations(page: Any, axe: str) -> list[str]:
    """Return what axe finds, with the elements."""
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags}).then(result => result.violations)", list(RULES))
    return [f"{one['id']}: {json.dumps([node['html'][:160] for node in one['nodes'][:3]])}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_no_view_violates_wcag(tabs: Callable[..., Tab], report: Path, axe: str, scheme: str, width: int) -> None:
    """Every view, dialog and layout; contrast and target sizes included."""
    tab = tabs(color_scheme=scheme, width=width)
    found = {}
    for name, (view, keys) in VIEWS.items():
        page = tab.open(report, view)
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(120)
        # What is folded is judged too.
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.wait_for_timeout(60)
        found[name] = violations(page, axe)
    assert {} == {name: problems for name, problems in found.items() if problems}


def test_axe_finds_what_it_looks_for(tabs: Callable[..., Tab], report: Path, axe: str) -> None:
    """With pale text and a nameless button the same check complains: it can fail."""
    page = tabs().open(report)
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert {"button-name", "color-contrast"} <= {line.partition(":")[0] for line in violations(page, axe)}


def test_the_list_keeps_few_elements_and_tells_how_many_there_are(tabs: Callable[..., Tab], tmp_path: Path) -> None:
    """Of two thousand cases only those in view are elements; each says its place among all."""
    path = tmp_path / "many.html"
    write_page(path, [trial(compared(f"case-{number:04}"), judged(1, "yes", "gpt-4.1")) for number in range(2000)])
    page = tabs().open(path, "#/cases")
    assert page.locator(".list *").count() < 200
    page.evaluate("document.querySelector('.list').scrollTop = 1e9")
    page.wait_for_timeout(150)
    last = page.locator(".row").last
    assert ("2000", "2000", "case-1999") == (
        last.get_attribute("aria-posinset"),
        last.get_attribute("aria-setsize"),
        last.locator(".case-name").inner_text(),
    )


def test_paper_gets_every_case_of_the_filter(tabs: Callable[..., Tab], report: Path) -> None:
    """Printed, the list is a table of all that pass, with the run and the filter on it, and no buttons."""
    page = tabs().open(report, "#/cases?q=verdict:drift")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_selector(".plain-cases tbody tr")
    assert ["alike-1", "alike-2"] == page.locator(".plain-cases tbody th").all_inner_texts()
    assert "filter: verdict:drift" in page.locator(".on-paper").inner_text()
    assert not page.locator(".search").is_visible()


def test_paper_gets_an_open_case_alone(tabs: Callable[..., Tab], report: Path) -> None:
    """Without the list beside it, with all that is open of it."""
    page = tabs().open(report, "#/cases?c=refund~json~gpt-4.1")
    page.wait_for_selector(".case[data-row]")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(100)
    assert page.locator(".case .finding-list").is_visible()
    assert (False, 0) == (page.locator(".finder").is_visible(), page.locator(".plain-cases").count())


@pytest.mark.parametrize("layout", ["", "&layout=unified"])
@pytest.mark.parametrize("width", [1000, 700])
def test_on_paper_each_answer_stands_under_its_heading(
    tabs: Callable[..., Tab], tmp_path: Path, width: int, layout: str
) -> None:
    """Side by side on narrow paper as well; what is folded keeps the words that say so."""
    path = tmp_path / "index.html"
    asked = {"json": '{"missing": 1, "label": "late"}', "text": "Dear Ann,\nyour parcel is late.\nBye"}
    given = {"json": '{"missing": 1, "label": "lost"}', "text": "Dear Ann,\nyour parcel is lost.\nBye"}
    records = [trial(compared(case, finding("$.label")), judged(1, text, "gpt-4.1")) for case, text in given.items()]
    write_page(path, records, [golden(CaseId(case), text) for case, text in asked.items()])
    tab = tabs(width=width)
    for case, left, right in (
        ("text", ".differs .before", ".differs .after"),
        ("json", ".value.before", ".value.after"),
    ):
        page = tab.open(path, f"#/cases?c=refund~{case}~gpt-4.1{layout}")
        page.wait_for_selector(".case[data-row]")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_timeout(100)
        heads, sides = (
            [page.locator(one).first.bounding_box() for one in pair]
            for pair in (
                (".strip-of >> nth=0", ".strip-of >> nth=1"),
                (f".answers {left}", f".answers {right}"),
            )
        )
        assert heads[0]["y"] == heads[1]["y"]
        assert heads[0]["x"] < heads[1]["x"]
        assert sides[0]["y"] == sides[1]["y"]
        assert sides[0]["x"] < sides[1]["x"]
    assert "1 equal value missing" == " ".join(page.locator(".tree-row.fold").inner_text().replace("▸", "").split())


def test_no_view_scrolls_sideways_on_a_phone(tabs: Callable[..., Tab], report: Path) -> None:
    """At 390 pixels what is wide scrolls inside itself, and decisions are stacked, not squeezed."""
    tab = tabs(width=390)
    wide = {}
    for name, (view, keys) in VIEWS.items():
        page = tab.open(report, view)
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(60)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.wait_for_timeout(60)
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
    assert {} == {name: width for name, width in wide.items() if width > 390}
    page = tab.open(report, "#/decisions")
    assert "block" == page.locator(".stacked tbody td").first.evaluate("one => getComputedStyle(one).display")


def test_small_bars_are_explained_where_they_stand(tabs: Callable[..., Tab], report: Path) -> None:
    """Which rungs they are and what their colours mean, once and without a mouse; and what all samples cost."""
    page = tabs().open(report)
    told = page.locator(".legend", has_text="Bars").inner_text()
    assert "answered, parsed, schema, tools, checks, agreement" in told
    assert all(words in told for words in ("no fewer than the baseline's", "fewer", "not promised"))
    said = page.locator("header.headline").inner_text()
    assert "cost of all samples: gpt-4.1 $" in said
