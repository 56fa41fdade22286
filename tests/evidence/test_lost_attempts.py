"""Attempts nobody told the usage of: counted as unknown money, and never held against the price of an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from measured import call, evidence, record

from migrate.evidence import parse_fail_on, weigh
from migrate.evidence.money import as_asked
from migrate.vocabulary import Answer, Call, CaseVerdict, Judged, Money, Reply, Request, Sample, Usage

ANSWERED = replace(call(served="gpt-4.1", usd="0.5"), lost=2)
SILENT = replace(call(usage=Usage()), lost=4)
REFUSED = call(usage=Usage())


def test_failed_attempts_are_unknown_money_beside_the_answer_that_came() -> None:
    """An answer after two broken ones costs what it costs, and two attempts stay unknown."""
    (flow,) = weigh([record(candidate=(ANSWERED,))])
    assert Money("0.5", unknown=2, lost=2) == flow.cost_candidate


def test_a_call_without_an_answer_counts_its_attempts_and_not_itself() -> None:
    """Four broken attempts are four unknown ones; a call the server refused was certainly not paid for."""
    (flow,) = weigh([record(candidate=(SILENT, REFUSED))])
    assert Money(None, unknown=4, lost=4) == flow.cost_candidate


@pytest.mark.parametrize(("attempts", "lost", "left"), [(1, 1, 0), (3, 2, 2), (3, 3, 2), (1, 0, 0)])
def test_an_attempt_that_was_cut_off_is_none_of_the_answer_s(attempts: int, lost: int, left: int) -> None:
    """A run was stopped and resumed: of the tries lost, those of the asking that gave the answer stay its own."""
    asked = Call(Request("chat", {}, "k1:0", "k1:0"), Reply(Answer("{}"), "gpt-4.1"), attempts=attempts, lost=lost)
    samples = (Judged(Sample(1, (asked,), Answer("{}")), {}),)
    (row,) = as_asked([replace(ANSWERED, lost=lost)], samples)
    assert replace(ANSWERED, lost=left) == row


def test_of_a_call_that_nobody_kept_all_attempts_stay() -> None:
    """Nothing paid for vanishes where nobody can say which asking it was of."""
    assert (ANSWERED,) == as_asked([ANSWERED], ())


def test_failed_attempts_leave_the_cost_of_an_answer_judgeable() -> None:
    """`cost:+10%` is about what an answer costs: a broken stream does not close it, an unpriced answer does."""
    gates = parse_fail_on("cost:+10%")
    known = evidence(verdicts={CaseVerdict.SAME: 1}, cost=("1", "1"), ratio=1.0)
    lossy = replace(known, cost_candidate=Money("1", unknown=3, lost=3))
    unpriced = replace(known, cost_candidate=Money("1", unknown=3, lost=2))
    assert [] == gates.closed([known, lossy])
    assert 1 == len(gates.closed([unpriced]))
