"""Who answers: one persona a model, with speed and habits as data.

Every rate has three floors, because real weaknesses have: the share of flows that show the habit at all, the
share of cases in such a flow, and the share of samples of such a case. Some flows are steady: nothing breaks there.
Rates are chosen so that a demonstration shows every kind of finding, and are no measurement of the real models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from migrate.edges.providers.simulated.latency import Pace


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a habit shows."""

    flows: float
    """Share of flows that show it at all."""
    cases: float
    """Share of cases, in such a flow."""
    samples: float
    """Share of samples, in such a case; spread evenly over the sample index."""

    @property
    def overall(self) -> float:
        """Share of all replies to which the habit could apply."""
        return self.flows * self.cases * self.samples


@dataclass(frozen=True, slots=True)
class Persona:
    """One model as the simulated provider plays it."""

    name: str
    pace: Pace
    habits: Mapping[str, Rate] = field(default_factory=dict)
    steady: float = 0.0
    """Share of flows in which no habit breaks the contract; a flow that is steady for a small model is for a larger."""
    wording: float = 0.4
    """Share of replaceable words of prose that are replaced."""
    indent: int | None = None
    """How JSON is written out: None on one line."""


@dataclass(frozen=True, slots=True)
class CaseNoise:
    """What a case does to every model alike, the baseline included.

    Which cases are ambiguous, unstable or never kept belongs to the cases and is the same under every seed: asked
    with another seed, the model in production is the same model asked anew.
    """

    ambiguous: float = 0.20
    """Share of cases with two honest answers: how likely a sample is to give the second is the case's own."""
    second: tuple[float, float] = (0.15, 0.5)
    """Least and most of that chance; every sample draws for itself."""
    unstable: float = 0.03
    """Share of cases in which every 5th sample breaks the contract, whoever answers and under every seed."""
    never_kept: float = 0.015
    """Share of cases in which every sample breaks it: a contract that is not kept today either."""


NOISE: Final = CaseNoise()
RETUNED: Final = 0.2
"""What is left of a breaking habit's share of flows when the request is worded by a re-tuned variant."""

_MILD: Final = {
    "failed_check": Rate(0.40, 0.10, 0.4),
    "number_as_string": Rate(0.30, 0.08, 0.4),
    "enum_drift": Rate(0.20, 0.05, 0.4),
    "extra_key": Rate(0.40, 0.10, 0.6),
    "fenced_json": Rate(0.50, 0.10, 0.6),
    "chatty_json": Rate(0.20, 0.05, 0.4),
    "double_call": Rate(0.80, 0.08, 0.4),
    "wrong_argument": Rate(0.40, 0.05, 0.4),
    "missing_tool_call": Rate(0.60, 0.06, 0.4),
    "truncation": Rate(0.15, 0.04, 0.2),
    "dropped_optional": Rate(0.30, 0.20, 0.6),
    "changed_value": Rate(0.15, 0.08, 0.6),
    "changed_fact": Rate(0.15, 0.06, 0.4),
    "changed_fact_in_text": Rate(0.20, 0.05, 0.4),
    "reordered_list": Rate(0.30, 0.15, 0.6),
    "changed_argument": Rate(0.40, 0.10, 0.4),
    "markdown": Rate(0.40, 0.40, 0.6),
}

_MORE: Final = {
    "failed_check": Rate(0.70, 0.20, 0.6),
    "number_as_string": Rate(0.50, 0.12, 0.6),
    "dropped_required": Rate(0.30, 0.06, 0.4),
    "enum_drift": Rate(0.50, 0.10, 0.6),
    "null_value": Rate(0.30, 0.06, 0.4),
    "extra_key": Rate(0.50, 0.15, 0.6),
    "out_of_bounds": Rate(0.40, 0.06, 0.4),
    "fenced_json": Rate(0.70, 0.15, 0.8),
    "chatty_json": Rate(0.40, 0.10, 0.6),
    "invalid_json": Rate(0.20, 0.05, 0.2),
    "double_call": Rate(0.80, 0.12, 0.6),
    "wrong_tool": Rate(0.60, 0.10, 0.4),
    "null_argument": Rate(0.60, 0.10, 0.4),
    "wrong_argument": Rate(0.60, 0.10, 0.6),
    "missing_tool_call": Rate(0.80, 0.12, 0.6),
    "unexpected_tool_call": Rate(0.60, 0.12, 0.4),
    "refusal": Rate(0.25, 0.05, 0.4),
    "truncation": Rate(0.30, 0.06, 0.4),
    "dropped_optional": Rate(0.50, 0.25, 0.6),
    "changed_value": Rate(0.35, 0.12, 0.6),
    "changed_fact": Rate(0.40, 0.10, 0.6),
    "changed_fact_in_text": Rate(0.50, 0.10, 0.6),
    "reordered_list": Rate(0.40, 0.20, 0.6),
    "shortened_list": Rate(0.30, 0.10, 0.4),
    "changed_argument": Rate(0.60, 0.15, 0.6),
    "language_switch": Rate(0.50, 0.08, 0.4),
    "markdown": Rate(0.50, 0.50, 0.8),
}

_MOST: Final = {
    "failed_check": Rate(1.0, 0.30, 0.8),
    "number_as_string": Rate(0.80, 0.20, 0.8),
    "dropped_required": Rate(0.80, 0.12, 0.6),
    "enum_drift": Rate(0.80, 0.15, 0.8),
    "null_value": Rate(0.80, 0.12, 0.6),
    "extra_key": Rate(0.80, 0.20, 0.8),
    "out_of_bounds": Rate(0.80, 0.12, 0.6),
    "fenced_json": Rate(0.90, 0.25, 1.0),
    "chatty_json": Rate(0.80, 0.15, 0.8),
    "invalid_json": Rate(0.80, 0.10, 0.4),
    "double_call": Rate(1.0, 0.20, 0.8),
    "wrong_tool": Rate(1.0, 0.15, 0.6),
    "unknown_tool": Rate(1.0, 0.10, 0.4),
    "null_argument": Rate(1.0, 0.15, 0.6),
    "missing_argument": Rate(1.0, 0.12, 0.6),
    "wrong_argument": Rate(1.0, 0.15, 0.6),
    "missing_tool_call": Rate(1.0, 0.20, 0.8),
    "unexpected_tool_call": Rate(1.0, 0.25, 0.6),
    "refusal": Rate(0.60, 0.08, 0.6),
    "filtered": Rate(0.50, 0.05, 0.4),
    "empty": Rate(0.50, 0.05, 0.4),
    "truncation": Rate(0.70, 0.10, 0.6),
    "dropped_optional": Rate(0.70, 0.30, 0.8),
    "changed_value": Rate(0.60, 0.20, 0.8),
    "changed_fact": Rate(0.60, 0.15, 0.6),
    "changed_fact_in_text": Rate(0.80, 0.20, 0.6),
    "reordered_list": Rate(0.50, 0.30, 0.8),
    "shortened_list": Rate(0.50, 0.20, 0.6),
    "changed_argument": Rate(0.80, 0.25, 0.8),
    "language_switch": Rate(1.0, 0.25, 0.6),
    "markdown": Rate(0.60, 0.60, 0.8),
}

_BETWEEN: Final = {name: Rate(rate.flows * 0.8, rate.cases, rate.samples) for name, rate in _MORE.items()}

PERSONAS: Final = {
    persona.name: persona
    for persona in (
        Persona("gpt-4o", Pace(480.0, 0.010, 11.0, 0.35)),
        Persona("gpt-4o-mini", Pace(420.0, 0.008, 9.0, 0.35), _BETWEEN, steady=0.5),
        Persona("gpt-4.1", Pace(520.0, 0.009, 12.0, 0.30), _MILD, steady=0.6),
        Persona("gpt-4.1-mini", Pace(400.0, 0.006, 7.5, 0.32), _MORE, steady=0.4, wording=0.5),
        Persona("gpt-4.1-nano", Pace(300.0, 0.004, 5.0, 0.40), _MOST, steady=0.15, wording=0.6, indent=2),
    )
}

NEUTRAL: Final = Persona("neutral", Pace(500.0, 0.010, 10.0, 0.35))
"""Answers for every other model: the baseline's manners, no habits of its own."""


def persona_for(model: str, personas: Mapping[str, Persona] = PERSONAS) -> Persona:
    """Return who plays a model, by the name applications ask for."""
    return personas.get(model, NEUTRAL)
