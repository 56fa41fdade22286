"""Answers to questions nobody wrote one for: from the schema, the tools, or the user's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.draft import Draft, DraftCall
from migrate.edges.providers.simulated.patterns import matching
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.shapes import pointed
from migrate.vocabulary import Json, JsonObject, Tool

_DEEPEST: Final = 6
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_FORMATS: Final = {
    "date": "2026-01-{day:02d}",
    "date-time": "2026-01-{day:02d}T09:30:00Z",
    "time": "09:{day:02d}:00Z",
    "email": "person{day}@example.com",
    "uri": "https://example.com/{day}",
    "uuid": "00000000-0000-4000-8000-0000000000{day:02d}",
    "ipv4": "192.0.2.{day}",
    "hostname": "host{day}.example.com",
}


@dataclass(frozen=True, slots=True)
class Generator:
    """Makes values that fit a schema; the same seed, names and schema make the same value."""

    chance: Chance
    key: str
    """What is asked, as a key: every draw depends on it."""
    words: tuple[str, ...]
    """Words for strings, taken from the question."""
    root: JsonObject

    def value(self, schema: Json, *place: object, depth: int = 0) -> Json:
        """Return a value the schema accepts, as far as patterns and contradictory bounds allow."""
        schema = _plain(schema, self.root) if isinstance(schema, dict) else {}
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.chance.pick(schema["enum"], self.key, *place)
        if depth == 0 and not schema:
            return {"answer": self.phrase(3, *place)}
        match _kind(schema):
            case "object":
                return self._object(schema, *place, depth=depth)
            case "array":
                return self._array(schema, *place, depth=depth)
            case "integer" | "number" as kind:
                return self._number(schema, kind, *place)
            case "boolean":
                return self.chance.below(2, self.key, *place) == 1
            case "null":
                return None
            case _:
                return self._string(schema, *place)

    def _object(self, schema: JsonObject, *place: object, depth: int) -> Json:
        required = schema.get("required", ())
        made: dict[str, Json] = {}
        for name, inner in schema.get("properties", {}).items():
            if name in required or (depth < _DEEPEST and self.chance.unit(self.key, *place, name, "optional") < 0.75):
                made[name] = self.value(inner, *place, name, depth=depth + 1)
        for name in required:
            made.setdefault(name, self.phrase(1, *place, name))
        return made

    def _array(self, schema: JsonObject, *place: object, depth: int) -> Json:
        least = int(schema.get("minItems", 0))
        most = max(least, min(int(schema.get("maxItems", 3)), 3))
        wanted = least if depth >= _DEEPEST else min(most, max(least, 1 + self.chance.below(2, self.key, *place)))
        items = [self.value(schema.get("items", {}), *place, index, depth=depth + 1) for index in range(wanted * 4)]
        if schema.get("uniqueItems"):
            items = [item for index, item in enumerate(items) if item not in items[:index]]
        return items[:wanted]

    def _number(self, schema: JsonObject, kind: str, *place: object) -> Json:
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = (high - 100 if high is not None and high < 0 else 0) if low is None else low
        high = low + 100 if high is None else high
        share = 0.1 + 0.8 * self.chance.unit(self.key, *place)
        if step := schema.get("multipleOf"):
            found = low + (-low % step) + step * int(share * max(0, (high - low) // step))
            return int(found) if kind == "integer" else found
        value = low + share * (high - low)
        if kind == "integer":
            floor = int(low) + ("exclusiveMinimum" in schema) + (low > int(low))
            return max(floor, round(value) if round(value) <= high else int(value))
        return round(value, 2) if low <= round(value, 2) <= high else value

    def _string(self, schema: JsonObject, *place: object) -> str:
        if form := _FORMATS.get(schema.get("format", "")):
            return form.format(day=1 + self.chance.below(28, self.key, *place))
        if pattern := schema.get("pattern"):
            return matching(pattern, self.chance, self.key, *place)
        text = self.phrase(2 + self.chance.below(3, self.key, *place, "length"), *place)
        text = text.ljust(int(schema.get("minLength", 0)), "x")
        return text[: int(schema["maxLength"])] if "maxLength" in schema else text

    def phrase(self, length: int, *place: object) -> str:
        """Return some of the question's own words."""
        words = self.words or ("answer",)
        return " ".join(self.chance.pick(words, self.key, *place, "word", index) for index in range(length))


def _kind(schema: JsonObject) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        named = next((kind for kind in named if kind != "null"), "null")
    if named is None:
        named = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(named)


def _plain(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Return the schema behind references, with the first choice taken and the parts of an `allOf` laid into it."""
    for _ in range(_DEEPEST):
        if isinstance(reference := schema.get("$ref"), str):
            schema = pointed(root, reference)
        elif choices := schema.get("anyOf") or schema.get("oneOf"):
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
            schema = _joined(rest, choices[0])
        elif parts := schema.get("allOf"):
            schema = _joined({key: value for key, value in schema.items() if key != "allOf"}, *parts)
        else:
            return schema
    return {"type": "null"}


def _joined(schema: JsonObject, *parts: JsonObject) -> JsonObject:
    joined: dict[str, Any] = dict(schema)
    for part in parts:
        properties = {**joined.get("properties", {}), **part.get("properties", {})}
        required = [*joined.get("required", ()), *part.get("required", ())]
        joined.update(part)
        joined.update({"properties": properties} if properties else {}, **({"required": required} if required else {}))
    return joined


# --- Whole answers -----------------------------------------------------------------------------------


def generate(question: Question, schema: JsonObject | None, chance: Chance, key: str) -> Draft:
    """Return an answer to a question that no answer book knows: a pure function of seed and key."""
    words = tuple(dict.fromkeys(_WORD.findall(question.user_text[:4000])))[:60]
    if tool := _tool_to_call(question, words):
        arguments = Generator(chance, key, words, tool.parameters).value(tool.parameters, "arguments")
        return Draft("tool_calls", calls=(DraftCall(tool.name, arguments if isinstance(arguments, dict) else {}),))
    if schema is not None or question.response_format == "json_object":
        return Draft("json", value=Generator(chance, key, words, schema or {}).value(schema or {}, "answer"))
    return Draft("text", text=_prose(words, chance, key))


def _tool_to_call(question: Question, words: tuple[str, ...]) -> Tool | None:
    """Return the tool a model would call: the one named, else the one that shares most words; none after a result."""
    if not question.tools or question.tool_choice == "none":
        return None
    if named := [tool for tool in question.tools if tool.name == question.tool_choice]:
        return named[0]
    if question.tool_choice != "required" and question.turns[-1].role == "tool":
        return None
    asked = {word.casefold() for word in words}

    def shared(tool: Tool) -> int:
        own = _WORD.findall(f"{tool.name.replace('_', ' ')} {tool.description}")
        return len(asked & {word.casefold() for word in own})

    return max(question.tools, key=shared)


def _prose(words: tuple[str, ...], chance: Chance, key: str) -> str:
    return " ".join(_sentences(words or ("this", "question"), chance, key))


_OPENINGS: Final = (
    "In short, this is about {0}, and the main point is {1}.",
    "The question concerns {0} and, beside it, {1}.",
    "What matters here is {0}, together with {1}.",
)
_CLOSINGS: Final = (
    "The rest follows from {0} and needs no further step.",
    "It is usually enough to look at {0} first and then decide.",
    "Anything that touches {0} should be checked again before it is used.",
)


def _sentences(words: tuple[str, ...], chance: Chance, key: str) -> Iterator[str]:
    for number, frames in enumerate((_OPENINGS, _CLOSINGS)):
        picked = [chance.pick(words, key, "prose", number, index).lower() for index in range(2)]
        yield chance.pick(frames, key, "frame", number).format(*picked)
