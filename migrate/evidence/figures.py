"""Figures that explain themselves: formula, assumption, source, and what went into them here.

A figure has a name; every number of a published document belongs to one, by the place it has there, so that a reader
may ask for either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Explanation(Generic[Subject]):
    """One figure."""

    what: str
    formula: str
    assumes: str
    source: str
    inputs: Callable[[Subject], str]
    """What goes into it for one flow."""


def explained(
    name: str, explanation: Explanation[Subject], subjects: Iterable[tuple[str, Subject]] = ()
) -> Iterator[str]:
    """Yield what a figure is and what went into it, flow by flow."""
    yield f"{name}: {explanation.what}"
    yield f"  formula: {explanation.formula}"
    yield f"  assumes: {explanation.assumes}"
    yield f"  source: {of_the_tool(explanation.source)}"
    for flow, subject in subjects:
        yield f"  {flow}: {explanation.inputs(subject)}"


def of_the_tool(source: str) -> str:
    """Return a source, its first page marked as one of this tool's own: the reader's project has none of that name."""
    return source.replace("docs/", "prompt-migrate's docs/", 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """The names of figures, and where each has its numbers in a document."""

    names: tuple[str, ...]
    places: Mapping[str, str]
    """Start of a place, `flows.metrics.excess`, to the name of its figure; the longest start holds."""

    def at(self, place: str) -> str | None:
        """Return the figure of a number at a place: keys from the root, joined by dots, places in lists left out."""
        parts = place.split(".")
        starts = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((self.places[start] for start in starts if start in self.places), None)

    def named(self, asked: str) -> str | None:
        """Return the figure that is asked for, by its name, its place, or the end of its place where that tells it."""
        if asked in self.names:
            return asked
        found = {name for place, name in self.places.items() if place == asked or place.endswith(f".{asked}")}
        return self.at(asked) or (found.pop() if len(found) == 1 else None)

    def several(self, asked: str) -> list[str]:
        """Return the places that a key is the end of, where they belong to several figures."""
        found = [place for place in self.places if place.endswith(f".{asked}")]
        return found if len({self.places[place] for place in found}) > 1 else []

    @property
    def known(self) -> tuple[str, ...]:
        """What may be asked for, for guesses at a typo."""
        ends = {place.rpartition(".")[2] for place in self.places}
        return (*self.names, *sorted(end for end in ends if end not in self.names and self.named(end)))
