"""One prose text held against the baseline's texts at the same place: facts first, then language, length and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from migrate.comparing.facts import Fact, facts_of, mentions
from migrate.comparing.notes import Note
from migrate.comparing.paths import brief
from migrate.comparing.shape import Difference
from migrate.comparing.wording import is_refusal, language_of, length_bounds, length_of, similarity
from migrate.vocabulary import FindingKind, Json, Severity

_FACT_WORDS: Final = {
    "number": "numbers",
    "date": "dates",
    "time": "times",
    "link": "links",
    "address": "addresses",
    "code": "codes",
    "currency": "currencies",
    "name": "names of the input",
}


class Prose:
    """One prose text held against the baseline's texts at the same place: facts first, then words."""

    def __init__(
        self,
        difference: Difference,
        texts: Sequence[str],
        others: Sequence[str],
        names: Callable[[], frozenset[str]],
    ) -> None:
        self._after: Final[str] = difference.after
        self._shown: Final = difference.spot.shown
        self._texts: Final = texts
        self._pool: Final = [*texts, *others]
        self._names: Final = names
        self._own: Final = facts_of(self._after)
        self._nearest: Final = min(texts, key=self._apart)

    def _apart(self, text: str) -> tuple[int, float, str]:
        gone, new = self._changes(text)
        return len(gone) + len(new), abs(len(text) - len(self._after)), text

    def _changes(self, text: str) -> tuple[list[Fact], list[Fact]]:
        stated = facts_of(text)
        gone = [fact for fact in stated.stated if not self._own.hold(fact)]
        return gone, [fact for fact in self._own.stated if not stated.hold(fact)]

    def notes(self) -> Iterator[Note]:
        found = [*self._facts(), *self._missing_names(), *self._language(), *self._refusal(), *self._length()]
        yield from found
        if not found:
            likeness = similarity(self._nearest, self._after)
            words = f"other words (similarity {likeness:.2f}), the same facts; not judged for meaning"
            values = brief(self._nearest), brief(self._after)
            yield Note(FindingKind.WORDING_CHANGED, Severity.COSMETIC, self._shown, words, *values)

    def _facts(self) -> Iterator[Note]:
        gone, new = self._changes(self._nearest)
        always = [fact for fact in gone if all(facts_of(text).hold(fact) for text in self._texts)]
        never = [fact for fact in new if not any(facts_of(text).hold(fact) for text in self._pool)]
        yield from self._fact_notes(always, never, explained=False)
        yield from self._fact_notes(
            [fact for fact in gone if fact not in always], [fact for fact in new if fact not in never], explained=True
        )

    def _fact_notes(self, gone: Sequence[Fact], new: Sequence[Fact], *, explained: bool) -> Iterator[Note]:
        for kind in dict.fromkeys(fact.kind for fact in (*gone, *new)):
            lost = [fact.text for fact in gone if fact.kind == kind]
            found = [fact.text for fact in new if fact.kind == kind]
            yield self._fact_note(kind, lost, found, explained=explained)

    def _fact_note(self, kind: str, lost: Sequence[str], found: Sequence[str], *, explained: bool) -> Note:
        parts = [f"no longer {', '.join(lost[:5])}"] if lost else []
        parts += [f"now {', '.join(found[:5])}"] if found else []
        words = f"{_FACT_WORDS[kind]} differ: {'; '.join(parts)}"
        aspect = kind + (" explained" if explained else "")
        values = _one_or_list(lost), _one_or_list(found)
        return Note(
            FindingKind.FACT_CHANGED,
            Severity.DRIFT,
            self._shown,
            str(brief(words)),
            *values,
            "golden",
            explained,
            aspect,
        )

    def _missing_names(self) -> Iterator[Note]:
        unsaid = [name for name in sorted(self._names()) if not mentions(self._after, name)]
        gone = [name for name in unsaid if mentions(self._nearest, name)]
        always = [name for name in gone if all(mentions(text, name) for text in self._texts)]
        if always:
            yield self._fact_note("name", always, (), explained=False)
        if len(gone) > len(always):
            yield self._fact_note("name", [name for name in gone if name not in always], (), explained=True)

    def _language(self) -> Iterator[Note]:
        language, was = language_of(self._after), language_of(self._nearest)
        if language is None or was is None or language == was:
            return
        explained = any(language_of(text) == language for text in self._pool)
        words = f"written in {language}, was {was}"
        kind, severity = FindingKind.LANGUAGE_CHANGED, Severity.DRIFT
        yield Note(kind, severity, self._shown, words, was, language, explained=explained)

    def _refusal(self) -> Iterator[Note]:
        if is_refusal(self._after) and not any(is_refusal(text) for text in self._pool):
            words = "refuses, where the baseline answered"
            values = brief(self._nearest), brief(self._after)
            yield Note(FindingKind.REFUSED, Severity.DRIFT, self._shown, words, *values)

    def _length(self) -> Iterator[Note]:
        length = length_of(self._after)
        low, high = length_bounds(self._texts)
        if low <= length <= high:
            return
        was = sorted(length_of(text) for text in self._texts)
        span = f"{was[0]}" if was[0] == was[-1] else f"{was[0]} to {was[-1]}"
        words = f"{length} words, was {span}"
        low, high = length_bounds(self._pool)
        kind, severity = FindingKind.LENGTH_CHANGED, Severity.DRIFT
        values: tuple[Json, Json] = (was[0] if was[0] == was[-1] else [was[0], was[-1]], length)
        yield Note(kind, severity, self._shown, words, *values, explained=low <= length <= high)


def _one_or_list(texts: Sequence[str]) -> Json:
    if not texts:
        return None
    return brief(texts[0]) if len(texts) == 1 else brief(list(texts[:20]))
