"""A sample of several calls on rungs 1 to 5: the final answer by the flow's contract, every other call by its own.

The verdict follows from the final answer. A call before it counts where it breaks a promise of its own: JSON, its
schema, its tools. That it was cut, filtered or refused is told beside, for the final answer shows what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from migrate.comparing.contract import Contract, Inner
from migrate.comparing.ladder import judge_answer
from migrate.comparing.paths import ANSWER, TOOL_CALLS
from migrate.vocabulary import Answer, Call, Finding, JsonPath, Judged, Reply, Rung, Sample, Severity

CALLS: Final = "$calls"
"""Root of the paths inside a trace: `$calls[0].title` is in the answer of its first call."""
INNER: Final = "inner"
"""Explains a finding of a call that is not the final answer: told, and no ground of the verdict."""
_BINDING: Final = frozenset({Rung.PARSED, Rung.SCHEMA, Rung.TOOLS})


def judge(contract: Contract, sample: Sample) -> Judged:
    """Judge one sample by its contract, the calls before its final answer by theirs.

    A rung that only such a call promises is promised by the sample, and one that any of them fails is failed.
    """
    judged = judge_answer(contract, sample)
    if contract.inner is None or sample.answer is None:
        return judged
    rungs, findings = dict(judged.rungs), list(judged.findings)
    for call, answer in inner_calls(sample):
        own = judge_call(contract.inner, call, answer)
        findings += (_placed(call, found) for found in own.findings)
        for rung in _BINDING:
            if own.rungs[rung] is not None:
                rungs[rung] = rungs[rung] is not False and own.rungs[rung]
    return replace(judged, rungs=rungs, findings=tuple(findings))


def judge_call(inner: Inner, call: Call, answer: Answer) -> Judged:
    """Judge the answer of one call as if it were a sample of its own."""
    return judge_answer(inner(call), Sample(1, (call,), answer))


def inner_calls(sample: Sample) -> Iterator[tuple[Call, Answer]]:
    """Yield the answered calls of a trace that are not its final answer, each with its answer."""
    last = sample.calls[-1].outcome if sample.calls else None
    is_final = isinstance(last, Reply) and last.answer == sample.answer
    for call in sample.calls[:-1] if is_final else sample.calls:
        if isinstance(call.outcome, Reply) and call.request.api != "embeddings":
            yield call, call.outcome.answer


def inner_path(ordinal: int, path: str) -> JsonPath:
    """Return a path in the answer of one call as a path in the trace: `$calls[0].title`, `$calls[0].tool_calls[0]`."""
    root = f"{CALLS}[{ordinal}]"
    if path.startswith(TOOL_CALLS):
        return JsonPath(f"{root}.tool_calls{path.removeprefix(TOOL_CALLS)}")
    return JsonPath(root + path.removeprefix(ANSWER))


def _placed(call: Call, found: Finding) -> Finding:
    path = inner_path(call.ordinal, found.path)
    if found.rung in _BINDING:
        return replace(found, path=path)
    return replace(found, path=path, severity=Severity.DRIFT, explained=INNER)


def by_ordinal(samples: Iterable[Sample]) -> dict[int, list[tuple[Sample, Call, Answer]]]:
    """Return the inner calls of samples by their ordinal, in the order of the samples."""
    found: dict[int, list[tuple[Sample, Call, Answer]]] = {}
    for sample in samples:
        for call, answer in inner_calls(sample):
            found.setdefault(call.ordinal, []).append((sample, call, answer))
    return found
