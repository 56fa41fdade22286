"""How a model's text stands in a golden: JSON as structure, prose as lines, so that git shows what changed.

Most answers are JSON in some layout that can be written again exactly from the parsed value and the order of the
keys; then the structure is kept alone. A fenced, chatty or oddly formatted answer keeps its raw text beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from migrate.vocabulary import Json, JsonObject

DEEPEST: Final = 128
"""Levels of nesting from which JSON is kept as text: no reader of it needs a tall stack."""
LAYOUTS: Final[dict[str, Callable[[Json], str]]] = {
    "compact": json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
    ).encode,
    "spaced": json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode,
    "indent2": json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2).encode,
    "indent4": json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=4).encode,
}
Order = dict[str, list[str]]
"""Path with `[*]` for list items -> the order of the keys there; paths in alphabetical order are left out."""

_BRACKET: Final = re.compile(r"[\[\]{}]")


def text_entry(text: str, orders: list[Order], value: Json = None) -> dict[str, Json]:
    """Return the keys that stand for a text: `json` (with `layout`, `order` or `raw`), or `lines`.

    `value` is what the text was read as, for a text that is not JSON itself (fenced, chatty). Orders of keys, which
    the samples of a golden share, are added to `orders` and referred to by place.
    """
    structure = parsed_structure(text)
    if structure is None:
        lines = text.split("\n")
        return {"json": value, "raw": lines} if isinstance(value, dict | list) else {"lines": lines}
    layout, order = _written_as(text, structure)
    if layout is None:
        return {"json": structure, "raw": text.split("\n")}
    entry = {"json": structure} if layout == "compact" else {"json": structure, "layout": layout}
    return entry | {"order": _place(order, orders)} if order else entry


def text_of(entry: JsonObject, orders: Sequence[Order]) -> str | None:
    """Return the text that `text_entry` was given; None for an entry without one."""
    if "raw" in entry:
        return "\n".join(entry["raw"])
    if "json" in entry:
        structure, order = entry["json"], entry.get("order")
        ordered = structure if order is None else _in_order(structure, orders[order])
        return LAYOUTS[entry.get("layout", "compact")](ordered)
    return "\n".join(entry["lines"]) if "lines" in entry else None


def parsed_structure(text: str) -> dict[str, Json] | list[Json] | None:
    """Return the object or list that the text is, or None: NaN, double keys and great depth are not JSON here."""
    start = text.lstrip(" \t\r\n")[:1]
    if start not in {"{", "["} or _depth(text) > DEEPEST:
        return None
    try:
        structure = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        LAYOUTS["compact"](structure)  # 1e999 is read as infinity, which cannot be written
    except (ValueError, RecursionError):
        return None
    return structure if isinstance(structure, dict | list) else None


def _depth(text: str) -> int:
    """Return an upper bound of the nesting: brackets inside strings count too."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _written_as(text: str, structure: Json) -> tuple[str | None, Order]:
    """Return the layout and the orders of keys that make the text again; no layout when none does."""
    names = ("indent2", "indent4") if "\n" in text else ("compact", "spaced")
    layout = next((name for name in names if LAYOUTS[name](structure) == text), None)
    if layout is None:
        return None, {}
    found: Order = {}
    _collect_orders(structure, "$", found)
    order = {path: keys for path, keys in found.items() if keys != sorted(keys)}
    # The file sorts keys: what is read back must make the same text from sorted objects.
    same = LAYOUTS[layout](_in_order(json.loads(_SORTED(structure)), order)) == text
    return (layout, order) if same else (None, {})


def _place(order: Order, orders: list[Order]) -> int:
    if order not in orders:
        orders.append(order)
    return orders.index(order)


_SORTED: Final = json.JSONEncoder(sort_keys=True, allow_nan=False, check_circular=False).encode


def _collect_orders(structure: Json, path: str, found: Order) -> None:
    if isinstance(structure, dict):
        keys = found.setdefault(path, [])
        keys += [key for key in structure if key not in keys]
        for key, value in structure.items():
            _collect_orders(value, f"{path}.{key}", found)
    elif isinstance(structure, list):
        for item in structure:
            _collect_orders(item, f"{path}[*]", found)


def _in_order(structure: Json, order: Order, path: str = "$") -> Json:
    if isinstance(structure, dict):
        keys: Iterable[str] = structure
        if path in order:
            rank = {key: place for place, key in enumerate(order[path])}
            keys = sorted(structure, key=lambda key: rank.get(key, len(rank)))
        # Most values are plain ones, and they are as they are.
        return {
            key: _in_order(value, order, f"{path}.{key}") if isinstance(value := structure[key], _NESTED) else value
            for key in keys
        }
    if isinstance(structure, list):
        below = f"{path}[*]"
        return [_in_order(item, order, below) if isinstance(item, _NESTED) else item for item in structure]
    return structure


_NESTED: Final = (dict, list)
