"""What a run would cost is said before it: the goldens' usage at the candidate's prices, and what is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate import wiring
from migrate.vocabulary import CaseId, FlowName, Measurement, Source, Usage

PROMPT = """\
model: gpt-4o
messages: [{role: user, content: "Say {{ word }}."}]
cases:
  - {id: one, inputs: {word: one}}
  - {id: two, inputs: {word: two}}
"""


@pytest.fixture
def world(tmp_path: Path) -> wiring.World:
    """A flow of two cases; one has two measured samples of 1,000 tokens in and 100 out."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "say.prompt.yml").write_text(PROMPT, "utf-8")
    return wiring.open_world(tmp_path, {}, {"as_of": "2026-01-15"})


def measure(world: wiring.World, case: str, samples: int, usage: Usage) -> None:
    rows = [
        Measurement(
            FlowName("say"), CaseId(case), sample, 0, "gpt-4o", "gpt-4o", usage, None, None, "", Source.GOLDEN, False
        )
        for sample in range(1, samples + 1)
    ]
    world.goldens.write_measurements(FlowName("say"), rows)


def line(world: wiring.World, *candidates: str, samples: int | None = None, cap: str | None = None) -> str:
    planned = wiring.planned_of(world.load_flows(), wiring.candidates_of(candidates))
    return wiring.estimate_line(world, planned, samples, cap, recording=not candidates)


def test_the_usage_of_the_goldens_at_the_candidates_price(world: wiring.World) -> None:
    """Twice 1,000 tokens at $2 and 100 at $8 a million: $0.0056, shown in cents where there are any."""
    measure(world, "one", 2, Usage(1_000_000, 0, None, 100_000))
    assert "estimated cost $5.60 " in line(world, "gpt-4.1")
    assert "estimated cost $11.20 " in line(world, "gpt-4.1", samples=4)
    assert "estimated cost $6.72 " in line(world, "gpt-4.1", "gpt-4.1-mini")


def test_a_recording_asks_as_many_samples_as_are_configured(world: wiring.World) -> None:
    """Five samples at gpt-4o's $2.50 and $10: not the two that were recorded before."""
    measure(world, "one", 2, Usage(1_000_000, 0, None, 100_000))
    assert "estimated cost $17.50 " in line(world)


def test_what_is_not_in_it_is_counted(world: wiring.World) -> None:
    """A case without measurements, with unknown usage, or of a model without a price is never taken for free."""
    measure(world, "one", 1, Usage(1_000_000, 0, None, 100_000))
    assert ", 1 case not in it; there is no cap" in line(world, "gpt-4.1")
    measure(world, "two", 1, Usage())
    assert ", 1 case not in it; the cap is $9" in line(world, "gpt-4.1", cap="9")
    assert "no estimate of the cost" in line(world, "a-model-nobody-prices")


def test_before_anything_was_measured_there_is_no_estimate(world: wiring.World) -> None:
    """The first recording has nothing to go by, and says so."""
    assert "no estimate of the cost: nothing of it was measured yet; there is no cap (--max-cost)" in line(world)
