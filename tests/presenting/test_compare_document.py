"""`compare --json`: its shape, its published schema, and what is null rather than 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from measured import compared, evidence, finding, latency, rates, replay

from migrate.presenting import compare_document
from migrate.reviewing import group_changes
from migrate.vocabulary import (
    CaseId,
    CaseVerdict,
    FindingKind,
    FlowEvidence,
    FlowMetric,
    Quantiles,
    Run,
    Rung,
    Severity,
)

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "migrate" / "schemas" / "compare.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)

CHANGE = finding(
    "$.confidence",
    FindingKind.WRONG_TYPE,
    severity=Severity.BREAKING,
    rung=Rung.SCHEMA,
    expected="number",
    actual="0.9",
)
FULL = evidence(
    verdicts={CaseVerdict.SAME: 58, CaseVerdict.BREAKING: 2},
    rungs={Rung.ANSWERED: rates((300, 300), (300, 300)), Rung.SCHEMA: rates((300, 300), (290, 300))},
    cost=("0.4512", "0.36096"),
    unknown=(1, 2),
    ratio=0.8,
    before=Quantiles(412.5, 980.25, (901.0, 1200.0), 60, "recorded on 2026-01-15"),
    after=Quantiles(380.0, 1020.0, (930.0, None), 58, "live"),
    groups=group_changes([compared("late-parcel", CHANGE), compared("broken-cup", CHANGE)]),
    verdict="insufficient",
    cases_needed=39,
    reasons=("contract may be 4.9 points worse, margin 3: 39 more cases", "cases left out, stale golden: 1"),
    metrics=(
        FlowMetric("contract", 59, 1.0, 0.99, 0.01, -0.04, 0.049, 0.03, 0.05, 0.17, 2, 1, 3, 39, "seen"),
        FlowMetric("agreement", 59, 0.9, None, None, -1.0, 1.0, 0.03, 0.05, 1.0, 0, 0, 295, None),
    ),
    excluded={"stale golden": (CaseId("old-cup"),)},
)


def document(run: Run, *flows: FlowEvidence) -> dict[str, Any]:
    """The document as a reader gets it: through JSON text."""
    made: dict[str, Any] = json.loads(json.dumps(compare_document(run, flows), allow_nan=False))
    return made


def test_the_whole_document() -> None:
    """Every field of a flow with everything in it."""
    (flow,) = document(replay(), FULL)["flows"]
    assert {
        "flow": "refund",
        "baseline": "gpt-4o",
        "candidate": "gpt-4.1",
        "critical": None,
        "cases": 60,
        "samples": 60,
        "people": None,
        "verdict": "insufficient",
        "cases_needed": 39,
        "verdict_reason": "contract may be 4.9 points worse, margin 3: 39 more cases; cases left out, stale golden: 1",
        "metrics": [
            {
                "name": "contract",
                "cases": 59,
                "baseline": 1.0,
                "candidate": 0.99,
                "excess": 0.01,
                "low": -0.04,
                "high": 0.049,
                "margin": 0.03,
                "alpha": 0.05,
                "p": 0.17,
                "worse": 2,
                "better": 1,
                "missing": 3,
                "cases_needed": 39,
                "planned_for": "seen",
            },
            {
                "name": "agreement",
                "cases": 59,
                "baseline": 0.9,
                "candidate": None,
                "excess": None,
                "low": -1.0,
                "high": 1.0,
                "margin": 0.03,
                "alpha": 0.05,
                "p": 1.0,
                "worse": 0,
                "better": 0,
                "missing": 295,
                "cases_needed": None,
                "planned_for": None,
            },
        ],
        "excluded": {"stale golden": ["old-cup"]},
        "verdicts": {
            "same": 58,
            "within_noise": 0,
            "accepted": 0,
            "drift": 0,
            "breaking": 2,
            "improved": 0,
            "contract_not_kept": 0,
            "unstable_baseline": 0,
            "stale_golden": 0,
            "no_golden": 0,
            "no_reply": 0,
        },
        "rungs": {
            "answered": {"baseline": {"passed": 300, "total": 300}, "candidate": {"passed": 300, "total": 300}},
            "parsed": None,
            "schema": {"baseline": {"passed": 300, "total": 300}, "candidate": {"passed": 290, "total": 300}},
            "tools": None,
            "checks": None,
            "agreement": None,
        },
        "cost_usd": {"baseline": "0.4512", "candidate": "0.36096", "ratio": "0.8", "unknown": 3},
        "latency_ms": {
            "baseline": {
                "p50": 412.5,
                "p95": 980.25,
                "p95_interval": [901.0, 1200.0],
                "n": 60,
                "source": "recorded on 2026-01-15",
            },
            "candidate": {"p50": 380.0, "p95": 1020.0, "p95_interval": [930.0, None], "n": 58, "source": "live"},
            "clocks": None,
        },
        "changed": [],
        "tolerated": [],
        "steps": [],
        "groups": [
            {
                "id": FULL.groups[0].id,
                "kind": "wrong_type",
                "severity": "breaking",
                "rung": "schema",
                "path": "$.confidence",
                "title": "$.confidence number -> string",
                "cases": ["broken-cup", "late-parcel"],
                "count": 2,
                "shares_cases_with": [],
            }
        ],
    } == flow


def test_the_head_of_the_document() -> None:
    """Format, the run with its accounts, and whether anything was simulated."""
    run = replay(accounts={"planned": 60, "judged": 60}, simulated=False)
    made = document(run, FULL)
    assert (1, False) == (made["format"], made["simulated"])
    assert ("20261102-100000-ab12", "replay", "complete") == tuple(made["run"][key] for key in ("id", "kind", "state"))
    assert (["gpt-4.1"], {"planned": 60, "judged": 60}) == (made["run"]["candidates"], made["run"]["accounts"])


@pytest.mark.parametrize(("run", "flow"), [(True, False), (False, True), (True, True)])
def test_one_simulated_side_makes_the_document_simulated(run: bool, flow: bool) -> None:
    """A reader that looks at one key is not fooled."""
    assert document(replay(simulated=run), evidence(simulated=flow))["simulated"] is True


def test_what_is_unknown_is_null() -> None:
    """No rate, cost, ratio or latency is ever invented."""
    (flow,) = document(replay(), evidence(verdicts={CaseVerdict.NO_GOLDEN: 1}, unknown=(0, 4)))["flows"]
    assert {"baseline": None, "candidate": None, "ratio": None, "unknown": 4} == flow["cost_usd"]
    assert {"p50": None, "p95": None, "p95_interval": None, "n": 0, "source": "live"} == flow["latency_ms"]["candidate"]
    assert set(flow["rungs"].values()) == {None}


@pytest.mark.parametrize(
    "flows",
    [
        (),
        (FULL,),
        (FULL, evidence("notes", "gpt-4.1-mini", verdicts=dict.fromkeys(CaseVerdict, 1))),
        (evidence(before=latency(1.5, 2.5, 3, "simulated, live"), simulated=True),),
    ],
)
def test_the_document_keeps_its_schema(flows: tuple[FlowEvidence, ...]) -> None:
    """What is written is what the published schema describes, for empty, full and several-candidate runs."""
    VALIDATOR.validate(
        document(replay(finished_at="2026-11-02T10:01:00.000Z", git_commit="abc", git_dirty=True), *flows)
    )


def test_the_schema_itself_is_valid_and_closed() -> None:
    """The schema is a schema, and a flow with a key too many or too few breaks it."""
    assert jsonschema_rs.meta.is_valid(SCHEMA)
    made = document(replay(), FULL)
    for change in ({"extra": 1}, {"cases": None}, {"cost_usd": {}}):
        broken = {**made, "flows": [{**made["flows"][0], **change}]}
        assert not VALIDATOR.is_valid(broken), change
    for gone in made["flows"][0]:
        broken = {**made, "flows": [{key: value for key, value in made["flows"][0].items() if key != gone}]}
        assert not VALIDATOR.is_valid(broken), gone


def test_every_verdict_and_rung_is_in_the_schema() -> None:
    """A new noun of the vocabulary cannot be forgotten in the contract."""
    defined = SCHEMA["$defs"]
    assert (
        {verdict.value for verdict in CaseVerdict}
        == set(defined["verdicts"]["required"])
        == set(defined["verdicts"]["properties"])
    )
    assert (
        {rung.value for rung in Rung}
        == set(defined["rungs"]["required"])
        == set(defined["group"]["properties"]["rung"]["enum"])
    )
    assert {severity.value for severity in Severity} == set(defined["group"]["properties"]["severity"]["enum"])
