"""What both APIs' request bodies have in common: content parts, formats, tools and whole numbers."""

from __future__ import annotations

from typing import Any, Literal

from migrate.edges.providers.simulated.complaints import bad_request
from migrate.vocabulary import JsonObject, Tool

_IMAGES = ("image_url", "input_image")


def text_of(content: Any, where: str) -> tuple[str, int]:
    """Return a message's text and its number of images."""
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise bad_request(f"Invalid type for '{where}': expected a string or an array of parts.", param=where)
    texts = [str(part.get("text") or part.get("refusal") or "") for part in content]
    return "\n".join(text for text in texts if text), sum(part.get("type") in _IMAGES for part in content)


def tool_from(function: Any, where: str) -> Tool:
    """Return a function tool from its `{name, description, parameters, strict}`."""
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise bad_request(
            f"Missing required parameter: '{where}.name'.", param=where, code="missing_required_parameter"
        )
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    strict = function.get("strict")
    return Tool(function["name"], str(function.get("description") or ""), parameters, strict)


def response_format(
    asked: Any, inner: JsonObject, where: str
) -> tuple[Literal["text", "json_object", "json_schema"], JsonObject | None, bool]:
    """Return the promised format, its schema and whether it is strict; `inner` holds name, schema and strict."""
    kind = asked.get("type", "text") if isinstance(asked, dict) else None
    if kind == "json_schema":
        schema = inner.get("schema")
        if not isinstance(schema, dict):
            raise bad_request(f"Missing required parameter: '{where}.schema'.", param=where)
        return "json_schema", schema, inner.get("strict") is True
    if kind in ("text", "json_object"):
        return kind, None, False
    message = f"Invalid value: {kind!r}. Supported values are: 'json_object', 'json_schema', and 'text'."
    raise bad_request(message, param=f"{where}.type", code="invalid_value")


def integer(body: JsonObject, name: str, *, minimum: int) -> int | None:
    """Return a whole-number parameter, or None when it is absent."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise bad_request(f"Invalid '{name}': expected an integer >= {minimum}, got {value!r}.", param=name)
    return value
