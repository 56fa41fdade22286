"""The pairs of answers that people rate blind: drawn by hash, so that every rater of a seed is given the same ones.

Drawn from pairs whose answers differ, as texts or as JSON: of equal ones nobody can prefer either. Order of the pairs
and of the two answers is each rater's own, by hash too.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from migrate.canonical import digest_json
from migrate.vocabulary import (
    Answer,
    CaseId,
    Comparison,
    FlowName,
    Golden,
    Json,
    Judged,
    Rating,
    Side,
)

ID_LENGTH: Final = 7


@dataclass(frozen=True, slots=True)
class Pair:
    """One baseline and one candidate answer to the same case."""

    flow: FlowName
    case: CaseId
    candidate: str
    asked: str
    """What was asked, as the last message of the golden has it."""
    baseline_answer: str
    candidate_answer: str
    id: str
    """Short, the same for every rater of a seed."""

    @property
    def shown(self) -> tuple[str, str]:
        """Hashes of the two answers: what a rating says was seen."""
        return text_digest(self.baseline_answer), text_digest(self.candidate_answer)

    def left(self, rater: str) -> Side:
        """Return which answer a rater is shown first."""
        return "candidate" if _die(self.id, rater, "side") & 1 else "baseline"

    def sides(self, rater: str) -> tuple[str, str]:
        """Return the two answers in a rater's order, JSON in one layout: its own would tell the model."""
        both = laid_out(self.baseline_answer), laid_out(self.candidate_answer)
        return both if self.left(rater) == "baseline" else (both[1], both[0])


@dataclass(frozen=True, slots=True)
class Sample:
    """The pairs that were drawn."""

    pairs: tuple[Pair, ...]
    seed: int
    differing: Mapping[tuple[FlowName, str], int]
    """Pairs that differ, from which they were drawn, by flow and candidate."""
    equal: int
    """Pairs whose answers are the same: nobody is asked about them."""

    @property
    def of(self) -> int:
        """Pairs that differ."""
        return sum(self.differing.values())

    def part(self, pair: Pair) -> tuple[int, int]:
        """Return how many pairs of a pair's flow and candidate were drawn, and from how many."""
        key = pair.flow, pair.candidate
        return sum((one.flow, one.candidate) == key for one in self.pairs), self.differing[key]

    def ordered(self, rater: str) -> list[Pair]:
        """Return the pairs in a rater's own order."""
        return sorted(self.pairs, key=lambda pair: _die(pair.id, rater, "order"))


def draw(cases: Iterable[tuple[Comparison, Sequence[Judged], Golden | None]], size: int, seed: int) -> Sample:
    """Draw pairs of a run: comparisons with the candidate's samples and the golden; without an answer, no pair."""
    differing: list[Pair] = []
    equal = 0
    for comparison, samples, golden in cases:
        pair = _pair(comparison, samples, golden, seed)
        if pair is not None and laid_out(pair.baseline_answer) == laid_out(pair.candidate_answer):
            equal += 1
        elif pair is not None:
            differing.append(pair)
    drawn = nsmallest(size, differing, key=lambda pair: _die(pair.flow, pair.case, pair.candidate, str(seed)))
    return Sample(tuple(drawn), seed, Counter((pair.flow, pair.candidate) for pair in differing), equal)


def _pair(comparison: Comparison, samples: Sequence[Judged], golden: Golden | None, seed: int) -> Pair | None:
    if golden is None:
        return None
    key = comparison.flow, comparison.case, comparison.candidate, str(seed)
    before, after = _one(golden.samples, *key, "baseline"), _one(samples, *key, "candidate")
    if before is None or after is None:
        return None
    name = f"P{_die(*key, 'id'):064x}"[: ID_LENGTH + 1]
    return Pair(*key[:3], _asked(golden), answer_text(before), answer_text(after), name)


def _one(samples: Iterable[Judged], *key: str) -> Answer | None:
    """Return the answer of one of the samples, drawn."""
    answers = {judged.sample.index: judged.sample.answer for judged in samples}
    there = [(index, answer) for index, answer in answers.items() if answer is not None]
    return min(there, key=lambda one: _die(*key, str(one[0])))[1] if there else None


def answer_text(answer: Answer) -> str:
    """Return an answer as a rater reads it: text, refusal, calls of tools."""
    calls = (f"{call.name}({call.arguments})" for call in answer.tool_calls)
    parts = [answer.text or "", f"[refused] {answer.refusal}" if answer.refusal else "", *calls]
    return "\n".join(part for part in parts if part)


def laid_out(text: str) -> str:
    """Return JSON in one layout, whatever it was written in; other texts as they are."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) if isinstance(value, (dict, list)) else text


def answer_digests(samples: Iterable[Judged]) -> frozenset[str]:
    """Return the hashes of the answers among samples, to say whether a rating is of one of them."""
    answers = (judged.sample.answer for judged in samples)
    return frozenset(text_digest(answer_text(answer)) for answer in answers if answer is not None)


def text_digest(text: str) -> str:
    return digest_json(text)


def _asked(golden: Golden) -> str:
    body = golden.requests[0].body if golden.requests else {}
    messages = body.get("messages") or body.get("input")
    last = messages[-1] if isinstance(messages, list) and messages else messages
    content: Json = last.get("content") if isinstance(last, dict) else last
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _die(*words: str) -> int:
    """Return a number that looks drawn and is always the same: its order is no order of the words."""
    return int(hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest(), 16)


def latest(ratings: Iterable[Rating]) -> Iterator[Rating]:
    """Yield the last rating of each rater of each pair of answers that was not withdrawn.

    A second one takes the place of the first.
    """
    last: dict[tuple[str, ...], Rating] = {}
    for one in ratings:
        last[one.flow, one.case, one.candidate, one.rater, one.baseline_shown, one.candidate_shown] = one
    yield from (one for one in last.values() if not one.withdrawn)
