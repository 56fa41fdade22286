"""What carries a fact in prose: numbers and dates, found and changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_NUMBER: Final = re.compile(r"(?<![\w./:@#-])\d+(?:[.,]\d+)*(?![\w@]|[/:-]\d)")
_DATE: Final = re.compile(r"(?<![\w-])(\d{4}-\d{2}-)(\d{2})(?![\w-])")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")


def is_prose(text: str) -> bool:
    """Say whether a text is a sentence or more, rather than a name, a label or an identifier."""
    return len(_WORDS.findall(text)) >= 4 and " " in text.strip()


def changed_facts(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the text with one fact changed, the fact as it was, and as it is; dates before numbers."""
    for found in _DATE.finditer(text):
        after = f"{found[1]}{int(found[2]) % 28 + 1:02d}"
        yield _replaced(text, found, after), found[0], after
    for found in _NUMBER.finditer(text):
        after = _other_number(found[0])
        yield _replaced(text, found, after), found[0], after


def _other_number(number: str) -> str:
    """Return a number of the same form whose first digit is one higher; 9 becomes 1."""
    first = int(number[0]) % 9 + 1
    return f"{first}{number[1:]}"


def _replaced(text: str, found: re.Match[str], after: str) -> str:
    return text[: found.start()] + after + text[found.end() :]
