"""What calls cost: against figures computed by hand, and against the laws that money obeys."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import call, million

from migrate.pricing import PriceTable, usd_text
from migrate.vocabulary import Measurement, Usage

TABLE = PriceTable()


PRICE_LIST = [
    # model, tier, input, cached, output: US dollars per million tokens
    ("gpt-4.1", None, "2", "0.5", "8"),
    ("gpt-4.1-mini", None, "0.4", "0.1", "1.6"),
    ("gpt-4.1-nano", None, "0.1", "0.025", "0.4"),
    ("gpt-4o", None, "2.5", "1.25", "10"),
    ("gpt-4o-2024-05-13", None, "5", "5", "15"),
    ("gpt-4o-mini", None, "0.15", "0.075", "0.6"),
    ("gpt-5-mini", None, "0.25", "0.025", "2"),
    ("gpt-4.1", "batch", "1", "0.5", "4"),
    ("gpt-4.1-mini", "batch", "0.2", "0.1", "0.8"),
    ("gpt-4.1-nano", "batch", "0.05", "0.025", "0.2"),
    ("gpt-4o", "batch", "1.25", "1.25", "5"),
    ("gpt-4o-2024-05-13", "batch", "2.5", "2.5", "7.5"),
    ("gpt-4o-mini", "batch", "0.075", "0.075", "0.3"),
    ("gpt-4.1", "priority", "3.5", "0.875", "14"),
    ("gpt-4.1-mini", "priority", "0.7", "0.175", "2.8"),
    ("gpt-4.1-nano", "priority", "0.2", "0.05", "0.8"),
    ("gpt-4o", "priority", "4.25", "2.125", "17"),
    ("gpt-4o-2024-05-13", "priority", "8.75", "8.75", "26.25"),
    ("gpt-4o-mini", "priority", "0.25", "0.125", "1"),
    ("gpt-5-mini", "flex", "0.125", "0.0125", "1"),
]


@pytest.mark.parametrize(("model", "tier", "plain", "cached", "output"), PRICE_LIST)
def test_the_published_price_list(model: str, tier: str | None, plain: str, cached: str, output: str) -> None:
    """A million tokens of each kind costs what the vendor's list says, in every tier the model has."""
    kinds = (million(input=1), million(input=1, cached=1), million(output=1))
    found = [TABLE.price(call(model, usage, tier=tier)) for usage in kinds]
    assert [Decimal(plain), Decimal(cached), Decimal(output)] == found


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("gpt-4.1", Usage(1_200, 1_024, None, 50), "0.001264"),
        ("gpt-4o", Usage(873, 0, None, 121), "0.0033925"),
        ("gpt-4.1-mini", Usage(1_000, None, None, 1_000, 800), "0.002"),
        ("gpt-4o-mini", Usage(1, 0, 0, 0, 0), "0.00000015"),
        ("gpt-6.1-sol", Usage(3_000, 1_000, 1_000, 100), "0.0056"),
        ("gpt-4.1", Usage(0, 0, 0, 0, 0), "0"),
    ],
)
def test_figures_computed_by_hand(model: str, usage: Usage, usd: str) -> None:
    """Cached and written tokens leave the plain input rate, reasoning is billed as output, nothing is rounded."""
    cost = TABLE.price(call(model, usage))
    assert cost is not None
    assert usd == usd_text(cost)


def test_a_long_request_is_dearer_as_a_whole() -> None:
    """Past 272,000 input tokens every token of the request has the higher rate, the first one too."""
    short, long = (TABLE.price(call("gpt-5.4", Usage(tokens, 0, None, 1_000_000))) for tokens in (272_000, 272_001))
    assert (Decimal("15.68"), Decimal("23.860005")) == (short, long)


def test_a_price_is_that_of_the_day() -> None:
    """o3 became five times cheaper on 2025-06-10; a call of the day before is billed as of the day before."""
    days = ("2025-06-09T23:59:59Z", "2025-06-10T00:00:00Z", "2025-06-10T01:00:00+02:00")
    found = [TABLE.price(call("o3", million(input=1), at=at)) for at in days]
    assert [Decimal(10), Decimal(2), Decimal(10)] == found


@pytest.mark.parametrize(
    ("measurement", "reason"),
    [
        (call("house-llm", million(input=1)), "no price of house-llm"),
        (call("gpt-4.1", million(input=1), tier="flex"), "no price of gpt-4.1, tier flex"),
        (call("gpt-4.1", million(input=1), tier="scale"), "no price of gpt-4.1, tier scale"),
        (
            call("gpt-4.1", million(input=1), tier="priority", at="2026-01-15T12:00:00Z"),
            "no price of gpt-4.1, tier priority, before 2026-10-12: the call is of 2026-01-15",
        ),
        (
            call("gpt-4.1", million(input=1), tier="batch", at="2026-10-13T12:00:00Z"),
            "no price of gpt-4.1, tier batch, before 2026-10-14: the call is of 2026-10-13",
        ),
        (call("gpt-4.1", Usage()), "usage without input tokens"),
        (call("gpt-4.1", Usage(10)), "usage without output tokens"),
        (call("gpt-4.1", Usage(10, 11, None, 1)), "11 cached tokens, more than the 10 of the input"),
        (call("gpt-4.1", Usage(10, 6, 5, 1)), "11 cached tokens, more than the 10 of the input"),
        (call("gpt-4.1", Usage(10, 0, 0, 1, 2)), "2 reasoning tokens, more than the 1 of the output"),
        (call("gpt-4.1", Usage(10, -1, 0, 1)), "usage with a negative count"),
        (call("gpt-4.1", million(input=1), at=""), "the day of the call is unknown"),
        (call("gpt-realtime", million(input=1)), "no price of gpt-realtime"),
        (call("deepseek-chat", million(input=1)), "no price of deepseek-chat"),
    ],
)
def test_what_is_unknown_says_why_and_is_never_nothing(measurement: Measurement, reason: str) -> None:
    """No price, no usage, impossible counts or a tier without data give no amount, and a reason."""
    priced = PriceTable().explain(measurement)
    assert (None, reason) == (priced.usd, priced.reason)


def test_unknown_calls_are_counted_by_reason() -> None:
    """Whoever shows a total can say what is missing from it."""
    table = PriceTable()
    for model in ("house-llm", "gpt-4.1", "house-llm"):
        table.price(call(model, million(input=1)))
    assert {"no price of house-llm": 2} == table.unknown()


@pytest.mark.parametrize(
    ("asked", "served", "usd"),
    [
        ("gpt-4o", "gpt-4o-2024-05-13", "5"),
        ("gpt-4o", "gpt-4o-2024-08-06", "2.5"),
        ("gpt-4.1", "gpt-4.1-2031-01-01", "2"),
        ("openai/gpt-4.1", None, "2"),
        ("GPT-4.1", None, "2"),
        ("gpt-4.1", "our-deployment", "2"),
    ],
)
def test_the_served_model_is_billed(asked: str, served: str | None, usd: str) -> None:
    """The snapshot that answered sets the price; where nobody prices its name, the model it answered for does."""
    assert Decimal(usd) == TABLE.price(call(asked, million(input=1), served=served))


@pytest.mark.parametrize("tier", [None, "default", "standard", "Default"])
def test_the_standard_tier_has_many_names(tier: str | None) -> None:
    """A response without a tier was served by the standard one."""
    assert Decimal(2) == TABLE.price(call("gpt-4.1", million(input=1), tier=tier))


def test_a_simulated_model_costs_what_it_claims_to_be() -> None:
    """A rehearsal shows the bill of the performance."""
    real, simulated = (TABLE.usd(call("gpt-4.1", million(input=1), simulated=flag)) for flag in (False, True))
    assert real == simulated == "2"


def test_an_unknown_cost_has_no_text() -> None:
    """What is stored beside a call is an amount or nothing."""
    assert PriceTable().usd(call("house-llm", million(input=1))) is None


def test_a_call_without_a_time_is_priced_as_of_today() -> None:
    """Where the table knows today's date, it stands in for a missing one."""
    table = PriceTable(today=dt.date(2025, 6, 9))
    assert Decimal(10) == table.price(call("o3", million(input=1), at=""))


def test_the_rows_used_are_told() -> None:
    """Every rate that went into an amount can be shown beside it, once, with the last day it was used for."""
    table = PriceTable()
    for at in ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z"):
        table.price(call("gpt-4.1", million(input=1), served="gpt-4.1-2025-04-14", at=at))
    table.price(call("gpt-4o-2024-05-13", million(input=1), tier="batch"))
    table.price(call("gpt-5.4", Usage(272_001, 0, None, 1)))
    table.price(call("house-llm", million(input=1)))
    found = [
        (row.model, row.tier, row.input, row.cached, row.cache_write, row.output, row.as_of)
        for row in table.rows_used()
    ]
    assert [
        ("gpt-4.1", "default", "2", "0.5", None, "8", "2026-11-03"),
        ("gpt-4o-2024-05-13", "batch", "2.5", None, None, "7.5", "2026-11-02"),
        ("gpt-5.4", "default above 272000 input tokens", "5", "0.5", None, "22.5", "2026-11-02"),
    ] == found
    assert all(row.source.startswith("genai-prices ") for row in table.rows_used())


def test_an_estimate_is_priced_like_a_call() -> None:
    """Budgets and projections ask by model, usage, day and tier."""
    priced = TABLE.price_usage("gpt-4.1", million(output=1), on=dt.date(2026, 11, 2), tier="priority")
    assert Decimal(14) == priced.usd


def test_a_coarse_decimal_context_changes_nothing() -> None:
    """The application under test may round its own money to four digits; ours stays exact."""
    measurement = call("gpt-4.1", Usage(123_457, 1_024, None, 98_765))
    with localcontext() as context:
        context.prec = 4
        rounded = TABLE.price(measurement)
    assert TABLE.price(measurement) == rounded == Decimal("1.035498")


COUNTS = st.integers(0, 10**9)
SHARES = st.floats(0, 1)


@st.composite
def usages(draw: st.DrawFn, limit: int = 250_000) -> Usage:
    """Usage a provider may report: cached and written tokens are part of the input."""
    plain = draw(st.integers(0, limit))
    cached = draw(st.integers(0, plain))
    written = draw(st.integers(0, plain - cached))
    output = draw(COUNTS)
    return Usage(plain, cached, written, output, draw(st.integers(0, output)))


def added(one: Usage, other: Usage) -> Usage:
    pairs = zip(tuple_of(one), tuple_of(other), strict=True)
    return Usage(*(left + right for left, right in pairs))


def tuple_of(usage: Usage) -> tuple[int, ...]:
    counts = (
        usage.input_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )
    return tuple(count or 0 for count in counts)


MODELS = st.sampled_from(["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-2024-05-13", "gpt-6.1-sol"])
TIERS = st.sampled_from([None, "priority", "batch"])


@given(MODELS, TIERS, usages(100_000), usages(100_000))
def test_cost_is_additive(model: str, tier: str | None, one: Usage, other: Usage) -> None:
    """Two calls cost what one call with their tokens together costs, below the threshold of long requests."""
    together = TABLE.price(call(model, added(one, other), tier=tier))
    apart = [TABLE.price(call(model, usage, tier=tier)) for usage in (one, other)]
    assert None not in apart
    assert together == sum(cost for cost in apart if cost is not None)


@given(MODELS, TIERS, usages(2_500), st.integers(0, 100))
def test_cost_is_linear(model: str, tier: str | None, usage: Usage, times: int) -> None:
    """A hundred times the tokens cost a hundred times the money, to the last digit."""
    many = Usage(*(count * times for count in tuple_of(usage)))
    once = TABLE.price(call(model, usage, tier=tier))
    assert once is not None
    assert once * times == TABLE.price(call(model, many, tier=tier))


@given(MODELS, TIERS, usages(10**9))
def test_cost_is_never_negative_and_caching_never_dearer_than_writing(
    model: str, tier: str | None, usage: Usage
) -> None:
    """Any usage costs something or nothing, and reading from the cache is never dearer than not reading."""
    cost = TABLE.price(call(model, usage, tier=tier))
    uncached = TABLE.price(call(model, Usage(usage.input_tokens, 0, 0, usage.output_tokens), tier=tier))
    read_only = TABLE.price(
        call(model, Usage(usage.input_tokens, usage.cached_tokens, 0, usage.output_tokens), tier=tier)
    )
    assert cost is not None
    assert uncached is not None
    assert read_only is not None
    assert cost >= 0
    assert read_only <= uncached


@given(st.text(max_size=30), usages(), st.none() | st.text(max_size=10))
def test_an_unknown_model_is_never_free(model: str, usage: Usage, tier: str | None) -> None:
    """Whatever a server calls its model, it has an amount with a price behind it or none at all."""
    table = PriceTable()
    priced = table.explain(call("house-" + model, usage, tier=tier))
    assert priced.usd is None
    assert priced.reason
    assert table.rows_used() == ()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0E-6", "0"),
        ("1E+2", "100"),
        ("0.001264000", "0.001264"),
        ("-0", "0"),
        ("120", "120"),
        ("1.50E-7", "0.00000015"),
    ],
)
def test_an_amount_has_one_text(amount: str, text: str) -> None:
    """Amounts are written without exponents or idle zeros, so that equal ones are equal text."""
    assert text == usd_text(Decimal(amount))


def test_every_figure_of_the_library_is_ours(tmp_path: Path) -> None:
    """For each of its OpenAI text models our standard price of a mixed usage is what the library itself computes."""
    from genai_prices import Usage as TheirUsage
    from genai_prices import calc_price
    from genai_prices.data_snapshot import get_snapshot

    moment = dt.datetime(2026, 11, 2, 10, tzinfo=dt.UTC)
    openai = next(provider for provider in get_snapshot().providers if provider.id == "openai")
    table, compared = PriceTable(), 0
    for model in openai.models:
        mine = table.price(call(model.id, Usage(300_000, 1_000, 500, 2_000)))
        if mine is None:
            continue
        theirs = TheirUsage(input_tokens=300_000, cache_read_tokens=1_000, cache_write_tokens=500, output_tokens=2_000)
        with localcontext() as context:
            context.prec = 60
            expected = calc_price(theirs, model.id, provider_id="openai", genai_request_timestamp=moment).total_price
        assert expected == mine, model.id
        compared += 1
    assert compared > 50
