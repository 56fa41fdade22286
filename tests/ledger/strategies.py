"""Case records to put into ledgers: one plain builder, and Hypothesis strategies for every shape of them."""

from __future__ import annotations

from hypothesis import strategies as st

from migrate.ports import CaseRecord
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    Answer,
    Call,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    FlowName,
    JsonPath,
    Judged,
    Measurement,
    NoReply,
    NoReplyKind,
    Rate,
    Reply,
    Request,
    Run,
    Rung,
    RungRates,
    Sample,
    Severity,
    Source,
    Timing,
    ToolCall,
    Usage,
)

AT = "2026-01-15T09:30:00.000Z"


def run_named(run_id: str, **facts: object) -> Run:
    """Return a replay that started when its id says."""
    return Run(**({"id": run_id, "kind": "replay", "started_at": f"2026-01-15T09:30:00.{run_id[-3:]:>03}Z"} | facts))  # type: ignore[arg-type]


def record_named(
    case: str,
    flow: str = "refund",
    candidate: str = "gpt-4.1",
    *,
    ms: float = 840.0,
    usd: str | None = "0.0012",
    samples: int = 1,
) -> CaseRecord:
    """Return what a replay of an ordinary case leaves: an answer a sample, a finding, measurements of both sides."""
    judged = tuple(_answered(case, candidate, k, ms) for k in range(1, samples + 1))
    both = RungRates(baseline=Rate(samples, samples), candidate=Rate(samples, samples))
    return CaseRecord(
        comparison=Comparison(
            flow=FlowName(flow),
            case=CaseId(case),
            baseline="gpt-4o",
            candidate=candidate,
            verdict=CaseVerdict.DRIFT,
            findings=(_changed(),),
            rungs=dict.fromkeys(Rung, both),
            noise_measured=True,
        ),
        samples=judged,
        baseline=tuple(_measured(flow, case, "gpt-4o", k, 1000.0, "0.003") for k in range(1, samples + 1)),
        candidate=tuple(_measured(flow, case, candidate, k, ms, usd) for k in range(1, samples + 1)),
    )


def _answered(case: str, candidate: str, k: int, ms: float) -> Judged:
    text = '{"category": "late_parcel", "refund": true, "amount": 12.5, "reason": "The parcel came nine days late."}'
    messages = [
        {"role": "system", "content": "You decide on refunds of a web shop. Answer in JSON. " * 8},
        {"role": "user", "content": f"Case {case}: my parcel came nine days late, I want my money back. " * 3},
    ]
    body = {"model": candidate, "messages": messages, "temperature": 0, "response_format": {"type": "json_object"}}
    answer = Answer(text)
    call = Call(
        request=Request("chat", body, request_key=f"k1:{case}{candidate}", prompt_key=f"k1:{case}"),
        outcome=Reply(answer, candidate, Usage(240, 0, None, 32, 0), "default", "fp_1", f"req_{case}_{k}"),
        timing=Timing(ms, 210.0),
        at=AT,
    )
    value = {"category": "late_parcel", "refund": True, "amount": 12.5, "reason": "The parcel came nine days late."}
    return Judged(Sample(k, (call,), answer), dict.fromkeys(CONTRACT_RUNGS, True), value=value, parsed=True)


def _changed() -> Finding:
    return Finding(
        Rung.AGREEMENT,
        FindingKind.VALUE_CHANGED,
        Severity.DRIFT,
        JsonPath("$.amount"),
        "12.5 where the golden has 10",
        expected=10,
        actual=12.5,
        rule="golden",
        sample=1,
    )


def _measured(flow: str, case: str, model: str, k: int, ms: float, usd: str | None) -> Measurement:
    return Measurement(
        flow=FlowName(flow),
        case=CaseId(case),
        sample=k,
        ordinal=0,
        asked_model=model,
        served_model=f"{model}-2024-08-06",
        usage=Usage(240, 0, None, 32, 0),
        service_tier="default",
        timing=Timing(ms, 210.0),
        at=AT,
        source=Source.LIVE,
        simulated=True,
        request_id=f"req_{case}_{k}",
        cost_usd=usd,
    )


# --- Strategies ----------------------------------------------------------------------------------------

anything = st.text(st.characters(codec=None) | st.sampled_from("\x00\x1a\ud83d\ude00é𝄞"), max_size=12)
"""Text with NUL, lone surrogates and the store's own mark more often than chance would have it."""
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
whole = st.integers(0, 2**63 - 1)
milliseconds = st.floats(0, 1e9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=5,
)
json_objects = st.dictionaries(anything, json_values, max_size=3)
maybe_text = st.none() | anything


def rungs(
    values: st.SearchStrategy[object], of: tuple[Rung, ...] = CONTRACT_RUNGS
) -> st.SearchStrategy[dict[Rung, object]]:
    return st.dictionaries(st.sampled_from(of), values, max_size=len(of))


answers = st.builds(
    Answer,
    text=maybe_text,
    tool_calls=st.lists(st.builds(ToolCall, anything, anything, anything), max_size=2).map(tuple),
    refusal=maybe_text,
)
usages = st.builds(Usage, *[st.none() | whole] * 5)
timings = st.builds(Timing, milliseconds, st.none() | milliseconds, milliseconds)
replies = st.builds(Reply, answers, anything, usages, maybe_text, maybe_text, maybe_text)
no_replies = st.builds(NoReply, st.sampled_from(NoReplyKind), anything, st.none() | st.integers(100, 599))
requests = st.builds(Request, st.sampled_from(["chat", "responses"]), json_objects, anything, anything)
calls = st.builds(
    Call,
    requests,
    replies | no_replies,
    ordinal=st.integers(0, 3),
    timing=st.none() | timings,
    attempts=st.integers(1, 9),
    source=st.sampled_from(Source),
    at=anything,
    simulated=st.booleans(),
    step=maybe_text,
)
findings = st.builds(
    Finding,
    st.sampled_from(Rung),
    st.sampled_from(FindingKind),
    st.sampled_from(Severity),
    anything,
    anything,
    expected=json_values,
    actual=json_values,
    rule=anything,
    explained=maybe_text,
    sample=st.none() | st.integers(1, 20),
)
some_findings = st.lists(findings, max_size=2).map(tuple)
texts = st.lists(anything, max_size=2).map(tuple)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Draw a sample whose answer is that of its last call, another one, or none."""
    trace = tuple(draw(st.lists(calls, max_size=2)))
    given_answers = [call.outcome.answer for call in trace if isinstance(call.outcome, Reply)]
    return Sample(draw(st.integers(1, 20)), trace, draw(st.sampled_from([None, *given_answers]) | answers))


judged = st.builds(
    Judged,
    samples(),
    rungs(st.none() | st.booleans()),
    some_findings,
    json_values,
    st.booleans(),
    st.none() | rungs(st.none() | st.booleans()),
    texts,
)
rates = st.builds(Rate, st.integers(0, 20), st.integers(0, 20))
costs = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False).map("{:f}".format)


@st.composite
def measurements(draw: st.DrawFn, flow: str, case: str) -> Measurement:
    return Measurement(
        flow=FlowName(flow),
        case=CaseId(case),
        sample=draw(st.integers(1, 20)),
        ordinal=draw(st.integers(0, 3)),
        asked_model=draw(anything),
        served_model=draw(maybe_text),
        usage=draw(usages),
        service_tier=draw(maybe_text),
        timing=draw(st.none() | timings),
        at=draw(anything),
        source=draw(st.sampled_from(Source)),
        simulated=draw(st.booleans()),
        request_id=draw(maybe_text),
        cost_usd=draw(st.none() | costs),
    )


@st.composite
def case_records(draw: st.DrawFn) -> CaseRecord:
    """Draw a record with anything in it that the nouns allow."""
    flow, case = draw(names), draw(names)
    measured = st.lists(measurements(flow, case), max_size=2).map(tuple)
    comparison = Comparison(
        flow=FlowName(flow),
        case=CaseId(case),
        baseline=draw(anything),
        candidate=draw(anything),
        verdict=draw(st.sampled_from(CaseVerdict)),
        findings=draw(some_findings),
        rungs=draw(rungs(st.none() | st.builds(RungRates, rates, rates), tuple(Rung))),  # type: ignore[arg-type]
        noise_measured=draw(st.booleans()),
        unjudged=draw(texts),
        note=draw(anything),
    )
    return CaseRecord(comparison, draw(st.lists(judged, max_size=2).map(tuple)), draw(measured), draw(measured))


runs = st.builds(
    Run,
    id=names,
    kind=st.sampled_from(["record", "replay"]),
    started_at=st.datetimes().map(lambda at: at.isoformat() + "Z"),
    finished_at=st.none() | anything,
    state=st.sampled_from(["running", "complete", "incomplete", "interrupted"]),
    candidates=texts,
    baseline=maybe_text,
    samples=st.none() | st.integers(1, 50),
    simulated=st.booleans(),
    git_commit=maybe_text,
    git_dirty=st.none() | st.booleans(),
    tool_version=anything,
    python_version=anything,
    provider=anything,
    command=anything,
    as_of=anything,
    accounts=st.dictionaries(anything, st.integers(0, 10**6), max_size=3),
)
