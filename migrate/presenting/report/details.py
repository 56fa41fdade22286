"""One case of a report: what was sent, the golden's samples, every candidate's samples, findings and measurements.

Texts are kept once a chunk and named by number, because samples, prompts and candidates mostly repeat each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from migrate.canonical import digest
from migrate.evidence.weighing import Record
from migrate.reviewing import fingerprint_of, group_id, seen_digest
from migrate.vocabulary import (
    Answer,
    Call,
    Comparison,
    Finding,
    FlowName,
    Golden,
    Json,
    JsonObject,
    Judged,
    Measurement,
    NoReply,
    Request,
)

LONG: Final = 24
"""Characters from which a string of a request is kept in the table of texts."""
_CUT: Final = re.compile(r"… \[\d+ characters, sha256:([0-9a-f]{64})\]\Z")
"""How a golden ends a long input that it does not copy."""


class Texts:
    """The texts of a chunk, each kept once."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._known: dict[str, int] = {}

    def number(self, text: str | None) -> int | None:
        if text is None:
            return None
        number = self._known.get(text)
        if number is None:
            number = self._known[text] = len(self.kept)
            self.kept.append(text)
        return number


def golden_document(golden: Golden, rows: Sequence[Measurement], full: LongInputs, texts: Texts) -> JsonObject:
    """Return a golden: its model, digest, prompt and samples."""
    asked = _Requests({}, golden.requests)
    samples = _samples(golden.samples, rows, texts, asked)
    return {
        "baseline": golden.baseline,
        "sha256": golden.digest or None,
        "approvals": [
            {"candidate": one.candidate, "reviewer": one.reviewer, "at": one.at, "reason": one.reason}
            for one in golden.approved
        ],
        "requests": [_request(request, full, texts) for request in asked.kept],
        "samples": samples,
    }


def trial_document(record: Record, number: int, whole: Mapping[str, Request], texts: Texts) -> JsonObject:
    """Return one candidate's part of a case; `number` is the candidate's place in the run.

    `whole` has the requests whose text is known, by request key.
    """
    comparison = record.comparison
    asked = _Requests(whole)
    samples = _samples(record.samples, record.candidate, texts, asked)
    return {
        "candidate": number,
        "verdict": comparison.verdict.value,
        "note": comparison.note,
        "noise_measured": comparison.noise_measured,
        "unjudged": list(comparison.unjudged),
        "sha256": seen_digest(record.samples),
        "findings": findings_document(comparison),
        "requests": [_request(request, None, texts) for request in asked.kept],
        "samples": samples,
        "cost_usd": [_mean_cost(record.baseline), _mean_cost(record.candidate)],
    }


class _Requests:
    """The requests of a case's samples, each kept once, in the order they are met."""

    def __init__(self, whole: Mapping[str, Request], first: Sequence[Request] = ()) -> None:
        self.kept = list(first)
        self._whole = whole
        self._numbers = {request.request_key: number for number, request in reversed([*enumerate(first)])}

    def number(self, request: Request) -> int:
        """Return the place of a request among those kept."""
        number = self._numbers.get(request.request_key)
        if number is None:
            number = self._numbers[request.request_key] = len(self.kept)
            self.kept.append(self._whole.get(request.request_key, request))
        return number


class LongInputs:
    """The long strings that candidates were sent, by their digest: to fill in what a golden only names.

    Most goldens name none, so they are looked for when one does.
    """

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests = tuple(requests)
        self._known: dict[str, str] | None = None

    def of(self, text: str) -> str:
        """Return the text that a golden's string stands for; the string itself where nobody was sent it."""
        cut = _CUT.search(text) if text.endswith("]") else None
        if cut is None:
            return text
        if self._known is None:
            texts = {found for request in self._requests for found in _strings(request.body) if len(found) > 1024}
            self._known = {digest(found): found for found in texts}
        return self._known.get(cut.group(1), text)


def findings_document(comparison: Comparison) -> list[JsonObject]:
    """Return the findings, each once with the samples that have it, in the order of the comparison."""
    merged: dict[str, dict[str, Any]] = {}
    for finding in comparison.findings:
        key = repr((finding.kind, finding.path, finding.message, finding.rule, finding.expected, finding.actual))
        entry = merged.get(key)
        if entry is None:
            entry = merged[key] = _finding(comparison.flow, finding)
        if finding.sample is not None and finding.sample not in entry["samples"]:
            entry["samples"].append(finding.sample)
    return list(merged.values())


def _finding(flow: FlowName, finding: Finding) -> dict[str, Any]:
    group = None if finding.explained else group_id(fingerprint_of(flow, finding))
    return {
        "rung": finding.rung.value,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "path": finding.path,
        "message": finding.message,
        "expected": finding.expected,
        "actual": finding.actual,
        "rule": finding.rule,
        "explained": finding.explained,
        "group": group,
        "samples": [],
    }


def _samples(
    samples: Sequence[Judged], rows: Sequence[Measurement], texts: Texts, asked: _Requests
) -> list[JsonObject]:
    measured = {(row.sample, row.ordinal): row for row in rows}
    return [_sample(judged, measured, texts, asked) for judged in samples]


def _sample(
    judged: Judged, measured: Mapping[tuple[int, int], Measurement], texts: Texts, asked: _Requests
) -> JsonObject:
    sample = judged.sample
    numbered = ((call, asked.number(call.request)) for call in sample.calls)
    calls = ((call, number, measured.get((sample.index, call.ordinal))) for call, number in numbered)
    document: dict[str, Json] = {
        "index": sample.index,
        "kept": judged.kept,
        "rungs": {rung.value: passed for rung, passed in judged.rungs.items()},
        "answer": _answer(sample.answer, texts),
        "calls": [_call(call, number, sample.answer, row, texts) for call, number, row in calls],
    }
    if judged.if_repaired is not None:
        document["if_repaired"] = {rung.value: passed for rung, passed in judged.if_repaired.items()}
    return document


def _answer(answer: Answer | None, texts: Texts) -> Json:
    if answer is None:
        return None
    document: dict[str, Json] = {"text": texts.number(answer.text), "finish": answer.finish}
    if answer.tool_calls:
        document["tools"] = [[call.name, texts.number(call.arguments)] for call in answer.tool_calls]
    if answer.refusal is not None:
        document["refusal"] = texts.number(answer.refusal)
    return document


def _call(call: Call, number: int, final: Answer | None, row: Measurement | None, texts: Texts) -> JsonObject:
    document: dict[str, Json] = {"ordinal": call.ordinal, "model": call.request.body.get("model")}
    if number != call.ordinal:
        document["asked"] = number
    if call.step:
        document["step"] = call.step
    if isinstance(call.outcome, NoReply):
        document["no_reply"] = {"kind": call.outcome.kind.value, "message": call.outcome.message}
    else:
        document["served"] = call.outcome.served_model
        if call.outcome.answer != final:
            document["answer"] = _answer(call.outcome.answer, texts)
    return document | _measured(row) if row is not None else document


def _measured(row: Measurement) -> dict[str, Json]:
    timing, usage = row.timing, row.usage
    facts = {
        "served": row.served_model,
        "model": row.asked_model,
        "ms": timing.total_ms if timing else None,
        "first_ms": timing.first_token_ms if timing else None,
        "began_ms": timing.started_ms if timing else None,
        "waited_ms": (timing.waited_ms or None) if timing else None,
        "input": usage.input_tokens,
        "cached": usage.cached_tokens,
        "output": usage.output_tokens,
        "usd": row.cost_usd,
        "source": row.source.value,
        "at": row.at,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _mean_cost(rows: Sequence[Measurement]) -> float | None:
    """Return what a sample cost on average, in US dollars; None when any call's cost is unknown. For show only."""
    if not rows or any(row.cost_usd is None for row in rows):
        return None
    return sum(float(row.cost_usd or 0) for row in rows) / len({row.sample for row in rows})


def _request(request: Request, full: LongInputs | None, texts: Texts) -> JsonObject:
    return {"api": request.api, "prompt_key": request.prompt_key, "body": _interned(request.body, full, texts)}


def _interned(value: Json, full: LongInputs | None, texts: Texts) -> Json:
    """Return a JSON value with its long strings as `{"$text": number}`."""
    match value:
        case str() if len(value) >= LONG:
            return {"$text": texts.number(value if full is None else full.of(value))}
        case dict() | Mapping():
            return {str(key): _interned(item, full, texts) for key, item in value.items()}
        case list() | tuple():
            return [_interned(item, full, texts) for item in value]
        case _:
            return value


def _strings(value: Json) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict() | Mapping():
            for item in value.values():
                yield from _strings(item)
        case list() | tuple():
            for item in value:
                yield from _strings(item)
