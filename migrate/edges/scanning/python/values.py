"""What an expression may be at run time, as far as reading alone can tell.

Nothing here is ever computed by the scanned code: a value is what the text says, or a hole where it says nothing.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from migrate.edges.scanning.nouns import Spot
from migrate.edges.scanning.python.places import code
from migrate.vocabulary import Json

if TYPE_CHECKING:
    from migrate.edges.scanning.python.modules import Module
    from migrate.edges.scanning.python.scopes import Scope

MOST_OPTIONS: Final = 12
LONGEST_INLINE: Final = 120
"""Characters of a text that is combined with others, alternative by alternative."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of one of the project's functions."""

    file: str
    line: int
    column: int
    """Of the function's `def`."""
    name: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that is filled at run time."""

    expression: str
    """As the code writes it."""
    parameter: Parameter | None = None
    """The parameter that fills it, when nothing else does."""
    default: str | None = None
    doubt: str = ""
    """Where the default comes from."""
    spot: Spot | None = None
    """Where the default stands."""


@dataclass(frozen=True, slots=True)
class JinjaSource:
    """A piece of text that is a Jinja2 template already."""

    source: str
    bound: tuple[tuple[str, str], ...] = ()
    """Variable -> the expression it is given, as far as `render` says."""


Part: TypeAlias = str | Hole | JinjaSource


@dataclass(frozen=True, slots=True)
class Text:
    """A text, with holes."""

    parts: tuple[Part, ...]
    spot: Spot | None = None
    """Of the first literal."""
    doubt: str = ""
    """Why it could be another; empty when the code says it outright."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, true, false or None."""

    value: int | float | bool | None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that only run time knows."""

    hole: Hole


@dataclass(frozen=True, slots=True)
class Defaulted:
    """Something that may be given at run time, and what it is when it is not."""

    hole: Hole
    value: Value


@dataclass(frozen=True, slots=True)
class Spread:
    """Items, or entries, that come from elsewhere: `*history`, `**kwargs`."""

    value: Value


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, tuple or set."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary; an entry without a key is a Spread."""

    entries: tuple[tuple[Value | None, Value], ...]

    def get(self, key: str) -> Value | None:
        """Return the value of a text key; the last one counts."""
        for name, value in reversed(self.entries):
            if plain(name) == key:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Either:
    """One of several."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call gives."""

    positional: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()
    spreads: tuple[Value, ...] = ()
    """`**kwargs` that are not known."""
    written: Mapping[str, str] = field(default_factory=dict, compare=False, hash=False)
    """Name, or position as text, -> the code that was written."""

    def get(self, name: str, at: int | None = None) -> Value | None:
        """Return an argument by name, or else by position."""
        for known, value in reversed(self.named):
            if known == name:
                return value
        return self.positional[at] if at is not None and at < len(self.positional) else None


@dataclass(frozen=True, slots=True)
class External:
    """A name of a library: `openai.OpenAI`."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What calling a library's name gave: a client, a prompt template, a language model of a framework."""

    of: str
    """`openai.OpenAI`."""
    arguments: Arguments
    call: ast.Call | None = None
    """Where it was made; None when only an annotation speaks of it."""
    module: Module | None = None
    later: tuple[tuple[str, Arguments], ...] = ()
    """Methods called on it since, which return it changed: `bind_tools`, `with_structured_output`."""


@dataclass(frozen=True, slots=True)
class Member:
    """An attribute of something that is not the project's own."""

    owner: Value
    path: tuple[str, ...]
    written: str = ""
    """The code, for the name of a variable."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the project."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    """The scope of its body."""
    owner: Value | None = None
    """What it is bound to: the instance or the class."""
    given: Given = field(default_factory=dict)
    """What the scopes around it were given."""

    @property
    def identity(self) -> tuple[str, int, int]:
        """Return file, line and column of its definition."""
        return self.scope.module.file.shown, self.node.lineno, self.node.col_offset


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the project."""

    node: ast.ClassDef
    scope: Scope
    """The scope of its body."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object of a class of the project."""

    of: Class
    arguments: Arguments | None = None
    """None: made somewhere, unknown with what."""
    made_with: Given = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class Partial:
    """A callable with some arguments given already."""

    function: Value
    arguments: Arguments
    node: ast.Call | None = field(default=None, compare=False)
    """Where they were given."""


Value: TypeAlias = (
    Text | Scalar | Unknown | Defaulted | Spread | Listing | Table | Either | External | Made | Member | Function
    | Class | Instance | Package | Partial
)  # fmt: skip
Given: TypeAlias = Mapping[Any, Mapping[str, Value]]
"""Scope of a function -> the values of its parameters in one call."""


def unknown(expression: str) -> Unknown:
    """Return a value that only run time knows."""
    return Unknown(Hole(expression))


def plain(value: Value | None) -> str | None:
    """Return a text without holes; None when it is none."""
    if isinstance(value, Defaulted):
        value = value.value
    if isinstance(value, Text) and all(isinstance(part, str) for part in value.parts):
        return "".join(part for part in value.parts if isinstance(part, str))
    return None


def options(value: Value | None) -> Iterator[Value]:
    """Yield the alternatives of a value; None in the code is no alternative to a text."""
    if isinstance(value, Either):
        for option in value.options:
            yield from options(option)
    elif value is not None:
        yield value


def either(values: Iterable[Value]) -> Value:
    """Return one value for several alternatives, each once."""
    found: list[Value] = []
    for value in values:
        for option in options(value):
            if option not in found and len(found) < MOST_OPTIONS:
                found.append(option)
    if not found:
        return unknown("...")
    return found[0] if len(found) == 1 else Either(tuple(found))


def doubted(value: Value, reason: str) -> Value:
    """Return a value with the reason why it could be another."""
    match value:
        case Text() | Scalar():
            return value if value.doubt else replace(value, doubt=reason)
        case Either():
            return Either(tuple(doubted(option, reason) for option in value.options))
        case Defaulted():
            return replace(value, value=doubted(value.value, reason))
    return value


def undefaulted(value: Value | None) -> Value | None:
    """Return what a value falls back on, or the value."""
    while isinstance(value, Defaulted):
        value = value.value
    return value


def joined(pieces: Iterable[tuple[Value, str]]) -> Text:
    """Return the text of some values put together; each comes with its code, for the holes."""
    parts: list[Part] = []
    spot = None
    doubt = ""
    for value, written in pieces:
        text = in_text(value, written)
        spot = spot or text.spot
        doubt = doubt or text.doubt
        for part in text.parts:
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
    return Text(tuple(parts), spot, doubt)


def in_text(value: Value, written: str) -> Text:
    """Return a value as it looks inside a text."""
    match value:
        case Text():
            return value
        case Scalar():
            return Text((str(value.value),))
        case Unknown():
            return Text((replace(value.hole, expression=value.hole.expression or written),))
        case Defaulted():
            return Text((_with_default(value),))
        case Member():
            return Text((Hole(value.written or written),))
        case Made() if value.call is not None:
            return Text((Hole(code(value.call)),))
    return Text((Hole(written),))


def _with_default(value: Defaulted) -> Hole:
    inner = undefaulted(value)
    default = plain(inner)
    if default is None and isinstance(inner, Scalar) and inner.value is not None:
        default = str(inner.value)
    if default is None:
        return value.hole
    spot = inner.spot if isinstance(inner, Text) else None
    doubt = inner.doubt if isinstance(inner, Text | Scalar) else ""
    return replace(value.hole, default=default, doubt=value.hole.doubt or doubt, spot=spot)


class Unclear(Exception):
    """A value is not known in full: which part."""


def as_json(value: Value | None, depth: int = 0) -> Json:
    """Return a value as JSON; raises Unclear when a part of it is known at run time only."""
    value = undefaulted(value)
    if depth > 60:
        raise Unclear("it is nested too deeply")
    match value:
        case Text():
            text = plain(value)
            if text is None:
                raise Unclear("a text in it has variables")
            return text
        case Scalar():
            if isinstance(value.value, float) and not math.isfinite(value.value):
                raise Unclear("a number in it is not finite")
            return value.value
        case Listing():
            return [as_json(item, depth + 1) for item in value.items]
        case Table():
            return dict(_entries(value, depth))
        case Unknown():
            raise Unclear(f"`{value.hole.expression}` is known at run time only")
    raise Unclear("a part of it is known at run time only")


def _entries(table: Table, depth: int) -> Iterator[tuple[str, Json]]:
    for key, value in table.entries:
        name = plain(key)
        if name is None and isinstance(key, Scalar):
            name = str(key.value)
        if name is None:
            raise Unclear("a key in it is known at run time only")
        yield name, as_json(value, depth + 1)
