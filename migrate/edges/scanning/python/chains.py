"""Prompts that frameworks join to a model elsewhere: `prompt | model`, `model.invoke(...)`, `Chain(model, prompt)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.scanning.nouns import Site
from migrate.edges.scanning.python.apis import CALLS, Api
from migrate.edges.scanning.python.calls import Finder, Recognised
from migrate.edges.scanning.python.modules import Module
from migrate.edges.scanning.python.places import code, spot_of
from migrate.edges.scanning.python.prompts import braced
from migrate.edges.scanning.python.scopes import Scope
from migrate.edges.scanning.python.values import (
    Arguments,
    JinjaSource,
    Listing,
    Made,
    Text,
    Value,
    options,
    plain,
    undefaulted,
)

ASKS: Final = frozenset(
    {"invoke", "ainvoke", "stream", "astream", "predict", "apredict", "complete", "acomplete", "chat", "achat"}
)
FRAMEWORKS: Final = re.compile(r"^\s*(?:from|import)\s+(?:langchain|langgraph|llama_index)", re.MULTILINE)
JOINS: Final = re.compile(r"(?i).*(?:chain|agent|retrieval|pipeline)")
"""Names of functions and classes that are given a model and a prompt."""
MOST_OPERANDS: Final = 50


def uses_of(module: Module, finder: Finder) -> Iterator[Site]:
    """Yield the places of a module that join a prompt to a framework's model."""
    if FRAMEWORKS.search(module.text) is None:
        return
    reader = finder.reader
    for node, scope in module.found.pipes:
        reader.fresh()
        yield from _joined(finder, node, scope, [reader.value(part, scope) for part in _operands(node)])
    for call, scope in module.found.calls:
        reader.fresh()
        yield from _called(finder, call, scope)


def _operands(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and len(found) < MOST_OPERANDS:
        found.insert(0, node.right)
        node = node.left
    return [node, *found]


def _called(finder: Finder, call: ast.Call, scope: Scope) -> Iterator[Site]:
    reader = finder.reader
    if isinstance(call.func, ast.Attribute) and call.func.attr in ASKS:
        model = _model(reader.value(call.func.value, scope))
        if model is not None:
            given = reader.arguments(call, scope)
            messages = given.get("input", 0) or given.get("messages") or given.get("prompt")
            if messages is not None:
                yield from _site(finder, call, scope, model, template_of(messages) or messages)
        return
    if JOINS.match(code(call.func)):
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        yield from _joined(finder, call, scope, [reader.value(part, scope) for part in parts])


def _joined(finder: Finder, node: ast.expr, scope: Scope, parts: list[Value]) -> Iterator[Site]:
    model = next((found for part in parts if (found := _model(part)) is not None), None)
    prompt = next((text for part in parts if (text := template_of(part)) is not None), None)
    if model is not None and prompt is not None:
        yield from _site(finder, node, scope, model, prompt)


def _model(value: Value) -> Made | None:
    for option in options(undefaulted(value)):
        api = CALLS.get(option.of) if isinstance(option, Made) and option.call is not None else None
        if isinstance(option, Made) and api is not None and api.binds and api.kind in ("chat", "responses"):
            return option
    return None


def _site(finder: Finder, node: ast.expr, scope: Scope, model: Made, messages: Value) -> Iterator[Site]:
    api: Api = replace(CALLS[model.of], prompt=("messages",), prompt_at=None, binds=False)
    more: list[tuple[str, Value]] = [("messages", messages)]
    for name, arguments in model.later:
        if name == "with_structured_output" and (schema := arguments.get("schema", 0)) is not None:
            more.append(("response_format", schema))
        elif name == "bind_tools" and (tools := arguments.get("tools", 0)) is not None:
            more.append(("tools", tools))
        elif name == "bind":
            more += arguments.named
    given = model.arguments
    arguments = Arguments(given.positional, (*given.named, *more), given.spreads, given.written)
    place = spot_of(node, scope.module)
    site = finder.ask(_as_call(node, model), scope, Recognised(api, arguments), place).site
    assert model.call is not None
    assert model.module is not None
    if any(isinstance(message.content, str | list) for message in site.messages):
        yield replace(site, through=(spot_of(model.call, model.module),), end_line=node.end_lineno or node.lineno)


def _as_call(node: ast.expr, model: Made) -> ast.Call:
    if isinstance(node, ast.Call):
        return node
    assert model.call is not None
    return model.call


def template_of(value: Value) -> Value | None:
    """Return the messages of a prompt template of LangChain; None when it is none."""
    for option in options(undefaulted(value)):
        if isinstance(option, Made) and option.of.startswith("langchain"):
            found = _template(option)
            if found is not None:
                return found
    return None


def _template(made: Made) -> Value | None:
    steps = made.of.split(".")
    last, owner = steps[-1], steps[-2] if len(steps) > 1 else ""
    arguments = made.arguments
    if last in ("format_messages", "format_prompt", "invoke") and owner in ("from_messages", "from_template"):
        last, owner = owner, steps[-3]
    if "PromptTemplate" not in owner + last:
        return None
    if last == "from_messages":
        return arguments.get("messages", 0)
    if last == "ChatPromptTemplate":
        return arguments.get("messages", 0)
    if last in ("from_template", "PromptTemplate"):
        text = _formatted(arguments)
        return Listing((Listing((Text(("human",)), text)),)) if text is not None else None
    return None


def _formatted(arguments: Arguments) -> Value | None:
    text = arguments.get("template", 0)
    if text is None:
        return None
    if plain(arguments.get("template_format")) == "jinja2" and (source := plain(text)) is not None:
        return Text((JinjaSource(source),))
    return braced(text)


__all__ = ["template_of", "uses_of"]
