"""Column types that bring any text and any JSON value back as it was, on SQLite and PostgreSQL alike.

PostgreSQL refuses NUL characters in text, and neither database takes lone surrogates, which models do emit
(a cut `\\ud83d` escape is enough). Both are written as U+001A and four hexadecimal digits; U+001A itself is
written the same way, so that every text has one stored form and every stored form one text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from migrate.vocabulary import Json

MARK: Final = "\x1a"
_UNSAFE: Final = re.compile("[\x00\x1a\ud800-\udfff]")
_MARKED: Final = re.compile("\x1a([0-9a-f]{4})")

_encode_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode_json: Final = json.JSONDecoder().decode


def storable(text: str) -> str:
    """Return the text in a form both databases keep."""
    if "\x00" not in text and MARK not in text and _has_no_surrogate(text):
        return text
    return _UNSAFE.sub(lambda match: f"{MARK}{ord(match[0]):04x}", text)


def restored(text: str) -> str:
    """Return the text that `storable` was given."""
    if MARK not in text:
        return text
    return _MARKED.sub(lambda match: chr(int(match[1], 16)), text)


def _has_no_surrogate(text: str) -> bool:
    # Encoding is some twenty times faster than a search with a character class.
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class AnyText(TypeDecorator[str]):
    """Text, whatever is in it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else restored(value)


class KeyText(AnyText):
    """Text that rows are found and ordered by: by code point on both databases, whatever the server's locale."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()


class JsonText(TypeDecorator[Json]):
    """A JSON value as text; None is SQL NULL.

    Not `jsonb`, which drops the order of keys and refuses NUL. Raw U+001A never occurs in JSON text, so the
    mark stays unambiguous.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str | None:
        return None if value is None else storable(_encode_json(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        return None if value is None else _decode_json(restored(value))
