"""Nouns as plain JSON values and back: what the JSON columns hold.

Fields keep the names of the vocabulary; those that hold their default are left out. What is read was written
here, so nothing is checked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from migrate.vocabulary import (
    Answer,
    Call,
    Finding,
    FindingKind,
    JsonObject,
    JsonPath,
    NoReply,
    NoReplyKind,
    Rate,
    Reply,
    Request,
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

Plain = dict[str, Any]

# A look-up by value costs a tenth of calling the enumeration, and there are many.
RUNGS: Final = {rung.value: rung for rung in Rung}
KINDS: Final = {kind.value: kind for kind in FindingKind}
SEVERITIES: Final = {severity.value: severity for severity in Severity}
SOURCES: Final = {source.value: source for source in Source}
SCORES: Final = "scores"
"""Stands beside the rungs: what the case says of its flow."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def rungs_out(rungs: Mapping[Rung, bool | None]) -> str:
    return _encode({rung.value: passed for rung, passed in rungs.items()})


def rungs_in(text: str) -> dict[Rung, bool | None]:
    return _rungs_in(text).copy()


def rates_out(rungs: Mapping[Rung, RungRates | None], scores: Scores | None) -> str:
    rates: Plain = {rung.value: None if both is None else _both_out(both) for rung, both in rungs.items()}
    return _encode(rates if scores is None else rates | {SCORES: _scores_out(scores)})


def rates_in(text: str) -> tuple[dict[Rung, RungRates | None], Scores | None]:
    rungs, scores = _rates_in(text)
    return rungs.copy(), scores


# Thousands of cases share a handful of these texts.
@lru_cache(maxsize=1024)
def _rungs_in(text: str) -> dict[Rung, bool | None]:
    return {RUNGS[name]: passed for name, passed in json.loads(text).items()}


@lru_cache(maxsize=1024)
def _rates_in(text: str) -> tuple[dict[Rung, RungRates | None], Scores | None]:
    plain = json.loads(text)
    scores = plain.pop(SCORES, None)
    rungs = {RUNGS[name]: None if both is None else _both_in(both) for name, both in plain.items()}
    return rungs, None if scores is None else _scores_in(scores)


def _scores_out(scores: Scores) -> Plain:
    agreement = None if scores.agreement is None else _both_out(scores.agreement)
    return {"contract": _both_out(scores.contract), "agreement": agreement, "planned": scores.planned}


def _scores_in(plain: Plain) -> Scores:
    agreement = None if plain["agreement"] is None else _both_in(plain["agreement"])
    return Scores(_both_in(plain["contract"]), agreement, plain["planned"])


def _both_out(both: RungRates) -> Plain:
    baseline, candidate = both.baseline, both.candidate
    return {"baseline": [baseline.passed, baseline.total], "candidate": [candidate.passed, candidate.total]}


def _both_in(plain: Plain) -> RungRates:
    return RungRates(baseline=Rate(*plain["baseline"]), candidate=Rate(*plain["candidate"]))


def answer_out(answer: Answer) -> Plain:
    plain: Plain = {"text": answer.text, "finish": answer.finish}
    if answer.tool_calls:
        plain["tool_calls"] = [{"name": c.name, "arguments": c.arguments, "id": c.id} for c in answer.tool_calls]
    if answer.refusal is not None:
        plain["refusal"] = answer.refusal
    return plain


def answer_in(plain: Plain) -> Answer:
    return Answer(
        text=plain["text"],
        tool_calls=tuple(ToolCall(**call) for call in plain.get("tool_calls", ())),
        refusal=plain.get("refusal"),
        finish=plain["finish"],
    )


def finding_out(finding: Finding) -> Plain:
    plain: Plain = {
        "rung": finding.rung.value,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "path": finding.path,
        "message": finding.message,
    }
    return plain | _unless({"expected": None, "actual": None, "rule": "", "explained": None, "sample": None}, finding)


def finding_in(plain: Plain) -> Finding:
    named = {
        "rung": RUNGS[plain["rung"]],
        "kind": KINDS[plain["kind"]],
        "severity": SEVERITIES[plain["severity"]],
        "path": JsonPath(plain["path"]),
    }
    return Finding(**(plain | named))


def sample_out(sample: Sample, keep: Callable[[JsonObject], str]) -> list[Plain]:
    """Return the trace of a sample; `keep` stores a request body and returns its digest."""
    return [_call_out(call, sample.answer, keep) for call in sample.calls]


def sample_in(index: int, trace: list[Plain], answer: Answer | None, bodies: Mapping[str, JsonObject]) -> Sample:
    return Sample(index=index, calls=tuple(_call_in(call, answer, bodies) for call in trace), answer=answer)


def digests_of(trace: list[Plain]) -> list[str]:
    """Return the digests of the bodies a trace refers to."""
    return [call["request"]["body"] for call in trace]


def _call_out(call: Call, final: Answer | None, keep: Callable[[JsonObject], str]) -> Plain:
    request = call.request
    asked = {"api": request.api, "body": keep(request.body)}
    keys = {"request_key": request.request_key, "prompt_key": request.prompt_key}
    plain: Plain = {"request": asked | keys, "attempts": call.attempts, "source": call.source.value, "at": call.at}
    if isinstance(call.outcome, NoReply):
        plain["no_reply"] = _no_reply_out(call.outcome)
    else:
        plain["reply"] = _reply_out(call.outcome, final)
    if call.timing is not None:
        plain["timing"] = _timing_out(call.timing)
    return plain | _unless({"ordinal": 0, "lost": 0, "simulated": False, "step": None}, call)


def _call_in(plain: Plain, final: Answer | None, bodies: Mapping[str, JsonObject]) -> Call:
    asked = plain["request"]
    timing = plain.get("timing")
    fault = plain.get("no_reply")
    return Call(
        request=Request(**(asked | {"body": bodies[asked["body"]]})),
        outcome=_reply_in(plain["reply"], final) if fault is None else _no_reply_in(fault),
        ordinal=plain.get("ordinal", 0),
        timing=None if timing is None else Timing(**timing),
        attempts=plain["attempts"],
        lost=plain.get("lost", 0),
        source=SOURCES[plain["source"]],
        at=plain["at"],
        simulated=plain.get("simulated", False),
        step=plain.get("step"),
    )


_USAGE: Final = dict.fromkeys(
    ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
)


def _reply_out(reply: Reply, final: Answer | None) -> Plain:
    plain: Plain = {"served_model": reply.served_model, "usage": _unless(_USAGE, reply.usage)}
    if reply.answer != final:
        plain["answer"] = answer_out(reply.answer)
    return plain | _unless({"service_tier": None, "fingerprint": None, "request_id": None}, reply)


def _reply_in(plain: Plain, final: Answer | None) -> Reply:
    own = plain.get("answer")
    answer = final if own is None else answer_in(own)
    assert answer is not None, "a trace without an answer of its own belongs to a sample that has one"
    return Reply(**(plain | {"answer": answer, "usage": Usage(**plain["usage"])}))


def _no_reply_out(fault: NoReply) -> Plain:
    return {"kind": fault.kind.value, "message": fault.message} | _unless({"status": None}, fault)


def _no_reply_in(plain: Plain) -> NoReply:
    return NoReply(kind=NoReplyKind(plain["kind"]), message=plain["message"], status=plain.get("status"))


def _timing_out(timing: Timing) -> Plain:
    return {"total_ms": timing.total_ms} | _unless(
        {"first_token_ms": None, "waited_ms": 0.0, "started_ms": None}, timing
    )


def _unless(defaults: Plain, noun: object) -> Plain:
    """Return the fields of a noun that do not hold their default."""
    plain: Plain = {}
    for name, default in defaults.items():
        value = getattr(noun, name)
        if value is not default and (value != default or type(value) is not type(default)):
            plain[name] = value
    return plain
