"""A finished reply on its way out, free of the API it leaves through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from migrate.edges.providers.simulated.draft import Draft
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.tokens import Counted
from migrate.vocabulary import Json

CREATED: Final = 1_768_435_200
"""2026-01-15T00:00:00Z in every reply: equal questions get equal bytes."""

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_PIECE: Final = re.compile(r"\s*\S{1,12}|\s+\Z")
_MOST_PIECES: Final = 64


@dataclass(frozen=True, slots=True)
class Served:
    """Everything a wire format needs."""

    question: Question
    drafts: tuple[Draft, ...]
    """One a choice."""
    served_model: str
    counted: Counted
    token: str
    """Short hash of seed, model, prompt key and sample: the stem of every id in the reply."""

    @property
    def request_id(self) -> str:
        return f"req_simulated_{self.token}"

    @property
    def fingerprint(self) -> str:
        return "fp_simulated"

    def call_id(self, choice: int, index: int) -> str:
        """Return the id of a tool call; the first choice's are the short ones."""
        return f"call_{self.token}_{index}" if choice == 0 else f"call_{self.token}_{choice}_{index}"


def wire_json(data: Json) -> str:
    """Return the compact JSON text of a body or event; escapes stand in for what UTF-8 cannot say."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text if _SURROGATE.search(text) is None else json.dumps(data, separators=(",", ":"))


def pieces(text: str) -> Iterator[str]:
    """Yield a text in the portions a stream would send it, a word or so each, at most some sixty."""
    parts = _PIECE.findall(text)
    size = max(1, -(-len(parts) // _MOST_PIECES))
    for start in range(0, len(parts), size):
        yield "".join(parts[start : start + size])
