"""Where in a text a person's number can stand, found with searches of bytes: most of a text is never looked at closely.

Every sign is necessary: a cluster of digits without one of them holds no card, phone or social security number. What
has a sign is judged by the patterns of `numbers`, which alone decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final


def _table(**classes: bytes) -> bytes:
    """Return a table for `bytes.translate` that maps the bytes of each class to its name's code, others to a space."""
    kinds = {code: int(name[1:]) for name, members in classes.items() for code in members}
    return bytes(kinds.get(code, 32) for code in range(256))


_DIGITS: Final = b"0123456789"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BETWEEN: Final = b" .-/()\xa0?"
"""What may stand between the digits of one number; `?` is what anything outside Latin-1 becomes in the search."""
_BETWEEN_OF_CARDS: Final = b" -\xa0?"
_CLUSTERS: Final = _table(c48=_DIGITS + b"+" + _BETWEEN)
"""`0` wherever a cluster can go on."""
_CARDS: Final = _table(c48=_DIGITS + _BETWEEN_OF_CARDS)
_FORMS: Final = _table(c48=_DIGITS, c45=b"-.?", c40=b"+(")
"""`0` for digits, `-` for what parts the groups of a fixed form, `(` for what opens a number."""
_STARTS: Final = _table(c48=b"0", c49=b"123456789" + _LETTERS, c45=b"-./#+", c95=b"_")
"""`0` for a zero, `1` for other digits and letters, `-` for what may part words of one name."""
_ACCOUNTS: Final = _table(c48=_DIGITS, c65=b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_SHORTEST_CARD: Final = 14
_FIXED: Final = (b"000-000-0000", b"000-00-0000", b"(0")
"""A phone of North America, a social security number, and what begins with `+` or a parenthesis."""
_LEADING_ZERO: Final = (b" 0", b" -0", b"--0", b"_-0")
"""A zero that begins a word: phones dialled in the country."""
_ESCAPED_ZERO: Final = re.compile(r"\\(?:[nrtbf]|u[0-9A-Fa-f]{4})0")
_WORDS: Final = (b"phone", b"fax", b"mob", b"tel", b"what", b"cell", b"gsm", b"g?m", b"handy", b"call")
"""Parts of the words that call the number after them a phone; `g?m` is `gsm` with a long s, which counts as one."""
_REACH: Final = 28
"""Characters before a number in which such a word is looked for."""
_LEAD: Final = re.compile(r"[+(0-9]")


def accounts(plain: bytes) -> Iterator[int]:
    """Yield where two capitals and two digits stand: how an IBAN begins."""
    return _found(b"AA00", plain.translate(_ACCOUNTS))


def stretches(text: str, plain: bytes, lowered: bytes) -> Iterator[tuple[int, int]]:
    """Yield spans, in order and apart, that hold every cluster with a sign, and whole clusters only."""
    spots = sorted({*_card_spots(plain), *_form_spots(plain), *_zero_spots(text, plain), *_word_spots(text, lowered)})
    if spots:
        mapped, end = plain.translate(_CLUSTERS), 0
        for spot in spots:
            if spot >= end:
                end = _end(mapped, spot)
                yield mapped.rfind(b" ", 0, spot) + 1, end


def _end(mapped: bytes, start: int) -> int:
    end = mapped.find(b" ", start)
    return end if end >= 0 else len(mapped)


def _found(part: bytes, mapped: bytes) -> Iterator[int]:
    at = mapped.find(part)
    while at >= 0:
        yield at
        at = mapped.find(part, at + 1)


def _card_spots(plain: bytes) -> Iterator[int]:
    mapped = plain.translate(_CARDS)
    long = b"0" * _SHORTEST_CARD
    at = mapped.find(long)
    while at >= 0:
        end = _end(mapped, at)
        if len(plain[at:end].translate(None, _BETWEEN_OF_CARDS)) >= _SHORTEST_CARD:
            yield at
        at = mapped.find(long, end)


def _form_spots(plain: bytes) -> Iterator[int]:
    mapped = plain.translate(_FORMS)
    for form in _FIXED:
        yield from _found(form, mapped)


def _zero_spots(text: str, plain: bytes) -> Iterator[int]:
    mapped = b" " + plain.translate(_STARTS)
    for form in _LEADING_ZERO:
        for at in _found(form, mapped):
            yield at + len(form) - 2
    if b"\\" in plain:
        for match in _ESCAPED_ZERO.finditer(text):
            yield match.end() - 1


def _word_spots(text: str, lowered: bytes) -> Iterator[int]:
    for word in _WORDS:
        for at in _found(word, lowered):
            for match in _LEAD.finditer(text, at, at + len(word) + _REACH):
                yield match.start()
