"""Where in a JSON value: paths as tuples, copies with one place changed, and their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from migrate.vocabulary import Json, JsonPath

Steps: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root: `("items", 0, "price")`."""


def path_text(steps: Steps, root: str = "$") -> JsonPath:
    """Return `$.items[0].price`, or `$["odd key"]` where a key is no identifier."""
    return JsonPath(root + "".join(_step_text(step) for step in steps))


def general(steps: Steps) -> str:
    """Return the path with `[*]` for every index: the same field in every item."""
    return "$" + "".join("[*]" if isinstance(step, int) else _step_text(step) for step in steps)


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def get(value: Json, steps: Steps) -> Json:
    """Return what stands at a place. Raises KeyError or IndexError when there is none."""
    for step in steps:
        value = value[step]
    return value


def put(value: Json, steps: Steps, new: Json) -> Json:
    """Return a copy with one place changed or added; what is not on the way is shared."""
    if not steps:
        return new
    copy = value.copy()
    head, rest = steps[0], steps[1:]
    copy[head] = put(value[head], rest, new) if rest else new
    return copy


def without(value: Json, steps: Steps) -> Json:
    """Return a copy without one key or item."""
    copy = value.copy()
    if len(steps) == 1:
        del copy[steps[0]]
    else:
        copy[steps[0]] = without(value[steps[0]], steps[1:])
    return copy


def leaves(value: Json, steps: Steps = ()) -> Iterator[tuple[Steps, Json]]:
    """Yield every scalar with its place, in document order."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*steps, index))
    else:
        yield steps, value


def overlaps(one: Steps, other: Steps) -> bool:
    """Say whether one place is, holds or lies inside the other."""
    short = min(len(one), len(other))
    return one[:short] == other[:short]


_STEP: Final = re.compile(r"\.([^\s.\[\]\"'*$]+)|\[(\d{1,9})\]|(\[\*\]|\.\*)|\[(\"(?:[^\"\\]|\\.)*\")\]|\['([^']*)'\]")


def select(value: Json, path: str) -> list[tuple[Steps, Json]]:
    """Return the places of a value that a path names (`$.items[*].price`), with what stands there."""
    found: list[tuple[Steps, Json]] = [((), value)]
    for key, index, star, quoted, single in _STEP.findall(path):
        if star:
            found = [((*at, step), inner) for at, whole in found for step, inner in _items(whole)]
        else:
            step = int(index) if index else json.loads(quoted) if quoted else key or single
            found = [((*at, step), whole[step]) for at, whole in found if _has(whole, step)]
    return found


def _items(value: Json) -> list[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _has(value: Json, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(value, list) and step < len(value)
    return isinstance(value, dict) and step in value
