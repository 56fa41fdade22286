"""Other words, the same facts."""

from __future__ import annotations

import functools
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.paraphrase import SYNONYMS, language_of, paraphrase

FACTS = st.sampled_from(
    ["12.50", "3", "2026-01-15", "14:30", "https://example.com/because/need", "ORD-7781", "anna@example.com",
     "NL-2025-1", "`usually`", '"quickly"', "Berlin", "Ms Because", "[P3]", "$4", "50 %", "x_problem", "a.problem"]
)  # fmt: skip
PLAIN = {"the", "and", "a", "an", "you", "we", "die", "und", "le", "el", *(w for t in SYNONYMS.values() for w in t)}
WORDS = st.sampled_from(sorted(PLAIN))
PUNCTUATION = st.sampled_from(["", "", "", ",", ".", "!", "?", ";", ":"])
TEXTS = st.lists(st.tuples(st.one_of(WORDS, WORDS, FACTS), PUNCTUATION), min_size=4, max_size=40).map(
    lambda parts: "If you and the shop agree, " + " ".join(word + mark for word, mark in parts)
)


def in_other_words(text: str, seed: int) -> str:
    """Paraphrase as strongly as can be."""
    return paraphrase(text, 1.0, functools.partial(Chance(seed).unit, "test"))


def facts(text: str) -> Counter[str]:
    """Every word that is not one of the plain ones, whose case may change at the start of a sentence."""
    known = PLAIN | {other for table in SYNONYMS.values() for others in table.values() for other in others} | {"if"}
    words = [word.strip(",.!?;:") for word in text.split()]
    return Counter(word for word in words if word.lower() not in known or word[0] in '"`')


@given(TEXTS, st.integers(0, 50))
def test_facts_stay(text: str, seed: int) -> None:
    """Numbers, dates, links, names, identifiers and quotations come out as often as they went in."""
    assert facts(text) == facts(in_other_words(text, seed))


@given(TEXTS, st.integers(0, 50))
def test_the_number_of_words_stays(text: str, seed: int) -> None:
    """A paraphrase is as long as the original, so that noise never looks like an answer of another length."""
    assert len(text.split()) == len(in_other_words(text, seed).split())


@given(st.text(max_size=200), st.integers(0, 5))
def test_any_text_survives(text: str, seed: int) -> None:
    """Nothing a model may write makes it fail, and digits are never touched."""
    assert re.findall(r"\d", text) == re.findall(r"\d", in_other_words(text, seed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "If you send it back, we will answer.",
            {"We will answer if you send it back.", "We will answer if you dispatch it back."},
        ),
        ("Die Ware ist leider nicht auf Lager.", {"Die Ware ist bedauerlicherweise nicht auf Lager."}),
        ("Nous vous remboursons intégralement et rapidement.", None),
        ("El pedido todavía no está en el almacén.", {"El pedido aún no está en el almacén."}),
        ("A encomenda está prevista para amanhã.", {"A encomenda está esperada para amanhã."}),
        ("To jest tylko i także dla nas.", None),
    ],
)
def test_every_language_has_its_words(text: str, expected: set[str] | None) -> None:
    """English, German, French, Spanish, Portuguese and Polish are told apart and reworded."""
    said = {in_other_words(text, seed) for seed in range(6)}
    assert said <= expected if expected is not None else text not in said


def test_no_synonym_is_more_or_less_than_one_word() -> None:
    """Synonyms are single lower-case words, and none leads to itself."""
    for table in SYNONYMS.values():
        for word, others in table.items():
            assert others
            assert word not in others
            assert all(other == other.lower() and not re.search(r"[\s\d]", other) for other in others)


def test_an_identifier_never_opens_a_sentence() -> None:
    """Clauses change places only where the one that comes first may be written with a capital."""
    text = "If you and the shop agree, x_problem is the key."
    assert text == in_other_words(text, 1)


def test_articles_still_fit() -> None:
    """`an issue` never becomes `an problem`."""
    assert "a problem of the shop and you" == in_other_words("a problem of the shop and you", 1)


def test_a_text_in_no_known_language_is_left_alone() -> None:
    """Where the language is not known nothing is changed."""
    assert language_of("Lorem ipsum dolor sit amet") is None
    assert "Lorem ipsum problem sit amet" == in_other_words("Lorem ipsum problem sit amet", 1)
