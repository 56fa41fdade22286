"""What a case says of its flow: both sides counted so that neither has an advantage."""

from __future__ import annotations

import json
from itertools import product

import pytest
from comparing_cases import flow_of, trial
from hypothesis import given
from hypothesis import strategies as st

from migrate.vocabulary import CaseVerdict, Json, Rate, Rung, RungRates, Scores

DOCUMENTS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["open", "closed", None]),
        "total": st.sampled_from([1, 2, 5, 9]),
        "items": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "words": st.sampled_from(["we sent 3 parcels to you today", "we sent 4 parcels to you", "we sent them to you"]),
    },
    optional={"note": st.sampled_from(["x", "y"])},
)
"""Answers to one question, in so few forms that some are equal and some within each other's noise."""


def scores(baseline: list[Json], candidate: list[Json], parse: str = "json") -> Scores:
    found = trial(flow_of(parse), [*map(json.dumps, baseline)], [*map(json.dumps, candidate)]).compare().scores
    assert found is not None
    return found


def agrees(baseline: list[Json], candidate: Json) -> bool:
    """Whether an answer agrees with a golden of these samples, by comparing them."""
    rates = trial(flow_of("json"), [*map(json.dumps, baseline)], [json.dumps(candidate)]).compare()
    agreement = rates.rungs[Rung.AGREEMENT]
    assert agreement is not None
    return agreement.candidate.passed == 1


@given(st.lists(DOCUMENTS, min_size=2, max_size=4), DOCUMENTS)
def test_a_candidate_is_held_against_every_golden_that_lacks_one_sample(baseline: list[Json], answer: Json) -> None:
    """The count is what comparing with each of the smaller goldens gives; an answer that does not agree has none."""
    smaller = [[*baseline[:place], *baseline[place + 1 :]] for place in range(len(baseline))]
    expected = sum(agrees(others, answer) for others in smaller) if agrees(baseline, answer) else 0
    agreement = scores(baseline, [answer]).agreement
    assert agreement is not None
    assert Rate(expected, len(baseline)) == agreement.candidate


@given(st.lists(DOCUMENTS, min_size=3, max_size=5))
def test_the_same_model_has_no_advantage(answers: list[Json]) -> None:
    """Of exchangeable answers each is the candidate's once: over all of them it agrees no more often than the others.

    Held against all K samples, where a baseline sample is held against K - 1, it would.
    """
    mine = others = 0.0
    for place, answer in enumerate(answers):
        agreement = scores([*answers[:place], *answers[place + 1 :]], [answer]).agreement
        assert agreement is not None
        mine += agreement.candidate.share or 0.0
        others += agreement.baseline.share or 0.0
    assert mine <= others + 1e-9


@pytest.mark.parametrize("samples", [2, 3, 5])
def test_two_answers_at_random_agree_as_often_for_both(samples: int) -> None:
    """Every sequence of a fair coin, each as likely: the mean agreement of baseline and candidate is the same.

    It is the chance that one of K - 1 others says the same: a half, three quarters, fifteen sixteenths.
    """
    sequences = list(product(["heads", "tails"], repeat=samples + 1))
    both = [0.0, 0.0]
    for *baseline, answer in sequences:
        agreement = scores([*baseline], [answer]).agreement
        assert agreement is not None
        both[0] += (agreement.baseline.share or 0.0) / len(sequences)
        both[1] += (agreement.candidate.share or 0.0) / len(sequences)
    assert [1 - 0.5 ** (samples - 1)] * 2 == pytest.approx(both)


def test_equal_samples_agree_with_every_group() -> None:
    """The common case: everybody says the same."""
    assert Scores(RungRates(Rate(3, 3), Rate(2, 2)), RungRates(Rate(3, 3), Rate(6, 6)), 2) == scores([1, 1, 1], [1, 1])


def test_the_contract_is_kept_by_whole_samples() -> None:
    """A sample that fails two rungs is one that does not keep it, and repaired text does not count."""
    made = trial(flow_of("json", schema={"type": "object"}), ["{}", "{}", "[]"], ["{}", "x", "[1", "{}"]).compare()
    assert made.scores is not None
    assert RungRates(Rate(2, 3), Rate(2, 4)) == made.scores.contract


def test_missing_answers_are_still_owed() -> None:
    """What was planned stays planned: two of five answers came."""
    made = trial(flow_of(), ["yes", "yes"], ["yes", None, "yes"], planned=5).compare()
    assert made.scores is not None
    assert (CaseVerdict.NO_REPLY, 5, Rate(2, 2)) == (made.verdict, made.scores.planned, made.scores.contract.candidate)


def test_nothing_to_compare_with_has_no_scores() -> None:
    """Without a golden, or with a stale one, the case says nothing of the flow."""
    assert trial(flow_of(), None, ["yes"]).compare().scores is None
    assert trial(flow_of(), ["yes"], ["yes"], stale="the question changed").compare().scores is None


def test_a_golden_of_one_has_nobody_to_agree_with() -> None:
    """Its contract counts, its agreement does not."""
    found = scores(["yes"], ["yes", "no"])
    assert (RungRates(Rate(1, 1), Rate(2, 2)), None) == (found.contract, found.agreement)


def test_a_contract_nobody_keeps_has_no_agreement() -> None:
    """Not kept today either: its contract counts as equal, and agreement is not asked."""
    made = trial(flow_of("json"), ["no", "no"], ["no"]).compare()
    assert Scores(RungRates(Rate(0, 2), Rate(0, 1)), None, 1) == made.scores


def test_what_was_accepted_agrees_with_every_group() -> None:
    """A reviewer's word does not depend on which sample is left out."""
    made = trial(flow_of("json"), ['{"a": "b"}', '{"a": "b"}', '{"a": "c"}'], ['{"a": "d"}'], approved=['{"a": "d"}'])
    found = made.compare()
    assert found.scores is not None
    assert (CaseVerdict.ACCEPTED, RungRates(Rate(2, 3), Rate(3, 3))) == (found.verdict, found.scores.agreement)


def test_samples_that_cannot_be_read_leave_the_group_whole() -> None:
    """One of three baseline samples is no JSON: leaving it out takes nothing away, and it agrees with nobody."""
    made = trial(flow_of("json"), ["1", "1", "x"], ["1"]).compare()
    assert made.scores is not None
    assert RungRates(Rate(2, 3), Rate(3, 3)) == made.scores.agreement
