"""Whether a text is like one of many: exactly what comparing it with each of them says, without comparing most.

Two texts are as alike as rapidfuzz's `ratio` says: 100 less the signs that one has and the other lacks, as a share of
the signs of both. How often every sign is in them bounds that from above, since taking a sign out or putting one in
changes one count by one: only texts whose counts are near enough are compared. Counts are held twice, summed up into a
few sums that nearly always decide and in full; both are told for thousands of texts at a time.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.uint8]

LONG: Final = 4_000
"""Characters from which a text is compared for equality alone: looking at all of it would take too long."""
SIGNS: Final = 64
"""Counts of a text: the commonest signs, and one for all others together."""
SUMS: Final = 24
ROWS: Final = 4_096
"""Texts whose counts are looked at together: their sums stay in a processor's cache."""
FEW: Final = 32
"""Texts that a shelf has room for at first: strata may be many and small."""
LOOKED_AT: Final = 2_000
"""Texts of which the commonest signs are told; which these are changes how fast an answer is, and never which."""
MOST: Final = 255
"""A count that is higher counts as this: a bound stays a bound."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How often which signs are in a text."""

    sums: Counts
    counts: Counts


class Alphabet:
    """Counts the signs of texts; the commonest by themselves."""

    def __init__(self, texts: Iterable[str]) -> None:
        import numpy as np

        common = Counter("".join(islice(texts, LOOKED_AT))).most_common(SIGNS - 1)
        self._place = np.full(sys.maxunicode + 1, SIGNS - 1, np.uint8)
        self._place[[ord(sign) for sign, _ in common]] = range(len(common))
        self._sum = np.arange(SIGNS) % SUMS

    def marks(self, text: str) -> Marks:
        import numpy as np

        signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        counts = np.bincount(self._place[signs], minlength=SIGNS)
        sums = np.bincount(self._sum, counts, SUMS)
        return Marks(np.minimum(sums, MOST).astype(np.uint8), np.minimum(counts, MOST).astype(np.uint8))


class Likeness:
    """Texts that were taken, and whether another one is like one of them by a bound in percent, above 0 to 100."""

    def __init__(self, bound: float, alphabet: Alphabet) -> None:
        self._bound = bound
        self._alphabet = alphabet
        self._texts: set[str] = set()
        self._shelves: dict[int, list[_Shelf]] = {}
        # What is much shorter or longer cannot be alike. A text has its likes on the shelves of its own length and
        # those next to it; the little more is for the rounding of logarithms.
        self._step = log((200 - bound) / bound) + 1e-9
        self._apart = 1 - bound / 100

    def takes(self, text: str) -> bool:
        """Take a text unless it is like one that was taken; say whether it was."""
        if text in self._texts:
            return False
        marks = self._alphabet.marks(text)
        if self._is_near(text, marks):
            return False
        self._texts.add(text)
        shelves = self._shelves.setdefault(self._height(text), [])
        if not shelves or shelves[-1].is_full:
            shelves.append(_Shelf())
        shelves[-1].add(text, marks)
        return True

    def _is_near(self, text: str, marks: Marks) -> bool:
        from rapidfuzz import fuzz, process

        if self._bound == 100 or len(text) > LONG:
            return False
        for shelf in self._within_reach(text):
            some = shelf.near(text, marks, self._apart)
            if any(process.extract_iter(text, some, scorer=fuzz.ratio, score_cutoff=self._bound)):
                return True
        return False

    def _height(self, text: str) -> int:
        return int(log(max(1, len(text))) / self._step)

    def _within_reach(self, text: str) -> Iterator[_Shelf]:
        height = self._height(text)
        for near in (height, height - 1, height + 1):
            yield from self._shelves.get(near, ())


def _sums() -> NDArray[np.uint8]:
    import numpy as np

    return np.zeros((SUMS, FEW), np.uint8)


def _counts() -> NDArray[np.uint8]:
    import numpy as np

    return np.zeros((FEW, SIGNS), np.uint8)


def _lengths() -> NDArray[np.int64]:
    import numpy as np

    return np.zeros(FEW, np.int64)


@dataclass(slots=True)
class _Shelf:
    """Texts of about one length with their counts, at most `ROWS`."""

    texts: list[str] = field(default_factory=list)
    sums: NDArray[np.uint8] = field(default_factory=_sums)
    """A column for each text: one sum of all of them is looked at after the other."""
    counts: NDArray[np.uint8] = field(default_factory=_counts)
    """A row for each text: those of a few of them are looked at."""
    lengths: NDArray[np.int64] = field(default_factory=_lengths)

    @property
    def is_full(self) -> bool:
        return len(self.texts) == ROWS

    def add(self, text: str, marks: Marks) -> None:
        import numpy as np

        at = len(self.texts)
        if at == len(self.lengths):
            self.sums = np.concatenate((self.sums, np.zeros_like(self.sums)), axis=1)
            self.counts = np.concatenate((self.counts, np.zeros_like(self.counts)))
            self.lengths = np.concatenate((self.lengths, np.zeros_like(self.lengths)))
        self.sums[:, at], self.counts[at], self.lengths[at] = marks.sums, marks.counts, len(text)
        self.texts.append(text)

    def near(self, text: str, marks: Marks, apart: float) -> Sequence[str]:
        """Return every text that is not too far off by its counts: at most `apart` of the signs of both."""
        import numpy as np

        some = len(self.texts)
        # Rounding may not leave one out that is just near enough.
        most = (self.lengths[:some] + len(text)) * apart + 1e-6
        few = np.flatnonzero(_distance(self.sums[:, :some], marks.sums[:, None]).sum(0, dtype=np.uint16) <= most)
        if len(few):
            few = few[_distance(self.counts[few], marks.counts).sum(1) <= most[few]]
        return [self.texts[at] for at in few.tolist()]


def _distance(some: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    apart = np.maximum(some, one)
    apart -= np.minimum(some, one)
    return apart
