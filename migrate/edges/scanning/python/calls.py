"""Which calls of a module ask a model, and what each of them asks."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from migrate.edges.scanning.nouns import ModelUse, Site, Spot, Sure
from migrate.edges.scanning.python.apis import (
    CALLS,
    METHODS,
    OTHER_VENDORS,
    ROUTER_METHODS,
    TELLING,
    Api,
    is_client,
    method_of,
    owner_of,
)
from migrate.edges.scanning.python.giving import merged
from migrate.edges.scanning.python.modules import Module
from migrate.edges.scanning.python.places import code, spot_of
from migrate.edges.scanning.python.prompts import (
    Wording,
    argument_code,
    format_of,
    models_of,
    parameters_of,
    tools_of,
)
from migrate.edges.scanning.python.reading import NOTHING, Reader
from migrate.edges.scanning.python.scopes import Scope
from migrate.edges.scanning.python.values import (
    Arguments,
    External,
    Given,
    Hole,
    Made,
    Member,
    Parameter,
    Partial,
    Text,
    Unknown,
    Value,
    options,
    plain,
    undefaulted,
)

VERBS: Final = frozenset(
    {
        *(path[-1] for path in METHODS),
        *(path.rpartition(".")[2] for path in CALLS),
        *ROUTER_METHODS,
    }
)
"""Names at the end of every call that may ask a model."""
PROMPTED: Final = ("chat", "responses", "completions", "agent")
"""Kinds of calls whose input is a prompt."""
LONGEST_METHOD: Final = max(map(len, METHODS))


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """A call that asks a model."""

    api: Api
    arguments: Arguments
    sure: Sure = "certain"
    reason: str = ""
    client: Made | None = None
    partial: ast.Call | None = None
    """Where the callable was given some of its arguments."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call asks, and the parameters of functions around it that would say more."""

    site: Site
    wanted: frozenset[Parameter] = frozenset()
    """They are whole messages, or hold them."""
    chooses: frozenset[Parameter] = frozenset()
    """They choose the model."""


class Finder:
    """Finds the calls of modules."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def calls_of(self, module: Module) -> Iterator[tuple[ast.Call, Scope, Recognised]]:
        """Yield the calls of a module that ask a model, in the order of the text."""
        found = []
        for call, scope in module.found.calls:
            self.reader.fresh()
            recognised = self.recognise(call, scope)
            if recognised is not None:
                found.append((call, scope, recognised))
        spent = {recognised.partial for _, _, recognised in found} - {None}
        yield from (one for one in found if one[0] not in spent)

    def recognise(self, call: ast.Call, scope: Scope, given: Given = NOTHING) -> Recognised | None:
        """Return what a call asks, in short; None when it asks no model."""
        if self._may_ask(call.func, scope):
            callees = [one for one in self._callees(call.func, scope, given) if _could_ask(one)]
            # Arguments cost most of the time, and hardly any call asks a model.
            arguments = self.reader.arguments(call, scope, given) if callees else None
            found = [self._recognised(one, arguments, scope) for one in callees] if arguments is not None else []
            known = [one for one in found if one is not None]
            if known:
                # Where a name may mean one of several libraries, the SDK itself is the one to tell of.
                return next((one for one in known if one.client is not None), known[0])
        return self._handed_over(call, scope, given)

    def _callees(self, callee: ast.expr, scope: Scope, given: Given) -> list[Value]:
        found = list(options(self.reader.value(callee, scope, given)))
        if isinstance(callee, ast.Attribute) and all(isinstance(one, Unknown) for one in found):
            # Nothing could be read, which takes nothing from the form of the call.
            owner, path = _tail(callee)
            return [Member(Unknown(Hole(code(owner))), path)]
        return found

    def _may_ask(self, callee: ast.expr, scope: Scope) -> bool:
        if isinstance(callee, ast.Attribute):
            return callee.attr in VERBS
        if not isinstance(callee, ast.Name):
            return isinstance(callee, ast.Call)
        home: Scope | None = scope
        while home is not None:
            if callee.id in home.bindings:
                return any(binding.way != "definition" for binding in home.bindings[callee.id])
            home = home.parent
        return "*" in scope.module.scope.bindings

    def _recognised(self, callee: Value, arguments: Arguments, scope: Scope) -> Recognised | None:
        match callee:
            case External(path):
                return self._library_call(path, arguments) or self._foreign(path, arguments, scope)
            case Partial(function, earlier, node):
                for option in options(function):
                    found = self._recognised(option, merged(earlier, arguments), scope)
                    if found is not None:
                        return replace(found, partial=node)
            case Member(owner, path):
                return self._method(owner, path, arguments, scope)
        return None

    def _library_call(self, path: str, arguments: Arguments) -> Recognised | None:
        api = CALLS.get(path) or CALLS.get(_short(path))
        if api is None and owner_of(path) == "openai":
            api = method_of(tuple(path.split(".")[1:]))
        return Recognised(api, arguments) if api is not None else None

    def _foreign(self, path: str, arguments: Arguments, scope: Scope) -> Recognised | None:
        """Return a call of something that another package holds, by its form: `from ours import client`."""
        head, *rest = path.split(".")
        if head in OTHER_VENDORS or head == "openai" or head in sys.stdlib_module_names:
            return None
        return self._by_form(Unknown(Hole(head)), tuple(rest), arguments, scope)

    def _method(self, owner: Value, path: tuple[str, ...], arguments: Arguments, scope: Scope) -> Recognised | None:
        for option in options(undefaulted(owner)):
            found = self._method_of(option, path, arguments, scope)
            if found is not None:
                return found
        return None

    def _method_of(self, owner: Value, path: tuple[str, ...], arguments: Arguments, scope: Scope) -> Recognised | None:
        if isinstance(owner, Made):
            if owner.of == "litellm.Router" and path[-1] in ROUTER_METHODS and len(path) == 1:
                api = CALLS[f"litellm.{path[0]}"]
                return Recognised(replace(api, name=f"litellm.Router.{path[0]}"), arguments)
            known = method_of(path) if is_client(owner.of) else None
            if known is not None:
                own = owner_of(owner.of) == "openai"
                reason = "" if own else f"its client is {owner.of}"
                return Recognised(known, arguments, "certain" if own else "likely", reason, owner)
            if owner_of(owner.of) in OTHER_VENDORS or is_client(owner.of):
                return None
        return self._by_form(owner, path, arguments, scope)

    def _by_form(self, owner: Value, path: tuple[str, ...], arguments: Arguments, scope: Scope) -> Recognised | None:
        """Return a call that has the form of the SDK's, though its client could not be followed."""
        if isinstance(owner, Text | External):
            return None
        lengths = range(min(LONGEST_METHOD + 2, len(path)), 1, -1)
        length = next((one for one in lengths if method_of(path[-one:]) is not None), 0)
        api = method_of(path[-length:])
        if not length or api is None:
            return None
        whose = f"its client `{_written(owner, path[:-length])}` could not be followed"
        if isinstance(owner, Made):
            whose = f"its client comes from {owner.of}"
        if path[-length:][:2] == TELLING or (path[-length] == "beta" and "completions" in path):
            return Recognised(api, arguments, "likely", whose)
        asks = any(arguments.get(name) is not None for name in api.prompt)
        names_one = arguments.get("model") is not None
        if _speaks_of_openai(scope.module) and (asks or names_one or arguments.spreads):
            return Recognised(api, arguments, "likely", whose)
        if names_one and asks and not isinstance(owner, Made):
            return Recognised(api, arguments, "possible", f"{whose}, and nothing here imports openai")
        return None

    def _handed_over(self, call: ast.Call, scope: Scope, given: Given) -> Recognised | None:
        """Return a call that is given the SDK's method, and what to call it with: `asyncio.to_thread(create, ...)`."""
        for at, argument in enumerate(call.args):
            if not isinstance(argument, ast.Attribute) or argument.attr not in VERBS:
                continue
            rest = self.reader.arguments(call, scope, given)
            rest = replace(rest, positional=rest.positional[at + 1 :])
            for option in options(self.reader.value(argument, scope, given)):
                found = self._recognised(option, rest, scope)
                if found is not None and (found.client is not None or found.sure != "possible"):
                    sure: Sure = "likely" if found.sure == "certain" else found.sure
                    whose = f"handed to `{code(call.func)}`"
                    return replace(found, sure=sure, reason=whose if not found.reason else f"{whose}; {found.reason}")
        return None

    # --- What it asks ---------------------------------------------------------------------------------------

    def ask(self, call: ast.Call, scope: Scope, recognised: Recognised, place: Spot | None = None) -> Asked:
        """Return what a recognised call asks."""
        api, arguments = recognised.api, recognised.arguments
        wording = Wording(takes_text=api.kind in ("responses", "completions"))
        self._word(api, arguments, wording)
        models, chooses = self._models(api, arguments)
        parameters, at_run_time = parameters_of(arguments, api)
        tools, complete = tools_of(arguments.get("tools"))
        if not complete:
            at_run_time.append("tools")
        stream = bool(parameters.pop("stream", False)) or api.name.endswith(".stream")
        site = Site(
            spot=place or spot_of(call, scope.module),
            end_line=call.end_lineno or call.lineno,
            api=api.name,
            kind=api.kind,
            function=_function_name(scope),
            models=tuple(models),
            parameters=parameters,
            at_run_time=tuple(at_run_time),
            messages=tuple(wording.messages) if api.kind in PROMPTED else (),
            variables=tuple(wording.variables.found.values()),
            format=format_of(self.reader, arguments),
            tools=tuple(tools),
            stream=stream,
            sure=recognised.sure,
            reason=recognised.reason,
            role=scope.module.file.role,
            notes=(*wording.notes, *wording.variables.notes, *_client_notes(recognised.client)),
        )
        return Asked(site, _wanted(wording, arguments, site), chooses)

    def _word(self, api: Api, arguments: Arguments, wording: Wording) -> None:
        for name in api.system:
            wording.system(arguments.get(name), arguments.written.get(name, name))
        for index, name in enumerate(api.prompt):
            value = arguments.get(name, api.prompt_at if index == 0 else None)
            if value is not None:
                wording.add(value, argument_code(arguments, name, api.prompt_at))
                break
        if api.kind == "agent" and wording.messages:
            wording.add(Unknown(Hole("conversation")), "conversation")

    def _models(self, api: Api, arguments: Arguments) -> tuple[list[ModelUse], frozenset[Parameter]]:
        value, written = None, ""
        for name in (*api.model, None):
            value = arguments.get(name or "", api.model_at if name is None else None)
            if value is not None:
                written = argument_code(arguments, name or "", api.model_at)
                break
        missing = "the library's default"
        if arguments.spreads:
            missing = "in a mapping that is known at run time only"
        chooses = frozenset(_choosing(value)) if value is not None else _rest(arguments)
        return models_of(value, written, missing), chooses


def _tail(node: ast.Attribute) -> tuple[ast.expr, tuple[str, ...]]:
    """Return what stands before a chain of attributes, and the chain."""
    names: list[str] = []
    owner: ast.expr = node
    while isinstance(owner, ast.Attribute):
        names.insert(0, owner.attr)
        owner = owner.value
    return owner, tuple(names)


def _could_ask(callee: Value) -> bool:
    """Return True for what may be a call of a library, by its name alone."""
    match callee:
        case External(path):
            known = path in CALLS or _short(path) in CALLS or owner_of(path) == "openai"
            return known or path.rpartition(".")[2] in VERBS
        case Partial():
            return True
        case Member(_, path):
            return path[-1] in VERBS
    return False


def _short(path: str) -> str:
    """Return a path without the modules between a library and its name: `litellm.main.completion`."""
    return f"{owner_of(path)}.{path.rpartition('.')[2]}" if path.count(".") > 1 else path


def _written(owner: Value, path: tuple[str, ...]) -> str:
    written = owner.hole.expression if isinstance(owner, Unknown) else ""
    return ".".join(filter(None, (written, *path))) or "?"


def _speaks_of_openai(module: Module) -> bool:
    return "openai" in module.text.casefold()


def _function_name(scope: Scope) -> str:
    function = scope.function
    return function.name if function is not None else ""


def _client_notes(client: Made | None) -> Iterator[str]:
    if client is None:
        return
    base = client.arguments.get("base_url") or client.arguments.get("api_base")
    if base is not None and (address := plain(base)):
        yield f"its client asks {address}"
    if "Azure" in client.of:
        yield "Azure: the model's name is that of a deployment"


def _choosing(value: Value) -> Iterator[Parameter]:
    for option in options(value):
        hole = getattr(option, "hole", None)
        if isinstance(hole, Hole) and hole.parameter is not None:
            yield hole.parameter
        if isinstance(option, Text):
            yield from (part.parameter for part in option.parts if isinstance(part, Hole) and part.parameter)


def _rest(arguments: Arguments) -> frozenset[Parameter]:
    return frozenset(
        spread.hole.parameter
        for spread in arguments.spreads
        if isinstance(spread, Unknown) and spread.hole.parameter is not None
    )


def _wanted(wording: Wording, arguments: Arguments, site: Site) -> frozenset[Parameter]:
    wanted = set(wording.wanted)
    if not site.messages:
        wanted |= _rest(arguments)
    return frozenset(wanted)
