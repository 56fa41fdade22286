"""Latency quantiles: over case means, of like with like, with the source of every figure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from measured import call, timed

from migrate.evidence.latency import Clockings, comparable, quantiles_of
from migrate.vocabulary import Measurement, Quantiles, Source, Usage

WARM = Usage(2_000, 1_024, None, 10)


def side(*cases: tuple[Measurement, ...]) -> Clockings:
    clockings = Clockings()
    for case in cases:
        clockings.add(case)
    return clockings


def alone(*cases: tuple[Measurement, ...]) -> Quantiles:
    return quantiles_of(side(), side(*cases))[1]


def test_the_case_is_the_unit() -> None:
    """A case with five slow samples weighs as much as one with a single fast one."""
    found = alone(timed(900.0, 900.0, 900.0, 900.0, 900.0), timed(100.0))
    assert (500.0, 2) == (found.p50, found.n)


def test_the_calls_of_a_trace_add_up() -> None:
    """The clock of a chain is all of its calls."""
    chain = (call(ms=100.0, served="m"), call(ms=50.0, served="m", ordinal=1))
    assert alone(chain).p50 == 150.0


def test_a_sample_without_a_reply_or_a_clock_is_not_timed() -> None:
    """A timeout's ten minutes are no latency of the model; the case's other samples count."""
    timeout = call(ms=600_000.0, served=None, sample=2)
    untimed = call(ms=None, served="m", sample=3)
    assert (100.0, 1) == (alone((*timed(100.0), timeout, untimed)).p50, alone((*timed(100.0), timeout)).n)


def test_nothing_measured_is_unknown() -> None:
    """No sample, no figure, and the source says so."""
    assert Quantiles(None, None, None, 0, "not measured") == alone()


@pytest.mark.parametrize(("cases", "upper"), [(58, None), (59, 58.0)])
def test_an_upper_bound_of_p95_wants_59_cases(cases: int, upper: float | None) -> None:
    """Below 59 cases the interval is open above."""
    found = alone(*(timed(float(ms)) for ms in range(cases)))
    assert found.p95_interval is not None
    assert upper == found.p95_interval[1]


def test_an_interval_holds_its_estimate() -> None:
    """With 200 cases p95 lies between two of them."""
    found = alone(*(timed(float(ms)) for ms in range(200)))
    assert (189.05, (184.0, 195.0)) == (pytest.approx(found.p95), found.p95_interval)


# --- sources ---------------------------------------------------------------------------------------------


DAY, LATER = "2026-01-15T23:59:59.000Z", "2026-01-20T00:00:00.000Z"


@pytest.mark.parametrize(
    ("cases", "source"),
    [
        ([timed(1.0)], "live"),
        ([timed(1.0, source=Source.GOLDEN, at=DAY)], "recorded on 2026-01-15"),
        ([timed(1.0, source=Source.RECORDING, at=DAY)], "recorded on 2026-01-15"),
        (
            [timed(1.0, source=Source.GOLDEN, at=DAY), timed(1.0, source=Source.GOLDEN, at=LATER)],
            "recorded on 2026-01-15 to 2026-01-20",
        ),
        ([timed(1.0), timed(1.0, source=Source.RECORDING, at=DAY)], "live and recorded on 2026-01-15"),
        ([timed(1.0, simulated=True)], "simulated, live"),
        ([timed(1.0, simulated=True, source=Source.GOLDEN, at=DAY)], "simulated, recorded on 2026-01-15"),
        ([timed(1.0, simulated=True), timed(1.0)], "partly simulated, live"),
        ([timed(1.0, source=Source.GOLDEN, at="")], "recorded"),
        ([timed(1.0, usage=WARM)], "live, warm prompt cache"),
    ],
)
def test_a_figure_says_where_it_comes_from(cases: list[tuple[Measurement, ...]], source: str) -> None:
    """Live or recorded, when, by whom, and from a warm cache: in the words that every report shows."""
    assert source == alone(*cases).source


def test_a_replayed_figure_is_the_original_one() -> None:
    """Answering from a recording in no time does not make a model fast."""
    recorded = timed(432.1, source=Source.RECORDING, at=DAY)
    assert (432.1, "recorded on 2026-01-15") == (alone(recorded).p50, alone(recorded).source)


# --- cold and warm ------------------------------------------------------------------------------------------


def warmed(*milliseconds: float) -> tuple[Measurement, ...]:
    """A case whose first sample filled the prompt cache that the others read."""
    first, *rest = timed(*milliseconds)
    return (first, *(replace(sample, usage=WARM) for sample in rest))


def test_cold_and_warm_samples_are_not_averaged() -> None:
    """Where all cases have a cold sample those are compared, and the warm ones are left out of the mean."""
    before, after = quantiles_of(side(warmed(900.0, 100.0, 100.0)), side(timed(800.0)))
    assert (900.0, "live", 800.0, "live") == (before.p50, before.source, after.p50, after.source)


def test_the_kind_that_more_cases_share_is_compared() -> None:
    """When most cases of both sides were warm, the warm ones are compared, and called so."""
    warm = [timed(100.0, usage=WARM) for _ in range(3)]
    before, after = quantiles_of(side(timed(900.0), *warm), side(timed(800.0), *warm))
    assert (100.0, 3) == (before.p50, before.n) == (after.p50, after.n)
    assert before.source == after.source == "live, warm prompt cache"
    assert comparable(before, after)


def test_cold_against_warm_is_no_comparison() -> None:
    """With no kind in common each side shows its own, and nobody divides them."""
    before, after = quantiles_of(side(timed(900.0)), side(timed(100.0, usage=WARM)))
    assert (900.0, 100.0) == (before.p50, after.p50)
    assert not comparable(before, after)


def test_a_side_without_figures_is_no_comparison() -> None:
    """An unknown side compares with nothing."""
    before, after = quantiles_of(side(timed(900.0)), side())
    assert not comparable(before, after)
    assert not comparable(after, before)
