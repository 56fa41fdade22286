"""Logs of production calls, read and counted: what becomes of each kind of line, form and fault."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from canary_nouns import evidence, plan, rollout

from migrate.canary.counted import Counted
from migrate.canary.judging import judge
from migrate.canary.traffic import Truth, simulated_log
from migrate.canary.verdicts import Verdict
from migrate.edges.logs import count_log
from migrate.errors import UsageProblem
from migrate.wiring.canary_check import check_canary

PLAN = plan(rollout(users_per_day=1200, requests_per_day=2400))
ROLLOUT = PLAN.rollouts[0]
START = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)
EQUAL = {"schema": 0.01, "error": 0.005}


def line(number: int, **changes: Any) -> dict[str, Any]:
    usual = {
        "ts": "2026-02-02T10:00:00Z", "flow": "refund", "plan_id": PLAN.plan_id, "unit_id": f"u{number}",
        "assigned": "candidate" if number % 10 == 0 else "baseline", "share": 0.10,
        "response_model": "gpt-4.1-mini" if number % 10 == 0 else "gpt-4o", "response_id": f"r{number}",
        "latency_ms": 800.0, "output_tokens": 100, "cost_usd": 0.001, "finish_reason": "stop", "schema_ok": True,
    }  # fmt: skip
    return {**usual, **changes}


def write(path: Path, lines: Iterable[dict[str, Any] | str]) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines), "utf-8")
    return path


def count(tmp_path: Path, lines: Iterable[dict[str, Any] | str]) -> Counted:
    return count_log([write(tmp_path / "log.jsonl", lines)], PLAN).flows["refund"]


def total(counted: Counted, arm: str, name: str) -> int:
    return sum(getattr(row, name) for row in counted.hours if row.arm == arm)


def bad(counted: Counted, arm: str, name: str = "bad") -> int:
    return sum(row.bad.get(name, 0) for row in counted.hours if row.arm == arm)  # type: ignore[call-overload]


def test_calls_and_units_are_counted_by_side_and_hour(tmp_path: Path) -> None:
    """Two calls of each of twenty users: forty calls, twenty units, in the hour they came."""
    found = count(tmp_path, [line(at, response_id=f"r{at}-{k}") for at in range(20) for k in range(2)])
    assert (36, 18) == (total(found, "control", "calls"), total(found, "control", "units"))
    assert (4, 2) == (total(found, "candidate", "calls"), total(found, "candidate", "units"))
    assert {int(dt.datetime(2026, 2, 2, 10, tzinfo=dt.UTC).timestamp()) // 3600} == {row.hour for row in found.hours}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"schema_ok": False}, {"bad", "schema"}),
        ({"refusal": True}, {"bad", "refusal"}),
        ({"error_type": "timeout", "finish_reason": None, "schema_ok": None},
         {"bad", "error", "schema", "refusal", "thumbs_down", "slow"}),
        ({"finish_reason": "length"}, {"bad", "error", "schema", "refusal", "thumbs_down", "slow"}),
        ({"fallback_from": "gpt-4.1-mini", "response_model": "gpt-4o"},
         {"bad", "error", "schema", "refusal", "thumbs_down", "slow"}),
        ({"grounded": False}, {"ungrounded"}),
        ({"judge": {"name": "j", "label": "ungrounded", "score": 0.1, "sampled": True}}, {"ungrounded"}),
        ({"judge": {"name": "j", "label": "?!", "score": None, "sampled": True}}, set()),
        ({"feedback": "down"}, {"thumbs_down"}),
        ({"feedback": "up"}, set()),
        ({"latency_ms": 1e6}, {"slow"}),
        ({"output_tokens": 1e6}, {"tokens"}),
        ({"cost_usd": 5}, {"cost"}),
        ({}, set()),
    ],
)  # fmt: skip
def test_what_makes_an_answer_bad(tmp_path: Path, changes: dict[str, Any], kinds: set[str]) -> None:
    """One call of the candidate's and the kinds it counts for: a failed one for every kind that users feel."""
    found = count(tmp_path, [line(0, **changes), *(line(at) for at in range(1, 10))])
    assert kinds == {event.metric for event in found.events if event.arm == "candidate"}


def test_a_call_nobody_knows_the_end_of_is_missing(tmp_path: Path) -> None:
    """No finish, no error; or a promised schema that nobody checked: the unit's outcome is missing, not good."""
    lines = [line(0, finish_reason=None), line(10, schema_ok=None), line(20), *(line(at) for at in range(1, 10))]
    found = count(tmp_path, lines)
    assert 2 == total(found, "candidate", "missing")


def test_a_unit_with_200_bad_calls_counts_once(tmp_path: Path) -> None:
    """A user in a loop is one bad unit, whatever the number of calls."""
    loop = [line(0, response_id=f"loop{at}", schema_ok=False) for at in range(200)]
    found = count(tmp_path, [*loop, *(line(at) for at in range(1, 10))])
    assert (200, 1, 1) == (
        total(found, "candidate", "calls"),
        total(found, "candidate", "units"),
        bad(found, "candidate"),
    )


def test_a_unit_s_first_bad_answer_is_the_event_of_the_whole_rollout(tmp_path: Path) -> None:
    """Bad at 10 and again at 25 %: bad in both stages, one event, at the earlier share."""
    later = {"ts": "2026-02-03T10:00:00Z", "share": 0.25, "schema_ok": False}
    lines = [line(0, schema_ok=False), line(0, response_id="again", **later), *(line(at) for at in range(1, 10))]
    found = count(tmp_path, lines)
    assert 2 == bad(found, "candidate")
    assert [(0.10, 1)] == [(event.share, event.units) for event in found.events if event.metric == "bad"]


def test_lines_that_come_twice_count_once(tmp_path: Path) -> None:
    """The same response id again is the same call."""
    lines = [line(at) for at in range(20)]
    found = count(tmp_path, [*lines, *lines[:5], lines[0]])
    assert (6, 20) == (found.duplicates, total(found, "control", "calls") + total(found, "candidate", "calls"))


def test_late_outcomes_find_their_calls(tmp_path: Path) -> None:
    """Feedback and a schema check that come days later as lines of their own count for the call, in its hour."""
    calls = [line(at, schema_ok=None) for at in range(20)]
    late = {"ts": "2026-02-05T00:00:00Z", "flow": "refund", "plan_id": PLAN.plan_id}
    checks = [{**late, "response_id": f"r{at}", "schema_ok": at != 10} for at in range(20)]
    thumb = {**late, "response_id": "r0", "feedback": "down"}
    orphan = {**late, "response_id": "nobody", "feedback": "up"}
    log = count_log([write(tmp_path / "log.jsonl", [*checks, thumb, *calls, orphan])], PLAN)
    found = log.flows["refund"]
    assert (20, 1) == (found.late, log.orphans)
    assert (0, 0) == (total(found, "candidate", "missing"), total(found, "control", "missing"))
    assert (1, 1) == (bad(found, "candidate", "schema"), bad(found, "candidate", "thumbs_down"))
    assert 1 == len({row.hour for row in found.hours})


def test_unreadable_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    """Half a line, prose, a line without a time: counted; the rest is read."""
    lines = [*(line(at) for at in range(20)), '{"ts": "2026-02-0', "hello", json.dumps(line(0, ts="soon")), "[1]", ""]
    log = count_log([write(tmp_path / "log.jsonl", lines)], PLAN)
    assert 20 == sum(row.calls for row in log.flows["refund"].hours)
    assert log.unreadable >= 3


NONSENSE = [float("nan"), float("inf"), -1.0, 1e300]


@pytest.mark.parametrize("value", NONSENSE)
def test_a_number_that_is_none_is_not_known(tmp_path: Path, value: float) -> None:
    """No such line keeps the others from a verdict, is slow, dear or long, or moves a mean."""
    odd = line(0, latency_ms=value, cost_usd=value, output_tokens=value)
    found = count(tmp_path, [odd, *(line(at) for at in range(1, 20))])
    assert [] == [event for event in found.events if event.metric in ("slow", "tokens", "cost")]
    (candidate,) = (side for side in found.sides if side.arm == "candidate")
    assert (2, 1, 800.0, 0.001) == (candidate.calls, candidate.priced, candidate.p50_ms, candidate.mean_usd)


@pytest.mark.parametrize("ts", ["2999-01-01T00:00:00Z", "1066-10-14T00:00:00Z", "infinity", "yesterday", ""])
def test_a_line_of_no_time_is_not_readable(tmp_path: Path, ts: str) -> None:
    """A clock that is wrong by centuries is counted beside what is no JSON, and the rest is judged."""
    log = count_log([write(tmp_path / "log.jsonl", [line(0, ts=ts), line(1), line(10)])], PLAN)
    assert (1, 2, 3) == (log.unreadable, sum(row.calls for row in log.flows["refund"].hours), log.lines)
    assert (1, 3) == (log.flows["refund"].unreadable, log.flows["refund"].lines)


@pytest.mark.parametrize("share", [2, -0.1, float("nan"), 1e9])
def test_a_share_that_is_none_is_no_share(tmp_path: Path, share: float) -> None:
    """The call is counted as one that does not say where it belongs."""
    found = count(tmp_path, [line(0, share=share), line(1), line(10)])
    assert (1, 2) == (found.unassigned, sum(row.calls for row in found.hours))


def test_an_id_that_many_calls_share_is_found(tmp_path: Path) -> None:
    """Lines that repeat a call are the same call; one id for calls that took different times is no id."""
    same = [line(at // 2) for at in range(200)]
    assert 0 == count(tmp_path, same).clashing
    clashing = [line(at, response_id="x", latency_ms=500.0 + at) for at in range(100)]
    found = count(tmp_path, [*clashing, *(line(at) for at in range(100, 140))])
    assert (99, 99) == (found.duplicates, found.clashing)
    assert "carry the response_id of another call" in judge(ROLLOUT, found).sentences[1]


def test_calls_that_name_no_user_promote_nothing_where_users_are_counted(tmp_path: Path) -> None:
    """A user with many calls would count as many; where the plan counts calls nobody need be named."""
    lines = list(simulated_log(PLAN, ROLLOUT, Truth(control=EQUAL, candidate=EQUAL), start=START, days=1, seed=1))
    for one in lines:
        one.pop("unit_id")
    (found,) = check_canary(PLAN, [write(tmp_path / "log.jsonl", lines)])[1]
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert "calls do not say whose they are: the plan counts users, by unit_id" in found.sentences[1]
    by_call = plan(rollout(users_per_day=None, requests_per_day=2400))
    path = write(tmp_path / "calls.jsonl", [{**one, "plan_id": by_call.plan_id} for one in lines])
    (own,) = count_log([path], by_call).flows.values()
    assert (0, len(lines)) == (own.unnamed, sum(row.calls for row in own.hours))


def test_calls_without_a_share_say_what_to_do(tmp_path: Path) -> None:
    """Not that there are none: that they lack the share, and the option that gives it."""
    path = write(tmp_path / "log.jsonl", [line(at, share=None) for at in range(20)])
    (found,) = check_canary(PLAN, [path])[1]
    assert ("unusable", "no_calls") == (found.word, found.why)
    assert "20 calls lack assigned (candidate or baseline) or share (0 to 1); --share" in found.sentences[1]
    assert "hold" == check_canary(PLAN, [path], share=0.1)[1][0].word


def test_parquet_with_columns_of_other_kinds_is_read(tmp_path: Path) -> None:
    """A latency written as text is read where it is a number, and not known where it is none."""
    path = tmp_path / "log.parquet"
    database = duckdb.connect()
    source = write(tmp_path / "log.jsonl", [line(at, latency_ms="812" if at else "fast") for at in range(20)])
    database.execute(f"COPY (SELECT * FROM read_json('{source}', columns={TEXTS})) TO '{path}' (FORMAT parquet)")
    found = count_log([path], PLAN).flows["refund"]
    (candidate,) = (side for side in found.sides if side.arm == "candidate")
    assert (2, 812.0) == (candidate.calls, candidate.p50_ms)


TEXTS = (
    "{ts: 'VARCHAR', flow: 'VARCHAR', plan_id: 'VARCHAR', unit_id: 'VARCHAR', assigned: 'VARCHAR', share: 'VARCHAR', "
    "response_id: 'VARCHAR', latency_ms: 'VARCHAR', finish_reason: 'VARCHAR', schema_ok: 'VARCHAR'}"
)


def test_other_plans_and_flows_are_left_out(tmp_path: Path) -> None:
    """Calls of another plan are counted by its id; calls of another flow are no business of this plan."""
    lines = [*(line(at) for at in range(20)), line(0, plan_id="other"), line(1, plan_id=None), line(2, flow="chat")]
    log = count_log([write(tmp_path / "log.jsonl", lines)], PLAN)
    assert {"other": 1, "(none)": 1} == log.other_plans
    assert 20 == sum(row.calls for row in log.flows["refund"].hours)


def test_calls_without_a_side_are_counted(tmp_path: Path) -> None:
    """Neither side may have them."""
    assert (
        5
        == count(tmp_path, [*(line(at) for at in range(20)), *(line(at, assigned=None) for at in range(5))]).unassigned
    )


def test_users_on_both_sides_are_counted(tmp_path: Path) -> None:
    """One user, two sides, one stage: the assignment does not stick."""
    lines = [*(line(at) for at in range(20)), line(1, response_id="x", assigned="candidate")]
    assert 1 == count(tmp_path, lines).crossed


def test_cost_and_latency_have_their_n(tmp_path: Path) -> None:
    """By side, of the newest stage: quantiles with order-statistic bounds, mean and groups, cold and warm apart."""
    lines = [line(at, latency_ms=at, cost_usd=at / 1e3, cached_input_tokens=float(at > 500)) for at in range(1, 1001)]
    side = next(side for side in count(tmp_path, lines).sides if side.arm == "control")
    assert (900, 900) == (side.calls, side.priced)
    assert side.p95_low_ms < 950 < side.p95_high_ms  # type: ignore[operator]
    values = [at / 1e3 for at in range(1, 1001) if at % 10]
    assert side.mean_usd == pytest.approx(sum(values) / 900)
    assert side.cold_usd == pytest.approx(sum(at for at in range(1, 501) if at % 10) / 450e3)
    assert side.warm_usd == pytest.approx(sum(at for at in range(501, 1001) if at % 10) / 450e3)


def test_parquet_says_the_same(tmp_path: Path) -> None:
    """The same calls as Parquet, without the columns that are optional: equal counts."""
    path = write(tmp_path / "log.jsonl", [line(at, schema_ok=at % 7 != 0) for at in range(100)])
    duckdb.sql(f"COPY (FROM read_json('{path}')) TO '{tmp_path / 'log.parquet'}' (FORMAT parquet)")
    assert count_log([path], PLAN).flows == count_log([tmp_path / "log.parquet"], PLAN).flows


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = {bool: "boolValue", int: "intValue", float: "doubleValue"}.get(type(value), "stringValue")
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(number: int, *, ok: bool, **more: Any) -> dict[str, Any]:
    start = 1_770_026_400_000_000_000 + number * 1_000_000_000
    given = {
        "gen_ai.prompt.name": "refund", "gen_ai.request.model": "gpt-4o", "gen_ai.response.id": f"r{number}",
        "gen_ai.response.model": "gpt-4.1-mini" if number % 10 == 0 else "gpt-4o", "gen_ai.usage.output_tokens": 100,
        "gen_ai.conversation.id": f"u{number}", "prompt_migrate.share": 0.1, **more,
    }  # fmt: skip
    variant = "gpt-4.1-mini" if number % 10 == 0 else "gpt-4o"
    flag = {"feature_flag.result.variant": variant, "feature_flag.version": PLAN.plan_id}
    verdict = {"gen_ai.evaluation.name": "json_schema", "gen_ai.evaluation.score.label": "pass" if ok else "fail"}
    ends = attribute("gen_ai.response.finish_reasons", "x")
    ends["value"] = {"arrayValue": {"values": [{"stringValue": "stop"}]}}
    return {
        "name": "chat gpt-4o", "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 800_000_000),
        "attributes": [*(attribute(key, value) for key, value in given.items()), ends],
        "events": [
            {"name": "feature_flag.evaluation", "attributes": [attribute(k, v) for k, v in flag.items()]},
            {"name": "gen_ai.evaluation.result", "attributes": [attribute(k, v) for k, v in verdict.items()]},
        ],
    }  # fmt: skip


def test_spans_say_the_same(tmp_path: Path) -> None:
    """GenAI spans with a flag's evaluation and a schema check as events: side, unit, share, end, latency, outcome."""
    spans = [span(number, ok=number != 10) for number in range(40)]
    lines = [{"resourceSpans": [{"scopeSpans": [{"spans": spans[at : at + 20]}]}]} for at in (0, 20)]
    found = count_log([write(tmp_path / "traces.jsonl", lines)], PLAN).flows["refund"]
    assert (4, 36) == (total(found, "candidate", "units"), total(found, "control", "units"))
    assert (1, 0) == (bad(found, "candidate", "schema"), total(found, "candidate", "missing"))
    assert {800.0} == {side.p50_ms for side in found.sides}


def test_a_span_of_nonsense_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    """A start past every clock, a share and a token count that are none, a variant the flow does not have."""
    odd = [
        {**span(0, ok=True), "startTimeUnixNano": "99999999999999999999"},
        {**span(10, ok=True), "startTimeUnixNano": "soon"},
        span(20, ok=True, **{"prompt_migrate.share": "a tenth"}),
        span(30, ok=True, **{"gen_ai.usage.output_tokens": "many"}),
    ]
    odd[3]["events"][0]["attributes"][0] = attribute("feature_flag.result.variant", "off")
    lines = [{"resourceSpans": [{"scopeSpans": [{"spans": [*odd, span(40, ok=True), span(1, ok=True)]}]}]}]
    log = count_log([write(tmp_path / "traces.jsonl", lines)], PLAN)
    found = log.flows["refund"]
    assert (2, 2, 6) == (log.unreadable, found.unassigned, log.lines)
    assert (1, 1) == (total(found, "candidate", "units"), total(found, "control", "units"))


def test_a_model_may_be_the_candidate_of_one_flow_and_the_baseline_of_another(tmp_path: Path) -> None:
    """The variant's name means what it means in the flow of the call; in JSON lines too."""
    up = replace(rollout(evidence=evidence(flow="notes")), baseline="gpt-4.1-mini", candidate="gpt-4.1-nano")
    both = plan(rollout(), up)
    lines = [
        line(at, flow=flow, assigned=variant, plan_id=both.plan_id, response_id=f"{flow}{at}")
        for flow, variants in (("refund", ("gpt-4.1-mini", "gpt-4o")), ("notes", ("gpt-4.1-nano", "gpt-4.1-mini")))
        for at, variant in enumerate((*variants, variants[1], "gpt-3"))
    ]
    flows = count_log([write(tmp_path / "log.jsonl", lines)], both).flows
    for found in (flows["refund"], flows["notes"]):
        assert (1, 2, 1) == (total(found, "candidate", "calls"), total(found, "control", "calls"), found.unassigned)


def test_older_names_of_spans_are_read(tmp_path: Path) -> None:
    """An error and the older name for output tokens: a failed call, and a long one."""
    odd = span(0, ok=True, **{"error.type": "timeout", "gen_ai.usage.completion_tokens": 100})
    odd["attributes"] = [one for one in odd["attributes"] if one["key"] != "gen_ai.usage.output_tokens"]
    lines = [{"resourceSpans": [{"scopeSpans": [{"spans": [odd, span(1, ok=True)]}]}]}]
    found = count_log([write(tmp_path / "traces.jsonl", lines)], PLAN).flows["refund"]
    assert 1 == bad(found, "candidate", "error")


def test_without_duckdb_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional: its absence is no traceback."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageProblem, match=r"prompt-migrate\[canary\]"):
        count(tmp_path, [line(0)])


def test_a_name_with_a_quote_is_a_name(tmp_path: Path) -> None:
    """Paths and ids never become part of a statement."""
    path = write(
        tmp_path / "it's; DROP TABLE lines--.jsonl", [line(at, unit_id="'; DROP TABLE lines; --") for at in range(20)]
    )
    assert 2 == len(count_log([path], PLAN).flows["refund"].sides)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "has no line yet"),
        ([line(0, plan_id="0ther")], "they are of 0ther"),
        (["hello"], "none of the 1 lines"),
        ([line(0, flow="chat")], "has no call of the plan's flows"),
    ],
)
def test_a_log_of_something_else_has_no_verdict(tmp_path: Path, lines: Any, said: str) -> None:
    """Empty, of another plan, no JSON, another flow: unusable, in one sentence."""
    with pytest.raises(UsageProblem, match=said):
        check_canary(PLAN, [write(tmp_path / "log.jsonl", lines)])


def test_forms_are_not_mixed_and_files_exist(tmp_path: Path) -> None:
    """A file that is not there, and two forms at once, are said."""
    with pytest.raises(UsageProblem, match="is no file"):
        count_log([tmp_path / "nothing.jsonl"], PLAN)
    (tmp_path / "b.parquet").write_bytes(b"")
    with pytest.raises(UsageProblem, match="several forms"):
        count_log([write(tmp_path / "a.jsonl", [line(0)]), tmp_path / "b.parquet"], PLAN)


# --- Whole rollouts, simulated ---


def simulated(tmp_path: Path, truth: Truth, days: int, stage: int = 1) -> Verdict:
    lines = simulated_log(PLAN, ROLLOUT, truth, start=START, days=days, seed=3, first_stage=stage)
    found = count(tmp_path, lines)
    assert found.simulated
    return judge(ROLLOUT, found)


def test_simulated_rollouts_go_the_way_they_should(tmp_path: Path) -> None:
    """Equal: promoted; 15 points worse: rolled back; half a day: held; all of it says that it is simulated."""
    assert ("promote", "gate_passed") == reason(simulated(tmp_path, Truth(EQUAL, EQUAL), 1))
    assert ("rollback", "evidence") == reason(simulated(tmp_path, Truth(EQUAL, {"schema": 0.15}), 2))
    assert ("hold", "not_enough") == reason(simulated(tmp_path, Truth(EQUAL, EQUAL), 2, 3))
    assert simulated(tmp_path, Truth(EQUAL, EQUAL), 1).simulated


def reason(found: Verdict) -> tuple[str, str]:
    return found.word, found.why


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("drift", ("hold", "not_enough")),
        ("outage", ("hold", "not_enough")),
        ("duplicates", ("hold", "not_enough")),
        ("late", ("hold", "not_enough")),
        ("burst", ("hold", "not_enough")),
        ("no-control", ("unusable", "no_control")),
        ("mismatch", ("hold", "data_invalid")),
        ("swap", ("hold", "data_invalid")),
    ],
)
def test_what_happens_to_a_log_is_told_from_harm(tmp_path: Path, event: str, expected: tuple[str, str]) -> None:
    """Two days at 50 % with an equal candidate: nothing that happens to both sides, or to the log, rolls it back."""
    assert expected == reason(simulated(tmp_path, Truth(EQUAL, EQUAL, {event: 0}), 2, 3))


def test_failures_that_a_fallback_masks_are_seen(tmp_path: Path) -> None:
    """One call in five of the candidate's fails and is answered by the baseline: good answers, and yet a rollback."""
    found = simulated(tmp_path, Truth({}, {"error": 0.2}, {"fallback": 0}), 1)
    assert ("rollback", "evidence") == reason(found)
    assert any("answered by another model" in note for note in found.notes)


def test_missing_outcomes_hold_a_gate(tmp_path: Path) -> None:
    """A tenth of the candidate's outcomes lost over the week of the last gate: it would pass, and holds."""
    assert ("hold", "missing_outcomes") == reason(simulated(tmp_path, Truth(EQUAL, EQUAL, {"missing": 0}), 7, 3))


def test_spikes_after_the_rollout_are_an_alert(tmp_path: Path) -> None:
    """At 100 % with answers three times as long and dear: look at it; as they were: observe."""
    assert ("observe", "nothing_drifts") == reason(simulated(tmp_path, Truth(EQUAL, EQUAL), 1, 5))
    found = simulated(tmp_path, Truth(EQUAL, EQUAL, {"spikes": 0}), 1, 5)
    assert ("hold", "drift") == reason(found)


def test_a_verdict_depends_on_plan_and_lines_alone(tmp_path: Path) -> None:
    """Replayed in growing prefixes, twice: the same sequence; and once rolled back, always."""
    truth = Truth(EQUAL, {"schema": 0.12})
    lines = list(simulated_log(PLAN, ROLLOUT, truth, start=START, days=1, seed=3))
    steps = range(len(lines) // 8, len(lines) + 1, len(lines) // 8)
    once, again = ([judge(ROLLOUT, count(tmp_path, lines[:step])) for step in steps] for _ in range(2))
    assert once == again
    words = [found.word for found in once]
    assert "rollback" in words
    assert {"rollback"} == set(words[words.index("rollback") :])


def test_the_same_seed_simulates_the_same_log() -> None:
    """Another seed another one."""

    def logs(seed: int) -> list[Any]:
        return list(simulated_log(PLAN, ROLLOUT, Truth(EQUAL, EQUAL, {"late": 0}), start=START, days=1, seed=seed))

    assert logs(1) == logs(1)
    assert logs(1) != logs(2)
