"""Habits that change a JSON answer: types, keys, enums, lists and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, Slip
from migrate.edges.providers.simulated.facts import changed_facts, is_prose
from migrate.edges.providers.simulated.places import Steps, general, path_text, put, without
from migrate.edges.providers.simulated.scene import Proposal, Scene
from migrate.edges.providers.simulated.shapes import Node, nodes
from migrate.vocabulary import FindingKind, Json, Rung

_CONFIDENCE: Final = re.compile(r"confiden|score|probab|likel|certain|relevan")
_JITTER: Final = (-0.02, -0.01, 0.0, 0.01, 0.02)
_EXTRA_KEYS: Final = ("explanation", "reasoning", "note")
_EXTRA_VALUE: Final = "Derived from the given text."


_CHANGES: Final = {
    "number_as_string": FindingKind.TYPE_CHANGED,
    "dropped_required": FindingKind.KEY_REMOVED,
    "dropped_optional": FindingKind.KEY_REMOVED,
    "extra_key": FindingKind.KEY_ADDED,
    "changed_fact": FindingKind.FACT_CHANGED,
    "reordered_list": FindingKind.LIST_ORDER,
    "shortened_list": FindingKind.LIST_LENGTH,
}
"""What a habit changes where it breaks nothing; any other changes a value."""


def _slip(habit: str, steps: Steps, before: Json, after: Json, broken: FindingKind | None = None) -> Slip:
    path = path_text(steps)
    if broken is None:
        changes = _CHANGES.get(habit, FindingKind.VALUE_CHANGED)
        return Slip(habit, path, before, after, changes=changes, steps=steps)
    return Slip(habit, path, before, after, Break(Rung.SCHEMA, broken, path), steps=steps)


def _nodes(scene: Scene, draft: Draft, habit: str) -> list[Node]:
    """Return the free places of the answer, in the order in which the habit would try them."""
    free = [node for node in nodes(draft.value, scene.schema) if node.steps and scene.free(node.steps)]
    return scene.ordered(free, lambda node: general(node.steps), habit)


def _changed(draft: Draft, node: Node, new: Json) -> Draft:
    return Draft("json", value=put(draft.value, node.steps, new))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_as_string(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """`12.5` becomes `"12.5"`."""
    for node in _nodes(scene, draft, "number_as_string"):
        promised = bool(node.types) and not node.types & {"string"}
        if _is_number(node.value) and not node.composed and (promised or scene.schema is None):
            broken = FindingKind.WRONG_TYPE if promised else None
            yield (
                _changed(draft, node, str(node.value)),
                _slip("number_as_string", node.steps, node.value, str(node.value), broken),
            )


def dropped_required(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A key the schema requires is left out."""
    for node in _nodes(scene, draft, "dropped_required"):
        if node.required and node.is_key and not node.composed:
            yield (
                Draft("json", value=without(draft.value, node.steps)),
                _slip("dropped_required", node.steps, node.value, None, FindingKind.MISSING_REQUIRED),
            )


def dropped_optional(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A key the schema does not require is left out."""
    for node in _nodes(scene, draft, "dropped_optional"):
        if node.is_key and not node.required:
            yield (
                Draft("json", value=without(draft.value, node.steps)),
                _slip("dropped_optional", node.steps, node.value, None),
            )


def null_value(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A value becomes `null` where the schema forbids it."""
    for node in _nodes(scene, draft, "null_value"):
        promised = bool(node.types) and "null" not in node.types and "enum" not in node.schema
        if node.is_key and promised and not node.composed and not isinstance(node.value, dict | list):
            yield (
                _changed(draft, node, None),
                _slip("null_value", node.steps, node.value, None, FindingKind.NULL_NOT_ALLOWED),
            )


def enum_drift(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A word outside the enum, close to one inside."""
    for node in _nodes(scene, draft, "enum_drift"):
        if isinstance(node.value, str) and "enum" in node.schema and not node.composed:
            new = outside(node.value, [str(option) for option in node.schema["enum"]])
            yield (
                _changed(draft, node, new),
                _slip("enum_drift", node.steps, node.value, new, FindingKind.NOT_IN_ENUM),
            )


def outside(word: str, options: list[str]) -> str:
    """Return a near miss of a label that is none of the options in any spelling of case."""
    folded = {option.casefold() for option in options}
    tries = (f"{word}_other", f"{word} issue", f"unclassified {word}")
    return next(one for one in tries if one.casefold() not in folded)


def extra_key(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A key nobody asked for: against the contract only where the schema allows no other keys."""
    for node in nodes(draft.value, scene.schema):
        if not isinstance(node.value, dict) or node.composed:
            continue
        key = next((key for key in _EXTRA_KEYS if key not in node.value), None)
        if key is None or key in node.schema.get("properties", {}) or not scene.free((*node.steps, key)):
            continue
        broken = FindingKind.EXTRA_KEY if node.closed else None
        yield (
            _changed(draft, node, {**node.value, key: _EXTRA_VALUE}),
            _slip("extra_key", (*node.steps, key), None, _EXTRA_VALUE, broken),
        )


def out_of_bounds(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A value of the right type past a bound, length or pattern of the schema."""
    for node in _nodes(scene, draft, "out_of_bounds"):
        new = None if node.composed else _past_bound(node)
        if new is not None:
            yield (
                _changed(draft, node, new),
                _slip("out_of_bounds", node.steps, node.value, new, FindingKind.SCHEMA_VIOLATION),
            )


def _past_bound(node: Node) -> Json:
    """Return a value that breaks exactly one bound, or None when the schema sets none."""
    schema, value = node.schema, node.value
    if _is_number(value) and "maximum" in schema:
        return schema["maximum"] * 10 + 1 if schema["maximum"] > 0 else schema["maximum"] + 1
    if _is_number(value) and "minimum" in schema:
        return schema["minimum"] - 1
    if isinstance(value, str) and value and "enum" not in schema:
        if "pattern" in schema:
            return f"no. {value}?"
        if "maxLength" in schema:
            return (value + " ") * (int(schema["maxLength"]) // (len(value) + 1) + 2)
    if isinstance(value, list) and value and "maxItems" in schema and not schema.get("uniqueItems"):
        return value + [value[-1]] * (int(schema["maxItems"]) - len(value) + 1)
    return None


# --- Meaning may change, the contract holds --------------------------------------------------------


def changed_value(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Another value of the same kind: another option, another number, the other truth."""
    for node in _nodes(scene, draft, "changed_value"):
        for new in other_values(node):
            yield (
                _changed(draft, node, new),
                _slip("changed_value", node.steps, node.value, new),
            )


def other_values(node: Node) -> Iterator[Json]:
    """Yield values the schema would accept in place of this one; none for identifiers and prose."""
    value = node.value
    if "enum" in node.schema:
        options = node.schema["enum"]
        at = options.index(value) if value in options else 0
        yield from (option for option in [*options[at + 1 :], *options[:at]] if option is not None)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + max(1, abs(value) // 10), value - max(1, abs(value) // 10))
    elif isinstance(value, float) and not is_confidence(node):
        yield from (round(value * 1.1 + 0.01, 2), round(value * 0.9, 2))


def is_confidence(node: Node) -> bool:
    """Say whether a value is a confidence, score or probability between 0 and 1: no two answers agree on those."""
    return isinstance(node.value, float) and 0 <= node.value <= 1 and bool(_CONFIDENCE.search(node.name))


def changed_fact(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A number or date inside prose is another one."""
    for node in _nodes(scene, draft, "changed_fact"):
        if isinstance(node.value, str) and is_prose(node.value) and "enum" not in node.schema:
            for new, before, after in changed_facts(node.value):
                slip = _slip("changed_fact", node.steps, before, after)
                yield _changed(draft, node, new), slip


def reordered_list(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """The first item of a list comes last."""
    for node in _nodes(scene, draft, "reordered_list"):
        if isinstance(node.value, list) and len(node.value) > 1 and node.value[1:] + node.value[:1] != node.value:
            new = node.value[1:] + node.value[:1]
            yield (
                _changed(draft, node, new),
                _slip("reordered_list", node.steps, node.value, new),
            )


def shortened_list(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """The last item of a list is left out."""
    for node in _nodes(scene, draft, "shortened_list"):
        if isinstance(node.value, list) and len(node.value) > 1:
            new = node.value[:-1]
            yield (
                _changed(draft, node, new),
                _slip("shortened_list", node.steps, node.value, new),
            )


# --- Noise of the case, alike for every model ------------------------------------------------------


def ambiguous_label(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """The neighbouring option of an enum, for a case that could honestly be read either way."""
    for node in _nodes(scene, draft, "ambiguous_label"):
        if isinstance(node.value, str) and len(node.schema.get("enum", ())) > 1:
            new = next(other_values(node))
            yield (
                _changed(draft, node, new),
                _slip("ambiguous_label", node.steps, node.value, new),
            )


def jitter(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A confidence a little higher or lower, drawn anew for every sample."""
    for node in nodes(draft.value, scene.schema):
        if not is_confidence(node) or not scene.free(node.steps):
            continue
        step = scene.chance.pick(_JITTER, scene.case, path_text(node.steps), scene.sample, "jitter")
        new = round(min(1.0, max(0.0, node.value + step)), 4)
        if new != node.value:
            slip = _slip("jitter", node.steps, node.value, new)
            yield _changed(draft, node, new), slip
