"""Tolerations as decisions write them: what a prompt file is to let pass, until when, in the place of which others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from migrate.reviewing.choosing import changes_of, showing
from migrate.vocabulary import CaseId, Comparison, Decision, Finding, Toleration


def tolerations_of(decision: Decision, findings: Sequence[Finding]) -> Iterator[Toleration]:
    for kind, path in changes_of(findings):
        yield Toleration(
            kind=kind,
            path=path,
            reason=decision.reason,
            expires=decision.expires or "",
            cases=(decision.case,),
            candidate=decision.candidate,
            at_most=decision.at_most,
            reviewer=decision.reviewer,
        )


def outnumbered(decision: Decision, comparison: Comparison) -> str:
    """Return what is said of a toleration that is bound to fewer samples than show the change; empty where it holds."""
    bound, samples = decision.at_most, showing(decision, comparison)
    if bound is None or samples <= bound:
        return ""
    said = f"tolerated in at most {bound} {'sample' if bound == 1 else 'samples'}, seen in {samples}"
    return f"{said}: the next run still fails; --at-most {samples} lets it pass"


def still_tolerated(decision: Decision, findings: Iterable[Finding], tolerated: Sequence[Toleration]) -> str:
    """Return why a rejection would do nothing: the prompt file lets the change pass."""
    if decision.verdict != "reject":
        return ""
    changes, day = changes_of(findings), decision.at[:10]
    for one in tolerated:
        mine = (not one.cases or decision.case in one.cases) and one.candidate in (None, decision.candidate)
        if mine and one.at_most is None and one.expires >= day and (one.kind, one.path) in changes:
            return f"the prompt file tolerates it until {one.expires}: take that entry out first"
    return ""


def is_among(one: Toleration, known: Iterable[Toleration]) -> bool:
    """Say whether a toleration is part of another one."""
    return any(
        (other.kind, other.path, other.expires, other.at_most) == (one.kind, one.path, one.expires, one.at_most)
        and other.candidate in (None, one.candidate)
        and (not other.cases or set(one.cases) <= set(other.cases))
        for other in known
    )


def superseded(new: Iterable[Toleration], known: Iterable[Toleration]) -> Iterator[Toleration]:
    """Yield the earlier tolerations, as of the one case, of the changes that new ones are about.

    One for all cases or for every candidate is a rule that somebody wrote by hand, and stays.
    """
    scopes = {(one.kind, one.path, one.candidate): one.cases for one in new}
    for other in known:
        cases = scopes.get((other.kind, other.path, other.candidate))
        if cases is not None and set(cases) <= set(other.cases):
            yield replace(other, cases=cases, place=None)


def joined(tolerated: Iterable[Toleration]) -> tuple[Toleration, ...]:
    """Return tolerations that differ in their cases alone as one, in the order they came."""
    together: dict[Toleration, dict[CaseId, None]] = {}
    for one in tolerated:
        together.setdefault(replace(one, cases=()), {}).update(dict.fromkeys(one.cases))
    return tuple(replace(one, cases=tuple(cases)) for one, cases in together.items())
