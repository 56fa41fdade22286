"""Evidence that may be looked at after every bad answer: exact error rates, drift, outages, stop tables."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.statistics import (
    BadEvents,
    candidate_chance,
    cap_e,
    cap_table,
    combined,
    judged_share,
    ratios,
    stop_table,
    stratified,
)

SHARES = st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5])


def needed(share: float, alpha: float, events: int, r0: float = 1.0) -> list[int]:
    """How many of the first m bad answers stop it, for m from 0; one more than m where none do."""
    rows = stop_table(share, alpha, events, r0)
    return [next((k for m, k in rows if m >= total and k <= total), total + 1) for total in range(events + 1)]


def test_the_table_of_the_worked_plan() -> None:
    """At ten in a hundred and 95 %: 3 of the first 5 bad answers stop it, 4 of 8, 5 of 12, 6 of 17."""
    assert ((5, 3), (8, 4), (12, 5), (17, 6), (21, 7)) == stop_table(0.1, 0.05, 21)


@given(SHARES, st.sampled_from([0.01, 0.05]), st.floats(1, 2))
def test_the_table_stops_where_the_evidence_does(share: float, alpha: float, r0: float) -> None:
    """Its integers are the fewest candidate events that reach 1 / alpha, for every number of bad answers."""
    for total, count in enumerate(needed(share, alpha, 30, r0)):
        for candidate in range(total + 1):
            evidence = BadEvents(r0)
            evidence.add(share, candidate, total - candidate)
            assert (evidence.e >= 1 / alpha) == (candidate >= count)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_looking_after_each_of_300_bad_answers_errs_no_more_than_alpha(share: float, alpha: float) -> None:
    """The exact chance to stop ever, for equal bad rates, by dynamic programming over all orders of events."""
    counts, alive, stopped = needed(share, alpha, 300), np.zeros(302), 0.0
    alive[0] = 1.0
    chance = candidate_chance(share, 1.0)
    for total in range(1, 301):
        alive[1:] = alive[1:] * (1 - chance) + alive[:-1] * chance
        alive[0] *= 1 - chance
        stopped += alive[counts[total] :].sum()
        alive[counts[total] :] = 0.0
    assert 0.0 < stopped <= alpha


def test_drifting_rates_and_outages_of_both_sides_raise_no_alarm() -> None:
    """Over 1,000 simulated weeks the bad rate swings threefold and both sides fail for an hour: at most 5 % alarms."""
    dice, share = np.random.default_rng(23), 0.1
    counts = np.array(needed(share, 0.05, 2_000))
    alarms = 0
    for _ in range(1_000):
        rate = 0.02 * (1 + np.abs(np.sin(np.arange(168) / 24 * np.pi)) * 2)
        rate[dice.integers(168)] = 0.6
        bad = dice.binomial(60, rate)
        mine = dice.binomial(bad, share)
        total, candidate = bad.cumsum(), mine.cumsum()
        alarms += bool((candidate >= counts[np.minimum(total, 2_000)]).any())
    assert alarms / 1_000 <= 0.05


@pytest.mark.parametrize(("ratio", "most"), [(3.0, 130), (10.0, 25)])
def test_a_worse_candidate_is_stopped_soon(ratio: float, most: int) -> None:
    """Three times the bad rate is stopped within 130 bad answers in the median, ten times within 25."""
    dice, counts = np.random.default_rng(29), np.array(needed(0.1, 0.05, 400))
    mine = (dice.random((400, 400)) < candidate_chance(0.1, ratio)).cumsum(axis=1)
    stops = (mine >= counts[1:]).argmax(axis=1) + 1
    assert float(np.median(stops)) <= most


def test_the_share_may_change_from_stage_to_stage() -> None:
    """Evidence of stages multiplies within each alternative: events at 5 and at 50 in 100 are weighed by their own."""
    once, stages = BadEvents(), BadEvents()
    once.add(0.1, 3, 5)
    for candidate in (1, 0, 1, 1, 0, 0, 0, 0):
        stages.add(0.1, candidate, 1 - candidate)
    assert once.e == pytest.approx(stages.e)
    stages.add(0.5, 1)
    assert once.e < stages.e


def test_the_mean_evidence_of_fair_events_is_one() -> None:
    """One event: the expectation over who gives it is exactly 1, for the hypothesis itself, in both directions."""
    for share in (0.05, 0.5):
        for below in (False, True):
            mine, other = BadEvents(1.5, below=below), BadEvents(1.5, below=below)
            mine.add(share, 1)
            other.add(share, 0, 1)
            chance = candidate_chance(share, 1.5)
            assert 1.0 == pytest.approx(chance * mine.e + (1 - chance) * other.e)


def test_evidence_of_less_grows_with_the_control_s_bad_answers() -> None:
    """Forty bad answers of the control and none of the candidate promote, and are nothing to stop for."""
    better, worse = BadEvents(below=True), BadEvents()
    better.add(0.5, 0, 40)
    worse.add(0.5, 0, 40)
    assert better.e > 1_000
    assert worse.e < 0.02


def test_evidence_beyond_floats_is_endless_not_an_error() -> None:
    """Ten thousand bad answers of the candidate alone."""
    evidence = BadEvents()
    evidence.add(0.01, 10_000)
    assert inf == evidence.e


def test_alternatives_are_spaced_evenly_in_the_logarithm() -> None:
    """Forty of them, from just above the hypothesis to twenty times it."""
    grid = ratios(2.0)
    assert 40 == len(grid)
    assert [log(20) / 80 + log(20) / 40 * place for place in range(40)] == pytest.approx([log(r / 2) for r in grid])
    assert [4 / one for one in grid] == pytest.approx(list(ratios(2.0, below=True)))


@given(st.floats(0.01, 0.99), st.floats(0.05, 1), st.floats(0.05, 1))
def test_judging_a_side_more_often_shifts_the_share(share: float, candidate: float, control: float) -> None:
    """Of a thousand answers, those judged are the candidate's in this share."""
    mine, others = 1_000 * share * candidate, 1_000 * (1 - share) * control
    assert mine / (mine + others) == pytest.approx(judged_share(share, candidate, control))


# --- absolute caps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [0.01, 0.05, 0.2])
def test_a_cap_is_exceeded_by_chance_no_more_often_than_alpha(cap: float) -> None:
    """The exact chance that a rate of just the cap ever crosses, over a look after each of 500 answers."""
    rows = dict(cap_table(cap, 0.05, range(1, 501)))
    alive, stopped = np.zeros(502), 0.0
    alive[0] = 1.0
    for total in range(1, 501):
        alive[1:] = alive[1:] * (1 - cap) + alive[:-1] * cap
        alive[0] *= 1 - cap
        count = rows.get(total, total + 1)
        stopped += alive[count:].sum()
        alive[count:] = 0.0
    assert 0.0 < stopped <= 0.05


def test_the_mean_evidence_against_a_cap_is_one() -> None:
    """One answer at a rate of exactly the cap."""
    assert 1.0 == pytest.approx(0.1 * cap_e(1, 1, 0.1) + 0.9 * cap_e(0, 1, 0.1))


def test_a_cap_near_one_is_refused() -> None:
    """There is no worse than everything."""
    with pytest.raises(ValueError, match="a cap lies between"):
        cap_e(1, 1, 0.95)


def test_strata_are_weighed_as_one() -> None:
    """Their ratios multiply within each alternative: one is itself, two halves of a stream are the stream."""
    whole, first, second = BadEvents(1.5), BadEvents(1.5), BadEvents(1.5)
    for process, events in ((first, (3, 5)), (second, (4, 2))):
        process.add(0.25, *events)
        whole.add(0.25, *events)
    assert (1.0, first.e) == (stratified([]), pytest.approx(stratified([first])))
    assert whole.e == pytest.approx(stratified([first, second]))


def test_the_mean_evidence_of_strata_is_one() -> None:
    """One event in each of two flows with shares and allowed ratios of their own: fair, whoever gives it."""
    flows = ((0.1, 1.0), (0.5, 2.0))
    total = 0.0
    for sides in ((1, 1), (1, 0), (0, 1), (0, 0)):
        chance, strata = 1.0, []
        for (share, r0), candidate in zip(flows, sides, strict=True):
            null, process = candidate_chance(share, r0), BadEvents(r0)
            process.add(share, candidate, 1 - candidate)
            strata.append(process)
            chance *= null if candidate else 1 - null
        total += chance * stratified(strata)
    assert 1.0 == pytest.approx(total)


def test_several_kinds_of_evidence_are_averaged() -> None:
    """The weighted mean of e-values is one."""
    assert 4.0 == combined([1.0, 7.0])
    assert 2.5 == combined([1.0, 7.0], [3.0, 1.0])
