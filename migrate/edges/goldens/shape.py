"""Goldens as JSON documents and back: what stands in a golden, and what is left to the measurements.

Left out are headers, ids of requests, dates, latencies and costs. The provider's ids of tool calls are drawn by lot;
where nothing refers to them they are numbered instead, so that recording equal answers again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from migrate.canonical import KEY_VERSION, canonical_json, digest
from migrate.edges.goldens.paper import FORMAT
from migrate.edges.goldens.texts import Order, text_entry, text_of
from migrate.redaction import Redactor
from migrate.vocabulary import (
    Answer,
    Approval,
    Call,
    CaseId,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    Json,
    JsonObject,
    JsonPath,
    Judged,
    Rejection,
    Reply,
    Request,
    Rung,
    Sample,
    Severity,
    Source,
    ToolCall,
)

LONG_INPUT: Final = 2048
"""Characters from which a string of a request is kept as its beginning, length and digest."""
SHOWN: Final = 160


# --- Noun -> document -------------------------------------------------------------------------------------------


def document_of(golden: Golden, redactor: Redactor) -> dict[str, Json]:
    """Return the JSON document of a golden, redacted. Raises ValueError for a sample without a reply."""
    return _Writer(golden, redactor).document()


class _Writer:
    """Writes one golden: knows the requests and the orders of keys that its samples share."""

    def __init__(self, golden: Golden, redactor: Redactor) -> None:
        self.golden = golden
        self.redactor = redactor
        self.requests = [self.request(request) for request in golden.requests]
        self.orders: list[Order] = []

    def document(self) -> dict[str, Json]:
        golden = self.golden
        document: dict[str, Json] = {
            "approved": [self.approval(approval) for approval in golden.approved],
            "baseline": golden.baseline,
            "case": golden.case,
            "contract_digest": golden.contract_digest,
            "flow": golden.flow,
            "format": FORMAT,
            "key_version": KEY_VERSION,
            "orders": self.orders,
            "requests": self.requests,
            "samples": [self.judged(judged) for judged in golden.samples],
            "simulated": golden.simulated,
        }
        rejected = [self.rejection(rejection) for rejection in golden.rejected]
        more: dict[str, Json] = {"chain_digest": golden.chain_digest, "rejected": rejected}
        return document | {name: value for name, value in more.items() if value}

    def request(self, request: Request) -> dict[str, Json]:
        return {
            "api": request.api,
            "body": self.shortened(self.redactor.value(request.body)),
            "prompt_key": request.prompt_key,
            "request_key": request.request_key,
        }

    def request_entry(self, request: Request) -> Json:
        """Return the place of a request of the first sample, or the whole entry of another one."""
        for place, known in enumerate(self.golden.requests):
            if known is request or known == request:
                return place
        entry = self.request(request)
        return self.requests.index(entry) if entry in self.requests else entry

    def shortened(self, value: Json) -> Json:
        if isinstance(value, str):
            if len(value) <= LONG_INPUT:
                return value
            # Cutting may end a string in the middle of something that now looks like personal data.
            return f"{self.redactor.text(value[:SHOWN])}… [{len(value)} characters, sha256:{digest(value)}]"
        if isinstance(value, Mapping):
            return {key: self.shortened(item) for key, item in value.items()}
        return [self.shortened(item) for item in value] if isinstance(value, list | tuple) else value

    def judged(self, judged: Judged) -> dict[str, Json]:
        sample, value = judged.sample, _finite(self.redactor.value(judged.value))
        if sample.answer is None:
            raise ValueError("a sample without an answer is no golden")
        alone, read_as = len(sample.calls) == 1, value if judged.parsed else None
        calls = [self.call(call, alone) for call in sample.calls[:-1]]
        # A final answer that was made of several calls is none of theirs.
        calls += [
            self.call(call, alone, read_as if _answer_of(call) == sample.answer else None) for call in sample.calls[-1:]
        ]
        final = self.answer(_numbered(sample.answer, alone), read_as)
        entry: dict[str, Json] = {
            "calls": calls,
            "index": sample.index,
            "parsed": judged.parsed,
            "rungs": {rung.value: passed for rung, passed in judged.rungs.items()},
        }
        if not calls or final != calls[-1]["answer"]:
            entry["answer"] = final
        if not _same(value, final.get("json") if judged.parsed else None):
            entry["value"] = value
        return entry | self.remarks(judged)

    def remarks(self, judged: Judged) -> dict[str, Json]:
        entry: dict[str, Json] = {}
        if judged.findings:
            entry["findings"] = [self.finding(finding) for finding in judged.findings]
        if judged.if_repaired is not None:
            entry["if_repaired"] = {rung.value: passed for rung, passed in judged.if_repaired.items()}
        if judged.unjudged:
            entry["unjudged"] = [self.redactor.text(name) for name in judged.unjudged]
        return entry

    def call(self, call: Call, alone: bool, read_as: Json = None) -> dict[str, Json]:
        if not isinstance(call.outcome, Reply):
            raise ValueError(f"a call without a reply is no golden: {call.outcome.message}")
        entry: dict[str, Json] = {
            "answer": self.answer(_numbered(call.outcome.answer, alone), read_as),
            "request": self.request_entry(call.request),
            "served_model": call.outcome.served_model,
        }
        if call.ordinal:
            entry["ordinal"] = call.ordinal
        return entry if call.step is None else entry | {"step": call.step}

    def answer(self, answer: Answer, read_as: Json = None) -> dict[str, Json]:
        entry: dict[str, Json] = {} if answer.text is None else self.text(answer.text, read_as)
        if answer.tool_calls:
            clean = self.redactor.text
            entry["tool_calls"] = [
                {"arguments": self.text(call.arguments), "id": clean(call.id), "name": clean(call.name)}
                for call in answer.tool_calls
            ]
        if answer.refusal is not None:
            entry["refusal"] = self.redactor.text(answer.refusal).split("\n")
        return entry if answer.finish == "stop" else entry | {"finish": answer.finish}

    def text(self, text: str, read_as: Json = None) -> dict[str, Json]:
        return text_entry(self.redactor.text(text), self.orders, read_as)

    def finding(self, finding: Finding) -> dict[str, Json]:
        text, value = self.redactor.text, self.redactor.value
        entry: dict[str, Json] = {
            "kind": finding.kind.value,
            "message": text(finding.message),
            "path": text(finding.path),
            "rung": finding.rung.value,
            "severity": finding.severity.value,
        }
        given = {"expected": finding.expected, "actual": finding.actual, "explained": finding.explained}
        entry |= {name: _finite(value(item)) for name, item in given.items() if item is not None}
        entry |= {"rule": text(finding.rule)} if finding.rule else {}
        return entry if finding.sample is None else entry | {"sample": finding.sample}

    def approval(self, approval: Approval) -> dict[str, Json]:
        entry: dict[str, Json] = {
            "answer": self.answer(_numbered(approval.answer, alone=True)),
            "at": approval.at,
            "candidate": approval.candidate,
            "reason": self.redactor.text(approval.reason),
            "reviewer": approval.reviewer,
            "seen": approval.seen,
        }
        return entry | {"covers": _covers(approval)} if approval.covers else entry

    def rejection(self, rejection: Rejection) -> dict[str, Json]:
        return {
            "at": rejection.at,
            "candidate": rejection.candidate,
            "covers": _covers(rejection),
            "reason": self.redactor.text(rejection.reason),
            "reviewer": rejection.reviewer,
            "seen": rejection.seen,
        }


def _covers(decided: Approval | Rejection) -> list[Json]:
    return [{"kind": kind.value, "path": path} for kind, path in sorted(decided.covers)]


def _answer_of(call: Call) -> Answer | None:
    return call.outcome.answer if isinstance(call.outcome, Reply) else None


def _numbered(answer: Answer, alone: bool) -> Answer:
    """Number the ids of tool calls where no later call of the trace can quote them."""
    if not alone:
        return answer
    calls = tuple(replace(call, id=f"call_{place}") for place, call in enumerate(answer.tool_calls, 1))
    return replace(answer, tool_calls=calls)


def _same(one: Json, other: Json) -> bool:
    return one is other or canonical_json(one) == canonical_json(other)


def _finite(value: Json) -> Json:
    """Return a JSON value; numbers that JSON has no word for become text."""
    try:
        canonical_json(value)
    except ValueError:
        if isinstance(value, Mapping):
            return {key: _finite(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [_finite(item) for item in value]
        return repr(value) if isinstance(value, float) else f"{value:#x}"
    return value


# --- Document -> noun -------------------------------------------------------------------------------------------

_RUNGS: Final = {rung.value: rung for rung in Rung}


def golden_of(document: JsonObject, seal: str) -> Golden:
    """Return the golden that a document holds. Raises KeyError, TypeError or ValueError when it holds none."""
    reader = _Reader(document)
    return Golden(
        flow=FlowName(document["flow"]),
        case=CaseId(document["case"]),
        baseline=document["baseline"],
        requests=reader.requests,
        samples=tuple(map(reader.judged, document["samples"])),
        approved=tuple(map(reader.approval, document["approved"])),
        rejected=tuple(map(_rejection_of, document.get("rejected", ()))),
        simulated=reader.simulated,
        contract_digest=document["contract_digest"],
        chain_digest=document.get("chain_digest", ""),
        digest=seal,
    )


class _Reader:
    """Reads one golden: knows what its samples share."""

    def __init__(self, document: JsonObject) -> None:
        self.orders: list[Order] = document["orders"]
        self.requests = tuple(map(_request_of, document["requests"]))
        self.simulated = bool(document["simulated"])

    def judged(self, entry: JsonObject) -> Judged:
        calls = tuple(map(self.call, entry["calls"]))
        own = entry.get("answer")
        final = entry["calls"][-1]["answer"] if own is None else own
        parsed, repaired = entry["parsed"], entry.get("if_repaired")
        return Judged(
            sample=Sample(entry["index"], calls, _last_answer(calls) if own is None else self.answer(own)),
            rungs={_RUNGS[name]: passed for name, passed in entry["rungs"].items()},
            findings=tuple(map(_finding_of, entry.get("findings", ()))),
            value=entry["value"] if "value" in entry else final.get("json") if parsed else None,
            parsed=parsed,
            if_repaired=None if repaired is None else {_RUNGS[name]: passed for name, passed in repaired.items()},
            unjudged=tuple(entry.get("unjudged", ())),
        )

    def call(self, entry: JsonObject) -> Call:
        request = entry["request"]
        return Call(
            request=self.requests[request] if isinstance(request, int) else _request_of(request),
            outcome=Reply(self.answer(entry["answer"]), entry["served_model"]),
            ordinal=entry.get("ordinal", 0),
            source=Source.GOLDEN,
            simulated=self.simulated,
            step=entry.get("step"),
        )

    def answer(self, entry: JsonObject) -> Answer:
        refusal = entry.get("refusal")
        return Answer(
            text=text_of(entry, self.orders),
            tool_calls=tuple(map(self.tool_call, entry.get("tool_calls", ()))),
            refusal=None if refusal is None else "\n".join(refusal),
            finish=entry.get("finish", "stop"),
        )

    def tool_call(self, entry: JsonObject) -> ToolCall:
        return ToolCall(entry["name"], text_of(entry["arguments"], self.orders) or "", entry["id"])

    def approval(self, entry: JsonObject) -> Approval:
        rest = {name: entry[name] for name in ("candidate", "reviewer", "reason", "seen", "at")}
        return Approval(answer=self.answer(entry["answer"]), covers=_changes_of(entry.get("covers", ())), **rest)


def _rejection_of(entry: JsonObject) -> Rejection:
    rest = {name: entry[name] for name in ("candidate", "reviewer", "reason", "seen", "at")}
    return Rejection(_changes_of(entry["covers"]), **rest)


def _changes_of(entries: Sequence[JsonObject]) -> tuple[tuple[FindingKind, JsonPath], ...]:
    return tuple((FindingKind(one["kind"]), JsonPath(one["path"])) for one in entries)


def _request_of(entry: JsonObject) -> Request:
    return Request(entry["api"], entry["body"], entry["request_key"], entry["prompt_key"])


def _last_answer(calls: Sequence[Call]) -> Answer:
    reply = calls[-1].outcome
    if not isinstance(reply, Reply):
        raise TypeError("a golden holds replies only")
    return reply.answer


def _finding_of(entry: JsonObject) -> Finding:
    rest: dict[str, Any] = {
        name: entry[name] for name in ("expected", "actual", "explained", "sample") if name in entry
    }
    return Finding(
        rung=_RUNGS[entry["rung"]],
        kind=FindingKind(entry["kind"]),
        severity=Severity(entry["severity"]),
        path=JsonPath(entry["path"]),
        message=entry["message"],
        rule=entry.get("rule", ""),
        **rest,
    )
