"""From evidence and policy to a plan: what it is, what it refuses, what it changes and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from canary_nouns import evidence, inputs, metric, plan, rollout
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.canary import Rollout, Stage, Terms, plan_document, plan_flow, plan_of, scheduled
from migrate.canary.metrics import unit_rate
from migrate.statistics import BadEvents, Size, exact_power

SCHEMA: Any = json.loads(
    (Path(__file__).parents[2] / "migrate" / "schemas" / "canary-plan.schema.json").read_text("utf-8")
)


def comparing(stages: tuple[Stage, ...]) -> list[Stage]:
    return [stage for stage in stages if stage.share_kind == "compare"]


def test_the_default_ladder() -> None:
    """10, 25 and 50 % are compared, 95 % holds back for a week, 100 % is watched; the last gate sees a whole week."""
    made = rollout()
    assert ["ready", 0.10] == [made.verdict, made.first_share]
    assert [(0.10, "compare"), (0.25, "compare"), (0.50, "compare"), (0.95, "holdback"), (1.0, "watch")] == [
        (stage.share, stage.share_kind) for stage in made.stages
    ]
    assert [0.12, 0.06, 0.03] == [pytest.approx(stage.margin) for stage in comparing(made.stages)]
    assert [7, 7] == [stage.days for stage in made.stages[2:4]]


def test_a_stage_has_the_power_it_promises() -> None:
    """Summed over all outcomes, the look at the end of each stage lets an equal candidate pass as often as planned."""
    made = rollout("high")
    bad = next(one for one in made.metrics if one.name == "bad")
    for stage in comparing(made.stages):
        size = Size(stage.n_candidate, stage.n_control)
        assert stage.level == pytest.approx(made.alpha / 3)
        assert exact_power(size, (bad.rate, bad.rate), stage.margin, made.alpha / 3) >= made.power


def test_the_stop_tables_are_the_evidence() -> None:
    """Each (m, k) of a stage is the fewest bad answers of the candidate that pass the metric's part of the error."""
    made = rollout()
    for stage in comparing(made.stages):
        for one in made.metrics:
            for m, k in stage.rollback.get(one.name, ()):
                reached, missed = BadEvents(one.r0), BadEvents(one.r0)
                reached.add(stage.share, k, m - k)
                missed.add(stage.share, k - 1, m - k + 1)
                assert missed.e < 1 / (made.alpha * one.weight) <= reached.e


def test_the_parts_of_the_error_add_up() -> None:
    """The weights of all metrics and the cap's tenth are the whole, so that the rollback errs as often as alpha."""
    for terms in (Terms(), Terms(hard=("bad", "slow")), Terms(hard=("error",))):
        assert sum(one.weight for one in rollout(terms=terms).metrics) == pytest.approx(0.9)


def test_harm_that_is_shown_does_not_start() -> None:
    """A lower bound past the margin ends it, and says in how many cases."""
    made = rollout(evidence=evidence(metric(low=0.06, excess=0.12, high=0.2, worse=14)))
    assert ("do_not_start", ()) == (made.verdict, made.stages)
    assert "at least 6 points worse offline, margin 3: 14 of 100 cases got worse, mend them first" == made.reasons[0]


def test_a_candidate_that_looks_bad_asks_a_person() -> None:
    """More than twice the margin by estimate, though not shown: the first stage waits for a yes."""
    made = rollout(evidence=evidence(metric(excess=0.07, low=0.02, high=0.13)))
    assert "ready_modified" == made.verdict
    assert [True, False] == [stage.human_gate for stage in made.stages[:2]]


def test_a_critical_flow_starts_at_one_percent() -> None:
    """Its class exposes 1 % at once: 1 % and 5 % come before the ladder, and 10 % are held back."""
    made = rollout("critical", users_per_day=60000, requests_per_day=120000)
    assert [0.01, 0.05, 0.10, 0.25, 0.50, 0.90, 1.0] == [stage.share for stage in made.stages]
    assert all(one.r0 == 1 for one in made.metrics)
    assert any(reason.startswith("starts at 1 %") for reason in made.reasons)


def test_evidence_that_suffices_saves_a_stage() -> None:
    """A low flow that is shown to be within the margin by enough cases starts at 25 %."""
    shown = evidence(metric(cases=900, excess=0.0, low=-0.01, high=0.01, p=0.001, worse=4, better=4))
    made = rollout("low", evidence=shown)
    assert (0.25, 0.25) == (made.first_share, made.stages[0].share)
    assert "no 10 % stage: the offline evidence shows the margin already" in made.reasons


def test_what_no_share_can_afford_is_mirrored_first() -> None:
    """One bad answer a day, and offline nearly everything possible: no user sees it, and the cases wanted are said."""
    made = rollout(terms=Terms(budget_per_day=1), evidence=evidence(metric(high=0.4)))
    assert ("shadow_first", 0.0) == (made.verdict, made.first_share)
    assert made.mirrored_cases is not None
    assert f"mirror {made.mirrored_cases} calls first" in made.reasons[0]


def test_too_little_traffic_is_said_and_power_is_not_cut() -> None:
    """Thirty users a day do not show 1.5 points in two months: what they would show is said, and the cases wanted."""
    made = rollout("high", users_per_day=30, requests_per_day=60)
    assert "cannot_reach_power" == made.verdict
    assert made.reachable_margin is not None
    assert made.reachable_margin > made.margin
    assert "paired cases" in made.reasons[-1]


def test_what_no_number_of_days_shows_is_said_plainly() -> None:
    """Where nearly everybody meets a bad answer today, and where the days do not suffice: two sentences, no riddle."""
    bad = rollout(terms=Terms(rates={"bad": 0.9}))
    said = "no number of days is enough to show the margin of 3 points: 90% of the users are taken to meet a bad answer"
    assert f"{said} today already" in bad.reasons
    few = rollout("high", users_per_day=30, requests_per_day=60)
    assert any(
        reason.startswith("at this traffic the margin of 1.5 points takes ") and reason.endswith(", and there are 60")
        for reason in few.reasons
    )


def test_a_margin_of_nothing_is_planned_for_nobody() -> None:
    """`tolerances: {margin: 0}` asks that the candidate is shown to be better: no size does, and no crash either."""
    made = rollout(margin=0.0)
    assert ("cannot_reach_power", ()) == (made.verdict, made.stages)
    assert "no number of users shows a margin of 0 points" in made.reasons[-1]
    document = plan_document(plan(made))
    jsonschema_rs.validator_for(SCHEMA).validate(document)
    assert document == plan_document(plan_of(document))


def test_a_ladder_that_is_too_small_is_what_is_said_of_it() -> None:
    """One user in a million shows nothing in two months, half of them would: not that "3 points can be shown"."""
    made = rollout(terms=Terms(ladder=(0.000001, 1.0), cases="production_sample", budget_per_day=300))
    assert ("cannot_reach_power", made.margin) == (made.verdict, made.reachable_margin)
    assert "in 60 days 50 % of the traffic would show 3 points, the ladder does not" in made.reasons


def test_days_are_saved_in_the_order_of_the_rules() -> None:
    """With fewer days to spend, early gates widen first; then 10 and 25 % are one; then it goes straight to 50 %."""
    said = []
    for days in (40, 27, 22, 20):
        made = rollout("high", Terms(max_days=days), users_per_day=1400, requests_per_day=2800)
        said.append((made.verdict, [reason.split(",")[0] for reason in made.reasons[1:-1]], made.days <= days))
    changes = [len(reasons) for _, reasons, _ in said]
    assert sorted(changes) == changes
    assert all(kept for verdict, _, kept in said if verdict == "ready_modified")


def test_a_model_that_leaves_first_is_refused() -> None:
    """A candidate gone is not started; one that leaves in a week, or a control that does, cannot be finished."""
    gone = rollout(days_left=-3, shutdown="2026-01-12")
    assert ("do_not_start", "gpt-4.1-mini has left its provider, on 2026-01-12") == (gone.verdict, gone.reasons[0])
    for side in ("", "baseline_"):
        leaving = rollout(**{f"{side}days_left": 7, f"{side}shutdown": "2026-01-22"})
        assert "cannot_reach_power" == leaving.verdict
        assert any("leaves on 2026-01-22" in reason for reason in leaving.reasons)


def test_a_budget_tightens_gates_and_is_kept_to() -> None:
    """A stage spends at most its part, were the candidate as bad as the gate before allows, where gates can do it."""
    free = rollout()
    made = rollout(terms=Terms(budget=500))
    assert 500 == made.budget
    assert made.stages[1].margin <= free.stages[1].margin
    assert any("tightened" in reason for reason in made.reasons)


def test_the_cache_is_cold_before_it_is_warm() -> None:
    """The worked example: 80 % hits at $0.0130 today, $0.0152 cold and $0.0080 at equal hits: +17 % and -38 %."""
    stage = rollout().stages[0]
    calls = 6000 * 0.10
    assert pytest.approx(calls * 0.0022) == stage.cost_per_day_cold
    assert pytest.approx(calls * -0.0050) == stage.cost_per_day_warm


def test_unknown_prices_stay_unknown() -> None:
    """Without a price there is no money in a row, and no zero."""
    made = inputs()
    made = replace(made, candidate=replace(made.candidate, cold_usd=None, warm_usd=None))
    assert {(None, None)} == {
        (stage.cost_per_day_cold, stage.cost_per_day_warm) for stage in plan_flow(made, Terms()).stages
    }


def test_a_judge_makes_it_longer() -> None:
    """Planned with a judge of 80 / 95 %, a groundedness gate wants more than twice the units."""
    from migrate.canary.terms import Judge

    rates = {"ungrounded": 0.04}
    sharp = rollout(terms=Terms(hard=("ungrounded",), rates=rates, judge=Judge(1.0, 1.0)))  # type: ignore[arg-type]
    dull = rollout(terms=Terms(hard=("ungrounded",), rates=rates, judge=Judge(0.8, 0.95)))  # type: ignore[arg-type]
    assert dull.stages[0].n_candidate > 2 * sharp.stages[0].n_candidate


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["low", "medium", "high"]),
    st.integers(200, 200_000),
    st.floats(0.0, 0.06),
    st.floats(0.0, 0.3),
)
def test_whatever_the_evidence_the_rules_hold(critical: Any, users: int, excess: float, width: float) -> None:
    """Shares rise, margins fall to the flow's, the first share keeps its class, days are within what is allowed."""
    seen = metric(excess=excess, low=excess - width, high=excess + width)
    made = rollout(critical, users_per_day=users, requests_per_day=2 * users, evidence=evidence(seen))
    shares = [stage.share for stage in made.stages]
    margins = [stage.margin for stage in comparing(made.stages)]
    assert sorted(set(shares)) == shares
    assert sorted(margins, reverse=True) == margins
    assert made.first_share <= {"low": 0.25, "medium": 0.10, "high": 0.05}[critical]
    if made.verdict in ("ready", "ready_modified"):
        assert made.days <= 60
        assert pytest.approx(made.margin) == margins[-1]
        assert shares[0] <= max(made.first_share, 0.10)


@given(st.floats(0, 1), st.floats(1, 50))
def test_a_unit_meets_more_than_a_call(rate: float, calls: float) -> None:
    """The share of users who meet a bad answer is at least that of the calls that are one, and a share."""
    assert rate - 1e-12 <= unit_rate(rate, calls) <= 1


# --- Several flows ---


def test_flows_start_one_after_another() -> None:
    """Of four equal flows no day exposes more than a tenth of all traffic anew, and each starts as soon as it may."""
    flows = [rollout(evidence=evidence(flow=name)) for name in ("a", "b", "c", "d")]
    placed = scheduled(flows, 0.10)
    exposed: dict[int, float] = {}
    for one in placed:
        day, before = one.starts_on_day, 0.0
        for stage in one.stages:
            exposed[day] = exposed.get(day, 0.0) + (stage.share - before) * one.requests_per_day
            day, before = day + stage.days, stage.share
    biggest_step = max(0.45, 0.25) * 6000
    assert max(exposed.values()) <= max(0.10 * 24000, biggest_step) + 1
    assert 0 == min(one.starts_on_day for one in placed)
    assert len({one.starts_on_day for one in placed}) > 1


def test_flows_that_need_years_find_their_days() -> None:
    """Where each flow has its days to itself, two hundred of them are placed, some after more than a year."""
    flows = [replace(rollout(), flow=f"f{number}") for number in range(200)]
    placed = scheduled(flows, 0.0001)
    days = [day for one in placed for day in _step_days(one)]
    assert len(days) == len(set(days))
    assert max(days) > 366


def _step_days(made: Rollout) -> list[int]:
    """Days of the schedule on which a rollout exposes more traffic."""
    ends = [0, *(stage.ends_not_before for stage in made.stages[:-1])]
    return [made.starts_on_day + day for day in ends]


# --- The document ---


def test_equal_inputs_give_equal_bytes() -> None:
    """Planned twice, the file is the same to the byte, its id included; another margin makes another id."""
    texts = {json.dumps(plan_document(plan(rollout("low")))) for _ in range(2)}
    assert 1 == len(texts)
    assert plan(rollout("low")).plan_id != plan(rollout("medium")).plan_id


@pytest.mark.parametrize("critical", ["low", "medium", "high", "critical"])
def test_a_plan_survives_its_file(critical: Any) -> None:
    """Written and read again it is the same document, and keeps the published schema."""
    made = plan(rollout(critical), rollout(evidence=evidence(metric(low=0.2, excess=0.3), flow="notes")))
    document = plan_document(made)
    jsonschema_rs.validator_for(SCHEMA).validate(document)
    assert document == plan_document(plan_of(json.loads(json.dumps(document))))
