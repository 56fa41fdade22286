"""Pools on their way: judged as one and each member for itself, from counts and from logs, and their flags."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
import yaml
from canary_nouns import evidence, member, plan, pool, rollout, schema_of
from hypothesis import given
from hypothesis import strategies as st

from migrate.canary import Rollout, Terms, behaviour, plan_document, plan_flow, plan_of
from migrate.canary.behaving import with_behaviour
from migrate.canary.check_documents import check_document
from migrate.canary.counted import Arm, Counted, Event, Hour, Log, pooled_counts
from migrate.canary.evidence_path import weigh_evidence
from migrate.canary.explaining import Subject, explanation
from migrate.canary.judging import judge
from migrate.canary.nouns import Behaviour
from migrate.canary.pooling import pooled
from migrate.canary.traffic import Truth, simulated_log
from migrate.canary.verdicts import Verdict
from migrate.errors import UsageProblem
from migrate.presenting.canary_check import check_lines, check_markdown
from migrate.presenting.canary_plan import plan_lines, plan_markdown
from migrate.statistics import BadEvents
from migrate.wiring.canary_check import check_canary
from migrate.wiring.canary_export import TARGETS, Target, export_flaws, exported, stages_of

START = 490_000
"""Hour of the first call."""
MADE = pool()


# --- judged as one, and each for itself ---


Part = dict[Arm, tuple[int, int]]
"""Units and bad units of each side, in one hour."""


def part(flow: str, hours: Sequence[Part], share: float = 0.10) -> Counted:
    """One member's part of a log."""
    rows = [
        Hour(START + at, share, arm, units, bad, units, {"bad": bad} if bad else {})
        for at, found in enumerate(hours)
        for arm, (units, bad) in sorted(found.items(), reverse=True)
        if units
    ]
    events = [Event(row.hour, row.share, row.arm, "bad", row.bad["bad"]) for row in rows if row.bad]
    return Counted(flow, tuple(rows), tuple(events))


def verdict(*parts: Counted, made: Rollout = MADE) -> Verdict:
    return judge(made, pooled_counts("support", parts))


def steady(candidate: int, control: int, hours: int = 24) -> list[Part]:
    """A member of 400 users a day at 10 %, with so many of both sides bad, spread over the day."""

    def bad(total: int, at: int) -> int:
        return total * (at + 1) // hours - total * at // hours

    return [{"candidate": (4, bad(candidate, at)), "control": (36, bad(control, at))} for at in range(hours)]


def test_members_reach_a_look_together() -> None:
    """Neither has the units of the gate, both have: promoted, with each member's counts beside it."""
    few = plan_flow(
        pooled("support", [member(flow, users_per_day=960, requests_per_day=960) for flow in ("refund", "triage")]),
        Terms(),
    )
    hours: list[Part] = [{"candidate": (2, at == 7), "control": (18, at % 3 == 0)} for at in range(24)]
    assert 24 * 2 < few.stages[0].n_candidate <= 24 * 2 * 2
    found = verdict(part("refund", hours), part("triage", hours), made=few)
    assert ("promote", "gate_passed") == (found.word, found.why)
    assert [("refund", 1, 8), ("triage", 1, 8)] == [
        (one.flow, one.candidate_bad, one.control_bad) for one in found.strata
    ]


def test_a_member_s_harm_is_caught_though_the_pool_hides_it() -> None:
    """Refund is bad for a quarter of the candidate's users, triage for none: as one they look fine. Stopped."""
    worse, better = part("refund", steady(24, 8)), part("triage", steady(0, 200))
    found = verdict(worse, better)
    whole = replace(MADE, strata=(), metrics=tuple(replace(one, weight=2 * one.weight) for one in MADE.metrics))
    hidden = weigh_evidence(whole, replace(pooled_counts("support", [worse, better]), strata=()))
    assert hidden.most < 1 / MADE.alpha
    assert ("rollback", "member") == (found.word, found.why)
    assert "The candidate harms refund, whatever it does to the others" in found.sentences[1]
    assert found.strata[0].e >= found.strata[0].threshold > found.strata[1].e


def test_harm_to_all_members_is_caught_together() -> None:
    """Each member shows too little to stop the pool alone; as one they stop it."""
    found = verdict(part("refund", steady(7, 12)), part("triage", steady(7, 12)))
    assert ("rollback", "evidence") == (found.word, found.why)
    assert all(one.e < one.threshold for one in found.strata)


def test_a_member_that_is_not_seen_holds_the_pool() -> None:
    """Units enough by one member, and of the other none: no verdict about what nobody saw."""
    seen = [{"candidate": (80, 0), "control": (720, 14)} for _ in range(48)]
    found = verdict(part("refund", seen), part("triage", []))
    assert ("hold", "not_enough") == (found.word, found.why)
    assert "of triage not both sides are in the log yet" in found.sentences[0]


def test_members_at_other_shares_hold_the_pool() -> None:
    """One gives the candidate a fifth, the other nearly nothing: a tenth together, and no pool."""
    more = [{"candidate": (20, 0), "control": (80, 1)} for _ in range(24)]
    less = [{"candidate": (1, 0), "control": (99, 1)} for _ in range(24)]
    found = verdict(part("refund", more), part("triage", less))
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert "the members of a pool do not have one share" in " ".join(found.sentences)
    late = verdict(part("refund", steady(0, 8), 0.25), part("triage", steady(0, 8), 0.10))
    assert ("hold", "data_invalid") == (late.word, late.why)


def test_a_member_without_its_control_is_evidence_of_nothing() -> None:
    """The other's control is in the log in the same hours: triage's bad answers are still not counted against it."""
    alone: list[Part] = [{"candidate": (40, 3), "control": (0, 0)} for _ in range(24)]
    found = verdict(part("refund", steady(1, 8)), part("triage", alone))
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert found.e < 2
    assert "in 24 hours no call of the control is in the log" in " ".join(found.sentences).lower()


def test_a_pool_of_one_is_judged_like_its_flow() -> None:
    """The same numbers and sentences, but for the name."""
    one, alone = pool(member("refund")), rollout()
    counts = part("refund", steady(6, 20))
    as_pool = judge(one, pooled_counts("support", [counts]))
    as_flow = judge(alone, counts)
    assert as_flow == replace(
        as_pool,
        flow="refund",
        strata=(),
        sentences=tuple(line.replace("support", "refund") for line in as_pool.sentences),
    )


DRIFTS: dict[str, Callable[[int, int], tuple[float, int]]] = {
    # (member, hour) -> bad rate, units an hour
    "steady": lambda place, hour: (0.04, 60),
    "rates that cross": lambda place, hour: (
        0.01 + 0.10 * (hour % 24) / 24 if place else 0.11 - 0.10 * (hour % 24) / 24,
        60,
    ),
    "traffic that moves": lambda place, hour: ((0.01, 0.12)[place], 10 + 100 * ((hour + 12 * place) % 24 >= 12)),
}


@pytest.mark.parametrize("drift", list(DRIFTS))
def test_an_equal_candidate_is_rolled_back_no_more_often_than_alpha(drift: str) -> None:
    """300 rollouts of two days at 10 % and two at 50 %, looked at hourly: at most alpha, and 3 standard errors.

    The members' rates and their part of the traffic drift by the hour.
    """
    dice = np.random.default_rng(list(DRIFTS).index(drift))
    stopped = sum(_stopped(DRIFTS[drift], dice) for _ in range(300))
    assert stopped <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("drift", list(DRIFTS))
def test_two_shares_called_one_would_roll_equal_candidates_back(drift: str) -> None:
    """What the same share in every member is for: at seven and thirteen hundredths called ten, alpha is not kept."""
    dice = np.random.default_rng(list(DRIFTS).index(drift))
    stopped = sum(_stopped(DRIFTS[drift], dice, (0.7, 1.3)) for _ in range(60))
    assert stopped > 60 * 0.05 + 3 * (60 * 0.05 * 0.95) ** 0.5


def _critical() -> Rollout:
    """A pool at whose r0 of 1 an equal candidate is the edge of what is allowed, all its error on bad answers.

    The cap is left out: it is of a rate that does not drift.
    """
    made = pool(member("refund", "critical"), member("triage", "critical"))
    assert [1.0, 1.0, 1.0] == [one.r0 for one in (made.metrics[0], *(stratum.bad for stratum in made.strata))]
    return replace(
        made,
        alpha=0.05,
        metrics=(replace(made.metrics[0], weight=made.own_part),),
        strata=tuple(replace(stratum, metrics=(replace(stratum.bad, weight=1.0),)) for stratum in made.strata),
        stages=(),
    )


CRITICAL = _critical()


def _stopped(
    drift: Callable[[int, int], tuple[float, int]], dice: np.random.Generator, off: tuple[float, float] = (1.0, 1.0)
) -> bool:
    made = CRITICAL
    strata = []
    for place, flow in enumerate(("refund", "triage")):
        rows = [
            row
            for share, first in ((0.10, 0), (0.50, 48))
            for row in _drawn(drift, place, (share, off[place]), first, dice)
        ]
        events = tuple(Event(row.hour, row.share, row.arm, "bad", row.bad["bad"]) for row in rows if row.bad)
        strata.append(Counted(flow, tuple(rows), events))
    evidence_of_all = weigh_evidence(made, pooled_counts("support", strata))
    # Nothing of the cap is left but its weight, at an evidence of 1.
    return evidence_of_all.most - 0.1 >= 1 / made.alpha


def _drawn(
    drift: Callable[[int, int], tuple[float, int]],
    place: int,
    said: tuple[float, float],
    first: int,
    dice: np.random.Generator,
) -> list[Hour]:
    """Draw 48 hours of a member, at the share that is said times how far off it is."""
    rows, share = [], said[0]
    for at in range(first, first + 48):
        rate, units = drift(place, at)
        candidate = int(dice.binomial(units, share * said[1]))
        for arm, seen in (("control", units - candidate), ("candidate", candidate)):
            bad = int(dice.binomial(seen, rate))
            rows.append(Hour(START + at, share, arm, seen, bad, seen, {"bad": bad} if bad else {}))  # type: ignore[arg-type]
    return rows


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=6))
def test_what_members_add_up_to_does_not_depend_on_their_order(counts: list[tuple[int, int]]) -> None:
    """Hours and evidence of the pool are the same whichever member comes first."""
    parts = [part("refund", [{"candidate": (10, one), "control": (90, other)} for one, other in counts])]
    parts.append(part("triage", steady(3, 9, len(counts))))
    one, other = pooled_counts("support", parts), pooled_counts("support", parts[::-1])
    assert (one.hours, sum(row.units for row in one.hours)) == (
        other.hours,
        sum(row.units for single in parts for row in single.hours),
    )


def test_a_check_lists_the_members() -> None:
    """In the JSON, which keeps its schema, in the terminal within 80 columns and in Markdown."""
    counts = pooled_counts("support", [part("refund", steady(24, 8)), part("triage", steady(0, 200))])
    made, found = plan(MADE), judge(MADE, counts)
    log = Log({"support": counts}, 1920, 0, {})
    document = check_document(made, log, [found])
    jsonschema_rs.validator_for(schema_of("canary-check")).validate(document)
    (flow,) = document["flows"]
    assert [("refund", 24, 96), ("triage", 0, 96)] == [
        (one["flow"], one["candidate"]["bad"], one["candidate"]["units"]) for one in flow["strata"]
    ]
    lines = check_lines(made, log, [found], width=80)
    assert all(len(line) <= 80 for line in lines)
    for text in ("\n".join(lines), "\n".join(check_markdown(made, log, [found]))):
        assert "24/96" in text
    said = explanation("pool", Subject(MADE, found, counts))
    assert any("refund: bad 24/96 against 8/864" in line for line in said)


# --- logs and flags of the members ---

PLAN = plan(
    pool(
        member("refund", users_per_day=900, requests_per_day=1800),
        member("triage", users_per_day=300, requests_per_day=300),
    ),
    rollout(evidence=evidence(flow="notes")),
)
FEBRUARY = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)


def write(path: Path, truth: Truth, days: int = 1) -> list[dict[str, Any]]:
    lines = list(simulated_log(PLAN, PLAN.rollouts[0], truth, start=FEBRUARY, days=days, seed=5))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return lines


def test_simulated_lines_are_those_of_all_members(tmp_path: Path) -> None:
    """In proportion to their traffic, in the order of time, each call with an id of its own."""
    lines = write(tmp_path / "log.jsonl", Truth())
    flows = [line["flow"] for line in lines]
    assert (1800, 300) == (flows.count("refund"), flows.count("triage"))
    assert sorted(line["ts"] for line in lines) == [line["ts"] for line in lines]
    assert len({line["response_id"] for line in lines}) == len(lines)


def test_lines_of_any_member_count_for_the_pool(tmp_path: Path) -> None:
    """A user of two members is a unit of each, drawn twice; latency and cost are those of all calls."""
    write(tmp_path / "log.jsonl", Truth())
    log, (found,) = check_canary(PLAN, [tmp_path / "log.jsonl"])
    counts = log.flows["support"]
    units = [sum(row.units for row in one.hours) for one in counts.strata]
    assert ([900, 300], 1200) == (units, sum(row.units for row in counts.hours))
    assert 2100 == sum(side.calls for side in counts.sides)
    assert all(side.p95_ms is not None and sum(side.half_units) for side in counts.sides)
    assert ("support", 0) == (found.flow, counts.crossed)
    assert "rollback" != found.word


def test_harm_in_the_log_of_a_pool_rolls_it_back(tmp_path: Path) -> None:
    """A candidate that breaks the schema of one answer in five."""
    write(tmp_path / "log.jsonl", Truth(candidate={"schema": 0.2}))
    _, (found,) = check_canary(PLAN, [tmp_path / "log.jsonl"])
    assert "rollback" == found.word


def test_a_member_is_asked_for_by_its_pool(tmp_path: Path) -> None:
    """Its name leads to the pool's."""
    write(tmp_path / "log.jsonl", Truth())
    with pytest.raises(UsageProblem, match="--flow support"):
        check_canary(PLAN, [tmp_path / "log.jsonl"], flows=["triage"])


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_of_a_pool_checks_itself(tmp_path: Path, target: Target) -> None:
    """As planned; and a member that is gone, or has another share, is found."""
    stages = stages_of(PLAN, ["support"], 2)
    path = tmp_path / "export"
    path.write_text(exported(PLAN, target, stages))
    assert [] == export_flaws(PLAN, target, stages, path)
    if target == "json":
        return
    path.write_text(path.read_text().replace("triage", "triaeg"))
    assert "triage" in "\n".join(export_flaws(PLAN, target, stages, path))


def test_every_member_has_a_flag_with_the_pool_s_share() -> None:
    """One flag a member and candidate, salted by the member; flows that are in no pool are left as they are."""
    found = json.loads(exported(PLAN, "flagd", stages_of(PLAN, (), 2)))["flags"]
    assert ["refund--gpt-4.1-mini", "triage--gpt-4.1-mini", "notes--gpt-4.1-mini"] == list(found)
    shares = [flag["metadata"]["share"] for flag in found.values()]
    assert [PLAN.rollouts[0].stages[1].share] * 2 == shares[:2]


def test_argo_asks_for_the_verdict_of_the_pool() -> None:
    """A Rollout a member, with the same steps; their analyses ask about the pool."""
    documents = list(yaml.safe_load_all(exported(PLAN, "argo", stages_of(PLAN, ["support"], 1))))
    assert ["refund", "refund-check", "triage", "triage-check"] == [one["metadata"]["name"] for one in documents]
    assert 2 == json.dumps(documents).count("--flow support")


# --- how a pool behaves, against rollouts that the check itself judges ---


def lived(made: Rollout, dice: np.random.Generator, harmed: str, excess: float) -> Verdict:
    """Draw one rollout day by day, and let the check judge it after each look until it is over."""
    days: dict[str, list[tuple[float, Part]]] = {one.flow: [] for one in made.strata}
    found = None
    for stage in (one for one in made.stages if one.share_kind != "watch"):
        for _look in range(max(stage.looks, 1)):
            for stratum in made.strata:
                worse = stratum.bad.rate + (excess if harmed in ("", stratum.flow) else 0)
                sides: dict[Arm, tuple[float, float]] = {
                    "candidate": (stage.share, worse),
                    "control": (1 - stage.share, stratum.bad.rate),
                }
                for _day in range(stage.days):
                    units = {arm: round(stratum.units_per_day * share) for arm, (share, _) in sides.items()}
                    drawn: Part = {
                        arm: (units[arm], int(dice.binomial(units[arm], rate))) for arm, (_, rate) in sides.items()
                    }
                    days[stratum.flow].append((stage.share, drawn))
            found = judge(made, pooled_counts("support", [daily(flow, own) for flow, own in days.items()]))
            if found.word != "hold" or found.why == "human_gate":
                break
        if found is None or found.word != "promote":
            break
    assert found is not None
    return found


def daily(flow: str, days: Sequence[tuple[float, Part]]) -> Counted:
    """One member's part of a log: the units of a day in its first hour, what was bad in its last one."""
    rows, events = [], []
    for at, (share, sides) in enumerate(days):
        for arm, (units, bad) in sorted(sides.items(), reverse=True):
            first, last = START + 24 * at, START + 24 * at + 23
            rows.append(Hour(first, share, arm, units, 0, units, {}))
            rows.append(Hour(last, share, arm, 0, 0, 0, {"bad": bad} if bad else {}))
            events += [Event(last, share, arm, "bad", bad)] if bad else []
    return Counted(flow, tuple(rows), tuple(events))


SMALL = pool(*(member(flow, users_per_day=300, requests_per_day=600) for flow in ("a", "b", "c")))


@cache
def simulated() -> tuple[Behaviour, ...]:
    return behaviour(SMALL, 600, 3)


@pytest.mark.parametrize(("harmed", "margins"), [("", 1), ("a", 2)])
def test_simulated_rollouts_of_a_pool_are_those_the_check_would_live(harmed: str, margins: float) -> None:
    """Through, rolled back, and by whose evidence: the plan's shares are those of 100 rollouts judged here."""
    excess = margins * SMALL.margin
    (row,) = (one for one in simulated() if one.harmed == harmed and one.excess == pytest.approx(excess))
    dice = np.random.default_rng(11)
    ends = [lived(SMALL, dice, harmed, excess) for _ in range(100)]
    shares = {
        "through": (row.promoted, sum(one.word == "promote" for one in ends)),
        "rolled back": (row.rolled_back, sum(one.word == "rollback" for one in ends)),
        "by a member": (sum(row.by_member.values()), sum(one.why == "member" for one in ends)),
    }
    for said, (share, count) in shares.items():
        middle = (share * row.rollouts + count) / (row.rollouts + len(ends))
        error = (middle * (1 - middle) * (1 / row.rollouts + 1 / len(ends))) ** 0.5
        assert abs(share - count / len(ends)) <= 3.5 * error + 1 / len(ends), said


def test_a_member_harmed_alone_is_rolled_back_by_its_own_evidence() -> None:
    """Two margins in one of three: as one the pool would not see it, its own evidence does; the row names it."""
    alone = [row for row in simulated() if row.harmed]
    assert [("a", 2.0), ("a", 8.0), ("b", 2.0), ("b", 8.0), ("c", 2.0), ("c", 8.0)] == [
        (row.harmed, round(row.excess / SMALL.margin, 6)) for row in alone
    ]
    for row in alone:
        assert 150 == row.rollouts
        assert row.by_member[row.harmed] > 0.75
        assert sum(share for flow, share in row.by_member.items() if flow != row.harmed) < 0.05


def test_acceptable_members_seldom_roll_the_pool_back() -> None:
    """Equal everywhere: of 600 rollouts at most the members' half of alpha are stopped by one member's evidence."""
    equal = simulated()[0]
    bound = SMALL.alpha / 2
    assert ("", 0.0) == (equal.harmed, equal.excess)
    assert sum(equal.by_member.values()) <= bound + 3 * (bound * (1 - bound) / 600) ** 0.5
    assert all(sum(row.by_member.values()) <= row.rolled_back + 1e-9 for row in simulated())


def test_the_plan_says_what_members_alone_do() -> None:
    """In its JSON and back, in the terminal within 80 columns, in Markdown, explained; a flow's rows name nobody."""
    made = plan(replace(SMALL, behaviour=simulated()))
    document = plan_document(made)
    jsonschema_rs.validator_for(schema_of("canary-plan")).validate(document)
    assert document == plan_document(plan_of(document))
    row = document["flows"][0]["operating_characteristics"][5]
    assert ("a", 150, ["a", "b", "c"]) == (row["harmed"], row["rollouts"], [*row["rolled_back_by_member"]])
    lines = plan_lines(made, width=80)
    assert all(len(line) <= 80 for line in lines)
    assert any(line.split()[:3] == ["a", "6", "points"] for line in lines)
    assert any("by a member" in line for line in plan_markdown(made))
    assert any("in a alone" in line for line in explanation("behaviour", Subject(made.rollouts[0])))
    alone = plan_document(plan(replace(rollout(), behaviour=behaviour(rollout(), 20, 1))))["flows"][0]
    assert [(None, {})] * 5 == [
        (one["harmed"], one["rolled_back_by_member"]) for one in alone["operating_characteristics"]
    ]


def test_a_pool_that_would_hide_a_member_says_so() -> None:
    """Five users a day beside two thousand: even 24 points worse they come through, and the plan says who."""
    made = pool(member("big", users_per_day=2000), member("tiny", users_per_day=5, requests_per_day=5))
    told = with_behaviour(made, 100, 1)
    said = [reason for reason in told.reasons if reason not in made.reasons]
    assert [True] == [reason.startswith("tiny alone may be 24 points worse and come through") for reason in said]
    (row,) = (one for one in told.behaviour if one.harmed == "tiny" and one.excess > 0.2)
    assert row.promoted > 0.1
    assert () == with_behaviour(SMALL, 40, 1).reasons[len(SMALL.reasons) :]


def test_each_member_has_its_own_stop_table() -> None:
    """The integers by which it alone stops the pool are those at which its part of the evidence reaches 1 / alpha."""
    for stratum in SMALL.strata:
        assert [stage.share for stage in SMALL.stages[:-1]] == [share for share, _ in stratum.stops]
        for share, table in stratum.stops:
            for m, k in table:
                process = BadEvents(stratum.bad.r0)
                process.add(share, k, m - k)
                assert process.e * SMALL.member_part * stratum.bad.weight >= 1 / SMALL.alpha
    assert all(not one.stops for one in pool(member("a")).strata)
