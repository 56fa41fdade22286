"""Journals: one JSON line an event, appended as a run goes on, folded into the stores when it is over.

Each process of a run has a file of its own, `<run>.<worker>.jsonl`; the first line of the controller's names the
run. A line is whole or it is the last one and cut: then it is passed over, everything before it counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.errors import StoreProblem
from migrate.ports import CaseRecord
from migrate.vocabulary import (
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

_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class JournalFile:
    """Implements `ports.Journal`: every line reaches the operating system before the call returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        # Held while the process lives: how another one tells a run that goes on from one that was killed.
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")

    def run(self, run: Run) -> None:
        """Write down the run itself, at its start and again with its end."""
        self._write({"run": dataclasses.asdict(run)})

    def attempt(self, request: Request, sample: int, tried: int, reserved: int) -> None:
        self._write({"attempt": [request.request_key, request.model, sample, tried, reserved]})

    def call(self, sample: int, call: Call) -> None:
        self._write({"call": encode_call(call), "sample": sample})

    def case(self, record: CaseRecord) -> None:
        self._write({"case": encode_case(record)})

    def sync(self) -> None:
        """Wait until everything written so far is on the disk."""
        if self._fd >= 0:
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _write(self, event: Mapping[str, Any]) -> None:
        line = (_dumps(event) + "\n").encode("ascii")
        with self._lock:
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                raise self._full(error.strerror or "") from error
        if written < len(line):
            raise self._full("the disk is full")

    def _full(self, why: str) -> StoreProblem:
        return StoreProblem(
            f"the journal {self.path} cannot be written: {why}",
            kept="everything written before",
            next_command="pytest --migrate-resume",
        )


def read_journal(path: Path) -> Iterator[Run | tuple[int, Call] | CaseRecord]:
    """Yield the events of a journal in order; a line cut by the end of a process is passed over, nothing else is."""
    with path.open("rb") as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if "case" in event:
                yield decode_case(event["case"])
            elif "call" in event:
                yield event["sample"], decode_call(event["call"])
            elif "run" in event:
                fields = event["run"]
                fields["candidates"] = tuple(fields["candidates"])
                yield Run(**fields)


def is_alive(path: Path) -> bool:
    """Say whether the process that writes a journal still lives."""
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def journals(folder: Path) -> dict[str, list[Path]]:
    """Return the journal files that lie in a folder, by run, the controller's first."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: (not path.name.endswith(".main.jsonl"), path.name)):
        found.setdefault(path.name.split(".", 1)[0], []).append(path)
    return found


# --- nouns as JSON ------------------------------------------------------------------------------------


def encode_call(call: Call) -> dict[str, Any]:
    """Return a call without the body of its request: the key tells it, and a long prompt is not written twice."""
    outcome = call.outcome
    event: dict[str, Any] = {
        "api": call.request.api,
        "model": call.request.model,
        "request_key": call.request.request_key,
        "prompt_key": call.request.prompt_key,
        "ordinal": call.ordinal,
        "attempts": call.attempts,
        "lost": call.lost,
        "source": call.source.value,
        "at": call.at,
        "simulated": call.simulated,
        "step": call.step,
    }
    if call.timing is not None:
        event["timing"] = [call.timing.total_ms, call.timing.first_token_ms, call.timing.waited_ms]
    if isinstance(outcome, NoReply):
        event["no_reply"] = [outcome.kind.value, outcome.message, outcome.status]
    else:
        event["reply"] = _encode_reply(outcome)
    return event


def decode_call(event: Mapping[str, Any]) -> Call:
    timing = event.get("timing")
    return Call(
        request=Request(event["api"], {"model": event["model"]}, event["request_key"], event["prompt_key"]),
        outcome=_decode_reply(event["reply"]) if "reply" in event else _decode_no_reply(event["no_reply"]),
        ordinal=event["ordinal"],
        timing=Timing(*timing) if timing else None,
        attempts=event["attempts"],
        lost=event["lost"],
        source=Source(event["source"]),
        at=event["at"],
        simulated=event["simulated"],
        step=event["step"],
    )


def _encode_reply(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "answer": encode_answer(reply.answer),
        "served": reply.served_model,
        "usage": [
            usage.input_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
        ],
        "tier": reply.service_tier,
        "fingerprint": reply.fingerprint,
        "id": reply.request_id,
    }


def _decode_reply(event: Mapping[str, Any]) -> Reply:
    return Reply(
        decode_answer(event["answer"]),
        event["served"],
        Usage(*event["usage"]),
        event["tier"],
        event["fingerprint"],
        event["id"],
    )


def _decode_no_reply(event: Any) -> NoReply:
    kind, message, status = event
    return NoReply(NoReplyKind(kind), message, status)


def encode_answer(answer: Answer) -> dict[str, Any]:
    event: dict[str, Any] = {"text": answer.text, "finish": answer.finish}
    if answer.tool_calls:
        event["tools"] = [[call.name, call.arguments, call.id] for call in answer.tool_calls]
    if answer.refusal is not None:
        event["refusal"] = answer.refusal
    return event


def decode_answer(event: Mapping[str, Any]) -> Answer:
    calls = tuple(ToolCall(*call) for call in event.get("tools", ()))
    return Answer(event["text"], calls, event.get("refusal"), event["finish"])


def encode_case(record: CaseRecord) -> dict[str, Any]:
    comparison = record.comparison
    return {
        "flow": comparison.flow,
        "case": comparison.case,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        "verdict": comparison.verdict.value,
        "findings": [encode_finding(finding) for finding in comparison.findings],
        "rungs": {rung.value: _encode_rates(rates) for rung, rates in comparison.rungs.items()},
        "noise": comparison.noise_measured,
        "unjudged": comparison.unjudged,
        "note": comparison.note,
        "scores": _encode_scores(comparison.scores),
        "samples": [_encode_judged(judged) for judged in record.samples],
    }


def decode_case(event: Mapping[str, Any]) -> CaseRecord:
    comparison = Comparison(
        flow=FlowName(event["flow"]),
        case=CaseId(event["case"]),
        baseline=event["baseline"],
        candidate=event["candidate"],
        verdict=CaseVerdict(event["verdict"]),
        findings=tuple(decode_finding(finding) for finding in event["findings"]),
        rungs={Rung(name): _decode_rates(rates) for name, rates in event["rungs"].items()},
        noise_measured=event["noise"],
        unjudged=tuple(event["unjudged"]),
        note=event["note"],
        scores=_decode_scores(event.get("scores")),
    )
    return CaseRecord(comparison, tuple(_decode_judged(judged) for judged in event["samples"]))


def encode_finding(finding: Finding) -> list[Any]:
    return [
        finding.rung.value,
        finding.kind.value,
        finding.severity.value,
        finding.path,
        finding.message,
        finding.expected,
        finding.actual,
        finding.rule,
        finding.explained,
        finding.sample,
    ]


def decode_finding(event: list[Any]) -> Finding:
    rung, kind, severity, path, *rest = event
    return Finding(Rung(rung), FindingKind(kind), Severity(severity), JsonPath(path), *rest)


def _encode_rates(rates: RungRates | None) -> list[int] | None:
    if rates is None:
        return None
    return [rates.baseline.passed, rates.baseline.total, rates.candidate.passed, rates.candidate.total]


def _decode_rates(event: list[int] | None) -> RungRates | None:
    return None if event is None else RungRates(Rate(event[0], event[1]), Rate(event[2], event[3]))


def _encode_scores(scores: Scores | None) -> list[Any] | None:
    if scores is None:
        return None
    return [_encode_rates(scores.contract), _encode_rates(scores.agreement), scores.planned]


def _decode_scores(event: list[Any] | None) -> Scores | None:
    contract = None if event is None else _decode_rates(event[0])
    if event is None or contract is None:
        return None
    return Scores(contract, _decode_rates(event[1]), event[2])


def _encode_judged(judged: Judged) -> dict[str, Any]:
    sample = judged.sample
    event: dict[str, Any] = {
        "index": sample.index,
        "calls": [encode_call(call) for call in sample.calls],
        "rungs": {rung.value: passed for rung, passed in judged.rungs.items()},
    }
    if judged.findings:
        event["findings"] = [encode_finding(finding) for finding in judged.findings]
    if judged.if_repaired is not None:
        event["if_repaired"] = {rung.value: passed for rung, passed in judged.if_repaired.items()}
    if judged.unjudged:
        event["unjudged"] = judged.unjudged
    return event


def _decode_judged(event: Mapping[str, Any]) -> Judged:
    calls = tuple(decode_call(call) for call in event["calls"])
    last = calls[-1].outcome if calls else None
    repaired = event.get("if_repaired")
    return Judged(
        sample=Sample(event["index"], calls, last.answer if isinstance(last, Reply) else None),
        rungs={Rung(name): passed for name, passed in event["rungs"].items()},
        findings=tuple(decode_finding(finding) for finding in event.get("findings", ())),
        if_repaired=None if repaired is None else {Rung(name): passed for name, passed in repaired.items()},
        unjudged=tuple(event.get("unjudged", ())),
    )
