"""What goes into a drafted prompt file: names, parameters, tools and literal text as the strict loader takes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from migrate.comparing.schema import check_schema
from migrate.vocabulary import Json

FILL_IN: Final = "model-to-fill-in"
"""Stands for a model that the code does not say."""
SUFFIX: Final = ".prompt.yml"
LONGEST_NAME: Final = 60
PARAMETERS: Final = {
    "temperature": "temperature", "top_p": "topP", "max_tokens": "maxTokens", "seed": "seed", "stop": "stop",
    "max_completion_tokens": "maxCompletionTokens", "max_output_tokens": "maxTokens",
    "frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty", "logit_bias": "logitBias",
    "logprobs": "logprobs", "top_logprobs": "topLogprobs", "reasoning_effort": "reasoningEffort",
    "verbosity": "verbosity", "service_tier": "serviceTier", "prompt_cache_key": "promptCacheKey",
    "parallel_tool_calls": "parallelToolCalls", "tool_choice": "toolChoice",
}  # fmt: skip
"""Wire name -> key of `modelParameters`."""
CHAT_ONLY: Final = frozenset({"seed", "stop", "frequencyPenalty", "presencePenalty", "logitBias", "logprobs"})
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 2), "topP": (0, 1), "frequencyPenalty": (-2, 2), "presencePenalty": (-2, 2),
    "maxTokens": (1, 10**9), "maxCompletionTokens": (1, 10**9), "topLogprobs": (0, 20), "seed": (-(10**18), 10**18),
}  # fmt: skip
_WHOLE: Final = frozenset({"maxTokens", "maxCompletionTokens", "topLogprobs", "seed"})
_CHOICES: Final = {"verbosity": ("low", "medium", "high"), "toolChoice": ("auto", "none", "required")}
_TEXTS: Final = frozenset({"reasoningEffort", "serviceTier", "promptCacheKey"})
FUNCTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKERS: Final = re.compile(r"\{(?=[{%#])")


def file_name(words: str, taken: set[str]) -> str:
    """Return the name of a flow made of some words, safe as a file's name and not yet taken; it is taken now."""
    plain = unicodedata.normalize("NFKD", words.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-") or "prompt"
    name = f"prompt-{name}" if name in ("con", "prn", "aux", "nul") else name
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}-{count}"
    taken.add(unique)
    return unique


def escaped(text: str, *, before_hole: bool) -> str:
    """Return literal text as a template that gives it back."""
    text = _MARKERS.sub('{{ "{" }}', text)
    if before_hole and text.endswith("{"):
        return text[:-1] + '{{ "{" }}'
    return text


def is_sound(key: str, value: Json, tools: list[str]) -> bool:
    """Return True for a value the loader takes."""
    if key in _LIMITS:
        low, high = _LIMITS[key]
        number = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return number and (isinstance(value, int) or key not in _WHOLE)
    if key == "toolChoice":
        named = (value.get("function") or value).get("name") if isinstance(value, dict) else value
        return value in _CHOICES[key] or named in tools
    if key in _CHOICES:
        return value in _CHOICES[key]
    if key in _TEXTS:
        return isinstance(value, str) and bool(value)
    if key in ("logprobs", "parallelToolCalls"):
        return isinstance(value, bool)
    if key == "stop":
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    return isinstance(value, dict)


def sound_tool(definition: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return a definition in either API's envelope as a prompt file has it; None when it names no usable function."""
    inner = definition.get("function", definition)
    if not isinstance(inner, dict) or not FUNCTION.fullmatch(str(inner.get("name", ""))):
        return None
    parameters = inner.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, dict) or any(not problem.lint for problem in check_schema(parameters)):
        return None
    tool: dict[str, Json] = {"name": inner["name"]}
    if isinstance(inner.get("description"), str):
        tool["description"] = inner["description"]
    tool["parameters"] = parameters
    if isinstance(inner.get("strict"), bool):
        tool["strict"] = inner["strict"]
    return tool
