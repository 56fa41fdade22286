"""Rows of models already met, kept beside the run's state so that the next run need not import the price data."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from migrate.pricing.rows import Rates, Row
from migrate.vocabulary import Json, JsonObject

FORMAT: Final = 1


class RowCache:
    """A JSON file of rows by model name, of one version of the price data.

    Rows hold their dates, so a file serves every day and every override. It may be deleted at any time: a file that
    is missing, damaged, foreign or of another version counts as empty, and one that cannot be written is let be.
    """

    def __init__(self, path: Path | None, version: str) -> None:
        self._path = path
        self._version = version
        self._models: dict[str, tuple[Row, ...]] = _read(path, version) if path is not None else {}

    def get(self, model: str) -> tuple[Row, ...] | None:
        """Return the rows of a model, empty when the data is known to have none; None: not met yet."""
        return self._models.get(model)

    def put(self, model: str, rows: Sequence[Row]) -> None:
        """Keep the rows of a model, at once: another process may be about to ask for it."""
        if self._path is not None:
            # What another process kept since is kept too.
            self._models |= {name: kept for name, kept in _read(self._path, self._version).items() if name != model}
        self._models[model] = tuple(rows)
        if self._path is not None:
            _write(self._path, self._document())

    def _document(self) -> JsonObject:
        models = {name: [_dump(row) for row in rows] for name, rows in sorted(self._models.items())}
        return {"format": FORMAT, "version": self._version, "models": models}


def _read(path: Path, version: str) -> dict[str, tuple[Row, ...]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if (document["format"], document["version"]) != (FORMAT, version):
            return {}
        return {str(name): tuple(_load(row) for row in rows) for name, rows in document["models"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
        return {}


def _write(path: Path, document: JsonObject) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what writers left that were killed between their writing and their renaming."""
    for left in path.parent.glob(f".{path.name}.*"):
        pid = left.suffix.removeprefix(".")
        if pid.isdigit() and not _is_running(int(pid)):
            left.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _dump(row: Row) -> Json:
    return {
        "model": row.model,
        "tier": row.tier,
        "source": row.source,
        "start": row.start.isoformat() if row.start else None,
        "rates": _dump_rates(row.rates),
        "above": [[tokens, _dump_rates(rates)] for tokens, rates in row.above],
    }


def _load(row: Json) -> Row:
    return Row(
        model=str(row["model"]),
        tier=str(row["tier"]),
        source=str(row["source"]),
        start=dt.date.fromisoformat(row["start"]) if row["start"] is not None else None,
        rates=_load_rates(row["rates"]),
        above=tuple((int(tokens), _load_rates(rates)) for tokens, rates in row["above"]),
    )


def _dump_rates(rates: Rates) -> Json:
    amounts = (rates.input, rates.output, rates.cached, rates.cache_write)
    return [None if amount is None else str(amount) for amount in amounts]


def _load_rates(rates: Json) -> Rates:
    plain, output, cached, cache_write = (None if rate is None else _rate(rate) for rate in rates)
    if plain is None:
        raise ValueError("a row without an input rate")
    return Rates(input=plain, output=output, cached=cached, cache_write=cache_write)


def _rate(text: str) -> Decimal:
    rate = Decimal(text)
    if not rate.is_finite() or rate < 0:
        raise ValueError("a rate is a finite amount")
    return rate
