"""The calls before the final answer on rung 6: paired by ordinal, told beside the verdict and no ground of it.

Where a call was asked something else than in any baseline sample, an earlier answer has changed it: that is a
consequence, and so is what its answer differs in. Where nobody promised JSON and the baseline answers in JSON every
time, answers are compared as JSON, and a fence around one is told: whoever reads it may not expect one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from migrate.comparing.answers import parse_answer, read_strictly
from migrate.comparing.baselines import Baseline, input_text
from migrate.comparing.contract import Contract, Inner
from migrate.comparing.samples import agreement_of
from migrate.comparing.traces import INNER, by_ordinal, inner_path, judge_call
from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    Judged,
    Rung,
    Sample,
    Severity,
)

CONSEQUENCE: Final = "consequence"
"""Explains a finding that follows from an earlier answer of the same trace."""
_Trace = tuple[Sample, Call, Answer]


def inner_findings(
    contract: Contract, baseline: Sequence[Judged], candidate: Sequence[Judged], today: dt.date | None
) -> Iterator[Finding]:
    """Yield what the inner calls of a candidate's samples differ in from those of the baseline with their ordinal.

    Every finding is explained: by the baseline's own noise, as a consequence of an earlier answer, or as `inner`.
    A call without a counterpart is told by the number of calls, which is a finding of the sample.
    """
    if contract.inner is None:
        return
    before = by_ordinal(judged.sample for judged in baseline)
    for ordinal, traces in by_ordinal(judged.sample for judged in candidate).items():
        known = before.get(ordinal)
        if known:
            yield from _of_one(contract.inner, ordinal, known, traces, today)


def _of_one(
    inner: Inner, ordinal: int, before: Sequence[_Trace], after: Sequence[_Trace], today: dt.date | None
) -> Iterator[Finding]:
    by_habit = all(_is_json(inner, call, answer) for _, call, answer in before)
    promised: Inner = (lambda call: replace(inner(call), parse="fenced")) if by_habit else inner
    golden = _golden_of(promised, before)
    questions = {call.request.prompt_key for _, call, _ in before}
    for sample, call, answer in after:
        asked_else = call.request.prompt_key not in questions
        if asked_else:
            yield _other_question(ordinal, sample, call, questions)
        judged = replace(judge_call(promised, call, answer), sample=Sample(sample.index, (call,), answer))
        held = Baseline(promised(before[0][1]), golden, today, lambda: input_text(golden, ()))
        wrapped = parse_answer("json", answer.text or "").findings if by_habit else ()
        told = (replace(found, severity=Severity.DRIFT, sample=sample.index) for found in wrapped)
        for found in (*told, *agreement_of(held, judged, judged).findings):
            yield _placed(ordinal, found, asked_else=asked_else)


def _is_json(inner: Inner, call: Call, answer: Answer) -> bool:
    """Say whether an answer is a JSON object or list that nobody promised."""
    if inner(call).parse != "text" or not answer.text:
        return False
    valid, value, _ = read_strictly(answer.text)
    return valid and isinstance(value, dict | list)


def _golden_of(promised: Inner, before: Sequence[_Trace]) -> Golden:
    """Return the answers of one ordinal as a golden of their own."""
    samples = tuple(
        replace(judge_call(promised, call, answer), sample=Sample(number, (call,), answer))
        for number, (_, call, answer) in enumerate(before, start=1)
    )
    first = before[0][1]
    names, digest = (FlowName(""), CaseId("")), promised(first).digest
    return Golden(*names, first.request.model, (first.request,), samples, contract_digest=digest)


def _other_question(ordinal: int, sample: Sample, call: Call, questions: Collection[str]) -> Finding:
    kinds = Rung.AGREEMENT, FindingKind.REQUEST_CHANGED, Severity.COSMETIC
    words = "asked something else, which follows from an earlier answer" if ordinal else "asked something else"
    expected, actual = min(questions), call.request.prompt_key
    path = inner_path(ordinal, "$")
    return Finding(*kinds, path, words, expected, actual, "golden", CONSEQUENCE if ordinal else INNER, sample.index)


def _placed(ordinal: int, found: Finding, *, asked_else: bool) -> Finding:
    explained = found.explained or (CONSEQUENCE if asked_else and ordinal else INNER)
    return replace(found, path=inner_path(ordinal, found.path), explained=explained)
