"""Rows from the bundled data of genai-prices, which is only imported when a model is not in the cache.

The library answers a question it has no data for with the standard price: for a tier the model does not have, and
for a day before the tier's price was first checked. So its calculator is not asked; the schedule behind it is read,
and what has no row of its own stays unknown. Fees that are not per token (web searches, storage) are not billed here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from migrate.pricing.rows import STANDARD, Rates, Row

DISTRIBUTION: Final = "genai-prices"
MAIN_PROVIDER: Final = "openai"

PER_TOKEN: Final = {"input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok"}
NOT_PER_TOKEN: Final = ("_kcount",)
"""Price keys by suffix that are fees beside the tokens: left out, not refused."""


def library_version() -> str:
    """Return the installed version of the price data, without importing it."""
    from importlib.metadata import version

    return version(DISTRIBUTION)


def library_rows(model: str) -> tuple[Row, ...]:
    """Return every dated row the library has for a model name; empty when it has none that can be trusted.

    A model whose price hangs on the time of day, or that bills audio or images apart (usage does not tell them from
    text here), has no rows: its cost is unknown rather than wrong.
    """
    info = _find(model)
    if info is None:
        return ()
    try:
        return tuple(_rows(info, f"{DISTRIBUTION} {library_version()}"))
    except _NotByTokensError:
        return ()


class _NotByTokensError(Exception):
    """The price hangs on something that a measurement does not hold."""


def _find(model: str) -> Any:
    from genai_prices.data_snapshot import get_snapshot

    name, snapshot = model.casefold(), get_snapshot()
    provider, slash, rest = name.partition("/")
    # `openai/gpt-4.1` names its provider; a bare name is OpenAI's, or that of the maker whose names look like it.
    asked = [(rest, provider)] if slash else [(name, MAIN_PROVIDER), (name, None)]
    for text, owner in asked:
        try:
            return snapshot.find_provider_model(text, None, owner, None)[1]
        except LookupError:
            continue
    return None


def _rows(info: Any, source: str) -> Iterator[Row]:
    periods = _periods(info.prices)
    for start, prices in periods:
        yield _row(info.id, STANDARD, start, prices, source)
    for variant in info.price_variants or ():
        tier = _tier(variant.when)
        if tier is None or tier == STANDARD:
            continue
        begin = _start(variant.constraint)
        for start, prices in _overlaid(periods, begin, variant.prices.__dict__):
            yield _row(info.id, tier, start, prices, source)


def _periods(prices: Any) -> list[tuple[dt.date | None, Mapping[str, Any]]]:
    if not isinstance(prices, list):
        return [(None, prices.__dict__)]
    return [(_start(period.constraint), period.prices.__dict__) for period in prices]


def _overlaid(
    periods: list[tuple[dt.date | None, Mapping[str, Any]]], begin: dt.date | None, change: Mapping[str, Any]
) -> Iterator[tuple[dt.date | None, Mapping[str, Any]]]:
    """Yield the standard periods from `begin` on with a tier's own prices laid over them.

    A price the tier does not name is the standard one of that day, as for the cached rate of a batch.
    """
    named = {key: price for key, price in change.items() if price is not None}
    early = [prices for start, prices in periods if begin is None or start is None or start <= begin]
    if early:
        yield begin, {**early[-1], **named}
    for start, prices in periods:
        if begin is not None and start is not None and start > begin:
            yield start, {**prices, **named}


def _start(constraint: Any) -> dt.date | None:
    if constraint is None:
        return None
    start = getattr(constraint, "start_date", None)
    if not isinstance(start, dt.date):
        raise _NotByTokensError
    return start


def _tier(when: Mapping[str, str]) -> str | None:
    """Return our name of a variant: the response's service tier, or `batch`; None for anything else."""
    if set(when) == {"service_tier"}:
        return when["service_tier"]
    return "batch" if when == {"processing": "batch"} else None


def _row(model: str, tier: str, start: dt.date | None, prices: Mapping[str, Any], source: str) -> Row:
    known = {key: price for key, price in prices.items() if price is not None and not key.endswith(NOT_PER_TOKEN)}
    if set(known) - PER_TOKEN or "input_mtok" not in known:
        raise _NotByTokensError
    steps = sorted({step.start for price in known.values() for step in getattr(price, "tiers", ())})
    return Row(
        model=model,
        tier=tier,
        rates=_rates(known, 0),
        source=source,
        start=start,
        above=tuple((step, _rates(known, step + 1)) for step in steps),
    )


def _rates(prices: Mapping[str, Any], input_tokens: int) -> Rates:
    def at(key: str) -> Decimal | None:
        price = prices.get(key)
        if price is None or isinstance(price, Decimal):
            return price
        passed = [step.price for step in price.tiers if input_tokens > step.start]
        found: Decimal = passed[-1] if passed else price.base
        return found

    plain = at("input_mtok")
    if plain is None:
        raise _NotByTokensError
    return Rates(plain, at("output_mtok"), cached=at("cache_read_mtok"), cache_write=at("cache_write_mtok"))
