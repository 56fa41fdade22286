"""The rows of a price table: dated rates of a model's tier, and the exact arithmetic on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Final

from migrate.vocabulary import Usage

STANDARD: Final = "default"
"""The tier of a response that names none."""

MILLION_EXPONENT: Final = -6

EXACT: Final = Context(prec=200)
"""The application under test may have set a coarse decimal context: sums of money never happen in it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal | None
    """None: the model bills input alone, as embeddings do."""
    cached: Decimal | None = None
    """Of input read from the prompt cache; None: no discount, billed as other input."""
    cache_write: Decimal | None = None
    """Of input written to the prompt cache; None: billed as other input."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one tier of a model costs from a day on."""

    model: str
    """As the source names it: a model id, or the pattern of an override."""
    tier: str
    rates: Rates
    source: str
    """`genai-prices 0.2.3`, `override prices.toml`."""
    start: dt.date | None = None
    """First UTC day of these rates; None: as far back as the source looks."""
    above: tuple[tuple[int, Rates], ...] = ()
    """Ascending (tokens, rates): with more input tokens than that, the whole request has those rates."""

    def rates_for(self, input_tokens: int) -> tuple[int | None, Rates]:
        """Return the threshold that was passed, if any, and the rates of a request with that much input."""
        for tokens, rates in reversed(self.above):
            if input_tokens > tokens:
                return tokens, rates
        return None, self.rates


def current(rows: Iterable[Row], tier: str, on: dt.date) -> Row | None:
    """Return the row of a tier that holds on a day: the latest start that has come, the later row where they tie."""
    begun = [row for row in rows if row.tier == tier and (row.start is None or row.start <= on)]
    # max() keeps the first of equals; reversed, that is the later row.
    return max(reversed(begun), key=lambda row: row.start or dt.date.min, default=None)


def flaw(usage: Usage) -> str | None:
    """Say why a usage cannot be priced; None when it can, as far as the counts go."""
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)
    if usage.input_tokens is None:
        return "usage without input tokens"
    if any(count is not None and count < 0 for count in (*counts, usage.reasoning_tokens)):
        return "usage with a negative count"
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    if cached + written > usage.input_tokens:
        return f"{cached + written} cached tokens, more than the {usage.input_tokens} of the input"
    if usage.output_tokens is not None and (usage.reasoning_tokens or 0) > usage.output_tokens:
        return f"{usage.reasoning_tokens} reasoning tokens, more than the {usage.output_tokens} of the output"
    return None


def cost(usage: Usage, rates: Rates) -> Decimal | None:
    """Return the exact US dollars of a flawless usage; None when output was billed but not counted or not priced.

    Cached and cache-write tokens are part of the input and leave its plain rate; reasoning tokens are part of the
    output and have its rate. Counts that the provider left out (None) beside a known input are taken as none billed.
    """
    if rates.output is None and usage.output_tokens:
        return None
    if rates.output is not None and usage.output_tokens is None:
        return None
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    plain = (usage.input_tokens or 0) - cached - written
    with localcontext(EXACT):
        total = plain * rates.input
        total += cached * (rates.input if rates.cached is None else rates.cached)
        total += written * (rates.input if rates.cache_write is None else rates.cache_write)
        total += (usage.output_tokens or 0) * (rates.output or Decimal())
        return total.scaleb(MILLION_EXPONENT)


def usd_text(amount: Decimal) -> str:
    """Return the one text of an amount: plain decimal notation, no exponent, no trailing zeros."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
