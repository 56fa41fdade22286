"""A golden as today's contract sees it: its samples, what they make right, how they agree with each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from migrate.comparing.contract import Contract
from migrate.comparing.documents import (
    Approved,
    Comparer,
    Document,
    Group,
    Key,
    document_of,
    document_of_answer,
    texts_of,
)
from migrate.comparing.facts import names_in
from migrate.comparing.paths import ANSWER, TOOL_CALLS, brief
from migrate.comparing.tools import Names, judge_names, names_of
from migrate.comparing.traces import judge
from migrate.comparing.wording import is_refusal, language_of
from migrate.vocabulary import Answer, Finding, FindingKind, Golden, Json, JsonPath, Judged, Rung, Severity


class Baseline:
    """A golden as today's contract sees it: its samples, and what they make right for a candidate."""

    def __init__(self, contract: Contract, golden: Golden, today: dt.date | None, inputs: Callable[[], str]) -> None:
        self.contract: Final = contract
        self.golden: Final = golden
        self.rejudged: Final = golden.contract_digest != contract.digest
        stored = [sample for sample in golden.samples if sample.sample.answer is not None]
        self._stored: Final = [judge(contract, sample.sample) for sample in stored] if self.rejudged else stored
        self._today: Final = today
        self._inputs: Final = inputs

    @cached_property
    def samples(self) -> list[Judged]:
        """The golden's samples, judged by the prompt and by each other."""
        return [self.expecting(sample) for sample in self._stored]

    @cached_property
    def _refuses(self) -> bool:
        """True when every sample is a refusal in plain words: then that is what production says today."""
        return all(is_refusal(_text(sample)) for sample in self._stored)

    @cached_property
    def _tools(self) -> tuple[Names, ...]:
        calls = [sample.sample.answer.tool_calls for sample in self._stored if sample.sample.answer is not None]
        return tuple(sorted({names_of(group) for group in calls})) if self.contract.tools_from_golden else ()

    def expecting(self, judged: Judged) -> Judged:
        """Return a judged sample with what the golden makes right: the tools called, and an answer, not a refusal."""
        found = [*self._unexpected_tools(judged), *self._unexpected_refusal(judged)]
        if not found:
            return judged
        rungs = {**judged.rungs, **dict.fromkeys((finding.rung for finding in found), False)}
        return replace(judged, rungs=rungs, findings=(*judged.findings, *found))

    def _unexpected_tools(self, judged: Judged) -> list[Finding]:
        answer = judged.sample.answer
        if answer is None or self.contract.tools is None:
            return []
        return judge_names(self._tools, answer.tool_calls, "golden", self.contract.tools.arguments)

    def _unexpected_refusal(self, judged: Judged) -> list[Finding]:
        text = _text(judged)
        if judged.rungs.get(Rung.ANSWERED) is False or not is_refusal(text) or self._refuses:
            return []
        words = "the model refused in plain words, where the baseline answers"
        kind, severity = FindingKind.REFUSED, Severity.BREAKING
        return [Finding(Rung.ANSWERED, kind, severity, JsonPath(ANSWER), words, None, brief(text), "golden")]

    @cached_property
    def _comparer(self) -> Comparer:
        rules = self.contract.rules
        return Comparer(
            self.contract, rules.root(ANSWER, self._today), rules.root(TOOL_CALLS, self._today), self._names
        )

    def _names(self) -> frozenset[str]:
        text = self._inputs()
        return names_in(text, nouns_are_capitalised=language_of(text) == "German")

    @cached_property
    def documents(self) -> list[Document | None]:
        """One document a sample, the same object for equal texts; None for samples that cannot be compared."""
        made: dict[Json, Document | None] = {}
        documents: list[Document | None] = []
        for sample in self.samples:
            if sample.sample.answer is None or not comparable(sample):
                documents.append(None)
                continue
            key = texts_of(sample.sample.answer)
            if key not in made:
                made[key] = document_of(self.contract.parse, sample)
            documents.append(made[key])
        return documents

    @cached_property
    def texts(self) -> frozenset[Json]:
        """The texts of all comparable samples: a candidate with one of them is the same without a look inside."""
        answers = (sample.sample.answer for sample in self.samples if comparable(sample))
        return frozenset(texts_of(answer) for answer in answers if answer is not None)

    @cached_property
    def group(self) -> Group | None:
        """All comparable samples, with the approved answers; None when there are none."""
        documents = [document for document in self.documents if document is not None]
        approved = [
            Approved(document, frozenset(approval.covers))
            for approval in self.golden.approved
            if (document := document_of_answer(self.contract.parse, approval.answer)) is not None
        ]
        return Group(self._comparer, documents, approved) if documents else None

    def leave_one_out(self) -> tuple[bool, ...]:
        """Return, sample by sample, whether it agrees with the others; empty with fewer than two samples."""
        return self._own

    @cached_property
    def _own(self) -> tuple[bool, ...]:
        if len(self.samples) < 2:
            return ()
        if self.alike:
            return (True,) * len(self.samples)
        return tuple(self._agrees(index) for index in range(len(self.samples)))

    def _agrees(self, index: int) -> bool:
        own, group = self.documents[index], self.group
        return own is not None and group is not None and group.agrees_without_itself(own)

    def groups_without_one(self, document: Document) -> int:
        """Return how many of the goldens that lack one sample a document agrees with that agrees with all of it.

        The baseline's own samples are held against one sample fewer than there are; a candidate held against all of
        them would look better than it is. Zero for a golden of one sample, which leaves nothing to agree with.
        """
        if self.group is None or len(self.samples) < 2:
            return 0
        unread = sum(other is None for other in self.documents)
        return unread + self.group.agreements_without_one(document)

    def groups_with(self, answer: Answer) -> int:
        """Return the same for an answer that has the texts of a comparable sample."""
        if self.alike:
            return len(self.samples)
        key = texts_of(answer)
        pairs = zip(self.samples, self.documents, strict=True)
        documents = (made for sample, made in pairs if _texts(sample) == key)
        document = next(documents, None)
        return 0 if document is None else self.groups_without_one(document)

    @property
    def alike(self) -> bool:
        """True when all samples are comparable and say the same."""
        return len(self.texts) == 1 and all(map(comparable, self.samples))

    @property
    def call_counts(self) -> frozenset[int]:
        """How many calls a sample of this flow makes; empty when the golden does not say."""
        return frozenset(len(sample.sample.calls) for sample in self.samples if sample.sample.calls)


def _texts(judged: Judged) -> Key | None:
    answer = judged.sample.answer
    return None if answer is None else texts_of(answer)


def _text(judged: Judged) -> str | None:
    answer = judged.sample.answer
    return None if answer is None or answer.tool_calls else answer.text


def comparable(judged: Judged) -> bool:
    return judged.rungs.get(Rung.ANSWERED) is not False and judged.rungs.get(Rung.PARSED) is not False


def leave_one_out(contract: Contract, golden: Golden, *, today: dt.date | None = None) -> tuple[bool, ...]:
    """Return whether each baseline sample agrees with the others, in the order of the golden's samples.

    This is the baseline's own agreement, which a candidate's is held against. Empty with fewer than two samples:
    one sample has nobody to agree with. Without a day every rule holds.
    """
    return Baseline(contract, golden, today, lambda: input_text(golden, ())).leave_one_out()


# --- The input of a case --------------------------------------------------------------------------------------------


def input_text(golden: Golden, samples: Sequence[Judged]) -> str:
    """Return what was asked in the user's own words: the full request of a sample, else what the golden keeps of it."""
    live = [call.request.body for sample in samples[:1] for call in sample.sample.calls[:1]]
    bodies = [*live, *(request.body for request in golden.requests[:1])]
    texts = ("\n".join(_user_texts(body)) for body in bodies)
    return next((text for text in texts if text), "")


def _user_texts(body: Mapping[str, Json]) -> Iterator[str]:
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, str):
        yield messages
        return
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") in ("user", "tool"):
            yield from _texts_of_content(message.get("content"))


def _texts_of_content(content: Json) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
