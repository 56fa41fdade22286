"""What a replay says before a rollout starts: harm on any metric, what was never asked, and what logs do not show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from canary_nouns import evidence, member, metric, pool, rollout

from migrate.canary import Offline, Terms
from migrate.canary.offline import CLOSING, YES
from migrate.vocabulary import CaseVerdict, FlowMetric


def agreement(**changes: Any) -> FlowMetric:
    return metric(name="agreement", **changes)


def test_harm_shown_on_agreement_does_not_start() -> None:
    """A contract that is kept does not make up for it; the failing cases are named."""
    harmed = evidence(metric(), agreement(low=0.2, excess=0.3, high=0.4, worse=2))
    made = rollout(evidence=harmed, offline=Offline(worse={"agreement": ("c01", "c07"), "contract": ("c09",)}))
    assert ("do_not_start", ()) == (made.verdict, made.stages)
    assert (
        "agreement at least 20 points worse offline, margin 3: 2 of 100 cases got worse, mend them first",
        "agreement worse in c01, c07",
        f"its answers change their meaning and keep the contract: {CLOSING}",
    ) == made.reasons
    assert CLOSING.endswith("--fail-on breaking,drift")


def test_a_verdict_of_unsafe_does_not_start() -> None:
    """Whatever the margin of the plan: what `compare` calls unsafe is not rolled out."""
    unsafe = replace(evidence(), verdict="unsafe", reasons=("contract at least 2 points worse",))
    made = rollout(evidence=unsafe)
    assert ("do_not_start", ("shown to be unsafe offline: contract at least 2 points worse",)) == (
        made.verdict,
        made.reasons,
    )


def test_what_a_reviewer_rejected_and_is_there_again_does_not_start() -> None:
    """Twenty cases are named, the others counted."""
    again = tuple(f"c{number:02} (rejected by ada: wrong sum)" for number in range(22))
    made = rollout(offline=Offline(rejected=again))
    assert "do_not_start" == made.verdict
    assert "what a reviewer rejected is there again in 22 cases: mend it, or take the rejection back" == made.reasons[0]
    assert made.reasons[1].startswith("c00 (rejected by ada: wrong sum), c01")
    assert made.reasons[1].endswith("c19 (rejected by ada: wrong sum) and 2 more")


def test_a_candidate_that_leaves_with_its_baseline_says_so() -> None:
    """A rollout that ends in time is one to be made again; a candidate that outlives its baseline says nothing."""
    same = {"shutdown": "2027-01-14", "baseline_shutdown": "2027-01-14", "baseline_days_left": 364}
    said = "gpt-4.1-mini leaves the API on 2027-01-14, in 364 days, no later than gpt-4o: another move follows by then"
    assert said in rollout(days_left=364, **same).reasons
    later = rollout(**{**same, "shutdown": "2028-01-14"}, days_left=729)
    assert not any("leaves the API" in reason for reason in later.reasons)


def test_a_closed_gate_is_said_first_and_asks_a_person() -> None:
    """With the cases that broke, whatever comes of the plan; nobody is exposed before a yes."""
    broken = Offline(gate="2 of 100 cases breaking", worse={"contract": ("c01", "c07")})
    said = "the replay closed its gate: 2 of 100 cases breaking, c01, c07"
    made = rollout(offline=broken)
    assert ("ready_modified", (said, YES), True) == (made.verdict, made.reasons[:2], made.stages[0].human_gate)
    weak = rollout("high", offline=broken, users_per_day=30, requests_per_day=60)
    assert ("cannot_reach_power", said) == (weak.verdict, weak.reasons[0])
    shadow = rollout(offline=broken, terms=Terms(budget_per_day=1), evidence=evidence(metric(high=0.4)))
    assert ("shadow_first", said) == (shadow.verdict, shadow.reasons[0])
    assert ("gate_closed",) == made.doubts == weak.doubts == shadow.doubts
    assert () == rollout().doubts


def test_an_estimate_past_the_margin_is_said_first() -> None:
    """By what is likeliest it is too bad, though that is not shown: it may start, and is to be mended first."""
    made = rollout(evidence=evidence(metric(excess=0.056, low=-0.044, high=0.136, worse=4)))
    said = "contract 5.6 points worse, margin 3, not shown (-4.4 to 13.6): mend 4 of 100 cases first"
    assert ("ready_modified", f"past the margin by the best estimate: {said}") == (made.verdict, made.reasons[0])
    assert (("past_margin",), False) == (made.doubts, made.stages[0].human_gate)
    at_margin = rollout(evidence=evidence(metric(excess=0.03, low=-0.044, high=0.136)))
    assert () == at_margin.doubts


def test_of_a_pool_it_is_said_whose_gate_closed() -> None:
    """The other members do not make up for it."""
    refund = member("refund", users_per_day=9000, requests_per_day=9000)
    made = pool(refund, member("triage", offline=Offline(gate="2 of 100 cases breaking")))
    assert "triage: the replay closed its gate: 2 of 100 cases breaking" == made.reasons[0]
    assert (("gate_closed",), True) == (made.doubts, made.stages[0].human_gate)


def test_a_replay_of_another_prompt_does_not_start() -> None:
    """Goldens are recorded first where they are stale; where they fit, the replay is what is missing."""
    stale, other = rollout(offline=Offline(stale=3, outdated=2)), rollout(offline=Offline(outdated=2))
    assert ("do_not_start", "goldens") == (stale.verdict, stale.lacks)
    assert ("do_not_start", "replay") == (other.verdict, other.lacks)


def test_clean_goldens_are_not_called_broken() -> None:
    """Half of what they cannot exclude is planned with, and the source of the figure says that none broke."""
    clean = rollout(evidence=evidence(metric(baseline=1.0)))
    (bad,) = [one for one in clean.metrics if one.name == "bad"]
    assert bad.source.startswith(
        "contract broken in the goldens of 100 cases: none, so half of what they cannot exclude is taken, "
    )
    (seen,) = [one for one in rollout().metrics if one.name == "bad"]
    assert "contract broken in the goldens of 100 cases" == seen.source


def test_agreement_that_looks_worse_is_said_to_be_unmeasured_in_production() -> None:
    """With its offline figure; the plan stays ready, and where the estimate is past the margin that comes first."""
    made = rollout(evidence=evidence(metric(), agreement(excess=0.02, low=-0.01, high=0.09)))
    assert "ready" == made.verdict
    said = "agreement is not measured in production logs; offline 2 points worse (-1 to 9) in 100 cases, not shown"
    assert said in made.reasons
    assert not any(stage.human_gate for stage in made.stages)
    past = rollout(evidence=evidence(metric(), agreement(excess=0.05, low=-0.01, high=0.09, worse=7)))
    said = "agreement 5 points worse, margin 3, not shown (-1 to 9): mend 7 of 100 cases first"
    assert f"past the margin by the best estimate: {said}; production logs do not measure it" == past.reasons[0]
    assert ("ready", False) == (past.verdict, any(stage.human_gate for stage in past.stages))
    better = rollout(evidence=evidence(metric(), agreement(excess=-0.05)))
    assert not any("agreement" in reason for reason in better.reasons)


def test_agreement_that_looks_bad_asks_a_person() -> None:
    """More than two margins by estimate: the first stage waits for a yes, as it does for the contract."""
    made = rollout(evidence=evidence(metric(), agreement(excess=0.07, low=0.01, high=0.13)))
    assert "ready_modified" == made.verdict
    assert [True, False] == [stage.human_gate for stage in made.stages[:2]]
    assert YES == made.reasons[1]


def test_a_dearer_candidate_is_said_and_stays_ready() -> None:
    """A person may want it for other reasons."""
    made = rollout(offline=Offline(dearer='gpt-4.1 costs 2.00 times as much: "keep: cheaper" in route'))
    assert ("ready", True) == (made.verdict, any("keep: cheaper" in reason for reason in made.reasons))


def test_a_candidate_that_never_answered_does_not_start() -> None:
    """Nothing is known of it, however the ledger counts its cases."""
    silent = replace(evidence(metric(excess=None, low=-1.0, high=1.0, missing=500)), cases=30)
    made = rollout(evidence=replace(silent, verdicts={CaseVerdict.NO_REPLY: 30}))
    assert "do_not_start" == made.verdict
    assert (
        "no answer of gpt-4.1-mini to 30 of 30 cases in run 20260115-100000-abcd: nothing is known of it",
    ) == made.reasons
    assert "answers" == made.lacks


def test_a_replay_of_a_part_of_the_cases_does_not_start() -> None:
    """A hundred of two hundred cases are no evidence of the flow."""
    made = rollout(offline=Offline(flow_cases=200))
    assert (
        "do_not_start",
        ("run 20260115-100000-abcd has 100 of 200 cases of the flow: replay all of them first",),
    ) == (
        made.verdict,
        made.reasons,
    )
    assert "replay" == made.lacks
    whole = rollout(offline=Offline(flow_cases=100))
    assert ("ready", None) == (whole.verdict, whole.lacks)


def test_what_forbids_one_member_forbids_its_pool() -> None:
    """The others do not make up for it, and it is called by its name."""
    refund = member("refund", users_per_day=1000, requests_per_day=2000)
    part = member("triage", users_per_day=1000, requests_per_day=2000, offline=Offline(flow_cases=200))
    made = pool(refund, part)
    assert "do_not_start" == made.verdict
    assert (
        "triage: run 20260115-100000-abcd has 100 of 200 cases of the flow: replay all of them first",
    ) == made.reasons
