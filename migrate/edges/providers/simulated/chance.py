"""Seeded chance without state: the same names always draw the same number."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

_SPAN: Final = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Chance:
    """Draws that depend on the seed and on the names given, never on the order of drawing."""

    seed: int

    def bits(self, *names: object) -> int:
        """Return 64 bits that belong to these names."""
        text = "\x1f".join([str(self.seed), *map(str, names)])
        return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")

    def unit(self, *names: object) -> float:
        """Return a number in [0, 1)."""
        return self.bits(*names) / _SPAN

    def below(self, n: int, *names: object) -> int:
        """Return a whole number in [0, n)."""
        return self.bits(*names) % n

    def pick(self, options: Sequence[T], *names: object) -> T:
        """Return one of the options, which must not be empty."""
        return options[self.bits(*names) % len(options)]

    def order(self, options: Sequence[T], *names: object) -> list[T]:
        """Return the options in an order that depends on their own text, so that adding one moves no other."""
        return sorted(options, key=lambda option: self.bits(*names, option))

    def normal(self, *names: object) -> float:
        """Return a standard normal number (Box-Muller on two of our uniform draws)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.unit(*names, "radius")))
        return radius * math.cos(2.0 * math.pi * self.unit(*names, "angle"))


def in_share(share: float, phase: float, sample: int) -> bool:
    """Say whether sample k is among the affected ones, spread evenly over the sample index.

    Systematic sampling: with share 0.2 every 5th sample is affected, whichever five in a row are looked at;
    `phase` in [0, 1) says which. Samples count from 1.
    """
    return math.floor(sample * share + phase) != math.floor((sample - 1) * share + phase)
