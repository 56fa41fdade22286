"""JSON paths: how a place inside an answer is written, read and looked up.

A path is a tuple of steps whose first step is the root: `$` is the answer, `$tool_calls` the list of tool calls.
A step is a key, an index, `None` for `[*]` and `.*`, or `Keyed` for the list item whose field holds a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from migrate.vocabulary import Json, JsonPath

ANSWER: Final = "$"
TOOL_CALLS: Final = "$tool_calls"


class _Missing:
    """The type of `MISSING`, so that None can stay a JSON value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Keyed:
    """The item of a list whose `field` holds `value`."""

    field: str
    value: Json


Step: TypeAlias = str | int | Keyed | None
Steps: TypeAlias = tuple[Step, ...]

_encode: Final = json.JSONEncoder(ensure_ascii=False).encode

_ROOT: Final = re.compile(r"\$(?:tool_calls(?![\w-]))?")
_STEP: Final = re.compile(
    r"\.(?P<key>[^\s.\[\]\"'*$]+)"
    r"|\.(?P<any_key>\*)"
    r"|\[(?P<index>\d{1,9})\]"
    r"|\[(?P<any_item>\*)\]"
    r"|\[(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\]"
)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Steps:
    """Return the steps of a written path. Raises ValueError with a sentence for the user when it is not a path."""
    root = _ROOT.match(text)
    if root is None:
        raise ValueError(f"`{text}` is not a JSON path: it starts with `$`, as in `$.items[*].price`")
    steps: list[Step] = [root.group()]
    at = root.end()
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(f"`{text}` is not a JSON path: nothing known at `{text[at:]}`")
        steps.append(_step(step))
        at = step.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["key"] is not None:
        return found["key"]
    if found["index"] is not None:
        return int(found["index"])
    if found["quoted"] is not None:
        return _unquoted(found["quoted"])
    return None


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    try:
        return str(json.loads(text))
    except ValueError:
        raise ValueError(f"`{text}` is not a quoted key") from None


def write_path(steps: Steps) -> JsonPath:
    """Return the text of a path; a key that is no plain name is quoted."""
    return JsonPath(str(steps[0]) + "".join(_written(step) for step in steps[1:]))


def _written(step: Step) -> str:
    if step is None:
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, Keyed):
        return f"[{step.field}={json.dumps(step.value)}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def look_up(value: Json, steps: Steps) -> Iterator[tuple[Steps, Json]]:
    """Yield every place the steps lead to from `value`, wildcards filled in; the root is not among the steps."""
    if not steps:
        yield (), value
        return
    for taken, inner in _children(value, steps[0]):
        for rest, found in look_up(inner, steps[1:]):
            yield (taken, *rest), found


def _children(value: Json, step: Step) -> Iterator[tuple[Step, Json]]:
    if step is None:
        if isinstance(value, list):
            yield from enumerate(value)
        elif isinstance(value, dict):
            yield from value.items()
        return
    inner = child(value, step)
    if inner is not MISSING:
        yield step, inner


def child(value: Json, step: Step) -> Json:
    """Return what one concrete step leads to, or MISSING."""
    if isinstance(step, str):
        return value.get(step, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    if isinstance(step, int):
        return value[step] if step < len(value) else MISSING
    if isinstance(step, Keyed):
        items = (item for item in value if isinstance(item, dict))
        return next((item for item in items if item.get(step.field, MISSING) == step.value), MISSING)
    return MISSING


def value_at(value: Json, steps: Steps) -> Json:
    """Return what concrete steps lead to, or MISSING."""
    for step in steps:
        value = child(value, step)
        if value is MISSING:
            return MISSING
    return value


def brief(value: Json, limit: int = 200) -> Json:
    """Return a value short enough for a finding: long texts are cut, large lists and objects named by size."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1] + "\u2026"
    if isinstance(value, dict | list) and len(_compact(value, limit)) > limit:
        return f"object with {_count(value, 'key')}" if isinstance(value, dict) else f"list of {_count(value, 'item')}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4 * limit:
        return f"integer of about {int(value.bit_length() * 0.30103) + 1} digits"
    return value


def _compact(value: Json, limit: int) -> str:
    # Large containers are not worth writing out only to be measured.
    if len(value) > limit:
        return " " * (limit + 1)
    try:
        return _encode(value)
    except (ValueError, RecursionError):
        return " " * (limit + 1)


def _count(value: Json, noun: str) -> str:
    return f"{len(value)} {noun}{'s' if len(value) != 1 else ''}"


def said(value: Json, limit: int = 60) -> str:
    """Return a value as words inside a message."""
    short = brief(value, limit)
    if isinstance(short, str) and not isinstance(value, str):
        return short
    return _encode(short)
