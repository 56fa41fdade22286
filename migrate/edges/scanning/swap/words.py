"""Where a model's name stands in a file, and what it is there for."""

from __future__ import annotations

import bisect
import io
import re
import token
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from migrate.edges.scanning.names import is_list_of_models, is_model, of_identifier, snapshots, word
from migrate.edges.scanning.others.comments import blanked
from migrate.edges.scanning.others.purposes import REACH, around, in_configuration, in_program, inside
from migrate.edges.scanning.python.literals import Context, Stretch, stretches
from migrate.edges.scanning.python.modules import parsed
from migrate.edges.scanning.trees import File, Unsuitable

Purpose = Literal["value", "key", "comparison", "type", "text", "comment", "snapshot", "pieces", "constant"]
"""value: what the program asks for; key, comparison, type: places that know a model by its name; text: inside longer
text; snapshot: a dated name of it; pieces: put together from several literals; constant: a name of another
language's library."""

CONSTANTS_IN: Final = frozenset({"go", "java", "kotlin", "csharp", "rust", "scala"})
_CONSTANT: Final = re.compile(r"\b(?:[Cc]hat_?[Mm]odel)?_?(?P<name>GPT_?\d\w*)\b")
_STRING: Final = re.compile(r"(?P<prefix>[A-Za-z]*)(?P<quote>\"\"\"|'''|\"|')(?P<body>.*)(?P=quote)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where a name stands."""

    start: int
    """Character, from 0."""
    end: int
    model: str
    """The name that was looked for."""
    purpose: Purpose
    found: str = ""
    """What is written there, when it is another name."""


def occurrences(file: File, text: str, models: Sequence[str]) -> list[Occurrence]:
    """Return where some models are named in a file, in the order of the text; raises Unsuitable for broken Python."""
    named = any(model in text for model in models)
    if file.language == "python":
        found = _in_python(text, models) if named or _parses(text) else []
    elif file.language == "text":
        found = [Occurrence(start, end, model, "value") for start, end, model in _hits(text, models)]
    else:
        found = list(_in_other(file, text, models))
    return sorted(found, key=lambda one: one.start)


def _parses(text: str) -> bool:
    """Return True for a module in which a name may stand in pieces; one that is broken and names none is left."""
    try:
        parsed(text.removeprefix("\ufeff"))
    except Unsuitable:
        return False
    return True


def _hits(text: str, models: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for model in models:
        for match in word(model).finditer(text):
            yield match.start(), match.end(), model


def _dated(text: str, models: Sequence[str]) -> Iterator[tuple[int, int, str, str]]:
    for model in models:
        for match in snapshots(model).finditer(text):
            if match.group() not in models:
                yield match.start(), match.end(), model, match.group()


# --- Python -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    """A literal or a comment of a module."""

    start: int
    end: int
    text: str
    comment: bool
    context: Context
    """What the literal is there for."""


def _in_python(text: str, models: Sequence[str]) -> list[Occurrence]:
    tree_text = text.removeprefix("\ufeff")
    shift = len(text) - len(tree_text)
    known = stretches(parsed(tree_text))
    tokens = _tokens(tree_text, known)
    starts = [one.start for one in tokens]
    found: list[Occurrence] = []
    for start, end, model in _hits(tree_text, models):
        one = _around(tokens, starts, start)
        if one is not None:
            found.append(Occurrence(start + shift, end + shift, model, _purpose(one, start, end)))
    for start, end, model, name in _dated(tree_text, models):
        one = _around(tokens, starts, start)
        if one is not None:
            purpose: Purpose = "comment" if one.comment else "snapshot"
            found.append(Occurrence(start + shift, end + shift, model, purpose, name))
    return found + list(_in_pieces(tree_text, known, models, shift))


def _tokens(text: str, known: Sequence[Stretch]) -> list[_Token]:
    lines = _line_starts(text)
    found: list[_Token] = []
    opened: list[int] = []
    f_start, f_end = getattr(token, "FSTRING_START", -1), getattr(token, "FSTRING_END", -1)
    begins = [one.start for one in known]
    try:
        for one in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            start = lines[one.start[0] - 1] + one.start[1]
            end = lines[one.end[0] - 1] + one.end[1]
            if one.type == f_start:
                opened.append(start)
            elif one.type in (token.STRING, f_end, tokenize.COMMENT):
                start = opened.pop() if one.type == f_end else start
                context = _context(text, lines, start, known, begins)
                found.append(_Token(start, end, text[start:end], one.type == tokenize.COMMENT, context))
    except (tokenize.TokenError, IndentationError, SyntaxError, IndexError) as error:
        raise Unsuitable(f"its tokens cannot be told apart: {error}") from None
    return sorted(found, key=lambda one: (one.start, -one.end))


def _line_starts(text: str) -> list[int]:
    starts = [0]
    starts += [match.end() for match in re.finditer(r"\r\n|\r|\n", text)]
    return [*starts, len(text)]


def _context(
    text: str, lines: list[int], start: int, known: Sequence[Stretch], begins: list[tuple[int, int]]
) -> Context:
    """Return the context of the innermost text that holds a place."""
    number = bisect.bisect_right(lines, start, hi=len(lines) - 1)
    position = (number, len(text[lines[number - 1] : start].encode("utf-8", "surrogatepass")))
    at = bisect.bisect_right(begins, position)
    for one in reversed(known[max(0, at - 8) : at]):
        if one.start <= position < one.end:
            return one.context
    return Context()


def _around(tokens: list[_Token], starts: list[int], at: int) -> _Token | None:
    """Return the innermost literal or comment around a place."""
    index = bisect.bisect_right(starts, at)
    for one in reversed(tokens[max(0, index - 50) : index]):
        if one.start <= at < one.end:
            return one
    return None


def _purpose(one: _Token, start: int, end: int) -> Purpose:
    if one.comment:
        return "comment"
    literal = _STRING.match(one.text)
    if one.context.purpose == "documentation" or literal is None:
        return "text"
    body = literal["body"]
    if is_model(body) or is_list_of_models(body):
        return one.context.purpose
    at = start - one.start
    before, after = one.text[max(0, at - REACH) : at], one.text[at + end - start :][:REACH]
    return inside(before, after)


def _in_pieces(text: str, known: Sequence[Stretch], models: Sequence[str], shift: int) -> Iterator[Occurrence]:
    """Yield names that no literal holds whole: `"gpt-" "4o"`."""
    lines = _line_starts(text)
    for one in known:
        if one.text is None or one.text not in models or one.context.purpose == "documentation":
            continue
        start, end = (_offset(text, lines, position) for position in (one.start, one.end))
        if word(one.text).search(text, start, end) is None:
            yield Occurrence(start + shift, end + shift, one.text, "pieces")


def _offset(text: str, lines: list[int], position: tuple[int, int]) -> int:
    start = lines[position[0] - 1]
    line = text[start : lines[position[0]] if position[0] < len(lines) else len(text)]
    return start + len(line.encode("utf-8", "surrogatepass")[: position[1]].decode("utf-8", "replace"))


# --- Other languages and configuration ----------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _blanked(text: str, dialect: str) -> str:
    return blanked(text, dialect)


def _in_other(file: File, text: str, models: Sequence[str]) -> Iterator[Occurrence]:
    bare = _blanked(text, file.dialect)
    for start, end, model in _hits(text, models):
        commented = bare[start] != text[start]
        yield Occurrence(start, end, model, "comment" if commented else _plain_purpose(file, text, start, end))
    for start, end, model, name in _dated(text, models):
        commented = bare[start] != text[start]
        yield Occurrence(start, end, model, "comment" if commented else "snapshot", name)
    if file.dialect in CONSTANTS_IN:
        for match in _CONSTANT.finditer(bare):
            named = of_identifier(match["name"])
            if named in models:
                yield Occurrence(match.start(), match.end(), str(named), "constant", match.group())


def _plain_purpose(file: File, text: str, start: int, end: int) -> Purpose:
    before, after = around(text, start, end)
    if file.language == "config" or file.dialect == "shell":
        return in_configuration(before, after, sections=file.dialect == "keys")
    return in_program(before, after)
