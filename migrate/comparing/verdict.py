"""A case judged: baseline and candidate samples side by side, the findings, and the verdict that follows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Final

from migrate.comparing.agreement import Note
from migrate.comparing.contract import Contract
from migrate.comparing.documents import Comparer, Document, Group, document_of, document_of_answer, texts_of
from migrate.comparing.facts import names_in
from migrate.comparing.ladder import judge
from migrate.comparing.paths import ANSWER, TOOL_CALLS, brief, write_path
from migrate.comparing.tools import Names, judge_names, names_of
from migrate.comparing.wording import is_refusal, language_of
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    Json,
    JsonPath,
    Judged,
    Rate,
    Rung,
    RungRates,
    Severity,
)

MAX_LISTED: Final = 200
"""Agreement findings listed for one sample; the rest are counted in a last one."""
_UNMEASURED: Final = "; noise is unmeasured, the golden holds one sample"


# --- The verdict of a case ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the verdict of a case follows from."""

    golden: bool = True
    stale: bool = False
    replied: bool = True
    """Every planned candidate sample has an answer."""
    baseline: Fraction = Fraction(1)
    """Share of the baseline's samples that keep the contract."""
    candidate: Fraction = Fraction(1)
    drift: bool = False
    """An unexplained drift finding in at least one candidate sample."""
    approved: bool = False
    """An approval explains a finding."""
    same: bool = True
    """Every candidate sample is canonically equal to a baseline one."""


def case_verdict(standing: Standing) -> CaseVerdict:
    """Return the verdict of a case: the first that holds, in the order of the semantics."""
    if not standing.golden:
        return CaseVerdict.NO_GOLDEN
    if standing.stale:
        return CaseVerdict.STALE_GOLDEN
    if not standing.replied:
        return CaseVerdict.NO_REPLY
    if 0 < standing.baseline < 1 and standing.candidate >= standing.baseline:
        return CaseVerdict.UNSTABLE_BASELINE
    if standing.candidate < standing.baseline:
        return CaseVerdict.BREAKING
    if standing.candidate > standing.baseline:
        return CaseVerdict.IMPROVED
    if standing.candidate == 0:
        return CaseVerdict.CONTRACT_NOT_KEPT
    return _agreement_verdict(standing)


def _agreement_verdict(standing: Standing) -> CaseVerdict:
    if standing.drift:
        return CaseVerdict.DRIFT
    if standing.approved:
        return CaseVerdict.ACCEPTED
    return CaseVerdict.SAME if standing.same else CaseVerdict.WITHIN_NOISE


# --- The baseline ---------------------------------------------------------------------------------------------------


class Baseline:
    """A golden as today's contract sees it: its samples, and what they make right for a candidate."""

    def __init__(self, contract: Contract, golden: Golden, today: dt.date | None, inputs: Callable[[], str]) -> None:
        self.contract: Final = contract
        self.golden: Final = golden
        self.rejudged: Final = golden.contract_digest != contract.digest
        stored = [sample for sample in golden.samples if sample.sample.answer is not None]
        self._stored: Final = [judge(contract, sample.sample) for sample in stored] if self.rejudged else stored
        self._today: Final = today
        self._inputs: Final = inputs

    @cached_property
    def samples(self) -> list[Judged]:
        """The golden's samples, judged by the prompt and by each other."""
        return [self.expecting(sample) for sample in self._stored]

    @cached_property
    def _refuses(self) -> bool:
        """True when every sample is a refusal in plain words: then that is what production says today."""
        return all(is_refusal(_text(sample)) for sample in self._stored)

    @cached_property
    def _tools(self) -> tuple[Names, ...]:
        calls = [sample.sample.answer.tool_calls for sample in self._stored if sample.sample.answer is not None]
        return tuple(sorted({names_of(group) for group in calls})) if self.contract.tools_from_golden else ()

    def expecting(self, judged: Judged) -> Judged:
        """Return a judged sample with what the golden makes right: the tools called, and an answer, not a refusal."""
        found = [*self._unexpected_tools(judged), *self._unexpected_refusal(judged)]
        if not found:
            return judged
        rungs = {**judged.rungs, **dict.fromkeys((finding.rung for finding in found), False)}
        return replace(judged, rungs=rungs, findings=(*judged.findings, *found))

    def _unexpected_tools(self, judged: Judged) -> list[Finding]:
        answer = judged.sample.answer
        if answer is None or self.contract.tools is None:
            return []
        return judge_names(self._tools, answer.tool_calls, "golden", self.contract.tools.arguments)

    def _unexpected_refusal(self, judged: Judged) -> list[Finding]:
        text = _text(judged)
        if judged.rungs.get(Rung.ANSWERED) is False or not is_refusal(text) or self._refuses:
            return []
        words = "the model refused in plain words, where the baseline answers"
        kind, severity = FindingKind.REFUSED, Severity.BREAKING
        return [Finding(Rung.ANSWERED, kind, severity, JsonPath(ANSWER), words, None, brief(text), "golden")]

    # --- agreement

    @cached_property
    def _comparer(self) -> Comparer:
        rules = self.contract.rules
        return Comparer(
            self.contract, rules.root(ANSWER, self._today), rules.root(TOOL_CALLS, self._today), self._names
        )

    def _names(self) -> frozenset[str]:
        text = self._inputs()
        return names_in(text, nouns_are_capitalised=language_of(text) == "German")

    @cached_property
    def documents(self) -> list[Document | None]:
        """One document a sample, the same object for equal texts; None for samples that cannot be compared."""
        made: dict[Json, Document | None] = {}
        documents: list[Document | None] = []
        for sample in self.samples:
            if sample.sample.answer is None or not _comparable(sample):
                documents.append(None)
                continue
            key = texts_of(sample.sample.answer)
            if key not in made:
                made[key] = document_of(self.contract.parse, sample)
            documents.append(made[key])
        return documents

    @cached_property
    def texts(self) -> frozenset[Json]:
        """The texts of all comparable samples: a candidate with one of them is the same without a look inside."""
        answers = (sample.sample.answer for sample in self.samples if _comparable(sample))
        return frozenset(texts_of(answer) for answer in answers if answer is not None)

    @cached_property
    def group(self) -> Group | None:
        """All comparable samples, with the approved answers; None when there are none."""
        documents = [document for document in self.documents if document is not None]
        answers = (document_of_answer(self.contract.parse, approval.answer) for approval in self.golden.approved)
        approved = [answer for answer in answers if answer is not None]
        return Group(self._comparer, documents, approved) if documents else None

    def leave_one_out(self) -> tuple[bool, ...]:
        """Return, sample by sample, whether it agrees with the others; empty with fewer than two samples."""
        if len(self.samples) < 2:
            return ()
        if len(self.texts) == 1 and all(map(_comparable, self.samples)):
            return (True,) * len(self.samples)
        return tuple(self._agrees(index) for index in range(len(self.samples)))

    def _agrees(self, index: int) -> bool:
        own, group = self.documents[index], self.group
        return own is not None and group is not None and group.agrees_without_itself(own)

    @property
    def call_counts(self) -> frozenset[int]:
        """How many calls a sample of this flow makes; empty when the golden does not say."""
        return frozenset(len(sample.sample.calls) for sample in self.samples if sample.sample.calls)


def _text(judged: Judged) -> str | None:
    answer = judged.sample.answer
    return None if answer is None or answer.tool_calls else answer.text


def _comparable(judged: Judged) -> bool:
    return judged.rungs.get(Rung.ANSWERED) is not False and judged.rungs.get(Rung.PARSED) is not False


def leave_one_out(contract: Contract, golden: Golden, *, today: dt.date | None = None) -> tuple[bool, ...]:
    """Return whether each baseline sample agrees with the others, in the order of the golden's samples.

    This is the baseline's own agreement, which a candidate's is held against. Empty with fewer than two samples:
    one sample has nobody to agree with. Without a day every rule holds.
    """
    return Baseline(contract, golden, today, lambda: _input_text(golden, ())).leave_one_out()


# --- A candidate ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Agreement:
    """Rung 6 of one candidate sample."""

    agrees: bool
    same: bool
    findings: tuple[Finding, ...] = ()


def _agreement(baseline: Baseline, judged: Judged) -> _Agreement:
    answer = judged.sample.answer
    counts = _call_count(baseline, judged)
    if answer is not None and texts_of(answer) in baseline.texts and _comparable(judged):
        return _Agreement(not counts, not counts, counts)
    document = document_of(baseline.contract.parse, judged)
    group = baseline.group
    if document is None or group is None:
        return _Agreement(False, False, counts)
    if group.find(document) is not None:
        return _Agreement(not counts, not counts, counts)
    weighed = [*group.notes(document)]
    if judged.rungs.get(Rung.TOOLS) is False:  # which tools were called is said on rung 4
        said_there = (FindingKind.MISSING_TOOL_CALL, FindingKind.UNEXPECTED_TOOL_CALL)
        kept = [(note, why) for note, why in weighed if note.kind not in said_there]
    else:
        kept = weighed
    agrees = not any(note.counts and why is None for note, why in weighed) and not counts
    findings = [_finding(note, why, judged, measured=group.measured) for note, why in kept]
    return _Agreement(agrees, False, (*counts, *_listed(findings)))


def _call_count(baseline: Baseline, judged: Judged) -> tuple[Finding, ...]:
    made, usual = len(judged.sample.calls), baseline.call_counts
    if not made or not usual or made in usual:
        return ()
    words = f"{made} calls, was {' or '.join(str(count) for count in sorted(usual))}"
    kind, expected = FindingKind.CALL_COUNT_CHANGED, min(usual) if len(usual) == 1 else sorted(usual)
    path = JsonPath(ANSWER)
    return (
        Finding(Rung.AGREEMENT, kind, Severity.DRIFT, path, words, expected, made, "golden", None, judged.sample.index),
    )


def _finding(note: Note, why: str | None, judged: Judged, *, measured: bool) -> Finding:
    words = note.message if measured or not note.counts or why is not None else note.message + _UNMEASURED
    what = (note.kind, note.severity, write_path(note.shown), words, note.expected, note.actual)
    return Finding(Rung.AGREEMENT, *what, rule=note.rule, explained=why, sample=judged.sample.index)


def _listed(findings: list[Finding]) -> list[Finding]:
    if len(findings) <= MAX_LISTED:
        return findings
    findings.sort(key=_worst_first)
    rest = findings[MAX_LISTED:]
    words = f"{len(rest)} more differences are not listed"
    last = replace(rest[0], path=JsonPath(ANSWER), message=words, expected=None, actual=None)
    return [*findings[:MAX_LISTED], last]


_SEVERITIES: Final = {severity: rank for rank, severity in enumerate(Severity)}
_RUNGS: Final = {rung: rank for rank, rung in enumerate(Rung)}


def _worst_first(finding: Finding) -> tuple[int, bool, int, str, str, int, str]:
    severity, rung = _SEVERITIES[finding.severity], _RUNGS[finding.rung]
    explained = finding.explained is not None
    return severity, explained, rung, finding.path, finding.kind.value, finding.sample or 0, finding.message


# --- The comparison -------------------------------------------------------------------------------------------------


def compare(
    contract: Contract,
    golden: Golden | None,
    samples: Sequence[Judged],
    *,
    candidate: str,
    flow: FlowName,
    case: CaseId,
    today: dt.date,
    planned: int,
    stale: str = "",
) -> Comparison:
    """Compare a candidate's samples with the golden of a case and return the verdict with every finding.

    `planned` is how many samples the candidate owes; samples without an answer are missing ones, and totals of rates
    are the samples that have one. `stale` says why the golden no longer fits the prompt, and is empty when it does.
    The baseline's agreement rate is its leave-one-out agreement, 0 of 0 for a golden of one sample.
    """
    judged = [sample for sample in samples if sample.sample.answer is not None]
    unjudged = tuple(dict.fromkeys(reason for sample in judged for reason in sample.unjudged))
    recorded = golden is not None and any(sample.sample.answer is not None for sample in golden.samples)
    if golden is None or not recorded or stale:
        verdict = case_verdict(Standing(golden=recorded, stale=bool(stale)))
        note = stale or "no golden: nothing was recorded for this case"
        name = "" if golden is None else golden.baseline
        rungs = _contract_rates(contract, [], judged)
        return Comparison(flow, case, name, candidate, verdict, _findings(judged, []), rungs, False, unjudged, note)
    baseline = Baseline(contract, golden, today, lambda: _input_text(golden, judged))
    judged = [baseline.expecting(sample) for sample in judged]
    agreements = [_agreement(baseline, sample) for sample in judged]
    missing = _missing(samples, planned)
    shares = _kept(baseline.samples), _kept(judged)
    standing = Standing(
        replied=not missing and bool(judged),
        baseline=shares[0],
        candidate=shares[1],
        drift=any(_drifts(agreement) for agreement in agreements),
        approved=any(found.explained == "approval" for agreement in agreements for found in agreement.findings),
        same=all(agreement.same for agreement in agreements),
    )
    verdict = case_verdict(standing)
    rungs = _contract_rates(contract, baseline.samples, judged)
    if verdict is not CaseVerdict.CONTRACT_NOT_KEPT:
        rungs[Rung.AGREEMENT] = _agreement_rates(baseline, agreements)
    findings = _findings(judged, [found for agreement in agreements for found in agreement.findings])
    measured = len(baseline.samples) > 1
    note = "; ".join(_remarks(baseline, missing, standing))
    return Comparison(flow, case, golden.baseline, candidate, verdict, findings, rungs, measured, unjudged, note)


def _drifts(agreement: _Agreement) -> bool:
    return not agreement.agrees


def _kept(samples: Sequence[Judged]) -> Fraction:
    return Fraction(sum(sample.kept for sample in samples), len(samples)) if samples else Fraction(0)


def _missing(samples: Sequence[Judged], planned: int) -> str:
    """Return how many planned answers are missing and why, empty when none is."""
    answered = sum(sample.sample.answer is not None for sample in samples)
    if answered >= planned:
        return ""
    faults = [sample.sample.no_reply for sample in samples if sample.sample.answer is None]
    kinds = Counter(fault.kind.value for fault in faults if fault is not None)
    reasons = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items())) or "never asked"
    return f"{planned - answered} of {planned} planned answers are missing: {reasons}"


def _remarks(baseline: Baseline, missing: str, standing: Standing) -> Iterator[str]:
    if missing:
        yield missing
    if baseline.rejudged:
        yield "the golden was judged again, on redacted text: the contract has changed since it was recorded"
    if 0 < standing.baseline < 1:
        kept = sum(sample.kept for sample in baseline.samples)
        yield f"the baseline itself keeps the contract in {kept} of {len(baseline.samples)} samples"


def _findings(judged: Sequence[Judged], agreement: Sequence[Finding]) -> tuple[Finding, ...]:
    contract = (replace(found, sample=sample.sample.index) for sample in judged for found in sample.findings)
    return tuple(sorted([*contract, *agreement], key=_worst_first))


def _contract_rates(
    contract: Contract, baseline: Sequence[Judged], candidate: Sequence[Judged]
) -> dict[Rung, RungRates | None]:
    rates: dict[Rung, RungRates | None] = {}
    for rung in CONTRACT_RUNGS:
        rates[rung] = RungRates(_rate(baseline, rung), _rate(candidate, rung)) if contract.promises(rung) else None
    rates[Rung.AGREEMENT] = None
    return rates


def _rate(samples: Sequence[Judged], rung: Rung) -> Rate:
    results = [sample.rungs.get(rung) for sample in samples]
    return Rate(results.count(True), len(results) - results.count(None))


def _agreement_rates(baseline: Baseline, candidate: Sequence[_Agreement]) -> RungRates:
    own = baseline.leave_one_out()
    return RungRates(Rate(sum(own), len(own)), Rate(sum(sample.agrees for sample in candidate), len(candidate)))


# --- The input of a case --------------------------------------------------------------------------------------------


def _input_text(golden: Golden, samples: Sequence[Judged]) -> str:
    """Return what was asked in the user's own words: the full request of a sample, else what the golden keeps of it."""
    live = [call.request.body for sample in samples[:1] for call in sample.sample.calls[:1]]
    bodies = [*live, *(request.body for request in golden.requests[:1])]
    texts = ("\n".join(_user_texts(body)) for body in bodies)
    return next((text for text in texts if text), "")


def _user_texts(body: Mapping[str, Json]) -> Iterator[str]:
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, str):
        yield messages
        return
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") in ("user", "tool"):
            yield from _texts_of_content(message.get("content"))


def _texts_of_content(content: Json) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
