"""The price table a run is priced by: overrides first, then the bundled data, and what could not be priced."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from migrate.pricing.cache import RowCache
from migrate.pricing.library import library_rows, library_version
from migrate.pricing.overrides import matching, read_overrides
from migrate.pricing.rows import STANDARD, Rates, Row, cost, current, flaw, usd_text
from migrate.vocabulary import Measurement, PriceUsed, Usage

SAME_TIER: Final = {"": STANDARD, "standard": STANDARD}
"""Other words for the standard tier; a response that names no tier was served by it."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What a call cost, or why nobody can say."""

    usd: Decimal | None
    """Exact US dollars; None: unknown, never 0."""
    reason: str = ""
    """One clause, when the amount is unknown."""


class PriceTable:
    """Dated rates of every model that was asked about, and an account of the rows used.

    A call is priced by the served model, else, where nobody prices that name, by the asked one (a foreign model is a
    no-reply, so the served one is a snapshot or another name of it); by the tier the response reports; by the rates
    of the day of the call. Simulated and local models cost what the model they claim to be costs. A tier or a day the
    data does not know is unknown: it is never priced at the standard rate. Not safe for use by several threads.
    """

    def __init__(
        self,
        *,
        override: Path | None = None,
        cache: Path | None = None,
        today: dt.date | None = None,
        library: Callable[[str], tuple[Row, ...]] = library_rows,
    ) -> None:
        """Read the table: a team's own prices (`override`) over the bundled ones.

        `cache` is a file for rows that were looked up, so that the next run need not; `today` prices calls that carry
        no time. Raises UsageProblem when the override file cannot be used.
        """
        self._overrides = read_overrides(override) if override is not None else ()
        self._today = today
        self._library = library
        self._cache = RowCache(cache, library_version())
        self._used: dict[tuple[Row, int | None], dt.date] = {}
        self._unknown: Counter[str] = Counter()
        self._find = functools.cache(self._search)

    def price(self, measurement: Measurement) -> Decimal | None:
        """Return the exact US dollars of a call, or None when usage or price is unknown."""
        return self.explain(measurement).usd

    def usd(self, measurement: Measurement) -> str | None:
        """Return the same as the one text of the amount, which is how it is stored."""
        amount = self.price(measurement)
        return None if amount is None else usd_text(amount)

    def explain(self, measurement: Measurement) -> Priced:
        """Return what a call cost with, where that is unknown, the reason, which is counted too."""
        day = _day(measurement.at) or self._today
        asked = measurement.asked_model
        if day is None:
            priced = Priced(None, "the day of the call is unknown")
        else:
            names = (measurement.served_model or asked, asked)
            priced = self._price(names, measurement.usage, measurement.service_tier, day)
        if priced.usd is None:
            self._unknown[priced.reason] += 1
        return priced

    def price_usage(self, model: str, usage: Usage, *, on: dt.date, tier: str | None = None) -> Priced:
        """Return what a usage would cost on a day: for budgets and projections."""
        return self._price((model,), usage, tier, on)

    def rows_used(self) -> tuple[PriceUsed, ...]:
        """Return the rows that priced something, sorted, each with the last day it was used for."""
        used = [_price_used(row, threshold, day) for (row, threshold), day in self._used.items()]
        return tuple(sorted(used, key=lambda row: (row.model, row.tier, row.source, row.as_of)))

    def unknown(self) -> Mapping[str, int]:
        """Return why measurements could not be priced, and how many of each."""
        return dict(self._unknown)

    def _price(self, names: tuple[str, ...], usage: Usage, tier: str | None, day: dt.date) -> Priced:
        wrong = flaw(usage)
        if wrong is not None:
            return Priced(None, wrong)
        row = self._find(names, _tier(tier), day)
        if isinstance(row, str):
            return Priced(None, row)
        threshold, rates = row.rates_for(usage.input_tokens or 0)
        usd = cost(usage, rates)
        if usd is None:
            return Priced(None, "usage without output tokens" if usage.output_tokens is None else "no price of output")
        key = (row, threshold)
        self._used[key] = max(day, self._used.get(key, day))
        return Priced(usd)

    def _search(self, names: tuple[str, ...], tier: str, day: dt.date) -> Row | str:
        """Return the row for the first name that has one, or why there is none."""
        for name in names:
            own = current(matching(self._overrides, name), tier, day)
            if own is not None:
                return own
        for name in names:
            rows = self._bundled(name)
            if rows:
                return current(rows, tier, day) or _missing(rows, tier, day)
        return f"no price of {names[0]}"

    def _bundled(self, name: str) -> tuple[Row, ...]:
        rows = self._cache.get(name)
        if rows is None:
            rows = self._library(name)
            self._cache.put(name, rows)
        return rows


def _missing(rows: tuple[Row, ...], tier: str, day: dt.date) -> str:
    starts = [row.start for row in rows if row.tier == tier and row.start is not None]
    if starts:
        return f"no price of {rows[0].model}, tier {tier}, before {min(starts)}: the call is of {day}"
    return f"no price of {rows[0].model}, tier {tier}"


def _tier(reported: str | None) -> str:
    tier = (reported or "").casefold()
    return SAME_TIER.get(tier, tier)


def _day(at: str) -> dt.date | None:
    """Return the UTC day of a time in ISO 8601; without an offset it is taken as UTC."""
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).date()


def _price_used(row: Row, threshold: int | None, day: dt.date) -> PriceUsed:
    rates: Rates = dict(row.above)[threshold] if threshold is not None else row.rates
    return PriceUsed(
        model=row.model,
        tier=row.tier if threshold is None else f"{row.tier} above {threshold} input tokens",
        input=usd_text(rates.input),
        cached=None if rates.cached is None else usd_text(rates.cached),
        cache_write=None if rates.cache_write is None else usd_text(rates.cache_write),
        output=None if rates.output is None else usd_text(rates.output),
        source=row.source,
        as_of=day.isoformat(),
    )
