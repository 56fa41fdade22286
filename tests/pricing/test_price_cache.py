"""The cache of looked-up rows: it saves an import, and can never be a source of wrong prices or failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from measured import call, million

from migrate.pricing import PriceTable, Row
from migrate.pricing.library import library_rows
from migrate.vocabulary import Usage

SCRIPT = """
import sys
from pathlib import Path
from migrate.pricing import PriceTable
from measured import call, million
table = PriceTable(cache=Path(sys.argv[1]))
print([str(table.price(call(model, million(input=1), tier=tier))).rstrip("0")
       for model in ("gpt-4.1", "gpt-5.4", "house-llm") for tier in (None, "priority")])
print("genai_prices" in sys.modules)
"""


def run(cache: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(cache)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout.splitlines()


def test_the_second_run_does_not_import_the_price_data(tmp_path: Path) -> None:
    """What was looked up once is priced from the cache, tiers and unknown models too, to the same amounts."""
    first, second = run(tmp_path / "state" / "prices.json"), run(tmp_path / "state" / "prices.json")
    assert ["['2.', '3.5', '5.', '5.', 'None', 'None']", "True"] == first
    assert [first[0], "False"] == second


def never(model: str) -> tuple[Row, ...]:
    raise AssertionError(f"{model} was looked up again")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"format": 1', '"format": 99'),
        lambda text: text.replace('"version": "', '"version": "9'),
        lambda text: text.replace('"2"', '"-2"'),
        lambda text: text.replace('"2"', '"NaN"'),
        lambda text: text.replace('"rates"', '"rate"'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_or_foreign_cache_counts_as_empty(tmp_path: Path, damage: Callable[[str], str]) -> None:
    """Half a file, another format, another version or an impossible rate: everything is looked up anew, and mended."""
    cache = tmp_path / "prices.json"
    measurement = call("gpt-4.1", million(input=1))
    PriceTable(cache=cache).price(measurement)
    sound = cache.read_text(encoding="utf-8")
    cache.write_text(damage(sound), encoding="utf-8")
    assert Decimal(2) == PriceTable(cache=cache).price(measurement)
    assert sound == cache.read_text(encoding="utf-8")
    assert Decimal(2) == PriceTable(cache=cache, library=never).price(measurement)


def test_two_processes_keep_each_other_s_rows(tmp_path: Path) -> None:
    """Workers that meet different models at the same time end with both in the file."""
    cache = tmp_path / "prices.json"
    one, other = PriceTable(cache=cache), PriceTable(cache=cache)
    one.price(call("gpt-4.1", million(input=1)))
    other.price(call("gpt-4o", million(input=1)))
    assert ["gpt-4.1", "gpt-4o"] == sorted(json.loads(cache.read_text(encoding="utf-8"))["models"])


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    """The next writer removes the file of a dead process, and leaves that of a living one."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getppid()):
        (tmp_path / f".prices.json.{pid}").write_text("{")
    run(tmp_path / "prices.json")
    assert {"prices.json", f".prices.json.{os.getppid()}"} == {path.name for path in tmp_path.iterdir()}


def test_a_cache_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    """A folder where the file should be costs the speed, not the run."""
    cache = tmp_path / "prices.json"
    cache.mkdir()
    assert Decimal(2) == PriceTable(cache=cache).price(call("gpt-4.1", million(input=1)))
    assert [cache] == list(tmp_path.iterdir())


def test_cached_rows_are_equal_to_the_library_s(tmp_path: Path) -> None:
    """Every date, threshold and digit survives the way through the file."""
    from migrate.pricing.cache import RowCache

    models = ["gpt-4.1", "gpt-5.6-luna", "o3", "text-embedding-3-small", "house-llm"]
    cache = RowCache(tmp_path / "prices.json", "1")
    for model in models:
        cache.put(model, library_rows(model))
    again = RowCache(tmp_path / "prices.json", "1")
    assert [library_rows(model) for model in models] == [again.get(model) for model in models]


def test_an_embedding_bills_input_alone() -> None:
    """A model without a price of output prices calls without output, and only those."""
    table = PriceTable()
    found = [
        table.price(call("text-embedding-3-small", Usage(input_tokens=1_000_000, output_tokens=output)))
        for output in (None, 0, 1)
    ]
    assert [Decimal("0.02"), Decimal("0.02"), None] == found
