"""Expressions read as values: names followed to what they were given, through functions, classes and modules."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from migrate.edges.scanning.nouns import Spot
from migrate.edges.scanning.python import known, objects, texts
from migrate.edges.scanning.python.apis import CALLS, is_client
from migrate.edges.scanning.python.giving import all_parameters, given_by, matched, merged, named_spread
from migrate.edges.scanning.python.modules import Module, Project
from migrate.edges.scanning.python.places import code, spot_of
from migrate.edges.scanning.python.reaching import State, reaching
from migrate.edges.scanning.python.scopes import Binding, Comprehension, FunctionNode, Scope, default_of
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    Defaulted,
    Either,
    External,
    Function,
    Given,
    Hole,
    Instance,
    Listing,
    Member,
    Package,
    Parameter,
    Partial,
    Scalar,
    Spread,
    Table,
    Text,
    Unknown,
    Value,
    doubted,
    either,
    joined,
    options,
    plain,
    unknown,
)

DEEPEST: Final = 60
MOST_STEPS: Final = 5_000
"""Expressions read for one call; past it everything is unknown."""
MOST_INLINED: Final = 8
"""Functions of the project that are looked into one inside the other."""
MOST_GUESSES: Final = 3
"""Places looked at for a name whose value the order of the text does not explain."""
NOTHING: Final[Given] = {}


class Reader:
    """Reads expressions of a project's modules. Never imports, compiles or runs them."""

    def __init__(self, project: Project, environment: Mapping[str, list[tuple[str, Spot]]] | None = None) -> None:
        self.project = project
        self.environment = environment or {}
        """Environment variable -> what configuration files of the tree set it to."""
        self._depth = 0
        self._steps = 0
        self.active: list[tuple[str, int, int | str]] = []
        """Functions and attributes that are being looked into, one inside the other."""

    def fresh(self) -> None:
        """Begin the reading of another call, with all steps to spend."""
        self._steps = 0

    def value(self, node: ast.expr, scope: Scope, given: Given = NOTHING) -> Value:
        """Return what an expression may be where it stands, for what the functions around it were given."""
        memo = scope.module.memo
        if not given and node in memo:
            return memo[node]
        self._steps += 1
        if self._depth >= DEEPEST or self._steps > MOST_STEPS:
            return unknown(code(node))
        self._depth += 1
        try:
            read = _READERS.get(type(node))
            found = read(self, node, scope, given) if read is not None else unknown(code(node))
        finally:
            self._depth -= 1
        if not given and self._steps <= MOST_STEPS and self._depth < DEEPEST // 2 and not self.active:
            memo[node] = found
        return found

    def spot(self, node: ast.AST, scope: Scope) -> Spot:
        """Return the place of a node."""
        return spot_of(node, scope.module)

    # --- Literals -------------------------------------------------------------------------------------------

    def constant(self, node: ast.Constant, scope: Scope, given: Given) -> Value:  # noqa: ARG002
        match node.value:
            case str(text):
                return Text((text,) if text else (), self.spot(node, scope))
            case bool() | int() | float() | None:
                return Scalar(node.value)
        return unknown(code(node))

    def f_string(self, node: ast.JoinedStr, scope: Scope, given: Given) -> Value:
        pieces = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                pieces.append((self.inlined(part.value, scope, given), code(part.value)))
            else:
                pieces.append((self.value(part, scope, given), ""))
        return replace(joined(pieces), spot=self.spot(node, scope))

    def inlined(self, node: ast.expr, scope: Scope, given: Given) -> Value:
        """Return what stands inside a text, a hole named after its code where it is not known."""
        found = self.value(node, scope, given)
        if isinstance(found, Unknown) and not found.hole.parameter:
            return unknown(code(node))
        return found

    def listing(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope, given: Given) -> Value:
        items: list[Value] = []
        for item in node.elts:
            if not isinstance(item, ast.Starred):
                items.append(self.value(item, scope, given))
                continue
            inner = self.value(item.value, scope, given)
            items += inner.items if isinstance(inner, Listing) else [Spread(named_spread(inner, item.value))]
        return Listing(tuple(items))

    def table(self, node: ast.Dict, scope: Scope, given: Given) -> Value:
        entries: list[tuple[Value | None, Value]] = []
        for key, item in zip(node.keys, node.values, strict=True):
            found = self.value(item, scope, given)
            if key is not None:
                entries.append((self.value(key, scope, given), found))
            elif isinstance(found, Table):
                entries += found.entries
            else:
                entries.append((None, Spread(named_spread(found, item))))
        return Table(tuple(entries))

    # --- Operators ------------------------------------------------------------------------------------------

    def operation(self, node: ast.BinOp, scope: Scope, given: Given) -> Value:
        if isinstance(node.op, ast.Add):
            return self._sum(node, scope, given)
        left = self.value(node.left, scope, given)
        if isinstance(node.op, ast.Mod) and isinstance(left, Text):
            return texts.percent(self, left, node.right, scope, given)
        right = self.value(node.right, scope, given)
        if isinstance(node.op, ast.BitOr) and isinstance(left, Table) and isinstance(right, Table):
            return Table((*left.entries, *right.entries))
        if isinstance(node.op, ast.Div):
            return texts.path_of(left, right, code(node))
        if isinstance(node.op, ast.Mult) and plain(left) and isinstance(right, Scalar) and right.value in range(100):
            return Text((str(plain(left)) * int(right.value or 0),))
        return unknown(code(node))

    def _sum(self, node: ast.BinOp, scope: Scope, given: Given) -> Value:
        terms: list[ast.expr] = []
        left: ast.expr = node
        # A long sum leans to the left: taken apart here, it costs no depth.
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            terms.append(left.right)
            left = left.left
        total = self.inlined(left, scope, given)
        written = code(left)
        for term in reversed(terms):
            total = _added(total, written, self.inlined(term, scope, given), code(term))
            written = "..."
        return total if not isinstance(total, Unknown) else unknown(code(node))

    def choice(self, node: ast.IfExp, scope: Scope, given: Given) -> Value:
        both = (self.value(node.body, scope, given), self.value(node.orelse, scope, given))
        return either(doubted(one, "one of two branches") for one in both)

    def boolean(self, node: ast.BoolOp, scope: Scope, given: Given) -> Value:
        if isinstance(node.op, ast.And):
            return self.value(node.values[-1], scope, given)
        found = [self.value(part, scope, given) for part in node.values]
        first = found[0]
        if isinstance(first, Unknown) and len(found) > 1:
            rest = either(found[1:])
            return Defaulted(first.hole, doubted(rest, f"when `{code(node.values[0])}` is not given"))
        return either(part for part in found if not (isinstance(part, Scalar) and part.value is None))

    def negative(self, node: ast.UnaryOp, scope: Scope, given: Given) -> Value:
        inner = self.value(node.operand, scope, given)
        if isinstance(node.op, ast.USub) and isinstance(inner, Scalar) and isinstance(inner.value, int | float):
            return Scalar(-inner.value)
        return unknown(code(node))

    def inner(self, node: ast.Await | ast.Starred | ast.NamedExpr | ast.YieldFrom, scope: Scope, given: Given) -> Value:
        return self.value(node.value, scope, given)

    def comprehension(self, node: Comprehension, scope: Scope, given: Given) -> Value:
        if isinstance(node, ast.DictComp):
            return unknown(code(node))
        self.value(node.generators[0].iter, scope, given)
        return Listing((Spread(unknown(code(node))),))

    def function(self, node: ast.Lambda, scope: Scope, given: Given) -> Value:
        return Function(node, scope.module.found.scope_of[node], given=given)

    # --- Names ----------------------------------------------------------------------------------------------

    def name(self, node: ast.Name, scope: Scope, given: Given) -> Value:
        return self.named(node.id, scope, given, node)

    def named(self, name: str, scope: Scope, given: Given, use: ast.AST | None) -> Value:
        """Return what a name means in a scope; `use` None: when everything in the scope has run."""
        home: Scope | None = scope
        inline = True
        while home is not None:
            visible = home is scope or not isinstance(home.node, ast.ClassDef)
            if visible and name not in home.elsewhere:
                found = self._in_scope(name, home, given, use if inline else None)
                if found is not None:
                    return found
            inline = inline and isinstance(home.node, Comprehension | ast.Lambda)
            home = home.parent
        return self._from_outside(name, scope.module)

    def _in_scope(self, name: str, scope: Scope, given: Given, use: ast.AST | None) -> Value | None:
        is_parameter = isinstance(scope.node, FunctionNode | ast.Lambda) and name in all_parameters(scope.node.args)
        if name not in scope.bindings:
            return self.parameter(name, scope, given) if is_parameter else None
        if name in scope.settled:
            return scope.settled[name]
        found: list[Value] = []
        for state in reaching(scope, name, use):
            if state and state[0].way not in ("grown", "changed"):
                found.append(self._folded(name, state, scope, given))
            elif is_parameter:
                found.append(self._changed(self.parameter(name, scope, given), state, scope, given))
        if not found:
            found = [self._folded(name, (binding,), scope, given) for binding in scope.bindings[name][:MOST_GUESSES]]
        something = [value for value in found if not _is_nothing(value)]
        value = either(something or found)
        if not given and not is_parameter and all(one.way in _SETTLED for one in scope.bindings[name]):
            scope.settled[name] = value
        return value

    def _folded(self, name: str, state: State, scope: Scope, given: Given) -> Value:
        first = self._bound(name, state[0], scope, given)
        return self._changed(first, state[1:], scope, given)

    def _bound(self, name: str, binding: Binding, scope: Scope, given: Given) -> Value:
        """Return what one place gives a name."""
        where = scope.parent if isinstance(scope.node, Comprehension) and scope.parent else scope
        match binding.way:
            case "import":
                return self._imported(binding, scope)
            case "definition":
                return self.defined(binding.node or binding.statement, scope, given)
            case "annotated" if isinstance(binding.node, ast.expr):
                return objects.of_annotation(self, binding.node, scope) or unknown(name)
            case "value" | "entered" if binding.value is not None:
                return self._or_annotated(self.value(binding.value, where, given), name, binding, scope)
            case "part" if binding.value is not None:
                return _part(self.value(binding.value, where, given), binding.at) or unknown(name)
            case "element" if binding.value is not None:
                return _element(self.value(binding.value, where, given), name)
        return unknown(name)

    def _or_annotated(self, found: Value, name: str, binding: Binding, scope: Scope) -> Value:
        if isinstance(found, Unknown) and not found.hole.parameter:
            if isinstance(binding.node, ast.expr):
                return objects.of_annotation(self, binding.node, scope) or unknown(name)
            return found if found.hole.expression.startswith("$") else unknown(name)
        return found

    def _changed(self, value: Value, changes: State, scope: Scope, given: Given) -> Value:
        for binding in changes:
            if binding.way == "grown" and binding.value is not None:
                value = _added(value, "", self.inlined(binding.value, scope, given), code(binding.value))
            elif isinstance(binding.node, ast.Subscript) and binding.value is not None:
                entry = (self.value(binding.node.slice, scope, given), self.value(binding.value, scope, given))
                value = either(texts.entered(option, entry) for option in options(value))
            elif isinstance(binding.node, ast.Call):
                value = texts.mutated(value, binding.node, self.arguments(binding.node, scope, given))
        return value

    def defined(self, node: ast.AST, scope: Scope, given: Given) -> Value:
        """Return the function or class of a definition."""
        inner = scope.module.found.scope_of[node]
        if isinstance(node, ast.ClassDef):
            return Class(node, inner)
        assert isinstance(node, FunctionNode)
        return Function(node, inner, given=given)

    def _imported(self, binding: Binding, scope: Scope) -> Value:
        alias = binding.node
        assert isinstance(alias, ast.alias)
        statement = binding.statement
        if isinstance(statement, ast.Import):
            dotted = alias.name if alias.asname else alias.name.split(".")[0]
            module = self.project.imported(dotted, 0, scope.module)
            return Package(module) if module is not None else External(dotted)
        assert isinstance(statement, ast.ImportFrom)
        return self.member_of(statement.module or "", statement.level, alias.name, scope.module)

    def member_of(self, dotted: str, level: int, name: str, beside: Module) -> Value:
        """Return what `from dotted import name` brings into a module."""
        module = self.project.imported(dotted, level, beside)
        if module is not None and module is not beside:
            found = self.in_module(module, name)
            if found is not None:
                return found
        inner = self.project.imported(f"{dotted}.{name}" if dotted else name, level, beside)
        if inner is not None:
            return Package(inner)
        return unknown(name) if level or module is not None else External(f"{dotted}.{name}")

    def in_module(self, module: Module, name: str) -> Value | None:
        """Return what a module's name means to those who import it; None when it has no such name."""
        if name in module.scope.bindings:
            return self.named(name, module.scope, NOTHING, None)
        found = self._starred(name, module)
        return None if isinstance(found, External) and found.path.startswith("builtins.") else found

    def _from_outside(self, name: str, module: Module) -> Value:
        if name == "__file__":
            return Text((str(module.file.path),))
        found = self._starred(name, module)
        if found is not None:
            return found
        return External(f"builtins.{name}") if hasattr(builtins, name) else unknown(name)

    def _starred(self, name: str, module: Module) -> Value | None:
        for binding in module.scope.bindings.get("*", ()):
            statement = binding.statement
            if not isinstance(statement, ast.ImportFrom) or self._depth >= DEEPEST:
                continue
            source = self.project.imported(statement.module or "", statement.level, module)
            if source is None and not statement.level and not hasattr(builtins, name):
                path = f"{statement.module}.{name}"
                if is_client(path) or path in CALLS:
                    return External(path)
            elif source is not None and source is not module:
                self._depth += 1
                try:
                    found = self.in_module(source, name)
                finally:
                    self._depth -= 1
                if found is not None:
                    return found
        return None

    # --- Parameters -----------------------------------------------------------------------------------------

    def parameter(self, name: str, scope: Scope, given: Given) -> Value:
        """Return what a function is given for a parameter, or else what its definition says of it."""
        values = given.get(scope)
        if values is not None and name in values:
            return values[name]
        node = scope.node
        assert isinstance(node, FunctionNode | ast.Lambda)
        owner = self._owner(name, scope)
        if owner is not None:
            return owner
        identity = Parameter(scope.module.file.shown, node.lineno, node.col_offset, name)
        hole = Hole(name, None if isinstance(node, ast.Lambda) else identity)
        default = default_of(node.args, name)
        annotated = objects.annotation_of(self, name, scope)
        if annotated is not None:
            return annotated
        value = self._default(default, name, scope, given)
        return Unknown(hole) if value is None else Defaulted(hole, doubted(value, f"default of parameter {name}"))

    def _default(self, default: ast.expr | None, name: str, scope: Scope, given: Given) -> Value | None:
        if default is None:
            return objects.option_default(self, name, scope)
        outside = {key: value for key, value in given.items() if key is not scope}
        value = known.declared(self, self.value(default, scope.parent or scope, outside))
        return None if _is_nothing(value) or isinstance(value, Unknown | Member) else value

    def _owner(self, name: str, scope: Scope) -> Value | None:
        """Return the instance or class that a method's first parameter stands for."""
        home = scope.in_class
        if home is None or not isinstance(scope.node, FunctionNode) or not isinstance(home.node, ast.ClassDef):
            return None
        first = next(iter([*scope.node.args.posonlyargs, *scope.node.args.args]), None)
        decorators = {code(decorator) for decorator in scope.node.decorator_list}
        if first is None or first.arg != name or "staticmethod" in decorators:
            return None
        made = Class(home.node, home)
        return made if "classmethod" in decorators or scope.node.name == "__new__" else Instance(made)

    # --- Attributes, items, calls ---------------------------------------------------------------------------

    def attribute(self, node: ast.Attribute, scope: Scope, given: Given) -> Value:
        deep = objects.deep_attribute(self, node, scope, given)
        if deep is not None:
            return deep
        return self.attribute_of(self.value(node.value, scope, given), node.attr, code(node))

    def attribute_of(self, owner: Value, name: str, written: str) -> Value:
        """Return `owner.name`."""
        return objects.attribute(self, owner, name, written)

    def item(self, node: ast.Subscript, scope: Scope, given: Given) -> Value:
        owner = self.value(node.value, scope, given)
        key = self.value(node.slice, scope, given) if not isinstance(node.slice, ast.Slice) else unknown("...")
        return either(known.item(self, option, key, code(node)) for option in options(owner))

    def call(self, node: ast.Call, scope: Scope, given: Given) -> Value:
        callee = self.value(node.func, scope, given)
        arguments = self.arguments(node, scope, given)
        return either(self.called(option, arguments, node, scope, given) for option in options(callee))

    def arguments(self, node: ast.Call, scope: Scope, given: Given = NOTHING) -> Arguments:
        """Return what a call gives."""
        return given_by(self, node, scope, given)

    def called(self, callee: Value, arguments: Arguments, node: ast.Call, scope: Scope, given: Given) -> Value:
        """Return what calling something gives."""
        match callee:
            case Function():
                return self.result(callee, arguments) or unknown(code(node))
            case Class():
                return self.made(callee, arguments, given)
            case Partial():
                return self.called(callee.function, merged(callee.arguments, arguments), node, scope, given)
            case External(path="builtins.super") if (parent := objects.above(self, scope)) is not None:
                return parent
            case External():
                return known.called(callee, known.Calling(self, arguments, node, scope))
            case Member():
                return known.method(callee, known.Calling(self, arguments, node, scope))
            case Instance():
                method = objects.attribute(self, callee, "__call__", code(node))
                if isinstance(method, Function):
                    return self.called(method, arguments, node, scope, given)
        return known.same_client(arguments) or unknown(code(node))

    def made(self, cls: Class, arguments: Arguments | None, given: Given) -> Value:
        """Return an object of a class of the project; of an enumeration the member."""
        if arguments is not None and arguments.positional and objects.is_enum(self, cls):
            return arguments.positional[0]
        return Instance(cls, arguments, given)

    def result(self, function: Function, arguments: Arguments) -> Value | None:
        """Return what a function of the project returns; None when that is not known."""
        if function.identity in self.active or len(self.active) >= MOST_INLINED:
            return None
        self.active.append(function.identity)
        try:
            given = self.bound(function, arguments)
            found = [self.value(node, function.scope, given) for node in function.scope.returned]
        finally:
            self.active.pop()
        found = [value for value in found if not _is_nothing(value)]
        value = either(found) if found else None
        if (value is None or isinstance(value, Unknown)) and isinstance(function.node, FunctionNode):
            returns = function.node.returns
            return objects.of_annotation(self, returns, function.scope) if returns is not None else None
        return value

    def bound(self, function: Function, arguments: Arguments) -> Given:
        """Return what the scopes are given when a function is called so."""
        values = dict(matched(self, function, arguments))
        return {**function.given, function.scope: values}


def _is_nothing(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None


def _added(left: Value, left_code: str, right: Value, right_code: str) -> Value:
    """Return a sum of texts or of lists."""
    if isinstance(left, Listing) or isinstance(right, Listing):
        return Listing((*_items(left, left_code), *_items(right, right_code)))
    if isinstance(left, Text | Defaulted | Either) or isinstance(right, Text | Defaulted | Either):
        return texts.combined([(left, left_code), (right, right_code)])
    return unknown(f"{left_code} + {right_code}")


def _items(value: Value, written: str) -> tuple[Value, ...]:
    if isinstance(value, Listing):
        return value.items
    if isinstance(value, Unknown):
        return (Spread(value),)
    return (Spread(unknown(written)),)


def _part(value: Value, at: tuple[int, ...]) -> Value | None:
    for index in at:
        if not isinstance(value, Listing) or index >= len(value.items) or isinstance(value.items[index], Spread):
            return None
        value = value.items[index]
    return value


def _element(value: Value, name: str) -> Value:
    if isinstance(value, Table):
        value = Listing(tuple(key for key, _ in value.entries if key is not None))
    if not isinstance(value, Listing) or any(isinstance(item, Spread) for item in value.items) or not value.items:
        return unknown(name)
    if any(plain(item) is None for item in value.items):
        return unknown(name)
    return either(doubted(item, f"one of {len(value.items)} in a loop") for item in value.items)


_SETTLED: Final = ("import", "definition")
_READERS: Final[Mapping[type[ast.AST], Callable[[Any, Any, Scope, Given], Value]]] = {
    ast.Constant: Reader.constant,
    ast.JoinedStr: Reader.f_string,
    ast.List: Reader.listing,
    ast.Tuple: Reader.listing,
    ast.Set: Reader.listing,
    ast.Dict: Reader.table,
    ast.BinOp: Reader.operation,
    ast.IfExp: Reader.choice,
    ast.BoolOp: Reader.boolean,
    ast.UnaryOp: Reader.negative,
    ast.Await: Reader.inner,
    ast.Starred: Reader.inner,
    ast.NamedExpr: Reader.inner,
    ast.YieldFrom: Reader.inner,
    ast.ListComp: Reader.comprehension,
    ast.SetComp: Reader.comprehension,
    ast.GeneratorExp: Reader.comprehension,
    ast.DictComp: Reader.comprehension,
    ast.Lambda: Reader.function,
    ast.Name: Reader.name,
    ast.Attribute: Reader.attribute,
    ast.Subscript: Reader.item,
    ast.Call: Reader.call,
}
