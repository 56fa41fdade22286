"""The redactor: searches a text, puts pseudonyms in, and remembers long documents."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

from migrate.redaction.addresses import emails
from migrate.redaction.given import assigned, bearers, is_secret_entry, logins, private_keys
from migrate.redaction.keys import has_run, in_run, runs, worth_a_look
from migrate.redaction.marks import Mark, pseudonym, settled
from migrate.redaction.numbers import has_digits, is_phone_entry, numbers
from migrate.vocabulary import Json

SHORTEST: Final = 6
"""Characters of the shortest thing that can be found (`a@b.co`)."""
LONG: Final = 2048
"""Characters from which a text is remembered, so that a document sent thirty times is searched once."""
KNOWN_CLEAN: Final = 4096
"""Shorter texts remembered as clean: the words of a schema and a system message come with every request."""
REMEMBERED_TEXTS: Final = 1024
REMEMBERED_CHARACTERS: Final = 8_000_000

_SEARCHES: Final[tuple[tuple[tuple[tuple[bytes, bytes], ...], Callable[[str, bytes], Iterable[Mark]]], ...]] = (
    (((b"@", b"@"), (b"%", b"%40"), (b"\\", b"\\u0040")), emails),
    (((b"/", b"://"),), logins),
    (((b" ", b"bearer "), (b" ", b"basic "), (b" ", b"token ")), bearers),
    (((b"-", b"private key"),), private_keys),
    (((b":", b":"), (b"=", b"=")), assigned),
)
"""Of some words, one must stand in a text, as Latin-1 in small letters, for a search to be worth it.

A byte of the word comes first because looking for one byte costs next to nothing."""


class Redactor:
    """Replaces secrets and personal data by pseudonyms. Safe to use from several threads."""

    __slots__ = ("_clean_texts", "_direct", "_lock", "_memory", "_size", "_with_runs", "enabled")

    def __init__(self, secrets: Mapping[str, str] | None = None, enabled: bool = True) -> None:
        forms = [(form, _label(name)) for name, value in (secrets or {}).items() for form in _forms(value)]
        forms.sort(key=lambda form: (-len(form[0]), form))
        self._with_runs = tuple(form for form in forms if has_run(form[0]))
        self._direct = tuple(form for form in forms if not has_run(form[0]))
        self._clean_texts: set[str] = set()
        self._memory: dict[bytes, str | None] = {}
        self._size = 0
        self._lock = threading.Lock()
        self.enabled = enabled

    def __repr__(self) -> str:
        return f"Redactor(enabled={self.enabled})"

    def text(self, text: str) -> str:
        """Return the text without secrets and personal data; the same object when there are none."""
        if not self.enabled or len(text) < SHORTEST:
            return text
        if text in self._clean_texts:
            return text
        return self._short(text) if len(text) < LONG else self._remembered(text)

    def value(self, value: Json) -> Json:
        """Return a JSON value with every string and key redacted; the same object when nothing changed."""
        if not self.enabled:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            items = [self.value(item) for item in value]
            return value if all(map(_is, items, value)) else items
        return value

    def find(self, text: str) -> list[Mark]:
        """Return what would be redacted in one pass, in order and without overlaps, even when not enabled."""
        plain = text.encode("latin-1", "replace")
        lowered = plain.lower()
        long_runs = tuple(runs(plain))
        marks = list(self._own_secrets(text, with_runs=bool(long_runs)))
        for start, end in worth_a_look(text, plain, long_runs):
            marks += in_run(text, start, end)
        for hints, search in _SEARCHES:
            for byte, word in hints:
                if byte in lowered and word in lowered:
                    marks += search(text, lowered)
                    break
        if has_digits(plain):
            marks += numbers(text, plain, lowered)
        return settled(marks, text) if marks else marks

    def _short(self, text: str) -> str:
        clean = self._clean(text)
        if clean is text:
            if len(self._clean_texts) >= KNOWN_CLEAN:
                self._clean_texts.clear()  # One step, so that another thread sees a whole set or an empty one.
            self._clean_texts.add(text)
        return clean

    def _clean(self, text: str) -> str:
        while marks := self.find(text):
            parts, at = [], 0
            for mark in marks:
                parts += [text[at : mark.start], mark.pseudonym]
                at = mark.end
            text = "".join([*parts, text[at:]])
        return text

    def _remembered(self, text: str) -> str:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if key in self._memory:
                known = self._memory[key]
                return text if known is None else known
        clean = self._clean(text)
        kept = None if clean is text else clean
        with self._lock:
            self._remember(key, kept)
        return text if kept is None else kept

    def _remember(self, key: bytes, kept: str | None) -> None:
        if key not in self._memory:
            self._size += len(kept or "")
        self._memory[key] = kept
        while len(self._memory) > REMEMBERED_TEXTS or self._size > REMEMBERED_CHARACTERS:
            self._size -= len(self._memory.pop(next(iter(self._memory))) or "")

    def _mapping(self, value: Mapping[str, Json]) -> Mapping[str, Json]:
        changed: dict[str, Json] = {}
        same = True
        for key, item in value.items():
            name = self.text(key)
            while name in changed:
                name += "~"
            changed[name] = self._item(key, item)
            same = same and name is key and changed[name] is item
        return value if same else changed

    def _item(self, key: str, item: Json) -> Json:
        """Redact a value by its key too, as the search does in the JSON text `"password": "..."`."""
        if not isinstance(item, str):
            return self.value(item)
        clean = self.text(item)
        if clean is not item or not 8 <= len(item) <= 128:
            return clean
        if is_secret_entry(key, item):
            return pseudonym("password", item)
        if is_phone_entry(key, item):
            return pseudonym("phone", item)
        return clean

    def _own_secrets(self, text: str, *, with_runs: bool) -> Iterator[Mark]:
        for form, name in (*self._direct, *self._with_runs) if with_runs else self._direct:
            at = text.find(form)
            while at >= 0:
                yield Mark("secret", at, at + len(form), f"<secret:{name}>")
                at = text.find(form, at + len(form))


def secrets_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables whose name says they are secret and whose value could be: name -> value."""
    return {name: value for name, value in environ.items() if _SECRET_VARIABLE.search(name) and _could_be_secret(value)}


_SECRET_VARIABLE: Final = re.compile(
    r"KEY(?:S?$|[_\d])|TOKEN(?:S?$|_)|SECRET|PASSW|PWD$|CREDENTIAL|_AUTH$|_DSN$", re.IGNORECASE
)
_PLAIN_VALUES: Final = frozenset(
    {"disabled", "required", "optional", "development", "production", "localhost", "password"}
)


def _could_be_secret(value: str) -> bool:
    if len(value) < 8 or value.lower() in _PLAIN_VALUES or value.startswith(("/", "./", "~")):
        return False
    return not (value.isdigit() and len(value) < 12) and "<" not in value


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text: itself, escaped for JSON once or twice or for URLs, and in base64."""
    if len(secret) < 8:
        return set()
    escaped = json.dumps(secret)[1:-1]
    twice = json.dumps(escaped)[1:-1]
    percent = quote(secret, safe="", errors="replace")
    plain = {secret, escaped, escaped.replace("/", "\\/"), twice, percent}
    return plain | {*_base64_forms(secret.encode("utf-8", "surrogatepass"))}


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield the base64 of a secret, also inside a longer text: what stands before it shifts it to one of three."""
    yield base64.b64encode(secret).decode().rstrip("=")
    for lead, shared in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(lead) + secret).decode().rstrip("=")
        # The first characters hold bits of what comes before, the last one of what comes after.
        inner = encoded[shared : len(encoded) - ((lead + len(secret)) % 3 != 0)]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _label(name: str) -> str:
    return re.sub(r"[^a-z0-9_.-]", "_", name.lower())[:80] or "_"


def _is(one: object, other: object) -> bool:
    return one is other
