"""What a flow's cases say together: counts, rates, money and groups, over both sides."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from measured import call, compared, finding, paid, rates, record, scores, timed

from migrate.evidence import weigh
from migrate.ports import CaseRecord
from migrate.vocabulary import CaseVerdict, Money, Rung, Source


def test_nothing_weighs_nothing() -> None:
    """A run without records has no evidence, rather than evidence of nothing."""
    assert weigh([]) == ()


def test_each_flow_and_candidate_is_weighed_by_itself() -> None:
    """Two candidates of two flows are four rows, in the order they came, however the records are mixed."""
    pairs = [("refund", "gpt-4.1"), ("refund", "gpt-4.1-mini"), ("notes", "gpt-4.1"), ("refund", "gpt-4.1")]
    found = weigh(record(compared(flow=flow, candidate=candidate)) for flow, candidate in pairs)
    assert [("refund", "gpt-4.1", 2), ("refund", "gpt-4.1-mini", 1), ("notes", "gpt-4.1", 1)] == [
        (flow.flow, flow.candidate, flow.cases) for flow in found
    ]


def test_every_verdict_has_a_count() -> None:
    """All verdicts are there, those that did not happen with 0; together they are the cases."""
    (flow,) = weigh(record(compared(verdict=verdict)) for verdict in [*CaseVerdict, CaseVerdict.DRIFT])
    assert {verdict: 1 + (verdict is CaseVerdict.DRIFT) for verdict in CaseVerdict} == flow.verdicts
    assert sum(flow.verdicts.values()) == flow.cases
    (flow,) = weigh([record()])
    assert set(CaseVerdict) == set(flow.verdicts)


def test_samples_are_those_that_were_planned() -> None:
    """The candidate's samples, with or without an answer; none where there was nothing to compare with."""
    (flow,) = weigh([record(samples=5), record(samples=3), record(samples=0)])
    assert (3, 8) == (flow.cases, flow.samples)


def test_rates_are_summed_over_samples_and_null_where_nothing_is_promised() -> None:
    """Baseline and candidate may differ in K; a rung no case promises stays null, and never counts as passed."""
    (flow,) = weigh(
        [
            record(compared("a", rungs={Rung.SCHEMA: rates((5, 5), (2, 3)), Rung.TOOLS: None})),
            record(compared("b", rungs={Rung.SCHEMA: rates((4, 5), (3, 3)), Rung.TOOLS: None})),
            record(compared("c", verdict=CaseVerdict.NO_GOLDEN)),
        ]
    )
    assert {rung: rates((9, 10), (5, 6)) if rung is Rung.SCHEMA else None for rung in Rung} == flow.rungs


def test_groups_are_of_this_flow_and_candidate_alone() -> None:
    """What another candidate changed is not held against this one."""
    change = finding()
    mine, other = weigh(
        [
            record(compared("a", change, verdict=CaseVerdict.DRIFT)),
            record(compared("b", change, verdict=CaseVerdict.DRIFT)),
            record(compared("a", candidate="gpt-4o")),
        ]
    )
    assert [("a", "b")] == [group.cases for group in mine.groups]
    assert other.groups == ()


def test_checks_nobody_judged_are_counted_by_case() -> None:
    """A check left to a judge is told with the number of cases it was left out of."""
    (flow,) = weigh(
        record(compared(case, unjudged=("judge `tone`: no judge", "judge `tone`: no judge"))) for case in "ab"
    )
    assert {"judge `tone`: no judge": 2} == flow.unjudged


def test_without_policies_there_is_no_verdict() -> None:
    """Whether a flow is safe depends on what it may lose: where nobody asks, nobody answers by default."""
    (flow,) = weigh([record(compared(scores=scores()))])
    assert (None, None, (), ()) == (flow.verdict, flow.cases_needed, flow.reasons, flow.metrics)


def test_different_baselines_are_all_named() -> None:
    """Goldens of two models under one flow do not hide behind the first."""
    (flow,) = weigh([record(compared(baseline=model)) for model in ("gpt-4o", "", "gpt-4o-mini", "gpt-4o")])
    assert flow.baseline == "gpt-4o, gpt-4o-mini"


def test_one_simulated_call_makes_the_evidence_simulated() -> None:
    """Real and simulated figures never pass for real ones."""
    (flow,) = weigh([record(candidate=paid("1")), record(baseline=paid("1", simulated=True))])
    assert flow.simulated


# --- money ---------------------------------------------------------------------------------------------


def test_money_is_summed_exactly_and_what_is_unknown_is_counted() -> None:
    """Digits far apart add up without rounding; a call without a price is a count, not a 0."""
    (flow,) = weigh(
        [
            record(baseline=paid("0.1", "0.2", None), candidate=paid("100000000000000000000")),
            record(baseline=paid(None), candidate=paid("0.00000000000000000001")),
        ]
    )
    assert Money("0.3", 2) == flow.cost_baseline
    assert Money("100000000000000000000.00000000000000000001", 0) == flow.cost_candidate


def test_money_nobody_knows_is_null() -> None:
    """Only unknown calls give an unknown sum; no calls at all do too."""
    (flow,) = weigh([record(candidate=paid(None, None))])
    assert (Money(None, 0), Money(None, 2)) == (flow.cost_baseline, flow.cost_candidate)
    assert flow.cost_ratio is None


def test_the_ratio_compares_an_answer_with_an_answer() -> None:
    """Five recorded samples against one replayed: the mean of a case counts, not the number of samples."""
    (flow,) = weigh([record(baseline=paid("2", "2", "2", "2", "2"), candidate=paid("1"))])
    assert flow.cost_ratio == 0.5


def test_the_ratio_leaves_out_cases_known_on_one_side_only() -> None:
    """A case with an unknown call on either side says nothing about the ratio."""
    (flow,) = weigh(
        [
            record(baseline=paid("1"), candidate=paid("3")),
            record(baseline=paid("1"), candidate=paid("99", None)),
            record(baseline=paid(None), candidate=paid("99")),
            record(baseline=(), candidate=paid("99")),
        ]
    )
    assert flow.cost_ratio == 3.0


def test_the_calls_of_a_chain_are_one_answer() -> None:
    """A sample of two calls costs both of them, whoever needed fewer."""
    chain = (call(usd="1", ordinal=0), call(usd="2", ordinal=1))
    (flow,) = weigh([record(baseline=chain, candidate=paid("6", "6"))])
    assert flow.cost_ratio == 2.0


def test_a_free_baseline_has_no_ratio() -> None:
    """Nothing is a multiple of nothing."""
    (flow,) = weigh([record(baseline=paid("0"), candidate=paid("1"))])
    assert flow.cost_ratio is None


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=10).map(lambda amount: format(amount, "f"))
COSTS = st.lists(st.none() | AMOUNTS, max_size=4)


@given(st.lists(st.tuples(COSTS, COSTS), max_size=12))
def test_no_cent_is_lost(cases: list[tuple[list[str | None], list[str | None]]]) -> None:
    """For any costs the sums are exact, every unknown is counted, and unknown never turns into 0."""
    found = weigh(record(baseline=paid(*before), candidate=paid(*after)) for before, after in cases)
    for flow in found:
        for side, money in ((0, flow.cost_baseline), (1, flow.cost_candidate)):
            amounts = [usd for case in cases for usd in case[side]]
            known = [Decimal(usd) for usd in amounts if usd is not None]
            assert (sum(known) if known else None) == (None if money.usd is None else Decimal(money.usd))
            assert len(amounts) - len(known) == money.unknown


# --- size ----------------------------------------------------------------------------------------------


def many(count: int) -> Iterator[CaseRecord]:
    """Replayed cases as they come: a live candidate against recorded samples, a few of them changed."""
    rungs = {rung: rates((1, 1), (1, 1)) for rung in (Rung.ANSWERED, Rung.PARSED, Rung.SCHEMA, Rung.AGREEMENT)}
    change = finding("$.items[3].price", expected=1.25, actual="1.25")
    for number in range(count):
        findings = (change,) if number % 10 == 0 else ()
        yield record(
            compared(
                f"case-{number:05}",
                *findings,
                verdict=CaseVerdict.DRIFT if findings else CaseVerdict.SAME,
                rungs=rungs,
                scores=scores((number % 6, 5), (number % 5, 5)),
            ),
            baseline=(call(served="gpt-4o", ms=500.0 + number % 97, usd="0.000310", source=Source.GOLDEN),),
            candidate=(call(served="gpt-4.1", ms=400.0 + number % 89, usd="0.000248"),),
        )


def test_ten_thousand_cases_are_weighed_as_ten_are() -> None:
    """Every case of a big run counts, its ratio is that of a small one, and it costs no more CPU than the tenth did."""
    (few,), (flow,) = weigh(many(10), policies={}), weigh(many(10_000), policies={})
    assert (10, 10_000, few.cost_ratio) == (few.cases, flow.cases, flow.cost_ratio)
    assert cpu_of_weighing(10_000) < 20 * min(cpu_of_weighing(1_000) for _ in range(3))


def cpu_of_weighing(cases: int) -> float:
    """Return CPU seconds, the making of the records left out."""
    records = list(many(cases))
    start = time.process_time()
    weigh(records, policies={})
    return time.process_time() - start


def test_memory_does_not_grow_with_what_a_case_holds() -> None:
    """Records are let go as they come: 4,000 cases leave less than 300 bytes each behind."""
    tracemalloc.start()
    try:
        weigh(many(4_000), policies={})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000 * 300


def test_latency_comes_with_the_evidence() -> None:
    """Both sides' quantiles are over case means, each with its own number of samples."""
    (flow,) = weigh([record(baseline=timed(100.0, 300.0), candidate=timed(50.0)), record(candidate=timed(70.0))])
    before, after = flow.latency_baseline, flow.latency_candidate
    assert (200.0, 1, 60.0, 2) == (before.p50, before.n, after.p50, after.n)
