"""A text that fits a regular expression of the simple kind schemas use: literals, classes, groups, counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from migrate.edges.providers.simulated.chance import Chance

_CLASSES: Final = {"d": "0123456789", "w": "abcdefghijklmnopqrstuvwxyz0123456789_", "s": " "}
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_ANY: Final = "abcdefghijklmnopqrstuvwxyz"
_COUNT: Final = re.compile(r"\{(\d+)(,(\d*))?\}|[*+?]")


def matching(pattern: str, chance: Chance, *names: object) -> str:
    """Return a text that the pattern finds; `answer` when the pattern is beyond this small reader."""
    try:
        text = "".join(_Reader(pattern, chance, names).alternatives())
        return text if re.search(pattern, text) else "answer"
    except (re.error, IndexError, ValueError):
        return "answer"


@dataclass(slots=True)
class _Reader:
    """Reads a pattern once from left to right and writes one text that fits it."""

    pattern: str
    chance: Chance
    names: tuple[object, ...]
    at: int = 0
    _draws: int = field(default=0)

    def alternatives(self) -> list[str]:
        """Read up to the end of the group; the first alternative is written, the others are skipped."""
        written = list(self._sequence())
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            list(self._sequence())
        return written

    def _sequence(self) -> Iterator[str]:
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            start = self.at
            once = self._atom()
            end = self.at
            for repeat in range(self._repeats()):
                if repeat == 0:
                    yield once
                else:
                    after, self.at = self.at, start
                    yield self._atom()
                    self.at = after
            self.at = max(self.at, end)

    def _atom(self) -> str:
        char = self._next()
        if char in "^$":
            return ""
        if char == ".":
            return self._draw(_ANY)
        if char == "[":
            return self._draw(self._class())
        if char == "(":
            return self._group()
        if char == "\\":
            escaped = self._next()
            return self._draw(_CLASSES[escaped]) if escaped in _CLASSES else self._escape(escaped)
        return char

    def _escape(self, char: str) -> str:
        if char in "bBAZ":
            return ""
        if char.isalnum() and char not in _ESCAPED:
            raise ValueError(char)
        return _ESCAPED.get(char, char)

    def _group(self) -> str:
        if self.pattern.startswith("?", self.at):
            if not self.pattern.startswith("?:", self.at):
                raise ValueError("look-around")
            self.at += 2
        text = "".join(self.alternatives())
        if self._next() != ")":
            raise ValueError("group")
        return text

    def _class(self) -> str:
        if self.pattern.startswith("^", self.at):
            raise ValueError("negated class")
        chars = ""
        while (char := self._next()) != "]":
            if char == "\\":
                escaped = self._next()
                chars += _CLASSES.get(escaped) or self._escape(escaped)
            elif self.pattern.startswith("-", self.at) and self.pattern[self.at + 1] != "]":
                self.at += 1
                chars += "".join(map(chr, range(ord(char), ord(self._next()) + 1)))
            else:
                chars += char
        return chars

    def _repeats(self) -> int:
        found = _COUNT.match(self.pattern, self.at)
        if not found:
            return 1
        self.at = found.end()
        if found[1] is not None:
            return int(found[1])
        return 0 if found[0] in "*?" else 1

    def _next(self) -> str:
        char = self.pattern[self.at]
        self.at += 1
        return char

    def _draw(self, chars: str) -> str:
        self._draws += 1
        return self.chance.pick(chars, *self.names, "pattern", self._draws)
