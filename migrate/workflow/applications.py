"""Application flows: what runs of a marked test come to, as goldens and as cases judged against them.

A sample is one whole run of the test. Its final answer is a document: `$.answer`, what the last call said, read as
JSON where it is JSON, and `$.golden.<name>`, what the test handed to its `golden` fixture. The test's own assertions
are the flow's checks; every call is held against what its own request promises.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from migrate.canonical import digest_json
from migrate.comparing import Contract, compare, contract_of, contract_of_request, judge, parse_answer
from migrate.ports import CaseRecord, Journal
from migrate.vocabulary import (
    Answer,
    Call,
    Case,
    CaseId,
    CaseVerdict,
    Comparison,
    Criticality,
    Finding,
    FindingKind,
    Flow,
    FlowName,
    Golden,
    Json,
    JsonObject,
    JsonPath,
    Judged,
    NoReply,
    Place,
    Prompt,
    Reply,
    Request,
    Rule,
    Rung,
    Sample,
    Severity,
)
from migrate.workflow.changes import what_changed
from migrate.workflow.record import Recorded, write_over
from migrate.workflow.replay import Redacts, Tools, redacted

ANSWER: Final = "answer"
VALUES: Final = "golden"
_VERSION: Final = 1
"""Of the document that is compared."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What a mark says of a test, class, module and function together."""

    flow: FlowName
    schema: JsonObject | None = None
    """Of the answer to the last call."""
    samples: int | None = None
    critical: Criticality = "medium"
    ignore: tuple[str, ...] = ()
    """JSON paths that are not compared: in the answer and in every `golden` value, or from `$.answer` or `$.golden`."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of a marked test, with its fixtures: a trace, and how it ended."""

    __test__ = False

    calls: tuple[Call, ...]
    asked: tuple[Request, ...] = ()
    """What the application asked, call by call, before the model was swapped."""
    values: Mapping[str, Json] = field(default_factory=dict)
    """What the test handed to `golden`, by name."""
    failure: str = ""
    """Why the test failed, one clause; empty when it passed."""
    notes: tuple[str, ...] = ()
    """What was changed for the candidate beside the model."""
    misses: tuple[str, ...] = ()
    """Calls that nothing recorded answers, where none may leave: what was not found, and what is nearest."""
    unseen: str = ""
    """Why a call could not be recorded, if one could not: then nothing can be said of the run."""

    @property
    def fault(self) -> NoReply | None:
        """The first call that got no reply, if any."""
        return next((call.outcome for call in self.calls if isinstance(call.outcome, NoReply)), None)


def flow_of(marked: Marked, case: CaseId, place: Place | None) -> Flow:
    """Return a marked test as a flow of one case; its prompt is the application's, and unknown before it runs."""
    schema = None
    if marked.schema is not None:
        schema = {"type": "object", "required": [ANSWER], "properties": {ANSWER: marked.schema}}
        definitions = {name: marked.schema[name] for name in ("$defs", "definitions") if name in marked.schema}
        schema |= definitions
    rules = tuple(Rule(JsonPath(path), "ignore") for written in marked.ignore for path in _places(written))
    return Flow(
        name=marked.flow,
        prompt=Prompt((), "", schema=schema),
        cases=(Case(case, {}, place=place),),
        critical=marked.critical,
        parse="json",
        rules=rules,
        samples=marked.samples,
        place=place,
    )


def _places(path: str) -> Iterator[str]:
    """Yield the places in the compared document that a path of a mark speaks of."""
    if path.startswith((f"$.{ANSWER}", f"$.{VALUES}", "$tool_calls")):
        yield path
    else:
        yield f"$.{ANSWER}{path.removeprefix('$')}"
        yield f"$.{VALUES}.*{path.removeprefix('$')}"


def contract_of_test(flow: Flow) -> Contract:
    """Return what a marked test promises; what its calls promise is read from their requests."""
    contract = contract_of(flow, flow.prompt, ())
    digest = digest_json(["application", _VERSION, flow.prompt.schema])
    return replace(contract, digest=digest, inner=lambda call: contract_of_request(call.request))


# --- One run ----------------------------------------------------------------------------------------------------


def judged_of(contract: Contract, index: int, run: TestRun) -> Judged:
    """Return a run as a judged sample: its calls by their requests, the test's own assertions as its check."""
    judged = judge(contract, Sample(index, run.calls, _final(run)))
    if judged.sample.answer is None:
        return judged
    findings = judged.findings
    if run.failure:
        words = f"the test fails: {run.failure}"
        what = (Rung.CHECKS, FindingKind.CHECK_FAILED, Severity.BREAKING, JsonPath("$"), words)
        findings = (*findings, Finding(*what, rule="test"))
    return replace(judged, rungs={**judged.rungs, Rung.CHECKS: not run.failure}, findings=findings)


def _final(run: TestRun) -> Answer | None:
    """Return the compared document as an answer; None when a call got no reply, or none was made."""
    if run.fault is not None or not run.calls:
        return None
    document: dict[str, Json] = {VALUES: dict(run.values)} if run.values else {}
    replies = [
        call.outcome for call in run.calls if isinstance(call.outcome, Reply) and call.request.api != "embeddings"
    ]
    if not replies:
        return Answer(json.dumps(document, ensure_ascii=False))
    last = replies[-1].answer
    document = {ANSWER: _read(last.text), **document}
    # What kept the last call from answering keeps the flow from it.
    return replace(last, text=json.dumps(document, ensure_ascii=False))


def _read(text: str | None) -> Json:
    """Return a text as the JSON object or list it is, in a fence or bare; else the text."""
    parsed = parse_answer("json", text or "")
    return parsed.value if parsed.parsed and isinstance(parsed.value, dict | list) else text


def is_of_test(golden: Golden) -> bool:
    """Say whether a golden was recorded from a marked test: its samples hold the compared document, and no model's.

    A prompt may be answered with a document of the same shape; then its own call said it.
    """
    return bool(golden.samples) and all(map(_is_of_test, golden.samples))


def _is_of_test(judged: Judged) -> bool:
    calls, answer = judged.sample.calls, judged.sample.answer
    said = {call.outcome.answer.text for call in calls if isinstance(call.outcome, Reply)}
    shape = isinstance(judged.value, Mapping) and judged.value.keys() <= {ANSWER, VALUES}
    return shape and answer is not None and answer.text not in said and all(call.step is None for call in calls)


def models_of(run: TestRun) -> str:
    """Return the models an application asks for, in the order in which it first does."""
    asked = run.asked or tuple(call.request for call in run.calls)
    return ", ".join(dict.fromkeys(request.model for request in asked if request.api != "embeddings"))


def staleness_of(run: TestRun, golden: Golden, redactor: Redacts) -> str:
    """Say why a golden no longer fits what the application asks first today, or return an empty text.

    Later questions follow from earlier answers; the first one follows from the application and the test alone.
    """
    if not run.asked or not run.calls:
        return ""
    first = run.asked[0]
    known = [judged.sample.calls[0].request for judged in golden.samples if judged.sample.calls]
    known = known or list(golden.requests[:1])
    # Calls made at once may begin in another order: any of them may be the first.
    asked = {call.request.prompt_key: call.request for judged in golden.samples for call in judged.sample.calls}
    same = asked.get(first.prompt_key)
    if same is not None:
        if first.model == same.model:
            return ""
        return f"recorded from {same.model}, the application now asks {first.model}"
    if len({request.prompt_key for request in known}) > 1:
        # No two samples asked the same: the application itself varies, and nothing can be told from one more.
        return ""
    parts = what_changed(known[0].body, redactor.value(first.body))
    return f"{parts or 'the first question'} of the first call changed since it was recorded"


# --- Verbs ------------------------------------------------------------------------------------------------------


def conclude_recording(tools: Tools, flow: Flow, runs: Sequence[TestRun], journal: Journal | None) -> Recorded:
    """Judge the runs of a test on today's models and write them as its golden, or say why not."""
    case, contract = flow.cases[0].id, contract_of_test(flow)
    judged = tuple(redacted(judged_of(contract, k, run), tools.redactor) for k, run in enumerate(runs, start=1))
    missing = [sample for sample in judged if sample.sample.answer is None]
    baseline = models_of(runs[0])
    fault = next((run.fault for run in runs if run.fault is not None), None)
    verdict = CaseVerdict.SAME if fault is None else CaseVerdict.NO_REPLY
    note = "" if fault is None else f"{fault.kind.value}: {fault.message}"
    record = CaseRecord(Comparison(flow.name, case, baseline, baseline, verdict, note=note), judged)
    if journal is not None:
        journal.case(record)
    if missing:
        return Recorded(record, note=f"{len(missing)} of {len(runs)} answers are missing; no golden written")
    if all(run.failure for run in runs):
        return Recorded(record, note="the test fails on today's models; no golden written")
    golden = Golden(
        flow=flow.name,
        case=case,
        baseline=baseline,
        requests=tuple(call.request for call in judged[0].sample.calls),
        samples=judged,
        simulated=any(call.simulated for sample in judged for call in sample.sample.calls),
        contract_digest=contract.digest,
    )
    return write_over(tools.goldens, record, golden)


def conclude_replay(
    tools: Tools,
    flow: Flow,
    golden: Golden | None,
    runs: Sequence[TestRun],
    *,
    candidate: str,
    planned: int,
    stale: str = "",
    journal: Journal | None = None,
) -> CaseRecord:
    """Judge the runs of a test on a candidate and compare them with its golden."""
    contract = contract_of_test(flow)
    judged = tuple(redacted(judged_of(contract, k, run), tools.redactor) for k, run in enumerate(runs, start=1))
    comparison = compare(
        contract,
        golden,
        judged,
        candidate=candidate,
        flow=flow.name,
        case=flow.cases[0].id,
        today=tools.today,
        planned=planned,
        stale=stale,
    )
    notes = list(dict.fromkeys(note for run in runs for note in run.notes))
    note = "; ".join(filter(None, [comparison.note, *notes]))
    comparison = replace(comparison, note=note, critical=flow.critical, changed=tuple(notes))
    record = CaseRecord(comparison, judged)
    if journal is not None:
        journal.case(record)
    return record


# --- One value in a bare run ------------------------------------------------------------------------------------


def value_findings(flow: Flow, golden: Golden, name: str, value: Json, tools: Tools) -> tuple[Finding, ...]:
    """Return what a value of the application differs in from the golden's, beyond the noise of its samples.

    A value the golden does not hold is a finding of its own: the test was given another one since.
    """
    alone = replace(flow, prompt=Prompt((), ""))
    contract = replace(contract_of(alone, alone.prompt, ()), inner=None)
    known = [judged.value[VALUES][name] for judged in golden.samples if name in _values(judged)]
    if not known:
        words = f'the golden holds no value "{name}": record it again'
        path = JsonPath(f"$.{VALUES}.{name}")
        return (Finding(Rung.AGREEMENT, FindingKind.KEY_ADDED, Severity.DRIFT, path, words, None, value),)
    samples = [_value_sample(contract, k, name, one) for k, one in enumerate(known, start=1)]
    held = replace(golden, samples=tuple(samples), contract_digest=contract.digest, requests=())
    mine = _value_sample(contract, 1, name, tools.redactor.value(value))
    names = {"candidate": "today", "flow": flow.name, "case": golden.case}
    found = compare(contract, held, [mine], today=tools.today, planned=1, **names)  # type: ignore[arg-type]
    return tuple(one for one in found.findings if one.explained is None and one.severity is not Severity.COSMETIC)


def _values(judged: Judged) -> Mapping[str, Json]:
    value = judged.value
    return value.get(VALUES, {}) if isinstance(value, Mapping) else {}


def _value_sample(contract: Contract, index: int, name: str, value: Json) -> Judged:
    text = json.dumps({VALUES: {name: value}}, ensure_ascii=False)
    return judge(contract, Sample(index, (), Answer(text)))
