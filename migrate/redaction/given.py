"""Secrets that the words around them call secret: `password=`, logins in URLs, bearer headers, private keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.redaction.marks import Mark, mark, pseudonym

_NAMES_OF_SECRETS: Final = (
    r"(?:passw(?:or)?d|passphrase|passwort|wachtwoord|pwd|secret"
    r"|(?:api|access|account|auth|encryption|private|secret|signing)[_-]?key"
    r"|(?:access|api|auth|bearer|refresh|session)[_-]?token)"
)
_NAME_OF_SECRET: Final = re.compile(rf"[\w.-]*{_NAMES_OF_SECRETS}", re.IGNORECASE)
_VALUE: Final = re.compile(r"[^\s\"'\\,;<>{}()\[\]]{8,128}")
_GIVEN_WORDS: Final = (b"pass", b"pwd", b"wachtwoord", b"secret", b"key", b"token")
_QUALIFIED_WORDS: Final = (b"key", b"token")
_QUALIFIER: Final = re.compile(
    r"(?:access|account|api|auth|bearer|encryption|private|refresh|secret|session|signing)[_-]?\Z", re.IGNORECASE
)
_GIVEN: Final = re.compile(
    rf"(?:wo?r?d|word|phrase|wort)?\\?[\"']?[ \t]*(?:=>|[:=])[ \t]*\\?[\"']?(?P<value>{_VALUE.pattern})", re.IGNORECASE
)
_LOGIN: Final = re.compile(r"[^\s/:@\"'<>\\{}]{1,128}:(?P<password>[^\s/@\"'<>\\{}]{3,256})(?=@)")
_PLACEHOLDERS: Final = frozenset({"pass", "passwd", "password", "pwd", "secret"})
_BEARER_WORDS: Final = (b"bearer ", b"basic ", b"token ")
_BEARER_WORD: Final = re.compile(r"(?:\b(?:bearer|basic)|\bauthorization:[ ]?token)\Z", re.IGNORECASE)
_BEARER: Final = re.compile(r"[ ]+(?P<token>(?=[^\s\"']{0,400}[0-9])[\w.~+/-]{16,}=*)")
_PEM: Final = re.compile(
    r"-----BEGIN (?P<name>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?:(?!-----)[\s\S])*-----END (?P=name)-----|[A-Za-z0-9+/=\s\\:,-]*)"
)


def is_secret_entry(key: str, value: str) -> bool:
    """Return whether a JSON entry names its value a secret: the same judgement as on the text `"password": "..."`."""
    named = _NAME_OF_SECRET.fullmatch(key) is not None
    return named and _VALUE.fullmatch(value) is not None and _is_assigned(value)


def _is_assigned(value: str) -> bool:
    """Return whether a value given to a password looks like one: letters and digits, no path, no plain word."""
    return (
        any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not value.startswith(("$", "/", "./", "http://", "https://"))
        and not (value[0] == value[-1] == "%")
    )


def assigned(text: str, lowered: bytes) -> Iterator[Mark]:
    """Yield what is given to a name that means a secret, as in `password=...`."""
    for word in _GIVEN_WORDS:
        at = lowered.find(word)
        while at >= 0:
            end = at + len(word)
            match = _GIVEN.match(text, end)
            qualified = word not in _QUALIFIED_WORDS or _QUALIFIER.search(text, max(at - 12, 0), at)
            if match and qualified and _is_assigned(match["value"]):
                yield mark("password", text, *match.span("value"))
            at = lowered.find(word, end)


def logins(text: str, _lowered: bytes) -> Iterator[Mark]:
    """Yield the `user:password` of URLs."""
    at = text.find("://")
    while at >= 0:
        match = _LOGIN.match(text, at + 3)
        if match and match["password"].lower() not in _PLACEHOLDERS:
            yield mark("login", text, *match.span())
        at = text.find("://", at + 3)


def bearers(text: str, lowered: bytes) -> Iterator[Mark]:
    """Yield the tokens of authorization headers."""
    for word in _BEARER_WORDS:
        at = lowered.find(word)
        while at >= 0:
            end = at + len(word) - 1
            match = _BEARER.match(text, end)
            if match and _BEARER_WORD.search(text, max(at - 16, 0), end):
                yield mark("bearer", text, *match.span("token"))
            at = lowered.find(word, end)


def private_keys(text: str, _lowered: bytes) -> Iterator[Mark]:
    """Yield private key blocks, also one that was cut."""
    for match in _PEM.finditer(text):
        bare = re.sub(r"\\[nr]|\s", "", match.group())
        yield Mark("private_key", match.start(), match.end(), pseudonym("private_key", bare))
