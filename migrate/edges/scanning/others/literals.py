"""Objects, lists and texts as JavaScript writes them, read as far as the text alone says what they are."""

from __future__ import annotations

import math
import re
from typing import Final

from migrate.edges.scanning.nouns import Spot
from migrate.edges.scanning.python.values import (
    Defaulted,
    Hole,
    Listing,
    Part,
    Scalar,
    Spread,
    Table,
    Text,
    Unknown,
    Value,
    doubted,
    either,
    joined,
    unknown,
)

DEEPEST: Final = 30
LONGEST: Final = 100_000
"""Characters of one argument."""

_QUOTED: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*+(?:\"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*+(?:'|(?=\n)|\Z)", re.DOTALL)
"""A text; one that is not closed ends with its line."""
_NUMBER: Final = re.compile(r"-?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_KEY: Final = re.compile(r"(?:(?P<plain>[A-Za-z_$][\w$]*)|(?P<quoted>\"[^\"\n]*\"|'[^'\n]*'))\s*(?P<mark>:|=>)\s*")
_SHORT: Final = re.compile(r"[A-Za-z_$][\w$]*\Z")
_DOTTED: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*\Z")
_ESCAPE: Final = re.compile(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r?\n|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\n": "", "\r\n": ""}
_WORDS: Final = {"true": True, "false": False, "null": None, "undefined": None, "nil": None}
_PROVIDER: Final = re.compile(r"(?:openai|azure|createOpenAI\([^()]*\))(?:\.\w+)?\(\s*(?=[\"'])")
_TAIL: Final = re.compile(r"\s+(?:as|satisfies)\s+[\w.<>\[\]\"' |]+\Z|\.trim\(\)\Z|!\Z")
OPEN: Final = {"(": ")", "[": "]", "{": "}"}


class Reader:
    """Reads expressions of one file."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._constants: dict[str, int] | None = None
        self._depth = 0

    def spot(self, at: int) -> Spot:
        """Return the place of a character."""
        start = self._text.rfind("\n", 0, at) + 1
        return Spot(self._file, self._text.count("\n", 0, at) + 1, at - start + 1)

    def arguments(self, at: int) -> tuple[list[Value], int]:
        """Return the arguments of a call, whose bracket opens at a place, and where it closes."""
        values: list[Value] = []
        end = self.end_of(at + 1, ")")
        for start, stop in self._parts(at + 1, end):
            values.append(self.value(start, stop))
        return values, end

    def value(self, start: int, stop: int) -> Value:
        """Return what an expression says."""
        start, stop = self._trimmed(start, stop)
        if start >= stop or self._depth >= DEEPEST or stop - start > LONGEST:
            return unknown("...")
        self._depth += 1
        try:
            return self._value(start, stop)
        finally:
            self._depth -= 1

    def _trimmed(self, start: int, stop: int) -> tuple[int, int]:
        stop -= len(self._text[start:stop]) - len(self._text[start:stop].rstrip())
        start += len(self._text[start:stop]) - len(self._text[start:stop].lstrip())
        tail = _TAIL.search(self._text, start, stop)
        return start, tail.start() if tail and tail.start() > start else stop

    def _value(self, start: int, stop: int) -> Value:
        written = self._text[start:stop]
        first = written[0]
        if first in "{[" and self.end_of(start + 1, OPEN[first]) == stop - 1:
            return self._table(start + 1, stop - 1) if first == "{" else self._listing(start + 1, stop - 1)
        quoted = _QUOTED.match(self._text, start, stop) if first in "\"'" and written[-1] == first else None
        if quoted is not None and quoted.end() == stop and stop - start > 1:
            body = unescaped(written[1:-1])
            return Text((body,) if body else (), self.spot(start))
        template = re.match(r"(?:[A-Za-z_$][\w$.]*)?`", written)
        if template and self._template_end(start + template.end()) == stop - 1:
            return self._template(start + template.end(), stop - 1)
        if _NUMBER.fullmatch(written):
            return _number(written.replace("_", ""))
        if written in _WORDS:
            return Scalar(_WORDS[written])
        return self._combined(start, stop) or self._called(start, stop) or self._looked_up(written)

    def _combined(self, start: int, stop: int) -> Value | None:
        """Return a choice, a fallback or a sum."""
        for marks in (("?",), ("??", "||"), ("+",)):
            cuts = self._cuts(start, stop, marks)
            if not cuts:
                continue
            parts = [self.value(one, other) for one, other in cuts]
            codes = [" ".join(self._text[one:other].split()) for one, other in cuts]
            if marks == ("+",):
                return joined(zip(parts, codes, strict=True))
            if marks == ("?",):
                return either(doubted(part, "one of two branches") for part in parts[1:])
            rest = either(parts[1:])
            return Defaulted(Hole(codes[0]), doubted(rest, f"when `{codes[0][:60]}` is not given"))
        return None

    def _cuts(self, start: int, stop: int, marks: tuple[str, ...]) -> list[tuple[int, int]]:
        """Return the pieces between operators outside brackets and texts; none when there is no operator."""
        found: list[tuple[int, int]] = []
        at, begin = start, start
        while at < stop:
            at = self._skipped(at)
            if at >= stop:
                break
            mark = next((mark for mark in marks if self._text.startswith(mark, at)), None)
            if mark == "?" and self._text[at : at + 2] in ("??", "?."):
                at += 2
                continue
            if mark == "+" and self._text[at : at + 2] in ("++", "+="):
                return []
            if mark is not None or (marks == ("?",) and found and self._text[at] == ":"):
                found.append((begin, at))
                at += len(mark or ":")
                begin = at
                continue
            at += 1
        return [*found, (begin, stop)] if found else []

    def _called(self, start: int, stop: int) -> Value | None:
        """Return the model's name in `openai("gpt-4o")`."""
        provider = _PROVIDER.match(self._text, start, stop)
        if provider is None:
            return None
        values, _ = self.arguments(provider.start() + provider.group().rindex("("))
        return values[0] if values else None

    def _looked_up(self, written: str) -> Value:
        """Return what a constant of the file says, or else a hole."""
        if _DOTTED.match(written):
            name, _, rest = written.partition(".")
            at = self._constant(name.rstrip("?"))
            if at is not None:
                value: Value | None = self.value(at, self.end_of(at, ",;\n"))
                for step in filter(None, rest.split(".")):
                    value = value.get(step) if isinstance(value, Table) else None
                if value is not None and not isinstance(value, Unknown):
                    return value
        return unknown(" ".join(written.split())[:80])

    def _constant(self, name: str) -> int | None:
        if self._constants is None:
            pattern = (
                r"\b(?:const|let|var|val|final|readonly|static)\s+([A-Za-z_$][\w$]*)(?:\s*:\s*[^=;\n]+)?\s*=\s*(?!=)"
            )
            self._constants = {}
            for match in re.finditer(pattern, self._text):
                self._constants.setdefault(match[1], match.end())
        return self._constants.get(name)

    # --- Brackets -------------------------------------------------------------------------------------------

    def _listing(self, start: int, stop: int) -> Value:
        return Listing(tuple(self._item(one, other) for one, other in self._parts(start, stop)))

    def _item(self, start: int, stop: int) -> Value:
        start, stop = self._trimmed(start, stop)
        if self._text.startswith("...", start):
            return Spread(self.value(start + 3, stop))
        return self.value(start, stop)

    def _table(self, start: int, stop: int) -> Value:
        entries: list[tuple[Value | None, Value]] = []
        for one, other in self._parts(start, stop):
            begin, end = self._trimmed(one, other)
            key = _KEY.match(self._text, begin, end)
            if key is not None:
                name = key["plain"] or key["quoted"][1:-1]
                entries.append((Text((name,), self.spot(begin)), self.value(key.end(), end)))
            elif self._text.startswith("...", begin):
                entries.append((None, Spread(self.value(begin + 3, end))))
            elif _SHORT.match(self._text[begin:end]):
                name = self._text[begin:end]
                entries.append((Text((name,)), self._looked_up(name)))
        return Table(tuple(entries))

    def _parts(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the parts between commas outside brackets and texts."""
        parts, at, begin = [], start, start
        while at < stop:
            at = self._skipped(at)
            if at < stop and self._text[at] == ",":
                parts.append((begin, at))
                begin = at + 1
            at += 1
        parts.append((begin, min(at, stop)))
        return [(one, other) for one, other in parts if self._text[one:other].strip()]

    def end_of(self, at: int, closing: str) -> int:
        """Return where one of some characters comes outside brackets and texts; the end of the file if nowhere."""
        limit = min(len(self._text), at + LONGEST)
        while at < limit:
            at = self._skipped(at)
            if at < limit and self._text[at] in closing:
                return at
            at += 1
        return limit

    def _skipped(self, at: int) -> int:
        """Return the first place from here on that is not inside a text or a bracket."""
        while at < len(self._text):
            char = self._text[at]
            if char in "\"'":
                quoted = _QUOTED.match(self._text, at)
                at = quoted.end() if quoted else at + 1
            elif char == "`":
                at = self._template_end(at + 1) + 1
            elif char in OPEN:
                at = self._closed(at)
            else:
                return at
        return at

    def _closed(self, at: int) -> int:
        """Return the place after the bracket that closes the one here; a stack keeps depth from mattering."""
        stack, limit = [OPEN[self._text[at]]], min(len(self._text), at + LONGEST)
        at += 1
        while at < limit and stack:
            char = self._text[at]
            if char in "\"'" and (quoted := _QUOTED.match(self._text, at)):
                at = quoted.end()
                continue
            if char == "`":
                at = self._template_end(at + 1)
            elif char in OPEN:
                stack.append(OPEN[char])
            elif char == stack[-1]:
                stack.pop()
            at += 1
        return at

    def _template_end(self, at: int) -> int:
        """Return where a text in backticks ends; what stands in `${...}` may hold texts of its own."""
        depth, limit = 0, min(len(self._text), at + LONGEST)
        while at < limit:
            char = self._text[at]
            if char == "\\":
                at += 1
            elif self._text.startswith("${", at):
                depth += 1
                at += 1
            elif char == "}" and depth:
                depth -= 1
            elif char == "`" and not depth:
                return at
            at += 1
        return limit

    def _template(self, start: int, stop: int) -> Value:
        parts: list[Part] = []
        at = start
        while at < stop:
            hole = self._text.find("${", at, stop)
            literal = self._text[at : hole if hole >= 0 else stop]
            if literal:
                parts.append(unescaped(literal))
            if hole < 0:
                break
            end = self._closed(hole + 1)
            parts.append(Hole(" ".join(self._text[hole + 2 : end - 1].split())[:80]))
            at = end
        return Text(tuple(parts), self.spot(start - 1))


def _number(written: str) -> Value:
    if written.lstrip("-").isdecimal() and len(written) < 20:
        return Scalar(int(written))
    number = float(written)
    return Scalar(number) if math.isfinite(number) else unknown(written)


def unescaped(text: str) -> str:
    """Return a text without its backslashes."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "ux" and len(code) > 1:
        number = int(code[1:].strip("{}"), 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return _ESCAPED.get(code, code)


__all__ = ["Reader", "unescaped"]
