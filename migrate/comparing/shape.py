"""Where two JSON values differ: a typed walk that is quick when they are equal and exact when they are not.

The walk names differences and judges none of them: whether one matters is for `agreement` and the noise floor.
Numbers are equal by value; a boolean never equals a number. Objects have no order. List items are matched by
index unless a rule says `unordered` or `key`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from migrate.canonical import canonical_json
from migrate.comparing.paths import MISSING, Keyed, Step, Steps
from migrate.comparing.rules import Cursor, key_of
from migrate.vocabulary import Json

What: TypeAlias = Literal["removed", "added", "type", "text", "number", "flag", "spelling", "length", "order"]
"""What differs: a key or keyed item gone or new, another JSON type, another string, number or boolean, a number
written differently (1 and 1.0), another count of items, the same items in another order."""


Matcher: TypeAlias = Callable[[list[Json], list[Json]], list[tuple[int, int]]]
"""Pairs up items of two unordered lists that have no equal on the other side."""


def equal(one: Json, other: Json) -> bool:
    """Return whether two JSON values are canonically equal: by type and value, objects without order."""
    return bool(one == other) and _same_types(one, other)


def _same_types(one: Json, other: Json) -> bool:
    # Python's == has already said yes: only 1 == 1.0 == True is left to be told apart, so texts need no look.
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is dict:
        for key, item in one.items():
            if type(item) is not str and not _same_types(item, other[key]):
                return False
    elif kind is list:
        return all(map(_same_types, one, other))
    return True


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in an answer, with the rules that hold there."""

    rules: Cursor
    where: Steps
    """How the place is found in other samples: items of keyed lists by their key, of unordered ones by `None`."""
    shown: Steps
    """How the place is written for a person: always by index."""

    def down(self, step: Step) -> Spot:
        return Spot(self.rules.down(step), (*self.where, step), (*self.shown, step))

    def item(self, found_by: Step, place: int) -> Spot:
        """Go to a list item that is matched otherwise than by its index."""
        return Spot(self.rules.down(place), (*self.where, found_by), (*self.shown, place))


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a baseline value and a candidate value differ."""

    what: What
    before: Json
    after: Json
    spot: Spot


def differences(before: Json, after: Json, spot: Spot, match: Matcher) -> list[Difference]:
    """Return every difference between two values in document order; empty when they are equal under the rules."""
    walk = _Walk(match)
    walk.compare(before, after, spot)
    return walk.found


class _Walk:
    __slots__ = ("_match", "found")

    def __init__(self, match: Matcher) -> None:
        self.found: Final[list[Difference]] = []
        self._match: Final = match

    def compare(self, before: Json, after: Json, spot: Spot) -> None:
        if before is after or spot.rules.silent:
            return
        kind, other = type(before), type(after)
        if kind is dict and other is dict:
            self._objects(before, after, spot)
        elif kind is list and other is list:
            self._lists(before, after, spot)
        elif kind is not other or before != after:
            self._note(_what(before, after), before, after, spot)

    def _note(self, what: What, before: Json, after: Json, spot: Spot) -> None:
        ruled = spot.rules.kind
        if ruled != "ignore" and (ruled != "present" or what in ("removed", "added")):
            self.found.append(Difference(what, before, after, spot))

    def _objects(self, before: Json, after: Json, spot: Spot) -> None:
        for key, old in before.items():
            new = after.get(key, MISSING)
            if new is old:
                continue
            if type(old) is type(new) and old == new and _same_types(old, new):
                continue
            self._member(old, new, spot.down(key))
        if len(after) != len(before) or after.keys() != before.keys():
            for key, new in after.items():
                if key not in before:
                    self._member(MISSING, new, spot.down(key))

    def _member(self, old: Json, new: Json, spot: Spot) -> None:
        if new is MISSING:
            self._note("removed", old, None, spot)
        elif old is MISSING:
            self._note("added", None, new, spot)
        else:
            self.compare(old, new, spot)

    def _lists(self, before: Json, after: Json, spot: Spot) -> None:
        rule = spot.rules.here
        kind = "" if rule is None else rule.kind
        if kind == "unordered":
            self._unordered(before, after, spot)
        elif rule is not None and kind == "key" and _keys(before, key_of(rule)) and _keys(after, key_of(rule)):
            self._keyed(before, after, key_of(rule), spot)
        else:
            self._ordered(before, after, spot)

    def _ordered(self, before: Json, after: Json, spot: Spot) -> None:
        start, end = _unequal_span(before, after)
        stop = min(len(before), len(after)) - end
        if len(before) != len(after):
            self._note("length", before, after, spot)
        elif stop - start > 1 and _same_items(before[start:stop], after[start:stop]):
            self._note("order", before, after, spot)
            return
        for index in range(start, stop):
            self._member(before[index], after[index], spot.down(index))

    def _keyed(self, before: Json, after: Json, name: str, spot: Spot) -> None:
        old = {key: index for index, key in enumerate(_keys(before, name))}
        new = {key: index for index, key in enumerate(_keys(after, name))}
        for key, index in old.items():
            place = new.get(key)
            inner = spot.item(Keyed(name, key[1]), index if place is None else place)
            self._member(before[index], MISSING if place is None else after[place], inner)
        for key, place in new.items():
            if key not in old:
                self._member(MISSING, after[place], spot.item(Keyed(name, key[1]), place))

    def _unordered(self, before: Json, after: Json, spot: Spot) -> None:
        if len(before) != len(after):
            self._note("length", before, after, spot)
        old, new = _without_equal_items(before, after)
        pairs = self._match([before[index] for index in old], [after[index] for index in new]) if old and new else []
        for left, right in pairs:
            self.compare(before[old[left]], after[new[right]], spot.item(None, new[right]))


_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
}


def kind_of(value: Json) -> str:
    """Return the type of a JSON value in words; whole numbers are numbers."""
    return _KINDS[type(value)]


def _what(before: Json, after: Json) -> What:
    kind, other = type(before), type(after)
    numbers = (int, float)
    if kind in numbers and other in numbers:
        return "number" if before != after else "spelling"
    if kind is not other:
        return "type"
    if kind is str:
        return "text"
    return "flag"


def _unequal_span(before: Sequence[Json], after: Sequence[Json]) -> tuple[int, int]:
    """Return how many items are equal at the start, and at the end of what is left."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and equal(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and equal(before[-1 - end], after[-1 - end]):
        end += 1
    return start, end


def _same_items(before: Sequence[Json], after: Sequence[Json]) -> bool:
    # Most lists fail here, on the first item, without being written out.
    if all(before[0] != item for item in after):
        return False
    return Counter(map(canonical_json, before)) == Counter(map(canonical_json, after))


def _keys(items: Sequence[Json], name: str) -> list[tuple[type, Json]]:
    """Return the key of every item, with its type, or nothing when the items cannot be told apart by it."""
    keys: list[tuple[type, Json]] = []
    for item in items:
        key = item.get(name, MISSING) if isinstance(item, dict) else MISSING
        if key is MISSING or isinstance(key, dict | list):
            return []
        keys.append((type(key), key))
    return keys if len(set(keys)) == len(keys) else []


def _without_equal_items(before: Sequence[Json], after: Sequence[Json]) -> tuple[list[int], list[int]]:
    """Return the indices of the items on each side that have no equal on the other."""
    texts = [canonical_json(item) for item in after]
    unmatched = Counter(texts)
    old = []
    for index, item in enumerate(before):
        text = canonical_json(item)
        if unmatched[text]:
            unmatched[text] -= 1
        else:
            old.append(index)
    new = []
    for index in range(len(after) - 1, -1, -1):
        if unmatched[texts[index]]:
            unmatched[texts[index]] -= 1
            new.append(index)
    return old, new[::-1]
