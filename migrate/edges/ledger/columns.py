"""Column types that bring any text and any JSON value back as it was, on SQLite and PostgreSQL alike.

PostgreSQL refuses NUL characters in text, and neither database takes lone surrogates, which models do emit
(a cut `\\ud83d` escape is enough). Both are written as U+001A and four hexadecimal digits; U+001A itself is
written the same way, so that every text has one stored form and every stored form one text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from migrate.vocabulary import Json

MARK: Final = "\x1a"
_UNSAFE: Final = re.compile("[\x00\x1a\ud800-\udfff]")
_MARKED: Final = re.compile("\x1a([0-9a-f]{4})")

encode_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
decode_json: Final = json.JSONDecoder().decode


def storable(text: str) -> str:
    """Return the text in a form both databases keep."""
    # Encoding is some twenty times faster than a search with a character class.
    try:
        text.encode()
    except UnicodeEncodeError:
        return _UNSAFE.sub(_marked, text)
    return _UNSAFE.sub(_marked, text) if "\x00" in text or MARK in text else text


def _marked(match: re.Match[str]) -> str:
    return f"{MARK}{ord(match[0]):04x}"


def restored(text: str) -> str:
    """Return the text that `storable` was given."""
    return _MARKED.sub(lambda match: chr(int(match[1], 16)), text) if MARK in text else text


class _Processed(TypeDecorator[Any]):
    """Text that two plain functions take in and out.

    They are handed to SQLAlchemy as they are, without the layers of `process_bind_param`: a run of ten thousand
    cases passes a million values.
    """

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return self.take

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002
        return self.give

    @staticmethod
    def take(value: Any) -> str | None:
        raise NotImplementedError

    @staticmethod
    def give(stored: str | None) -> Any:
        raise NotImplementedError


class AnyText(_Processed):
    """Text, whatever is in it."""

    cache_ok = True

    @staticmethod
    def take(value: str | None) -> str | None:
        if value is None or (value.isascii() and "\x00" not in value and MARK not in value):
            return value
        return storable(value)

    @staticmethod
    def give(stored: str | None) -> str | None:
        return stored if stored is None or MARK not in stored else restored(stored)


class KeyText(AnyText):
    """Text that rows are found and ordered by: by code point on both databases, whatever the server's locale."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()


class JsonText(_Processed):
    """A JSON value as text; None is SQL NULL.

    Not `jsonb`, which drops the order of keys and refuses NUL. Raw U+001A never occurs in JSON text, so the
    mark stays unambiguous.
    """

    cache_ok = True

    @staticmethod
    def take(value: Json) -> str | None:
        if value is None:
            return None
        return "[]" if value == [] else storable(encode_json(value))

    @staticmethod
    def give(stored: str | None) -> Json:
        if stored is None:
            return None
        return [] if stored == "[]" else decode_json(restored(stored))
