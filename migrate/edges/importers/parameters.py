"""Parameters, formats and tools of a request, in wire names, as the keys of a prompt file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from migrate.comparing.schema import check_schema
from migrate.drafting import CHAT_ONLY, FUNCTION, PARAMETERS, is_sound, sound_tool
from migrate.vocabulary import Api, Json

ELSEWHERE: Final = frozenset(
    {"model", "messages", "input", "instructions", "tools", "response_format", "text", "functions", "stream_options"}
)
"""Wire keys that are no parameters."""
ABOUT: Final = frozenset(
    {"metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "store"}
)
"""Wire keys that say who asks and how it is kept: requests that differ in them alone ask for the same."""


def asked(body: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a request asks for, without `ABOUT` and without what a stream is to tell beside the answer.

    An input of the Responses API that is a text is the message that it stands for. So are its instructions: the API
    puts them into the model's context as the first message of the system.
    """
    kept = {name: value for name, value in body.items() if name not in ABOUT and name != "stream_options"}
    if isinstance(kept.get("input"), str):
        kept["input"] = [{"role": "user", "content": kept["input"]}]
    instructions, given = kept.get("instructions"), kept.get("input")
    if isinstance(given, list) and isinstance(instructions, str | None):
        kept.pop("instructions", None)
        kept["input"] = given if instructions is None else [{"role": "system", "content": instructions}, *given]
    return kept


def keys_of(body: Mapping[str, Json], api: Api, open_: list[str]) -> dict[str, Any]:
    """Return `modelParameters`, `responseFormat`, `jsonSchema` and `tools` of a body; what is left out is noted."""
    tools = _tools(body.get("tools"), open_)
    if body.get("functions"):
        open_.append("the functions are not carried over: write them as tools")
    keys: dict[str, Any] = {}
    parameters = _parameters(body, api, [tool["name"] for tool in tools], open_)
    if parameters:
        keys["modelParameters"] = parameters
    keys |= _format(_format_of(body, api), open_)
    if tools:
        keys["tools"] = tools
    return keys


def _parameters(body: Mapping[str, Json], api: Api, tools: list[str], open_: list[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in _flat(body, api).items():
        key = PARAMETERS.get(name)
        if name == "stream" and isinstance(value, bool):
            found |= {"stream": True} if value else {}
        elif value is None or (name == "n" and value == 1):
            continue
        elif key is None or (api == "responses" and key in CHAT_ONLY):
            open_.append(f"the parameter {name} is not carried over")
        elif not is_sound(key, value, tools):
            open_.append(f"the parameter {name} has a value that is not carried over")
        else:
            found[key] = value
    return found


def _flat(body: Mapping[str, Json], api: Api) -> dict[str, Json]:
    flat = {name: value for name, value in body.items() if name not in ELSEWHERE}
    reasoning, text = body.get("reasoning"), body.get("text")
    if api == "responses" and isinstance(reasoning, dict) and set(reasoning) == {"effort"}:
        flat["reasoning_effort"] = flat.pop("reasoning")["effort"]
    if api == "responses" and isinstance(text, dict) and "verbosity" in text:
        flat["verbosity"] = text["verbosity"]
    if api == "responses" and flat.get("store") is False:
        del flat["store"]  # what prompt files send anyway
    return flat


def _format_of(body: Mapping[str, Json], api: Api) -> Json:
    if api == "chat":
        return body.get("response_format")
    text = body.get("text")
    return text.get("format") if isinstance(text, dict) else None


def _format(given: Json, open_: list[str]) -> dict[str, Json]:
    if given is None or given == {"type": "text"}:
        return {}
    if isinstance(given, dict) and given.get("type") == "json_object":
        return {"responseFormat": "json_object"}
    envelope = given.get("json_schema", given) if isinstance(given, dict) else None
    schema = envelope.get("schema") if isinstance(envelope, dict) else None
    if not isinstance(envelope, dict) or not is_schema(schema):
        open_.append("the response format is not carried over")
        return {}
    kept = {key: envelope[key] for key in ("name", "strict") if isinstance(envelope.get(key), str | bool)}
    if not FUNCTION.fullmatch(str(kept.get("name", "answer"))) or not isinstance(kept.get("strict", True), bool):
        open_.append("the response format is not carried over")
        return {}
    return {"responseFormat": "json_schema", "jsonSchema": {**kept, "schema": schema}}


def is_schema(schema: Json) -> bool:
    """Return True for a JSON Schema that prompt files take."""
    return isinstance(schema, dict) and not any(not problem.lint for problem in check_schema(schema))


def _tools(given: Json, open_: list[str]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    if given is not None and not isinstance(given, list):
        open_.append("the tools are not carried over")
        return found
    for tool in given or ():
        sound = sound_tool(tool) if isinstance(tool, dict) else None
        if sound is None or sound["name"] in [other["name"] for other in found]:
            open_.append("a tool is not carried over")
        else:
            found.append(sound)
    return found
