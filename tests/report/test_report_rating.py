"""Blind ratings at a page: `review --rate --web` holds no name of a model, and what is said there is kept in git."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from report_browser import Tab
from report_served import Served
from small_project import CALL, Project

NAMES = ("gpt-4o", "gpt-4.1", "baseline", "candidate", "drift", "breaking", "late-parcel", "broken-cup", "lost.letter")
HOSTILE = '<img src=x onerror="window.fired=1"><script>window.fired=1</script>'


@pytest.fixture
def sitting(replayed: Project, tab: Tab) -> Iterator[Served]:
    """A rating that was just begun."""
    one = Served(replayed, tab, "--rate", "--flow", "refund")
    one.page.wait_for_selector(".answers")
    yield one
    one.kill()


def kept(project: Project) -> list[dict[str, Any]]:
    path = project.root / "fixtures" / "refund" / "ratings.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def rate(sitting: Served, keys: str, said: str) -> None:
    """Rate the pair that is shown by keys alone."""
    page = sitting.page
    page.wait_for_selector(".answers")
    pair = page.locator(".rating .note").first.inner_text()
    for key in keys:
        page.keyboard.press(key)
    sitting.press("Enter", said)
    # What is said may read as it did before: that the next pair is shown tells that this one is kept.
    page.wait_for_function("old => document.querySelector('.rating .note')?.innerText !== old", arg=pair)


def test_the_page_holds_no_name(sitting: Served, tab: Tab) -> None:
    """Neither what is shown nor what was sent tells model, verdict or case; the server of the link alone is asked."""
    sent: list[str] = []
    tab.page.on("response", lambda response: sent.append(response.text()))
    tab.page.reload()
    shown = ""
    for place in ("pair 1 of 3", "pair 2 of 3", "pair 3 of 3"):
        tab.page.locator(".rating .note", has_text=place).wait_for()
        shown += tab.page.locator("main").inner_text()
        tab.page.keyboard.press("s")
    sent = [text for text in sent if not text.startswith("<!doctype")]
    assert 4 <= len(sent)
    assert [] == [name for name in NAMES for text in (shown, *sent) if name in text]
    assert [1, 1] == [shown.count(f'"amount": {amount},') for amount in (3, 4)]
    assert [] == [url for url in tab.asked if not url.startswith(sitting.link.partition("/?")[0])]
    assert "nothing was rated" in sitting.end()


def test_keys_keep_what_the_terminal_would_keep(sitting: Served, replayed: Project) -> None:
    """A letter, two marks and Enter a pair: rater, time, order and hashes, in terms of baseline and candidate."""
    rate(sitting, "a52", "kept: 1 rating")
    rate(sitting, "t44", "kept: 2 ratings")
    said = sitting.end()
    first, second = kept(replayed)
    right = "baseline" if first["left"] == "candidate" else "candidate"
    assert (first["left"], 5, 2) == (first["preferred"], first["correct"][first["left"]], first["correct"][right])
    assert ("tie", {"baseline": 4, "candidate": 4}) == (second["preferred"], second["correct"])
    assert ["ada", "ada"] == [one["rater"] for one in (first, second)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["at"])
    assert "ada rated 2 of 3 pairs, drawn from 3 that differ" in said


def test_half_a_rating_is_not_kept(sitting: Served, replayed: Project) -> None:
    """Enter without both marks says what is missing; a skipped pair stays to be rated."""
    sitting.page.keyboard.press("b")
    sitting.page.keyboard.press("3")
    sitting.press("Enter", "say which is better")
    assert [] == kept(replayed)
    before = sitting.page.locator(".rating code").first.inner_text()
    sitting.page.keyboard.press("s")
    sitting.page.locator(".rating .note", has_text="pair 2 of 3").wait_for()
    assert before != sitting.page.locator(".rating code").first.inner_text()
    assert "0 of 3 rated" == sitting.page.locator(".pill.writer").inner_text()
    sitting.end()


def test_going_back_says_it_anew(sitting: Served, replayed: Project) -> None:
    """`u` shows the pair before, marked as rated; the last word on a pair is the one that counts."""
    rate(sitting, "a51", "kept: 1 rating")
    sitting.page.locator(".rating .note", has_text="pair 2 of 3").wait_for()
    sitting.page.keyboard.press("u")
    sitting.page.locator(".rating .note", has_text="what you say now counts").wait_for()
    rate(sitting, "t33", "kept: 1 rating")
    sitting.end()
    assert ["a", "tie"] == ["a" if one["preferred"] == one["left"] else one["preferred"] for one in kept(replayed)]
    people = next(flow["people"] for flow in replayed.compared()["flows"] if flow["flow"] == "refund")
    assert (1, {"candidate": 0, "tie": 1, "baseline": 0}) == (people["ratings"], people["preferred"])


def test_a_mouse_rates_too_and_the_end_is_said(sitting: Served, replayed: Project) -> None:
    """Radio buttons and a button for each pair; when all are rated the page says how many there were."""
    page = sitting.page
    for _ in range(3):
        page.wait_for_selector(".answers")
        page.get_by_role("group", name="Which is better?").get_by_label("B", exact=True).check()
        page.get_by_role("group", name="How right is A?").get_by_label("2", exact=True).check()
        page.get_by_role("group", name="How right is B?").get_by_label("5", exact=True).check()
        place = page.locator(".rating .note").first.inner_text()
        page.get_by_role("button", name="keep, next").click()
        page.wait_for_function("old => document.querySelector('.rating .note').innerText !== old", arg=place)
    page.locator("main", has_text="Everything is rated: 3 pairs, drawn from 3 that differ").wait_for()
    assert "then: prompt-migrate compare" in sitting.end()
    assert [2, 2, 2] == [one["correct"][one["left"]] for one in kept(replayed)]


def test_another_rater_takes_their_turn(sitting: Served, replayed: Project) -> None:
    """Another name in the corner: nothing of theirs is rated yet, and the report tells both and how far they agree."""
    rate(sitting, "a52", "kept: 1 rating")
    sitting.page.get_by_label("Rater").fill("bob")
    sitting.page.keyboard.press("Tab")
    sitting.page.locator(".pill.writer", has_text="0 of 3 rated").wait_for()
    sitting.page.locator("h1").click()
    for number in ("1 rating", "2 ratings", "3 ratings"):
        rate(sitting, "b15", f"kept: {number}")
    said = sitting.end()
    assert ["ada", "bob", "bob", "bob"] == [one["rater"] for one in kept(replayed)]
    assert "ada rated 1 of 3" in said
    assert "bob rated 3 of 3" in said


def test_the_report_shows_people_beside_the_rules(sitting: Served, replayed: Project, tab: Tab) -> None:
    """The flow's table has n, intervals and agreement; the case says who preferred what beside its verdict."""
    for keys, number in (("a52", "1 rating"), ("b25", "2 ratings"), ("t44", "3 ratings")):
        rate(sitting, keys, f"kept: {number}")
    sitting.end()
    replayed.command("-m", "migrate", "report", "-o", "page.html")
    page = tab.open(replayed.root / "page.html", "#/flow/refund")
    cells = page.locator(".people tbody tr td").all_inner_texts()
    assert "3 of 3 pairs, 3 ratings by ada" == cells[0]
    assert re.fullmatch(r"\d / 1 / \d", cells[1])
    assert all("[" in cell and ", n 3" in cell for cell in cells[2:4])
    assert "3 of 3" != cells[5]
    assert "0 of 0" == cells[6]
    index = page_index(replayed)
    page = tab.open(replayed.root / "page.html", "#/cases?q=case:late-parcel")
    page.keyboard.press("n")
    words = page.locator(".people-said").inner_text()
    mine = next(one for one in index["people"] if one["case"] == "late-parcel")
    assert "People (ada) prefer" in words
    assert f"correct {mine['correct'][0]:.1f} → {mine['correct'][1]:.1f} of 5" in words
    page = tab.open(replayed.root / "page.html", "#/flow/notes")
    assert "Nobody was asked" in page.locator("section[aria-labelledby=people]").inner_text()


def page_index(project: Project) -> dict[str, Any]:
    found = re.search(r'id="index">([^<]*)<', (project.root / "page.html").read_text("utf-8"))
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))  # type: ignore[no-any-return]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_rating_page_keeps_wcag(replayed: Project, tabs: Callable[..., Tab], axe: str, scheme: str) -> None:
    """WCAG 2.2 AA, wide and narrow: a pair, a pair that is being rated, and the end."""
    for width in (1400, 400):
        sitting = Served(
            replayed, tabs(color_scheme=scheme, width=width), "--rate", "--flow", "notes", reviewer=str(width)
        )
        found = []
        for keys in ("", "a52", "\n"):
            sitting.page.wait_for_selector(".answers")
            for key in keys:
                sitting.page.keyboard.press("Enter" if key == "\n" else key)
            if keys == "\n":
                sitting.page.locator("main", has_text="Everything is rated: 1 pair, drawn").wait_for()
            sitting.page.evaluate(axe)
            tags = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
            result = sitting.page.evaluate(f"axe.run({{runOnly: {tags}}})")
            found += [(one["id"], one["nodes"][0]["html"][:120]) for one in result["violations"]]
        sitting.end()
        assert [] == found


def test_hostile_answers_stay_text(replayed: Project, tab: Tab, tabs: Callable[..., Tab]) -> None:
    """An answer is shown letter by letter: nothing of it fires or becomes an element; unescaped the same text does."""
    control = tabs().page
    control.set_content(HOSTILE)
    control.wait_for_function("window.fired === 1")
    replayed.say("gpt-4.1", {CALL: HOSTILE})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh", "-k", "notes")
    sitting = Served(replayed, tab, "--rate", "--flow", "notes")
    sitting.page.wait_for_selector(".answers")
    assert HOSTILE in sitting.page.locator(".answers").inner_text()
    assert 0 == sitting.page.locator(".answers img, .answers script").count()
    assert sitting.page.evaluate("window.fired === undefined")
    assert [] == [url for url in tab.asked if not url.startswith(sitting.link.partition("/?")[0])]
    sitting.end()
