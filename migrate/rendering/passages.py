"""The passages of a local corpus that fit a query best: by BM25, the same ones on every machine, or by vectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from migrate.rendering.templates import Fault, fill
from migrate.vocabulary import Chain, Json, JsonObject, Passage, Retrieval, Step, Vectors

_WORD: Final = re.compile(r"\w+")
DIGITS: Final = 9
"""Decimals of a score that count: what is equal to them comes in the order of the corpus."""

_indexes: Final[dict[int, tuple[tuple[Passage, ...], Any]]] = {}


def best_passages(passages: tuple[Passage, ...], query: str, top: int) -> list[Mapping[str, Json]]:
    """Return the passages that share words with a query, best first, `top` at most, as templates see them."""
    words = list(dict.fromkeys(_words(query)))
    scores = _index(passages).get_scores(words) if words and passages else ()
    ranked = sorted((-round(float(score), DIGITS), place) for place, score in enumerate(scores))
    return [_shown(passages[place]) for score, place in ranked[:top] if score < 0]


def looked_up(step: Step, variables: JsonObject) -> list[Mapping[str, Json]]:
    """Return the passages a step gets. Raises Fault when its query cannot be filled."""
    assert step.retrieve is not None, "the step looks nothing up"
    look = step.retrieve
    query = fill(look.query, variables)
    if look.vectors is None or not look.embeddings:
        return best_passages(look.passages, query, look.top)
    return _nearest(look, look.vectors, query)


def embedded(passage: Passage) -> str:
    """Return the text of a passage whose vector is made."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _nearest(look: Retrieval, vectors: Vectors, query: str) -> list[Mapping[str, Json]]:
    """Return the passages whose vectors have the smallest angle with the query's, nearest first."""
    import numpy as np

    rows = [vectors.of(look.embeddings, text) for text in (query, *map(embedded, look.passages))]
    missing = sum(row is None for row in rows)
    if missing:
        words = f"{missing} of {len(rows)} vectors by {look.embeddings} are not there yet ({look.corpus} and the query)"
        raise Fault(words, hint="a run that may ask makes them: once without --migrate-offline")
    try:
        matrix = np.asarray(rows, dtype=np.float64)
    except ValueError:
        raise Fault(f"the vectors by {look.embeddings} are not of one length") from None
    lengths = np.linalg.norm(matrix, axis=1)
    scores = matrix[1:] @ matrix[0] / np.where(lengths[1:] * lengths[0] > 0, lengths[1:] * lengths[0], 1.0)
    ranked = sorted((-round(float(score), DIGITS), place) for place, score in enumerate(scores))
    return [_shown(look.passages[place]) for _, place in ranked[: look.top]]


def known_before(chain: Chain, inputs: JsonObject) -> JsonObject:
    """Return what checks may know beside the inputs: the passages of the last search, where inputs alone decide it."""
    known: dict[str, Json] = {}
    for step in chain.steps:
        if step.retrieve is not None and step.for_each is None:
            try:
                known["passages"] = looked_up(step, inputs)
            except Fault:
                known.pop("passages", None)
    return known


def _shown(passage: Passage) -> Mapping[str, Json]:
    return {"id": passage.id, "title": passage.title, "text": passage.text}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _index(passages: tuple[Passage, ...]) -> Any:
    # Known by identity, and kept so that an id is not used twice: a corpus is read once a run.
    known = _indexes.get(id(passages))
    if known is None:
        known = _indexes[id(passages)] = (passages, _indexed(passages))
    return known[1]


def _indexed(passages: tuple[Passage, ...]) -> Any:
    import bm25s  # type: ignore[import-untyped]

    index = bm25s.BM25()
    index.index([_words(f"{passage.title} {passage.text}") for passage in passages], show_progress=False)
    return index
