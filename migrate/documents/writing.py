"""YAML as the strict reader of prompt files takes it, written so that people like to edit it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from migrate.vocabulary import Json

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_BLOCK: Final = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]*")
"""What a block text may hold: nothing that YAML would fold, escape or refuse."""
_UNSEEN: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_ODD: Final = re.compile(r"[^ -~\u00a1-\u2027\u2030-\ud7ff]")
SHORT: Final = 60


def written(document: Mapping[str, Json]) -> str:
    """Return a mapping as YAML, its keys in their order, with one final newline."""
    return "\n".join(_mapping(document, 0)) + "\n"


def comment(text: str) -> str:
    """Return a line of comment."""
    return f"# {_ODD.sub(' ', text)}".rstrip()


def _mapping(value: Mapping[str, Json], depth: int) -> Iterator[str]:
    pad = " " * depth
    for key, item in value.items():
        name = _scalar(key)
        if isinstance(item, str) and _as_block(item):
            yield f"{pad}{name}: {_header(item)}"
            yield from _block(item, depth + 2)
        elif isinstance(item, dict) and item and not _is_short(item):
            yield f"{pad}{name}:"
            yield from _mapping(item, depth + 2)
        elif isinstance(item, list) and item and not _is_short(item):
            yield f"{pad}{name}:"
            yield from _sequence(item, depth + 2)
        else:
            yield f"{pad}{name}: {_flow(item)}"


def _sequence(value: list[Json], depth: int) -> Iterator[str]:
    pad = " " * depth
    for item in value:
        if isinstance(item, dict) and item and not _is_short(item):
            lines = list(_mapping(item, depth + 2))
            yield f"{pad}- {lines[0].lstrip()}"
            yield from lines[1:]
        elif isinstance(item, list) and item and not _is_short(item):
            yield f"{pad}-"
            yield from _sequence(item, depth + 2)
        elif isinstance(item, str) and _as_block(item):
            yield f"{pad}- {_header(item)}"
            yield from _block(item, depth + 2)
        else:
            yield f"{pad}- {_flow(item)}"


def _is_short(value: Json) -> bool:
    if isinstance(value, dict) and any(isinstance(item, dict | list) and item for item in value.values()):
        return False
    return "\n" not in (text := _flow(value)) and len(text) <= SHORT


def _flow(value: Json) -> str:
    """Return a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _scalar(value)
    return json.dumps(value)


def _scalar(text: str) -> str:
    """Return a text on one line: plain where no reader could take it for anything else, else as JSON writes it."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and len(text) <= SHORT:
        return text
    return _UNSEEN.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    # Half of a character cannot be sent, and no YAML reader takes it.
    return "\\ufffd" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"


def _as_block(text: str) -> bool:
    if "\n" not in text or _BLOCK.fullmatch(text) is None:
        return False
    # An indicator of indentation would be needed for a first line that begins with a blank, or is empty.
    first = text.lstrip("\n").split("\n", 1)[0]
    return bool(text.strip()) and not text.startswith("\n") and not first.startswith(" ")


def _header(text: str) -> str:
    ends = len(text) - len(text.rstrip("\n"))
    return "|-" if ends == 0 else "|" if ends == 1 else "|+"


def _block(text: str, depth: int) -> Iterator[str]:
    pad = " " * depth
    lines = text.split("\n")
    if text.endswith("\n"):
        lines.pop()
    for line in lines:
        yield pad + line if line else ""
