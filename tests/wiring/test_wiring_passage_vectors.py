"""What making vectors takes from a cap: a cost nobody told counts as the most it can have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from migrate.edges.providers.embedding import Batch
from migrate.errors import BudgetStop
from migrate.wiring import make_vectors, open_world, passage_vectors

MODELS = ("text-embedding-3-small", "text-embedding-3-large")
TEXT = "forty bytes of text, all of them ascii.."
MILLION = Decimal(10) ** 6
PRICES = {MODELS[0]: Decimal("0.02") / MILLION, MODELS[1]: Decimal("0.13") / MILLION}


class Silent:
    """A provider of vectors that tells what it billed, or does not."""

    def __init__(self, tokens: int | None) -> None:
        self.tokens = tokens

    def make(self, model: str, texts: Sequence[str]) -> Iterator[Batch]:
        yield Batch({text: [0.5] for text in texts}, self.tokens)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project in which one text wants a vector of each of two models."""
    (tmp_path / ".prompt-migrate").mkdir()
    opened = open_world(tmp_path, {"PROMPT_MIGRATE_AS_OF": "2026-01-15"}, {"provider": "simulated"})
    monkeypatch.setattr(passage_vectors, "embedded_texts", lambda _: [(model, TEXT) for model in MODELS])
    monkeypatch.setattr(type(opened), "check_provider", lambda *_: None)
    yield opened
    opened.close()


@pytest.mark.parametrize(("tokens", "charged"), [(8, 8), (None, 40)], ids=["told", "not told"])
def test_what_nobody_told_counts_as_the_most_it_can_have_been(
    world: Any, monkeypatch: pytest.MonkeyPatch, tokens: int | None, charged: int
) -> None:
    """No text has more tokens than bytes, so that is what is set against the cap; the cost itself stays unknown."""
    monkeypatch.setattr(type(world), "embedder", lambda *_: Silent(tokens))
    spent = make_vectors(world, ["a flow"])  # type: ignore[list-item]
    assert [charged * PRICES[one.model] for one in spent] == [one.charged for one in spent]
    assert [tokens is None] * 2 == [one.usd is None for one in spent]


def test_an_unknown_cost_leaves_less_of_the_cap(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second model is refused where the first may have used up what it needs."""
    monkeypatch.setattr(type(world), "embedder", lambda *_: Silent(None))
    cap = 40 * PRICES[MODELS[1]] + 20 * PRICES[MODELS[0]]
    with pytest.raises(BudgetStop, match=MODELS[1]):
        make_vectors(world, ["a flow"], cap)  # type: ignore[list-item]
