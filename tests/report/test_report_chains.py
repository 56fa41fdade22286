"""A sample of several calls in a real browser: both models on one line of time, and each call's own story."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from measured import compared, finding
from report_browser import Tab
from report_stage import trial, write_page

from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    CaseVerdict,
    FindingKind,
    FlowName,
    Golden,
    Judged,
    Reply,
    Request,
    Rung,
    Sample,
    Severity,
    Timing,
    Usage,
)

FENCED = '```json\n{"article": "tent"}\n```'
STEPS = ("classify", "extract", "extract", "reply")


def request(model: str, text: str) -> Request:
    body = {"model": model, "temperature": 0, "messages": [{"role": "user", "content": text}]}
    return Request("chat", body, f"k1:{model}{text}", f"k1:{text}")


def traced(model: str, answers: tuple[str, ...], times: tuple[float | None, ...], asked: tuple[str, ...]) -> Judged:
    """One sample of a chain, its last call the final answer."""
    calls = tuple(
        Call(
            request(model, text),
            Reply(Answer(answer), f"{model}-2025-04-14", Usage(input_tokens=10, output_tokens=5)),
            timing=None if ms is None else Timing(ms),
            at="2026-01-15T10:00:00Z",
            ordinal=number,
            step=step,
        )
        for number, (answer, ms, text, step) in enumerate(zip(answers, times, asked, STEPS, strict=False))
    )
    return Judged(Sample(1, calls, Answer(answers[-1])), {Rung.ANSWERED: True})


QUESTIONS = (
    "Sort this mail to the desk: the tent of order 4711 broke in the storm.",
    "Read the facts out of the first page, please: it names the tent.",
    "Read the facts out of the second page, please: it names the storm.",
    "Write the reply to the customer of the tent.",
)


def written(path: Path, times: tuple[float | None, ...], answers: tuple[str, ...]) -> Path:
    before = traced("gpt-4o", ('{"kind": "warranty"}', '{"article": "tent"}', "none", "Dear Ann"), times, QUESTIONS)
    asked = (*QUESTIONS[:3], "Write the reply to the customer of the big tent.")
    after = traced("gpt-4.1", answers, times, asked[: len(answers)])
    inner = finding(
        "$calls[1]", FindingKind.FENCED_JSON, severity=Severity.BREAKING, rung=Rung.PARSED, message="in a code fence"
    )
    compare = compared("one", replace(inner, sample=1), verdict=CaseVerdict.BREAKING)
    golden = Golden(
        FlowName("refund"),
        CaseId("one"),
        "gpt-4o",
        tuple(call.request for call in before.sample.calls),
        (before,),
        digest="a" * 64,
    )
    write_page(path, [trial(compare, after, baseline=(before,))], [golden])
    return path


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    answers = ('{"kind": "warranty"}', FENCED, "none", "Dear Ann")
    return written(tmp_path / "index.html", (100.0, 300.0, 200.0, 400.0), answers)


def bars(page: Any, side: str) -> list[tuple[float, float]]:
    """Return start and length of each call of a side, in percent of the whole."""
    found = page.locator(f".call-list .span rect.{side}").evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('x')), Number(one.getAttribute('width'))])"
    )
    return [(round(start, 1), round(length, 1)) for start, length in found]


def test_calls_stand_where_their_time_was(tab: Tab, chain: Path) -> None:
    """Steps wait for each other, calls of one step are made at once: 100, then 300 beside 200, then 400 of 800 ms."""
    page = tab.open(chain, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    expected = [(0.0, 12.5), (12.5, 37.5), (12.5, 25.0), (50.0, 50.0)]
    assert (expected, expected) == (bars(page, "base"), bars(page, "kept"))
    assert ["1 classify", "2 extract", "3 extract", "4 reply"] == page.locator(".call-name").all_inner_texts()


def test_a_finding_of_an_inner_call_stands_at_its_call(tab: Tab, chain: Path) -> None:
    """The call is marked; opened, it shows the finding, both answers, and what both models were asked."""
    page = tab.open(chain, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    marked = page.locator(".call-list > li.breaking")
    assert (1, "2 extract") == (marked.count(), marked.locator(".call-name").inner_text())
    assert "1 break" == marked.locator("summary .pill").first.inner_text()
    marked.locator("summary").first.click()
    body = marked.locator(".call-body")
    assert "in a code fence" in body.locator(".findings").inner_text()
    assert "The candidate's answer stands in a code fence" in body.inner_text()
    body.locator(".prompt summary").click()
    assert QUESTIONS[1] in body.locator(".prompt pre").first.inner_text()
    assert "the same messages to both; model gpt-4o → gpt-4.1" in body.locator(".prompt summary").inner_text()


def test_each_call_shows_the_prompt_it_was_sent(tab: Tab, chain: Path) -> None:
    """A later question that follows from another answer is shown as a difference, per model."""
    page = tab.open(chain, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    last = page.locator(".call-list > li").last
    last.locator("summary").first.click()
    last.locator(".prompt summary").click()
    assert "different messages" in last.locator(".prompt summary").inner_text()
    assert ["big "] == last.locator(".prompt ins").all_inner_texts()
    assert "Nothing was found at this call." in last.locator(".call-body").inner_text()


def test_without_durations_the_order_is_drawn(tab: Tab, tmp_path: Path) -> None:
    """An unknown duration is no zero: equal bars in the order of the calls, and the page says so."""
    path = written(tmp_path / "index.html", (100.0, None, 200.0, 400.0), ("a", "b", "c", "d"))
    page = tab.open(path, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    assert [(0.0, 25.0), (25.0, 25.0), (50.0, 25.0), (75.0, 25.0)] == bars(page, "kept")
    assert "the bars show the order of the calls alone" in page.locator(".calls").inner_text()


def test_an_applications_calls_stand_where_they_began(tab: Tab, tmp_path: Path) -> None:
    """Without steps it is the clock of the trace: a call that began before another had ended lies beside it."""
    path = tmp_path / "index.html"
    one, other = (Timing(ms, started_ms=began) for ms, began in ((400.0, 50.0), (300.0, 150.0)))
    sample = traced("gpt-4.1", ("a", "b"), (1.0, 1.0), QUESTIONS[:2])
    pairs = zip(sample.sample.calls, (one, other), strict=True)
    calls = tuple(replace(call, step=None, timing=timing) for call, timing in pairs)
    write_page(path, [trial(compared("one"), replace(sample, sample=replace(sample.sample, calls=calls)))])
    page = tab.open(path, "#/cases?q=case:one")
    page.keyboard.press("j")
    page.wait_for_selector(".call-list")
    assert [(0.0, 100.0), (25.0, 75.0)] == bars(page, "kept")


def test_calls_are_paired_by_their_step(tab: Tab, tmp_path: Path) -> None:
    """What one side alone made stands alone and says so, its findings with it; the next steps still stand opposite."""
    path = tmp_path / "index.html"
    steps = ("classify", "extract", "recheck", "reply")
    before = stepped(
        traced("gpt-4o", ("a", "b", "c"), (100.0, 100.0, 100.0), QUESTIONS[:3]), ("classify", "extract", "reply")
    )
    after = stepped(traced("gpt-4.1", ("a", "b", "no", "c"), (100.0,) * 4, QUESTIONS), steps)
    extra = finding("$calls[2].why", FindingKind.EXTRA_KEY, severity=Severity.BREAKING, rung=Rung.SCHEMA)
    inner = finding("$calls[1].confidence", explained="inner")
    compare = compared("one", replace(extra, sample=1), replace(inner, sample=1), verdict=CaseVerdict.BREAKING)
    requests = tuple(call.request for call in before.sample.calls)
    golden = Golden(FlowName("refund"), CaseId("one"), "gpt-4o", requests, (before,), digest="a" * 64)
    write_page(path, [trial(compare, after, baseline=(before,))], [golden])
    page = tab.open(path, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    assert ["1 classify", "2 extract", "3 recheck", "4 reply"] == page.locator(".call-name").all_inner_texts()
    said = page.locator(".call-says").all_inner_texts()
    assert ["", "1 difference", "1 break\nmade by the candidate only", ""] == said
    assert "1 difference that does not count: before the final answer" in page.locator(".finding-list").inner_text()
    last = page.locator(".call-list > li").last
    last.locator("summary").first.click()
    last.locator("h3", has_text="golden 3, candidate 4").wait_for()
    assert "Equal, character by character." in last.inner_text()
    tracks = page.locator(".call-list .span").evaluate_all("all => all.map(one => one.getBoundingClientRect())")
    assert 1 == len({(round(one["x"], 1), round(one["width"], 1)) for one in tracks})
    page.locator(".timeline summary").click()
    page.locator(".timeline .span").first.wait_for()
    tracks = page.locator(".timeline .span").evaluate_all("all => all.map(one => one.getBoundingClientRect())")
    assert (7, 1) == (len(tracks), len({(round(one["x"], 1), round(one["width"], 1)) for one in tracks}))


def stepped(one: Judged, steps: tuple[str, ...]) -> Judged:
    """The same sample, its calls made by these steps."""
    calls = tuple(replace(call, step=step) for call, step in zip(one.sample.calls, steps, strict=True))
    return replace(one, sample=replace(one.sample, calls=calls))


def test_a_step_has_its_cost_and_latency_on_the_page_of_its_flow(tab: Tab, chain: Path) -> None:
    """As the terminal's table has them: calls, cost and both quantiles, each over the baseline's; and of what."""
    page = tab.open(chain, "#/flow/refund")
    heads = page.locator("section[aria-labelledby=steps] thead th").all_inner_texts()
    assert ["cost, all samples (baseline)", "cost ratio of a sample, where both made it"] == heads[3:5]
    assert ["p50 ratio", "p95 ratio"] == heads[6::2]
    table = page.locator("section[aria-labelledby=steps] tbody tr")
    rows = [row.locator("th, td").all_inner_texts() for row in table.all()]
    assert ["classify", "extract", "reply"] == [row[1] for row in rows]
    assert ["gpt-4.1", "classify", "1", "$0.0012 ($0.0012)", "1.00×", "100 ms (100 ms)", "1.00×"] == rows[0][:7]


def test_a_call_that_one_side_did_not_make_is_told(tab: Tab, tmp_path: Path) -> None:
    """What has no partner says so."""
    path = written(tmp_path / "index.html", (100.0, 300.0, 200.0, 400.0), ("a", "b", "c"))
    page = tab.open(path, "#/cases")
    page.keyboard.press("n")
    page.wait_for_selector(".call-list")
    assert "not made by the candidate" in page.locator(".call-list > li").last.inner_text()
