"""Goldens for tests: plain builders, Hypothesis strategies of every shape, and what a kept golden looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from migrate.redaction import Redactor
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    Answer,
    Approval,
    Call,
    CaseId,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    Json,
    JsonPath,
    Judged,
    Measurement,
    Reply,
    Request,
    Rung,
    Sample,
    Severity,
    Source,
    Timing,
    ToolCall,
    Usage,
)

SERVED = "gpt-4o-2024-08-06"
KEPT = dict.fromkeys(CONTRACT_RUNGS, True)


def request(text: str = "Where is my parcel?", **parameters: Json) -> Request:
    """Return a plain chat request."""
    messages = [{"role": "system", "content": "You answer mails."}, {"role": "user", "content": text}]
    key = hashlib.sha256(repr((text, parameters)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    body = {"model": "gpt-4o", "messages": messages, "temperature": 0, **parameters}
    return Request("chat", body, f"k1:{key}", f"k1:{key[::-1]}")


def sample(index: int, answer: Answer, asked: Request, value: Json = None, **facts: Json) -> Judged:
    """Return a judged sample of one call."""
    call = Call(asked, Reply(answer, SERVED, Usage(100, 0, None, 20), "default", "fp_1", f"req_{index}"), **facts)
    return Judged(Sample(index, (call,), answer), KEPT, value=value, parsed=value is not None)


def golden(case: str = "late-parcel", *texts: str, flow: str = "refund", asked: Request | None = None) -> Golden:
    """Return a golden of one sample a text."""
    asked = asked or request()
    samples = tuple(sample(index, Answer(text), asked) for index, text in enumerate(texts or ("It is late.",), 1))
    return Golden(FlowName(flow), CaseId(case), "gpt-4o", (asked,), samples, contract_digest="c0ffee")


def measurement(case: str, index: int, ms: float = 812.5, **facts: Json) -> Measurement:
    """Return what is measured of one call."""
    given = {
        "flow": FlowName("refund"),
        "case": CaseId(case),
        "sample": index,
        "ordinal": 0,
        "asked_model": "gpt-4o",
        "served_model": SERVED,
        "usage": Usage(120, 0, None, 24),
        "service_tier": "default",
        "timing": Timing(ms, 204.25),
        "at": "2026-01-15T09:30:00.000Z",
        "source": Source.LIVE,
        "simulated": False,
    }
    return Measurement(**(given | facts))  # type: ignore[arg-type]


# --- What is kept -----------------------------------------------------------------------------------------------


def paired(text: str) -> str:
    """Return the text with halves of surrogate pairs that stand side by side joined, as JSON joins them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def paired_value(value: Json) -> Json:
    """Return a JSON value with every text paired."""
    if isinstance(value, str):
        return paired(value)
    if isinstance(value, Mapping):
        return {paired(key): paired_value(item) for key, item in value.items()}
    return [paired_value(item) for item in value] if isinstance(value, list) else value


def as_kept(given: Golden, redactor: Redactor) -> Golden:
    """Return what must be read back of a golden: redacted, and without what belongs to measurements."""

    def text(words: str) -> str:
        return paired(redactor.text(words))

    def value(json: Json) -> Json:
        return paired_value(redactor.value(json))

    def answer(said: Answer, alone: bool) -> Answer:
        calls = tuple(
            ToolCall(paired(call.name), text(call.arguments), f"call_{place}" if alone else paired(call.id))
            for place, call in enumerate(said.tool_calls, 1)
        )
        return replace(
            said,
            text=None if said.text is None else text(said.text),
            tool_calls=calls,
            refusal=None if said.refusal is None else text(said.refusal),
        )

    def asked(one: Request) -> Request:
        return replace(one, body=value(one.body))

    def call(one: Call, alone: bool) -> Call:
        assert isinstance(one.outcome, Reply)
        reply = Reply(answer(one.outcome.answer, alone), one.outcome.served_model)
        kept = {"source": Source.GOLDEN, "simulated": given.simulated, "step": one.step}
        return Call(asked(one.request), reply, one.ordinal, **kept)  # type: ignore[arg-type]

    def judged(one: Judged) -> Judged:
        alone = len(one.sample.calls) == 1
        assert one.sample.answer is not None
        calls = tuple(call(each, alone) for each in one.sample.calls)
        return replace(
            one,
            sample=Sample(one.sample.index, calls, answer(one.sample.answer, alone)),
            value=value(one.value),
            findings=tuple(finding(each) for each in one.findings),
            unjudged=tuple(map(text, one.unjudged)),
        )

    def finding(one: Finding) -> Finding:
        return replace(
            one,
            path=JsonPath(text(one.path)),
            message=text(one.message),
            expected=value(one.expected),
            actual=value(one.actual),
            rule=text(one.rule),
        )

    def approval(one: Approval) -> Approval:
        return replace(one, answer=answer(one.answer, True), reason=text(one.reason))

    return replace(
        given,
        requests=tuple(map(asked, given.requests)),
        samples=tuple(map(judged, given.samples)),
        approved=tuple(map(approval, given.approved)),
        digest="",
    )


# --- Strategies -------------------------------------------------------------------------------------------------

anything = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("\0\r\n\u202e\ud83d\ude00\ud800é𝄞"), max_size=20
)
"""Text with NUL, lone surrogates, carriage returns and bidi controls more often than chance would have it."""
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def written_json(draw: st.DrawFn) -> str:
    """A JSON text in some layout, now and then in a fence."""
    import json

    shape = {"separators": (",", ":")} if draw(st.booleans()) else {"indent": draw(st.sampled_from([None, 2, 4, 3]))}
    text = json.dumps(draw(json_values), ensure_ascii=draw(st.booleans()), sort_keys=draw(st.booleans()), **shape)
    return f"```json\n{text}\n```" if draw(st.booleans()) else text


texts = anything | written_json() | st.sampled_from(["", "NaN", "[1e999]", '{"a": 1, "a": 2}', "[" * 300 + "]" * 300])
tool_calls = st.builds(ToolCall, anything, texts, anything)
answers = st.builds(
    Answer,
    text=st.none() | texts,
    tool_calls=st.lists(tool_calls, max_size=2).map(tuple),
    refusal=st.none() | anything,
    finish=st.sampled_from(["stop", "length", "tool_calls", "content_filter", "unknown"]),
)
rungs = st.dictionaries(st.sampled_from(CONTRACT_RUNGS), st.none() | st.booleans())
findings = st.builds(
    Finding,
    rung=st.sampled_from(Rung),
    kind=st.sampled_from(FindingKind),
    severity=st.sampled_from(Severity),
    path=anything.map(JsonPath),
    message=anything,
    expected=json_values,
    actual=json_values,
    rule=anything,
    explained=st.sampled_from([None, "noise", "approval"]),
    sample=st.none() | st.integers(1, 9),
)
requests = st.builds(request, anything, extra=json_values)
calls = st.builds(
    Call,
    request=requests,
    outcome=st.builds(Reply, answers, ids),
    ordinal=st.integers(0, 3),
    step=st.none() | ids,
)


@st.composite
def judged_samples(draw: st.DrawFn) -> Judged:
    """A judged sample of one call or of several."""
    made = tuple(draw(st.lists(calls, min_size=1, max_size=3)))
    last = made[-1].outcome
    assert isinstance(last, Reply)
    parsed = draw(st.booleans())
    return Judged(
        sample=Sample(draw(st.integers(1, 9)), made, draw(st.just(last.answer) | answers)),
        rungs=draw(rungs),
        findings=tuple(draw(st.lists(findings, max_size=2))),
        value=draw(json_values) if parsed else None,
        parsed=parsed,
        if_repaired=draw(st.none() | rungs),
        unjudged=tuple(draw(st.lists(anything, max_size=1))),
    )


@st.composite
def goldens(draw: st.DrawFn) -> Golden:
    """A golden of any shape; its requests are those of the first sample."""
    samples = tuple(draw(st.lists(judged_samples(), min_size=1, max_size=3)))
    return Golden(
        flow=FlowName(draw(ids)),
        case=CaseId(draw(ids)),
        baseline=draw(ids),
        requests=tuple(call.request for call in samples[0].sample.calls),
        samples=samples,
        approved=tuple(draw(st.lists(st.builds(Approval, answers, ids, ids, anything, ids, ids), max_size=2))),
        simulated=draw(st.booleans()),
        contract_digest=draw(ids),
    )


measurements = st.builds(
    Measurement,
    flow=st.just(FlowName("refund")),
    case=ids.map(CaseId),
    sample=st.integers(1, 9),
    ordinal=st.integers(0, 3),
    asked_model=ids,
    served_model=st.none() | ids,
    usage=st.builds(Usage, *[st.none() | st.integers(0, 10**9)] * 5),
    service_tier=st.none() | ids,
    timing=st.none() | st.builds(Timing, *[st.floats(0, 1e9), st.none() | st.floats(0, 1e9)] * 2),
    at=ids,
    source=st.sampled_from(Source),
    simulated=st.booleans(),
    request_id=st.none() | ids,
    cost_usd=st.none() | st.sampled_from(["0.0012", "0"]),
)
