"""Which cases of a log are taken: near-duplicates once, and a sample of every stratum, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrate.canonical import canonical_json, digest
from migrate.edges.importers.likeness import Alphabet, Likeness
from migrate.edges.importers.nouns import Row
from migrate.vocabulary import Json


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
    alphabet = Alphabet(texts) if wanted.near else None
    likes: dict[str, Likeness] = {}
    taken: list[int] = []
    sizes: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for at in order:
        stratum = given[at].stratum
        if wanted.sample is not None and sizes[stratum] >= wanted.sample:
            left["over"] += 1
        elif alphabet and not likes.setdefault(stratum, Likeness(wanted.near, alphabet)).takes(texts[at]):
            left["near"] += 1
        else:
            sizes[stratum] += 1
            taken.append(at)
    return Drawn(tuple(given[at] for at in sorted(taken)), left["near"], left["over"])
