"""Journals: one JSON line an event, appended as a run goes on, folded into the stores when it is over.

Each process of a run has a file of its own, `<run>.<worker>.jsonl`; the first line of the controller's names the
run. A line is whole or it is the last one and cut: then it is passed over, everything before it counts. Each line ends
with its own checksum, so that a changed byte is noticed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

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

PATIENCE_S: Final = 10.0
"""How long a journal is waited for that another process holds."""

_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode
_SUM: Final = b',"crc":"'
"""Begins the last member of a line: the CRC-32, in hex, of everything before it."""

# A look-up by value costs a tenth of calling the enumeration, and there are many.
_RUNGS: Final = {rung.value: rung for rung in Rung}
_VERDICTS: Final = {verdict.value: verdict for verdict in CaseVerdict}
_SOURCES: Final = {source.value: source for source in Source}
_TIMES: Final = tuple(field.name for field in dataclasses.fields(Timing))


class JournalFile:
    """Implements `ports.Journal`: every line reaches the operating system before the call returns."""

    def __init__(self, path: Path) -> None:
        """Open the journal of a process for this one alone. Raises StoreProblem, also when another one has it."""
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = _opened(path)
            _cut_torn_line(self._fd)
        except OSError as error:
            raise self._full(error.strerror or "") from error

    def run(self, run: Run) -> None:
        """Write down the run itself, at its start and again with its end."""
        self._write({"run": dataclasses.asdict(run)})

    def attempt(self, request: Request, sample: int, tried: int, reserved: int, lost: int = 0) -> None:
        self._write({"attempt": [request.request_key, request.model, sample, tried, reserved, lost]})

    def failed(self, request: Request, sample: int, lost: int) -> None:
        self._write({"failed": [request.request_key, sample, lost]})

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
        text = _dumps(event)[:-1].encode("ascii")
        line = b'%s%s%08x"}\n' % (text, _SUM, zlib.crc32(text))
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


Event = Run | tuple[int, Call] | CaseRecord


def read_journal(path: Path, damaged: list[int] | None = None) -> Iterator[Event]:
    """Yield the events of a journal in order.

    A line cut by the end of a process is passed over. Any other line that cannot be read is passed over too, and its
    number, from 1, is put into `damaged`.
    """
    for number, event in _events(path):
        try:
            found = _decoded(event)
        except (AttributeError, LookupError, TypeError, ValueError):
            if damaged is not None:
                damaged.append(number)
            continue
        if found is not None:
            yield found


def _decoded(event: dict[str, Any] | None) -> Event | None:
    """Return what a line says; None for a try, which only `lost_tries` is interested in."""
    if event is None:
        raise ValueError("no line of a journal")
    if "case" in event:
        return decode_case(event["case"])
    if "call" in event:
        return int(event["sample"]), decode_call(event["call"])
    if "run" in event:
        fields = event["run"]
        return Run(**(fields | {"candidates": tuple(fields["candidates"])}))
    if "attempt" in event or "failed" in event:
        return None
    raise ValueError("no event of a journal")


def _events(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the lines by number, from 1; None for one that cannot be read. A last line without its end is left out."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            event = _read(line)
            if line.endswith(b"\n") or event is not None:
                yield number, event


def _read(line: bytes) -> dict[str, Any] | None:
    """Return the object a line holds; None for one that is cut, was changed, or is no object."""
    text, _, tail = line.rpartition(_SUM)
    if tail.rstrip(b"\n") != b'%08x"}' % zlib.crc32(text):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def lost_tries(paths: Iterable[Path]) -> dict[tuple[str, int], int]:
    """Return the tries that may have been paid for and whose usage nobody told, by request key and sample.

    A try without a word of its end was in flight when its process died. 0 is said too: it is the newest word.
    """
    lost: dict[tuple[str, int], int] = {}
    for _, event in chain.from_iterable(_events(path) for path in paths):
        match event:
            case {"attempt": [str(key), _, int(sample), _, _, int(before)]}:
                lost[key, sample] = before + 1
            case {"failed": [str(key), int(sample), int(sofar)]}:
                lost[key, sample] = sofar
            case {"call": {"request_key": str(key), "lost": int(sofar)}, "sample": int(sample)}:
                lost[key, sample] = sofar
    return lost


def _opened(path: Path) -> int:
    """Open a journal and lock it for as long as the process lives: how others tell that it does."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        # Somebody who folds it holds the lock for a moment and then removes the file: lines must not go into that one.
        if _locked(fd) and _is_same(fd, path):
            return fd
        os.close(fd)
        if time.monotonic() > give_up:
            raise StoreProblem(
                f"the journal {path.name} is being written by another process: the run goes on there",
                hint="wait until it has ended",
                next_command="prompt-migrate runs list",
            )
        time.sleep(0.05)


def _cut_torn_line(fd: int) -> None:
    """Take a last line away that a killed process left without its end."""
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        os.ftruncate(fd, os.pread(fd, size, 0).rfind(b"\n") + 1)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(fd: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


@contextlib.contextmanager
def claimed(paths: Sequence[Path]) -> Iterator[bool]:
    """Hold the journals of a run whose processes are dead; give False where one lives, or somebody else holds them."""
    with contextlib.ExitStack() as held:
        for path in paths:
            try:
                fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                yield False
                return
            held.callback(os.close, fd)
            if not _locked(fd):
                yield False
                return
        yield True


def is_alive(path: Path) -> bool:
    """Say whether the process that writes a journal still lives."""
    with claimed([path]) as dead:
        return not dead and path.exists()


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
        event["timing"] = [getattr(call.timing, name) for name in _TIMES]
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
        source=_SOURCES[event["source"]],
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
        "critical": comparison.critical,
        "changed": comparison.changed,
        "samples": [_encode_judged(judged) for judged in record.samples],
    }


def decode_case(event: Mapping[str, Any]) -> CaseRecord:
    comparison = Comparison(
        flow=FlowName(event["flow"]),
        case=CaseId(event["case"]),
        baseline=event["baseline"],
        candidate=event["candidate"],
        verdict=_VERDICTS[event["verdict"]],
        findings=tuple(decode_finding(finding) for finding in event["findings"]),
        rungs={_RUNGS[name]: _decode_rates(rates) for name, rates in event["rungs"].items()},
        noise_measured=event["noise"],
        unjudged=tuple(event["unjudged"]),
        note=event["note"],
        scores=_decode_scores(event.get("scores")),
        critical=event.get("critical"),
        changed=tuple(event.get("changed", ())),
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
    return None if event is None else _rates(*event)


# Thousands of cases share a handful of these.
@lru_cache(maxsize=1024)
def _rates(passed: int, total: int, candidate_passed: int, candidate_total: int) -> RungRates:
    return RungRates(Rate(passed, total), Rate(candidate_passed, candidate_total))


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
    last = sample.calls[-1].outcome if sample.calls else None
    if sample.answer != (last.answer if isinstance(last, Reply) else None):
        event["answer"] = None if sample.answer is None else encode_answer(sample.answer)
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
    final = last.answer if isinstance(last, Reply) else None
    if "answer" in event:
        final = None if event["answer"] is None else decode_answer(event["answer"])
    return Judged(
        sample=Sample(event["index"], calls, final),
        rungs={_RUNGS[name]: passed for name, passed in event["rungs"].items()},
        findings=tuple(decode_finding(finding) for finding in event.get("findings", ())),
        if_repaired=None if repaired is None else {_RUNGS[name]: passed for name, passed in repaired.items()},
        unjudged=tuple(event.get("unjudged", ())),
    )
