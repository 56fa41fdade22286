"""Replay: one trial per case and candidate, from the golden and the rendered request to a judged case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from migrate.comparing import Contract, compare, contract_of, judge
from migrate.errors import PromptMigrateError
from migrate.ports import CaseRecord, Goldens, Journal, Recordings
from migrate.rendering import (
    baseline_of,
    bind_checks,
    chain_digest,
    chain_for,
    first_request,
    parse_candidate,
    play_of,
    prompt_for,
    render,
    render_for,
)
from migrate.rendering.steps import Play, changed_steps
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
    ToolCall,
)
from migrate.workflow.chains import ChainAsk, Promises, PromisesOf, Recorded, play_offline, sample_of, told
from migrate.workflow.changes import what_changed
from migrate.workflow.engine import Answered, Ask, Asked

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
    calls: list[tuple[int, Answered]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ready:
    """A trial with everything it needs to be asked and judged."""

    request: Request
    """Of a chain the first one."""
    contract: Contract
    golden: Golden | None
    stale: str
    """Why the golden no longer fits the prompt; empty when it does."""
    samples: int
    """Candidate samples to ask for; 0 when there is nothing to compare them with."""
    promises: Promises | None = None
    """Of a chain; None for a single prompt."""


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
        self._promises = PromisesOf()

    def asks(self, trials: Sequence[Trial], expect: Callable[[int, int], None]) -> Iterator[Asked]:
        """Yield the calls to make, trial by trial; what a recording answers is put on the trial and not asked."""
        for trial in trials:
            ready = self.prepare(trial)
            if ready is not None and ready.promises is not None:
                expect(trial.number, ready.samples)
                yield from self._chain_asks(trial, ready, ready.promises)
                continue
            missing = [] if ready is None else self._missing(trial, ready)
            expect(trial.number, len(missing))
            for sample in missing:
                request = ready.request  # type: ignore[union-attr]
                yield Ask(trial.number, sample, request, self._lost.get((request.request_key, sample), 0))

    def _chain_asks(self, trial: Trial, ready: Ready, promises: Promises) -> Iterator[Asked]:
        keeper = Keeper(self._recorded, self._journal, self._tools.redactor, self._lost)
        for sample in range(1, ready.samples + 1):
            yield keeper.ask(trial.number, sample, lambda: self._play(trial, promises))

    def _play(self, trial: Trial, promises: Promises) -> Play:
        return play_of(trial.flow, trial.case, trial.candidate, self._tools.redactor.value, promises.reader())

    def _recorded(self, request: Request, sample: int) -> Call | None:
        call = None if self._recordings is None else self._recordings.get(request.request_key, sample)
        if call is None:
            return None
        # A recording keeps the key of what was asked, not its body, and nothing of other tries.
        return replace(call, request=request, lost=self._lost.get((request.request_key, sample), 0))

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
        if flow.chain is not None:
            return self._prepare_chain(trial, prompt)
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

    def _prepare_chain(self, trial: Trial, prompt: Prompt) -> Ready:
        flow, case, redactor = trial.flow, trial.case, self._tools.redactor
        promises = self._promises.of(flow, chain_for(flow, trial.candidate))
        request = first_request(flow, case, trial.candidate, redactor.value)
        golden = self._golden(flow, case)
        stale = "" if golden is None else staleness(flow, baseline_request(flow, case, redactor), golden, redactor)
        contract = promises.contract(prompt, bind_checks(flow, case, promises.chain))
        wanted = 0 if golden is None or stale else self._samples or len(golden.samples)
        return Ready(request, contract, golden, stale, wanted, promises)

    def _golden(self, flow: Flow, case: Case) -> Golden | None:
        # Candidates of one case follow each other: the last golden is the one asked for again.
        key = (flow.name, case.id)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._tools.goldens.read(flow.name, case.id))
        return self._last[1]

    def _missing(self, trial: Trial, ready: Ready) -> list[int]:
        missing = []
        for sample in range(1, ready.samples + 1):
            call = self._recorded(ready.request, sample)
            if call is None:
                missing.append(sample)
            else:
                trial.calls.append((sample, call))
        return missing

    def answer_offline(self, trial: Trial) -> None:
        """Answer a trial from recordings alone; what is missing becomes a no-reply that says so."""
        ready = self.prepare(trial)
        if ready is None:
            return
        if ready.promises is not None:
            for sample in range(1, ready.samples + 1):
                answered = play_offline(self._play(trial, ready.promises), self._only_recorded(trial, sample))
                trial.calls.append((sample, answered))
            return
        for sample in self._missing(trial, ready):
            trial.calls.append((sample, self._only_recorded(trial, sample)(ready.request)))

    def _only_recorded(self, trial: Trial, sample: int) -> Callable[[Request], Call]:
        def answer(request: Request) -> Call:
            words = f"no recording of {trial.flow.name}/{trial.case.id} for {request.model} (live calls are off)"
            return self._recorded(request, sample) or Call(request, NoReply(NoReplyKind.NO_RECORDING, words))

        return answer

    def conclude(self, trial: Trial, calls: Sequence[tuple[int, Answered]]) -> CaseRecord:
        """Judge a trial's answers and compare them with the golden; the journal has it before it is returned."""
        if trial.problem is not None:
            raise trial.problem
        ready = trial.ready
        assert ready is not None, "a trial is prepared before it is concluded"
        samples = tuple(
            judged_of(ready.contract, index, answered, self._tools.redactor)
            for index, answered in sorted([*trial.calls, *calls], key=lambda answer: answer[0])
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


class Keeper:
    """What every sample of a chain is asked with: where answers lie already, and where new ones are written down."""

    def __init__(self, recorded: Recorded, journal: Journal | None, redactor: Redacts, lost: Lost) -> None:
        self._recorded, self._journal, self._redactor, self._lost = recorded, journal, redactor, lost

    def ask(self, ticket: int, sample: int, play: Callable[[], Play]) -> ChainAsk:
        return ChainAsk(ticket, sample, play, self._recorded, self._keep, self._tries)

    def _keep(self, sample: int, call: Call) -> None:
        if self._journal is not None:
            self._journal.call(sample, redacted_call(call, self._redactor))

    def _tries(self, request: Request, sample: int) -> int:
        return self._lost.get((request.request_key, sample), 0)


def judged_of(contract: Contract, index: int, answered: Answered, redactor: Redacts) -> Judged:
    """Return what came of one sample, judged and redacted. Raises what is wrong with a chain itself."""
    return redacted(told(judge(contract, sample_of(index, answered)), answered), redactor)


def redacted(judged: Judged, redactor: Redacts) -> Judged:
    """Return a judged sample with its text redacted: rungs speak of the raw text, agreement of what is kept."""
    calls = tuple(redacted_call(call, redactor) for call in judged.sample.calls)
    findings = tuple(redacted_finding(finding, redactor) for finding in judged.findings)
    final = judged.sample.answer
    answer = None if final is None else redacted_answer(final, redactor)
    if answer is final and all(new is old for new, old in zip(calls, judged.sample.calls, strict=True)):
        return replace(judged, findings=findings) if findings else judged
    sample = replace(judged.sample, calls=calls, answer=answer)
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
    reply = call.outcome
    answer = redacted_answer(reply.answer, redactor)
    # Names of tools and ids are the model's and the server's to choose, as the answer is.
    names = (reply.service_tier, reply.fingerprint, reply.request_id)
    tier, fingerprint, request_id = new = tuple(_redacted_text(name, redactor) for name in names)
    if answer is reply.answer and new == names:
        return call
    outcome = replace(reply, answer=answer, service_tier=tier, fingerprint=fingerprint, request_id=request_id)
    return replace(call, outcome=outcome)


def _redacted_text(text: str | None, redactor: Redacts) -> str | None:
    return None if text is None else redactor.text(text)


def redacted_answer(answer: Answer, redactor: Redacts) -> Answer:
    """Return an answer with its texts redacted; the same object when there was nothing to take out."""
    text, refusal = _redacted_text(answer.text, redactor), _redacted_text(answer.refusal, redactor)
    tools = tuple(
        ToolCall(redactor.text(tool.name), redactor.text(tool.arguments), redactor.text(tool.id))
        for tool in answer.tool_calls
    )
    if (text, refusal, tools) == (answer.text, answer.refusal, answer.tool_calls):
        return answer
    return replace(answer, text=text, refusal=refusal, tool_calls=tools)


def staleness(flow: Flow, today: Request, golden: Golden, redactor: Redacts) -> str:
    """Say why a golden no longer fits what the prompt renders to `today`, or return an empty text."""
    recorded = golden.requests[0]
    if golden.baseline != flow.prompt.model:
        return f"recorded from {golden.baseline}, the prompt file now says {flow.prompt.model}"
    if today.request_key == recorded.request_key:
        steps = "" if flow.chain is None else changed_steps(golden.chain_digest, chain_digest(flow.chain))
        return steps and f"{steps} changed since it was recorded"
    parts = what_changed(recorded.body, redactor.value(today.body))
    kind = "the question" if today.prompt_key != recorded.prompt_key else "a parameter"
    return f"{parts or kind} changed since it was recorded ({_short(recorded)} -> {_short(today)})"


def stale_today(flow: Flow, case: Case, golden: Golden, redactor: Redacts) -> str:
    """Say why a golden no longer fits what its case is asked with today; empty when it does, or nobody knows."""
    if not golden.requests:
        return ""
    try:
        return staleness(flow, baseline_request(flow, case, redactor), golden, redactor)
    except PromptMigrateError as problem:
        return f"the case cannot be rendered: {problem.message}"


def asked_otherwise(flow: Flow, case: Case, record: CaseRecord, redactor: Redacts) -> str:
    """Say that a candidate was asked something else than it would be today; empty when it was not, or nobody knows.

    Of a chain the goldens alone tell: what a later step is asked hangs on what the steps before answered.
    """
    calls = [judged.sample.calls for judged in record.samples if judged.sample.calls]
    if flow.chain is not None or not calls:
        return ""
    candidate = parse_candidate(record.comparison.candidate)
    try:
        prompt = prompt_for(flow, candidate)
        today = render(flow, case, prompt=prompt, model=candidate.model_for(prompt.model), redact=redactor.value)
    except PromptMigrateError as problem:
        return f"the case cannot be rendered: {problem.message}"
    asked = calls[0][0].request
    same = today.request_key == asked.request_key or _version(today) != _version(asked)
    return "" if same else f"the prompt changed since it was asked ({_short(asked)} -> {_short(today)})"


def _version(request: Request) -> str:
    """Return the version of the key algorithm: keys of two versions cannot be held against each other."""
    return request.request_key.rpartition(":")[0]


def baseline_request(flow: Flow, case: Case, redactor: Redacts, prompt: Prompt | None = None) -> Request:
    """Render a case as it is sent today; of a chain the first call."""
    if flow.chain is not None:
        return first_request(flow, case, baseline_of(flow), redactor.value)
    return render(flow, case, prompt=prompt or flow.prompt, redact=redactor.value)


def _short(request: Request) -> str:
    return request.request_key.split(":", 1)[-1][:8]


FAILING = frozenset({CaseVerdict.BREAKING, CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN})
"""Verdicts that fail an item always; `no_reply` is an error instead, drift fails where it is asked to."""
