"""Texts put together at run time: `%`, `format`, templates, joins, and files that hold them."""

from __future__ import annotations

import ast
import inspect
import os.path
import re
import string
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from migrate.edges.scanning.python.places import code
from migrate.edges.scanning.python.scopes import Scope
from migrate.edges.scanning.python.values import (
    LONGEST_INLINE,
    Arguments,
    Defaulted,
    Either,
    Given,
    Hole,
    Listing,
    Part,
    Scalar,
    Spread,
    Table,
    Text,
    Unknown,
    Value,
    either,
    in_text,
    joined,
    options,
    plain,
    unknown,
)

if TYPE_CHECKING:
    from migrate.edges.scanning.python.reading import Reader

MOST_COMBINED: Final = 6
_PERCENT: Final = re.compile(r"%(?:%|(?:\((?P<name>[^)]*)\))?[-#0 +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?[a-zA-Z])")
_DOLLAR: Final = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})")
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_MARK: Final = "\ue000{}\ue001"
_MARKED: Final = re.compile("\ue000(\\d+)\ue001")


def combined(pieces: Sequence[tuple[Value, str]]) -> Value:
    """Return some values put together; short words with alternatives give one text an alternative."""
    alternatives: list[tuple[tuple[Value, str], ...]] = [()]
    wordy = any(_is_wordy(option) for value, _ in pieces for option in options(value))
    for value, written in pieces:
        choices = [value] if wordy else list(options(value))
        alternatives = [(*made, (choice, written)) for made in alternatives for choice in choices][:MOST_COMBINED]
    return either(joined(made) for made in alternatives)


def _is_wordy(value: Value) -> bool:
    text = "".join(part for part in in_text(value, "").parts if isinstance(part, str))
    return len(text) > LONGEST_INLINE or any(char.isspace() for char in text)


def filled(text: Text, pattern: re.Pattern[str], fill: Callable[[re.Match[str]], tuple[Value, str] | str]) -> Text:
    """Return a text in which everything a pattern finds is replaced by a value, or by other text."""
    pieces: list[tuple[Value, str]] = []
    for part in text.parts:
        if not isinstance(part, str):
            pieces.append((Text((part,)), ""))
            continue
        at = 0
        for match in pattern.finditer(part):
            pieces.append((Text((part[at : match.start()],)), ""))
            made = fill(match)
            pieces.append((Text((made,)), "") if isinstance(made, str) else made)
            at = match.end()
        pieces.append((Text((part[at:],)), ""))
    return replace(joined(pieces), spot=text.spot, doubt=text.doubt)


def percent(reader: Reader, text: Text, node: ast.expr, scope: Scope, given: Given) -> Value:
    """Return `text % node`."""
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    values = iter([(reader.inlined(item, scope, given), code(item)) for item in items])
    whole = reader.value(node, scope, given)

    def fill(match: re.Match[str]) -> tuple[Value, str] | str:
        if match.group() == "%%":
            return "%"
        name = match["name"]
        if name is None:
            return next(values, (unknown("..."), "..."))
        found = whole.get(name) if isinstance(whole, Table) else None
        return found or unknown(name), name

    return filled(text, _PERCENT, fill)


def formatted(text: Text, arguments: Arguments) -> Value:
    """Return `text.format(...)`."""
    counter = iter(range(1_000))
    pieces: list[tuple[Value, str]] = []
    for part in text.parts:
        if not isinstance(part, str):
            pieces.append((Text((part,)), ""))
            continue
        try:
            fields = list(string.Formatter().parse(part))
        except ValueError:
            return text
        for literal, name, _, _ in fields:
            pieces.append((Text((literal,) if literal else ()), ""))
            if name is not None:
                pieces.append(_field(name or str(next(counter)), arguments))
    return replace(joined(pieces), spot=text.spot, doubt=text.doubt)


def _field(name: str, arguments: Arguments) -> tuple[Value, str]:
    head = re.split(r"[.\[]", name, maxsplit=1)[0]
    rest = name[len(head) :]
    at = int(head) if head.isdecimal() else None
    value = arguments.get(head, at)
    written = arguments.written.get(head, head if at is None else f"argument_{head}")
    if value is None or rest:
        return unknown(written + rest), written + rest
    if isinstance(value, Unknown) and not value.hole.parameter:
        return unknown(written), written
    return value, written


def substituted(text: Text, arguments: Arguments) -> Value:
    """Return `string.Template(text).substitute(...)`."""
    mapping = arguments.get("", 0)

    def fill(match: re.Match[str]) -> tuple[Value, str] | str:
        if match["escaped"]:
            return "$"
        name = match["plain"] or match["braced"]
        value = arguments.get(name) or (mapping.get(name) if isinstance(mapping, Table) else None)
        return value or unknown(name), arguments.written.get(name, name)

    return filled(text, _DOLLAR, fill)


def replaced(text: Text, arguments: Arguments) -> Value:
    """Return `text.replace(old, new)`."""
    old, new = plain(arguments.get("old", 0)), arguments.get("new", 1)
    if not old or new is None:
        return text
    written = arguments.written.get("1", "...")
    return filled(text, re.compile(re.escape(old)), lambda _: (new, written))


def joined_by(separator: Text, arguments: Arguments) -> Value | None:
    """Return `separator.join(items)`: a text, whatever the items are; None when they have no name either."""
    items = arguments.get("", 0)
    if not isinstance(items, Listing) or any(isinstance(item, Spread) for item in items.items):
        written = arguments.written.get("0", "")
        return Text((Hole(written),)) if _NAME.fullmatch(written) else None
    pieces: list[tuple[Value, str]] = []
    for item in items.items:
        pieces += [(separator, ""), (item, "...")]
    return joined(pieces[1:])


def reshaped(text: Text, shape: Callable[[str], str]) -> Text:
    """Return a text after something that looks at its letters alone, its holes standing in as one word each."""
    holes: list[Part] = [part for part in text.parts if not isinstance(part, str)]
    marks = iter(range(len(holes)))
    marked = "".join(part if isinstance(part, str) else _MARK.format(next(marks)) for part in text.parts)
    pieces = _MARKED.split(shape(marked))
    parts: list[Part] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            parts.append(holes[int(piece)])
        elif piece:
            parts.append(piece)
    return replace(text, parts=tuple(parts))


SHAPES: Final[Mapping[str, Callable[[str], str]]] = {
    **{name: getattr(str, name) for name in ("strip", "lstrip", "rstrip")},
    "removeprefix": lambda text: text,
    "removesuffix": lambda text: text,
    "expandtabs": str.expandtabs,
    "lower": str.lower,
    "upper": str.upper,
}
DEDENTS: Final[Mapping[str, Callable[[str], str]]] = {
    "textwrap.dedent": textwrap.dedent,
    "inspect.cleandoc": inspect.cleandoc,
}


# --- Lists and mappings that grow ---------------------------------------------------------------------------------


def mutated(value: Value, node: ast.Call, arguments: Arguments) -> Value:
    """Return a list or mapping after a method that changes it."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    first = arguments.get("", 0)
    if isinstance(value, Either):
        return either(mutated(option, node, arguments) for option in value.options)
    if method == "update":
        return _updated(as_table(value), arguments)
    if isinstance(value, Table):
        return value
    items = value.items if isinstance(value, Listing) else (Spread(value),) if _may_be_list(value) else None
    if items is None or first is None:
        return value
    if method == "append":
        return Listing((*items, first))
    if method == "extend":
        more = first.items if isinstance(first, Listing) else (Spread(_as_unknown(first, arguments)),)
        return Listing((*items, *more))
    if method == "insert" and (new := arguments.get("", 1)) is not None:
        at = int(first.value or 0) if isinstance(first, Scalar) else len(items)
        return Listing((*items[:at], new, *items[at:]))
    return value


def entered(value: Value, entry: tuple[Value, Value]) -> Value:
    """Return a mapping after `mapping[key] = value`; lists and texts stay."""
    if isinstance(value, Listing | Text):
        return value
    return Table((*as_table(value).entries, entry))


def as_table(value: Value) -> Table:
    """Return a mapping; one that is not known holds whatever it holds."""
    return value if isinstance(value, Table) else Table(((None, Spread(value)),))


def _may_be_list(value: Value) -> bool:
    return isinstance(value, Unknown | Defaulted)


def _as_unknown(value: Value, arguments: Arguments) -> Value:
    return value if isinstance(value, Unknown) else unknown(arguments.written.get("0", "..."))


def _updated(table: Table, arguments: Arguments) -> Table:
    entries = [*table.entries, *((Text((name,)), value) for name, value in arguments.named)]
    given = arguments.get("", 0)
    if isinstance(given, Table):
        entries += given.entries
    elif given is not None:
        entries.append((None, Spread(_as_unknown(given, arguments))))
    return Table(tuple(entries))


# --- Paths and files ----------------------------------------------------------------------------------------------


def path_of(left: Value, right: Value, written: str) -> Value:
    """Return `path / name`."""
    one, other = plain(left), plain(right)
    if one is None or other is None:
        return unknown(written)
    return Text((os.path.join(one, other),))  # noqa: PTH118 - text, never a path of ours


def joined_path(values: Iterable[Value], written: str) -> Value:
    """Return `Path(a, b)` or `os.path.join(a, b)`."""
    names = [plain(value) for value in values]
    if not names or any(name is None for name in names):
        return unknown(written)
    return Text((os.path.join(*(name for name in names if name is not None)),))  # noqa: PTH118


def folder_of(text: Text, levels: int = 1) -> Value:
    """Return the folder of a path."""
    path = plain(text)
    if path is None:
        return unknown("parent")
    for _ in range(levels):
        path = os.path.dirname(path)  # noqa: PTH120
    return Text((path,))


def file_text(reader: Reader, value: Value | None, scope: Scope) -> Text | None:
    """Return the text of a file of the tree that code names: absolute, beside the code, or from a folder above it."""
    name = plain(value)
    if not name or len(name) > 1_000 or "\0" in name:
        return None
    tree = reader.project.tree
    folder = scope.module.file.path.parent
    for base in (folder, *folder.parents):
        if not base.is_relative_to(tree.root):
            break
        found = tree.text_of(base / name)
        if found is not None:
            return Text((found,) if found else ())
    return None


def template_text(reader: Reader, value: Value | None, scope: Scope) -> Text | None:
    """Return the text of the one file of the tree that a template loader would find under a name."""
    name = plain(value)
    if not name:
        return None
    ends = [file for file in reader.project.tree.files if f"/{file.name}".endswith(f"/{name.lstrip('./')}")]
    if len(ends) != 1:
        return file_text(reader, value, scope)
    found = reader.project.tree.text_of(ends[0].path)
    return None if found is None else Text((found,) if found else ())


def hole_of(value: Value, written: str) -> Hole:
    """Return the hole that a value leaves."""
    part = in_text(value, written).parts
    return part[0] if len(part) == 1 and isinstance(part[0], Hole) else Hole(written)
