"""Changes of top-level members of a JSON object, made in its text: every other byte stays as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from migrate.vocabulary import Json, JsonObject

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_decode: Final = json.JSONDecoder().raw_decode
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Put:
    """Give a member this value; one that is not there is added at the end."""

    name: str
    value: Json


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a member another name."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Leave a member out."""

    name: str


Edit = Put | Rename | Drop


def edited(body: JsonObject, edits: Sequence[Edit]) -> dict[str, Json]:
    """Return a changed copy of a body."""
    changed = dict(body)
    for edit in edits:
        match edit:
            case Put(name, value):
                changed[name] = value
            case Rename(name, to) if name in changed:
                changed = {to if key == name else key: value for key, value in changed.items()}
            case Drop(name):
                changed.pop(name, None)
    return changed


@dataclass(slots=True)
class _Member:
    """A member in its text: where it begins and ends, and what it reads now."""

    name: str
    start: int
    end: int
    name_text: str
    between: str
    """Colon and white space between name and value."""
    value_text: str

    @property
    def text(self) -> str:
        return self.name_text + self.between + self.value_text


def spliced(text: str, edits: Sequence[Edit]) -> str:
    """Return the text of a JSON object after the same changes. Raises ValueError when it is no object."""
    members = list(_members(text))
    gaps = {id(member): text[before.end : member.start] for before, member in pairwise(members)}
    head, tail = (members[0].start, members[-1].end) if members else (text.index("{") + 1, text.rindex("}"))
    kept = members
    for edit in edits:
        match edit:
            case Put(name, value):
                kept = _put(kept, name, _encode(value))
            case Rename(name, to):
                for member in kept:
                    if member.name == name:
                        member.name, member.name_text = to, _encode(to)
            case Drop(name):
                kept = [member for member in kept if member.name != name]
    rest = [gaps.get(id(member), ",") + member.text for member in kept[1:]]
    return text[:head] + "".join([*(member.text for member in kept[:1]), *rest]) + text[tail:]


def _put(members: list[_Member], name: str, value: str) -> list[_Member]:
    found = [member for member in members if member.name == name]
    for member in found:
        member.value_text = value
    return members if found else [*members, _Member(name, -1, -1, _encode(name), ":", value)]


def _members(text: str) -> Iterator[_Member]:
    at = _expect(text, 0, "{")
    while text[at : at + 1] != "}":
        start = at
        name, name_end = _decode(text, at)
        value_start = _expect(text, name_end, ":")
        _, end = _decode(text, value_start)
        yield _Member(name, start, end, text[start:name_end], text[name_end:value_start], text[value_start:end])
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        if text[at : at + 1] == ",":
            at = _expect(text, at, ",")


def _expect(text: str, at: int, mark: str) -> int:
    """Return where the next thing begins after `mark`. Raises ValueError when it does not stand there."""
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark} at character {at}")
    return _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
