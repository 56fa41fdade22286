"""Promote: a finished candidate becomes the baseline; its answers become the goldens, and the prompt file names it.

The log first, then the prompt file, then golden by golden: after a kill in between the rest is stale, which every run
says, and the same command finishes it. No golden is without a line that says who promoted it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from migrate.comparing import contract_of
from migrate.errors import UsageProblem
from migrate.evidence.money import as_asked
from migrate.evidence.words import kept_from_safe
from migrate.ports import CaseRecord, DecisionLog, Goldens, PromptFiles
from migrate.rendering import bind_checks, parse_candidate, prompt_for
from migrate.reviewing import Dropped, dropped_by
from migrate.vocabulary import (
    Case,
    Flow,
    FlowEvidence,
    Golden,
    JsonObject,
    Judged,
    Measurement,
    Prompt,
    Source,
)
from migrate.workflow.replay import Redacts, baseline_request


@dataclass(frozen=True, slots=True)
class Signed:
    """Who promotes, when, and why."""

    reviewer: str
    at: str
    reason: str = ""
    """Needed where the verdict of the flow is not `safe`."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """What became of one flow."""

    flow: str
    model: str
    """The new baseline."""
    status: Literal["written", "already", "refused"]
    goldens: int = 0
    """Goldens written."""
    why: str = ""
    dropped: tuple[Dropped, ...] = ()
    """What was decided of the goldens before, case by case: none of it holds for those in their place."""
    tolerated: int = 0
    """Tolerations in the prompt file, which stay, each until its day."""
    before: str = ""
    """The baseline it replaces."""
    only_unsafe: bool = False
    """Refused for want of a verdict of `safe` alone: a reason promotes it."""


class Promotion:
    """Makes candidates the baseline, flow by flow; the one place that replaces baseline samples without recording."""

    def __init__(self, goldens: Goldens, log: DecisionLog, prompts: PromptFiles, redactor: Redacts) -> None:
        self._goldens = goldens
        self._log = log
        self._prompts = prompts
        self._redactor = redactor

    def promote(
        self, flow: Flow, evidence: FlowEvidence, records: Sequence[CaseRecord], signed: Signed, *, write: bool
    ) -> Promoted:
        """Promote the candidate of a flow's evidence; `records` are those of the flow and candidate."""
        cases = {case.id for case in flow.cases}
        records = [record for record in records if record.comparison.case in cases]
        model = parse_candidate(evidence.candidate).model_for(evidence.baseline)
        new = replace(flow, prompt=replace(flow.prompt, model=model))
        why = _refusal(flow, evidence, records) or self._unlike(new, records)
        if why:
            return Promoted(flow.name, model, "refused", why=why)
        if evidence.verdict != "safe" and not signed.reason:
            return Promoted(flow.name, model, "refused", why=_unsafe(evidence), only_unsafe=True)
        replaced = [*self._replaced(new, records)]
        goldens = [golden for _, golden in replaced]
        if flow.prompt.model == model and not goldens:
            return Promoted(flow.name, model, "already")
        try:
            if flow.prompt.model != model:
                self._prompts.rename_model(flow, model, write=False)
        except UsageProblem as problem:
            return Promoted(flow.name, model, "refused", why=str(problem))
        if write:
            self._log.add(flow.name, [self._entry(*both, signed, evidence) for both in replaced])
            if flow.prompt.model != model:
                self._prompts.rename_model(flow, model, write=True)
            self._write(flow, goldens, records)
        dropped = tuple(one for both in replaced for one in dropped_by(*both))
        told: dict[str, Any] = {"dropped": dropped, "tolerated": len(flow.tolerated), "before": evidence.baseline}
        return Promoted(flow.name, model, "written", len(goldens), **told)

    def _unlike(self, new: Flow, records: Sequence[CaseRecord]) -> str:
        """Return why the candidate's answers would not be goldens of the new prompt: it was asked something else."""
        cases = {case.id: case for case in new.cases}
        for record in records:
            case = cases[record.comparison.case]
            today = baseline_request(new, case, self._redactor).request_key
            if any(today != _first(judged) for judged in record.samples):
                return f"case {case.id}: what the candidate was asked is not what the prompt file asks today"
        return ""

    def _replaced(self, new: Flow, records: Sequence[CaseRecord]) -> Iterator[tuple[Golden | None, Golden]]:
        """Yield the goldens to be written, each with the one that is in its place."""
        cases = {case.id: case for case in new.cases}
        for record in records:
            golden = _golden(new, cases[record.comparison.case], record.samples)
            known = self._goldens.read(golden.flow, golden.case)
            if known is None or known.baseline != golden.baseline:
                yield known, golden

    def _write(self, flow: Flow, goldens: Sequence[Golden], records: Sequence[CaseRecord]) -> None:
        """Write measurements, then goldens: while a golden is the old one the promotion is not done, and says so."""
        rows = [_measured(row) for record in records for row in as_asked(record.candidate, record.samples)]
        self._goldens.write_measurements(flow.name, rows)
        for golden in goldens:
            self._goldens.write(golden)

    def _entry(self, before: Golden | None, golden: Golden, signed: Signed, evidence: FlowEvidence) -> JsonObject:
        entry = {
            "at": signed.at,
            "case": golden.case,
            "candidate": evidence.candidate,
            "verdict": "promote",
            "flow_verdict": evidence.verdict,
            "reviewer": signed.reviewer,
            "reason": signed.reason,
            "base": None if before is None else before.digest,
            "after": self._goldens.stored(golden).digest,
        }
        dropped = [
            {"verdict": one.verdict, "candidate": one.candidate, "reviewer": one.reviewer, "why": one.why}
            for one in dropped_by(before, golden)
        ]
        return entry | {"dropped": dropped} if dropped else entry


def _refusal(flow: Flow, evidence: FlowEvidence, records: Sequence[CaseRecord]) -> str:
    """Return why a flow cannot be promoted, whatever its verdict; empty when it can."""
    candidate = parse_candidate(evidence.candidate)
    if flow.chain is not None or candidate.steps:
        return _of_steps(flow)
    if prompt_for(flow, candidate) is not flow.prompt:
        return "the candidate was asked in the words of a variant: make these the prompt's own, then replay"
    seen = {record.comparison.case for record in records}
    missing = [case.id for case in flow.cases if case.id not in seen]
    if missing:
        return f"the replay has no answer to {len(missing)} of {len(flow.cases)} cases, {missing[0]} among them"
    silent = [record for record in records if not record.samples or any(not _answered(one) for one in record.samples)]
    if silent:
        return f"answers are missing, of case {silent[0].comparison.case} for one"
    return ""


def _of_steps(flow: Flow) -> str:
    """Return why a flow of steps is not promoted, were it one alone: each names its own model in the prompt file."""
    names = ", ".join(step.name for step in flow.chain.steps) if flow.chain is not None else ""
    steps = f"it is asked in steps{names and f' ({names})'}"
    return f"{steps}: give each its new model in the prompt file, then record: pytest --golden=rewrite"


def _unsafe(evidence: FlowEvidence) -> str:
    """Return why a flow is promoted for a reason alone."""
    verdict = evidence.verdict or "none"
    why = kept_from_safe(evidence)
    return f"its verdict is {verdict}, not safe{why and f': {why}'}; --reason TEXT promotes it all the same"


def _answered(judged: Judged) -> bool:
    return judged.sample.answer is not None


def _first(judged: Judged) -> str:
    return judged.sample.calls[0].request.request_key if judged.sample.calls else ""


def _golden(flow: Flow, case: Case, samples: Sequence[Judged]) -> Golden:
    prompt: Prompt = flow.prompt
    return Golden(
        flow=flow.name,
        case=case.id,
        baseline=prompt.model,
        requests=tuple(call.request for call in samples[0].sample.calls),
        samples=tuple(samples),
        simulated=any(call.simulated for judged in samples for call in judged.sample.calls),
        contract_digest=contract_of(flow, prompt, bind_checks(flow, case)).digest,
    )


def _measured(row: Measurement) -> Measurement:
    return replace(row, cost_usd=None, source=Source.GOLDEN)
