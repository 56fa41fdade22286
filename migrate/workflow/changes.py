"""What differs between a request as it was recorded and as it is rendered today, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final

from migrate.canonical import digest
from migrate.vocabulary import Json, JsonObject

LISTED: Final = frozenset({"messages", "input", "tools"})
"""Members that are lists worth naming by place."""
MOST: Final = 4
_ABSENT: Final = object()


def what_changed(before: JsonObject, after: JsonObject) -> str:
    """Return the changed parts of a redacted request, such as `messages[1], temperature`; empty when none can be told.

    A long text may be recorded as its beginning and its digest: it is held against the digest.
    """
    parts = list(_changed(before, after))
    return ", ".join(parts[:MOST]) + (f" and {len(parts) - MOST} more" if len(parts) > MOST else "")


def _changed(before: JsonObject, after: JsonObject) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if name in LISTED and isinstance(old, list | tuple) and isinstance(new, list | tuple):
            pairs = zip_longest(old, new, fillvalue=_ABSENT)
            yield from (f"{name}[{place}]" for place, (one, other) in enumerate(pairs) if not _same(one, other))
        elif not _same(old, new):
            yield name


def _same(before: Json | object, after: Json | object) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        return before == after or before.endswith(f"sha256:{digest(after)}]")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(value, after[name]) for name, value in before.items())
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return before == after
