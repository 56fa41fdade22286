"""A mapping of a user's file while it is read: typed getters that complain, with place and guess, and go on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from migrate.comparing.paths import write_path
from migrate.documents.reading import Document, Path
from migrate.errors import Problem, did_you_mean
from migrate.vocabulary import Json, JsonPath, Place

EXTRA: Final = "x-"
"""Keys that begin so are the user's own."""


@dataclass(slots=True)
class Source:
    """One file being read, and what is wrong with it so far."""

    file: str
    """As the user would type it."""
    problems: list[Problem]
    """Shared by all files of one inventory."""
    document: Document | None = None
    """Of a YAML file; None for a row of a JSONL file."""
    row: int = 1
    """Line of that row."""

    def line(self, path: Path) -> int:
        """Return the line of the deepest value on a path."""
        return self.row if self.document is None else self.document.at(path).line

    def text_line(self, path: Path) -> int:
        """Return the line a text begins at."""
        return self.row if self.document is None else self.document.at(path).text_line

    def written(self, path: Path) -> str:
        """Return a number, true, false or null as it was written; empty when the file is not YAML."""
        return "" if self.document is None else self.document.at(path).written

    def place(self, path: Path, line: int | None = None) -> Place:
        """Return the place of a path, as problems and nouns carry it."""
        return Place(self.file, line or self.line(path), json_path(path) if path else None)

    def complain(self, path: Path, message: str, hint: str = "", line: int | None = None) -> None:
        """Note a problem and go on."""
        self.problems.append(Problem(message, self.place(path, line), hint))


def json_path(path: Path) -> JsonPath:
    """Return the text of a path inside a file."""
    return write_path(("$", *path))


def kind_of(value: Json) -> str:
    """Return what a value is, for a complaint."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)


@dataclass(slots=True)
class Sheet:
    """One mapping; unknown keys are complained of when it is opened, wrong types when they are read.

    A getter returns its default for a key that is absent, null or of the wrong type.
    """

    source: Source
    path: Path
    value: Mapping[str, Json]
    keys: Collection[str]
    extras: bool = field(default=False)
    """True when `x-*` keys are allowed."""

    def __post_init__(self) -> None:
        for key in self.value:
            if key not in self.keys and not (self.extras and key.startswith(EXTRA)):
                self.complain(f'unknown key "{key}"', key, hint=did_you_mean(key, self.keys))

    def complain(self, message: str, *steps: str | int, hint: str = "") -> None:
        """Note a problem at this mapping, or at a place inside it."""
        self.source.complain((*self.path, *steps), message, hint)

    def has(self, key: str) -> bool:
        """Return True when the key is there and not null."""
        return self.value.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        """Return a text; a number or a word such as `no` is taken as it was written."""
        value = self.value.get(key)
        if isinstance(value, str):
            return value
        if value is None:
            return default
        written = self.source.written((*self.path, key))
        if not written:
            hint = f'write "{str(value).lower()}"' if isinstance(value, bool | int | float) else ""
            self.complain(f'"{key}" must be text, not {kind_of(value)}', key, hint=hint)
        return written or default

    def required(self, key: str, why: str = "") -> str:
        """Return a text that must be there and not empty."""
        text = self.text(key)
        if not text and not (self.has(key) and self.value[key] != ""):
            self.complain(f'"{key}" is missing' + (f": {why}" if why else ""), *([key] if key in self.value else []))
        return text

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """Return one of the words allowed."""
        if not self.has(key):
            return default
        word = self.text(key, default)
        if word in choices:
            return word
        self.complain(f'"{key}" must be {one_of(choices)}, not "{word}"', key, hint=did_you_mean(word, choices))
        return default

    def number(self, key: str, low: float | None = None, high: float | None = None) -> float | int | None:
        """Return a number within bounds, both included."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            said = f'"{value}"' if isinstance(value, str) else kind_of(value)
            self.complain(f'"{key}" must be a number, not {said}', key, hint=_as_number(value))
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            self.complain(f'"{key}" must be {_bounds(low, high)}, not {value}', key)
            return None
        return value

    def whole(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        """Return a whole number within bounds."""
        value = self.number(key, low, high)
        if value is None or isinstance(value, int):
            return value
        self.complain(f'"{key}" must be a whole number, not {value}', key)
        return None

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        value = self.value.get(key)
        if value is None or isinstance(value, bool):
            return value
        said = f'"{value}"' if isinstance(value, str) else kind_of(value)
        self.complain(f'"{key}" must be true or false, not {said}', key)
        return None

    def items(self, key: str) -> list[Json]:
        """Return a list."""
        value = self.value.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.complain(f'"{key}" must be a list, not {kind_of(value)}', key)
        return []

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        value = self.value.get(key)
        if isinstance(value, str):
            return (value,)
        found: list[str] = []
        for index, item in enumerate(self.items(key)):
            text = item if isinstance(item, str) else self.source.written((*self.path, key, index))
            if text:
                found.append(text)
            else:
                self.complain(f'"{key}" holds texts, not {kind_of(item)}', key, index)
        return tuple(found)

    def mapping(self, key: str) -> Mapping[str, Json]:
        """Return a mapping as it is."""
        value = self.value.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        self.complain(f'"{key}" must be a mapping, not {kind_of(value)}', key)
        return {}

    def sheet(self, key: str, keys: Collection[str]) -> Sheet:
        """Return a mapping inside this one; empty when it is absent or no mapping."""
        return Sheet(self.source, (*self.path, key), self.mapping(key), keys)

    def sheets(self, key: str, keys: Collection[str], *, extras: bool = False) -> Iterator[Sheet]:
        """Yield the mappings of a list; what is none is complained of and left out."""
        for index, item in enumerate(self.items(key)):
            if isinstance(item, dict):
                yield Sheet(self.source, (*self.path, key, index), item, keys, extras)
            else:
                self.complain(f'"{key}" holds mappings, not {kind_of(item)}', key, index)


def _as_number(value: Json) -> str:
    """Return how JSON would write a number that was written as text."""
    try:
        number = float(value.replace("_", ""))
    except (ValueError, AttributeError):
        return ""
    if not math.isfinite(number):
        return ""
    return f"write {int(number) if number.is_integer() else number} without quotes, as JSON does"


def one_of(choices: Sequence[str]) -> str:
    """Return `a, b or c`."""
    return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))


def _bounds(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"between {low} and {high}"
