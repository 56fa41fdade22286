"""Scopes of a module and every place that gives a name a value, in the order of the text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from migrate.edges.scanning.python.modules import Module
    from migrate.edges.scanning.python.values import Value

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Owner: TypeAlias = ast.Module | FunctionNode | ast.ClassDef | ast.Lambda | Comprehension

MUTATORS: Final = frozenset({"append", "extend", "insert", "update", "setdefault"})

LONGEST_CHAIN: Final = 4
"""Attributes in a row that are followed as one name."""

Way = Literal["value", "part", "element", "entered", "annotated", "grown", "changed", "import", "definition", "other"]
"""value: `x = ...`; part: one of `x, y = ...`; element: `for x in ...`; entered: `with ... as x`; annotated: `x: T`;
grown: `x += ...`; changed: `x.append(...)`, `x["k"] = ...`; import, definition: as they say; other: run time knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place that gives a name a value."""

    way: Way
    statement: ast.AST
    """The statement, or the comprehension, it stands in."""
    value: ast.expr | None = None
    at: tuple[int, ...] = ()
    """For a part: its place in what is unpacked."""
    node: ast.AST | None = None
    """The call that changes it, the annotation, the import's alias."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One place where a method gives `self.name` a value, or changes it."""

    method: Scope
    value: ast.expr | None
    annotation: ast.expr | None = None
    change: ast.Call | None = None
    """`self.name.append(...)`."""


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function, lambda or comprehension, and the names bound in it."""

    node: Owner
    parent: Scope | None
    module: Module
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""
    returned: list[ast.expr] = field(default_factory=list)
    """What a function returns or yields."""
    attributes: dict[str, list[Attribute]] = field(default_factory=dict)
    """Of a class: what its methods give `self.name`."""
    settled: dict[str, Value] = field(default_factory=dict)
    """What names with one place to come from mean: imports, functions, classes."""

    @property
    def function(self) -> Scope | None:
        """Return the innermost function that this scope is, or lies in."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, FunctionNode):
            scope = scope.parent
        return scope

    @property
    def in_class(self) -> Scope | None:
        """Return the scope of the class whose method this function is."""
        parent = self.parent
        return parent if parent is not None and isinstance(parent.node, ast.ClassDef) else None

    @property
    def name(self) -> str:
        """Return the qualified name: `Assistant.ask`; empty for a module."""
        names = []
        scope: Scope | None = self
        while scope is not None:
            if isinstance(scope.node, FunctionNode | ast.ClassDef):
                names.append(scope.node.name)
            scope = scope.parent
        return ".".join(reversed(names))

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more place."""
        self.bindings.setdefault(name, []).append(binding)


@dataclass(slots=True)
class Found:
    """What one walk over a module brings."""

    scope_of: dict[ast.AST, Scope] = field(default_factory=dict)
    """Function, class, lambda or comprehension -> its own scope."""
    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)
    pipes: list[tuple[ast.BinOp, Scope]] = field(default_factory=list)
    """`a | b | c`, the outermost only."""
    literals: list[tuple[ast.Constant, Scope]] = field(default_factory=list)


class Surveyor:
    """Walks a module once, without recursion: no depth of its nesting can exhaust Python's."""

    def __init__(self, module: Module, tree: ast.Module) -> None:
        self.root = Scope(tree, None, module)
        self.found = Found({tree: self.root})
        self._stack: list[tuple[ast.AST, Scope, bool]] = []

    def survey(self) -> Found:
        """Return everything that was found, in the order of the text."""
        self._push(self.root.node.body, self.root)  # type: ignore[union-attr, arg-type]
        while self._stack:
            node, scope, piped = self._stack.pop()
            self._visit(node, scope, piped)
        return self.found

    def _push(self, nodes: list[ast.AST] | list[ast.stmt] | list[ast.expr], scope: Scope) -> None:
        self._stack.extend((node, scope, False) for node in reversed(nodes))

    def _visit(self, node: ast.AST, scope: Scope, piped: bool) -> None:
        if isinstance(node, FunctionNode):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            scope.bind(node.name, Binding("definition", node))
            self._push([*node.decorator_list, *node.bases, *node.keywords], scope)
            self._push(node.body, self._scope(node, scope))
        elif isinstance(node, ast.Lambda):
            self._push(_defaults(node.args), scope)
            inner = self._scope(node, scope)
            inner.returned.append(node.body)
            self._push([node.body], inner)
        elif isinstance(node, Comprehension):
            self._comprehension(node, scope)
        else:
            self._plain(node, scope, piped)

    def _scope(self, node: Owner, parent: Scope) -> Scope:
        scope = Scope(node, parent, parent.module)
        self.found.scope_of[node] = scope
        return scope

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        scope.bind(node.name, Binding("definition", node))
        self._push([*node.decorator_list, *_defaults(node.args)], scope)
        self._push(node.body, self._scope(node, scope))

    def _comprehension(self, node: Comprehension, scope: Scope) -> None:
        inner = self._scope(node, scope)
        parts: list[ast.AST] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for index, loop in enumerate(node.generators):
            self._targets(loop.target, Binding("element", node, loop.iter), inner)
            # The first iterable is evaluated outside.
            self._push([loop.iter], inner if index else scope)
            parts += loop.ifs
        self._push(parts, inner)

    def _plain(self, node: ast.AST, scope: Scope, piped: bool) -> None:
        note = _NOTES.get(type(node))
        if note is not None:
            note(self, node, scope)
        is_pipe = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
        if isinstance(node, ast.BinOp) and is_pipe and not piped:
            self.found.pipes.append((node, scope))
        children = [(child, scope, is_pipe) for child in ast.iter_child_nodes(node) if not isinstance(child, _BARE)]
        self._stack.extend(reversed(children))

    # --- Bindings -------------------------------------------------------------------------------------------

    def _targets(self, target: ast.AST, binding: Binding, scope: Scope, at: tuple[int, ...] = ()) -> None:
        if isinstance(target, ast.Name):
            made = binding if not at else Binding("part", binding.statement, binding.value, at, binding.node)
            home = scope
            if isinstance(binding.statement, ast.NamedExpr):
                while isinstance(home.node, Comprehension) and home.parent is not None:
                    home = home.parent
            home.bind(target.id, made if not at or binding.way == "value" else Binding("other", binding.statement))
        elif isinstance(target, ast.Tuple | ast.List):
            for index, item in enumerate(target.elts):
                self._targets(item, binding, scope, (*at, index))
        elif isinstance(target, ast.Starred):
            self._targets(target.value, Binding("other", binding.statement), scope)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            scope.bind(target.value.id, Binding("changed", binding.statement, binding.value, node=target))
        elif isinstance(target, ast.Attribute) and binding.way in ("value", "annotated", "entered"):
            annotation = binding.node if isinstance(binding.node, ast.expr) else None
            self._attribute(target, scope, None if at else binding.value, annotation)

    def _attribute(
        self,
        target: ast.Attribute,
        scope: Scope,
        value: ast.expr | None,
        annotation: ast.expr | None = None,
        change: ast.Call | None = None,
    ) -> None:
        method = scope.function
        home = method.in_class if method is not None else None
        chain = chain_of(target)
        if method is None or home is None or chain is None:
            return
        arguments = method.node.args  # type: ignore[union-attr]
        first = next(iter([*arguments.posonlyargs, *arguments.args]), None)
        if first is not None and first.arg == chain[0]:
            home.attributes.setdefault(".".join(chain[1:]), []).append(Attribute(method, value, annotation, change))

    def assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self._targets(target, Binding("value", node, node.value), scope)

    def annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        way: Way = "value" if node.value is not None else "annotated"
        self._targets(node.target, Binding(way, node, node.value, node=node.annotation), scope)

    def grown(self, node: ast.AugAssign, scope: Scope) -> None:
        way: Way = "grown" if isinstance(node.op, ast.Add | ast.BitOr) else "other"
        self._targets(node.target, Binding(way, node, node.value), scope)

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self._targets(node.target, Binding("element", node, node.iter), scope)

    def entered(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self._targets(item.optional_vars, Binding("entered", node, item.context_expr), scope)

    def walrus(self, node: ast.NamedExpr, scope: Scope) -> None:
        self._targets(node.target, Binding("value", node, node.value), scope)

    def imported(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            name = alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
            scope.bind(name, Binding("import", node, node=alias))

    def declared(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.elsewhere.update(node.names)

    def caught(self, node: ast.ExceptHandler, scope: Scope) -> None:
        if node.name:
            scope.bind(node.name, Binding("other", node))

    def matched(self, node: ast.MatchAs | ast.MatchStar, scope: Scope) -> None:
        if node.name:
            scope.bind(node.name, Binding("other", node))

    def returned(self, node: ast.Return | ast.Yield, scope: Scope) -> None:
        function = scope.function
        if node.value is not None and function is not None:
            function.returned.append(node.value)

    def call(self, node: ast.Call, scope: Scope) -> None:
        self.found.calls.append((node, scope))
        method = node.func
        if isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name) and method.attr in MUTATORS:
            scope.bind(method.value.id, Binding("changed", node, node=node))
        elif isinstance(method, ast.Attribute) and isinstance(method.value, ast.Attribute) and method.attr in MUTATORS:
            self._attribute(method.value, scope, None, change=node)

    def literal(self, node: ast.Constant, scope: Scope) -> None:
        if isinstance(node.value, str):
            self.found.literals.append((node, scope))


_BARE: Final = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
"""Nodes that hold nothing."""
_NOTES: Final[dict[type[ast.AST], Any]] = {
    ast.Assign: Surveyor.assign,
    ast.AnnAssign: Surveyor.annotated,
    ast.AugAssign: Surveyor.grown,
    ast.For: Surveyor.loop,
    ast.AsyncFor: Surveyor.loop,
    ast.With: Surveyor.entered,
    ast.AsyncWith: Surveyor.entered,
    ast.NamedExpr: Surveyor.walrus,
    ast.Import: Surveyor.imported,
    ast.ImportFrom: Surveyor.imported,
    ast.Global: Surveyor.declared,
    ast.Nonlocal: Surveyor.declared,
    ast.ExceptHandler: Surveyor.caught,
    ast.MatchAs: Surveyor.matched,
    ast.MatchStar: Surveyor.matched,
    ast.Return: Surveyor.returned,
    ast.Yield: Surveyor.returned,
    ast.Call: Surveyor.call,
    ast.Constant: Surveyor.literal,
}  # fmt: skip


def chain_of(node: ast.expr) -> list[str] | None:
    """Return the names in `self.config.model`; None when something else stands at its head."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < LONGEST_CHAIN:
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else None


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    """Yield the parameters that can be given by position or name."""
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)


def default_of(arguments: ast.arguments, name: str) -> ast.expr | None:
    """Return the default of a parameter; None when it has none."""
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    for index, argument in enumerate(positional):
        if argument.arg == name:
            return arguments.defaults[index - first] if index >= first else None
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if argument.arg == name:
            return default
    return None
