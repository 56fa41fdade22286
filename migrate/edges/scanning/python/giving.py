"""What a call gives, and which parameter of a function takes which part of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.edges.scanning.python import known
from migrate.edges.scanning.python.places import code
from migrate.edges.scanning.python.scopes import Scope, default_of, parameters
from migrate.edges.scanning.python.values import (
    Arguments,
    Defaulted,
    Function,
    Given,
    Listing,
    Spread,
    Table,
    Text,
    Unknown,
    Value,
    options,
    plain,
    unknown,
)

if TYPE_CHECKING:
    from migrate.edges.scanning.python.reading import Reader


def given_by(reader: Reader, node: ast.Call, scope: Scope, given: Given) -> Arguments:
    """Return what a call gives."""
    positional: list[Value] = []
    named: list[tuple[str, Value]] = []
    spreads: list[Value] = []
    written: dict[str, str] = {}
    for argument in node.args:
        found = reader.value(argument.value if isinstance(argument, ast.Starred) else argument, scope, given)
        if not isinstance(argument, ast.Starred):
            written[str(len(positional))] = code(argument)
            positional.append(found)
        elif isinstance(found, Listing):
            positional += found.items
    for keyword in node.keywords:
        found = reader.value(keyword.value, scope, given)
        if keyword.arg is not None:
            named.append((keyword.arg, found))
            written[keyword.arg] = code(keyword.value)
        else:
            _spread(found, code(keyword.value), named, spreads)
    return Arguments(tuple(positional), tuple(named), tuple(spreads), written)


def _spread(found: Value, written: str, named: list[tuple[str, Value]], spreads: list[Value]) -> None:
    """Take `**found` apart, as far as it is known."""
    for one in options(found):
        if isinstance(one, Defaulted):
            spreads.append(Unknown(one.hole))
        option = one.value if isinstance(one, Defaulted) else one
        if isinstance(option, Table):
            for key, value in option.entries:
                name = plain(key)
                if name is not None:
                    named.append((name, value))
                elif isinstance(value, Spread):
                    spreads.append(value.value)
        elif isinstance(option, Unknown) and option.hole.parameter:
            spreads.append(option)
        else:
            spreads.append(unknown(written))


def named_spread(value: Value, node: ast.expr) -> Value:
    """Return what a `*` or `**` brings, named after its code unless it is a parameter."""
    return value if isinstance(value, Unknown) and value.hole.parameter else unknown(code(node))


def merged(first: Arguments, second: Arguments) -> Arguments:
    """Return two calls' arguments as one: those of a partial, then those of its call."""
    return Arguments(
        (*first.positional, *second.positional),
        (*first.named, *second.named),
        (*first.spreads, *second.spreads),
        {**first.written, **second.written},
    )


def all_parameters(arguments: ast.arguments) -> set[str]:
    """Return the names of all parameters, `*args` and `**kwargs` among them."""
    names = {argument.arg for argument in parameters(arguments)}
    return names | {argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None}


def matched(reader: Reader, function: Function, arguments: Arguments) -> Iterator[tuple[str, Value]]:
    """Yield parameters with what a call gives them; one that is left out and has no default is not among them."""
    spec = function.node.args
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    positional = list(arguments.positional)
    if function.owner is not None:
        positional.insert(0, function.owner)
    yield from zip(names, positional, strict=False)
    if spec.vararg is not None:
        yield spec.vararg.arg, Listing(tuple(positional[len(names) :]))
    known_names = {argument.arg for argument in parameters(spec)}
    taken = set(names[: len(positional)])
    extra: list[tuple[Value | None, Value]] = []
    for name, value in arguments.named:
        if name not in known_names:
            extra.append((Text((name,)), value))
        elif name not in taken:
            yield name, value
            taken.add(name)
    if spec.kwarg is not None:
        extra += [(None, Spread(spread)) for spread in arguments.spreads]
        yield spec.kwarg.arg, Table(tuple(extra))
    if not arguments.spreads:
        yield from _left_out(reader, function, known_names - taken)


def _left_out(reader: Reader, function: Function, names: set[str]) -> Iterator[tuple[str, Value]]:
    """Yield the defaults of parameters that are not given: in this call they are no doubt any more."""
    outside = {key: value for key, value in function.given.items() if key is not function.scope}
    for name in sorted(names):
        default = default_of(function.node.args, name)
        if default is not None:
            value = reader.value(default, function.scope.parent or function.scope, outside)
            yield name, known.declared(reader, value)
