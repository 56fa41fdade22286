"""Looks that share a gate's error, and gates that are passed between them by evidence."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from canary_nouns import plan, rollout

from migrate.canary import Rollout, Terms, behaviour, plan_document, plan_of
from migrate.canary.counted import Arm, Counted, Hour
from migrate.canary.gates import passed_early
from migrate.canary.judging import judge
from migrate.canary.stages import look_levels

OBRIEN = Terms(looks="obrien_fleming")
EARLY = Terms(early=True)


def log(made: Rollout, bad: tuple[float, float], hours: int, dice: random.Random, missing: float = 0.0) -> Counted:
    """The first stage at the flow's traffic, its units bad at these rates, and some of the candidate's unknown."""
    return Counted("refund", tuple(_hours(made, bad, hours, dice, missing)))


def _hours(made: Rollout, bad: tuple[float, float], hours: int, dice: random.Random, missing: float) -> Iterator[Hour]:
    share = made.stages[0].share
    sides: tuple[tuple[Arm, float, float], ...] = (("candidate", share, bad[0]), ("control", 1 - share, bad[1]))
    for at in range(hours):
        for arm, part, rate in sides:
            units = round(made.units_per_day * part / 24)
            fell = sum(dice.random() < rate for _ in range(units))
            lost = sum(dice.random() < missing for _ in range(units)) if arm == "candidate" else 0
            yield Hour(490_000 + at, share, arm, 2 * units, fell, units, {"bad": fell}, lost)


def test_looks_alike_have_a_third_of_the_error_each() -> None:
    """Bonferroni; a quarter of it is kept where a gate may be passed early."""
    assert (0.05 / 3,) * 3 == look_levels(0.05, Terms())
    assert (0.0125,) * 3 == pytest.approx(look_levels(0.05, EARLY))


def test_o_brien_and_fleming_s_looks_have_the_published_levels() -> None:
    """Three looks at 0.025: z 3.7103, 2.5114 and 1.9930, the usual table of Lan and DeMets, as one-sided errors."""
    assert (0.000104, 0.006012, 0.023131) == pytest.approx(look_levels(0.025, OBRIEN), abs=1e-5)


def test_late_looks_want_fewer_units_in_all() -> None:
    """A third of the units at the first look, and at the last still fewer than three alike would come to."""
    alike, late = rollout().stages[2], rollout(terms=OBRIEN).stages[2]
    assert late.n_candidate < alike.n_candidate
    assert 3 * late.n_candidate < 1.1 * alike.n_candidate
    assert late.power_exact is not None
    assert late.power_exact >= 0.8


def test_each_look_is_taken_at_its_own_level() -> None:
    """The first look passes only what is far below the margin; the last one passes what it would not."""
    made = rollout(terms=OBRIEN, users_per_day=960, requests_per_day=960)
    stage = made.stages[0]
    assert stage.levels[0] < stage.levels[1] < stage.levels[2] < made.alpha
    found = judge(made, log(made, (0.02, 0.02), 24 * stage.days * 3, random.Random(3)))
    uppers = [look.upper for look in found.looks]
    assert [1, 2, 3] == [look.number for look in found.looks]
    assert uppers[0] > uppers[1] > uppers[2]


def test_a_plan_with_looks_of_its_own_comes_back_from_its_file() -> None:
    """Levels, the way early, and the procedure are part of the plan, and of its id."""
    made = plan(rollout(terms=Terms(looks="obrien_fleming", early=True)))
    again = plan_of(plan_document(made))
    assert plan_document(made) == plan_document(again)
    assert ("obrien_fleming", 80.0) == (again.rollouts[0].spending, again.rollouts[0].stages[0].early.e)  # type: ignore[union-attr]


# --- early ---


def test_a_clearly_better_candidate_is_promoted_before_the_look() -> None:
    """None bad against one in fifty: the evidence is there after a day, the planned look would want three."""
    made = rollout(terms=replace(EARLY, ladder=(0.5, 1.0)), users_per_day=2400, requests_per_day=2400)
    stage = replace(made.stages[0], early=replace(made.stages[0].early, days=1), days=9)  # type: ignore[arg-type]
    made = replace(made, stages=(stage, *made.stages[1:]))
    found = judge(made, log(made, (0.0, 0.03), 60, random.Random(5)))
    assert ("promote", "passed_early", ()) == (found.word, found.why, found.looks)
    assert found.early is not None
    assert found.early.e >= 80
    assert "80 is enough before the planned look" in found.sentences[1]


def test_without_leave_nothing_is_promoted_early() -> None:
    """The same log under a plan that does not allow it."""
    made = rollout(users_per_day=2400, requests_per_day=2400)
    assert passed_early(made, made.stages[0], log(made, (0.0, 0.03), 60, random.Random(5))) is None


def test_outcomes_nobody_knows_hold_an_early_promotion_back() -> None:
    """A tenth of the candidate's units without an outcome is taken for bad."""
    made = rollout(terms=replace(EARLY, ladder=(0.5, 1.0)), users_per_day=2400, requests_per_day=2400)
    stage = replace(made.stages[0], early=replace(made.stages[0].early, days=1))  # type: ignore[arg-type]
    assert passed_early(made, stage, log(made, (0.0, 0.03), 60, random.Random(5))) is not None
    assert passed_early(made, stage, log(made, (0.0, 0.03), 60, random.Random(5), missing=0.1)) is None


def test_a_control_that_is_worse_than_planned_for_silences_it() -> None:
    """The evidence is of a ratio; at another rate of the control it would be another margin."""
    made = rollout(terms=replace(EARLY, ladder=(0.5, 1.0)), users_per_day=2400, requests_per_day=2400)
    stage = replace(made.stages[0], early=replace(made.stages[0].early, days=1))  # type: ignore[arg-type]
    assert passed_early(made, stage, log(made, (0.1, 0.5), 60, random.Random(5))) is None


@pytest.mark.parametrize("terms", [OBRIEN, EARLY, Terms(looks="obrien_fleming", early=True)])
def test_at_the_margin_no_more_than_alpha_are_promoted(terms: Terms) -> None:
    """Of 250 first stages with an excess of just the margin, looked at every hour: at most 5 %, and 3 errors."""
    made = rollout(terms=terms, users_per_day=960, requests_per_day=960)
    stage, bad = made.stages[0], made.metrics[0]
    quiet = replace(made, metrics=tuple(replace(metric, r0=50.0) for metric in made.metrics), budget=0)
    dice = random.Random(11)
    rates = (bad.rate + stage.margin, bad.rate)
    promoted = sum(judge(quiet, log(quiet, rates, 24 * stage.days * 3, dice)).word == "promote" for _ in range(250))
    assert promoted <= 250 * 0.05 + 3 * (250 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("terms", [OBRIEN, EARLY])
def test_simulated_rollouts_follow_the_plan_s_own_looks(terms: Terms) -> None:
    """Equal: through in more than 8 of 10; at the margin: at most alpha of 400, and 3 standard errors."""
    made = rollout(terms=terms)
    rows = behaviour(made, 400, 3)
    assert rows[0].promoted > 0.8
    assert rows[2].promoted <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5
