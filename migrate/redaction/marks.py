"""What was found in a text, what stands in its place, and where words and numbers begin and end."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mark:
    """One secret or personal datum in a text; holds no part of it."""

    kind: str
    """`email`, `openai_key`, `card`, ..."""
    start: int
    end: int
    pseudonym: str
    """What is written in its place."""

    @property
    def personal(self) -> bool:
        """True for personal data, False for secrets."""
        return self.kind in _PERSONAL


_PERSONAL: Final = frozenset({"card", "email", "iban", "phone", "ssn"})


def pseudonym(kind: str, found: str) -> str:
    """Return what stands for a datum: `<kind:3fa2c1>`, the same for the same datum everywhere."""
    return (
        f"<{kind}:{hashlib.sha256(f'prompt-migrate {kind} {found}'.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}>"
    )


def mark(kind: str, text: str, start: int, end: int) -> Mark:
    """Return the mark of a span of a text."""
    return Mark(kind, start, end, pseudonym(kind, text[start:end]))


_PSEUDONYM: Final = re.compile(r"<[a-z_]{2,24}:[0-9A-Za-z_.~-]{1,80}>")


def settled(marks: list[Mark], text: str) -> list[Mark]:
    """Drop what overlaps an earlier mark or an existing pseudonym."""
    marks.sort(key=lambda mark: (mark.start, -mark.end))
    taken = [match.span() for match in _PSEUDONYM.finditer(text)] if "<" in text else []
    kept: list[Mark] = []
    for mark in marks:
        while taken and taken[0][1] <= mark.start:
            taken.pop(0)
        if (kept and mark.start < kept[-1].end) or (taken and taken[0][0] < mark.end):
            continue
        kept.append(mark)
    return kept


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether a number is a word of its own and no part of a longer number, identifier or decimal."""
    after = text[end : end + 2]
    if after[:1].isalnum() or after[:1] == "_" or (after[:1] in {"-", ".", "/"} and after[1:].isalnum()):
        return False
    if text[start - 1 : start] in {"-", ".", "/", "#", "+"} and text[start - 2 : start - 1].isalnum():
        return False
    return starts_word(text, start)


_ESCAPED: Final = re.compile(r"\\(?:[nrtbf]|u[0-9A-Fa-f]{4})\Z")


def word_start(text: str, at: int) -> int:
    """Return where the word at `at` begins once a JSON escape, whose backslash stands before it, is left out."""
    if at and text[at - 1] == "\\":
        if text[at] == "u":
            return at + 5
        return at + 1 if text[at] in "nrtbf" else at
    return at


def starts_word(text: str, at: int) -> bool:
    """Return whether a word may begin at `at`: after no letter, digit or `_`, or right after a JSON escape."""
    before = text[at - 1 : at]
    if not (before.isalnum() or before == "_"):
        return True
    return _ESCAPED.search(text, max(at - 6, 0), at) is not None


_JSON_START: Final = re.compile(r"\s*(?:[\[{]|```)")
_BETWEEN_STRINGS: Final = re.compile(r"(?:\s*[:,\]}])?[\s\[\]{}:,0-9.eE+truefalsn-]*")


def is_json_number(text: str, start: int, end: int) -> bool:
    """Return whether the digits stand where only a JSON number can: a pseudonym there would break the JSON."""
    if not text[start:end].isdigit() or text[end : end + 8].lstrip()[:1] not in {",", "]", "}", ""}:
        return False
    before = text[max(start - 200, 0) : start]
    if before.rstrip().endswith(":"):
        return before.rstrip(" \t\r\n:").endswith('"')
    quote = before.rfind('"')
    since = before[quote + 1 :]
    if _JSON_START.match(text) is None or _BETWEEN_STRINGS.fullmatch(since) is None:
        return False
    return quote < 0 or since.lstrip()[:1] in {":", ",", "]", "}"}
