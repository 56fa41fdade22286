"""Vectors for the passages and queries of a run, made before it begins: once for each model and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from migrate.errors import BudgetStop
from migrate.presenting.numbers import counted
from migrate.rendering import embedded_texts
from migrate.vocabulary import Flow, Usage

if TYPE_CHECKING:
    from migrate.wiring.world import World


@dataclass(slots=True)
class Spent:
    """What making vectors took, by one model."""

    model: str
    texts: int = 0
    tokens: int | None = 0
    """None: the provider did not say."""
    usd: Decimal | None = Decimal(0)
    """None: unknown."""
    charged: Decimal = Decimal(0)
    """What counts against a cap, in US dollars: where a cost is unknown, the most it can have been."""

    @property
    def line(self) -> str:
        """Say it in a line."""
        tokens = "tokens unknown" if self.tokens is None else counted(self.tokens, "token")
        usd = "cost unknown" if self.usd is None else f"{self.usd:f} USD"
        return f"prompt-migrate: {counted(self.texts, 'vector')} made by {self.model}: {tokens}, {usd}"


def make_vectors(world: World, flows: Iterable[Flow], cap: Decimal | None = None) -> list[Spent]:
    """Make the vectors that flows need and nobody has; return what that took, nothing where nothing was missing.

    `cap` in US dollars. Raises UsageProblem when a provider cannot be asked or refuses, BudgetStop before the cap could
    be passed. What was paid for is kept whatever comes after it.
    """
    needed: dict[str, dict[str, None]] = {}
    for flow in flows:
        for model, text in embedded_texts(flow):
            needed.setdefault(model, {})[text] = None
    made: list[Spent] = []
    for model, texts in needed.items():
        missing = world.passage_vectors.missing(model, texts)
        if missing:
            world.check_provider(model)
            _refuse_costly(world, model, missing, cap, made)
            made.append(_made(world, model, missing))
    return made


def _made(world: World, model: str, texts: Sequence[str]) -> Spent:
    spent, prices, today = Spent(model), world.prices(), world.clock.today()
    for batch in world.embedder(model).make(model, texts):
        world.passage_vectors.keep(model, batch.vectors, tokens=batch.tokens, at=world.clock.now().isoformat())
        spent.texts += len(batch.vectors)
        usd = prices.price_usage(model, Usage(input_tokens=batch.tokens, output_tokens=0), on=today).usd
        spent.tokens = None if spent.tokens is None or batch.tokens is None else spent.tokens + batch.tokens
        spent.usd = None if spent.usd is None or usd is None else spent.usd + usd
        spent.charged += (_most(world, model, batch.vectors) or Decimal(0)) if usd is None else usd
    return spent


def _most(world: World, model: str, texts: Iterable[str]) -> Decimal | None:
    """Return the most that the vectors of some texts can cost: no text has more tokens than bytes. None: no price."""
    tokens = sum(len(text.encode("utf-8", "replace")) for text in texts)
    usage = Usage(input_tokens=tokens, output_tokens=0)
    usd: Decimal | None = world.prices().price_usage(model, usage, on=world.clock.today()).usd
    return usd


def _refuse_costly(
    world: World, model: str, texts: Sequence[str], cap: Decimal | None, earlier: Sequence[Spent]
) -> None:
    """Refuse what could pass the cap."""
    if cap is None:
        return
    usd = _most(world, model, texts)
    before = sum((spent.charged for spent in earlier), Decimal(0))
    if usd is None or before + usd > cap:
        words = "has no known price" if usd is None else f"may cost up to {usd:f} USD"
        raise BudgetStop(
            f"{counted(len(texts), 'vector')} by {model} {words}: the cap is {cap:f} USD; nothing was asked"
        )
