"""Long texts cut by real token counts, and passages looked up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.rendering.chunks import chunks_of, count_tokens
from migrate.rendering.passages import best_passages
from migrate.vocabulary import Chunks, Passage

PROSE = st.lists(st.text(max_size=60), max_size=30).map("\n".join)


@settings(max_examples=60, deadline=None)
@given(text=PROSE, tokens=st.integers(10, 60))
def test_chunks_are_the_text_and_none_is_too_long(text: str, tokens: int) -> None:
    """Put together again, chunks without an overlap are the text; each keeps the bound by its own token count."""
    chunks = chunks_of(text, Chunks("document", tokens))
    assert text == "".join(chunks)
    assert all(0 < count_tokens(chunk) <= max(tokens, longest_character(chunk)) for chunk in chunks)


def longest_character(text: str) -> int:
    """Return the tokens of the character that has most: less than that no chunk can have."""
    return max(map(count_tokens, text))


@settings(max_examples=30, deadline=None)
@given(text=PROSE, overlap=st.integers(0, 20))
def test_an_overlap_repeats_the_end_of_the_chunk_before(text: str, overlap: int) -> None:
    """Every chunk but the first begins with whole lines that the one before ended with, no more than asked for."""
    chunks = chunks_of(text, Chunks("document", 40, overlap))
    rest = text
    for before, chunk in zip(("", *chunks), chunks, strict=False):
        shared = next(size for size in range(len(before), -1, -1) if chunk.startswith(before[len(before) - size :]))
        new = next(size for size in range(shared, -1, -1) if rest.startswith(chunk[size:]))
        rest = rest.removeprefix(chunk[new:])
    assert not rest


def test_a_chunk_ends_with_a_paragraph_where_it_can() -> None:
    """Two sections of nine lines in chunks of ten: none is torn apart."""
    sections = [f"{name} one two three four\n" * 9 + "\n" for name in ("First", "Second", "Third")]
    tokens = count_tokens(sections[1]) + 6
    assert tuple(sections) == chunks_of("".join(sections), Chunks("document", tokens))


CORPUS = (
    Passage("P1", "Der Reißverschluss klemmt: mit Kerzenwachs einreiben.", "Reißverschluss"),
    Passage("P2", "A wet tent is dried before it is packed."),
    Passage("P3", "Seal the seams of the tent once a year."),
    Passage("P4", "Seal the seams of the tent once a year."),
)


@pytest.mark.parametrize(
    ("query", "top", "expected"),
    [
        ("REISSVERSCHLUSS klemmt", 3, ["P1"]),
        ("seams of my tent", 2, ["P3", "P4"]),
        ("tent, wet", 1, ["P2"]),
        ("canoe", 3, []),
        ("", 3, []),
    ],
)
def test_the_passages_that_share_words_come_best_first(query: str, top: int, expected: list[str]) -> None:
    """Case and the spelling of sharp s do not count; what shares no word is no passage; equals keep their order."""
    assert expected == [passage["id"] for passage in best_passages(CORPUS, query, top)]
