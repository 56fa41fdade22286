"""What one call promises, read from its own request: the format it asks for, its schema, its tools.

An application's calls have no prompt file that says so. The contract of a request is built once, for all that promise
the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from migrate.canonical import digest_json
from migrate.comparing.contract import Contract, contract_of
from migrate.errors import PromptMigrateError
from migrate.vocabulary import Flow, FlowName, Json, JsonObject, Parse, Prompt, Request, Tool

_KEPT: Final = 256
_contracts: Final[OrderedDict[str, Contract]] = OrderedDict()
_lock: Final = threading.Lock()


def contract_of_request(request: Request, schema: JsonObject | None = None) -> Contract:
    """Return what a request promises about its answer; `schema`, where given, is promised whatever it says.

    A schema that cannot be used promises nothing: it is the application's, and the provider took it.
    """
    body = request.body
    wanted = {"format": _format(body), "schema": schema, "tools": body.get("tools")}
    wanted |= {name: body.get(name) for name in ("tool_choice", "parallel_tool_calls")}
    key = digest_json(wanted)
    with _lock:
        known = _contracts.get(key)
    if known is not None:
        return known
    made = replace(_built(body, schema), digest=key)
    with _lock:
        _contracts[key] = made
        while len(_contracts) > _KEPT:
            _contracts.popitem(last=False)
    return made


def _built(body: JsonObject, schema: JsonObject | None) -> Contract:
    parse, own = _promised(body)
    parse = "json" if schema is not None else parse
    choice, parallel = _choice(body.get("tool_choice")), body.get("parallel_tool_calls")
    prompt = Prompt((), str(body.get("model", "")), schema=schema or own, parallel_tool_calls=parallel)
    prompt = replace(prompt, tools=tuple(_tools(body)), tool_choice=choice)
    flow = Flow(FlowName("a call"), prompt, (), parse=parse)
    try:
        return contract_of(flow, prompt, ())
    except PromptMigrateError:
        if schema is not None:
            raise
        bare = replace(prompt, schema=None, tools=())
        return contract_of(replace(flow, prompt=bare), bare, ())


def _promised(body: JsonObject) -> tuple[Parse, JsonObject | None]:
    """Return how the answer is read, and the schema it was asked to keep."""
    wanted = _format(body)
    match wanted.get("type"):
        case "json_object":
            return "json", None
        case "json_schema":
            nested = wanted.get("json_schema")
            schema = (nested if isinstance(nested, Mapping) else wanted).get("schema")
            return "json", schema if isinstance(schema, Mapping) else None
    return "text", None


def _format(body: JsonObject) -> JsonObject:
    """Return the format a request asks for: `response_format` in chat, `text.format` in responses."""
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, Mapping) else body.get("response_format")
    return wanted if isinstance(wanted, Mapping) else {}


def _tools(body: JsonObject) -> Iterator[Tool]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list | tuple) else ():
        if not isinstance(tool, Mapping) or tool.get("type", "function") != "function":
            continue
        nested = tool.get("function")
        function = nested if isinstance(nested, Mapping) else tool
        name, parameters = function.get("name"), function.get("parameters")
        if isinstance(name, str):
            yield Tool(name, "", parameters if isinstance(parameters, Mapping) else {}, function.get("strict"))


def _choice(choice: Json) -> Json:
    """Return a choice of tool in Chat Completions' form."""
    if isinstance(choice, Mapping) and choice.get("type") == "function" and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice if isinstance(choice, str) or (isinstance(choice, Mapping) and "function" in choice) else None
