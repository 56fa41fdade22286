"""Prose against prose: the same words, the same language, a refusal, how long, how similar. Meaning is not judged."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, wraps
from typing import Final, TypeVar

MAX_WORDS_OF_A_LABEL: Final = 3
"""Strings of up to so many words are labels or identifiers: compared as they are, not as prose."""
MAX_REMEMBERED: Final = 10_000
"""Characters of a text past which nothing read of it is remembered: memory stays bounded."""
MAX_COMPARED: Final = 20_000
"""Characters of a text that a similarity is computed from."""


_T = TypeVar("_T")


def remembered(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """Remember what was read of short texts: baseline texts are read again for every candidate sample."""
    kept = lru_cache(maxsize=1024)(read)

    @wraps(read)
    def reading(text: str) -> _T:
        return kept(text) if len(text) <= MAX_REMEMBERED else read(text)

    return reading


def is_label(text: str) -> bool:
    """Return whether a string is an identifier, a label or a short phrase rather than prose."""
    return len(text) <= 200 and len(text.split(None, MAX_WORDS_OF_A_LABEL)) <= MAX_WORDS_OF_A_LABEL


# --- The same but for its form ----------------------------------------------------------------------------------

_TYPOGRAPHY: Final = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"',
        "\u00ab": '"', "\u00bb": '"', "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00a0": " ", "\u202f": " ",
        "\u2026": "...",
    }
)  # fmt: skip
_LINE_MARKUP: Final = re.compile(r"(?m)^[ \t]{0,12}(?:#{1,6}[ \t]+|[-*+\u2022][ \t]+|>[ \t]?|`{3}[^\n`]{0,40}$)")
_EMPHASIS: Final = re.compile(r"\*{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|`+")


@remembered
def unspaced(text: str) -> str:
    """Return the text in Unicode form C with every run of white space as one space."""
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(text.split())


@remembered
def plain(text: str) -> str:
    """Return the text without what a reader does not read: white space, Markdown marks, typographic quotes."""
    text = text if text.isascii() else text.translate(_TYPOGRAPHY)
    return unspaced(_EMPHASIS.sub("", _LINE_MARKUP.sub("", text)))


# --- Similarity ---------------------------------------------------------------------------------------------------


@cache
def _measure(metric: str) -> Callable[[str, str], float]:
    from rapidfuzz import fuzz

    measures: dict[str, Callable[[str, str], float]] = {
        "ratio": fuzz.ratio,
        "token_sort": fuzz.token_sort_ratio,
        "token_set": fuzz.token_set_ratio,
        "partial": fuzz.partial_ratio,
    }
    return measures[metric]


def similarity(one: str, other: str, metric: str = "ratio") -> float:
    """Return the lexical similarity of two texts, 0 to 1, by the named rapidfuzz measure."""
    return _measure(metric)(one[:MAX_COMPARED], other[:MAX_COMPARED]) / 100.0


def own_similarity(texts: Sequence[str], metric: str) -> float | None:
    """Return the smallest nearest-neighbour similarity among the texts: how far apart a source says one thing.

    None for fewer than two texts.
    """
    if len(texts) < 2:
        return None
    nearest = []
    for index, text in enumerate(texts):
        nearest.append(max(similarity(text, other, metric) for place, other in enumerate(texts) if place != index))
    return min(nearest)


# --- Length -------------------------------------------------------------------------------------------------------


def length_of(text: str) -> int:
    """Return the length in words; in scripts without spaces two characters count as one word."""
    words = text.split()
    unspaced_letters = sum(len(word) for word in words if not word.isascii() and _SPACELESS.search(word))
    return len(words) + unspaced_letters // 2


def length_bounds(texts: Sequence[str]) -> tuple[int, int]:
    """Return the lengths in words between which a text is no shorter or longer than the given ones, with slack.

    Half as long again, or two thirds, and 8 words more: two people asked the same differ by as much.
    """
    lengths = [length_of(text) for text in texts]
    return int(min(lengths) / 1.5) - 8, int(max(lengths) * 1.5) + 8


# --- Language -----------------------------------------------------------------------------------------------------

_SPACELESS: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]")
_SCRIPTS: Final = {
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Greek": re.compile("[\u0370-\u03ff]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Arabic": re.compile("[\u0600-\u06ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
    "Korean": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "Japanese": re.compile("[\u3040-\u30ff]"),
    "Chinese": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
}
_STOP_WORDS: Final = {
    "English": "the and is are was were of to in that it you your for with this have not be will can we from has",
    "German": "der die das und ist sind nicht ein eine wir sie ich mit f\u00fcr auf den dem zu von auch werden wird",
    "French": "le la les et est sont des une nous vous pour dans que qui pas avec sur votre ce cette du au",
    "Spanish": "el los las y es son una por para con que no se su del al lo como m\u00e1s pero usted est\u00e1",
    "Italian": "il gli e \u00e8 sono una per con che non si del della di un nel alla anche pi\u00f9 suo questo",
    "Portuguese": "o os as e \u00e9 s\u00e3o uma para com que n\u00e3o se do da em um no na mais seu por voc\u00ea",
    "Dutch": "de het een en is zijn niet van voor met op te dat we wij u uw ook worden wordt om aan",
}
_LANGUAGES_OF: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(language for language, words in _STOP_WORDS.items() if word in words.split())
    for words in _STOP_WORDS.values()
    for word in words.split()
}
_WORD: Final = re.compile(r"[^\W\d_]+")


@remembered
def language_of(text: str) -> str | None:
    """Return the language (or, outside Latin script, the script) of a text; None unless it is plain to see."""
    text = text[:4000]
    letters = sum(character.isalpha() for character in text)
    if letters < 8:
        return None
    if not text.isascii():
        foreign = _script_of(text, letters)
        if foreign is not None:
            return foreign
    return _latin_language(_WORD.findall(text.lower()))


def _script_of(text: str, letters: int) -> str | None:
    counts = {script: len(pattern.findall(text)) for script, pattern in _SCRIPTS.items()}
    if counts["Japanese"] and counts["Japanese"] + counts["Chinese"] > letters / 2:
        return "Japanese"
    script = max(counts, key=lambda name: counts[name])
    return script if counts[script] > letters / 2 else None


def _latin_language(words: Sequence[str]) -> str | None:
    if len(words) < 6:
        return None
    hits = Counter(language for word in words for language in _LANGUAGES_OF.get(word, ()))
    ranked = [*hits.most_common(2), ("", 0), ("", 0)]
    (best, most), (_, second) = ranked[0], ranked[1]
    return best if most >= 3 and most >= 2 * second and most >= len(words) / 8 else None


# --- Refusals -----------------------------------------------------------------------------------------------------

_HELP: Final = (
    r"(?:(?:assist|help)(?: you)?(?: with)?(?: (?:that|this|it|your request|this request|that request|those|these))?"
    r"|(?:comply with|fulfil|fulfill|complete|process|answer|do|support|engage with|discuss)"
    r" (?:that|this|it|your request|this request|that request|such requests)"
    r"|provide (?:that|this|such) (?:information|content|assistance)"
    r"|(?:continue|proceed) with (?:that|this|your request|this request))"
)
_REFUSALS: Final = re.compile(
    r"(?:(?:i'm|i am|we're|we are)? ?(?:very |really )?sorry,? ?(?:but )?|i apologi[sz]e,? ?(?:but )?"
    r"|unfortunately,? |as an ai[^.]{0,40}, )?"
    rf"(?:i|we) (?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to) {_HELP}"
    r"|(?:es )?tut mir leid,? ?(?:aber )?(?:ich kann|dabei kann ich)(?: ihnen| dir)?(?: dabei| damit)?(?: leider)?"
    r" nicht (?:weiter)?helfen"
    r"|ich kann (?:ihnen|dir)?(?: ?dabei| ?damit)?(?: leider)? nicht (?:weiter)?helfen"
    r"|(?:je suis )?d\u00e9sol\u00e9e?,? ?(?:mais )?je ne peux pas (?:vous |t')?(?:aider|r\u00e9pondre)[^.]{0,40}"
    r"|lo siento,? ?(?:pero )?no puedo (?:ayudar(?:te|le)?|responder)[^.]{0,40}"
)
_OFFER: Final = re.compile(
    r"(?:is there|if you|please|feel free|let me know|can i|gibt es|wenn sie|falls)[^.!?]{0,120}"
)


def is_refusal(text: str | None) -> bool:
    """Return whether the whole answer is one short, stock refusal, with or without an offer to help otherwise.

    Conservative on purpose: "I can't refund an order after 30 days" is an answer, "I can't assist with that" is not.
    """
    return bool(text) and len(text or "") <= 300 and _is_stock_refusal(text or "")


@lru_cache(maxsize=1024)
def _is_stock_refusal(text: str) -> bool:
    sentences = [part.strip() for part in re.split(r"[.!?]+(?:\s+|$)", plain(text).lower()) if part.strip()]
    if not 1 <= len(sentences) <= 2 or _REFUSALS.fullmatch(sentences[0]) is None:
        return False
    return len(sentences) == 1 or _OFFER.fullmatch(sentences[1]) is not None
