"""The report as data: worst first, every finding once, groups over candidates, and nothing invented."""

from __future__ import annotations

from typing import Any

import pytest
from measured import compared, evidence, finding, paid, record, replay

from migrate.errors import StoreProblem
from migrate.evidence import weigh
from migrate.ports import CaseRecord
from migrate.presenting.report import Facts, ReportBuilder
from migrate.presenting.report.headline import headline, sentence
from migrate.vocabulary import CaseVerdict, FindingKind, FlowMetric, Rung, Severity

DRIFT = finding("$.amount", expected=3, actual="3")
BREAK = finding("$.label", FindingKind.NOT_IN_ENUM, severity=Severity.BREAKING, rung=Rung.SCHEMA, actual="x")


def built(records: list[CaseRecord], **how: Any) -> tuple[dict[str, Any], list[Any]]:
    chunks: list[Any] = []
    builder = ReportBuilder(replay(), how.pop("read", lambda flow, case: None), chunks.append, **how)
    weighed = weigh(builder.watch(records), policies={})
    return builder.index(weighed, Facts()), chunks


def test_the_worst_case_comes_first_and_says_where_its_details_are() -> None:
    """Breaking, then drift, then the rest; a row's place leads to its case in its chunk."""
    records = [
        record(compared("calm")),
        record(compared("drifts", DRIFT, verdict=CaseVerdict.DRIFT)),
        record(compared("breaks", DRIFT, BREAK, verdict=CaseVerdict.BREAKING)),
    ]
    index, chunks = built(records, size=2)
    rows = index["cases"]
    assert ["breaks", "drifts", "calm"] == rows["case"]
    assert rows["case"] == [chunks[chunk]["cases"][at]["case"] for chunk, at in rows["place"]]
    assert ["$.label not in enum", "$.amount type changed", ""] == rows["title"]


def test_candidates_of_a_case_stand_together() -> None:
    """Whatever the order of the ledger, a case is opened with all its candidates; groups count each of them."""
    records = [
        record(compared(case, DRIFT, candidate=candidate, verdict=CaseVerdict.DRIFT))
        for candidate in ("gpt-4.1", "gpt-4.1-mini")
        for case in ("first", "second")
    ]
    index, (chunk,) = built(records)
    assert [("first", [0, 1]), ("second", [0, 1])] == [
        (case["case"], [one["candidate"] for one in case["trials"]]) for case in chunk["cases"]
    ]
    (group,) = index["groups"]
    assert ({"0": 2, "1": 2}, 4) == (group["cases"], group["count"])


def test_a_finding_of_several_samples_is_one_with_their_numbers() -> None:
    """Told once, with the samples that have it; an explained one belongs to no group."""
    from dataclasses import replace

    found = [replace(DRIFT, sample=number) for number in (1, 3)]
    noise = replace(BREAK, explained="noise", sample=2)
    _, (chunk,) = built([record(compared("one", *found, noise, verdict=CaseVerdict.DRIFT), samples=3)])
    first, second = chunk["cases"][0]["trials"][0]["findings"]
    assert ([1, 3], [2], None) == (first["samples"], second["samples"], second["group"])
    assert first["group"].startswith("G")


def test_a_golden_that_cannot_be_read_is_told_and_the_rest_is_shown() -> None:
    """The page is about the run: a damaged file does not take it away."""

    def damaged(flow: str, case: str) -> None:
        raise StoreProblem(f"fixtures/{flow}/{case}.json is damaged")

    index, (chunk,) = built([record(compared("one"))], read=damaged)
    assert ["fixtures/refund/one.json is damaged"] == index["provenance"]["damaged"]
    assert None is chunk["cases"][0]["golden"]


def test_unknown_costs_stay_unknown() -> None:
    """A case with one unpriced call has no mean, and never one of 0."""
    _, (chunk,) = built([record(baseline=paid("0.1", "0.3"), candidate=paid("0.1", None))])
    before, after = chunk["cases"][0]["trials"][0]["cost_usd"]
    assert (pytest.approx(0.2), None) == (before, after)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("safe", "safe"), "gpt-4.1 can take over every flow that was judged."),
        (("safe", "insufficient"), "Not shown yet: gpt-4.1 is safe for 1 of 2 flows, the rest needs more cases."),
        (("safe", "unsafe"), "Not yet: gpt-4.1 is unsafe for 1 of 2 flows."),
        ((None, None), "gpt-4.1 was compared with the goldens; no verdict was asked for."),
    ],
)
def test_the_headline_says_what_is_shown_and_of_how_many(verdicts: tuple[Any, ...], expected: str) -> None:
    """One unsafe flow is enough for no; safe is said only where every flow is."""
    flows = [evidence(f"flow-{number}", verdict=verdict, cases_needed=9) for number, verdict in enumerate(verdicts)]
    assert expected == headline(replay(), flows)["text"]


def metric(excess: float, needed: int | None) -> FlowMetric:
    return FlowMetric("contract", 30, 1.0, 1 - excess, excess, -0.1, 0.2, 0.03, 0.05, 0.4, 2, 0, 0, needed)


def test_the_headline_says_first_what_breaks_and_wants_mending() -> None:
    """More cases are asked for where they would settle it, and only there: as the reasons under it have it."""
    flows = [
        evidence("worse", verdict="insufficient", metrics=(metric(0.05, None),), verdicts={CaseVerdict.BREAKING: 4}),
        evidence("few", verdict="insufficient", metrics=(metric(0.01, 12),), cases_needed=12),
        evidence("gap", verdict="insufficient", metrics=(metric(0.0, None),), verdicts={CaseVerdict.SAME: 16}),
        evidence("fine", verdict="safe"),
    ]
    assert (
        "Not yet: gpt-4.1 breaks 4 of 20 cases, is to be mended in 1 of 4 flows, is safe for 1 of 4 flows, "
        "needs more cases in 1, cannot be judged in 1."
    ) == headline(replay(), flows)["text"]
    assert (
        "Not shown yet: gpt-4.1 is safe for 0 of 2 flows, needs more cases in 1, cannot be judged in 1."
    ) == headline(replay(), flows[1:3])["text"]


def test_a_promoted_flow_speaks_neither_for_nor_against_its_model() -> None:
    """It is told once, with how many there are, and is in no verdict; where all are promoted nothing is left."""
    promoted = [evidence(f"done-{n}", baseline="gpt-4.1", verdict="insufficient") for n in (1, 2)]
    open_ = evidence("open", verdict="safe")
    assert {
        "verdict": "safe",
        "text": "gpt-4.1 can take over every flow that was judged. gpt-4.1 is the baseline already of 2 flows.",
    } == headline(replay(), [*promoted, open_])
    assert {
        "verdict": "unknown",
        "text": "gpt-4.1 is the baseline already of 2 flows: nothing is left to decide.",
    } == headline(replay(), promoted)
    assert {"safe": 1} == sentence("gpt-4.1", [*promoted, open_])["flows"]


def test_a_candidate_that_never_answered_is_not_the_best() -> None:
    """It broke nothing, and the page is not about it."""
    flows = [
        evidence("refund", "gpt-41", verdict="insufficient", verdicts={CaseVerdict.NO_REPLY: 4}),
        evidence("refund", "gpt-4.1", verdict="unsafe", verdicts={CaseVerdict.BREAKING: 4}),
    ]
    assert "Not yet: gpt-4.1 is unsafe for 1 of 1 flow." == headline(replay(), flows)["text"]


def test_an_incomplete_run_is_never_called_whole() -> None:
    """Whatever its verdicts, the sentence says that not all was judged."""
    text = headline(replay(state="incomplete"), [evidence(verdict="safe")])["text"]
    assert text.endswith("The run is incomplete: not all that was planned was judged.")
