"""YAML and JSON read strictly: plain values, and the line each of them came from.

YAML comes as libyaml's events and is built here, without a constructor that a tag could call. Plain scalars
resolve as in YAML 1.2 and JSON: `true`, `false`, `null` and numbers as JSON writes them; `no`, `012`, `1_000` and
`2026-11-01` stay text. A value keeps its written text, for where a text is wanted and `4.10` was meant. Refused are
duplicate keys, tags, merge keys, several documents, deep nesting and aliases that multiply.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import yaml

from migrate.documents.files import MAX_FILE, Unreadable
from migrate.vocabulary import Json

MAX_DEPTH: Final = 100
MAX_NODES: Final = 1_000_000

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS: Final[dict[str, Json]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STRING_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Complain = Callable[[str, int], None]
Path = tuple[str | int, ...]


@dataclass(slots=True)
class Mark:
    """Where one value stands."""

    line: int
    """Line of its key, or of itself in a list; from 1."""
    text_line: int
    """Line where a text begins."""
    written: str = ""
    """A scalar that is no text, as it was written."""
    inside: dict[str, Mark] | list[Mark] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and where everything in it stands."""

    value: Json
    mark: Mark

    def at(self, path: Path) -> Mark:
        """Return the mark of the deepest value on a path that exists."""
        mark = self.mark
        for step in path:
            inside = mark.inside
            if isinstance(inside, dict) and step in inside:
                mark = inside[str(step)]
            elif isinstance(inside, list) and isinstance(step, int) and step < len(inside):
                mark = inside[step]
            else:
                break
        return mark


def read_yaml(text: str, complain: Complain) -> Document:
    """Return the one document of a YAML text. Duplicate keys and the like are complained of with their line and the
    reading goes on; raises Unreadable where it cannot.
    """
    builder = _Builder(complain)
    try:
        parser = _LOADER(text)
        try:
            while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
                builder.take(event)
        finally:
            parser.dispose()
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise Unreadable(f"not YAML: {error.reason}", line) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(f"not YAML: {error.problem or error.context}", line) from None
    return builder.document()


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is still open."""

    value: Any
    mark: Mark
    inside: Any
    """Of the mark."""
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    size: int = 1


class _Builder:
    """Builds the value from events, with a stack of its own: no depth of a file can exhaust Python's."""

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Json, Mark, int]] = {}
        self._root: Document | None = None
        self._nodes = 0
        self._copied = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._open({}, {}, event)
        elif kind is yaml.SequenceStartEvent:
            self._open([], [], event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent and self._root is not None:
            raise Unreadable("a second document begins here; one file holds one prompt", event.start_mark.line + 1)

    def document(self) -> Document:
        """Return what was built; raises Unreadable for an empty file."""
        if self._root is None:
            raise Unreadable("the file is empty", 1)
        return self._root

    def _scalar(self, event: Any) -> None:
        self._count(event)
        line = event.start_mark.line + 1
        text: str = event.value
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and type(frame.value) is dict:
            self._key(frame, event, text, line)
            return
        mark = Mark(line, line + 1 if event.style in ("|", ">") else line)
        value: Json = text
        if event.tag is not None and event.tag not in _STRING_TAGS:
            self._complain(_tagged(event.tag), line)
        elif event.tag is None and event.implicit[0]:
            value = resolved(text, lambda why: self._complain(why, line))
            if value is not text:
                mark.written = text
        self._put(value, mark, event.anchor, len(text) + 1)

    def _key(self, frame: _Frame, event: Any, text: str, line: int) -> None:
        if text == "<<" and event.implicit[0]:
            self._complain("merge keys (<<) are not read: write the keys out", line)
        if text in frame.value:
            self._complain(f'the key "{text}" is given twice, first in line {frame.inside[text].line}', line)
        frame.key, frame.key_line = text, line

    def _open(self, value: Any, inside: Any, event: Any) -> None:
        self._count(event)
        line = event.start_mark.line + 1
        if self._stack and self._stack[-1].key is None and type(self._stack[-1].value) is dict:
            raise Unreadable("a key must be text, not a list or a mapping", line)
        if len(self._stack) >= MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", line)
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            self._complain(_tagged(event.tag), line)
        self._stack.append(_Frame(value, Mark(line, line, inside=inside), inside, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        self._put(frame.value, frame.mark, frame.anchor, frame.size)

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise Unreadable(f"the alias *{event.anchor} names nothing that is complete at this point", line)
        if self._stack and self._stack[-1].key is None and type(self._stack[-1].value) is dict:
            raise Unreadable("a key must be written out, not an alias", line)
        value, mark, size = self._anchors[event.anchor]
        self._copied += size
        if self._copied > MAX_FILE:
            raise Unreadable(f"written out, the aliases would hold more than {MAX_FILE // 2**20} MB", line)
        self._put(value, Mark(line, mark.text_line, mark.written, mark.inside), None, size)

    def _put(self, value: Json, mark: Mark, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, mark, size)
        if not self._stack:
            self._root = Document(value, mark)
            return
        frame = self._stack[-1]
        frame.size += size
        if type(frame.value) is list:
            frame.value.append(value)
            frame.inside.append(mark)
            return
        assert frame.key is not None
        mark.line = frame.key_line
        frame.value[frame.key] = value
        frame.inside[frame.key] = mark
        frame.key = None

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            why = f"more than {MAX_NODES:,} values in one file"
            raise Unreadable(why, event.start_mark.line + 1, "put the cases into a JSONL file")


def _tagged(tag: str) -> str:
    written = tag.replace("tag:yaml.org,2002:", "!!")
    return f"the tag {written} is not read: values are plain text, numbers, lists and mappings"


def resolved(text: str, complain: Callable[[str], None]) -> Json:
    """Return what a plain scalar means; the text itself when it is text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-0123456789":
        return text
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if number[1] is None and number[2] is None:
        return _integer(text, complain)
    value = float(text)
    if math.isinf(value):
        complain(f"the number {text[:40]} is too large: quote it to send it as text")
        return text
    return value


def _integer(text: str, complain: Callable[[str], None]) -> Json:
    try:
        return int(text)
    except ValueError:  # Python's limit of digits, which keeps a long number from taking minutes
        complain(f"a number of {len(text):,} digits is too large: quote it to send it as text")
        return text


# --- JSON -------------------------------------------------------------------------------------------------


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f'the key "{twice}" is given twice')
    return made


def _no_constant(text: str) -> NoReturn:
    raise Unreadable(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Unreadable(f"the number {text[:40]} is too large")
    return value


_decode: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite).decode


def read_json(text: str) -> Json:
    """Return a strictly read JSON value; raises Unreadable, with the line inside the text where there is one."""
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except RecursionError:
        raise Unreadable("not JSON: nested too deeply") from None
    except ValueError:
        raise Unreadable("not JSON: a number has too many digits") from None
    if "\\ud" in text or "\\uD" in text:
        _check_text(value)
    return value


def _check_text(value: Json) -> None:
    """Refuse half of a surrogate pair: no such text can be sent."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Unreadable(f"\\u{ord(error.object[error.start]):04x} is half of a character") from None
