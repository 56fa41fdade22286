"""Inputs that are nearly right: what the product writes or reads, changed at a place or two, or plainly odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
ODD_TEXT = st.sampled_from(
    ["", "\x1b]0;x\x07", "\ud83d", "a\x00b", "\u202e", "\ufeff", "{{ x }}", "{%", "$.a[", "::error::x", "=1+1", "../x",
     "NaN", "1e999", "-0", "sk-" + "A1b2" * 8, "a" * 3000, "https://example.org", "[" * 60, "\\ud800", "null", "\r\n"]
)  # fmt: skip
ODD_NUMBER = st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 1e308, 5e-324, -0.0, 0.1, True, False])
LEAF = st.none() | ODD_NUMBER | ODD_TEXT | ANY_TEXT
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT | ODD_TEXT, inner, max_size=3),
    max_leaves=5,
)
ODD = LEAF | JSON | st.sampled_from([[], {}, [[]], [None], {"": None}, [{}], {"type": 1}, {"$ref": "#"}, [0], "x", 7])
BYTES = st.binary(max_size=8)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in steps for found in places(inner, (*path, step)))]


def changed(value: Any, path: tuple[Any, ...], new: Any, how: str) -> Any:
    """Return a copy with what stands at a path replaced, taken out, doubled, or put under another key."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[step] = changed(copy[step], rest, new, how)
    elif how == "replace":
        copy[step] = new
    elif how == "double" and isinstance(copy, list):
        copy.insert(step, copy[step])
    else:
        old = copy.pop(step)
        if how == "rename" and isinstance(copy, dict):
            copy[str(new)[:20]] = old
    return copy


@st.composite
def near(draw: Callable[[Any], Any], *examples: Any) -> Any:
    """One of the examples with one to three places changed."""
    value = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from(places(value)[1:] or [()]))
        how = draw(st.sampled_from(["replace", "replace", "remove", "double", "rename"]))
        value = changed(value, where, draw(ODD), how)
    return value


def dumped(value: Any) -> bytes:
    """Return JSON as a server might write it, infinite numbers and half characters included."""
    return json.dumps(value).encode()


@st.composite
def damaged(draw: Callable[[Any], Any], *examples: bytes) -> bytes:
    """One of the examples with one to three pieces cut out, put in, doubled or overwritten."""
    data = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        piece = data[at : at + length]
        new = draw(
            st.sampled_from(
                [b"", b"\x00", b"\xff\xfe", b"\n", b'"', b"}", b"[", b"9" * 5000, b"[" * 100_000, piece * 2]
            )
            | BYTES
        )
        data = data[:at] + new + data[at + length :]
    return data


@dataclass(frozen=True)
class Overwritten:
    """Bytes of a long file put over others; `cut` is the length it is cut to. Kept small, so that it can be shown."""

    pages: tuple[tuple[int, int], ...]
    pieces: tuple[tuple[int, bytes], ...]
    cut: int | None

    def of(self, whole: bytes) -> bytes:
        data = bytearray(whole)
        for page, fill in self.pages:
            at = 4096 * (page % (len(data) // 4096 + 1))
            data[at : at + 4096] = bytes([fill]) * len(data[at : at + 4096])
        for place, new in self.pieces:
            at = place % len(data)
            data[at : at + len(new)] = new[: len(data) - at]
        return bytes(data if self.cut is None else data[: self.cut % len(data)])


def overwritten() -> st.SearchStrategy[Overwritten]:
    """Whole pages and single bytes changed, and sometimes the end cut off."""
    places = st.integers(0, 2**24)
    pages = st.lists(st.tuples(st.integers(0, 200), st.sampled_from([0x00, 0xFF, 0x5A])), max_size=2).map(tuple)
    pieces = st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), min_size=1, max_size=4).map(tuple)
    return st.builds(Overwritten, pages | st.just(()), pieces, st.none() | st.none() | places)
