"""Chains against the simulated provider's own log: every call's breaks found at that call, nothing without a cause."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from account import Workplace

ROOT = Path(__file__).parents[2]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_chains", ROOT / "benchmarks" / "oracle_chains.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The first cases of every chain, recorded and replayed once, by flow."""
    chains = _load()
    place = Workplace(ROOT, tmp_path_factory.mktemp("chains"))
    figures: dict[str, Any] = chains.measure(place, place.flows(cases=3, chains=True), 1)
    return figures


def test_every_break_of_every_call_is_found_at_that_call(told: dict[str, Any]) -> None:
    """JSON, schema and tools of a step break the sample; the final answer is judged as that of a single prompt is."""
    assert sum(one.inner + one.final for one in told.values()) > 10
    assert [] == [missed for one in told.values() for missed in one.missed]


def test_no_finding_of_a_call_is_without_a_cause(told: dict[str, Any]) -> None:
    """Also where a candidate takes a way that today's models never take: the step that reads again is answered too."""
    assert told["warranty-claim"].foreseen > 0
    assert [] == [causeless for one in told.values() for causeless in one.causeless]


def test_today_s_models_do_not_break_against_themselves(told: dict[str, Any]) -> None:
    """Replays of every chain by the models it has now."""
    assert 0 == sum(one.breaking for one in told.values())
