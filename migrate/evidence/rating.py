"""What people said of a flow's answers, weighed: a case counts once, however many rated it.

It stands beside the automatic verdicts, and never in their place: people saw a sample of the pairs that differ, and
their marks say nothing of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from migrate.evidence.weighing import Record
from migrate.reviewing import answer_digests, latest
from migrate.statistics import Differences, alpha_interval, krippendorff_alpha, lower_bound, upper_bound
from migrate.vocabulary import CaseId, CaseVerdict, FlowName, Golden, Rating

ALPHA: Final = 0.025
"""Each side of an interval of 95 %."""
FLAGGED: Final = frozenset({CaseVerdict.BREAKING, CaseVerdict.DRIFT})
WORTH: Final = {"candidate": 1, "tie": 0, "baseline": -1}
WIDEST: Final = 4
"""Points between the best and the worst mark."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over cases with its interval of 95 %; n is the number of cases."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree beyond chance: Krippendorff's alpha over the pairs that several rated."""

    alpha: float | None
    low: float | None
    high: float | None
    n: int
    """Pairs with two ratings or more."""


@dataclass(frozen=True, slots=True)
class CaseMarks:
    """One case as people saw it: means over its raters."""

    raters: tuple[str, ...]
    preference: float
    """Candidate preferred (1) or baseline (-1)."""
    baseline_correct: float
    """Mark from 1 to 5."""
    candidate_correct: float


@dataclass(frozen=True, slots=True)
class HumanEvidence:
    """One flow and candidate as people saw it."""

    flow: FlowName
    candidate: str
    cases: int
    """Cases rated, of the answers of this run."""
    of: int
    """Pairs that differ, from which the sample was drawn."""
    ratings: int
    raters: tuple[str, ...]
    preferred: Mapping[str, int]
    """Ratings by what was preferred: candidate, tie, baseline."""
    preference: Mean
    """Candidate preferred (1) or baseline (-1)."""
    baseline_correct: float
    """Mean mark over cases, 1 to 5."""
    candidate_correct: float
    correctness: Mean
    """The candidate's mark minus the baseline's."""
    agree_preference: Agreement
    agree_correctness: Agreement
    flagged: tuple[int, int]
    """Rated cases that the automatic verdict calls breaking or drift; and those of them that people call no worse."""
    passed: tuple[int, int]
    """Rated cases that it lets pass; and those of them that people call worse."""
    outdated: int
    """Ratings of other answers than this run's or today's golden's: not in any figure."""
    marks: Mapping[CaseId, CaseMarks]
    """The rated cases one by one."""


def weigh_ratings(
    current: Sequence[Rating], verdicts: Mapping[CaseId, CaseVerdict], outdated: int
) -> HumanEvidence | None:
    """Weigh the ratings of one flow and candidate; None without any. Each rater's last word on a pair is counted."""
    if not current:
        return None
    cases: dict[CaseId, list[Rating]] = {}
    for rating in current:
        cases.setdefault(rating.case, []).append(rating)
    marks = {case: _marks_of(mine) for case, mine in cases.items()}
    flagged = [one.preference for case, one in marks.items() if verdicts.get(case) in FLAGGED]
    passed = [one.preference for case, one in marks.items() if verdicts.get(case) not in FLAGGED]
    return HumanEvidence(
        flow=current[0].flow,
        candidate=current[0].candidate,
        cases=len(cases),
        of=max(one.of for one in current),
        ratings=len(current),
        raters=tuple(sorted({one.rater for one in current})),
        preferred={name: sum(one.preferred == name for one in current) for name in WORTH},
        preference=_mean([one.preference for one in marks.values()]),
        baseline_correct=fmean(one.baseline_correct for one in marks.values()),
        candidate_correct=fmean(one.candidate_correct for one in marks.values()),
        correctness=_mean([one.candidate_correct - one.baseline_correct for one in marks.values()], WIDEST),
        agree_preference=_agreement(
            [[float(WORTH[one.preferred]) for one in mine] for mine in cases.values()], "nominal"
        ),
        agree_correctness=_agreement([*_units(cases.values())], "ordinal"),
        flagged=(len(flagged), sum(worth >= 0 for worth in flagged)),
        passed=(len(passed), sum(worth < 0 for worth in passed)),
        outdated=outdated,
        marks=marks,
    )


def _marks_of(ratings: Sequence[Rating]) -> CaseMarks:
    return CaseMarks(
        raters=tuple(sorted({one.rater for one in ratings})),
        preference=fmean(WORTH[one.preferred] for one in ratings),
        baseline_correct=fmean(one.baseline_correct for one in ratings),
        candidate_correct=fmean(one.candidate_correct for one in ratings),
    )


def _units(cases: Iterable[Sequence[Rating]]) -> Iterable[list[float]]:
    """Yield the marks of each answer: a unit of its own, two a pair."""
    for mine in cases:
        yield [float(one.baseline_correct) for one in mine]
        yield [float(one.candidate_correct) for one in mine]


def _mean(values: Sequence[float], width: float = 1) -> Mean:
    """Return a mean of values from -width to width. Excess counts what is worse, so the bounds change places."""
    worse = Differences.counted(Counter(-value / width for value in values))
    low, high = -upper_bound(worse, ALPHA) * width, -lower_bound(worse, ALPHA) * width
    return Mean(fmean(values), low, high, len(values))


def _agreement(units: Sequence[Sequence[float]], scale: Literal["nominal", "ordinal"]) -> Agreement:
    interval, alpha = alpha_interval(units, scale), krippendorff_alpha(units, scale)
    low, high = interval or (None, None)
    return Agreement(alpha, low, high, sum(len(unit) > 1 for unit in units))


class Heard:
    """Gathers what people said of a run's answers while its records pass by."""

    def __init__(
        self,
        ratings: Callable[[FlowName], Iterable[Rating]],
        golden: Callable[[FlowName, CaseId], Golden | None],
    ) -> None:
        self._read = ratings
        self._golden = golden
        self._flows: dict[FlowName, dict[tuple[CaseId, str], list[Rating]]] = {}
        self._current: dict[tuple[FlowName, str], list[Rating]] = {}
        self._verdicts: dict[tuple[FlowName, str], dict[CaseId, CaseVerdict]] = {}
        self._outdated: Counter[tuple[FlowName, str]] = Counter()

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records unchanged."""
        for record in records:
            self._hear(record)
            yield record

    def _hear(self, record: Record) -> None:
        comparison = record.comparison
        mine = self._of_flow(comparison.flow).get((comparison.case, comparison.candidate))
        if not mine:
            return
        golden = self._golden(comparison.flow, comparison.case)
        before = answer_digests(golden.samples) if golden is not None else frozenset()
        after = answer_digests(record.samples)
        key = comparison.flow, comparison.candidate
        current = [one for one in mine if one.baseline_shown in before and one.candidate_shown in after]
        self._outdated[key] += len(mine) - len(current)
        if current:
            self._current.setdefault(key, []).extend(current)
            self._verdicts.setdefault(key, {})[comparison.case] = comparison.verdict

    def _of_flow(self, flow: FlowName) -> dict[tuple[CaseId, str], list[Rating]]:
        if flow not in self._flows:
            found = self._flows[flow] = {}
            for one in latest(self._read(flow)):
                found.setdefault((one.case, one.candidate), []).append(one)
        return self._flows[flow]

    def evidence(self) -> tuple[HumanEvidence, ...]:
        """Return what was heard, by flow and candidate."""
        weighed = (
            weigh_ratings(ratings, self._verdicts[key], self._outdated[key]) for key, ratings in self._current.items()
        )
        return tuple(one for one in weighed if one is not None)
