"""A JSON answer walked beside its schema: what stands where, and what the schema promises of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from migrate.edges.providers.simulated.places import Steps
from migrate.vocabulary import Json, JsonObject

_DEEPEST: Final = 40
_NULL: Final = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Node:
    """One value of an answer and what is promised of it."""

    steps: Steps
    value: Json
    schema: JsonObject = field(default_factory=dict)
    """The schema of this value, references resolved; empty when nothing is promised."""
    required: bool = False
    """True for a key its object must have."""
    composed: bool = False
    """True when the schema is one option of an `anyOf`: a broken rule would be told of the whole choice."""

    @property
    def types(self) -> frozenset[str]:
        """The JSON types allowed; empty when the schema names none."""
        named = self.schema.get("type", ())
        return frozenset([named] if isinstance(named, str) else named)

    @property
    def closed(self) -> bool:
        """True for an object that allows no further keys."""
        return self.schema.get("additionalProperties") is False

    @property
    def is_key(self) -> bool:
        return bool(self.steps) and isinstance(self.steps[-1], str)

    @property
    def name(self) -> str:
        """The nearest key on the way, lower case: what the value is called."""
        return next((str(step).lower() for step in reversed(self.steps) if isinstance(step, str)), "")


def nodes(value: Json, schema: JsonObject | None) -> list[Node]:
    """Return every value of an answer, the whole first, in document order."""
    # One habit after another looks at the same, never mutated value: the last walk is kept.
    if (last := _LAST[0])[0] is value and last[1] is schema:
        return last[2]
    root = schema or {}
    own, composed = _resolved(root, root, 0)
    found = list(_walk(Node((), value, own, composed=composed), root))
    _LAST[0] = (value, schema, found)
    return found


_LAST: Final[list[tuple[Json, JsonObject | None, list[Node]]]] = [(object(), None, [])]


def _walk(node: Node, root: JsonObject) -> Iterator[Node]:
    yield node
    if len(node.steps) > _DEEPEST:
        return
    if isinstance(node.value, dict):
        yield from _walk_object(node, root)
    elif isinstance(node.value, list):
        items = node.schema.get("items", {})
        for index, inner in enumerate(node.value):
            yield from _walk(_child(node, index, inner, items, root, required=False), root)


def _walk_object(node: Node, root: JsonObject) -> Iterator[Node]:
    properties = node.schema.get("properties", {})
    required = node.schema.get("required", ())
    for key, inner in node.value.items():
        child = _child(node, key, inner, properties.get(key, {}), root, required=key in required)
        yield from _walk(child, root)


def _child(node: Node, step: str | int, value: Json, schema: Json, root: JsonObject, *, required: bool) -> Node:
    own, composed = _resolved(schema, root, 0)
    return Node((*node.steps, step), value, own, required, composed or node.composed)


def _resolved(schema: Json, root: JsonObject, depth: int) -> tuple[JsonObject, bool]:
    """Return the plain schema behind references and nullable choices, and whether it is one option of a choice."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}, False
    if isinstance(reference := schema.get("$ref"), str):
        return _resolved(pointed(root, reference), root, depth + 1)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            options = [option for option in schema[choice] if option != _NULL]
            return _resolved(options[0] if len(options) == 1 else {}, root, depth + 1)[0], True
    return schema, "allOf" in schema


def pointed(root: JsonObject, reference: str) -> Json:
    """Return what a local reference (`#/$defs/Item`) points at; empty for any other."""
    if not reference.startswith("#"):
        return {}
    found: Json = root
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name, {}) if isinstance(found, dict) else {}
    return found
