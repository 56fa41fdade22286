"""Calls of the project's own helpers: the prompt is written there, the SDK is called one function further down."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from migrate.edges.scanning.nouns import Site, Spot
from migrate.edges.scanning.python.calls import Asked, Finder, Recognised
from migrate.edges.scanning.python.modules import Module, Project
from migrate.edges.scanning.python.places import spot_of
from migrate.edges.scanning.python.scopes import FunctionNode, Scope
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    Function,
    Given,
    Instance,
    Member,
    Parameter,
    Unknown,
    Value,
    options,
)

DEEPEST: Final = 3
"""Helpers that call helpers."""
MOST_CALLERS: Final = 200
GENERIC: Final = frozenset(
    {"run", "call", "get", "create", "invoke", "execute", "process", "main", "__call__", "send", "init", "ask"}
)
"""Names of methods too common to follow without knowing whose they are."""


_HOLES: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


Frame: TypeAlias = tuple[ast.Call, Scope, Value]
"""One call on the way: the call, the scope it stands in, and the function or class it calls."""


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """The library's call behind a helper, and the calls on the way to it."""

    call: ast.Call
    scope: Scope
    recognised: Recognised
    asked: Asked
    frames: tuple[Frame, ...] = ()
    """The nearest to the library first."""


class Followers:
    """Follows helpers to those who call them."""

    def __init__(self, finder: Finder, project: Project, *, every_caller: bool = False) -> None:
        self._finder = finder
        self._reader = finder.reader
        self._project = project
        self._every_caller = every_caller
        self._by_name: set[int] = set()
        """Calls whose helper is known by its name alone."""

    def through(self, call: ast.Call, scope: Scope, recognised: Recognised, asked: Asked) -> Iterator[Site]:
        """Yield the calls of helpers that end in one call of a library and say more than it; all when asked to."""
        direct = spot_of(call, scope.module)
        seen: set[Spot] = set()
        queue = [(Behind(call, scope, recognised, asked), 0)]
        while queue and len(seen) < MOST_CALLERS:
            behind, depth = queue.pop(0)
            for caller, home, found in self._callers(behind):
                place = spot_of(caller, home.module)
                if place in seen or home.module.file.role not in ("code", "evals"):
                    continue
                seen.add(place)
                if self._every_caller or _says_more(found.asked.site, asked.site):
                    yield self._shown(found.asked.site, place, caller, home, direct)
                if depth + 1 < DEEPEST:
                    queue.append((found, depth + 1))

    def _shown(self, site: Site, place: Spot, caller: ast.Call, home: Scope, direct: Spot) -> Site:
        function = home.function
        sure, reason = site.sure, site.reason
        if id(caller) in self._by_name and sure != "possible":
            sure, reason = "likely", "the helper is known by its name alone"
        return replace(
            site,
            spot=place,
            end_line=caller.end_lineno or caller.lineno,
            function=function.name if function is not None else "",
            through=(direct,),
            role=home.module.file.role,
            sure=sure,
            reason=reason,
        )

    def _callers(self, behind: Behind) -> Iterator[tuple[ast.Call, Scope, Behind]]:
        for function, names in _by_function(behind.asked).items():
            needed = any(name in {one.name for one in behind.asked.wanted} for name in names)
            for caller, home, callee in self._calls_of(function, behind.scope):
                self._reader.fresh()
                arguments = self._reader.arguments(caller, home)
                if not needed and not _gives(arguments, names, callee):
                    continue
                yield caller, home, self._again(behind, (*behind.frames, (caller, home, callee)))

    def _again(self, behind: Behind, frames: tuple[Frame, ...]) -> Behind:
        """Return the library's call once more, with what one more caller gives."""
        given: Given = {}
        for caller, home, callee in reversed(frames):
            given = {**given, **self._given(callee, self._reader.arguments(caller, home, given), behind.scope)}
        self._reader.fresh()
        recognised = self._finder.recognise(behind.call, behind.scope, given)
        if recognised is None:
            # The caller may give the very object whose method is called: what is known of the call still holds.
            arguments = self._reader.arguments(behind.call, behind.scope, given)
            recognised = replace(behind.recognised, arguments=arguments)
        asked = self._finder.ask(behind.call, behind.scope, recognised)
        return Behind(behind.call, behind.scope, recognised, asked, frames)

    def _given(self, callee: Value, arguments: Arguments, target: Scope) -> Given:
        if isinstance(callee, Function):
            return self._reader.bound(callee, arguments)
        assert isinstance(callee, Class)
        made = self._reader.made(callee, arguments, {})
        return {scope: {name: made} for scope, name in _methods(target)}

    def _calls_of(self, function: tuple[str, int, int], near: Scope) -> Iterator[tuple[ast.Call, Scope, Value]]:
        """Yield the calls of one function, or of the class whose constructor it is, all over the project."""
        target = _scope_at(function, near, self._project)
        if target is None or not isinstance(target.node, FunctionNode):
            return
        constructs = target.node.name in ("__init__", "__post_init__") and target.in_class is not None
        name = target.in_class.name.rpartition(".")[2] if constructs and target.in_class else target.node.name
        for module in self._project.calling(name):
            for call, home in module.found.calls:
                if _last(call.func) == name:
                    # What reading the caller before this one cost is not this one's debt.
                    self._reader.fresh()
                    callee = self._callee(call, home, target, constructs)
                    if callee is not None:
                        yield call, home, callee

    def _callee(self, call: ast.Call, home: Scope, target: Scope, constructs: bool) -> Value | None:
        found = self._reader.value(call.func, home)
        for option in options(found):
            if constructs and isinstance(option, Class) and target.in_class and option.node is target.in_class.node:
                return option
            if isinstance(option, Function) and option.node is target.node:
                return option
            if isinstance(option, Member | Unknown) and self._is_only(target, call):
                self._by_name.add(id(call))
                owner = target.in_class
                assert owner is not None
                assert isinstance(owner.node, ast.ClassDef)
                assert isinstance(target.node, FunctionNode)
                return Function(target.node, target, Instance(Class(owner.node, owner)))
        return None

    def _is_only(self, target: Scope, call: ast.Call) -> bool:
        """Return True when a method's name says enough, though its owner could not be followed."""
        name = _last(call.func)
        if target.in_class is None or name in GENERIC or len(name) < 4 or not isinstance(call.func, ast.Attribute):
            return False
        return len(self._project.defining(name)) == 1


def _says_more(site: Site, direct: Site) -> bool:
    """Return True when a caller brings words of its own, or another model."""
    names = {use.name for use in site.models}
    if names != {use.name for use in direct.models} and any(names):
        return True
    return _words(site) > _words(direct)


def _words(site: Site) -> int:
    """Return how many letters of a prompt the code itself says."""
    texts = [json.dumps(message.content, ensure_ascii=False) for message in site.messages if message.content]
    return sum(char.isalpha() for text in texts for char in _HOLES.sub("", text))


def _by_function(asked: Asked) -> dict[tuple[str, int, int], list[str]]:
    found: dict[tuple[str, int, int], list[str]] = {}
    for parameter in sorted(asked.wanted | asked.chooses, key=_order):
        found.setdefault((parameter.file, parameter.line, parameter.column), []).append(parameter.name)
    return found


def _order(parameter: Parameter) -> tuple[str, int, int, str]:
    return parameter.file, parameter.line, parameter.column, parameter.name


def _gives(arguments: Arguments, names: Iterable[str], callee: Value) -> bool:
    """Return True when a caller gives one of some parameters."""
    if isinstance(callee, Class):
        return True
    assert isinstance(callee, Function)
    spec = callee.node.args
    positions = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    shift = 1 if callee.owner is not None else 0
    given = {name for name, _ in arguments.named} | set(positions[: len(arguments.positional) + shift])
    return any(name in given or (spec.kwarg and name == spec.kwarg.arg and arguments.named) for name in names)


def _methods(target: Scope) -> Iterator[tuple[Scope, str]]:
    """Yield the methods around a call, with what they call their object."""
    scope: Scope | None = target
    while scope is not None:
        node = scope.node
        if isinstance(node, FunctionNode) and scope.in_class is not None and (node.args.posonlyargs or node.args.args):
            yield scope, [*node.args.posonlyargs, *node.args.args][0].arg
        scope = scope.parent


def _scope_at(function: tuple[str, int, int], near: Scope, project: Project) -> Scope | None:
    file, line, column = function
    module: Module | None = near.module
    if near.module.file.shown != file:
        module = next((project.module(one) for one in project.files if one.shown == file), None)
    if module is None:
        return None
    for node, scope in module.found.scope_of.items():
        if isinstance(node, FunctionNode) and (node.lineno, node.col_offset) == (line, column):
            return scope
    return None


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


__all__ = ["Followers"]
