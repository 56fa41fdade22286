"""The verdict of a case: one policy, the first that holds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from migrate.vocabulary import CaseVerdict


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
    """An approval or a toleration explains a finding."""
    rejected: bool = False
    """A reviewer rejected a change that is there again."""
    same: bool = True
    """Every candidate sample is canonically equal to a baseline one."""

    @property
    def is_mixed(self) -> bool:
        """True for a baseline of which some samples keep the contract and some do not."""
        return 0 < self.baseline.numerator < self.baseline.denominator


def case_verdict(standing: Standing) -> CaseVerdict:
    """Return the verdict of a case: the first that holds, in the order of the semantics."""
    if not standing.golden:
        return CaseVerdict.NO_GOLDEN
    if standing.stale:
        return CaseVerdict.STALE_GOLDEN
    if not standing.replied:
        return CaseVerdict.NO_REPLY
    if standing.is_mixed and standing.candidate >= standing.baseline:
        return CaseVerdict.UNSTABLE_BASELINE
    if standing.candidate < standing.baseline:
        return CaseVerdict.BREAKING
    if standing.candidate > standing.baseline:
        return CaseVerdict.IMPROVED
    if standing.candidate == 0:
        return CaseVerdict.CONTRACT_NOT_KEPT
    return _agreement_verdict(standing)


def _agreement_verdict(standing: Standing) -> CaseVerdict:
    if standing.rejected:
        return CaseVerdict.BREAKING
    if standing.drift:
        return CaseVerdict.DRIFT
    if standing.approved:
        return CaseVerdict.ACCEPTED
    return CaseVerdict.SAME if standing.same else CaseVerdict.WITHIN_NOISE
