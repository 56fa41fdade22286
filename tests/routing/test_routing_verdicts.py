"""Where a flow goes: the cheapest candidate that is shown to be good enough, and what is said where none is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from routing_flows import DAY, DOLLARS, FULL, MINI, NANO, POLICY, TODAY, flow

from migrate.presenting.routes import route_lines
from migrate.routing import FlowRoute, FlowTrials, RoutePolicy, routed
from migrate.vocabulary import Traffic


def route(one: FlowTrials, policy: RoutePolicy = POLICY) -> FlowRoute:
    """The route of the one flow there is."""
    (found,) = routed([one], policy, source="ledger").flows
    return found


def standings(found: FlowRoute) -> dict[str, str]:
    return {option.candidate: option.standing for option in found.options}


# --- the cheapest satisfactory ------------------------------------------------------------------------------


def test_the_cheapest_of_all_that_are_good_enough() -> None:
    """All three are equal to the baseline, so the flow goes to the cheapest."""
    found = route(flow((150, {})))
    assert ("switch", NANO) == (found.verdict, found.model)


def test_a_worse_one_is_left_out() -> None:
    """Nano loses a third of its answers: the flow goes to mini."""
    found = route(flow((100, {}), (50, {NANO: "--"})))
    assert ("switch", MINI, "worse") == (found.verdict, found.model, standings(found)[NANO])


def test_the_sequence_ends_at_the_first_that_is_not_shown() -> None:
    """Full is not settled, so mini and nano are not tested though nothing speaks against them."""
    found = route(flow((144, {}), (6, {FULL: "--"})))
    assert ("insufficient", {FULL: "open", MINI: "not_tested", NANO: "not_tested"}) == (
        found.verdict,
        standings(found),
    )
    assert found.options[1].reasons[0].startswith(f"waits for {FULL}")


def test_in_any_order_holm_decides() -> None:
    """The same flow with --any-order: mini and nano do not wait for full, at the price of three tests."""
    found = route(flow((144, {}), (6, {FULL: "--"})), replace(POLICY, any_order=True))
    assert ("switch", NANO) == (found.verdict, found.model)


def test_any_order_costs_cases() -> None:
    """Ninety-nine clean cases are enough in a fixed order, and not for three tests at once."""
    some = flow((99, {}))
    found = [route(some, replace(POLICY, any_order=any_order)).verdict for any_order in (False, True)]
    assert ["switch", "insufficient"] == found


# --- keeping ------------------------------------------------------------------------------------------------


def test_keep_where_all_are_worse() -> None:
    """Every candidate loses a third of its answers: the flow stays, and each is named."""
    found = route(flow((100, {}), (50, {FULL: "--", MINI: "--", NANO: "--"})))
    assert ("keep_baseline", TODAY, 3) == (found.verdict, found.model, len(found.reasons))


def test_keep_where_the_good_ones_cost_more() -> None:
    """Full and mini are equal and dearer, nano is cheaper and worse: the baseline is the cheapest satisfactory."""
    dear = DOLLARS | {TODAY: "1.5"}
    found = route(flow((100, {}), (50, {NANO: "--"}), dollars=dear))
    assert ("keep_baseline_cheaper", TODAY) == (found.verdict, found.model)
    assert f"{MINI} costs 1.33 times as much a successful answer" in found.reasons


def test_a_saving_that_failures_eat_up_is_none() -> None:
    """A candidate at 80 % of the price that keeps the contract in three of four answers costs more a success."""
    found = route(flow((75, {}), (25, {FULL: "--"}), order=(FULL,)))
    assert 16 / 15 == pytest.approx(found.options[0].cost.ratio)


# --- not known ----------------------------------------------------------------------------------------------


def test_insufficient_says_how_many_cases() -> None:
    """Sixty clean cases of a medium flow: 39 more make 99."""
    found = route(flow((60, {}), order=(FULL,)))
    assert ("insufficient", 39, "help") == (found.verdict, found.cases_needed, found.more_cases)


def test_more_cases_do_not_help_what_is_worse_already() -> None:
    """Three of forty cases lost at a margin of 3 points: the prompt must be mended, and it says so."""
    found = route(flow((37, {}), (3, {FULL: "--"}), order=(FULL,)))
    assert ("insufficient", None, "will_not_help") == (found.verdict, found.cases_needed, found.more_cases)
    assert "more cases will not help: fix the prompt" in found.reasons


def test_too_near_the_margin_for_any_number_of_cases() -> None:
    """An excess of 4.9 points at a margin of 5 takes more cases than anyone has."""
    found = route(flow((951, {}), (49, {FULL: "--"}), order=(FULL,), critical="low"))
    assert ("insufficient", None, "cannot_reach_power") == (found.verdict, found.cases_needed, found.more_cases)


def test_the_saving_at_stake_is_of_the_candidate_that_cases_can_settle() -> None:
    """Nano must be mended, full only lacks cases: what is told is full's."""
    found = route(flow((56, {}), (4, {NANO: "--", MINI: "--"})))
    assert (FULL, 39) == (found.about.candidate, found.cases_needed)


def test_no_replay_at_all() -> None:
    """A flow nobody tried is insufficient and says why."""
    found = route(flow((10, {}), order=()))
    assert ("insufficient", "no replay of any candidate") == (found.verdict, found.reasons[0])


# --- what bars a candidate ----------------------------------------------------------------------------------


def test_an_unknown_price_is_not_ranked() -> None:
    """Nano has no price: it is not taken for free, and the flow goes to the cheapest that has one."""
    unpriced = {model: usd for model, usd in DOLLARS.items() if model != NANO}
    found = route(flow((150, {}), dollars=unpriced))
    assert ("switch", MINI) == (found.verdict, found.model)
    assert None is found.options[2].cost
    assert f"{NANO}: not ranked: no price of {NANO}" in found.reasons


def test_no_price_at_all_decides_nothing() -> None:
    """Where no candidate has a price there is no cheapest."""
    found = route(flow((150, {}), dollars={TODAY: "10"}))
    assert ("insufficient", None) == (found.verdict, found.saving_month)


@pytest.mark.parametrize(
    ("day", "model", "words"),
    [
        (dt.date(2026, 1, 15), NANO, ""),
        (dt.date(2026, 9, 24), MINI, "gpt-4.1-nano leaves on 2026-10-23, before the rollout ends on 2026-10-24"),
        (dt.date(2026, 11, 29), MINI, "gpt-4.1-nano left the API on 2026-10-23"),
        (dt.date(2026, 12, 20), TODAY, "gpt-4.1-mini leaves on 2027-01-14, before the rollout ends on 2027-01-19"),
    ],
)
def test_no_route_to_a_model_that_leaves(day: dt.date, model: str, words: str) -> None:
    """On the demo's pinned day nano is a route; by the real dates it is refused, and later the others are too."""
    found = route(flow((150, {})), replace(POLICY, as_of=day))
    assert model == found.model
    assert words in "\n".join(found.reasons)


def test_a_model_that_leaves_soon_after_is_told() -> None:
    """A route that outlives the rollout by weeks says so."""
    found = route(flow((150, {})), replace(POLICY, as_of=dt.date(2026, 11, 29)))
    assert "gpt-4.1-mini leaves on 2027-01-14, 16 days after the rollout ends" in found.reasons


def test_a_model_that_leaves_with_its_baseline_is_told_however_far_the_day() -> None:
    """By the demo's pinned day all is a year away, and a move from gpt-4o to mini is one to be made again."""
    found = route(flow((150, {}), order=(FULL, MINI)), replace(POLICY, as_of=dt.date(2026, 1, 15)))
    said = "gpt-4.1-mini leaves the API on 2027-01-14, in 364 days, no later than gpt-4o: another move follows by then"
    assert said in found.reasons


def test_where_all_candidates_leave_the_verdict_blames_no_answer() -> None:
    """In the table they leave; what is next is a model that stays."""
    found = routed([flow((150, {}))], replace(POLICY, as_of=dt.date(2026, 12, 20)), source="ledger")
    lines = route_lines(found, width=80)
    assert "keep: all leave" in "\n".join(lines)
    assert any(line.startswith("next: pytest --model MODEL, one that stays past 2027-01-19") for line in lines[-2:])
    typed = route_lines(replace(found, typed=True, pinned=True), width=80)
    assert "judged as of 2026-12-20 (--as-of); a rollout of 30 days ends 2027-01-19" in typed


def test_no_candidate_is_passed_over() -> None:
    """One that waits for another is named with what is known of it, and so is one that saves more than the route."""
    found = route(flow((144, {}), (6, {FULL: "--"})))
    for model in (MINI, NANO):
        assert any(reason.startswith(f"{model}: waits for {FULL}") for reason in found.reasons if model != found.about)
    cheaper = route(flow((100, {}), (50, {NANO: "--"})))
    assert MINI == cheaper.model
    assert any(reason.startswith(f"{NANO}: ") for reason in cheaper.reasons)


def test_where_all_are_worse_the_route_is_about_the_least_bad() -> None:
    """What is nearest to its margin is mended first, not what is cheapest."""
    found = route(flow((60, {}), (40, {NANO: "--", MINI: "--"}), (20, {FULL: "--", NANO: "--", MINI: "--"})))
    assert ("keep_baseline", FULL) == (found.verdict, None if found.about is None else found.about.candidate)


def test_a_baseline_that_leaves_is_told() -> None:
    """Keeping a model that leaves is no answer, and the reasons say until when it is one."""
    found = route(flow((100, {}), (50, {MINI: "--"}), order=(MINI,)), replace(POLICY, as_of=dt.date(2026, 11, 29)))
    assert "gpt-4o leaves on 2027-01-14: keeping it is no answer past that day" in found.reasons


def test_a_calendar_that_does_not_bind_bars_nobody() -> None:
    """A model served elsewhere stays when OpenAI's leaves."""
    policy = replace(POLICY, as_of=dt.date(2026, 12, 20), calendars=frozenset())
    assert NANO == route(flow((150, {})), policy).model


def test_a_candidate_shown_to_be_slower_is_barred() -> None:
    """Nano takes twice as long in every case: it is barred, and mini is the route."""
    found = route(flow((150, {}), ms={NANO: 2000}))
    assert (MINI, True) == (found.model, found.options[2].slow[0].startswith("p95 at least"))


def test_a_candidate_that_may_be_slower_is_told() -> None:
    """With 30 cases p95 has no bound, so a slower candidate is not barred; the reasons tell."""
    found = route(flow((30, {}), order=(NANO,), ms={NANO: 2000}))
    assert () == found.options[0].barred
    assert "p95 2.00 times the baseline's: more than 1.25, not shown" in found.reasons


# --- money and risk -----------------------------------------------------------------------------------------


def test_the_saving_a_month() -> None:
    """Nine dollars an answer, a hundred answers a day, thirty days."""
    found = route(flow((150, {})))
    assert 27_000 == pytest.approx(found.saving_month.value)


def test_without_traffic_the_saving_is_unknown() -> None:
    """Not 0: null, and the reasons say what is missing."""
    found = route(flow((150, {}), traffic=Traffic()))
    assert (None, True) == (found.saving_month, any("no traffic" in reason for reason in found.reasons))


def test_failed_tries_are_paid_for() -> None:
    """Each answer of the candidates took a try that may have been paid for: they cost twice as much."""
    once, twice = (route(flow((150, {}), lost=lost)).about.cost.candidate for lost in (0, 1))
    assert (1, 2) == (once, twice)


def test_the_risk_that_is_left() -> None:
    """The upper bound, in points and in answers a day: 2.0 points of 150 clean cases."""
    found = route(flow((150, {})))
    assert (1.98, 1.98) == (round(found.risk.points, 2), round(found.risk.a_day, 2))


# --- over flows ---------------------------------------------------------------------------------------------


def test_one_flow_that_is_shown_by_itself_is_not_among_many() -> None:
    """Ninety-nine clean cases switch alone; among ten flows that show nothing they are not enough."""
    clear, hopeless = flow((99, {})), [flow((5, {}), name=f"f{n}") for n in range(10)]
    alone, among = (routed(flows, POLICY, source="ledger").flows[0] for flows in ([clear], [clear, *hopeless]))
    assert ["switch", "insufficient"] == [alone.verdict, among.verdict]
    assert "not yet among all flows" in among.reasons[0]


def test_flows_with_nothing_to_gain_are_not_counted() -> None:
    """Ten flows whose baseline is cheaper than every candidate make no claim, and cost the others nothing."""
    cheap = [flow((5, {}), name=f"f{n}", dollars=DOLLARS | {TODAY: "0.5"}) for n in range(10)]
    report = routed([flow((99, {})), *cheap], POLICY, source="ledger")
    assert ("switch", 1) == (report.flows[0].verdict, report.tested)


def test_how_many_are_expected_to_be_wrong() -> None:
    """Three switches at a false discovery rate of 5 %: 0.15 at most."""
    report = routed([flow((300, {}), name=f"f{n}") for n in range(3)], POLICY, source="ledger")
    assert (3, pytest.approx(0.15)) == (sum(one.verdict == "switch" for one in report.flows), report.expected_wrong)


def test_a_report_with_an_open_flow_is_inconclusive() -> None:
    """Which is what the exit code is made of."""
    reports = [routed([flow((count, {}))], POLICY, source="ledger") for count in (5, 150)]
    assert [True, False] == [report.inconclusive for report in reports]


def test_the_day_is_an_input() -> None:
    """The rollout ends so many days after the day that is judged by."""
    assert dt.date(2026, 2, 14) == POLICY.ends
    assert DAY == POLICY.as_of


def test_what_is_next_names_what_every_flow_wants() -> None:
    """The flow with most money at stake first, the others after it: nobody replays once for each."""
    few = ((20, {}),)
    found = routed(
        [flow(*few), flow(*few, name="notes", traffic=Traffic(requests_per_day=9000))], POLICY, source="ledger"
    )
    assert {"insufficient"} == {one.verdict for one in found.flows}
    lines = route_lines(found, width=80)
    notes, refund = (one.cases_needed for one in sorted(found.flows, key=lambda one: one.trials.flow))
    assert [
        f"next: add {notes} cases to notes",
        f"      add {refund} cases to refund",
        "      then pytest --golden=new",
        "      then pytest --model gpt-4.1 --model gpt-4.1-mini --model gpt-4.1-nano",
        "      then prompt-migrate route",
    ] == lines[-5:]
    told = " ".join(" ".join(lines).split())
    assert (
        "a canary may start on thinner evidence than a switch, for it stops itself: prompt-migrate canary plan" in told
    )
    made_up = " ".join(route_lines(replace(found, synthetic=True), width=500))
    assert "a canary may start" not in made_up


def test_what_is_next_names_three_flows_and_counts_the_rest() -> None:
    """A sentence of a dozen flows is read by nobody: those with most at stake, and how many more."""
    flows = [flow((20, {}), name=f"f{n}", traffic=Traffic(requests_per_day=100 * n)) for n in range(1, 6)]
    lines = route_lines(routed(flows, POLICY, source="ledger"), width=80)
    start = next(at for at, line in enumerate(lines) if line.startswith("next: "))
    assert ["f5", "f4", "f3"] == [line.split()[-1] for line in lines[start : start + 3]]
    assert "      and 2 more flows, each with its reason above" == lines[start + 3]


def test_what_is_next_mends_the_cases_that_the_reason_names() -> None:
    """Contract in 2 of 20 cases, which no number helps, and agreement in 4, which might be chance: mend the 2."""
    found = routed(
        [flow((16, {}), (2, {FULL: "--"}), (2, {FULL: "+~"}), order=(FULL,), critical="low")], POLICY, source="ledger"
    )
    (one,) = found.flows
    assert one.about is not None
    contract, agreement = one.about.metrics
    by_chance = replace(agreement, cases_needed=317, planned_for="equal")
    of_both = replace(one, about=replace(one.about, metrics=(contract, by_chance)))
    lines = route_lines(replace(found, flows=(of_both,)), width=80)
    assert ("insufficient", None, "will_not_help") == (one.verdict, one.cases_needed, one.more_cases)
    assert "mend it, in 2 of 20 cases" in one.reasons[0]
    assert "next: mend 2 of 20 cases of refund" in lines


def test_a_number_that_nobody_adds_is_not_in_the_table() -> None:
    """One lost of forty takes thousands of cases: the table says too many, the next line mends, the JSON counts."""
    found = routed([flow((39, {}), (1, {FULL: "--"}), order=(FULL,))], POLICY, source="ledger")
    needed = found.flows[0].cases_needed
    assert needed is not None
    assert needed > 1000
    lines = route_lines(found, width=100)
    (row,) = (line for line in lines if line.startswith("  refund "))
    assert row.endswith("too many")
    assert "next: mend 1 of 40 cases of refund" in lines
    assert not [line for line in lines if str(needed) in line]


def test_a_row_names_the_candidate_that_it_is_about() -> None:
    """Money, risk and cases of a row are of one candidate, which need not be the route."""
    lines = route_lines(routed([flow((20, {}))], POLICY, source="ledger"), width=80)
    (row,) = (line.split() for line in lines if line.startswith("  refund "))
    assert ["refund", TODAY, NANO, "insufficient"] == row[:4]


def test_the_legend_explains_the_columns_that_are_there() -> None:
    """At 80 columns p95 and n have no room: neither has their explanation."""
    found = routed([flow((20, {}), name="a-flow-of-a-long-name")], POLICY, source="ledger")
    narrow, wide = (" ".join(" ".join(route_lines(found, width=width)).split()) for width in (72, 200))
    assert "p95: candidate" not in narrow
    assert "p95: candidate / baseline; n: cases compared" in wide
