"""How a plan behaves: its operating characteristics, and that they are those of the rules."""

from __future__ import annotations

import numpy as np
import pytest
from canary_nouns import evidence, metric, rollout
from hypothesis import given
from hypothesis import strategies as st

from migrate.canary import Terms, behaviour
from migrate.canary.behaving import upper_of_difference, with_behaviour
from migrate.statistics import newcombe


def test_an_equal_candidate_comes_through_and_a_bad_one_is_stopped() -> None:
    """Equal: through in more than 9 of 10; at twice the margin: rolled back in more than 9 of 10, within days."""
    rows = behaviour(rollout(), 400, 1)
    assert [0.0, 0.015, 0.03, 0.06, 0.24] == [pytest.approx(row.excess) for row in rows]
    assert rows[0].promoted > 0.9
    assert rows[3].rolled_back > 0.9
    assert rows[4].days < 2
    assert rows[4].bad_mean < rows[0].bad_mean


@pytest.mark.parametrize("critical", ["low", "medium"])
def test_errors_stay_within_alpha(critical: str) -> None:
    """Rolled back though equal, and promoted though at the margin: at most alpha of 600, and 3 standard errors."""
    made = rollout(critical)  # type: ignore[arg-type]
    rows = behaviour(made, 600, 7)
    bound = made.alpha + 3 * (made.alpha * (1 - made.alpha) / 600) ** 0.5
    assert rows[0].rolled_back <= bound
    assert rows[2].promoted <= bound


def test_shares_of_a_row_add_up() -> None:
    """Every rollout ends in one of three ways."""
    for row in behaviour(rollout(users_per_day=500, requests_per_day=500), 100, 1):
        assert row.promoted + row.rolled_back + row.held == pytest.approx(1)


def test_the_same_seed_gives_the_same_rows() -> None:
    """Another seed gives others."""
    made = rollout("low")
    assert behaviour(made, 100, 1) == behaviour(made, 100, 1)
    assert behaviour(made, 100, 1) != behaviour(made, 100, 2)


def test_what_does_not_start_is_not_simulated() -> None:
    """A refused plan has no behaviour."""
    assert () == behaviour(rollout(evidence=evidence(metric(low=0.2, excess=0.3))), 100, 1)


def test_a_day_of_few_users_has_its_part_of_the_bad_answers() -> None:
    """14 users a day, 1.4 of them the candidate's at first: rollouts show as many bad answers as the stages expect."""
    made = rollout("low", Terms(max_days=366, cases="production_sample"), users_per_day=14, requests_per_day=14)
    expected = sum(stage.expected_bad_equal for stage in made.stages)
    row = behaviour(made, 400, 1)[0]
    assert 0.9 * expected < row.bad_mean < 1.3 * expected


def test_a_budget_that_chance_spends_is_told() -> None:
    """Twenty in excess are within the noise of 3,000 users a day: it stops an equal candidate, and that is said."""
    made = with_behaviour(rollout(terms=Terms(budget=20, budget_per_day=3000)), 100, 1)
    equal = made.behaviour[0]
    assert 0.3 < equal.overspent <= equal.rolled_back
    assert "spends the budget of 20 by chance" in made.reasons[-1]
    assert rollout().reasons == with_behaviour(rollout(), 40, 1).reasons


@given(st.data(), st.integers(1, 9000), st.integers(1, 9000), st.floats(0.5, 0.999))
def test_gates_of_many_rollouts_are_those_of_one(data: st.DataObject, n: int, control: int, level: float) -> None:
    """The bound that is worked out for all rollouts at once is Newcombe's for each."""
    counts = [(data.draw(st.integers(0, n)), data.draw(st.integers(0, control))) for _ in range(5)]
    counts += [(0, 0), (n, control), (0, control), (n, 0)]
    bad, control_bad = np.array(counts).T
    expected = [newcombe((one, n), (other, control), level)[1] for one, other in counts]
    assert expected == pytest.approx(upper_of_difference(bad, n, control_bad, control, level).tolist(), abs=1e-12)
