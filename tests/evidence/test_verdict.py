"""The verdict of a flow: what is shown, what is not, what would show it, and how often it errs."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import compared, record, scores

from migrate.evidence import CLASSES, Policy, policies_of, weigh, words
from migrate.evidence.explaining import SUMMARY
from migrate.ports import CaseRecord
from migrate.vocabulary import (
    CaseVerdict,
    Comparison,
    Flow,
    FlowEvidence,
    FlowName,
    Prompt,
    Scores,
)

CLEAN = scores()
BROKEN = scores((5, 5), (0, 5), ((5, 5), (0, 25)))
UNSAFE_HARM = "contract at least 25.3 points worse, margin 3, in 9 of 20 cases"


def cases(*found: tuple[int, Scores | None], flow: str = "refund", candidate: str = "gpt-4.1") -> list[Comparison]:
    """So many cases with these scores, one kind after the other."""
    kinds = [one for count, one in found for _ in range(count)]
    return [compared(f"c{n}", flow=flow, candidate=candidate, scores=one) for n, one in enumerate(kinds)]


def judged(comparisons: Iterable[Comparison], policy: Policy | None = None) -> FlowEvidence:
    """The evidence of the one flow there is."""
    policies = {} if policy is None else {FlowName("refund"): policy}
    (flow,) = weigh((record(comparison) for comparison in comparisons), policies=policies)
    return flow


def medium(own_margin: float | None = None, count: int = 0) -> Policy:
    return Policy("medium", own_margin, count)


def test_the_baseline_against_itself_is_called_that() -> None:
    """After a promotion a run of the same model has nothing to show and nothing to decide."""
    itself, other = (judged(cases((20, CLEAN), candidate=name), medium()) for name in ("gpt-4o", "gpt-4.1"))
    said = "gpt-4o is the baseline, compared with itself: what differs is its own noise"
    assert (said, *other.reasons) == itself.reasons
    assert "insufficient" == itself.verdict


def test_a_lower_bound_says_at_which_level_it_stands() -> None:
    """The same loss of contract has a higher bound where agreement is past its margin too; --explain says so."""
    only = scores((5, 5), (0, 5), ((5, 5), (25, 25)))
    both, one = (judged(cases((14, CLEAN), (6, kind)), medium()) for kind in (BROKEN, only))
    explain = SUMMARY["verdict"].inputs
    assert both.metrics[0].excess == one.metrics[0].excess
    assert both.metrics[0].low > one.metrics[0].low
    assert "(at all of alpha: agreement is shown past its margin too) to" in explain(both)
    assert "(at 0.5 alpha: agreement is not shown past its margin) to" in explain(one)


# --- safe ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("critical", "enough"), [("low", 45), ("medium", 99), ("high", 199), ("critical", 919)])
def test_clean_cases_that_make_a_flow_safe(critical: str, enough: int) -> None:
    """Where no case got worse, each class asks for a number of cases; one fewer is insufficient by one."""
    policy = Policy(critical, None, 0)  # type: ignore[arg-type]
    almost, safe = judged(cases((enough - 1, CLEAN)), policy), judged(cases((enough, CLEAN)), policy)
    assert (("insufficient", 1), ("safe", None)) == (
        (almost.verdict, almost.cases_needed),
        (safe.verdict, safe.cases_needed),
    )


def test_a_safe_flow_says_what_it_was_shown_to_be() -> None:
    """Both bounds and the margin, in points of a hundred answers."""
    flow = judged(cases((120, CLEAN)), medium())
    assert ("contract at most 2.5 points worse, agreement at most 2.5 points worse, margin 3",) == flow.reasons


def test_the_flow_s_own_margin_counts() -> None:
    """Twenty-nine clean cases exclude ten points, which are what this flow may lose."""
    assert ["safe", "insufficient"] == [judged(cases((29, CLEAN)), medium(margin)).verdict for margin in (0.1, None)]


def test_a_better_candidate_is_safe() -> None:
    """A baseline that fails, and differs from itself, in a fifth of its samples; a candidate that never does."""
    better = scores((4, 5), (5, 5), ((4, 5), (25, 25)))
    flow = judged(cases((30, better)), medium())
    assert "safe" == flow.verdict
    assert flow.reasons[0].startswith("contract at least")
    assert flow.reasons[0].count("points better") == 2


def test_noise_on_both_sides_is_no_harm() -> None:
    """250 cases of five samples in which both sides fail now and then, as often as each other."""
    kinds = ((200, CLEAN), (25, scores((4, 5), (5, 5))), (25, scores((5, 5), (4, 5))))
    assert "safe" == judged(cases(*kinds), medium()).verdict


def test_samples_do_not_stand_in_for_cases() -> None:
    """Ten cases of a hundred samples each are ten cases."""
    many = scores((100, 100), (100, 100), ((100, 100), (10_000, 10_000)))
    flow = judged(cases((10, many)), medium())
    assert ("insufficient", 89) == (flow.verdict, flow.cases_needed)


# --- unsafe ---------------------------------------------------------------------------------------------------


def test_harm_that_is_shown_is_unsafe() -> None:
    """Nine of twenty cases lost, in contract and agreement alike: at least 25.3 points at 95 %."""
    flow = judged(cases((11, CLEAN), (9, BROKEN)), medium())
    assert ("unsafe", None) == (flow.verdict, flow.cases_needed)
    assert UNSAFE_HARM == flow.reasons[0]


def test_agreement_alone_makes_a_flow_unsafe() -> None:
    """The contract is kept everywhere, and half of the cases say something else."""
    other = scores(agreement=((5, 5), (0, 25)))
    flow = judged(cases((20, CLEAN), (20, other)), medium())
    assert "unsafe" == flow.verdict
    assert flow.reasons[0].startswith("agreement at least")


def test_two_questions_cost_half_of_the_error() -> None:
    """Broken in agreement alone the same nine cases show 21.1 points: either metric could have been the one."""
    other = scores(agreement=((5, 5), (0, 25)))
    both, alone = (judged(cases((11, CLEAN), (9, kind)), medium()).metrics[1] for kind in (BROKEN, other))
    assert (0.253, 0.211) == pytest.approx((both.low, alone.low), abs=0.0005)


def test_a_contract_that_is_not_kept_today_is_no_evidence_against_a_candidate() -> None:
    """Neither side keeps it in any sample: no difference, and no question of agreement in those cases."""
    neither = scores((0, 5), (0, 5), None)
    flow = judged([*cases((99, CLEAN)), *cases((40, neither))], medium())
    assert "safe" == flow.verdict
    assert [139, 99] == [metric.cases for metric in flow.metrics]


def test_harm_is_shown_though_the_flow_could_not_be_safe() -> None:
    """A golden of one sample hides noise, not broken contracts."""
    flow = judged(cases((11, scores(agreement=None)), (9, scores((1, 1), (0, 1), None))), medium())
    assert "unsafe" == flow.verdict


# --- insufficient ---------------------------------------------------------------------------------------------


def test_few_cases_say_little() -> None:
    """Twenty clean cases at a margin of 1.5 points: up to 13.9 worse is possible, 179 more would tell."""
    flow = judged(cases((20, CLEAN)), Policy("high", None, 0))
    assert ("insufficient", 179) == (flow.verdict, flow.cases_needed)
    assert "contract may be 13.9 points worse, margin 1.5: 179 more cases" == flow.reasons[0]


def test_without_an_answer_no_number_of_cases_is_asked_for() -> None:
    """A model that never answered is no model of which more cases would tell."""
    flow = judged(cases((30, scores(after=(0, 0), agreement=((5, 5), (0, 0)), planned=5))), medium())
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert "no answer came, so nothing is known of contract: 150 are missing" == flow.reasons[0]


def test_the_metric_that_needs_most_binds() -> None:
    """Agreement varies, the contract does not: agreement is said first, and its number is the flow's."""
    kinds = (scores(agreement=((5, 5), (10, 25))), scores(agreement=((2, 5), (25, 25))))
    flow = judged(cases((30, CLEAN), *((3, kind) for kind in kinds)), medium())
    contract, agreement = flow.metrics
    assert [63, agreement.cases_needed] == sorted([contract.cases_needed or 0, flow.cases_needed or 0])
    assert flow.reasons[0].startswith("agreement may be")


def test_more_of_what_is_worse_would_not_help() -> None:
    """Two of thirty lost is 6.7 points, past the margin of 3, and yet may be chance: no number, but what to do."""
    flow = judged(cases((28, CLEAN), (2, BROKEN)), medium())
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert "contract 6.7 points worse, margin 3: mend it, in 2 of 30 cases" == flow.reasons[0]


def test_a_number_that_nobody_can_reach_comes_with_the_nearer_way() -> None:
    """2.5 points worse at a margin of 3 would take thousands of cases: that is no advice, one case to mend is."""
    flow = judged(cases((39, CLEAN), (1, BROKEN)), medium())
    assert flow.cases_needed is not None
    assert flow.cases_needed > 1_000
    assert (
        "contract may be 11.3 points worse, margin 3: mend it, in 1 of 40 cases: too many cases would have to be added"
        == (flow.reasons[0])
    )


def test_a_number_that_somebody_can_reach_is_told_beside_mending() -> None:
    """One of 24 agrees in three of five: 364 more cases, fifteen times the 24 and still to be written."""
    flow = judged(cases((23, CLEAN), (1, scores(agreement=((20, 20), (12, 20))))), medium())
    assert f"mend 1 of 24 cases, or add {flow.cases_needed} cases" == flow.reasons[0].rpartition(": ")[2]


def test_beyond_reach_a_canary_shows_the_contract_and_not_the_meaning() -> None:
    """Four clean cases of a critical flow lack some 900: production logs tell of the contract, not of agreement."""
    flow = judged(cases((4, CLEAN)), Policy("critical", None, 4))
    assert flow.cases_needed is not None
    assert flow.cases_needed > words.MOST_ADDED
    assert [
        "too many cases would have to be added; a canary shows it on traffic",
        "too many cases would have to be added",
    ] == [reason.rpartition(": ")[2] for reason in flow.reasons]


def test_a_run_of_one_case_says_so_in_good_grammar() -> None:
    """After `-k` one case is in the run."""
    assert "only 1 of the flow's 30 cases is in this run" == judged(cases((1, CLEAN)), medium(count=30)).reasons[0]


def test_agreement_says_which_cases_it_leaves_out() -> None:
    """One of forty keeps no contract on either side: agreement is of 39, and says why it is not of 40."""
    differs, unkept = scores(agreement=((5, 5), (0, 25))), scores((0, 5), (0, 5), None)
    many = judged(cases((25, CLEAN), (14, differs), (1, unkept)), medium())
    few = judged(cases((37, CLEAN), (2, differs), (1, unkept)), medium())
    said = "(1 left out: contract not kept today)"
    assert ("unsafe", f"in 14 of 39 cases {said}") == (many.verdict, many.reasons[0].rpartition(", ")[2])
    assert ("insufficient", f"in 2 of 39 cases {said}") == (few.verdict, few.reasons[0].rpartition(", ")[2])


def test_what_keeps_a_flow_from_safe_names_no_number_that_nobody_adds() -> None:
    """Breaking cases and cases to add; thousands of them are left out, and the reason stands alone."""
    flow = judged(cases((39, CLEAN), (1, BROKEN)), medium())
    broken = replace(flow, verdicts={CaseVerdict.BREAKING: 1})
    assert ("1 breaking case", "1 breaking case, 64 more cases needed", flow.reasons[0]) == (
        words.kept_from_safe(broken),
        words.kept_from_safe(replace(broken, cases_needed=64)),
        words.kept_from_safe(replace(flow, verdicts={})),
    )


@pytest.mark.parametrize(
    ("needed", "cases", "within"),
    [(None, 30, False), (500, 4, True), (501, 4, False), (900, 100, True), (901, 100, False)],
)
def test_cases_within_reach_are_ten_times_the_flows_own_or_500(needed: int | None, cases: int, within: bool) -> None:
    """A flow of four can be given 500; one of a hundred nine times as many again."""
    assert within is words.is_within_reach(needed, cases)


def test_what_may_be_chance_is_planned_for_as_chance() -> None:
    """Ten cases a fifth worse, five a fifth better: past the margin, within chance; for equals 255 more would tell."""
    kinds = ((25, CLEAN), (10, scores((5, 5), (4, 5))), (5, scores((4, 5), (5, 5))))
    flow = judged(cases(*kinds), medium(0.02))
    contract = flow.metrics[0]
    assert contract.excess == pytest.approx(0.025)
    assert ("equal", 10, 5, 255) == (contract.planned_for, contract.worse, contract.better, contract.cases_needed)
    assert (255, "10 cases worse and 5 better: if by chance, 255 more cases") == (
        flow.cases_needed,
        flow.reasons[0].split(", ", 2)[2],
    )


def test_a_golden_of_one_sample_cannot_make_a_flow_safe() -> None:
    """K = 1: how the baseline agrees with itself is unmeasured, however many cases there are."""
    single = [compared(f"c{n}", scores=scores((1, 1), (1, 1), None), measured=False) for n in range(500)]
    flow = judged(single, medium())
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert ("goldens of one sample show no noise: agreement wants 2 or more",) == flow.reasons
    assert ["contract"] == [metric.name for metric in flow.metrics]


def test_some_goldens_of_one_sample_are_left_out_of_agreement() -> None:
    """What can be judged is, and the rest is said."""
    single = [compared(f"s{n}", scores=scores((1, 1), (1, 1), None), measured=False) for n in range(7)]
    flow = judged([*cases((110, CLEAN)), *single], medium())
    assert ("safe", [117, 110]) == (flow.verdict, [metric.cases for metric in flow.metrics])
    assert "cases left out of agreement, golden of one sample: 7" in flow.reasons


def test_equal_losses_everywhere_are_not_certain() -> None:
    """Zero variance is not zero doubt: five cases that all lose a fifth show neither 25 points nor less than 15."""
    fifth = scores((5, 5), (4, 5), ((5, 5), (20, 25)))
    assert ["insufficient"] * 2 == [judged(cases((5, fifth)), medium(margin)).verdict for margin in (0.25, 0.15)]


def test_a_margin_of_nothing_asks_for_better() -> None:
    """Not to be worse by anything cannot be shown of an equal."""
    flow = judged(cases((500, CLEAN)), medium(0.0))
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert "contract with margin 0 must be shown to be better, and is not" == flow.reasons[0]
    better = scores((3, 5), (5, 5), ((3, 5), (25, 25)))
    assert "safe" == judged(cases((60, better)), medium(0.0)).verdict


def test_no_case_is_no_verdict_on_the_model() -> None:
    """Nothing to compare with is insufficient, with the reason, whatever else is known."""
    verdicts = [CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN, CaseVerdict.STALE_GOLDEN]
    flow = judged([compared(f"c{n}", verdict=verdict) for n, verdict in enumerate(verdicts)], medium())
    assert ("insufficient", ("no case could be compared: 1 no golden, 2 stale golden",)) == (flow.verdict, flow.reasons)
    assert {"no golden": ("c0",), "stale golden": ("c1", "c2")} == flow.excluded


def test_a_contract_nobody_keeps_leaves_agreement_unasked() -> None:
    """A flow that keeps its contract nowhere today cannot be shown to say the same."""
    flow = judged(cases((200, scores((0, 5), (0, 5), None))), medium())
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert "the contract is not kept today either, in any case: agreement is not asked" == flow.reasons[0]


def test_excluded_cases_are_listed_and_do_not_decide() -> None:
    """A stale golden is the fault of nobody's answer: the others decide, and the list says what is not in."""
    stale = compared("old", verdict=CaseVerdict.STALE_GOLDEN)
    flow = judged([*cases((99, CLEAN)), stale], medium())
    assert ("safe", {"stale golden": ("old",)}) == (flow.verdict, flow.excluded)
    assert "cases left out, stale golden: 1" == flow.reasons[1]


@pytest.mark.parametrize(
    ("failing", "whole", "verdict"),
    [(6, None, "unsafe"), (6, 6, "unsafe"), (6, 100, "insufficient"), (20, 40, "unsafe")],
    ids=["of a flow nobody counted", "of all", "chosen for failing", "too many for any choice"],
)
def test_cases_that_were_chosen_for_failing_are_not_the_flow(failing: int, whole: int | None, verdict: str) -> None:
    """After `--lf` a run has those alone that failed before: the others are taken for no worse."""
    flow = judged(cases((failing, scores((5, 5), (0, 5), None))), medium(count=whole))
    assert verdict == flow.verdict
    if whole not in (None, failing):
        assert f"only {failing} of the flow's {whole} cases are in this run" in flow.reasons


@given(st.integers(1, 30), st.integers(0, 60))
def test_a_part_never_shows_more_harm_than_the_same_cases_alone(failing: int, absent: int) -> None:
    """However many cases the run has not: nobody gave those answers, and they are evidence of nothing."""
    seen = cases((failing, scores((5, 5), (0, 5), None)))
    alone = judged(seen, medium(count=failing)).metrics[0].low
    part = judged(seen, medium(count=failing + absent)).metrics[0].low
    assert part <= alone


def test_a_part_of_the_flow_is_not_the_flow() -> None:
    """A run of chosen cases is never safe for the whole: the inventory lists more."""
    flow = judged(cases((120, CLEAN)), medium(count=160))
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert ("only 120 of the flow's 160 cases are in this run",) == flow.reasons
    assert "safe" == judged(cases((120, CLEAN)), medium(count=120)).verdict


def test_a_flow_nobody_knows_is_judged_as_a_medium_one() -> None:
    """Without its prompt file the margin is three points, and that is said."""
    flow = judged(cases((99, CLEAN)))
    assert ("safe", 0.03, 0.05) == (flow.verdict, flow.metrics[0].margin, flow.metrics[0].alpha)
    assert "judged as medium: no prompt file says more" == flow.reasons[-1]


def test_records_without_scores_are_left_out() -> None:
    """What an older version judged has no scores: it is left out by name, not guessed."""
    flow = judged([compared("old", verdict=CaseVerdict.DRIFT)], medium())
    assert ("no case could be compared: 1 judged by an older version",) == flow.reasons


# --- missing answers ------------------------------------------------------------------------------------------


def lost(planned: int = 5, answered: int = 3) -> Scores:
    """A case that kept everything in the answers that came."""
    return scores((5, 5), (answered, answered), ((5, 5), (5 * answered, 5 * answered)), planned)


def test_missing_answers_count_as_bad_for_safe() -> None:
    """120 clean cases are safe; with ten answers missing they may hide what is worse, and are not."""
    flow = judged(cases((115, CLEAN), (5, lost())), medium())
    assert ("insufficient", None) == (flow.verdict, flow.cases_needed)
    assert "contract may be 3.9 points worse, margin 3: 10 answers are missing" == flow.reasons[0]
    assert "missing answers taken for bad: 10" in flow.reasons


def test_a_few_missing_answers_may_be_bad_and_yet_not_matter() -> None:
    """Two of a thousand cases with a sample less: still safe with these taken for bad."""
    assert "safe" == judged(cases((300, CLEAN), (2, lost(answered=4))), medium()).verdict


def test_missing_answers_are_no_harm() -> None:
    """An outage is not the model's fault: all answers missing make no flow unsafe."""
    flow = judged(cases((40, lost(answered=0))), medium())
    assert ("insufficient", None, None) == (flow.verdict, flow.metrics[0].candidate, flow.metrics[0].excess)


# --- among other flows ------------------------------------------------------------------------------------------


def family(counts: Sequence[int], policy: Policy) -> list[FlowEvidence]:
    """Flows with so many clean cases each, weighed together."""
    names = [FlowName(f"flow-{number}") for number in range(len(counts))]
    comparisons = [one for name, count in zip(names, counts, strict=True) for one in cases((count, CLEAN), flow=name)]
    return list(weigh((record(one) for one in comparisons), policies=dict.fromkeys(names, policy)))


def test_one_lucky_flow_among_many_is_not_safe() -> None:
    """What is safe by itself at 5 % is not the one of ten that chance makes so; the number says what it takes."""
    first, *others = family([99, *[20] * 9], medium())
    assert ("insufficient", ["insufficient"] * 9) == (first.verdict, [flow.verdict for flow in others])
    assert "contract within 3 points by itself, not yet among all flows: 75 more cases" == first.reasons[0]
    assert [79] * 9 == [flow.cases_needed for flow in others]
    assert "safe" == family([99 + 75, *[20] * 9], medium())[0].verdict


def test_flows_that_are_all_safe_are_safe_together() -> None:
    """The control costs nothing where every flow has its cases."""
    assert ["safe"] * 10 == [flow.verdict for flow in family([99] * 10, medium())]


def test_candidates_do_not_share_a_family() -> None:
    """What other candidates show or fail to show makes this one no safer and no less."""
    mine = cases((99, CLEAN), candidate="gpt-4.1")
    others = [one for n in range(9) for one in cases((20, CLEAN), candidate=f"other-{n}")]
    found = weigh((record(one) for one in [*mine, *others]), policies={})
    assert ["safe", *["insufficient"] * 9] == [flow.verdict for flow in found]


def test_flows_that_cannot_be_judged_do_not_count_among_the_others() -> None:
    """Nine flows without a golden leave the tenth its whole level."""
    empty = [compared(flow=f"empty-{n}", verdict=CaseVerdict.NO_GOLDEN) for n in range(9)]
    found = weigh((record(one) for one in [*cases((99, CLEAN)), *empty]), policies={})
    assert ["safe", *["insufficient"] * 9] == [flow.verdict for flow in found]


# --- how often it errs --------------------------------------------------------------------------------------------


def drawn(dice: np.random.Generator, before: np.ndarray, after: np.ndarray, samples: int) -> list[Scores]:
    """Scores of cases with these true bad rates on either side, by chance; agreement as good as it gets."""
    first, second = dice.binomial(samples, before), dice.binomial(samples, after)
    whole = ((samples, samples), (samples * samples, samples * samples))
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return [scores((samples - x, samples), (samples - y, samples), whole) for x, y in pairs]


def rates_of(dice: np.random.Generator, n: int, excess: float) -> tuple[np.ndarray, np.ndarray]:
    """True bad rates of n cases: most never fail, a tenth is unsteady, and the excess is one of three kinds."""
    before = np.where(dice.random(n) < 0.1, dice.uniform(0, 0.6, n), 0.0)
    match int(dice.integers(3)):
        case 0:  # some cases are lost wholly
            hit = dice.random(n) < excess / (1 - 0.03)
            after = np.where(hit, 1.0, before)
        case 1:  # every answer is a little worse
            after = before + excess
        case _:  # a fifth of the cases bear it
            after = before + np.where(dice.random(n) < 0.2, 5 * excess, 0.0)
    return before, np.minimum(after, 1.0)


@pytest.mark.parametrize(("n", "samples"), [(40, 1), (40, 5), (120, 3)])
def test_false_safe_at_the_margin(n: int, samples: int) -> None:
    """Of 400 simulated flows that lose just their margin of 10 points at most 5 % are safe, and 3 standard errors."""
    dice, wrong = np.random.default_rng(71 + n + samples), 0
    for _ in range(400):
        found = drawn(dice, *rates_of(dice, n, 0.1), samples)
        wrong += judged(cases(*((1, one) for one in found)), medium(0.1)).verdict == "safe"
    assert wrong / 400 <= 0.05 + 3 * sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("n", [12, 40])
def test_false_unsafe_without_a_difference(n: int, samples: int) -> None:
    """Of 400 simulated flows with equal candidates at most one is called unsafe at a margin of 3 points."""
    dice, wrong = np.random.default_rng(79 + n + samples), 0
    for _ in range(400):
        found = drawn(dice, *rates_of(dice, n, 0.0), samples)
        wrong += judged(cases(*((1, one) for one in found)), medium()).verdict == "unsafe"
    assert wrong <= 1


def test_wrong_safes_over_random_true_rates() -> None:
    """Of 500 flows with an excess drawn from -5 to 15 points, those called safe that are not are within 5 %."""
    dice, safe, wrong = np.random.default_rng(83), 0, 0
    for _ in range(500):
        excess = float(dice.uniform(-0.05, 0.15))
        before, after = rates_of(dice, int(dice.integers(20, 150)), abs(excess))
        pair = (before, after) if excess > 0 else (after, before)
        verdict = judged(cases(*((1, one) for one in drawn(dice, *pair, 3))), medium(0.1)).verdict
        safe += verdict == "safe"
        wrong += verdict == "safe" and excess >= 0.1
    assert safe > 50
    assert wrong / 500 <= 0.05


def test_wrong_safes_in_families() -> None:
    """Over 40 families of 10 flows, half of them at their margin, the mean share of wrong among safe is within 5 %."""
    dice, shares = np.random.default_rng(89), []
    for _ in range(40):
        comparisons = []
        for number in range(10):
            found = drawn(dice, *rates_of(dice, 100, 0.1 if number % 2 else 0.0), 3)
            comparisons += cases(*((1, one) for one in found), flow=f"flow-{number}")
        names = [FlowName(f"flow-{number}") for number in range(10)]
        flows = weigh((record(one) for one in comparisons), policies=dict.fromkeys(names, medium(0.1)))
        safe = [place for place, flow in enumerate(flows) if flow.verdict == "safe"]
        shares.append(sum(place % 2 for place in safe) / len(safe) if safe else 0.0)
    assert np.mean(shares) <= 0.05


def test_the_number_of_cases_keeps_its_promise() -> None:
    """Where 40 cases are too few, flows of the size it names are safe in 75 of 100, for the 80 it plans for."""
    dice = np.random.default_rng(97)

    def found(n: int) -> FlowEvidence:
        rates = np.full(n, 0.05)
        return judged(cases(*((1, one) for one in drawn(dice, rates, rates, 5))), medium(0.05))

    asked = [found(40) for _ in range(30)]
    needed = sorted(40 + flow.cases_needed for flow in asked if flow.cases_needed)[len(asked) // 2]
    assert 0.75 <= np.mean([found(needed).verdict == "safe" for _ in range(200)])


# --- properties ---------------------------------------------------------------------------------------------------

SAMPLES = st.integers(0, 4)
SCORED = st.builds(
    lambda before, after, more, own, others: scores(
        (before, 4), (after, 4), ((own, 4), (others, 16)) if before else None, 4 + more
    ),
    *(SAMPLES, SAMPLES, st.integers(0, 1), SAMPLES, st.integers(0, 16)),
)


@given(st.lists(SCORED | st.none(), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(found: list[Scores | None], dice: random.Random) -> None:
    """The same cases in another order give the same verdict, numbers and words."""
    comparisons = cases(*((1, one) for one in found))
    shuffled = list(comparisons)
    dice.shuffle(shuffled)
    first, second = judged(comparisons, medium()), judged(shuffled, medium())
    assert (first.verdict, first.cases_needed, first.reasons) == (second.verdict, second.cases_needed, second.reasons)


@given(st.lists(SCORED, min_size=1, max_size=30))
def test_verdicts_follow_from_their_numbers(found: list[Scores]) -> None:
    """Safe: both upper bounds below the margin; unsafe: a lower bound above it; else words that say what is open."""
    flow = judged(cases(*((1, one) for one in found)), medium())
    assert flow.reasons
    for metric in flow.metrics:
        assert -1 <= metric.low <= metric.high <= 1
        assert (metric.p <= metric.alpha) == (metric.high < metric.margin or metric.p == metric.alpha)
    if flow.verdict == "safe":
        assert all(metric.high < metric.margin for metric in flow.metrics)
    assert (flow.verdict == "unsafe") == any(metric.low > metric.margin for metric in flow.metrics)
    assert flow.cases_needed is None or flow.verdict == "insufficient"


@given(st.lists(SCORED, min_size=1, max_size=20), st.floats(0.01, 0.5), st.floats(0.01, 0.3))
def test_a_wider_margin_never_turns_safe_into_something_else(found: list[Scores], margin: float, more: float) -> None:
    """What is within the margin is within a wider one."""
    comparisons = cases(*((1, one) for one in found))
    if judged(comparisons, medium(margin)).verdict == "safe":
        assert "safe" == judged(comparisons, medium(margin + more)).verdict


def test_many_cases_weigh_little() -> None:
    """Twenty thousand cases of a flow are held as their few distinct scores: less than 200 kB beside the evidence."""
    kinds = [CLEAN, BROKEN, scores((4, 5), (5, 5)), scores((5, 5), (4, 5))]

    def records() -> Iterable[CaseRecord]:
        for number in range(20_000):
            yield record(compared(scores=kinds[number % 4]))

    weigh([record(compared(scores=kinds[1]))], policies={})  # what is imported on the way is not of the cases
    tracemalloc.start()
    try:
        weigh(records(), policies={})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_what_the_inventory_says_of_its_flows() -> None:
    """Class, own margin and the number of cases, by name."""
    flow = Flow(FlowName("refund"), Prompt((), "gpt-4o"), (), critical="high", tolerances={"margin": 0.02, "cost": 1.0})
    (policy,) = policies_of([flow]).values()
    assert Policy("high", 0.02, 0) == policy
    assert (0.02, CLASSES["high"].alpha, 0.9) == (policy.margin, policy.alpha, policy.power)
