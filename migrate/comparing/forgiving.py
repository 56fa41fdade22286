"""What reviewers decided of findings: tolerated ones pass for a while, rejected ones fail whatever they are.

A toleration is the only way past a broken contract. A tolerated finding stays in the rates of its rung, and is marked.
For the verdict its sample counts as one that keeps the contract, and is compared with the golden as if the tolerated
rungs had passed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from migrate.canonical import any_index
from migrate.comparing.samples import severity_first
from migrate.vocabulary import CaseId, CaseVerdict, Comparison, Finding, Judged, Rejection, Severity, Toleration

TOLERATION: Final = "toleration"
"""What `Finding.explained` says of a tolerated finding."""


def holding(
    tolerated: Iterable[Toleration], case: CaseId, candidate: str, today: dt.date | None
) -> tuple[Toleration, ...]:
    """Return the tolerations that hold for a case and candidate on a day; without a day none has expired."""
    return tuple(
        one
        for one in tolerated
        if (not one.cases or case in one.cases)
        and one.candidate in (None, candidate)
        and (today is None or dt.date.fromisoformat(one.expires) >= today)
    )


def lapsed(
    tolerated: Iterable[Toleration], case: CaseId, candidate: str, findings: Iterable[Finding], today: dt.date
) -> list[str]:
    """Return when the toleration of what is there again ended, and why it was; what something explains is not there."""
    shown = [found for found in findings if found.explained is None]
    over = (one for one in holding(tolerated, case, candidate, None) if dt.date.fromisoformat(one.expires) < today)
    again = [one for one in over if any(_covers(one, found) for found in shown)]
    return list(dict.fromkeys(f"the toleration ended on {one.expires}: {one.reason}" for one in again))


def outnumbered(
    tolerated: Iterable[Toleration], case: CaseId, candidate: str, findings: Iterable[Finding], today: dt.date | None
) -> list[str]:
    """Return which tolerations let nothing pass because more samples show the finding than they say."""
    shown = [found for found in findings if found.explained is None]
    words = []
    for one in holding(tolerated, case, candidate, today):
        samples = len({found.sample for found in shown if _covers(one, found)})
        if one.at_most is not None and samples > one.at_most:
            plural = "" if one.at_most == 1 else "s"
            bound = f"tolerated in at most {one.at_most} sample{plural} until {one.expires}"
            words.append(f"{bound}, seen in {samples}: {one.reason}")
    return list(dict.fromkeys(words))


def forgiven(samples: Sequence[Judged], held: Sequence[Toleration]) -> list[Judged]:
    """Return the samples with their tolerated contract findings marked; one with no other passes its rungs.

    A toleration that bounds its samples holds for none of them when more samples than that show the finding.
    """
    if not held:
        return list(samples)
    marked = excused([sample.findings for sample in samples], held)
    return [_forgiven(sample, tuple(findings)) for sample, findings in zip(samples, marked, strict=True)]


def excused(by_sample: Sequence[Sequence[Finding]], held: Sequence[Toleration]) -> list[list[Finding]]:
    """Return the findings, sample by sample, with the tolerated ones marked."""
    usable = [one for one in held if one.at_most is None or _showing(one, by_sample) <= one.at_most]
    return [[_marked(finding, usable) for finding in findings] for findings in by_sample]


def _showing(one: Toleration, by_sample: Iterable[Iterable[Finding]]) -> int:
    return sum(any(_covers(one, finding) for finding in findings) for findings in by_sample)


def _covers(one: Toleration, finding: Finding) -> bool:
    return finding.kind is one.kind and any_index(finding.path) == one.path


def _marked(finding: Finding, usable: Iterable[Toleration]) -> Finding:
    if finding.explained is None and any(_covers(one, finding) for one in usable):
        return replace(finding, explained=TOLERATION)
    return finding


def _forgiven(judged: Judged, findings: tuple[Finding, ...]) -> Judged:
    breaking = [finding.explained for finding in findings if finding.severity is Severity.BREAKING]
    if not breaking or None in breaking:
        return replace(judged, findings=findings)
    passed = {rung: passed if passed is None else True for rung, passed in judged.rungs.items()}
    return replace(judged, findings=findings, rungs=passed)


def rejected(rejections: Iterable[Rejection], candidate: str, findings: Iterable[Finding]) -> list[Rejection]:
    """Return the rejections of changes that are there again; a finding that something explains is not there."""
    shown = {(found.kind, any_index(found.path)) for found in findings if found.explained is None}
    return [one for one in rejections if one.candidate == candidate and not shown.isdisjoint(one.covers)]


def rejected_words(again: Iterable[Rejection]) -> list[str]:
    """Return who rejected what is there again, and why."""
    return list(dict.fromkeys(f"rejected by {one.reviewer or 'a reviewer'}: {one.reason}" for one in again))


def suspended(
    rejections: Iterable[Rejection],
    candidate: str,
    findings: Iterable[Finding],
    held: Sequence[Toleration],
    again: Sequence[Rejection],
) -> list[str]:
    """Return which rejections a toleration holds over: what was rejected is there, and passes until its last day.

    Those in `again` hold for something else of the case, and are told by themselves.
    """
    passed = {(found.kind, any_index(found.path)) for found in findings if found.explained == TOLERATION}
    words = []
    for one in rejections:
        days = [mine.expires for mine in held if (mine.kind, mine.path) in passed.intersection(one.covers)]
        if one.candidate == candidate and days:
            said = "" if one in again else f"rejected by {one.reviewer or 'a reviewer'}: {one.reason}; "
            words.append(f"{said}{'a part of it is ' if one in again else ''}tolerated until {max(days)} all the same")
    return list(dict.fromkeys(words))


def fails_for_a_rejection(comparison: Comparison) -> bool:
    """Say whether nothing broke, and a change that a reviewer rejected is there again."""
    open_ = {finding.severity for finding in comparison.findings if finding.explained is None}
    return comparison.verdict is CaseVerdict.BREAKING and Severity.DRIFT in open_ and Severity.BREAKING not in open_


def rejected_first(findings: Iterable[Finding], again: Iterable[Rejection]) -> tuple[Finding, ...]:
    """Return findings, of those alike in severity the rejected ones first: a case may fail for these alone."""
    covered = {change for one in again for change in one.covers}

    def place(found: Finding) -> tuple[int, bool]:
        there = found.explained is None and (found.kind, any_index(found.path)) in covered
        return severity_first(found), not there

    return tuple(sorted(findings, key=place)) if covered else tuple(findings)
