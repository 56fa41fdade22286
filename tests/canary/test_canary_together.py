"""Several flows of one plan: claims, alarms and evidence as one, and what each side's calls cost."""

from __future__ import annotations

import random
from dataclasses import replace

import jsonschema_rs
import pytest
from canary_nouns import plan, rollout, schema_of

from migrate.canary.check_documents import check_document, cost_interval
from migrate.canary.counted import Counted, Event, Hour, Log, Side
from migrate.canary.judging import judge
from migrate.canary.terms import Judge
from migrate.canary.together import claims_of, together
from migrate.presenting.canary_check import check_lines, latency_plot
from migrate.presenting.canary_plan import plan_lines

MADE = rollout()
START = 490_000


def flows(*ps: float | None, judged: bool = False) -> list:
    judge_of = Judge(0.9, 0.95) if judged else None
    return [replace(MADE, flow=f"f{at}", p=p, judge=judge_of) for at, p in enumerate(ps)]


def test_claims_are_made_over_all_flows_of_a_plan() -> None:
    """Five flows: three are within 5 % of wrong claims by Benjamini and Hochberg, though four are below 5 % each."""
    found = claims_of(flows(0.001, 0.01, 0.03, 0.045, 0.4))
    assert (("f0", "f1", "f2"), 5, "benjamini_hochberg") == (found.flows, found.of, found.procedure)


def test_flows_that_share_a_judge_are_claimed_under_any_dependence() -> None:
    """Benjamini and Yekutieli claim fewer: what the judge errs in one flow it errs in the next."""
    found = claims_of(flows(0.001, 0.01, 0.03, 0.045, 0.4, judged=True))
    assert (("f0",), "benjamini_yekutieli") == (found.flows, found.procedure)


def test_what_was_not_compared_is_not_asked() -> None:
    """No evidence, no question; and a claim keeps the alpha of its flow."""
    found = claims_of([*flows(None, 0.04), replace(MADE, flow="critical", alpha=0.01, p=0.012)])
    assert ((("f1"),), 2) == (found.flows, found.of)


def running(flow: str, candidate: int, control: int) -> Counted:
    """A flow at 10 % with so many bad units on each side."""
    hours = (
        Hour(START, 0.1, "candidate", 200, candidate, 100, {"bad": candidate}),
        Hour(START, 0.1, "control", 1800, control, 900, {"bad": control}),
    )
    events = tuple(Event(START, 0.1, row.arm, "bad", row.bad["bad"]) for row in hours)
    return Counted(flow, hours, events)


def test_flows_that_each_show_little_may_show_much_as_one() -> None:
    """Six flows with four bad units of the candidate against eleven: none alarms alone, as strata they do."""
    rollouts = flows(*[0.1] * 6)
    logs = [running(one.flow, 4, 11) for one in rollouts]
    found = together(rollouts, logs, [judge(one, log) for one, log in zip(rollouts, logs, strict=True)])
    assert () == found.alarms
    assert found.pooled_e < 20 < found.stratified_e


def test_a_flow_that_alarms_is_named() -> None:
    """One of three with fifteen bad units of a hundred; by e-values, whatever the flows share."""
    rollouts = flows(*[0.1] * 3)
    logs = [running("f0", 25, 5), running("f1", 1, 18), running("f2", 2, 18)]
    verdicts = [judge(one, log) for one, log in zip(rollouts, logs, strict=True)]
    made = plan(*rollouts)
    log = Log({one.flow: one for one in logs}, 6000, 0, {})
    document = check_document(made, log, verdicts)
    jsonschema_rs.validator_for(schema_of("canary-check")).validate(document)
    assert ["f0"] == document["together"]["alarms"]
    text = "\n".join(check_lines(made, log, verdicts, width=80))
    assert "3 flows as one: alarms f0" in text


def test_equal_flows_warn_no_more_often_than_alpha() -> None:
    """Of 200 times six equal flows with rates of their own, the strata as one pass 20 in at most 5 %, and 3 errors."""
    dice, warned = random.Random(17), 0
    rollouts = flows(*[0.1] * 6)
    for _ in range(200):
        rates = [dice.uniform(0.01, 0.2) for _ in rollouts]
        counts = [[sum(dice.random() < rate for _ in range(units)) for units in (100, 900)] for rate in rates]
        logs = [running(one.flow, *bad) for one, bad in zip(rollouts, counts, strict=True)]
        warned += together(rollouts, logs, ()).stratified_e >= 20
    assert warned <= 200 * 0.05 + 3 * (200 * 0.05 * 0.95) ** 0.5


def test_a_plan_says_what_it_claims() -> None:
    """Beside the plan, with the procedure and how many claims are expected to be wrong."""
    made = replace(plan(*flows(0.001, 0.4)), claims=claims_of(flows(0.001, 0.4)))
    text = " ".join("\n".join(plan_lines(made, width=80)).split())
    assert "2 flows taken together: f0 (Benjamini and Hochberg at 0.05; expected to be wrong: at most 0.05)" in text


# --- what a call costs ---


def side(groups: list[tuple[int, float]]) -> Side:
    calls, usd = sum(count for count, _ in groups), sum(usd for _, usd in groups)
    return Side("candidate", calls, priced=calls, mean_usd=usd / calls, cost_groups=tuple(groups))


def test_the_interval_of_a_mean_cost_draws_units_and_not_calls() -> None:
    """Sixty units of which one makes 500 dear calls: the interval reaches far to where that one is not drawn."""
    dice = random.Random(19)
    usual = [(4, 4 * 0.001 * dice.uniform(0.8, 1.2)) for _ in range(59)]
    low, high = cost_interval(side([*usual, (500, 500 * 0.004)]))
    assert low is not None
    assert high is not None
    assert low < 0.0015
    assert high > 0.003


def test_few_units_have_no_interval() -> None:
    """Twenty-nine: unknown, not narrow."""
    assert (None, None) == cost_interval(side([(1, 0.001)] * 29))


@pytest.mark.parametrize("seed", [23])
def test_the_interval_of_a_mean_cost_covers(seed: int) -> None:
    """Of 100 simulated sides of 80 units with one to nine calls a 95 % interval holds the mean, less 3 errors."""
    dice, inside = random.Random(seed), 0
    for _ in range(100):
        groups = []
        for _ in range(80):
            calls, level = dice.randrange(1, 10), dice.uniform(0.5, 1.5)
            groups.append((calls, calls * 0.001 * level))
        low, high = cost_interval(side(groups))
        inside += low is not None and high is not None and low <= 0.001 <= high
    assert inside / 100 >= 0.95 - 3 * (0.95 * 0.05 / 100) ** 0.5


# --- drawings ---


def timed(arm: str, p50: float) -> Side:
    deciles = tuple(p50 * factor for factor in (0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 1.8, 2.2))
    return Side(arm, 900, p50, 3 * p50, 2.8 * p50, 3.4 * p50, deciles)  # type: ignore[arg-type]


def test_latency_is_drawn_on_one_scale_with_its_n() -> None:
    """Both sides within 80 columns: deciles, the middle, p95 and its bounds; the faster one further left."""
    lines = latency_plot([timed("candidate", 500.0), timed("control", 1000.0)])
    assert ["candidate", "control"] == [line.split()[0] for line in lines[:2]]
    assert lines[0].index("M") < lines[1].index("M")
    assert all(line.index("M") < line.index("*") for line in lines[:2])
    assert all(len(line) <= 80 for line in lines[:2])
    assert "250 ms at the left, 3468 ms at the right, n 900 and 900 calls" in lines[2]


def test_without_times_nothing_is_drawn() -> None:
    """A log without latency."""
    assert [] == latency_plot([Side("candidate", 10)])
