"""Comments of other languages: blanked out, so that what stands in them is neither called nor configured."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_SLASHES: Final = frozenset(
    {
        *("typescript", "javascript", "go", "java", "kotlin", "csharp", "fsharp", "rust", "swift", "scala", "dart"),
        *("groovy", "cpp", "php", "json"),
    }
)
_HASHES: Final = frozenset(
    {"ruby", "php", "shell", "powershell", "elixir", "r", "julia", "perl", "yaml", "keys", "env"}
)
_DASHES: Final = frozenset({"lua"})
_BACKTICKS: Final = frozenset({"typescript", "javascript", "go"})


@cache
def _pieces(dialect: str) -> re.Pattern[str]:
    """Return what finds texts and comments; a text comes first wherever both could begin."""
    # A text that is not closed ends with its line: looked for again at every quote, it would cost the square.
    texts = [r'"(?:[^"\\\n]|\\.)*+(?:"|(?=\n)|\Z)', r"'(?:[^'\\\n]|\\.)*+(?:'|(?=\n)|\Z)"]
    if dialect in _BACKTICKS:
        texts.append(r"`(?:[^`\\]|\\.)*+(?:`|\Z)")
    comments = []
    if dialect in _SLASHES:
        comments += [r"(?<![:\\])//[^\n]*", r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)"]
    if dialect in _HASHES:
        comments.append(r"(?:(?<=\s)|\A|(?<=\n))#[^\n]*")
    if dialect in _DASHES:
        comments.append(r"--[^\n]*")
    if dialect == "keys":
        comments.append(r"(?:\A|(?<=\n))\s*;[^\n]*")
    return re.compile(rf"(?:{'|'.join(texts)})|(?P<comment>{'|'.join(comments) or '(?!)'})", re.DOTALL)


def blanked(text: str, dialect: str) -> str:
    """Return the text with blanks in the place of its comments: every other character keeps its place."""
    parts, at = [], 0
    for match in _pieces(dialect).finditer(text):
        if match["comment"] is not None:
            parts += [text[at : match.start()], re.sub(r"[^\n]", " ", match.group())]
            at = match.end()
    return "".join([*parts, text[at:]])
