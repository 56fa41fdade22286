"""A team's own price file: what it may say, and what is said about it when it cannot be read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from measured import call

from migrate.errors import UsageProblem
from migrate.pricing import Priced, PriceTable, read_overrides
from migrate.pricing.overrides import EXAMPLE
from migrate.vocabulary import Usage

DAY = dt.date(2026, 11, 2)
MIXED = Usage(input_tokens=3_000_000, cached_tokens=1_000_000, cache_write_tokens=1_000_000, output_tokens=1_000_000)


def table_of(tmp_path: Path, text: str) -> PriceTable:
    path = tmp_path / "prices.toml"
    path.write_text("format = 1\n" + text, encoding="utf-8")
    return PriceTable(override=path)


def test_the_example_of_the_reference(tmp_path: Path) -> None:
    """A discount, its start, a tier and a threshold, as the module shows them, are what it reads."""
    (tmp_path / "prices.toml").write_text(EXAMPLE, encoding="utf-8")
    table = PriceTable(override=tmp_path / "prices.toml")
    usage = Usage(input_tokens=100_000, output_tokens=0)
    long = Usage(input_tokens=1_000_000, output_tokens=0)
    found = [
        table.price_usage("gpt-4.1-mini", usage, on=dt.date(2026, 9, 30)).usd,
        table.price_usage("gpt-4.1-mini", usage, on=DAY).usd,
        table.price_usage("gpt-4.1-mini", usage, on=DAY, tier="priority").usd,
        table.price_usage("gpt-4.1-mini", long, on=DAY).usd,
    ]
    assert [Decimal("0.04"), Decimal("0.18"), Decimal("0.315"), Decimal("3.6")] == found


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ('[[price]]\nmodel = "house-llm"\ninput = 1\noutput = 10', "13"),
        ('[[price]]\nmodel = "HOUSE-*"\ninput = 0.1\noutput = "10"', "10.3"),
        ('[[price]]\nmodel = "house-llm"\ninput = 1\ncached = 0\noutput = 10', "12"),
        ('[[price]]\nmodel = "house-llm"\ninput = 1\ncached = "0.5"\ncache_write = 2\noutput = 10', "13.5"),
        ('[[price]]\nmodel = "house-llm"\ninput = 0\noutput = 0', "0"),
    ],
)
def test_a_local_model_gets_a_price(tmp_path: Path, text: str, usd: str) -> None:
    """Rates may be numbers or text and are exact; a discount left out is none; 0 is a price when somebody says so."""
    assert Decimal(usd) == table_of(tmp_path, text).price_usage("house-llm", MIXED, on=DAY).usd


def test_an_exact_name_beats_a_pattern_and_the_last_line_wins_a_tie(tmp_path: Path) -> None:
    """The order of choice: exact name, latest start, later line."""
    text = """
        [[price]]
        model = "gpt-4.1"
        from = 2026-05-01
        input = 5
        output = 1
        [[price]]
        model = "gpt-4.1"
        input = 4
        output = 1
        [[price]]
        model = "gpt-*"
        from = 2026-06-01
        input = 3
        output = 1
        [[price]]
        model = "gpt-*"
        from = 2026-06-01
        input = 2
        output = 1
    """
    table, usage = table_of(tmp_path, text), Usage(input_tokens=1_000_000, output_tokens=0)
    early = dt.date(2026, 4, 30)
    asked = [("gpt-4.1", DAY), ("gpt-4.1", early), ("gpt-4o", DAY), ("gpt-4o", early)]
    assert [5, 4, 2, Decimal("2.5")] == [table.price_usage(model, usage, on=day).usd for model, day in asked]


def test_an_override_of_the_asked_name_holds_for_its_snapshots(tmp_path: Path) -> None:
    """A negotiated price of `gpt-4.1` is not lost because the answer names the dated snapshot."""
    table = table_of(tmp_path, '[[price]]\nmodel = "gpt-4.1"\ninput = 1\noutput = 1')
    measurement = call("gpt-4.1", Usage(1_000_000, 0, 0, 0), served="gpt-4.1-2025-04-14")
    assert Decimal(1) == table.price(measurement)
    assert ["override prices.toml"] == [row.source for row in table.rows_used()]


def test_a_tier_without_an_override_keeps_the_bundled_price(tmp_path: Path) -> None:
    """An override says nothing about tiers it does not name."""
    table = table_of(tmp_path, '[[price]]\nmodel = "gpt-4.1"\ninput = 1\noutput = 1')
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    assert Priced(Decimal("3.5")) == table.price_usage("gpt-4.1", usage, on=DAY, tier="priority")


def test_a_tier_alone_may_be_priced(tmp_path: Path) -> None:
    """Rates of a tier may stand without standard ones, for history the bundled data lacks."""
    text = '[[price]]\nmodel = "gpt-4.1"\n[price.tiers.priority]\ninput = 3.5\noutput = 14'
    table, usage = table_of(tmp_path, text), Usage(input_tokens=1_000_000, output_tokens=0)
    day = dt.date(2026, 1, 15)
    found = [table.price_usage("gpt-4.1", usage, on=day, tier=tier).usd for tier in ("priority", None)]
    assert [Decimal("3.5"), Decimal(2)] == found


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("format = 2", ["prices.toml at $.format: format = 1 is expected"]),
        ("format = 1\nprices = 1", ['prices.toml at $: unknown key "prices" (did you mean "price"?)']),
        ("format = 1\nprice = 1", ["prices.toml at $.price: prices are written as [[price]] tables"]),
        (
            'format = 1\n[[price]]\nmodel = "m"\ninput = -1\noutputs = 2',
            [
                'prices.toml at $.price[0]: unknown key "outputs" (did you mean "output"?)',
                "prices.toml at $.price[0].input: US dollars per million tokens are expected",
                'prices.toml at $.price[0]: "output" is missing',
            ],
        ),
        (
            "format = 1\n[[price]]\ninput = 1\noutput = 1",
            ["prices.toml at $.price[0].model: a model name or pattern is expected, of at most 200 characters"],
        ),
        (
            f'format = 1\n[[price]]\nmodel = "{"[" * 40_000}"\ninput = 1\noutput = 1',
            ["prices.toml at $.price[0].model: a model name or pattern is expected, of at most 200 characters"],
        ),
        (
            'format = 1\n[[price]]\nmodel = "m"\nfrom = "May"\ninput = 1\noutput = 1',
            ["prices.toml at $.price[0].from: a day is expected, such as 2026-10-01"],
        ),
        (
            'format = 1\n[[price]]\nmodel = "m"\ninput = true\noutput = "much"',
            [
                "prices.toml at $.price[0].input: US dollars per million tokens are expected",
                "prices.toml at $.price[0].output: US dollars per million tokens are expected",
            ],
        ),
        (
            'format = 1\n[[price]]\nmodel = "m"\ninput = 1\noutput = 1\nabove = [{tokens = 0, input = 1, output = 1}]',
            ["prices.toml at $.price[0].above[0].tokens: a number of input tokens is expected"],
        ),
        (
            'format = 1\n[[price]]\nmodel = "m"\ntiers = {priority = 1}',
            ["prices.toml at $.price[0].tiers: tiers are written as [price.tiers.NAME] tables"],
        ),
    ],
)
def test_everything_wrong_with_a_file_is_said_at_once(tmp_path: Path, text: str, complaints: list[str]) -> None:
    """Each complaint has its place, all come together, and nothing is priced by half a file."""
    path = tmp_path / "prices.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem) as caught:
        read_overrides(path)
    assert ["the price file cannot be used:", *(f"  {line}" for line in complaints)] == str(caught.value).split("\n")


@pytest.mark.parametrize("content", [b"format = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_one_clear_sentence(tmp_path: Path, content: bytes) -> None:
    """Broken syntax and broken text end in the family's own error, as a missing file does."""
    path = tmp_path / "prices.toml"
    path.write_bytes(content)
    for broken in (path, tmp_path / "nowhere.toml"):
        with pytest.raises(UsageProblem, match="the price file cannot be used"):
            read_overrides(broken)
