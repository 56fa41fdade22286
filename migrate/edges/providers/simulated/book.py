"""The answer book: which case a request belongs to, and what a careful person would answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from migrate.edges.providers.simulated.draft import Draft, DraftCall, Kind
from migrate.edges.providers.simulated.question import Question
from migrate.vocabulary import CaseId, Check, FlowName, Json, JsonObject, Parse


@dataclass(frozen=True, slots=True)
class BookEntry:
    """The reference answer of one case and what its flow promises."""

    flow: FlowName
    case: CaseId
    expected: Json
    """JSON value, text, or `{"tool_calls": [{"name", "arguments"}], "text"}`; None: nobody wrote one."""
    kind: Kind
    schema: JsonObject | None = None
    """What a JSON answer must fit, sent with the request or not."""
    parse: Parse = "text"
    checks: tuple[Check, ...] = ()
    """Bound to the case: no templates left in them."""
    variant: str | None = None
    """Name of the re-tuned wording; None: the prompt in production."""
    baseline: str | None = None
    """The model in production: the prompt was tuned until this one behaved."""
    step: str | None = None
    """The step of a chain; None: a prompt of its own."""
    number: int = 0
    """Place among the calls of a repeated step, from 1."""

    @property
    def scene(self) -> str:
        """What habits know the prompt by: every step of a chain is a prompt of its own."""
        return self.flow if self.step is None else f"{self.flow}/{self.step}"

    @property
    def place(self) -> str:
        """What habits know the case by."""
        return f"{self.scene}/{self.case}" + (f"#{self.number}" if self.number else "")

    @property
    def reference(self) -> Draft | None:
        """The reference answer as a draft; None when nobody wrote one."""
        if self.expected is None:
            return None
        if self.kind == "tool_calls":
            calls = tuple(
                DraftCall(str(call["name"]), call.get("arguments", {})) for call in self.expected["tool_calls"]
            )
            return Draft("tool_calls", text=self.expected.get("text"), calls=calls)
        if self.kind == "json":
            return Draft("json", value=self.expected)
        text = self.expected if isinstance(self.expected, str) else json.dumps(self.expected, ensure_ascii=False)
        return Draft("text", text=text)


def kind_of(expected: Json, parse: Parse) -> Kind:
    """Return what sort of answer a case expects."""
    if isinstance(expected, dict) and isinstance(expected.get("tool_calls"), list) and expected["tool_calls"]:
        return "tool_calls"
    return "text" if parse == "text" else "json"


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a later step of a chain is known whatever was answered before it: by what the case itself put there."""

    opening: str
    """The standing instructions."""
    marks: tuple[str, ...]
    """Texts of the case that stand in the messages."""

    def fits(self, text: str) -> bool:
        return all(mark in text for mark in self.marks)


@dataclass(frozen=True, slots=True)
class AnswerBook:
    """Entries by prompt key. Equal questions of two cases share one entry: the first one written."""

    entries: Mapping[str, BookEntry] = field(default_factory=dict)
    later: Mapping[str, Sequence[tuple[Likeness, BookEntry]]] = field(default_factory=dict)
    """Later steps of chains by their opening, the most telling likeness first."""

    @classmethod
    def of(cls, entries: Iterable[tuple[str, BookEntry]], later: Iterable[tuple[Likeness, BookEntry]] = ()) -> Self:
        """Return a book; a prompt key that comes twice keeps its first entry."""
        kept: dict[str, BookEntry] = {}
        for prompt_key, entry in entries:
            kept.setdefault(prompt_key, entry)
        alike: dict[str, list[tuple[Likeness, BookEntry]]] = {}
        for likeness, entry in later:
            alike.setdefault(likeness.opening, []).append((likeness, entry))
        for found in alike.values():
            found.sort(key=lambda pair: -sum(map(len, pair[0].marks)))
        return cls(kept, alike)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, prompt_key: str, question: Question | None = None) -> BookEntry | None:
        """Return the entry of a question, or None; of a later step of a chain the one that is most like it."""
        entry = self.entries.get(prompt_key)
        if entry is not None or question is None or question.opening not in self.later:
            return entry
        text = "\n".join(turn.text for turn in question.turns if turn.role not in ("system", "developer"))
        return next((entry for likeness, entry in self.later[question.opening] if likeness.fits(text)), None)
