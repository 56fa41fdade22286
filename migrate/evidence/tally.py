"""The scores of a flow's cases, counted as they come: equal cases are one entry, so that many weigh little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from migrate.statistics import Differences
from migrate.vocabulary import CaseId, CaseVerdict, Comparison, RungRates

UNKNOWN = "judged by an older version"


class Counts(NamedTuple):
    """What one case says of one metric, in samples; of agreement, in pairs of a sample and a golden that lacks one."""

    good: int
    """Of the baseline."""
    total: int
    candidate_good: int
    candidate_total: int
    owed: int
    """What the candidate's total would be if no answer were missing."""

    @property
    def baseline(self) -> float:
        return self.good / self.total

    @property
    def candidate(self) -> float | None:
        """Share of the answers there are; None where there is none."""
        return self.candidate_good / self.candidate_total if self.candidate_total else None

    @property
    def seen(self) -> float | None:
        return None if self.candidate is None else self.baseline - self.candidate

    @property
    def worst(self) -> float:
        """The excess with every missing answer bad."""
        return self.baseline - self.candidate_good / self.owed

    @property
    def best(self) -> float:
        """The excess with every missing answer good."""
        return self.baseline - (self.candidate_good + self.owed - self.candidate_total) / self.owed


class Scale:
    """One metric of one flow against one candidate."""

    def __init__(self) -> None:
        self.cases: Counter[Counts] = Counter()
        self.missing = 0

    def add(self, rates: RungRates, planned: int, answered: int) -> None:
        """Add a case: `planned` and `answered` are samples, the candidate's rate may count each several times."""
        each = rates.candidate.total // answered if answered else 1
        owed = each * planned
        before, after = rates.baseline, rates.candidate
        self.cases[Counts(before.passed, before.total, after.passed, after.total, owed)] += 1
        self.missing += planned - answered

    @property
    def n(self) -> int:
        return self.cases.total()

    def differences(self, of: Callable[[Counts], float | None]) -> Differences:
        """Return the cases by one of their differences; those that have none left out."""
        found: Counter[float] = Counter()
        for counts, cases in self.cases.items():
            value = of(counts)
            if value is not None:
                found[round(value, 12)] += cases
        return Differences.counted(found)

    def count(self, holds: Callable[[Counts], bool]) -> int:
        """Return in how many cases something holds."""
        return sum(cases for counts, cases in self.cases.items() if holds(counts))

    def mean(self, of: Callable[[Counts], float | None]) -> float | None:
        """Return the mean of a figure over the cases that have it."""
        known = [(value, cases) for counts, cases in self.cases.items() if (value := of(counts)) is not None]
        return sum(value * cases for value, cases in known) / sum(cases for _, cases in known) if known else None


class Tally:
    """What the cases of one flow say about one candidate."""

    def __init__(self) -> None:
        self.contract = Scale()
        self.agreement = Scale()
        self.excluded: dict[str, list[CaseId]] = {}
        self.unmeasured = 0
        """Cases whose golden holds one sample, so that nobody knows how the baseline agrees with itself."""
        self.unkept = 0
        """Cases in which neither side ever keeps the contract, so that agreement is not asked."""
        self.cases = 0

    def add(self, comparison: Comparison) -> None:
        self.cases += 1
        scores = comparison.scores
        if scores is None:
            self.excluded.setdefault(_why(comparison.verdict), []).append(comparison.case)
            return
        answered = scores.contract.candidate.total
        self.contract.add(scores.contract, scores.planned, answered)
        if scores.agreement is not None:
            self.agreement.add(scores.agreement, scores.planned, answered)
        elif comparison.noise_measured:
            self.unkept += 1
        else:
            self.unmeasured += 1


def _why(verdict: CaseVerdict) -> str:
    if verdict in (CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_REPLY):
        return verdict.value.replace("_", " ")
    return UNKNOWN
