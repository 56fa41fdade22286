"""What each text in a module is there for: a value, a key, a comparison, a type, documentation."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Purpose = Literal["value", "key", "comparison", "type", "documentation"]
"""value: what the program uses; key: a key of a dictionary, or an index; comparison: `model == "..."`, `case "..."`;
type: inside `Literal[...]` or another annotation; documentation: a docstring, or a text nobody uses."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one text is there for."""

    purpose: Purpose = "value"
    name: str = ""
    """What it is given to: a variable, a keyword, a key, a parameter."""


Position: TypeAlias = tuple[int, int]
"""Line from 1, offset in bytes from 0."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A text, the pieces it is written in together, and what it is there for."""

    start: Position
    end: Position
    text: str | None
    """None for a text with variables in it."""
    context: Context


_METHODS: Final = frozenset({"startswith", "endswith", "removeprefix", "index", "count", "find"})


def contexts(tree: ast.Module) -> dict[Position, Context]:
    """Return the context of every text of a module by its position; texts that are plain values may be left out."""
    found: dict[Position, Context] = {}
    for node in ast.walk(tree):
        for part, context in _given(node):
            for inner in _texts(part):
                position = (inner.lineno, inner.col_offset)
                known = found.get(position)
                # The strongest reason not to be a value stays; a nearer name replaces a farther one.
                if known is None or known.purpose == "value":
                    found[position] = context
    return found


def stretches(tree: ast.Module) -> list[Stretch]:
    """Return every text of a module, in the order of the text."""
    known = contexts(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or _is_text(node):
            start = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
            end = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
            value = getattr(node, "value", None)
            text = value if isinstance(value, str) else None
            found.append(Stretch(start, end, text, known.get(start, Context())))
    return sorted(found, key=lambda one: (one.start, one.end))


def _given(node: ast.AST) -> Iterator[tuple[ast.AST, Context]]:
    reader = _GIVEN.get(type(node))
    if reader is not None:
        yield from reader(node)


def _of_statement(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    match node:
        case ast.Expr(value=ast.Constant()):
            yield node.value, Context("documentation")
        case ast.Assign():
            yield node.value, Context("value", _name(node.targets[0]))
        case ast.AnnAssign():
            yield node.annotation, Context("type", _name(node.target))
            if node.value is not None:
                yield node.value, Context("value", _name(node.target))


def _of_call(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    match node.func:
        case ast.Attribute(attr=method) if method in _METHODS:
            yield from ((part, Context("comparison")) for part in node.args)
        case ast.Attribute(attr="get" | "pop" | "setdefault") if node.args:
            yield node.args[0], Context("key")
    yield from ((one.value, Context("value", one.arg or "")) for one in node.keywords)


def _of_table(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            yield key, Context("key")
            yield value, Context("value", key.value if _is_text(key) else "")


def _of_comparison(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    parts = [node.value] if isinstance(node, ast.MatchValue) else [node.left, *node.comparators]
    yield from ((part, Context("comparison")) for part in parts)


def _of_index(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    yield node.slice, Context("type" if _is_type(node.value) else "key", _name(node.value))


def _of_parameter(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    if node.annotation is not None:
        yield node.annotation, Context("type", node.arg)


def _defaults(node: Any) -> Iterator[tuple[ast.AST, Context]]:
    positional = [*node.posonlyargs, *node.args]
    for argument, default in zip(reversed(positional), reversed(node.defaults), strict=False):
        yield default, Context("value", argument.arg)
    for argument, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if value is not None:
            yield value, Context("value", argument.arg)


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield the texts that stand directly in a place, through lists, sums and choices."""
    queue = [node]
    while queue:
        part = queue.pop()
        if isinstance(part, ast.JoinedStr) or _is_text(part):
            yield part  # type: ignore[misc]
        elif isinstance(part, ast.List | ast.Tuple | ast.Set):
            queue += part.elts
        elif isinstance(part, ast.BinOp):
            queue += [part.left, part.right]
        elif isinstance(part, ast.IfExp):
            queue += [part.body, part.orelse]
        elif isinstance(part, ast.BoolOp):
            queue += part.values
        elif isinstance(part, ast.Subscript) and _is_type(part.value):
            queue.append(part.slice)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_type(node: ast.expr) -> bool:
    return _name(node) in ("Literal", "Annotated", "Union", "Optional")


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return str(node.slice.value) if isinstance(node, ast.Subscript) and _is_text(node.slice) else ""  # type: ignore[attr-defined]


_GIVEN: Final[dict[type[ast.AST], Callable[[Any], Iterator[tuple[ast.AST, Context]]]]] = {
    ast.Expr: _of_statement,
    ast.Assign: _of_statement,
    ast.AnnAssign: _of_statement,
    ast.Call: _of_call,
    ast.Dict: _of_table,
    ast.Compare: _of_comparison,
    ast.MatchValue: _of_comparison,
    ast.Subscript: _of_index,
    ast.arg: _of_parameter,
    ast.arguments: _defaults,
}
