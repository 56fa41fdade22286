"""Hypothesis strategies for every shape of what a ledger keeps."""

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
    Scores,
    Severity,
    Source,
    Timing,
    ToolCall,
    Usage,
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
timings = st.builds(Timing, milliseconds, st.none() | milliseconds, milliseconds, st.none() | milliseconds)
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
    lost=st.integers(0, 9),
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
both_rates = st.builds(RungRates, rates, rates)
scores = st.builds(Scores, both_rates, st.none() | both_rates, st.integers(1, 20))
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
        lost=draw(st.integers(0, 4)),
        step=draw(st.none() | st.sampled_from(("notes", "answer"))),
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
        scores=draw(st.none() | scores),
        critical=draw(st.sampled_from([None, "low", "critical"])),
        changed=draw(texts),
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
