"""How long an answer would have taken: log-normal by model, with parts that grow with the tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.tokens import Counted


@dataclass(frozen=True, slots=True)
class Pace:
    """A model's speed. Chosen for plausibility, not measured: see docs/simulated-provider.md."""

    first_token_ms: float
    """Median time to the first token of a short prompt."""
    per_input_ms: float
    """Added per input token that is not read from the cache."""
    per_output_ms: float
    """Median time per output token."""
    spread: float
    """Standard deviation of the logarithm: 0.35 puts the 95th percentile at 1.8 times the median."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Unscaled times of one reply, in milliseconds."""

    first_token_ms: float
    total_ms: float


_CACHED_SHARE: Final = 0.1
"""What a cached input token costs in time, against one that must be read."""


def delay(pace: Pace, counted: Counted, chance: Chance, *names: object) -> Delay:
    """Draw the times of one reply; the same names and token counts give the same times."""
    input_tokens = counted.prompt - counted.cached * (1 - _CACHED_SHARE)
    first = (pace.first_token_ms + pace.per_input_ms * input_tokens) * math.exp(
        pace.spread * chance.normal("first token", *names)
    )
    writing = pace.per_output_ms * counted.completion * math.exp(pace.spread / 2 * chance.normal("writing", *names))
    return Delay(round(first, 1), round(first + writing, 1))
