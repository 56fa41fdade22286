"""Which cases of a log are taken: near-duplicates once, and a sample of every stratum, the same for the same seed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from migrate.canonical import canonical_json, digest
from migrate.edges.importers.nouns import Row
from migrate.vocabulary import Json

LONG: Final = 4_000
"""Characters from which two texts are compared for equality alone: looking at all of them would take too long."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is taken."""

    sample: int | None = None
    """Cases a stratum; None takes all."""
    seed: int = 0
    near: float = 95.0
    """Similarity in percent from which a case is a near-duplicate of one that was taken; 0 takes all."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was taken of one prompt's cases."""

    rows: tuple[Row, ...]
    """In the order of the source."""
    near: int
    """Near-duplicates left out."""
    over: int
    """Left out because their stratum was full."""


def stratum_of(line: Mapping[str, Json], per: str) -> str:
    """Return what a line says under a column or dotted path; empty when nothing, or when strata are flows."""
    if per == "flow":
        return ""
    value: Json = line.get(per)
    if value is None:
        value = dict(line)
        for step in per.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else canonical_json(value)


def drawn(rows: Iterable[Row], wanted: Wanted, redact: Callable[[str], str]) -> Drawn:
    """Return a sample; the order in which cases are drawn depends on the seed and on what they say, not on the file."""
    given = list(rows)
    texts = [redact(canonical_json(row.inputs)) for row in given]
    order = sorted(range(len(given)), key=lambda at: digest(f"{wanted.seed}\n{texts[at]}"))
    kept: dict[str, _Taken] = {}
    taken: list[int] = []
    left: Counter[str] = Counter()
    for at in order:
        stratum = kept.setdefault(given[at].stratum, _Taken())
        if wanted.sample is not None and len(stratum.texts) >= wanted.sample:
            left["over"] += 1
        elif stratum.has_near(texts[at], wanted.near):
            left["near"] += 1
        else:
            stratum.add(texts[at])
            taken.append(at)
    return Drawn(tuple(given[at] for at in sorted(taken)), left["near"], left["over"])


@dataclass(slots=True)
class _Taken:
    """Texts that were taken of one stratum, the shortest first."""

    lengths: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        place = bisect_right(self.lengths, len(text))
        self.lengths.insert(place, len(text))
        self.texts.insert(place, text)

    def has_near(self, text: str, bound: float) -> bool:
        """Say whether a text is like one of them, by a bound in percent; 0: none is."""
        from rapidfuzz import fuzz, process

        if not bound:
            return False
        # What is much shorter or longer cannot be alike: each sign that one has more is a difference.
        least = len(text) * bound / (200 - bound)
        most = len(text) * (200 - bound) / bound
        some = self.texts[bisect_left(self.lengths, least) : bisect_right(self.lengths, most)]
        if len(text) > LONG:
            return text in some
        return process.extractOne(text, some, scorer=fuzz.ratio, score_cutoff=bound) is not None
