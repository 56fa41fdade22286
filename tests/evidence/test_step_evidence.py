"""What each step of a chain costs and takes."""

from __future__ import annotations

from dataclasses import replace

from measured import call

from migrate.evidence.latency import Clockings, quantiles_of
from migrate.evidence.steps import Steps
from migrate.vocabulary import Measurement, Money


def step(name: str, milliseconds: float, cost: str | None = "0.5", sample: int = 1) -> Measurement:
    return replace(call(ms=milliseconds, usd=cost, sample=sample, served="gpt-4.1"), step=name)


def test_every_step_is_weighed_by_itself() -> None:
    """Calls, exact cost, ratio per answered case, and the latency of its own calls."""
    steps = Steps()
    steps.add(
        [step("notes", 10), step("notes", 30), step("reply", 5, "2")],
        [step("notes", 20, "0.25"), step("reply", 5, "1")],
    )
    notes, reply = steps.evidence()
    assert ("notes", 2, 1, Money("1"), Money("0.25"), 0.25) == (
        *(notes.step, notes.calls_baseline, notes.calls_candidate),
        *(notes.cost_baseline, notes.cost_candidate, notes.cost_ratio),
    )
    assert (30.0, 20.0) == (notes.latency_baseline.p50, notes.latency_candidate.p50)
    assert ("reply", 0.5) == (reply.step, reply.cost_ratio)


def test_a_step_that_only_one_side_makes_is_told() -> None:
    """An escalation the candidate needs and the baseline did not: its cost has nothing to be held against."""
    steps = Steps()
    steps.add([step("read", 10)], [step("read", 10), step("again", 10)])
    again = steps.evidence()[1]
    assert ("again", 0, 1, None) == (again.step, again.calls_baseline, again.calls_candidate, again.cost_ratio)


def test_single_prompts_have_no_steps() -> None:
    """Calls that belong to no step are the flow's alone."""
    steps = Steps()
    steps.add([call()], [call()])
    assert () == steps.evidence()


def test_calls_made_at_once_take_as_long_as_the_longest() -> None:
    """Steps add up, the calls of a repeated step do not."""
    side = Clockings()
    side.add([step("notes", 10), step("notes", 30), step("reply", 5)])
    assert 35.0 == quantiles_of(side, Clockings())[0].p50


def test_steps_come_in_the_order_of_the_chain() -> None:
    """A step that the first case did not need stands where it belongs, before the one behind it."""
    steps = Steps()
    steps.add([replace(step("read", 1), ordinal=0), replace(step("reply", 1), ordinal=1)], [])
    again = [replace(step(name, 1), ordinal=place) for place, name in enumerate(("read", "again", "reply"))]
    steps.add(again, [])
    assert ["read", "again", "reply"] == [one.step for one in steps.evidence()]
