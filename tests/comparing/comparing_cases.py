"""Cases for tests of the judge: a flow in a few words, answers as they would come, and the comparison of both."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.comparing import Contract, compare, contract_of, judge
from migrate.vocabulary import (
    Answer,
    Approval,
    Call,
    CaseId,
    Check,
    Comparison,
    Finding,
    FindingKind,
    Flow,
    FlowName,
    Golden,
    Json,
    JsonPath,
    Judged,
    NoReply,
    NoReplyKind,
    Prompt,
    Rejection,
    Reply,
    Request,
    Rule,
    Sample,
    Toleration,
    Tool,
    ToolCall,
)

TODAY = dt.date(2026, 1, 15)
FLOW, CASE = FlowName("refund"), CaseId("late-parcel")


def flow_of(
    parse: str = "text",
    *,
    schema: Json = None,
    tools: Sequence[Tool] = (),
    rules: Sequence[Rule] = (),
    checks: Sequence[Check] = (),
    tolerated: Sequence[Toleration] = (),
    **prompt: Any,
) -> Flow:
    """Return a flow without cases."""
    made = Prompt(messages=(), model="gpt-4o", schema=schema, tools=tuple(tools), **prompt)
    what = {"rules": tuple(rules), "checks": tuple(checks), "tolerated": tuple(tolerated)}
    return Flow(FLOW, made, (), parse=parse, **what)  # type: ignore[arg-type]


def contract_for(flow: Flow) -> Contract:
    return contract_of(flow, flow.prompt, flow.checks)


def request_of_text(text: str) -> Request:
    """Return a chat request whose user message is the text."""
    body = {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
    }
    return Request("chat", body, "k1:request", "k1:prompt")


def answer_of(given: Json) -> Answer | None:
    """Return the answer that an example means: text, JSON under `json`, or any field of `Answer`; None: no reply."""
    if given is None or given == "no reply":
        return None
    if isinstance(given, str):
        return Answer(given)
    text = json.dumps(given["json"], ensure_ascii=False) if "json" in given else given.get("text")
    calls = tuple(_call(call) for call in given.get("tool_calls", ()))
    finish = given.get("finish", "tool_calls" if calls else "stop")
    return Answer(text, calls, given.get("refusal"), finish)


def _call(given: Mapping[str, Any]) -> ToolCall:
    arguments = given.get("arguments", {})
    return ToolCall(given["name"], arguments if isinstance(arguments, str) else json.dumps(arguments))


def sample_of(index: int, given: Json, calls: int = 0) -> Sample:
    """Return the k-th sample with an answer; `calls` is how many calls its trace holds."""
    answer = answer_of(given)
    if answer is None:
        fault = NoReply(NoReplyKind.TIMEOUT, "no answer in 60 s")
        return Sample(index, (Call(request_of_text(""), fault),), None)
    trace = tuple(Call(request_of_text(""), Reply(answer, "gpt-4o"), place) for place in range(calls))
    return Sample(index, trace, answer)


def samples_of(given: Iterable[Json]) -> list[Sample]:
    """Return samples numbered from 1; an answer with `times: n` stands for n equal ones."""
    answers = [answer for answer in given for _ in range(answer.get("times", 1) if isinstance(answer, dict) else 1)]
    return [
        sample_of(index, answer, answer.get("calls", 0) if isinstance(answer, dict) else 0)
        for index, answer in enumerate(answers, start=1)
    ]


def judged_of(contract: Contract, given: Iterable[Json]) -> list[Judged]:
    return [judge(contract, sample) for sample in samples_of(given)]


def golden_of(
    contract: Contract,
    given: Iterable[Json],
    *,
    approved: Iterable[Json] = (),
    rejected: Iterable[str] = (),
    asked: str = "",
) -> Golden:
    """Return a golden recorded under the contract."""
    return Golden(
        FLOW,
        CASE,
        "gpt-4o",
        (request_of_text(asked),),
        tuple(judged_of(contract, given)),
        tuple(_approval(answer) for answer in approved),
        tuple(Rejection((_change(change),), "gpt-4.1", "ada", "not as good", "hash") for change in rejected),
        contract_digest=contract.digest,
    )


def _approval(given: Json) -> Approval:
    """Return an approval of an answer, or of `{answer, covers: [value_changed $.a]}`."""
    scoped = isinstance(given, dict) and "covers" in given
    answer = answer_of(given["answer"] if scoped else given)
    assert answer is not None
    covers = tuple(_change(change) for change in (given["covers"] if scoped else ()))
    return Approval(answer, "gpt-4.1", "ada", "as good", "hash", covers=covers)


def _change(text: str) -> tuple[FindingKind, JsonPath]:
    kind, path = text.split(" ", 1)
    return FindingKind(kind), JsonPath(path)


@dataclass(frozen=True)
class Trial:
    """One case, baseline and candidate, ready to be compared and varied."""

    contract: Contract
    golden: Golden | None
    samples: tuple[Judged, ...]
    planned: int
    stale: str = ""
    today: dt.date = TODAY

    def compare(self) -> Comparison:
        return compare(
            self.contract,
            self.golden,
            self.samples,
            candidate="gpt-4.1",
            flow=FLOW,
            case=CASE,
            today=self.today,
            planned=self.planned,
            stale=self.stale,
        )

    def with_samples(self, samples: Sequence[Judged]) -> Trial:
        return replace(self, samples=tuple(samples))


def trial(
    flow: Flow,
    baseline: Sequence[Json] | None,
    candidate: Sequence[Json],
    *,
    approved: Sequence[Json] = (),
    rejected: Sequence[str] = (),
    asked: str = "",
    **more: Any,
) -> Trial:
    """Return a trial of a flow: answers of the baseline (None: no golden) and of the candidate."""
    contract = contract_for(flow)
    golden = (
        None if baseline is None else golden_of(contract, baseline, approved=approved, rejected=rejected, asked=asked)
    )
    samples = tuple(judged_of(contract, candidate))
    return Trial(contract, golden, samples, more.pop("planned", len(samples)), **more)


def line(finding: Finding) -> str:
    """Return a finding as examples write it: `drift value_changed $.status (noise)`."""
    explained = f" ({finding.explained})" if finding.explained else ""
    return f"{finding.severity.value} {finding.kind.value} {finding.path}{explained}"


def lines(comparison: Comparison) -> list[str]:
    """Return the findings of a comparison as lines, each once, worst first."""
    return list(dict.fromkeys(map(line, comparison.findings)))
