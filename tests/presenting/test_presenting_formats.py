"""A run in the forms that CI systems read: every case once, unknown stays unknown, foreign text does nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from measured import compared, evidence, finding, paid, record, replay, timed

from migrate.evidence import parse_fail_on, standing, weigh
from migrate.evidence.rating import Heard
from migrate.ports import CaseRecord
from migrate.presenting.formats import FORMS, Told, lines_of, rated
from migrate.presenting.formats.lines import Lines
from migrate.presenting.formats.markdown import LONGEST, code
from migrate.reviewing.sampling import text_digest
from migrate.vocabulary import (
    Answer,
    Case,
    CaseId,
    CaseVerdict,
    FindingKind,
    Flow,
    FlowName,
    Golden,
    Judged,
    Place,
    Prompt,
    Rating,
    Rung,
    Sample,
    Severity,
)

BROKEN = finding("$.amount", severity=Severity.BREAKING, rung=Rung.SCHEMA, message="the type changed")
HOSTILE = '=HYPERLINK("http://x")|</details><img src=x onerror=alert(1)> @here `~\x1b[31m\n::error::\ud800'
RECORDS = (
    record(compared("broken-cup", BROKEN, verdict=CaseVerdict.BREAKING), candidate=timed(100, 300, usd="0.001")),
    record(compared("late-parcel"), samples=3, baseline=paid("0.2"), candidate=paid("0.1", "0.3")),
    record(compared("lost", verdict=CaseVerdict.NO_REPLY, note="no reply")),
)
FLOW = Flow(
    FlowName("refund"),
    Prompt((), "gpt-4o"),
    (Case(CaseId("broken-cup"), {}, place=Place("prompts/refund.prompt.yml", 17)),),
)


def written(form: str, records: Sequence[CaseRecord] = RECORDS, **run: Any) -> str:
    weighed = weigh(records, policies={})
    return FORMS[form](Told(replay(**run), weighed, lines_of(records, {FLOW.name: FLOW})))


def told(form: str, *ratings: Rating) -> str:
    """The same run, with what people said of its answers."""
    shown = text_digest("b")
    golden = Golden(FlowName("refund"), CaseId("late-parcel"), "gpt-4o", (), (answered("b"),))
    people = Heard(lambda _flow: ratings, lambda _flow, case: golden if case == golden.case else None)
    records = [replace(one, samples=(answered("b"),)) for one in RECORDS]
    weighed = weigh(people.watch(records), policies={})
    assert all((one.baseline_shown, one.candidate_shown) == (shown, shown) for one in ratings)
    said = people.evidence()
    return FORMS[form](Told(replay(), weighed, rated(lines_of(records, {FLOW.name: FLOW}), said), said))


def answered(text: str) -> Judged:
    return Judged(Sample(1, (), Answer(text, (), None, "stop")), {})


def rating(rater: str, preferred: Any, before: int, after: int) -> Rating:
    shown = text_digest("b")
    about = (FlowName("refund"), CaseId("late-parcel"), "gpt-4.1")
    return Rating(*about, rater, preferred, before, after, "baseline", shown, shown, seed=0, drawn=1, of=7)


ADA_AND_BOB = (rating("ada", "candidate", 3, 5), rating("bob", "tie", 4, 4))


def test_people_stand_beside_the_verdict_in_every_row() -> None:
    """Who rated, means over raters; of a case that nobody was asked about the columns are empty or null, never 0."""
    rows = list(csv.DictReader(io.StringIO(told("csv", *ADA_AND_BOB))))
    lines = [json.loads(line) for line in told("jsonl", *ADA_AND_BOB).splitlines()]
    names = ("people_raters", "people_preference", "people_baseline_correct", "people_candidate_correct")
    assert [("",) * 4, ("ada bob", "0.5", "3.5", "4.5"), ("",) * 4] == [
        tuple(row[name] for name in names) for row in rows
    ]
    assert [([], *(None,) * 3), (["ada", "bob"], 0.5, 3.5, 4.5), ([], *(None,) * 3)] == [
        tuple(line[name] for name in names) for line in lines
    ]


def test_people_are_properties_of_their_case_and_facts_of_their_flow() -> None:
    """JUnit and CTRF name the raters and means of a rated case; CTRF holds the flow's figures as `compare` does."""
    _, late, lost = ET.fromstring(told("junit", *ADA_AND_BOB)).iter("testcase")
    properties = {one.get("name"): one.get("value") for one in late.iter("property")}
    assert ("ada bob", "0.5") == (properties["people_raters"], properties["people_preference"])
    assert [] == [one for one in lost.iter("property") if str(one.get("name")).startswith("people")]
    results = json.loads(told("ctrf", *ADA_AND_BOB))["results"]
    assert [None, 0.5, None] == [test["extra"]["people_preference"] for test in results["tests"]]
    assert [(1, 7, ["ada", "bob"])] == [
        (flow["people"]["cases"], flow["people"]["of"], flow["people"]["raters"]) for flow in results["extra"]["flows"]
    ]
    assert [None] == [flow["people"] for flow in json.loads(told("ctrf"))["results"]["extra"]["flows"]]


@pytest.mark.parametrize("form", ["md", "github"])
def test_markdown_has_a_table_of_what_people_said(form: str) -> None:
    """A row a rated flow with n and interval, beside the verdicts; without ratings there is no such table."""
    text = told(form, *ADA_AND_BOB, rating("@here|<b>", "baseline", 5, 1))
    assert "| `refund` | `gpt-4.1` | 1 of 7 pairs, by `@here\\|<b>, ada, bob` | 1 / 1 / 1: +0.00 [" in text
    assert "| 4.0 to 3.3: -0.67 [-" in text
    assert "neither stands alone" in text
    assert "people" not in told(form).casefold()


def test_a_row_a_case_in_csv() -> None:
    """Names and numbers as they are; what is unknown is an empty cell, never 0."""
    rows = list(csv.DictReader(io.StringIO(written("csv"))))
    assert ["broken-cup", "late-parcel", "lost"] == [row["case"] for row in rows]
    shown = [(row["verdict"], row["candidate_cost_usd"], row["candidate_latency_ms"]) for row in rows]
    assert [("breaking", "0.001", "200.0"), ("same", "0.2", ""), ("no_reply", "", "")] == shown


def test_a_line_a_case_in_json() -> None:
    """The same facts typed: null for what is unknown, a list for groups."""
    lines = [json.loads(line) for line in written("jsonl").splitlines()]
    assert [("broken-cup", 200.0, 1), ("late-parcel", None, 0), ("lost", None, 0)] == [
        (line["case"], line["candidate_latency_ms"], len(line["groups"])) for line in lines
    ]


def test_junit_tells_failures_from_errors() -> None:
    """A breaking case fails with its place and its finding, a fault of the road is an error, facts are properties."""
    root = ET.fromstring(written("junit"))
    assert ("3", "1", "1") == (root.get("tests"), root.get("failures"), root.get("errors"))
    broken, late, lost = root.iter("testcase")
    assert ("prompts/refund.prompt.yml", "17", "0.200") == (broken.get("file"), broken.get("line"), broken.get("time"))
    failure = broken.find("failure")
    assert failure is not None
    assert "the type changed" in (failure.text or "")
    assert (None, True) == (late.get("time"), lost.find("error") is not None)
    properties = {one.get("name"): one.get("value") for one in late.iter("property")}
    assert ("same", "0.2") == (properties["verdict"], properties["candidate_cost_usd"])


def test_a_drift_fails_where_it_is_asked_to() -> None:
    """As its item does under pytest: the file of a CI system and the run agree."""
    records = [record(compared("late-parcel", finding(), verdict=CaseVerdict.DRIFT))]
    for failing, outcome in (({CaseVerdict.DRIFT}, "failed"), ((), "passed")):
        lines = Lines({}, failing=failing)
        weighed = weigh(lines.watch(records), policies={})
        (test,) = json.loads(FORMS["ctrf"](Told(replay(), weighed, lines.lines)))["results"]["tests"]
        assert (outcome, outcome == "failed") == (test["status"], "prompt-migrate accept" in test.get("trace", ""))


def test_ctrf_counts_what_it_lists() -> None:
    """The summary is the sum of the tests; a fault of the road is `other`."""
    results = json.loads(written("ctrf"))["results"]
    statuses = [test["status"] for test in results["tests"]]
    assert ["failed", "passed", "other"] == statuses
    summary = results["summary"]
    assert (3, 1, 1, 1, 0) == tuple(summary[name] for name in ("tests", "passed", "failed", "other", "skipped"))


def test_code_quality_is_an_issue_a_group_on_a_line() -> None:
    """It points at the case in the prompt file; the fingerprint is the same in the next run."""
    (issue,) = json.loads(written("gitlab"))
    assert {"path": "prompts/refund.prompt.yml", "lines": {"begin": 17}} == issue["location"]
    assert ("major", "prompt-migrate/type_changed") == (issue["severity"], issue["check_name"])
    assert issue == json.loads(written("gitlab", id="20270101-000000-ffff"))[0]


def test_markdown_says_the_verdict_first_and_what_to_repeat_last() -> None:
    """One table row a flow and candidate, groups, failed cases with their place, the command of the run."""
    text = written("md", command="pytest --model gpt-4.1")
    said = "Not yet: gpt-4.1 breaks 1 of 3 cases, is safe for 0 of 1 flow, cannot be judged in 1."
    assert f"### ❔ {said}" == text.splitlines()[0]
    assert "| `refund` | `gpt-4.1` | ❔ insufficient | 3 | 1 | 0 | - | 1.00x |" in text
    assert "- `refund` / `broken-cup` on `gpt-4.1` (`prompts/refund.prompt.yml:17`) breaking" in text
    assert text.endswith("repeat it with `pytest --model gpt-4.1`\n")


def test_markdown_for_github_is_found_again_and_folds_its_lists() -> None:
    """The first line is the mark by which a later run replaces the comment."""
    text = written("github")
    assert text.startswith("<!-- prompt-migrate -->\n")
    assert text.count("<details>") == text.count("</details>") == 2


def test_markdown_is_capped() -> None:
    """However many flows there are, it fits a comment; folds are closed and what is missing is counted."""
    flows = [evidence(f"flow-{number}-{'x' * 90}", verdict="unsafe", reasons=("worse",)) for number in range(900)]
    text = FORMS["github"](Told(replay(), flows, lines_of(RECORDS, {})))
    assert LONGEST < sum(len(flow.flow) for flow in flows)
    assert len(text.encode()) <= LONGEST + 200
    assert "more lines do not fit here: see the report." in text


@pytest.mark.parametrize("form", sorted(FORMS))
def test_hostile_text_stays_text_in_every_form(form: str) -> None:
    """No formula, no mark-up, no control character, no CI command; what can be parsed is parsed."""
    hostile = finding(f"$.{HOSTILE}", severity=Severity.BREAKING, rung=Rung.SCHEMA, message=HOSTILE, rule=HOSTILE)
    facts = {"flow": HOSTILE, "candidate": HOSTILE, "verdict": CaseVerdict.BREAKING}
    text = written(form, [record(compared(HOSTILE, hostile, **facts))], command=HOSTILE)
    assert "\x1b" not in text
    assert not any(line.startswith("::error") for line in text.splitlines())
    if form == "junit":
        ET.fromstring(text.encode("utf-8", "backslashreplace"))
    elif form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert [] == [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    elif form in ("gitlab", "ctrf"):
        json.loads(text)
    elif form in ("md", "github"):
        live = re.compile(r"(?<!\\)<img|@here|://")
        assert [] == [match.group() for piece in outside_code(text) for match in live.finditer(piece)]


def outside_code(text: str) -> list[str]:
    """Return what of a Markdown text stands in no code span: by CommonMark, runs of equal length pair up."""
    import re

    pieces, rest = [], text
    while match := re.search(r"(?<!\\)(`+)", rest):
        close = re.search(rf"(?<!`){match.group(1)}(?!`)", rest[match.end() :])
        pieces.append(rest[: match.start()])
        rest = rest[match.end() + (close.end() if close else 0) :]
    return [*pieces, rest]


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "a|b", " ", "", "x" * 500, "new\nline"])
def test_a_code_span_holds_any_text(text: str) -> None:
    """It is closed by its own fence only, stays on one line, and is cut where it is long."""
    span = code(text)
    assert "" == "".join(outside_code(span))
    assert "\n" not in span
    assert len(span) <= 140


# --- counts, gates and rejections ---------------------------------------------------------------------------


TWICE = [
    record(compared("broken-cup", BROKEN, verdict=CaseVerdict.BREAKING, candidate=candidate))
    for candidate in ("gpt-4.1", "gpt-4.1-mini")
]
REJECTED = record(
    compared(
        "late-parcel",
        finding("$", FindingKind.WORDING_CHANGED, message="other words"),
        verdict=CaseVerdict.BREAKING,
        note="rejected by ada: too curt",
    )
)


def test_a_group_of_two_candidates_is_one_in_every_form() -> None:
    """As the terminal counts them: one thing to look at, its cases counted against each candidate."""
    assert "<summary><b>Largest groups of equal changes</b>: 1</summary>" in written("md", TWICE)
    assert "`$.amount number -> string`: 2 cases of `refund` on `gpt-4.1`, `gpt-4.1-mini`" in written("md", TWICE)
    (issue,) = json.loads(written("gitlab", TWICE))
    assert "refund on gpt-4.1, gpt-4.1-mini: $.amount number -> string (2 cases)" == issue["description"]


@pytest.mark.parametrize("form", ["md", "github"])
def test_markdown_tells_gate_totals_and_costs_before_what_is_long(form: str) -> None:
    """What a reader must see is not folded; the reasons, the groups and the cases are, each under its heading."""
    weighed = weigh(TWICE, policies={})
    found = standing(replay(), weighed, parse_fail_on("breaking"))
    text = FORMS[form](Told(replay(), weighed, lines_of(TWICE, {FLOW.name: FLOW}), (), found))
    seen, _, _ = text.partition("<summary><b>Largest groups")
    assert "**Gate closed**: 2 reasons" in seen
    assert "- gate closed: refund against gpt-4.1: 1 of 1 cases breaking" in seen
    assert "| candidate | safe | insufficient | unsafe | cost of all samples | baseline's, when recorded |" in seen
    assert "1 case against 2 candidates, 2 comparisons: 2 breaking" in seen
    assert ["Gates", "Largest groups of equal changes", "Failed cases"] == re.findall(r"<summary><b>(.*?)</b>", text)
    fine = FORMS[form](Told(replay(), weighed, (), (), standing(replay(), weighed, parse_fail_on("drift"))))
    assert "**Gate open**" in fine


def test_markdown_folds_a_table_of_many_rows() -> None:
    """A dozen flows stand as they are; more of them push what follows off the screen."""
    few, many = ([evidence(f"flow-{number}") for number in range(count)] for count in (12, 13))
    assert "<b>Flows</b>" not in FORMS["md"](Told(replay(), few, ()))
    assert "<summary><b>Flows</b>: 13 rows</summary>" in FORMS["md"](Told(replay(), many, ()))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("junit", 'message="rejected drift: $ wording changed; rejected by ada: too curt"'),
        ("ctrf", '"message": "rejected drift: $ wording changed; rejected by ada: too curt"'),
        ("gitlab", '"severity": "major"'),
        ("gitlab", "$ wording changed (1 case); a reviewer rejected it, so it fails"),
        ("github", "- **rejected drift** `$ wording changed`: 1 case of `refund`"),
        ("md", "on `gpt-4.1` rejected drift: `$ wording changed`, `rejected by ada: too curt`"),
        ("md", "| 1 | 1 (1 rejected) | 0 |"),
    ],
)
def test_what_fails_by_a_rejection_says_so_in_every_form(form: str, words: str) -> None:
    """Nothing broke: without the reviewer's word nobody would know why it fails, or take it for a small thing."""
    assert words in written(form, [REJECTED])
