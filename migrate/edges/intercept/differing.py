"""Where a request differs from a recorded one: the first place, and how much in all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from migrate.canonical import digest
from migrate.vocabulary import Json, JsonObject, JsonPath, Request

ABSENT: Final = "(absent)"
"""Stands for a member or item that one side has not."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})\]\Z")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two JSON values are not equal."""

    path: JsonPath
    recorded: Json
    asked: Json

    @property
    def size(self) -> float:
        """From 0 to 1: how much of the value differs; texts with a long common beginning or end differ little."""
        one, other = self.recorded, self.asked
        if not (isinstance(one, str) and isinstance(other, str)) or ABSENT in (one, other):
            return 1.0
        shared = _shared(one, other) + _shared(one[::-1], other[::-1])
        return 1.0 - min(1.0, shared / max(len(one), len(other), 1))


def differences(recorded: Json, asked: Json, path: str = "$") -> Iterator[Difference]:
    """Yield the places where two values differ, in the order of the asked one.

    A long text may be recorded as its beginning and its digest: it is held against the digest.
    """
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        for name in (*asked, *(name for name in recorded if name not in asked)):
            yield from differences(recorded.get(name, ABSENT), asked.get(name, ABSENT), path + _step(name))
    elif isinstance(recorded, list | tuple) and isinstance(asked, list | tuple):
        for place, (one, other) in enumerate(zip_longest(recorded, asked, fillvalue=ABSENT)):
            yield from differences(one, other, f"{path}[{place}]")
    elif not _equal(recorded, asked):
        yield Difference(JsonPath(path), recorded, asked)


def nearest(asked: Request, redacted: JsonObject, recorded: Iterable[Request]) -> tuple[Request, Difference] | None:
    """Return the recorded request that differs least from an asked one, with the first difference.

    `redacted` is the asked body as it would be recorded. None: nothing of this endpoint was recorded.
    """
    best: tuple[float, Request, Difference] | None = None
    for request in recorded:
        if request.api != asked.api:
            continue
        found = list(differences(request.body, redacted))
        size = sum(difference.size for difference in found)
        if found and (best is None or size < best[0]):
            best = size, request, found[0]
    return None if best is None else (best[1], best[2])


def _equal(recorded: Json, asked: Json) -> bool:
    if isinstance(recorded, str) and isinstance(asked, str):
        match = _DIGEST.search(recorded)
        return recorded == asked or (match is not None and match.group(1) == digest(asked))
    # `1 == True` in Python, not in JSON.
    return bool(recorded == asked) and isinstance(recorded, bool) == isinstance(asked, bool)


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (here, there) in pairs if here != there), min(len(one), len(other)))


def _step(name: str) -> str:
    return f".{name}" if _PLAIN.fullmatch(name) else f'["{name}"]'
