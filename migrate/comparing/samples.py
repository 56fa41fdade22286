"""Rung 6 of one sample: how a candidate's answer agrees with the golden, difference by difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from migrate.comparing.baselines import Baseline, comparable
from migrate.comparing.documents import document_of, texts_of
from migrate.comparing.notes import Note
from migrate.comparing.paths import ANSWER, write_path
from migrate.vocabulary import Finding, FindingKind, JsonPath, Judged, Rung, Severity

MAX_LISTED: Final = 200
"""Agreement findings listed for one sample; the rest are counted in a last one."""
_UNMEASURED: Final = "; noise is unmeasured, the golden holds one sample"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rung 6 of one candidate sample."""

    agrees: bool
    same: bool
    findings: tuple[Finding, ...] = ()
    groups: int = 0
    """How many of the goldens that lack one sample it agrees with."""


def agreement_of(baseline: Baseline, judged: Judged, strictly: Judged) -> Agreement:
    """Return rung 6 of a sample; `strictly` is the sample before tolerated findings were let pass."""
    answer = judged.sample.answer
    counts = _call_count(baseline, judged)
    if answer is not None and texts_of(answer) in baseline.texts and comparable(judged):
        return _equal(baseline.groups_with(answer), counts)
    document = document_of(baseline.contract.parse, judged)
    group = baseline.group
    if document is None or group is None:
        return Agreement(False, False, counts)
    if group.find(document) is not None:
        return _equal(baseline.groups_without_one(document), counts)
    weighed = [*group.notes(document)]
    if strictly.rungs.get(Rung.TOOLS) is False:  # which tools were called is said on rung 4
        said_there = (FindingKind.MISSING_TOOL_CALL, FindingKind.UNEXPECTED_TOOL_CALL)
        kept = [(note, why) for note, why in weighed if note.kind not in said_there]
    else:
        kept = weighed
    agrees = not any(note.counts and why is None for note, why in weighed) and not counts
    findings = [_finding(note, why, judged, measured=group.measured) for note, why in kept]
    # What a reviewer accepted agrees with the golden, whichever of its samples there are.
    approved = any(why == "approval" for _, why in weighed)
    groups = 0 if not agrees else len(baseline.samples) if approved else baseline.groups_without_one(document)
    return Agreement(agrees, False, (*counts, *_listed(findings)), groups)


def _equal(groups: int, counts: tuple[Finding, ...]) -> Agreement:
    """Return the agreement of a sample that equals one of the golden's."""
    return Agreement(False, False, counts) if counts else Agreement(True, True, (), groups)


def _call_count(baseline: Baseline, judged: Judged) -> tuple[Finding, ...]:
    made, usual = len(judged.sample.calls), baseline.call_counts
    if not made or not usual or made in usual or not baseline.contract.counts_calls:
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
    findings.sort(key=worst_first)
    rest = findings[MAX_LISTED:]
    words = f"{len(rest)} more differences are not listed"
    last = replace(rest[0], path=JsonPath(ANSWER), message=words, expected=None, actual=None)
    return [*findings[:MAX_LISTED], last]


_SEVERITIES: Final = {severity: rank for rank, severity in enumerate(Severity)}
_RUNGS: Final = {rung: rank for rank, rung in enumerate(Rung)}


def severity_first(finding: Finding) -> int:
    """Return the place of a finding's severity: breaking before drift before cosmetic."""
    return _SEVERITIES[finding.severity]


def worst_first(finding: Finding) -> tuple[int, bool, int, str, str, int, str]:
    severity, rung = _SEVERITIES[finding.severity], _RUNGS[finding.rung]
    explained = finding.explained is not None
    return severity, explained, rung, finding.path, finding.kind.value, finding.sample or 0, finding.message
