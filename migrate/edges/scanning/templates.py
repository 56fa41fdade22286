"""Texts with holes as Jinja2 templates: literal braces escaped, variables named after the code that fills them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

from migrate.drafting import escaped
from migrate.edges.scanning.nouns import Variable
from migrate.edges.scanning.python.values import Hole, JinjaSource, Part, Text
from migrate.vocabulary import Json

RESERVED: Final = frozenset(
    {
        *("true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else", "for"),
        *("self", "super", "loop", "range", "dict", "namespace", "cycler", "joiner", "lipsum", "import", "set", "do"),
    }
)
"""Names that Jinja2 does not look up among the variables."""
LONGEST_NAME: Final = 40
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SILENT: Final = frozenset(
    {
        *("self", "cls", "str", "repr", "int", "float", "round", "json", "dumps", "join", "strip", "lower", "upper"),
        *("format", "get", "isoformat", "strftime", "model_dump_json", "model_dump", "dict", "title", "read"),
    }
)
"""Words of an expression that say nothing of what it is."""


class Variables:
    """The variables of one prompt: each expression has one name, each name one expression."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.found: dict[str, Variable] = {}
        self.notes: list[str] = []
        """Templates that could not be understood."""

    def of(self, hole: Hole, *, turns: bool = False) -> str:
        """Return the name of the variable that fills a hole."""
        if hole.expression in self._names:
            return self._names[hole.expression]
        base = name_of(hole.expression)
        name = base
        count = 1
        while name in self.found or name in RESERVED:
            count += 1
            name = f"{base}_{count}"
        self._names[hole.expression] = name
        self.found[name] = Variable(name, hole.expression, hole.default, turns)
        return name

    def add(self, name: str, expression: str, shape: Json) -> None:
        """Add a variable whose name the template itself gives."""
        self._names.setdefault(expression, name)
        self.found.setdefault(name, Variable(name, expression, shape=shape))

    def template(self, text: Text) -> str:
        """Return a text as a Jinja2 template."""
        written = [self._written(part, text.parts[at + 1 : at + 2]) for at, part in enumerate(text.parts)]
        return "".join(written)

    def _written(self, part: Part, following: tuple[Part, ...]) -> str:
        if isinstance(part, Hole):
            return "{{ " + self.of(part) + " }}"
        if isinstance(part, JinjaSource):
            return self._jinja(part)
        return escaped(part, before_hole=bool(following))

    def _jinja(self, part: JinjaSource) -> str:
        try:
            shapes = shapes_of(part.source)
        except ValueError as error:
            self.notes.append(f"a template is not Jinja2 as prompt files take it ({error}): it stays as written")
            return escaped(part.source, before_hole=False)
        bound = dict(part.bound)
        for name, shape in shapes.items():
            self.add(name, bound.get(name, name), shape)
        return part.source


def name_of(expression: str) -> str:
    """Return a variable's name for a piece of code: `order.customer["name"]` becomes `order_customer_name`."""
    if expression.startswith("$"):
        words = [expression[1:].lower()]
    else:
        try:
            words = list(_words(ast.parse(expression, mode="eval").body))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            words = _WORD.findall(expression)
    said = [word for word in words if word not in _SILENT] or words
    name = re.sub(r"\W+", "_", "_".join(said[-3:]), flags=re.ASCII).strip("_")
    name = name[:LONGEST_NAME].strip("_") or "value"
    return name if not name[0].isdigit() else f"value_{name}"


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name():
            yield node.id
        case ast.Attribute():
            yield from _words(node.value)
            yield node.attr
        case ast.Subscript():
            yield from _words(node.value)
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                yield from _WORD.findall(node.slice.value)
        case ast.Call():
            inside = [*node.args, *(keyword.value for keyword in node.keywords)]
            words = [word for argument in inside[:1] for word in _words(argument)]
            called = [word for word in _words(node.func) if word not in _SILENT]
            yield from [*called, *words] or _words(node.func)
        case ast.Constant():
            return
        case _:
            for child in ast.iter_child_nodes(node):
                words = list(_words(child))
                if words:
                    yield from words
                    return


# --- Jinja2 ---------------------------------------------------------------------------------------------------------


def shapes_of(source: str) -> dict[str, Json]:
    """Return the variables of a Jinja2 template, each with a placeholder that fits its use; raises ValueError."""
    from jinja2 import Environment, TemplateError, meta

    environment = Environment(autoescape=False)  # noqa: S701 - parsed, never rendered
    try:
        tree = environment.parse(source)
        names = sorted(meta.find_undeclared_variables(tree) - set(environment.globals))
    except (TemplateError, RecursionError, ValueError) as error:
        raise ValueError(str(error)) from None
    return {name: _shape(tree, name) for name in names}


def _shape(tree: Any, name: str, depth: int = 0) -> Json:
    """Return what a name must be like: a list where it is looped over, a mapping where it has attributes."""
    from jinja2 import nodes

    if depth > 5:
        return None
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and loop.iter.name == name and isinstance(loop.target, nodes.Name):
            return [_shape(loop, loop.target.name, depth + 1)]
    keys: dict[str, Json] = {}
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if isinstance(node.node, nodes.Name) and node.node.name == name:
            key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
            if isinstance(key, str):
                keys[key] = None
    return keys or None
