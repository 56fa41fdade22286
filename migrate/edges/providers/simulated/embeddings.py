"""Vectors of the simulated provider: texts that share words, or pieces of words, point the same way.

There is no meaning in them: every word, and every three letters in a row inside one, is hashed to one place of the
vector with a sign; the vector is then made one long. Equal texts have equal vectors on every machine.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from array import array
from collections.abc import Callable, Iterator
from typing import Any, Final

from migrate.edges.providers.simulated.complaints import bad_request, unknown_model
from migrate.vocabulary import Json, JsonObject

DIMENSIONS: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
"""Models that are served, and how long their vectors are."""
MOST_TEXTS: Final = 2048
MOST_TOKENS: Final = 8192
_WORD: Final = re.compile(r"\w+")
_PIECE_WEIGHT: Final = 0.3


class Simulated:
    """Implements `vocabulary.Vectors`: what the server will answer is known before it is asked."""

    def of(self, model: str, text: str) -> list[float] | None:
        """Return the vector the simulated provider gives a text; None for a model it does not serve."""
        size = DIMENSIONS.get(model)
        return None if size is None else _known(text, size)


@functools.lru_cache(maxsize=10_000)
def _known(text: str, size: int) -> list[float]:
    return vector(text, size)


def vector(text: str, size: int) -> list[float]:
    """Return the vector of a text, of length 1, in 32-bit numbers; of a text without words the first axis."""
    found = [0.0] * size
    for piece, weight in _pieces(text):
        digest = int.from_bytes(hashlib.blake2b(piece.encode("utf-8", "replace"), digest_size=8).digest())
        found[digest % size] += weight if digest >> 63 else -weight
    length = math.sqrt(math.fsum(value * value for value in found))
    # As whoever keeps it in 32 bits will read it: otherwise near ties would be told apart here and not there.
    return array("f", (value / length for value in found)).tolist() if length else [1.0, *found[1:]]


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text.casefold()):
        yield word, 1.0
        for start in range(len(word) - 2):
            yield f"#{word[start : start + 3]}", _PIECE_WEIGHT


def embeddings(body: JsonObject, count: Callable[[str], int]) -> Json:
    """Return the body of an answer of `/v1/embeddings`. Raises Refused where the API would answer with an error."""
    model = body.get("model")
    if model not in DIMENSIONS:
        raise unknown_model(str(model))
    texts = _texts(body.get("input"))
    tokens = [count(text) for text in texts]
    if max(tokens) > MOST_TOKENS:
        raise bad_request(f"This model's maximum context length is {MOST_TOKENS} tokens.", param="input")
    size = _size(body, DIMENSIONS[model])
    packed = _format(body) == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(made) if packed else made}
        for place, made in enumerate(vector(text, size) for text in texts)
    ]
    usage = {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise bad_request("'$.input' is invalid: a text or a list of texts, none of them empty.", param="input")
    if len(texts) > MOST_TEXTS:
        raise bad_request(f"'$.input' is invalid: at most {MOST_TEXTS} texts.", param="input")
    return texts


def _size(body: JsonObject, usual: int) -> int:
    size = body.get("dimensions")
    if size is None:
        return usual
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= usual:
        raise bad_request(f"Invalid value for 'dimensions': from 1 to {usual}.", param="dimensions")
    return size


def _format(body: JsonObject) -> str:
    wanted = body.get("encoding_format", "float")
    if wanted not in ("float", "base64"):
        raise bad_request("Invalid value for 'encoding_format': float or base64.", param="encoding_format")
    return str(wanted)


def _packed(made: list[float]) -> str:
    """Return a vector as little-endian 32-bit floats in base64."""
    numbers = array("f", made)
    if numbers.itemsize == 4 and array("H", [1]).tobytes() != b"\x01\x00":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
