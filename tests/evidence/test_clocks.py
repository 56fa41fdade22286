"""The clocks of a sample: the sum of its calls, their critical path, the wall, and the first token."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import call

from migrate.evidence.clocks import Clocked, Span, clocked, critical_path
from migrate.evidence.latency import Clockings, quantiles_of, times_of
from migrate.vocabulary import Measurement

# Whole milliseconds: sums of them are exact.
lengths = st.integers(0, 10_000).map(float)
spans = st.lists(st.tuples(lengths, lengths), min_size=1, max_size=8)


def made(started: float | None, ms: float, ordinal: int, **facts: object) -> Measurement:
    return call(ms=ms, started=started, ordinal=ordinal, **({"served": "m"} | facts))  # type: ignore[arg-type]


def wall_of(given: list[Span]) -> float:
    return max(start + length for start, length in given) - min(start for start, _ in given)


# --- the critical path -------------------------------------------------------------------------------------------


@given(spans)
def test_the_critical_path_lies_between_the_longest_call_and_the_sum(spans: list[Span]) -> None:
    """It is no shorter than any call, and no longer than all of them together or than the wall."""
    path = critical_path(spans)
    assert max(length for _, length in spans) <= path
    assert path <= min(sum(length for _, length in spans), wall_of(spans))


@given(spans)
def test_the_critical_path_is_the_longest_chain_there_is(spans: list[Span]) -> None:
    """No choice of calls that follow one another comes to more: tried against all of them."""
    chains = [
        sorted(chosen, key=lambda span: (span[0] + span[1], span[0]))
        for size in range(1, len(spans) + 1)
        for chosen in combinations(spans, size)
    ]
    following = [chain for chain in chains if all(a + length <= b for (a, length), (b, _) in pairwise(chain))]
    assert max(sum(length for _, length in chain) for chain in following) == critical_path(spans)


@given(st.lists(st.tuples(lengths, lengths), min_size=1))
def test_calls_one_after_another_come_to_their_sum(gaps_and_lengths: list[tuple[float, float]]) -> None:
    """Where every call waits for the one before, there is no shorter way; the pauses between are the wall's alone."""
    now, spans = 0.0, []
    for gap, length in gaps_and_lengths:
        spans.append((now + gap, length))
        now += gap + length
    assert sum(length for _, length in spans) == critical_path(spans)


@given(st.lists(st.integers(1, 10_000).map(float), min_size=1))
def test_calls_made_at_once_come_to_the_longest(lengths: list[float]) -> None:
    """Where all overlap, the longest is waited for and the others cost no time."""
    assert max(lengths) == critical_path([(0.0, length) for length in lengths])


# --- one sample ---------------------------------------------------------------------------------------------------


def test_every_clock_of_an_application_flow() -> None:
    """A call, two at once behind it, the application's own 50 ms, and a streamed answer."""
    calls = [made(10.0, 100.0, 0), made(110.0, 300.0, 1), made(112.0, 200.0, 2), made(460.0, 90.0, 3, first=30.0)]
    assert Clocked(calls=690.0, critical_path=490.0, wall=540.0, first_token=480.0) == clocked(calls)


def test_the_steps_of_a_chain_follow_one_another() -> None:
    """A chain says itself what waits for what: repeated calls of a step are made at once."""
    calls = [made(None, 50.0, n, step="notes") for n in range(3)] + [made(None, 70.0, 3, step="answer")]
    assert Clocked(220.0, 120.0, 120.0, None) == clocked(calls)


@pytest.mark.parametrize(
    ("calls", "clocks"),
    [
        ([made(None, 80.0, 0, first=20.0)], Clocked(80.0, 80.0, 80.0, 20.0)),
        ([made(None, 80.0, 0), made(90.0, 20.0, 1)], Clocked(100.0, None, None, None)),
        ([made(0.0, 80.0, 0), made(90.0, 20.0, 1, served=None)], None),
        ([], None),
    ],
    ids=["one call", "a call nobody noted the start of", "a call without a reply", "no call"],
)
def test_what_is_not_known_is_not_guessed(calls: list[Measurement], clocks: Clocked | None) -> None:
    """Without the moment each call began there is a sum and no path; without a reply there is nothing."""
    assert clocks == clocked(calls)


# --- a flow -------------------------------------------------------------------------------------------------------

AT_ONCE = [made(0.0, 100.0, 0), made(0.0, 60.0, 1)]
UNNOTED = [made(None, 100.0, 0), made(None, 60.0, 1)]


def side(*cases: list[Measurement]) -> Clockings:
    clockings = Clockings()
    for case in cases:
        clockings.add(case)
    return clockings


def test_models_are_compared_by_the_critical_path() -> None:
    """What an application does at once costs a user the longest of it."""
    before, after = quantiles_of(side(AT_ONCE), side(AT_ONCE, AT_ONCE))
    assert (100.0, 100.0, 2) == (before.p50, after.p50, after.n)


def test_both_sides_are_told_by_one_clock() -> None:
    """Where one side's path is not known, sums are held against sums."""
    before, after = quantiles_of(side(UNNOTED), side(AT_ONCE))
    assert (160.0, 160.0) == (before.p50, after.p50)


def test_a_clock_counts_the_cases_it_is_known_of() -> None:
    """Every clock has its own n."""
    before, after = times_of(side(UNNOTED, AT_ONCE), side(AT_ONCE))
    assert [(2, 160.0), (1, 100.0), (1, 100.0), (0, None)] == [
        (told.n, told.p50) for told in (before.calls, before.wall, before.critical_path, before.first_token)
    ]
    assert (1, 160.0) == (after.calls.n, after.calls.p50)
