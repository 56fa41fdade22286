"""Samples made comparable: the answer and its tool calls as one tree, equal ones kept once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeAlias

from migrate.canonical import any_index
from migrate.comparing.agreement import Surroundings, weigh
from migrate.comparing.answers import parse_answer
from migrate.comparing.contract import Contract
from migrate.comparing.matching import best_pairs
from migrate.comparing.noise import Floor, Places, Tree, fingerprint
from migrate.comparing.notes import Note, demoted
from migrate.comparing.paths import ANSWER, TOOL_CALLS, Steps, write_path
from migrate.comparing.rules import Cursor
from migrate.comparing.shape import Difference, Matcher, Spot, differences, equal
from migrate.comparing.tools import as_document, tool_of
from migrate.vocabulary import Answer, FindingKind, JsonPath, Judged, Parse, Rung, Severity

Key: TypeAlias = tuple[str | None, tuple[tuple[str, str], ...]]
"""An answer's texts: answers with one key are the same."""


@dataclass(frozen=True)
class Document:
    """One answer, ready to be compared."""

    tree: Tree
    """The answer under `$`, parsed or as text, absent where there are tool calls alone; these under `$tool_calls`."""
    places: dict[str, int]
    """Index of each tool call."""
    text: str
    """Breaks ties, so that the order of samples never matters."""

    @cached_property
    def leaves(self) -> frozenset[int]:
        """The answer's leaves, to tell which of several answers is nearest."""
        return fingerprint(self.tree)

    def same(self, other: Document) -> bool:
        """Return whether two answers are canonically equal."""
        return equal(self.tree, other.tree)


def texts_of(answer: Answer) -> Key:
    """Return the texts that make two answers the same without a look inside."""
    return answer.text, tuple((call.name, call.arguments) for call in answer.tool_calls)


def document_of(parse: Parse, judged: Judged) -> Document | None:
    """Return a judged sample as a document, None when there is nothing to compare: unread JSON, a refusal."""
    answer = judged.sample.answer
    if answer is None or judged.rungs.get(Rung.ANSWERED) is False or judged.rungs.get(Rung.PARSED) is False:
        return None
    return _document(parse, answer, judged)


def document_of_answer(parse: Parse, answer: Answer) -> Document | None:
    """Return an approved answer as a document, None when it cannot be read."""
    return _document(parse, answer, None)


def _document(parse: Parse, answer: Answer, judged: Judged | None) -> Document | None:
    calls, places = as_document(answer.tool_calls)
    tree: dict[str, object] = {TOOL_CALLS: calls}
    text = answer.text or ""
    if parse == "text":
        if text or not calls:
            tree[ANSWER] = text
    elif text.strip() or not calls:
        if judged is not None and judged.parsed:
            tree[ANSWER] = judged.value
        else:
            parsed = parse_answer(parse, text)
            if not parsed.parsed:
                return None
            tree[ANSWER] = parsed.value
    return Document(tree, places, text + repr(sorted((call.name, call.arguments) for call in answer.tool_calls)))


Change = tuple[FindingKind, JsonPath]
"""A kind of finding at a path with list indices as `[*]`."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A candidate's answer that a reviewer accepted."""

    document: Document
    covers: frozenset[Change] = frozenset()
    """The changes that were accepted; empty: all of them."""


class Group:
    """Distinct baseline documents, how often each was seen, and what a candidate's document differs in."""

    def __init__(self, comparer: Comparer, documents: Sequence[Document], approved: Sequence[Approved] = ()) -> None:
        self._comparer: Final = comparer
        self._distinct: Final[list[Document]] = []
        self._counts: Final[list[int]] = []
        for document in documents:
            self._add(document)
        self._places: Final = Places([*(one.tree for one in self._distinct), *(one.document.tree for one in approved)])
        own = range(len(self._distinct))
        self._floor: Final = Floor(self._places, own, self._counts)
        self._approved: Final = tuple(approved)
        self._widened: Final = {
            covers: Floor(self._places, own, self._counts, [len(own) + at for at in also])
            for covers, also in _by_scope(approved).items()
        }

    def _add(self, document: Document) -> None:
        place = self.find(document)
        if place is None:
            self._distinct.append(document)
            self._counts.append(1)
        else:
            self._counts[place] += 1
            if document.text < self._distinct[place].text:  # equal but written differently: never the order decides
                self._distinct[place] = document

    def find(self, document: Document) -> int | None:
        """Return the place of the equal document, if there is one."""
        return next((place for place, other in enumerate(self._distinct) if other.same(document)), None)

    @property
    def measured(self) -> bool:
        """True when at least two samples stand behind the noise floor."""
        return self._floor.measured

    def notes(self, document: Document) -> Iterator[tuple[Note, str | None]]:
        """Yield what a document differs in from the nearest sample, and what explains it (`noise`, `approval`)."""
        nearest = self._nearest(document, range(len(self._distinct)))
        found = self._comparer.differences(nearest, document, best_pairs)
        notes = [*self._comparer.weigh(found, nearest, document, self._floor)]
        covered: set[tuple[FindingKind, Steps, str]] = set()
        if self._widened and any(note.counts for note in notes):
            for covers, floor in self._widened.items():
                inside = {note.identity for note in notes if not covers or _change(note) in covers}
                if not any(one.covers == covers and one.document.same(document) for one in self._approved):
                    wider = self._comparer.weigh(found, nearest, document, floor)
                    inside -= {note.identity for note in wider if note.counts}
                covered |= inside
        for note in notes:
            if note.explained:
                yield note, "noise"
            else:
                yield note, "approval" if note.counts and note.identity in covered else None

    def agrees_without_itself(self, document: Document) -> bool:
        """Return whether one of the group's own documents agrees with the others of the group."""
        place = self.find(document)
        return place is not None and (self._counts[place] > 1 or self._agrees_without(place, document))

    def agreements_without_one(self, document: Document) -> int:
        """Return how many of the groups that lack one sample a document agrees with that agrees with the whole group.

        Where a sample was seen twice its copy stays, and with it the group.
        """
        own, total = self.find(document), 0
        for place, count in enumerate(self._counts):
            known = count > 1 or own not in (None, place)
            total += count if known or self._agrees_without(place, document) else 0
        return total

    def _agrees_without(self, place: int, document: Document) -> bool:
        others = [other for other in range(len(self._distinct)) if other != place]
        if not others:
            return False
        floor = Floor(self._places, others, [self._counts[other] for other in others])
        nearest = self._nearest(document, others)
        found = self._comparer.differences(nearest, document, best_pairs)
        return not any(note.counts for note in self._comparer.weigh(found, nearest, document, floor))

    def _nearest(self, document: Document, among: Sequence[int]) -> Document:
        if len(among) == 1:
            return self._distinct[among[0]]
        own = document.leaves
        near = min(among, key=lambda place: (len(own ^ self._distinct[place].leaves), self._distinct[place].text))
        return self._distinct[near]


def _by_scope(approved: Sequence[Approved]) -> dict[frozenset[Change], list[int]]:
    scopes: dict[frozenset[Change], list[int]] = {}
    for place, one in enumerate(approved):
        scopes.setdefault(one.covers, []).append(place)
    return scopes


def _change(note: Note) -> Change:
    return note.kind, any_index(write_path(note.shown))


class Comparer:
    """How the documents of one case are compared: its rules, its schema, the names in its input."""

    def __init__(self, contract: Contract, answer: Cursor, calls: Cursor, names: Callable[[], frozenset[str]]) -> None:
        self._contract: Final = contract
        self._spots: Final = (Spot(answer, (ANSWER,), (ANSWER,)), Spot(calls, (TOOL_CALLS,), (TOOL_CALLS,)))
        self._around: Final = Surroundings(self._is_enum, names)

    def _is_enum(self, where: Steps) -> bool:
        schema = self._contract.schema
        if where[0] == TOOL_CALLS and len(where) > 1 and self._contract.tools is not None:
            schema = self._contract.tools.arguments.get(tool_of(str(where[1])))
            return schema is not None and schema.is_enum(where[2:])
        return schema is not None and where[0] == ANSWER and schema.is_enum(where[1:])

    def differences(self, before: Document, after: Document, match: Matcher) -> list[Difference]:
        """Return every difference between two documents; a root that only one of them has is one too."""
        answer, calls = self._spots
        found = _root(before.tree, after.tree, ANSWER, answer, match)
        old, new = before.tree[TOOL_CALLS], after.tree[TOOL_CALLS]
        for name in sorted({*old, *new}):
            place = after.places[name] if name in new else before.places[name]
            rules = calls.rules.down(place)
            shown: Steps = (TOOL_CALLS, place)
            if name in old and name in new:
                spot = Spot(rules.down("arguments"), (TOOL_CALLS, name), (*shown, "arguments"))
                found += differences(old[name], new[name], spot, match)
            else:
                spot = Spot(rules, (TOOL_CALLS, name), shown)
                found.append(Difference("removed" if name in old else "added", None, None, spot))
        return found

    def weigh(self, found: Iterable[Difference], before: Document, after: Document, floor: Floor) -> Iterator[Note]:
        """Yield what differences mean; text that goes along with tool calls is small talk."""
        beside_calls = self._contract.parse == "text" and bool(before.places) and bool(after.places)
        said: set[tuple[FindingKind, Steps, str]] = set()
        for difference in found:
            for note in self._of_one(difference, floor, beside_calls):
                if note.identity not in said:  # one place may be reached by several ways
                    said.add(note.identity)
                    yield note

    def _of_one(self, difference: Difference, floor: Floor, beside_calls: bool) -> Iterator[Note]:
        if difference.spot.where[0] == TOOL_CALLS:
            yield from self._of_calls(difference, floor)
        elif beside_calls:
            yield from (demoted(note, "other words beside tool calls") for note in self._weighed(difference, floor))
        else:
            yield from self._weighed(difference, floor)

    def _weighed(self, difference: Difference, floor: Floor) -> Iterator[Note]:
        return weigh(difference, floor, self._around)

    def _of_calls(self, difference: Difference, floor: Floor) -> Iterator[Note]:
        where = difference.spot.where
        if len(where) == 2 and difference.what in ("removed", "added"):
            yield _whole_call(difference, floor)
            return
        for note in self._weighed(difference, floor):
            if note.severity is Severity.COSMETIC:
                yield note
            else:
                yield _about_arguments(note, tool_of(str(where[1])))


def _root(before: Tree, after: Tree, root: str, spot: Spot, match: Matcher) -> list[Difference]:
    if root in before and root in after:
        return differences(before[root], after[root], spot, match)
    if root in before:
        return [Difference("removed", before[root], None, spot)]
    return [Difference("added", None, after[root], spot)] if root in after else []


def _whole_call(difference: Difference, floor: Floor) -> Note:
    name = tool_of(str(difference.spot.where[1]))
    gone = difference.what == "removed"
    explained = floor.lacks(difference.spot.where) if gone else bool(floor.at(difference.spot.where))
    kind = FindingKind.MISSING_TOOL_CALL if gone else FindingKind.UNEXPECTED_TOOL_CALL
    words = f"a call of {name} is {'gone' if gone else 'new'}"
    expected, actual = (name, None) if gone else (None, name)
    return Note(kind, Severity.DRIFT, difference.spot.shown, words, expected, actual, "golden", explained)


def _about_arguments(note: Note, tool: str) -> Note:
    aspect = f"{note.kind.value} {note.aspect}"
    kind = FindingKind.TOOL_ARGUMENTS_CHANGED
    return replace(note, kind=kind, message=f"argument of {tool}: {note.message}", aspect=aspect)
