"""Samples of several calls: the final answer decides, a call before it only where it breaks a promise of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from comparing_cases import CASE, FLOW, TODAY, contract_for, flow_of, line

from migrate.comparing import compare, contract_of_request, judge
from migrate.comparing.contract import Contract
from migrate.vocabulary import (
    Answer,
    Call,
    CaseVerdict,
    Comparison,
    Golden,
    Json,
    Reply,
    Request,
    Rung,
    Sample,
    ToolCall,
)

SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["refund", "other"]}, "score": {"type": "number"}},
    "required": ["label", "score"],
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "required": ["id"]}}}


def request(question: str, **body: Json) -> Request:
    """Return a chat request; its keys are its question."""
    whole = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}], **body}
    return Request("chat", whole, f"k1:{question}", f"k1:{question}")


def trace(index: int, *calls: tuple[Request, str | Answer]) -> Sample:
    """Return a sample of these questions and answers; the last answer is the final one."""
    answers = [Answer(answer) if isinstance(answer, str) else answer for _, answer in calls]
    made = [
        Call(asked, Reply(answer, "gpt-4o"), ordinal)
        for ordinal, ((asked, _), answer) in enumerate(zip(calls, answers, strict=True))
    ]
    return Sample(index, tuple(made), answers[-1])


def traced(**flow: Any) -> Contract:
    return replace(contract_for(flow_of(**flow)), inner=lambda call: contract_of_request(call.request))


def compared(contract: Contract, baseline: Sequence[Sample], candidate: Sequence[Sample]) -> Comparison:
    judged = tuple(judge(contract, sample) for sample in baseline)
    golden = Golden(FLOW, CASE, "gpt-4o", (), judged, contract_digest=contract.digest)
    samples = [judge(contract, sample) for sample in candidate]
    whole = {"candidate": "gpt-4.1", "flow": FLOW, "case": CASE, "today": TODAY, "planned": len(samples)}
    return compare(contract, golden, samples, **whole)  # type: ignore[arg-type]


def chain(index: int, first: Json, final: str = "Done.", *, second: str = "go on", **body: Json) -> Sample:
    text = first if isinstance(first, str) else json.dumps(first)
    return trace(index, (request("classify", **body), text), (request(second), final))


GOOD = {"label": "refund", "score": 0.9}


def test_a_call_that_breaks_its_own_schema_breaks_the_case():
    """The final answer is the same; the first call's schema, which its request states, is not kept."""
    found = compared(
        traced(),
        [chain(k, GOOD, response_format=FORMAT) for k in (1, 2)],
        [chain(1, {"label": "return", "score": "high"}, response_format=FORMAT)],
    )
    assert CaseVerdict.BREAKING is found.verdict
    assert [
        "breaking not_in_enum $calls[0].label",
        "breaking wrong_type $calls[0].score",
        "drift value_changed $calls[0].label (inner)",
        "drift type_changed $calls[0].score (inner)",
    ] == [line(finding) for finding in found.findings]
    rates = found.rungs[Rung.SCHEMA]
    assert rates is not None
    assert (2, 2, 0, 1) == (rates.baseline.passed, rates.baseline.total, rates.candidate.passed, rates.candidate.total)


def test_a_changed_value_of_a_call_is_told_and_decides_nothing():
    """The verdict follows from the final answer alone where every promise is kept."""
    found = compared(
        traced(),
        [chain(k, GOOD, response_format=FORMAT) for k in (1, 2)],
        [chain(1, {**GOOD, "label": "other"}, response_format=FORMAT)],
    )
    assert CaseVerdict.SAME is found.verdict
    assert ["drift value_changed $calls[0].label (inner)"] == [line(finding) for finding in found.findings]


def test_a_final_answer_that_differs_is_drift_whatever_the_calls_before_it_said():
    """Only the final answer is compared for the verdict."""
    found = compared(traced(), [chain(k, GOOD, "12 EUR") for k in (1, 2)], [chain(1, GOOD, "13 EUR")])
    assert CaseVerdict.DRIFT is found.verdict


def test_another_number_of_calls_is_drift():
    """One call more than any baseline sample made."""
    more = trace(1, (request("classify"), "{}"), (request("again"), "{}"), (request("go on"), "Done."))
    found = compared(traced(), [chain(k, {}) for k in (1, 2)], [more])
    assert CaseVerdict.DRIFT is found.verdict
    assert "drift call_count_changed $" in [line(finding) for finding in found.findings]


def test_a_changed_second_question_is_a_consequence():
    """What the second call was asked follows from the first answer, and so does what it answered."""

    def three(first: str, second: str, answer: str) -> Sample:
        return trace(1, (request("classify"), first), (request(second), answer), (request("end"), "Done."))

    found = compared(traced(), [three("a", "about a", "12 EUR")], [three("b", "about b", "13 EUR")])
    assert CaseVerdict.SAME is found.verdict
    lines = [line(finding) for finding in found.findings]
    assert "cosmetic request_changed $calls[1] (consequence)" in lines
    assert "drift value_changed $calls[1] (consequence)" in lines


def test_noise_of_a_call_is_measured_by_itself():
    """A value that the baseline's own samples vary in is within their noise."""
    labels = ("refund", "other", "refund")
    found = compared(
        traced(),
        [chain(k, {**GOOD, "label": label}, response_format=FORMAT) for k, label in enumerate(labels, 1)],
        [chain(1, {"label": "other", "score": 0.9}, response_format=FORMAT)],
    )
    assert {"noise"} >= {finding.explained for finding in found.findings}


def test_a_fence_nobody_promised_to_strip_is_told():
    """The baseline answered in bare JSON every time without being asked for it; the candidate puts it in a fence."""
    found = compared(traced(), [chain(k, GOOD) for k in (1, 2)], [chain(1, f"```json\n{json.dumps(GOOD)}\n```")])
    assert CaseVerdict.SAME is found.verdict
    assert ["drift fenced_json $calls[0] (inner)"] == [line(finding) for finding in found.findings]


def test_a_tool_call_of_an_inner_call_keeps_its_own_contract():
    """Arguments are held against the schema of the tool as the request declares it."""

    def asked(arguments: str) -> Sample:
        calls = (request("classify", tools=[TOOL]), Answer(None, (ToolCall("look_up", arguments),), None, "tool_calls"))
        return trace(1, calls, (request("go on"), "Done."))

    found = compared(traced(), [asked('{"id": 1}')], [asked('{"number": 1}')])
    assert CaseVerdict.BREAKING is found.verdict
    breaking = [line(finding) for finding in found.findings if finding.explained is None]
    assert ["breaking invalid_arguments $calls[0].tool_calls[0].arguments.id"] == breaking


def test_a_refused_inner_call_is_told_beside():
    """What came of it is seen in the final answer."""
    refused = trace(1, (request("classify"), Answer(None, (), "I cannot help")), (request("go on"), "Done."))
    found = compared(traced(), [chain(1, "fine")], [refused])
    assert CaseVerdict.SAME is found.verdict
    assert "drift refused $calls[0] (inner)" in [line(finding) for finding in found.findings]


def test_a_sample_of_one_call_is_judged_as_ever():
    """A prompt is a trace of one call, whose answer is the final one: nothing is judged twice."""
    contract = traced(parse="json", schema=SCHEMA)
    one = trace(1, (request("classify", response_format=FORMAT), json.dumps({"label": "return", "score": 1})))
    assert judge(replace(contract, inner=None), one) == judge(contract, one)


def test_a_schema_the_application_sends_and_nobody_can_use_promises_nothing():
    """The provider took it; it is not the harness that complains."""
    asked = request("classify", response_format={"type": "json_schema", "json_schema": {"schema": {"type": "fish"}}})
    assert None is contract_of_request(asked).schema


def test_the_responses_api_states_the_same_promises():
    """`text.format` and flat tools are read as `response_format` and nested ones are."""
    flat = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
    body = {"model": "gpt-4o", "input": "x", "text": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    contract = contract_of_request(Request("responses", {**body, "tools": [flat]}, "k1:a", "k1:a"))
    assert "json" == contract.parse
    assert contract.schema is not None
    assert contract.tools is not None
    assert ["look_up"] == [*contract.tools.arguments]
