"""What candidates were asked: a report's prompts, put together again from goldens, prompt files and stored answers.

The ledger keeps the key of a replayed request and not its text. A text is taken only where it gives the very key
again, so that what is shown as sent was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from migrate.canonical import requests_of
from migrate.errors import PromptMigrateError
from migrate.evidence.weighing import Record
from migrate.rendering import parse_candidate, prompt_for, render
from migrate.rendering.steps import chain_for, play_of
from migrate.vocabulary import Call, Case, Flow, FlowName, Golden, Json, NoReply, NoReplyKind, Request, Sample
from migrate.workflow.chains import PromisesOf, play_offline
from migrate.workflow.replay import Redacts


class Asked:
    """Finds the whole requests of a record by their keys."""

    def __init__(self, flows: Mapping[FlowName, Flow], redactor: Redacts) -> None:
        self._flows = flows
        self._cases = {(flow.name, case.id): case for flow in flows.values() for case in flow.cases}
        self._promises = PromisesOf()
        self._redact = redactor.value

    def of(self, record: Record, golden: Golden | None) -> dict[str, Request]:
        """Return by request key what could be put together; of any other call the key is all that is known."""
        stored = {call.request.request_key: call.request for one in record.samples for call in one.sample.calls}
        whole = {key: request for key, request in stored.items() if is_whole(request)}
        missing = {key: request for key, request in stored.items() if key not in whole}
        whole |= _same_question(missing, golden)
        if not whole.keys() >= missing.keys():
            whole |= {request.request_key: request for request in self._rendered(record, missing.keys() - whole.keys())}
        return {key: request for key, request in whole.items() if key in stored}

    def _rendered(self, record: Record, missing: set[str]) -> Iterator[Request]:
        comparison = record.comparison
        flow, case = self._flows.get(comparison.flow), self._cases.get((comparison.flow, comparison.case))
        if flow is None or case is None:
            return
        try:
            if flow.chain is None:
                candidate = parse_candidate(comparison.candidate)
                prompt = prompt_for(flow, candidate)
                yield render(flow, case, prompt=prompt, model=candidate.model_for(prompt.model), redact=self._redact)
            else:
                samples = (judged.sample for judged in record.samples)
                waiting = (one for one in samples if any(call.request.request_key in missing for call in one.calls))
                for sample in waiting:
                    yield from self._played(flow, case, comparison.candidate, sample)
        except PromptMigrateError:
            # The prompt file is in the middle of being edited: the page says what is known.
            return

    def _played(self, flow: Flow, case: Case, candidate: str, sample: Sample) -> Iterable[Request]:
        """Play a chain again with the answers a sample got; a question that was not asked then ends it."""
        wanted = parse_candidate(candidate)
        promises = self._promises.of(flow, chain_for(flow, wanted))
        play = play_of(flow, case, wanted, self._redact, promises.reader())
        answers = _Answers(sample.calls)
        return (call.request for call in play_offline(play, answers.to).calls)


class _Answers:
    """The calls of a sample, each given to the question it was the answer to."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._left = list(calls)

    def to(self, request: Request) -> Call:
        for place, call in enumerate(self._left):
            if call.request.request_key == request.request_key:
                return Call(request, self._left.pop(place).outcome)
        return Call(request, NoReply(NoReplyKind.NO_RECORDING, "not asked then"))


def is_whole(request: Request) -> bool:
    """Say whether a request has its text, and not only its key."""
    return "messages" in request.body or "input" in request.body


def _same_question(missing: Mapping[str, Request], golden: Golden | None) -> dict[str, Request]:
    """Return the golden's requests, sent to another model, where that gives a key that is looked for.

    Much cheaper than filling the prompt again, and the usual case: only the model differs.
    """
    known = {} if golden is None else {request.prompt_key: request for request in golden_requests(golden)}
    found: dict[str, Request] = {}
    for key, request in missing.items():
        same, model = known.get(request.prompt_key), request.body.get("model")
        if same is None or not isinstance(model, str):
            continue
        made = requests_of(same.api, {**same.body, "model": model}, [model], _as_it_is)[0]
        if made.request_key == key:
            found[key] = made
    return found


def golden_requests(golden: Golden) -> Iterator[Request]:
    """Yield every request of a golden, those of its first sample first."""
    yield from golden.requests
    for judged in golden.samples:
        yield from (call.request for call in judged.sample.calls)


def _as_it_is(value: Json) -> Json:
    """Goldens are redacted already, and redaction is idempotent."""
    return value
