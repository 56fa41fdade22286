"""The part of a prompt file that is sent: messages, parameters, promised format, tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from migrate.comparing.paths import parse_path
from migrate.comparing.schema import check_schema
from migrate.documents.files import Unreadable
from migrate.documents.reading import read_json
from migrate.edges.inventory.sheets import Sheet, kind_of
from migrate.vocabulary import Json, JsonObject, MessageTemplate, Prompt, Tool

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
MESSAGE_KEYS: Final = ("role", "content", "name", "tool_calls", "tool_call_id", "turns")
TOOL_KEYS: Final = ("name", "description", "parameters", "strict")
SENT_KEYS: Final = ("api", "modelParameters", "responseFormat", "jsonSchema", "tools", "messages")
"""Keys of a prompt file that a variant may replace."""

_FUNCTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE: Final = re.compile(r"[A-Za-z_]\w*")

Reader = Callable[[Sheet, str], Json]


def _number(low: float, high: float) -> Reader:
    return lambda sheet, key: sheet.number(key, low, high)


def _whole(low: int | None = None, high: int | None = None) -> Reader:
    return lambda sheet, key: sheet.whole(key, low, high)


def _word(sheet: Sheet, key: str) -> Json:
    return sheet.text(key) or None


def _choice(*choices: str) -> Reader:
    return lambda sheet, key: sheet.choice(key, choices, "") or None


def _stop(sheet: Sheet, key: str) -> Json:
    return sheet.text(key) if isinstance(sheet.value.get(key), str) else list(sheet.texts(key)) or None


PARAMETERS: Final[dict[str, tuple[str, Reader]]] = {
    "temperature": ("temperature", _number(0, 2)),
    "topP": ("top_p", _number(0, 1)),
    "maxTokens": ("max_tokens", _whole(1)),
    "maxCompletionTokens": ("max_completion_tokens", _whole(1)),
    "seed": ("seed", _whole()),
    "stop": ("stop", _stop),
    "frequencyPenalty": ("frequency_penalty", _number(-2, 2)),
    "presencePenalty": ("presence_penalty", _number(-2, 2)),
    "logitBias": ("logit_bias", lambda sheet, key: dict(sheet.mapping(key)) or None),
    "logprobs": ("logprobs", lambda sheet, key: sheet.flag(key)),
    "topLogprobs": ("top_logprobs", _whole(0, 20)),
    "reasoningEffort": ("reasoning_effort", _word),
    "verbosity": ("verbosity", _choice("low", "medium", "high")),
    "serviceTier": ("service_tier", _word),
    "promptCacheKey": ("prompt_cache_key", _word),
    "user": ("user", _word),
    "metadata": ("metadata", lambda sheet, key: dict(sheet.mapping(key)) or None),
}
"""Key of `modelParameters` -> wire name in Chat Completions, and how it is read."""

CHOICES: Final = ("toolChoice", "parallelToolCalls", "stream")
PARAMETER_KEYS: Final = (*PARAMETERS, *CHOICES)

CHAT_ONLY: Final = ("seed", "stop", "frequencyPenalty", "presencePenalty", "logitBias", "logprobs")
"""Parameters that the Responses API does not have."""


def read_prompt(sheet: Sheet) -> Prompt:
    """Return the prompt of a file."""
    if not sheet.has("messages"):
        sheet.complain('"messages" is missing')
    prompt = Prompt(messages=(), model=sheet.required("model", "the model that is in production today"))
    return amended(prompt, sheet)


def amended(prompt: Prompt, sheet: Sheet) -> Prompt:
    """Return a prompt with what a file, or a variant in it, says of it; keys that are not given stay."""
    changes: dict[str, Any] = {}
    if sheet.has("api"):
        changes["api"] = sheet.choice("api", ("chat", "responses"), "chat")
    if sheet.has("modelParameters"):
        changes |= _parameters(sheet.sheet("modelParameters", PARAMETER_KEYS))
    if sheet.has("tools"):
        changes["tools"] = tuple(_tools(sheet))
    if sheet.has("messages"):
        changes["messages"] = tuple(_messages(sheet))
    if sheet.has("jsonSchema"):
        changes |= _schema(sheet)
    if sheet.has("responseFormat"):
        formats = ("text", "json_object", "json_schema")
        changes["response_format"] = sheet.choice("responseFormat", formats, "text")
    changed = replace(prompt, **changes)
    _check_together(changed, sheet)
    return changed


def _check_together(prompt: Prompt, sheet: Sheet) -> None:
    if prompt.response_format == "json_schema" and prompt.schema is None and not sheet.has("jsonSchema"):
        sheet.complain('"responseFormat: json_schema" needs "jsonSchema"', "responseFormat")
    if prompt.api == "responses":
        for key in CHAT_ONLY:
            if PARAMETERS[key][0] in prompt.parameters:
                sheet.complain(f'"{key}" is no parameter of the Responses API', "modelParameters", key)
    named = _chosen_tool(prompt.tool_choice)
    if named is not None and named not in {tool.name for tool in prompt.tools}:
        sheet.complain(f'"toolChoice" names "{named}", which is not among the tools', "modelParameters", "toolChoice")


def _parameters(sheet: Sheet) -> dict[str, Any]:
    parameters: dict[str, Json] = {}
    for key, (wire, read) in PARAMETERS.items():
        value = read(sheet, key) if sheet.has(key) else None
        if value is not None:
            parameters[wire] = value
    return {
        "parameters": parameters,
        "tool_choice": _tool_choice(sheet),
        "parallel_tool_calls": sheet.flag("parallelToolCalls"),
        "stream": sheet.flag("stream") or False,
    }


def _tool_choice(sheet: Sheet) -> Json:
    """Return the choice as Chat Completions wants it; a function may be named by its name alone."""
    choice = sheet.value.get("toolChoice")
    if choice is None or choice in ("auto", "none", "required"):
        return choice
    name = choice if isinstance(choice, str) else _named_function(choice)
    if name is None:
        sheet.complain('"toolChoice" must be auto, none, required or the name of a tool', "toolChoice")
        return None
    return {"type": "function", "function": {"name": name}}


def _named_function(choice: Json) -> str | None:
    match choice:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return None


def _chosen_tool(choice: Json) -> str | None:
    return _named_function(choice) if isinstance(choice, Mapping) else None


# --- Messages ---------------------------------------------------------------------------------------------


def _messages(sheet: Sheet) -> list[MessageTemplate]:
    if sheet.value.get("messages") == []:
        sheet.complain('"messages" is empty', "messages")
    return [_message(message) for message in sheet.sheets("messages", MESSAGE_KEYS)]


def _message(sheet: Sheet) -> MessageTemplate:
    if "turns" in sheet.value:
        return _turns(sheet)
    if not sheet.has("role"):
        sheet.complain('"role" is missing')
    # GitHub Models takes roles in any case.
    role = sheet.text("role").lower()
    if role and role not in ROLES:
        sheet.choice("role", ROLES, "user")
    extra = {key: sheet.value[key] for key in ("name", "tool_calls", "tool_call_id") if sheet.has(key)}
    place = sheet.source.place((*sheet.path, "content"), sheet.source.text_line((*sheet.path, "content")))
    return MessageTemplate(role=role, content=_content(sheet), extra=extra, place=place)


def _turns(sheet: Sheet) -> MessageTemplate:
    name = sheet.text("turns")
    if not _VARIABLE.fullmatch(name):
        sheet.complain('"turns" must name a variable of the cases', "turns")
    for key in sheet.value:
        if key != "turns":
            sheet.complain(f'"{key}" does not go with "turns", which brings whole messages', key)
    return MessageTemplate(role="", turns_from=name, place=sheet.source.place(sheet.path))


def _content(sheet: Sheet) -> Json:
    content = sheet.value.get("content")
    if isinstance(content, list):
        for index, part in enumerate(content):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                sheet.complain('a part of "content" must be a mapping with a "type"', "content", index)
        return content
    if content is None:
        if not sheet.has("tool_calls"):
            sheet.complain('"content" is missing')
        return None
    return sheet.text("content")


# --- Schema and tools -------------------------------------------------------------------------------------


def _schema(sheet: Sheet) -> dict[str, Any]:
    """Return the schema's fields of a prompt: given as a mapping or JSON text, with or without its envelope."""
    given = sheet.value["jsonSchema"]
    if isinstance(given, str):
        try:
            given = read_json(given)
        except Unreadable as problem:
            line = sheet.source.text_line((*sheet.path, "jsonSchema")) + (problem.line or 1) - 1
            sheet.source.complain((*sheet.path, "jsonSchema"), problem.message, line=line)
            return {}
    if not isinstance(given, dict):
        sheet.complain(f'"jsonSchema" must be a mapping or JSON text, not {kind_of(given)}', "jsonSchema")
        return {}
    if _is_envelope(given):
        return _opened(sheet, given)
    check_one(sheet, given, "jsonSchema")
    return {"schema": given}


def _is_envelope(given: Mapping[str, Json]) -> bool:
    return isinstance(given.get("schema"), dict) and not {"type", "properties", "$schema", "anyOf"} & given.keys()


def _opened(sheet: Sheet, given: Mapping[str, Json]) -> dict[str, Any]:
    envelope = Sheet(sheet.source, (*sheet.path, "jsonSchema"), given, ("name", "strict", "schema", "description"))
    check_one(envelope, given["schema"], "schema")
    fields: dict[str, Any] = {"schema": given["schema"], "schema_strict": envelope.flag("strict")}
    name = envelope.text("name")
    if name:
        _check_name(envelope, name)
        fields["schema_name"] = name
    return fields


def check_one(sheet: Sheet, schema: Json, *steps: str) -> None:
    """Complain of everything that makes a schema unusable, where it stands in the file."""
    for problem in check_schema(schema):
        if not problem.lint:
            inner = [step for step in parse_path(problem.path)[1:] if isinstance(step, str | int)]
            sheet.complain(problem.message, *steps, *inner, hint=problem.hint)


def _tools(sheet: Sheet) -> list[Tool]:
    tools = []
    for index, item in enumerate(sheet.items("tools")):
        if not isinstance(item, dict):
            sheet.complain(f'"tools" holds mappings, not {kind_of(item)}', "tools", index)
            continue
        tools.append(_tool(_function(sheet, index, item)))
    names = [tool.name for tool in tools]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        sheet.complain(f'two tools are called "{name}"', "tools")
    return tools


def _function(sheet: Sheet, index: int, item: JsonObject) -> Sheet:
    """Return the sheet of a tool; OpenAI's envelopes `{type: function, ...}` are opened."""
    path = (*sheet.path, "tools", index)
    if item.get("type") == "function":
        if isinstance(item.get("function"), dict):
            Sheet(sheet.source, path, item, ("type", "function"))
            return Sheet(sheet.source, (*path, "function"), item["function"], TOOL_KEYS)
        item = {key: value for key, value in item.items() if key != "type"}
    return Sheet(sheet.source, path, item, TOOL_KEYS)


def _tool(sheet: Sheet) -> Tool:
    name = sheet.required("name")
    if name:
        _check_name(sheet, name)
    parameters = dict(sheet.mapping("parameters")) or {"type": "object", "properties": {}}
    check_one(sheet, parameters, "parameters")
    return Tool(name, sheet.text("description"), parameters, sheet.flag("strict"))


def _check_name(sheet: Sheet, name: str) -> None:
    if not _FUNCTION.fullmatch(name):
        sheet.complain(f'"{name}" may hold only letters, digits, "_" and "-", at most 64', "name")
