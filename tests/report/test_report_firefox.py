"""The page in a real Firefox, from its file: the promises that Chromium is held to, and a look at every kind of view.

The tests that are imported run here once more, with a tab of Firefox in the place of Chromium's.
"""

# What is imported is used by pytest, which runs it, and as an argument's name.
# ruff: noqa: F401, F811

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from report_browser import Tab, fresh
from report_stage import golden, write_page
from test_report_access import violations
from test_report_files import cases, test_chunks_beside_the_page_open_from_a_file
from test_report_rating import sitting, test_keys_keep_what_the_terminal_would_keep
from test_report_review import (
    opened,
    report,
    test_a_broken_contract_cannot_be_accepted,
    test_a_group_is_accepted_but_for_one,
    test_a_new_view_starts_at_its_top_and_back_returns,
    test_a_view_is_a_link,
    test_decisions_outlive_the_page,
    test_filters_count_what_they_would_show,
    test_keys_go_through_everything_undecided_worst_first,
    test_one_case_accepted_one_rejected_one_tolerated,
    test_the_difference_is_shown_by_path,
    test_undo_takes_back_the_last_decision_and_escape_never_decides,
    typed,
)
from test_report_safety import (
    ear,
    hostile,
    test_a_tampered_page_still_runs_nothing_else,
    test_no_payload_does_anything_in_any_view,
    test_nothing_leaves_even_a_page_that_is_taken_over,
    test_text_can_become_markup_nowhere,
    test_the_control_page_fires_sends_and_restyles,
    test_the_texts_are_there_all_the_same,
)
from test_report_web import (
    served,
    test_the_page_asks_its_own_server_alone,
    test_undo_leaves_everything_as_it_was,
)

DARK = {"layout.css.prefers-color-scheme.content-override": 0}
UNPACKED = """
    globalThis.unpacked = 0;
    const Plain = globalThis.DecompressionStream;
    globalThis.DecompressionStream = class extends Plain { constructor(kind) { super(kind); unpacked++; } };
"""


@pytest.fixture
def tab(firefox: Any) -> Iterator[Tab]:
    """A fresh tab of Firefox; a test fails when the page raised anything."""
    with fresh(firefox) as made:
        yield made


VIEWS = {
    "#/overview": ("main.overview h1", "Not yet: gpt-4.1"),
    "#/flow/refund": ("main.flow h1", "refund"),
    "#/cases?q=verdict:drift": ("main.cases .row", "third"),
    "#/cases?c=refund~second~gpt-4.1": (".case[data-row] h1", "second"),
    "#/decisions": ("main.decisions h1", "Decisions"),
}


def test_every_view_opens_through_its_address(tab: Tab, report: Path) -> None:
    """Overview, flow, list, case and decisions, each opened anew and each reached from the one before."""
    for view, (place, words) in VIEWS.items():
        tab.open(report, view).locator(place, has_text=words).first.wait_for()
    page = tab.open(report)
    for view, (place, words) in VIEWS.items():
        page.evaluate("view => { location.hash = view }", view)
        page.locator(place, has_text=words).first.wait_for()
    assert "Firefox/" in page.evaluate("navigator.userAgent")
    assert [] == tab.asked


def test_a_chunk_is_unpacked_when_one_of_its_cases_is_opened(tab: Tab, tmp_path: Path) -> None:
    """Once each: the index at first, then nothing until a case is opened, and nothing for the second of a chunk."""
    path = tmp_path / "index.html"
    write_page(path, cases(4), [golden(f"case-{number}", "answer") for number in range(4)], size=2)
    tab.context.add_init_script(UNPACKED)
    page = tab.open(path, "#/cases")
    counts = [page.evaluate("unpacked")]
    for number in range(4):
        typed(page, "j")
        page.wait_for_selector(f'.case[data-row="{number}"] .answers')
        counts.append(page.evaluate("unpacked"))
    assert [1, 2, 2, 3, 3] == counts


def test_a_skipped_case_is_passed_over_and_can_be_found_again(tab: Tab, report: Path) -> None:
    """`s` goes on to the next one without a decision; `decided:skipped` lists what was left for later."""
    page = tab.open(report, "#/cases?q=verdict:drift")
    typed(page, "n", "s")
    page.wait_for_selector('.case[data-row] >> text="second"')
    typed(page, "d")
    assert "0 decisions on 0 cases; 3 undecided, 1 skipped." in page.locator("main.decisions").inner_text()
    page.evaluate("location.hash = '#/cases?q=decided:skipped'")
    page.wait_for_selector(".row")
    assert ["first"] == page.locator(".row .case-name").all_inner_texts()


def test_dark_follows_the_system_and_gives_way_to_a_choice(
    firefoxes: Callable[..., Any], report: Path, axe: str
) -> None:
    """In dark colours and on a narrow screen too the views keep WCAG 2.2 AA; a light theme that is chosen is light."""
    browser = firefoxes(**DARK)
    # A Firefox that knows how to be told a scheme would else be told a light one.
    with fresh(browser, width=400, color_scheme="dark") as made:
        found = {}
        for view, keys in {"#/overview": "", "#/cases?q=verdict:drift": "nv", "#/decisions": ""}.items():
            page = made.open(report, view)
            typed(page, *keys)
            page.wait_for_timeout(150)
            found[view] = violations(page, axe)
        assert {} == {view: problems for view, problems in found.items() if problems}
        dark = brightness(page)
        page.locator("#theme").select_option("light")
        assert (True, True) == (dark < 60, brightness(page) > 240)
    browser.close()


def brightness(page: Any) -> float:
    """Return the mean of red, green and blue of the page's ground, 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = [float(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    return sum(parts) / len(parts)


def test_a_narrow_screen_shows_one_column_and_nothing_beside_it(firefox: Any, report: Path) -> None:
    """The unified difference holds both sides one above the other, and no view has to be scrolled sideways."""
    with fresh(firefox, width=400) as made:
        page = made.open(report, "#/cases?q=verdict:drift")
        typed(page, "n", "v")
        assert "first" == opened(page)
        page.wait_for_selector(".unified")
        for view in ("", "#/overview", "#/flow/refund", "#/decisions"):
            page = made.open(report, view) if view else page
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, view
