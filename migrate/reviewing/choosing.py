"""What a reviewer names (a group, a case, a path), and which open findings of which cases that means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrate.canonical import any_index
from migrate.reviewing.groups import fingerprint_of, group_id, open_findings
from migrate.reviewing.seen import seen_digest
from migrate.vocabulary import (
    CaseId,
    Comparison,
    Decision,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    JsonPath,
    Judged,
    Severity,
    Toleration,
)

Change = tuple[FindingKind, JsonPath]
"""A kind of finding, and where, list indices as `[*]`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reviewer named; everything that is set has to fit."""

    group: str | None = None
    case: CaseId | None = None
    path: JsonPath | None = None
    flow: FlowName | None = None
    candidate: str | None = None
    without: frozenset[CaseId] = frozenset()
    """All but these."""

    def takes(self, comparison: Comparison) -> bool:
        """Say whether a comparison is meant, whatever its findings are."""
        pairs = (
            (self.case, comparison.case),
            (self.flow, comparison.flow),
            (self.candidate, comparison.candidate),
        )
        return comparison.case not in self.without and all(wanted in (None, there) for wanted, there in pairs)


@dataclass(frozen=True, slots=True)
class Seen:
    """One case and candidate of the run that is reviewed."""

    comparison: Comparison
    samples: tuple[Judged, ...]
    """The candidate's samples."""
    base: str | None
    """Digest of the golden; None: there is none."""


@dataclass(slots=True)
class Said:
    """How far a word that was said of a group before goes."""

    cases: int = 0
    over: int = 0
    """Cases in which more samples show the change than a toleration lets pass."""
    most: int = 0
    """Samples of one of these that show it, at most."""


def chosen(cases: Iterable[Seen], choice: Choice, given: Decision) -> Iterator[Decision]:
    """Yield one decision a case and candidate that the choice names and that has something to decide.

    `given` holds what all of them share: verdict, reason, reviewer, time, bounds.
    """
    for seen in cases:
        found = seen.comparison
        if not choice.takes(found):
            continue
        decision = replace(
            given,
            flow=found.flow,
            case=found.case,
            candidate=found.candidate,
            base=seen.base,
            seen=seen_digest(seen.samples),
            group=choice.group,
            path=None if choice.path is None else any_index(choice.path),
        )
        if any(True for _ in meant(decision, found)):
            yield decision


def misnamed(cases: Sequence[Seen], choice: Choice, given: Decision) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what a choice names that is not there: its option, the name, and the names there are.

    A case that is left out has to be one that would be decided on otherwise; everything else has to be in the run. Of
    groups and places those are named that are open: there is nothing to say of the others.
    """
    if choice.without:
        would = {str(one.case) for one in chosen(cases, replace(choice, without=frozenset()), given)}
        if would:
            yield from (("except", name, tuple(sorted(would))) for name in sorted(choice.without - would))
    found = [seen.comparison for seen in cases]
    changes = [(one.flow, finding) for one in found for finding in one.findings]
    opened = [
        (one.flow, finding)
        for one in found
        for finding in open_findings(one)
        if finding.severity is not Severity.COSMETIC
    ]
    listed: dict[str, set[str]] = {
        "path": {any_index(finding.path) for _, finding in opened},
        "group": {group_id(fingerprint_of(*change)) for change in opened},
    }
    there: dict[str, tuple[str | None, set[str]]] = {
        "flow": (choice.flow, {one.flow for one in found}),
        "candidate": (choice.candidate, {one.candidate for one in found}),
        "case": (choice.case, {one.case for one in found if choice.flow in (None, one.flow)}),
        "path": (choice.path and any_index(choice.path), {any_index(finding.path) for _, finding in changes}),
    }
    if choice.group is not None:
        there["group"] = choice.group, {group_id(fingerprint_of(*change)) for change in changes}
    for option, (name, names) in there.items():
        if name is not None and name not in names:
            yield option, name, tuple(sorted(listed.get(option, names)))


def reopened(comparison: Comparison, golden: Golden | None, tolerated: Sequence[Toleration] | None) -> Comparison:
    """Return a comparison with those findings open again whose decision is gone, as where git took it back.

    `tolerated` is what the prompt file says today; without it tolerations are taken as they were counted.
    """

    def stands(finding: Finding) -> bool:
        change = finding.kind, any_index(finding.path)
        if finding.explained == "approval":
            return golden is None or any(not one.covers or change in one.covers for one in golden.approved)
        if finding.explained == "toleration" and tolerated is not None:
            return any(
                (one.kind, one.path) == change
                and (not one.cases or comparison.case in one.cases)
                and one.candidate in (None, comparison.candidate)
                for one in tolerated
            )
        return True

    gone = [finding for finding in comparison.findings if not stands(finding)]
    if not gone:
        return comparison
    findings = tuple(replace(one, explained=None) if one in gone else one for one in comparison.findings)
    return replace(comparison, findings=findings)


def meant(decision: Decision, comparison: Comparison) -> Iterator[Finding]:
    """Yield the findings a decision is about: those of its group, at its path, or all that are open."""
    for finding in open_findings(comparison):
        if finding.severity is Severity.COSMETIC:
            continue
        if decision.group is not None and group_id(fingerprint_of(comparison.flow, finding)) != decision.group:
            continue
        if decision.path in (None, any_index(finding.path)):
            yield finding


def showing(decision: Decision, comparison: Comparison) -> int:
    """Return in how many samples the change is seen that most of them show, of those a decision is about."""
    seen: dict[Change, set[int | None]] = {}
    for finding in meant(decision, comparison):
        seen.setdefault((finding.kind, any_index(finding.path)), set()).add(finding.sample)
    return max(map(len, seen.values()), default=0)


def changes_of(findings: Iterable[Finding]) -> tuple[Change, ...]:
    """Return the kinds and places of findings, each once, sorted."""
    return tuple(sorted({(finding.kind, any_index(finding.path)) for finding in findings}))
