"""Cascades: exact over all paths, moved by what can be seen alone, and honest about what is not seen."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_flows import FULL, MINI, NANO, POLICY, TODAY, flow, row

from migrate.routing import Cascades, FlowTrials, Row, routed
from migrate.routing.cascades import escalates, replay_case

ROWS = st.builds(
    row,
    st.booleans(),
    seen=st.booleans(),
    usd=st.integers(1, 50).map(str),
    ms=st.integers(1, 5000).map(float),
    judge=st.none() | st.floats(0, 1),
)
TIERS = st.lists(st.lists(ROWS, min_size=1, max_size=3), min_size=1, max_size=3)


def by_hand(tiers: list[list[Row]], tau: float | None, judge: float) -> dict[str, float]:
    """The same by walking every path of K1 x K2 x K3 and averaging."""
    sums = {"good": 0.0, "usd": 0.0, "ms": 0.0, "passed_on": 0.0, "passed_bad": 0.0, "leaked": 0.0, "worst": 0.0}
    paths = list(product(*tiers))
    for path in paths:
        for place, one in enumerate(path):
            last = place == len(path) - 1
            asked = not last and tau is not None and not one.signals
            sums["usd"] += float(one.usd or 0) + (judge if asked else 0)
            sums["ms"] += one.ms or 0
            if last or not escalates(one, tau):
                sums["good"] += one.kept
                sums["leaked"] += not last and not one.kept
                sums["worst"] = max(sums["worst"], sum(other.ms or 0 for other in path[: place + 1]))
                break
            sums["passed_on"] += 1
            sums["passed_bad"] += not one.kept
    return {name: value if name == "worst" else value / len(paths) for name, value in sums.items()}


@given(TIERS, st.none() | st.floats(0, 1), st.floats(0, 3))
def test_the_mean_over_all_paths_is_exact(tiers: list[list[Row]], tau: float | None, judge: float) -> None:
    """What the recursion gives is what walking K1 x K2 x K3 paths gives."""
    found, expected = replay_case(tiers, tau, judge), by_hand(tiers, tau, judge)
    got = (found.good, found.usd, found.ms, found.passed_on, found.passed_bad, found.leaked, found.worst_ms)
    assert list(expected.values()) == pytest.approx(list(got))
    assert 1 == pytest.approx(sum(found.answered))


@given(ROWS)
def test_only_what_can_be_seen_passes_an_answer_on(one: Row) -> None:
    """Whether an answer is good has no part in it: the same answer, good or bad, goes the same way."""
    other = Row(not one.kept, one.agreement, one.signals, one.usd, one.ms, one.judge)
    assert escalates(one, 0.5) == escalates(other, 0.5)
    assert escalates(one, None) == bool(one.signals)


@given(TIERS, st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_judge_passes_on_more(tiers: list[list[Row]], one: float, other: float) -> None:
    """The first tier answers no more with a higher threshold than with a lower one."""
    low, high = sorted((one, other))
    assert replay_case(tiers, low, 0).answered[0] >= replay_case(tiers, high, 0).answered[0] - 1e-9


@given(st.lists(st.booleans(), min_size=1, max_size=5), st.integers(1, 99), st.integers(100, 200))
def test_two_tiers_pay_below_the_break_even(seen: list[bool], first: int, second: int) -> None:
    """A cascade is cheaper than its second tier alone exactly where P(escalate) < 1 - c1 / c2."""
    found = replay_case([[row(seen=bad, usd=str(first)) for bad in seen], [row(usd=str(second))]], None, 0)
    passed = sum(seen) / len(seen)
    limit = 1 - first / second
    if abs(passed - limit) > 1e-9:
        assert (passed < limit) == (found.usd < second)


# --- a flow ---------------------------------------------------------------------------------------------------


def cascades(one: FlowTrials) -> Cascades:
    (found,) = routed([one], POLICY, source="ledger").flows
    assert found.cascades is not None
    return found.cascades


def test_seen_failures_are_mended_by_the_next_tier() -> None:
    """Nano breaks its schema in a third of the cases and mini never does: together they are as good, and cheaper."""
    best = cascades(flow((100, {}), (50, {NANO: "ss"}))).best
    assert best is not None
    assert ((NANO, MINI), 1.0, True) == (best.point.rules.tiers, best.point.good, best.point.satisfactory)
    assert (pytest.approx((2 / 3, 1 / 3)), 1.0, 0.0) == (best.answered, best.precision, best.leak)
    assert pytest.approx(1 + 2 / 3) == best.point.usd


def test_wrong_answers_that_look_right_leak() -> None:
    """The same failures unseen: no cascade that begins with nano is good, and the leak says why."""
    found = cascades(flow((100, {}), (50, {NANO: "--"})))
    point = next(one for one in found.curve if one.rules.tiers == (NANO, MINI))
    assert (pytest.approx(2 / 3), False) == (point.good, point.satisfactory)


def test_failures_that_two_models_share_are_not_multiplied() -> None:
    """Nano and mini fail in the same tenth of the cases: the cascade fails there too, not in a hundredth."""
    found = cascades(flow((90, {}), (10, {NANO: "ss", MINI: "ss"})))
    point = next(one for one in found.curve if one.rules.tiers == (NANO, MINI))
    assert 0.9 == pytest.approx(point.good)


def test_the_break_even_of_a_flow() -> None:
    """Nano at 1 dollar before mini at 2 pays while less than half is passed on."""
    best = cascades(flow((100, {}), (50, {NANO: "ss"}))).best
    assert best is not None
    even = best.break_even
    assert ((NANO, MINI), 0.5, pytest.approx(1 / 3)) == (even.tiers, even.limit, even.escalated.value)
    assert even.escalated.low < 1 / 3 < even.escalated.high


def test_the_curve_marks_what_is_efficient() -> None:
    """By cost, each point better than all that are cheaper; the dear ones that are no better are not."""
    curve = cascades(flow((100, {}), (50, {NANO: "ss"}))).curve
    assert sorted(point.usd for point in curve) == [point.usd for point in curve]
    assert [(NANO,), (NANO, MINI)] == [point.rules.tiers for point in curve if point.efficient]


def test_the_baseline_can_be_the_last_tier() -> None:
    """Where every candidate fails seen in the same cases, today's model behind nano is the cascade that is left."""
    bad = {FULL: "ss", MINI: "ss", NANO: "ss"}
    best = cascades(flow((120, {}), (30, bad))).best
    assert best is not None
    assert ((NANO, TODAY), True) == (best.point.rules.tiers, best.point.satisfactory)


def test_the_longest_path_is_warned_of() -> None:
    """Two tiers one after the other take twice as long as the baseline's p95: it says so."""
    best = cascades(flow((100, {}), (50, {NANO: "ss"}))).best
    assert best is not None
    assert any("the longest path takes" in warning for warning in best.warnings)


def test_a_choice_among_cascades_is_confirmed_on_other_cases() -> None:
    """Every fold's other cases choose the same here, and what was held out shows no excess."""
    best = cascades(flow((100, {}), (50, {NANO: "ss"}))).best
    assert best is not None
    assert (5, 5, 0.0) == (best.confirmed.folds, best.confirmed.same, best.confirmed.excess.value)
    assert Decimal(150) == best.confirmed.cases


def test_one_model_is_no_cascade() -> None:
    """A flow without recorded answers of two models has none."""
    (found,) = routed([flow((10, {}), order=())], POLICY, source="ledger").flows
    assert None is found.cascades
