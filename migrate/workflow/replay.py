"""Replay: one trial per case and candidate, from the golden and the rendered request to a judged case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from migrate.comparing import Contract, compare, contract_of, judge
from migrate.errors import PromptMigrateError
from migrate.ports import CaseRecord, Goldens, Journal, Recordings
from migrate.rendering import bind_checks, prompt_for, render, render_for
from migrate.vocabulary import (
    Answer,
    Call,
    Candidate,
    Case,
    CaseVerdict,
    Finding,
    Flow,
    Golden,
    Json,
    JsonPath,
    Judged,
    NoReply,
    NoReplyKind,
    Prompt,
    Reply,
    Request,
    Sample,
)
from migrate.workflow.changes import what_changed
from migrate.workflow.engine import Ask

Lost = Mapping[tuple[str, int], int]
"""Request key and sample -> tries that may have been paid for and whose usage nobody told."""


class Redacts(Protocol):
    """Takes secrets and personal data out of text and JSON; idempotent."""

    def text(self, text: str) -> str: ...

    def value(self, value: Json) -> Json: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What the verbs work with: the concrete edges, chosen in one place."""

    goldens: Goldens
    redactor: Redacts
    today: dt.date


@dataclass(slots=True)
class Trial:
    """One case against one candidate, on its way; `ready` is filled by `Replay.prepare`."""

    number: int
    flow: Flow
    case: Case
    candidate: Candidate
    ready: Ready | None = None
    problem: PromptMigrateError | None = None
    calls: list[tuple[int, Call]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ready:
    """A trial with everything it needs to be asked and judged."""

    request: Request
    contract: Contract
    golden: Golden | None
    stale: str
    """Why the golden no longer fits the prompt; empty when it does."""
    samples: int
    """Candidate samples to ask for; 0 when there is nothing to compare them with."""


class Replay:
    """Replays trials against candidates; the same object serves the live and the offline run."""

    def __init__(
        self,
        tools: Tools,
        *,
        samples: int | None = None,
        recordings: Recordings | None = None,
        journal: Journal | None = None,
        offline: bool = False,
        lost: Lost | None = None,
    ) -> None:
        """`lost`: tries of this very run before it was stopped that may have been paid for."""
        self._lost = lost or {}
        self._tools = tools
        self._samples = samples
        self._recordings = recordings
        self._journal = journal
        self._offline = offline
        self._last: tuple[tuple[str, str], Golden | None] | None = None

    def asks(self, trials: Sequence[Trial], expect: Callable[[int, int], None]) -> Iterator[Ask]:
        """Yield the calls to make, trial by trial; what a recording answers is put on the trial and not asked."""
        for trial in trials:
            ready = self.prepare(trial)
            missing = [] if ready is None else self._missing(trial, ready)
            expect(trial.number, len(missing))
            for sample in missing:
                request = ready.request  # type: ignore[union-attr]
                yield Ask(trial.number, sample, request, self._lost.get((request.request_key, sample), 0))

    def prepare(self, trial: Trial) -> Ready | None:
        """Render the trial and read its golden; a problem of either is kept on the trial, to be raised by its item."""
        if trial.ready is None and trial.problem is None:
            try:
                trial.ready = self._prepare(trial)
            except PromptMigrateError as problem:
                trial.problem = problem
        return trial.ready

    def _prepare(self, trial: Trial) -> Ready:
        flow, case, redact = trial.flow, trial.case, self._tools.redactor.value
        prompt = prompt_for(flow, trial.candidate)
        model = trial.candidate.model_for(prompt.model)
        if prompt is flow.prompt:
            request, today = render_for([model, prompt.model], flow, case, prompt=prompt, redact=redact)
        else:
            request = render(flow, case, prompt=prompt, model=model, redact=redact)
            today = baseline_request(flow, case, self._tools.redactor)
        golden = self._golden(flow, case)
        stale = "" if golden is None else staleness(flow, today, golden, self._tools.redactor)
        contract = contract_of(flow, prompt, bind_checks(flow, case))
        wanted = 0 if golden is None or stale else self._samples or len(golden.samples)
        return Ready(request, contract, golden, stale, wanted)

    def _golden(self, flow: Flow, case: Case) -> Golden | None:
        # Candidates of one case follow each other: the last golden is the one asked for again.
        key = (flow.name, case.id)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._tools.goldens.read(flow.name, case.id))
        return self._last[1]

    def _missing(self, trial: Trial, ready: Ready) -> list[int]:
        missing = []
        for sample in range(1, ready.samples + 1):
            call = None if self._recordings is None else self._recordings.get(ready.request.request_key, sample)
            if call is None:
                missing.append(sample)
            else:
                # A recording keeps the key of what was asked, not its body, and nothing of other tries.
                lost = self._lost.get((ready.request.request_key, sample), 0)
                trial.calls.append((sample, replace(call, request=ready.request, lost=lost)))
        return missing

    def answer_offline(self, trial: Trial) -> None:
        """Answer a trial from recordings alone; what is missing becomes a no-reply that says so."""
        ready = self.prepare(trial)
        if ready is None:
            return
        words = f"no recording of {trial.flow.name}/{trial.case.id} for {ready.request.model} (live calls are off)"
        for sample in self._missing(trial, ready):
            trial.calls.append((sample, Call(ready.request, NoReply(NoReplyKind.NO_RECORDING, words))))

    def conclude(self, trial: Trial, calls: Sequence[tuple[int, Call]]) -> CaseRecord:
        """Judge a trial's answers and compare them with the golden; the journal has it before it is returned."""
        if trial.problem is not None:
            raise trial.problem
        ready = trial.ready
        assert ready is not None, "a trial is prepared before it is concluded"
        samples = tuple(
            self._judge(ready.contract, Sample(index, (call,), answer_of(call)))
            for index, call in sorted([*trial.calls, *calls], key=lambda answer: answer[0])
        )
        comparison = compare(
            ready.contract,
            ready.golden,
            samples,
            candidate=trial.candidate.text,
            flow=trial.flow.name,
            case=trial.case.id,
            today=self._tools.today,
            planned=ready.samples,
            stale=ready.stale,
        )
        record = CaseRecord(comparison, samples)
        if self._journal is not None:
            self._journal.case(record)
        trial.ready, trial.calls = None, []
        return record

    def _judge(self, contract: Contract, sample: Sample) -> Judged:
        return redacted(judge(contract, sample), self._tools.redactor)


def answer_of(call: Call) -> Answer | None:
    """Return the final answer of a trace that ends with this call, None when it got no reply."""
    return call.outcome.answer if isinstance(call.outcome, Reply) else None


def redacted(judged: Judged, redactor: Redacts) -> Judged:
    """Return a judged sample with its text redacted: rungs speak of the raw text, agreement of what is kept."""
    calls = tuple(redacted_call(call, redactor) for call in judged.sample.calls)
    findings = tuple(redacted_finding(finding, redactor) for finding in judged.findings)
    if all(new is old for new, old in zip(calls, judged.sample.calls, strict=True)):
        return replace(judged, findings=findings) if findings else judged
    last = calls[-1].outcome
    sample = replace(judged.sample, calls=calls, answer=last.answer if isinstance(last, Reply) else None)
    return replace(judged, sample=sample, value=redactor.value(judged.value), findings=findings)


def redacted_finding(finding: Finding, redactor: Redacts) -> Finding:
    """Return a finding whose quotations of the raw answer are redacted."""
    return replace(
        finding,
        path=JsonPath(redactor.text(finding.path)),
        message=redactor.text(finding.message),
        expected=redactor.value(finding.expected),
        actual=redactor.value(finding.actual),
    )


def redacted_call(call: Call, redactor: Redacts) -> Call:
    """Return a call whose answer is redacted; the same object when there was nothing to take out."""
    if not isinstance(call.outcome, Reply):
        # A provider's complaint may quote what it was sent.
        message = redactor.text(call.outcome.message)
        return (
            call if message == call.outcome.message else replace(call, outcome=replace(call.outcome, message=message))
        )
    answer = call.outcome.answer
    text = None if answer.text is None else redactor.text(answer.text)
    refusal = None if answer.refusal is None else redactor.text(answer.refusal)
    tools = tuple(replace(tool, arguments=redactor.text(tool.arguments)) for tool in answer.tool_calls)
    new = replace(answer, text=text, refusal=refusal, tool_calls=tools)
    return call if new == answer else replace(call, outcome=replace(call.outcome, answer=new))


def staleness(flow: Flow, today: Request, golden: Golden, redactor: Redacts) -> str:
    """Say why a golden no longer fits what the prompt renders to `today`, or return an empty text."""
    recorded = golden.requests[0]
    if golden.baseline != flow.prompt.model:
        return f"recorded from {golden.baseline}, the prompt file now says {flow.prompt.model}"
    if today.request_key == recorded.request_key:
        return ""
    parts = what_changed(recorded.body, redactor.value(today.body))
    kind = "the question" if today.prompt_key != recorded.prompt_key else "a parameter"
    return f"{parts or kind} changed since it was recorded ({_short(recorded)} -> {_short(today)})"


def baseline_request(flow: Flow, case: Case, redactor: Redacts, prompt: Prompt | None = None) -> Request:
    """Render a case as it is sent today."""
    return render(flow, case, prompt=prompt or flow.prompt, redact=redactor.value)


def _short(request: Request) -> str:
    return request.request_key.split(":", 1)[-1][:8]


FAILING = frozenset({CaseVerdict.BREAKING, CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN})
"""Verdicts that fail an item; `no_reply` is an error instead, everything else passes."""
