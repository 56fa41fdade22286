"""A team's own prices: a TOML file of dated rates by model name or pattern, read once and strictly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from migrate.errors import Problem, UsageProblem, did_you_mean
from migrate.pricing.rows import STANDARD, Rates, Row
from migrate.vocabulary import JsonPath, Place

EXAMPLE: Final = """\
format = 1

[[price]]
model = "gpt-4.1*"            # a name, or a pattern with * and ?; case does not matter
from = 2026-10-01             # first UTC day; left out: always
input = "1.80"                # US dollars per million tokens; text or number, both exact
cached = "0.45"               # left out: no discount
cache_write = "2.25"          # left out: billed as other input
output = "7.20"

[price.tiers.priority]        # the same four for a service tier of the response, or for `batch`
input = "3.15"
output = "12.60"

[[price.above]]               # more input tokens than this: the whole request has these rates
tokens = 272000
input = "3.60"
output = "10.80"
"""
"""Everything a price file may say."""

FORMAT: Final = 1
RATE_KEYS: Final = ("input", "cached", "cache_write", "output")
ENTRY_KEYS: Final = ("model", "from", *RATE_KEYS, "tiers", "above")
WILD: Final = frozenset("*?[")
LONGEST_NAME: Final = 200
"""Characters of a model's name or pattern: what patterns take to read grows with the square of their length."""


def read_overrides(path: Path) -> tuple[Row, ...]:
    """Return the rows of an override file, in its order. Raises UsageProblem naming everything wrong in it."""
    import tomllib

    try:
        # Numbers are read as decimals: 0.1 dollars are meant, not the nearest binary fraction.
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    # ValueError: not UTF-8, not TOML, or an integer that is too long; ArithmeticError: past all bounds of decimals.
    except (OSError, ValueError, RecursionError, ArithmeticError) as trouble:
        raise _problem([Problem(str(trouble), Place(path.name))]) from None
    reader = _Reader(path.name)
    rows = tuple(reader.rows(document))
    if reader.problems:
        raise _problem(reader.problems)
    return rows


def matching(rows: Iterable[Row], model: str) -> tuple[Row, ...]:
    """Return the override rows for a model: those that name it exactly, else those whose pattern fits it."""
    name = model.casefold()
    fitting = [row for row in rows if fnmatchcase(name, row.model.casefold())]
    exact = [row for row in fitting if not WILD & set(row.model)]
    return tuple(exact or fitting)


def _problem(problems: list[Problem]) -> UsageProblem:
    return UsageProblem("\n".join(["the price file cannot be used:", *(f"  {problem}" for problem in problems)]))


class _Reader:
    """Turns the parsed file into rows, collecting every complaint on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def rows(self, document: Mapping[str, Any]) -> Iterator[Row]:
        self._known(document, ("format", "price"), "$")
        if document.get("format") != FORMAT:
            self._say(f"format = {FORMAT} is expected", "$.format")
        entries = document.get("price", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._say("prices are written as [[price]] tables", "$.price")
            return
        for number, entry in enumerate(entries):
            yield from self._entry(entry, f"$.price[{number}]")

    def _entry(self, entry: Mapping[str, Any], path: str) -> Iterator[Row]:
        self._known(entry, ENTRY_KEYS, path)
        model, start = entry.get("model"), entry.get("from")
        if not isinstance(model, str) or not 0 < len(model.strip()) <= LONGEST_NAME:
            words = f"a model name or pattern is expected, of at most {LONGEST_NAME} characters"
            self._say(words, f"{path}.model")
            return
        if start is not None and (not isinstance(start, dt.date) or isinstance(start, dt.datetime)):
            self._say("a day is expected, such as 2026-10-01", f"{path}.from")
            return
        tiers = entry.get("tiers", {})
        if not isinstance(tiers, dict) or not all(isinstance(tier, dict) for tier in tiers.values()):
            self._say("tiers are written as [price.tiers.NAME] tables", f"{path}.tiers")
            return
        if set(entry) & set(RATE_KEYS) or not tiers:
            yield from self._row(model.strip(), STANDARD, start, entry, path)
        for name, tier in tiers.items():
            self._known(tier, (*RATE_KEYS, "above"), f"{path}.tiers.{name}")
            yield from self._row(model.strip(), name, start, tier, f"{path}.tiers.{name}")

    def _row(self, model: str, tier: str, start: dt.date | None, table: Mapping[str, Any], path: str) -> Iterator[Row]:
        rates, above = self._rates(table, path), list(self._above(table, path))
        if rates is not None:
            above.sort(key=lambda step: step[0])
            yield Row(model, tier, rates, f"override {self.file}", start, tuple(above))

    def _above(self, table: Mapping[str, Any], path: str) -> Iterator[tuple[int, Rates]]:
        steps = table.get("above", [])
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            self._say("thresholds are written as [[price.above]] tables", f"{path}.above")
            return
        for number, step in enumerate(steps):
            where = f"{path}.above[{number}]"
            self._known(step, ("tokens", *RATE_KEYS), where)
            tokens, rates = step.get("tokens"), self._rates(step, where)
            if type(tokens) is not int or tokens < 1:
                self._say("a number of input tokens is expected", f"{where}.tokens")
            elif rates is not None:
                yield tokens, rates

    def _rates(self, table: Mapping[str, Any], path: str) -> Rates | None:
        found = {key: self._amount(table[key], f"{path}.{key}") for key in RATE_KEYS if key in table}
        for key in ("input", "output"):
            if key not in table:
                self._say(f'"{key}" is missing', path)
        plain, output = found.get("input"), found.get("output")
        if plain is None or output is None:
            return None
        return Rates(input=plain, output=output, cached=found.get("cached"), cache_write=found.get("cache_write"))

    def _amount(self, value: Any, path: str) -> Decimal | None:
        if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
            try:
                amount = Decimal(value)
            except InvalidOperation:
                amount = Decimal("nan")
            if amount.is_finite() and amount >= 0:
                return amount
        self._say("US dollars per million tokens are expected", path)
        return None

    def _known(self, table: Mapping[str, Any], keys: Iterable[str], path: str) -> None:
        for key in table:
            if key not in keys:
                self._say(f'unknown key "{key}"', path, did_you_mean(key, keys))

    def _say(self, message: str, path: str, hint: str = "") -> None:
        self.problems.append(Problem(message, Place(self.file, path=JsonPath(path)), hint))
