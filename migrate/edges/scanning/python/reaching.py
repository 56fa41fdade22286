"""Which of the places that give a name a value can be the one that counts where the name is used."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from migrate.edges.scanning.python.scopes import Binding, Scope

MOST_STATES: Final = 8
MOST_CHANGES: Final = 40

State: TypeAlias = tuple[Binding, ...]
"""What gave the name its value, then what changed it since; empty: nothing yet."""

_CHANGES: Final = ("grown", "changed")
_DEAD_ENDS: Final = (ast.Return, ast.Raise)


def reaching(scope: Scope, name: str, use: ast.AST | None) -> list[State]:
    """Return what a name can be at a place of its own scope; `use` None: at the end, when other functions run.

    An empty state is the value it had before: that of a parameter.
    """
    bindings = scope.bindings[name]
    body = getattr(scope.node, "body", None)
    if not isinstance(body, list):
        return [(binding,) for binding in bindings]
    if len(bindings) == 1 and _settles(bindings[0], body, use):
        return [(bindings[0],)]
    walk = _Walk(bindings, use)
    states = walk.block(body, [()])
    found = walk.found if walk.found is not None else states
    return found or walk.seen[:MOST_STATES]


def _settles(binding: Binding, body: Sequence[ast.stmt], use: ast.AST | None) -> bool:
    """Return True for the one place that gives a name its value, under no condition, and whole before the use."""
    statement = binding.statement
    if binding.way in _CHANGES or not any(one is statement for one in body):
        return False
    at = _position(use)
    return at is None or (statement.end_lineno, statement.end_col_offset) <= at  # type: ignore[attr-defined]


class _Walk:
    """Walks the statements of one scope in their order, as structured as they are written."""

    def __init__(self, bindings: Sequence[Binding], use: ast.AST | None) -> None:
        self._bindings: dict[ast.AST, list[Binding]] = {}
        for binding in bindings:
            self._bindings.setdefault(binding.statement, []).append(binding)
        self._inside = [binding for binding in bindings if not isinstance(binding.statement, ast.stmt)]
        self._use = _position(use)
        self.found: list[State] | None = None
        self.seen: list[State] = []

    def block(self, statements: Sequence[ast.stmt], states: list[State]) -> list[State]:
        for statement in statements:
            if self.found is not None:
                return states
            if not self._touches(statement):
                if self._holds_use(statement):
                    self.found = states
                continue
            states = self._statement(statement, states)
            if isinstance(statement, _DEAD_ENDS):
                return []
        return [] if statements and isinstance(statements[-1], _DEAD_ENDS) else states

    def _touches(self, statement: ast.stmt) -> bool:
        """Return True when a statement binds the name somewhere."""
        start, end = statement.lineno, statement.end_lineno or statement.lineno
        return any(start <= node.lineno <= end for node in self._bindings)  # type: ignore[attr-defined]

    def _holds_use(self, node: ast.AST) -> bool:
        if self._use is None:
            return False
        start = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
        end = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        return start <= self._use < end

    def _statement(self, statement: ast.stmt, states: list[State]) -> list[State]:
        match statement:
            case ast.If():
                return self._branches(statement.test, (statement.body, statement.orelse), states)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement, states)
            case ast.Try() | ast.TryStar():
                return self._try(statement, states)
            case ast.With() | ast.AsyncWith():
                states = self._apply(statement, states)
                return self.block(statement.body, states)
            case ast.Match():
                return self._branches(statement.subject, [case.body for case in statement.cases] + [[]], states)
        if self._holds_use(statement) and not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            self.found = self._apply_inside(statement, states)
            return self.found
        return self._apply(statement, self._apply_inside(statement, states))

    def _branches(self, test: ast.expr, bodies: Sequence[Sequence[ast.stmt]], states: list[State]) -> list[State]:
        states = self._apply_inside(test, states)
        if self._holds_use(test):
            self.found = states
            return states
        return _merged(self.block(body, states) for body in bodies)

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While, states: list[State]) -> list[State]:
        head = statement.test if isinstance(statement, ast.While) else statement.iter
        states = self._apply_inside(head, states)
        if self._holds_use(head):
            self.found = states
            return states
        entered = self._apply(statement, states)
        after = self.block(statement.body, entered)
        if self.found is not None:
            return after
        return self.block(statement.orelse, _merged((states, after)))

    def _try(self, statement: ast.Try | ast.TryStar, states: list[State]) -> list[State]:
        after = self.block(statement.body, states)
        if self.found is not None:
            return after
        ends = [self.block(statement.orelse, after)]
        before = _merged((states, after))
        ends += [self.block(handler.body, self._apply(handler, before)) for handler in statement.handlers]
        return self.block(statement.finalbody, _merged(ends))

    def _apply_inside(self, node: ast.AST, states: list[State]) -> list[State]:
        """Apply what expressions inside a statement do: a walrus, a call that changes the name."""
        for binding in self._inside:
            if _within(binding.statement, node) and not self._is_use(binding.statement):
                states = self._applied(binding, states)
        return states

    def _is_use(self, node: ast.AST) -> bool:
        return self._holds_use(node)

    def _apply(self, statement: ast.AST, states: list[State]) -> list[State]:
        for binding in self._bindings.get(statement, ()):
            states = self._applied(binding, states)
        return states

    def _applied(self, binding: Binding, states: list[State]) -> list[State]:
        if binding.way in _CHANGES:
            made = [(*state, binding) if len(state) < MOST_CHANGES else state for state in states or [()]]
        else:
            made = [(binding,)]
        self.seen += made
        return made


def _position(node: ast.AST | None) -> tuple[int, int] | None:
    return None if node is None else (node.lineno, node.col_offset)  # type: ignore[attr-defined]


def _within(inner: ast.AST, outer: ast.AST) -> bool:
    start = (outer.lineno, outer.col_offset)  # type: ignore[attr-defined]
    end = (outer.end_lineno, outer.end_col_offset)  # type: ignore[attr-defined]
    return start <= (inner.lineno, inner.col_offset) < end  # type: ignore[attr-defined]


def _merged(ends: Iterable[list[State]]) -> list[State]:
    merged: list[State] = []
    for states in ends:
        merged += [state for state in states if state not in merged]
    return merged[-MOST_STATES:]
