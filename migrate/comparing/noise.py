"""The noise floor: what a baseline's own samples show to vary, and so explains in a candidate's.

Values are looked up place by place, and only where a candidate differs. List items are aligned by index, or by
key where a rule says so, and pooled over `[*]`: what one item of a list is seen to vary in, its siblings may vary
in too. Nothing is pooled over a place that never varied: samples that are all alike explain nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from migrate.canonical import canonical_json
from migrate.comparing.paths import MISSING, Keyed, Step, Steps, child, look_up, value_at
from migrate.comparing.shape import equal
from migrate.vocabulary import Json

Tree: TypeAlias = Mapping[str, Json]
"""One sample's answer by root: `$` and `$tool_calls`."""
Found: TypeAlias = list[tuple[Steps, Json]]

MIN_DISTINCT: Final = 3
"""Distinct numbers from which on their range, and not only they themselves, counts as noise."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers the noise floor explains, both ends included."""

    low: float
    high: float

    def holds(self, number: float) -> bool:
        return self.low <= number <= self.high


class Places:
    """What distinct samples hold at the places asked for, looked up once."""

    __slots__ = ("_at", "_pooled", "trees")

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.trees: Final = tuple(trees)
        self._at: Final[dict[Steps, list[Json]]] = {}
        self._pooled: Final[dict[Steps, list[Found]]] = {}

    def at(self, where: Steps) -> list[Json]:
        """Return what each sample holds at a concrete place, MISSING where it holds nothing."""
        found = self._at.get(where)
        if found is None:
            found = self._at[where] = [value_at(tree, where) for tree in self.trees]
        return found

    def pooled(self, pooled: Steps) -> list[Found]:
        """Return what each sample holds at all places a path with `[*]` leads to."""
        found = self._pooled.get(pooled)
        if found is None:
            found = self._pooled[pooled] = [list(look_up(tree, pooled)) for tree in self.trees]
        return found


class Floor:
    """What a group of baseline samples shows at every place."""

    __slots__ = ("_also", "_members", "_noisy", "_places", "_seen", "counts")

    def __init__(self, places: Places, members: Sequence[int], counts: Sequence[int], also: Sequence[int] = ()) -> None:
        """Take the samples that make the floor, how often each was seen, and approved ones.

        Approved answers widen what is seen; what varies, and by how much, is for the samples alone to say.
        """
        self._places: Final = places
        self._members: Final = tuple(members)
        self._also: Final = tuple(also)
        self._seen: Final = (*members, *also)
        self._noisy: Final[dict[Steps, bool]] = {}
        self.counts: Final = tuple(counts)

    @property
    def measured(self) -> bool:
        """True when there are at least two samples, so that noise could show."""
        return sum(self.counts) > 1

    def at(self, where: Steps) -> list[Json]:
        """Return what is seen at one concrete place, sample by sample; where it is missing, nothing."""
        found = self._places.at(where)
        return [found[index] for index in self._seen if found[index] is not MISSING]

    def seen(self, where: Steps) -> list[Json]:
        """Return what is seen at a place and, if its siblings in a list vary, at theirs.

        Items of unordered lists have no place of their own: only what varies among them is seen.
        """
        own = self._own(where)
        return [*own, *self.siblings(where)] if _in_list(where) and self.noisy(where) else own

    def _own(self, where: Steps) -> list[Json]:
        if None not in where:
            return self.at(where)
        found = self._places.pooled(pooled_path(where))
        return [value for index in self._also for _, value in found[index]]

    def holds(self, where: Steps, value: Json) -> bool:
        """Return whether a value is among those seen."""
        if any(equal(other, value) for other in self._own(where)):
            return True
        return _in_list(where) and self.noisy(where) and any(equal(other, value) for other in self.siblings(where))

    def siblings(self, where: Steps) -> list[Json]:
        """Return what is seen at a place and the same place of all other items of the lists it is in."""
        found = self._places.pooled(pooled_path(where))
        return [value for index in self._seen for _, value in found[index]]

    def noisy(self, where: Steps) -> bool:
        """Return whether the samples differ at this place or at its siblings in a list."""
        pooled = pooled_path(where)
        if pooled not in self._noisy:
            self._noisy[pooled] = self._varies(pooled, unordered=None in where)
        return self._noisy[pooled]

    def _varies(self, pooled: Steps, *, unordered: bool) -> bool:
        found = self._places.pooled(pooled)
        first, *others = (found[index] for index in self._members)
        if unordered:
            texts = [sorted(canonical_json(value) for _, value in one) for one in (first, *others)]
            return any(text != texts[0] for text in texts)
        return any(not _alike(first, other) for other in others)

    def lacks(self, where: Steps) -> bool:
        """Return whether a key or keyed item is absent in any sample that has what it would be in."""
        last = where[-1]
        if None not in where:
            parents, values = self._places.at(where[:-1]), self._places.at(where)
            if any(values[index] is MISSING and parents[index] is not MISSING for index in self._seen):
                return True
        elif any(child(parent, last) is MISSING for parent in self._own(where[:-1])):
            return True
        if not _in_list(where[:-1]) or not self.noisy(where):
            return False
        return any(child(parent, last) is MISSING for parent in self.siblings(where[:-1]))

    def reordered(self, where: Steps, items: Sequence[Json]) -> bool:
        """Return whether samples show the items of a list in more than one order, or in just this one."""
        if None in where:
            return False
        if self.holds(where, items):
            return True
        found = self._places.at(where)
        texts = [[canonical_json(item) for item in found[index]] for index in self._members if _is_list(found[index])]
        return any(
            one != other and sorted(one) == sorted(other) for index, one in enumerate(texts) for other in texts[:index]
        )

    def range(self, where: Steps, *, tolerant: bool) -> Range | None:
        """Return the range of numbers that noise explains at a place.

        There is one if a tolerance rule holds there or at least 3 distinct numbers were seen. Siblings in a list
        lend each other their spread, not their values: prices 10 and 900 that each vary by 1 do not explain 500.
        """
        here = [] if None in where else self._numbers_at(where)
        enough = 1 if tolerant else MIN_DISTINCT
        own = Range(min(here), max(here)) if len(set(here)) >= enough else None
        if not _in_list(where) or not self.noisy(where):
            return own
        groups = self._number_groups(where)
        everywhere = {number for numbers in groups.values() for number in numbers}
        if len(everywhere) < enough:
            return own
        if not here:
            return Range(min(everywhere), max(everywhere))
        siblings = [numbers for steps, numbers in groups.items() if steps != where]
        spread = max((max(numbers) - min(numbers) for numbers in siblings), default=0.0)
        return Range(min(here) - spread, max(here) + spread)

    def _numbers_at(self, where: Steps) -> list[float]:
        found = self._places.at(where)
        return [found[index] for index in self._members if _is_number(found[index])]

    def _number_groups(self, where: Steps) -> dict[Steps, list[float]]:
        """Return the numbers of a place and all its siblings, by where they stand."""
        found = self._places.pooled(pooled_path(where))
        groups: dict[Steps, list[float]] = {}
        for index in self._members:
            for steps, value in found[index]:
                if _is_number(value):
                    groups.setdefault(steps, []).append(value)
        return groups


def pooled_path(where: Steps) -> Steps:
    """Return the path with every list item as `[*]`."""
    return tuple([None if _is_item(step) else step for step in where])


def _is_item(step: Step) -> bool:
    return isinstance(step, int | Keyed)


def _in_list(where: Steps) -> bool:
    return any(step is None or _is_item(step) for step in where)


def _alike(one: Found, other: Found) -> bool:
    return len(one) == len(other) and all(
        left[0] == right[0] and equal(left[1], right[1]) for left, right in zip(one, other, strict=True)
    )


def _is_list(value: Json) -> bool:
    return isinstance(value, list)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fingerprint(tree: Tree) -> frozenset[int]:
    """Return one number a leaf of an answer: two answers are as far apart as the leaves they do not share."""
    leaves: list[int] = []
    for root, value in tree.items():
        _add_leaves(value, hash(root), leaves)
    return frozenset(leaves)


def _add_leaves(value: Json, place: int, leaves: list[int]) -> None:
    kind = type(value)
    if kind is dict:
        leaves.append(place)
        for key, inner in value.items():
            _add_leaves(inner, hash((place, key)), leaves)
    elif kind is list:
        leaves.append(hash((place, len(value))))
        for index, inner in enumerate(value):
            _add_leaves(inner, hash((place, index)), leaves)
    else:
        leaves.append(hash((place, kind, value)))
