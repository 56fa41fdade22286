"""The answer book: which case a request belongs to, and what a careful person would answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrate.edges.providers.simulated.draft import Draft, DraftCall, Kind
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
class AnswerBook:
    """Entries by prompt key. Equal questions of two cases share one entry: the first one written."""

    entries: Mapping[str, BookEntry] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[tuple[str, BookEntry]]) -> AnswerBook:
        """Return a book; a prompt key that comes twice keeps its first entry."""
        kept: dict[str, BookEntry] = {}
        for prompt_key, entry in entries:
            kept.setdefault(prompt_key, entry)
        return cls(kept)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, prompt_key: str) -> BookEntry | None:
        """Return the entry of a question, or None."""
        return self.entries.get(prompt_key)
