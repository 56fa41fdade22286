"""Which candidates of a run leave their API soon, or no later than what they replace, by the day that is judged by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from measured import evidence, replay

from migrate.presenting import summary_lines
from migrate.wiring import open_world

SETTINGS = 'provider = "simulated"\nas_of = "{}"\n'
FULL = "gpt-4.1 leaves the API on 2027-01-14, in {} days, no later than gpt-4o: another move follows by then"
NANO = "gpt-4.1-nano leaves the API on 2026-10-23, in 281 days, no later than gpt-4o: another move follows by then"


@pytest.mark.parametrize(
    ("day", "candidates", "said"),
    [
        ("2026-01-15", ("gpt-4.1", "gpt-4.1-nano"), [FULL.format(364), NANO]),
        ("2026-01-15", ("gpt-4o=gpt-4.1",), [FULL.format(364)]),
        ("2026-12-20", ("gpt-4.1-nano",), ["gpt-4.1-nano left the API on 2026-10-23"]),
        ("2026-01-15", ("gpt-4o", "gpt-4o@terse", "house-model"), []),
    ],
)
def test_a_candidate_that_leaves_is_told_by_the_judged_day(
    tmp_path: Path, day: str, candidates: tuple[str, ...], said: list[str]
) -> None:
    """Once for all its flows; the baseline itself and models nobody knows an end of are silent."""
    (tmp_path / "prompt-migrate.toml").write_text(SETTINGS.format(day), encoding="utf-8")
    world = open_world(tmp_path, {}, {})
    flows = [evidence(flow, candidate) for candidate in candidates for flow in ("refund", "notes")]
    assert said == world.leaving(flows)
    lines = summary_lines(replay(), flows, width=200, leaving=said)
    assert all(lines.count(line) == 1 for line in said)


def test_what_a_candidate_replaces_is_told_together(tmp_path: Path) -> None:
    """Two models of today that leave on one day are one sentence; both are older than it."""
    (tmp_path / "prompt-migrate.toml").write_text(SETTINGS.format("2026-01-15"), encoding="utf-8")
    flows = [replace(evidence(flow, "gpt-4.1"), baseline=flow) for flow in ("gpt-4o", "gpt-4o-mini")]
    assert [FULL.format(364).replace("gpt-4o", "gpt-4o and gpt-4o-mini")] == open_world(tmp_path, {}, {}).leaving(flows)


def test_another_provider_s_model_has_another_calendar(tmp_path: Path) -> None:
    """OpenAI's days say nothing of a model of the same name elsewhere."""
    settings = '[providers.openai]\nbase_url = "http://localhost:9/v1"\n'
    (tmp_path / "prompt-migrate.toml").write_text(f'as_of = "2026-01-15"\n{settings}', encoding="utf-8")
    assert [] == open_world(tmp_path, {}, {}).leaving([evidence("refund", "gpt-4.1")])
