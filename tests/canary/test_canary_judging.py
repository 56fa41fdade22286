"""From counts to a verdict: the order of questions, what stops a rollout, what lets it go on, and what neither does."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from canary_nouns import plan, rollout, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.canary import Rollout, Terms
from migrate.canary.check_documents import check_document
from migrate.canary.counted import Arm, Counted, Event, Hour, Log, Served, Side
from migrate.canary.judging import judge
from migrate.canary.verdicts import Verdict

START = 490_000
"""Hour of the first call."""
MADE = rollout(users_per_day=2400, requests_per_day=4800)


def hour(at: int, arm: Arm, share: float, units: int, bad: int = 0, **more: Any) -> Hour:
    kinds = more.pop("kinds", {"bad": bad} if bad else {})
    usual: dict[str, Any] = {"calls": 2 * units, "bad_calls": bad, "bad": kinds}
    return Hour(START + at, share, arm, units=units, **{**usual, **more})


def counted(hours: Iterable[Hour], **more: Any) -> Counted:
    """Counts whose events are the first bad answers of the hours."""
    rows = tuple(hours)
    events = tuple(
        Event(row.hour, row.share, row.arm, name, count, at % 2)
        for at, row in enumerate(rows)
        for name, count in row.bad.items()
    )
    return Counted("refund", rows, events, **more)


def stage_hours(
    share: float, hours: int, bad: tuple[float, float], first: int = 0, per_hour: int = 100, **more: Any
) -> list[Hour]:
    """A stage at a steady traffic: bad units of candidate and control are given as shares, and spread evenly."""
    found = []
    for place, (arm, part) in enumerate((("candidate", share), ("control", 1 - share))):
        units = round(per_hour * part)
        for at in range(hours):
            expected = units * bad[place]
            count = int(expected * (at + 1)) - int(expected * at)
            found.append(hour(first + at, arm, share, units, count, **more))  # type: ignore[arg-type]
    return sorted(found, key=lambda row: row.hour)


def verdict(hours: Iterable[Hour], made: Rollout = MADE, **more: Any) -> Verdict:
    return judge(made, counted(hours, **more))


def test_an_equal_candidate_is_promoted_at_the_planned_look() -> None:
    """Enough units, a whole day, a bound below the margin: promote, with the numbers in the words."""
    found = verdict(stage_hours(0.10, 24, (0.02, 0.02)))
    assert ("promote", "gate_passed") == (found.word, found.why)
    assert [1] == [look.number for look in found.looks]
    assert "Promote refund from 10 % to 25 %." == found.sentences[0]


def test_before_the_day_is_over_it_holds() -> None:
    """However good it looks, a stage lasts whole days; what is missing is said."""
    found = verdict(stage_hours(0.10, 23, (0.0, 0.02)))
    assert ("hold", "not_enough") == (found.word, found.why)
    assert "1.0 of 1 days" in found.sentences[1]


def test_too_few_units_hold() -> None:
    """Two days of little traffic: how many units are wanted, and when they will be there."""
    found = verdict(stage_hours(0.10, 48, (0.0, 0.0), per_hour=10))
    assert ("hold", "not_enough") == (found.word, found.why)
    assert f"48 of {MADE.stages[0].n_candidate} units of the candidate" in found.sentences[1]


def test_harm_is_stopped_whatever_else_is_wrong() -> None:
    """Half of the candidate's units bad: rolled back in hours, though a foreign model answers and few are assigned."""
    hours = stage_hours(0.10, 5, (0.5, 0.02))
    served = (Served("candidate", "someone-else", 100),)
    found = verdict(hours, served=served, unassigned=10_000)
    assert ("rollback", "evidence") == (found.word, found.why)
    assert found.e >= found.threshold == 20


def test_a_rollback_stays_one() -> None:
    """What came after the evidence was there does not take it back: the plan is over."""
    harmful = stage_hours(0.10, 5, (0.5, 0.02))
    healed = stage_hours(0.10, 72, (0.0, 0.05), first=5)
    assert "rollback" == verdict(harmful + healed).word


def test_the_budget_stops_it() -> None:
    """More bad units beyond the control's than were allowed, though each is no evidence of more than the margin."""
    made = replace(MADE, budget=10)
    found = verdict(stage_hours(0.50, 48, (0.025, 0.02)), made)
    assert ("rollback", "budget") == (found.word, found.why)


def test_a_base_rate_that_triples_is_no_harm() -> None:
    """Both sides three times as bad from the second day on: never a rollback."""
    hours = stage_hours(0.50, 24, (0.02, 0.02)) + stage_hours(0.50, 48, (0.06, 0.06), first=24)
    found = verdict(hours)
    assert "rollback" != found.word
    assert found.e < 20


def test_an_outage_of_both_sides_freezes_the_shares() -> None:
    """Everything fails on both sides now: hold, nothing is counted against the budget, and the evidence stays small."""
    hours = stage_hours(0.10, 30, (0.02, 0.02)) + stage_hours(0.10, 3, (1.0, 1.0), first=30, bad_calls=15, calls=20)
    found = verdict(hours)
    assert ("hold", "both_arms_degraded") == (found.word, found.why)
    assert found.e < 20
    assert abs(found.spent) < 5


def test_an_outage_that_is_over_is_told_of_and_goes_on() -> None:
    """A day later the verdict is another one, and a note says what was left out."""
    broken = stage_hours(0.10, 3, (1.0, 1.0), first=30, bad_calls=15, calls=20)
    hours = stage_hours(0.10, 30, (0.02, 0.02)) + broken + stage_hours(0.10, 24, (0.02, 0.02), first=33)
    found = verdict(hours)
    assert "both_arms_degraded" != found.why
    assert any("both sides failed more than usual in 3 hours" in note for note in found.notes)


def test_without_a_control_there_is_no_verdict() -> None:
    """The candidate's calls alone, however bad: unusable, because nothing tells the model from the day."""
    found = verdict(row for row in stage_hours(0.10, 24, (0.5, 0.0)) if row.arm == "candidate")
    assert ("unusable", "no_control") == (found.word, found.why)


def test_a_stage_without_a_control_takes_no_rollback_back() -> None:
    """Harm was shown at 10 %; that the first lines at 25 % are the candidate's alone is no way out of it."""
    harmful = stage_hours(0.10, 5, (0.5, 0.02))
    after = [hour(5, "candidate", 0.25, 3)]
    assert ("rollback", "evidence") == (verdict(harmful + after).word, verdict(harmful + after).why)
    fine = stage_hours(0.10, 5, (0.02, 0.02))
    assert ("unusable", "no_control") == (verdict(fine + after).word, verdict(fine + after).why)


@pytest.mark.parametrize(
    ("stray", "silent"), [(hour(24 * 60, "control", 0.10, 1), 1432), (hour(-24 * 60, "control", 0.10, 1), 1439)]
)
def test_a_clock_that_is_wrong_makes_no_day(stray: Hour, silent: int) -> None:
    """Eight hours of calls and one line dated two months off: no day is over, and the silence is told of."""
    found = verdict(sorted([*stage_hours(0.10, 8, (0.02, 0.02)), stray], key=lambda row: row.hour))
    assert ("hold", "not_enough") == (found.word, found.why)
    assert "0.4 of 1 days" in found.sentences[1]
    assert f"{silent} hours without a call are not counted as time" in found.notes[-1]


def test_logs_of_a_week_that_are_missing_are_no_week() -> None:
    """A day before and a day after the gap: two of the seven days that the last gate wants have been looked at."""
    days = stage_hours(0.50, 24, (0.02, 0.02)) + stage_hours(0.50, 24, (0.02, 0.02), first=24 * 8)
    found = verdict(days)
    assert ("hold", "not_enough") == (found.word, found.why)
    assert "2.0 of 7 days" in found.sentences[1]


def test_nights_and_flows_with_few_calls_may_be_silent() -> None:
    """Twelve silent hours a day count as time; so do three silent days of a flow with six calls a day."""
    days = [row for day in range(7) for row in stage_hours(0.50, 12, (0.02, 0.02), first=24 * day)]
    end = stage_hours(0.50, 1, (0.0, 0.0), first=24 * 7 - 1)
    assert "promote" == verdict(days + end).word
    few = rollout("low", Terms(max_days=366), users_per_day=6, requests_per_day=6)
    rows = [row for day in range(0, 61, 3) for row in stage_hours(0.10, 1, (0.0, 0.0), first=24 * day, per_hour=40)]
    assert not any("not counted as time" in note for note in verdict(rows, few).notes)


def test_a_log_that_cannot_be_read_promotes_nothing() -> None:
    """One line in twenty may be of something else; more, and what they hide might be the failures."""
    hours = stage_hours(0.10, 24, (0.02, 0.02))
    assert "promote" == verdict(hours, lines=5000, unreadable=250).word
    found = verdict(hours, lines=5000, unreadable=251)
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert "251 of 5000 lines of the log cannot be read" in found.sentences[1]


def test_a_control_that_falls_silent_is_no_evidence() -> None:
    """Its calls stop being logged in the middle: hold, and the candidate's bad answers since then count for nothing."""
    hours = stage_hours(0.50, 30, (0.02, 0.02))
    alone = [row for row in stage_hours(0.50, 30, (0.1, 0.0), first=30) if row.arm == "candidate"]
    found = verdict(hours + alone)
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert "In 30 hours no call of the control is in the log." in found.sentences
    assert found.e < 20


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"unassigned": 1000}, "do not say which side they were meant for"),
        ({"served": (Served("candidate", "gpt-4.1-nano", 50), Served("candidate", "gpt-4.1-mini-2025-04-14", 500))},
         "50 of 550 calls of the candidate were answered by gpt-4.1-nano, not gpt-4.1-mini"),
        ({"crossed": 100}, "100 units were on both sides"),
    ],
)  # fmt: skip
def test_data_of_something_else_promote_nothing(more: Any, said: str) -> None:
    """Calls without a side, a foreign model, an assignment that does not stick: hold, and what is wrong."""
    found = verdict(stage_hours(0.10, 24, (0.02, 0.02)), **more)
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert any(said in sentence for sentence in found.sentences)


def test_a_broken_split_is_found() -> None:
    """A third of the candidate's units lost: the comparison is broken, not the model."""
    hours = [replace(row, units=row.units * 2 // 3) if row.arm == "candidate" else row
             for row in stage_hours(0.25, 48, (0.02, 0.02))]  # fmt: skip
    found = verdict(hours)
    assert ("hold", "data_invalid") == (found.word, found.why)
    assert "the split is broken" in found.sentences[-1]


def test_a_share_the_plan_does_not_have_is_refused() -> None:
    """30 % is no stage of the plan, and going back to 10 % is no plan."""
    assert "a share that the plan does not have: 30.00%" in " ".join(
        verdict(stage_hours(0.30, 24, (0.02, 0.02))).sentences
    )
    back = stage_hours(0.25, 30, (0.02, 0.02)) + stage_hours(0.10, 24, (0.02, 0.02), first=10)
    assert "went back from 25% to 10%" in " ".join(verdict(back).sentences)
    late = stage_hours(0.10, 40, (0.02, 0.02)) + stage_hours(0.25, 48, (0.02, 0.02), first=24)
    assert "after 25% had begun" in " ".join(verdict(late).sentences)


def test_missing_outcomes_are_taken_for_the_worst() -> None:
    """A sixth of the candidate's units without an outcome: it would pass without them, so it holds and says so."""
    hours = [replace(row, missing=2) if row.arm == "candidate" else row for row in stage_hours(0.10, 24, (0.02, 0.02))]
    found = verdict(hours)
    assert ("hold", "missing_outcomes") == (found.word, found.why)
    assert 48 == found.missing_candidate


def test_looks_are_three_and_then_a_person_decides() -> None:
    """At an excess near the margin the first look decides nothing; after the third nobody but a person does."""
    made = rollout(users_per_day=200, requests_per_day=200)
    stage = made.stages[0]
    per_hour = 10 * stage.n_candidate / 24 / stage.days

    def after(looks: int) -> Verdict:
        return verdict(stage_hours(0.10, 24 * stage.days * looks, (0.12, 0.03), per_hour=round(per_hour)), made)

    first = after(1)
    if first.word == "hold":
        assert first.why in ("inconclusive", "not_enough")
    assert after(4).why in ("human_gate", "evidence")


def test_a_look_is_not_taken_again() -> None:
    """Between the first look and the second nothing that comes in changes what the first saw: peeking is free."""
    hours = stage_hours(0.10, 24, (0.02, 0.02))
    more = stage_hours(0.10, 10, (0.0, 0.0), first=24)
    assert verdict(hours).looks[0] == verdict(hours + more).looks[0]


def test_the_hold_back_ends_by_time() -> None:
    """At 95 % a week without a stop is enough; before it is over, it holds."""
    assert "not_enough" == verdict(stage_hours(0.95, 100, (0.02, 0.02))).why
    assert ("promote", "held_back_long_enough") == tuple(
        getattr(verdict(stage_hours(0.95, 168, (0.02, 0.02))), name) for name in ("word", "why")
    )


def test_at_the_full_share_it_observes() -> None:
    """Nothing can be compared any more: the word is observe, and what drifts is an alert."""
    calm = [hour(at, "candidate", 1.0, 100, 2) for at in range(24)]
    assert ("observe", "nothing_drifts") == (verdict(calm).word, verdict(calm).why)
    broken = [hour(at, "candidate", 1.0, 100, 60, kinds={"schema": 60, "bad": 60}) for at in range(24)]
    found = verdict(broken)
    assert ("hold", "drift") == (found.word, found.why)
    assert any("a broken schema" in sentence for sentence in found.sentences)
    longer = [hour(at, "candidate", 1.0, 100, kinds={"tokens": 50, "cost": 50}) for at in range(24)]
    assert any("output tokens" in sentence for sentence in verdict(longer).sentences)


@pytest.mark.parametrize(
    ("kind", "rate", "said"),
    [
        ("schema", 0.4, "a broken schema"),
        ("refusal", 0.4, "a refusal"),
        ("tokens", 0.4, "a very long answer, past 320 output tokens"),
        ("cost", 0.4, "a very dear answer, past 0.02 US dollars"),
    ],
)
def test_after_the_rollout_each_drift_from_the_goldens_alerts(kind: str, rate: float, said: str) -> None:
    """At 100 %, a day of 2,400 units: as often as among the goldens is quiet, far more often is one alert, by name."""
    metric = next(one for one in MADE.metrics if one.name == kind)
    units = 2_400

    def day(share: float) -> Verdict:
        return verdict([hour(0, "candidate", 1.0, units, kinds={kind: round(units * share)})])

    assert ("observe", "nothing_drifts") == (day(metric.rate).word, day(metric.rate).why)
    found = day(rate)
    assert ("hold", "drift") == (found.word, found.why)
    assert [said in sentence for sentence in found.sentences[1:]] == [True]


def halved(first: int, second: int) -> Verdict:
    """A day at 50 % whose control has so many bad units in each of its two halves, by a second hash."""
    rows = (hour(0, "candidate", 0.5, 1_000, 20), hour(0, "control", 0.5, 1_000, first + second))
    events = (
        Event(START, 0.5, "candidate", "bad", 20),
        Event(START, 0.5, "control", "bad", first, 0),
        Event(START, 0.5, "control", "bad", second, 1),
    )
    sides = (Side("control", 2_000, half_units=(500, 500)),)
    return judge(MADE, Counted("refund", rows, events, sides=sides))


def test_two_halves_of_the_control_are_held_against_each_other() -> None:
    """A/A beside the verdict: alike halves give no evidence; halves that differ say that the machinery is not fair."""

    def evidence(found: Verdict) -> float:
        return next(one.e_control_halves for one in found.readings if one.name == "bad")

    assert evidence(halved(20, 20)) < 1
    assert evidence(halved(2, 90)) > 20


def test_the_next_check_is_said() -> None:
    """Soon where evidence grows, never after a rollback."""
    assert verdict(stage_hours(0.10, 24, (0.5, 0.02))).next_check is None
    assert verdict(stage_hours(0.10, 5, (0.02, 0.02))).next_check is not None


@settings(max_examples=30)
@given(st.integers(1, 72), st.floats(0, 0.3), st.floats(0, 0.3), st.sampled_from([0.10, 0.25, 0.50, 0.95, 1.0]))
def test_any_verdict_is_a_document(hours: int, candidate: float, control: float, share: float) -> None:
    """Whatever the log, the JSON keeps its schema, and the same counts give the same verdict."""
    rows = [row for row in stage_hours(share, hours, (candidate, control)) if row.units]
    found = verdict(rows)
    assert found == verdict(rows)
    made = plan(MADE)
    document = check_document(made, Log({"refund": counted(rows)}, 100, 0, {}), [found])
    jsonschema_rs.validator_for(schema_of("canary-check")).validate(document)


# --- What it errs: simulated rollouts, looked at every hour ---


def drifting_log(dice: random.Random, rates: Sequence[float], share: float, excess: float, days: int) -> list[Hour]:
    """Days of traffic whose bad rate moves by the hour, with an hour in which everything fails."""
    found = []
    dark = dice.randrange(24 * days)
    for at in range(24 * days):
        rate = 1.0 if at == dark else rates[at % len(rates)]
        for arm, part in (("candidate", share), ("control", 1 - share)):
            units = sum(dice.random() < part for _ in range(40))
            worse = min(rate + (excess if arm == "candidate" else 0.0), 1.0)
            found.append(hour(at, arm, share, units, sum(dice.random() < worse for _ in range(units))))  # type: ignore[arg-type]
    return found


def test_equal_candidates_are_rolled_back_no_more_often_than_alpha() -> None:
    """Of 200 rollouts with a drifting rate and an outage, looked at in each of 120 hours: at most 5 %, and 3 errors."""
    dice = random.Random(5)
    rates = (0.01, 0.02, 0.05, 0.08, 0.05, 0.02)
    rolled = sum(verdict(drifting_log(dice, rates, 0.10, 0.0, 5)).word == "rollback" for _ in range(200))
    assert rolled <= 200 * 0.05 + 3 * (200 * 0.05 * 0.95) ** 0.5


def test_candidates_at_the_margin_are_promoted_no_more_often_than_alpha() -> None:
    """Of 300 stages with an excess of just the stage's margin, all three looks taken: at most 5 %, and 3 errors."""
    dice = random.Random(7)
    made = rollout(users_per_day=960, requests_per_day=960)
    stage = made.stages[0]
    quiet = replace(made, metrics=tuple(replace(metric, r0=50.0) for metric in made.metrics), budget=0)
    promoted = sum(
        verdict(drifting_log(dice, (0.03,), stage.share, stage.margin, 3 * stage.days), quiet).word == "promote"
        for _ in range(300)
    )
    assert promoted <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_a_bad_candidate_is_rolled_back_soon() -> None:
    """20 points worse at 10 %: within a day in more than 9 of 10."""
    dice = random.Random(9)
    rolled = sum(verdict(drifting_log(dice, (0.02,), 0.10, 0.3, 1)).word == "rollback" for _ in range(50))
    assert rolled >= 45
