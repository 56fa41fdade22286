"""Which items of two unordered lists belong together, when they are not equal.

This is the one thing deepdiff is asked: it costs milliseconds, so only items without an equal on the other side
reach it, and only when there are several of them. Its limits (`max_diffs`, `max_passes`) fail open and are not
used; the size of what it is given is bounded instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from migrate.canonical import canonical_json
from migrate.vocabulary import Json

MAX_ITEMS: Final = 12
"""Items a side that deepdiff may match: its work grows with the square (12: 50 ms). Longer lists go in sorted order."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def in_order(old: list[Json], new: list[Json]) -> list[tuple[int, int]]:
    """Pair items up in sorted order: cheap, and good enough to say how far two lists are apart."""
    lefts = sorted(range(len(old)), key=lambda index: canonical_json(old[index]))
    rights = sorted(range(len(new)), key=lambda index: canonical_json(new[index]))
    return list(zip(lefts, rights, strict=False))


def best_pairs(old: list[Json], new: list[Json]) -> list[tuple[int, int]]:
    """Pair up the most similar items; as many pairs as the shorter list has items."""
    if len(old) == len(new) == 1 or not _worth_it(old, new):
        return in_order(old, new)
    # With repeated items deepdiff names places that do not exist.
    found = _deepdiff_pairs(old, new)
    pairs = _distinct((left, right) for left, right in found if left < len(old) and right < len(new))
    lefts = [index for index in range(len(old)) if index not in {left for left, _ in pairs}]
    rights = [index for index in range(len(new)) if index not in {right for _, right in pairs}]
    rest = in_order([old[index] for index in lefts], [new[index] for index in rights])
    return sorted([*pairs, *((lefts[left], rights[right]) for left, right in rest)])


def _worth_it(old: list[Json], new: list[Json]) -> bool:
    structured = any(isinstance(item, dict | list) for item in (*old, *new))
    return structured and max(len(old), len(new)) <= MAX_ITEMS


def _deepdiff_pairs(old: list[Json], new: list[Json]) -> Iterator[tuple[int, int]]:
    from deepdiff import DeepDiff

    found = DeepDiff(
        [_printable(item) for item in old],
        [_printable(item) for item in new],
        ignore_order=True,
        report_repetition=True,
        threshold_to_diff_deeper=0,
        cutoff_intersection_for_pairs=1,
        cutoff_distance_for_pairs=1,
        view="tree",
    )
    for kind, levels in found.items():
        if kind not in ("iterable_item_added", "iterable_item_removed", "repetition_change"):
            for level in levels:
                left = level.path(output_format="list")
                right = level.path(output_format="list", use_t2=True)
                if left and right:
                    yield left[0], right[0]


def _distinct(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    lefts: set[int] = set()
    rights: set[int] = set()
    kept = []
    for left, right in sorted(set(pairs)):
        if left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
            kept.append((left, right))
    return kept


def _printable(value: Json) -> Json:
    """Return the value without lone surrogates, which deepdiff cannot hash."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
