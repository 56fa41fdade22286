"""What people said, weighed: a case counts once, old answers are left out, and n and interval are always there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from migrate.evidence.rating import HumanEvidence, weigh_ratings
from migrate.reviewing import latest
from migrate.vocabulary import CaseId, CaseVerdict, FlowName, Rating

ONE = Rating(FlowName("refund"), CaseId("a"), "gpt-4.1", "ada", "candidate", 3, 5, "baseline", "b", "c", 0, 30, 212)
VERDICTS = {CaseId("a"): CaseVerdict.DRIFT, CaseId("b"): CaseVerdict.SAME, CaseId("c"): CaseVerdict.BREAKING}


def rated(case: str, rater: str, preferred: str, before: int, after: int) -> Rating:
    return replace(
        ONE,
        case=CaseId(case),
        rater=rater,
        preferred=preferred,  # type: ignore[arg-type]
        baseline_correct=before,
        candidate_correct=after,
    )


def weighed(*ratings: Rating) -> HumanEvidence:
    found = weigh_ratings(ratings, VERDICTS, 2)
    assert found is not None
    return found


def test_a_case_counts_once_however_many_rated_it() -> None:
    """Three raters of one case and one of another: two cases, and the mean is that of their means."""
    found = weighed(
        *(rated("a", name, "candidate", 3, 5) for name in ("ada", "bob", "cyd")), rated("b", "ada", "baseline", 5, 3)
    )
    assert (2, 4, 2) == (found.cases, found.ratings, found.preference.n)
    assert (0.0, 0.0) == (found.preference.mean, found.correctness.mean)
    assert {"candidate": 3, "tie": 0, "baseline": 1} == found.preferred
    assert ("ada", "bob", "cyd") == found.raters
    assert (212, 2) == (found.of, found.outdated)


def test_a_rating_that_was_taken_back_is_none() -> None:
    """The last word of a rater counts: a withdrawal ends it, and what is said after that counts again."""
    said, back = rated("a", "ada", "candidate", 3, 5), replace(rated("a", "ada", "candidate", 3, 5), withdrawn=True)
    again, other = rated("a", "ada", "tie", 4, 4), rated("a", "bob", "baseline", 5, 3)
    assert [other] == [*latest([said, other, back])]
    assert [again, other] == sorted(latest([said, back, other, again]), key=lambda one: one.rater)


def test_automatic_verdicts_stand_beside() -> None:
    """How many cases the rules flag, of those how many people find no worse; how many they pass, and the worse ones."""
    found = weighed(
        rated("a", "ada", "tie", 4, 4), rated("c", "ada", "baseline", 5, 1), rated("b", "ada", "baseline", 5, 4)
    )
    assert ((2, 1), (1, 1)) == (found.flagged, found.passed)


def test_with_many_cases_the_interval_is_student_s() -> None:
    """Of marks as of preferences: scipy's interval of the mean, on the marks' own scale."""
    marks = [(3, 4), (4, 4), (5, 3), (2, 4), (4, 5)] * 40
    found = weighed(*(rated(f"n{i}", "ada", "tie", before, after) for i, (before, after) in enumerate(marks)))
    values = [after - before for before, after in marks]
    low, high = stats.t.interval(0.95, len(values) - 1, loc=0.4, scale=stats.sem(values))
    assert (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02)) == (
        found.correctness.low,
        found.correctness.high,
    )


def test_a_few_that_agree_prove_little() -> None:
    """Five ties leave an interval that is wide, where a deviation of 0 would leave none at all."""
    found = weighed(*(rated(f"n{i}", "ada", "tie", 4, 4) for i in range(5)))
    assert 0.0 == found.preference.mean
    assert found.preference.low < -0.4
    assert found.preference.high > 0.4


def test_agreement_wants_two_raters() -> None:
    """Alone nobody agrees with anybody; two who always agree on things that differ have an alpha of 1."""
    assert (None, 0) == (weighed(ONE).agree_preference.alpha, weighed(ONE).agree_preference.n)
    both = [
        rated(f"n{i}", name, preferred, mark, 6 - mark)
        for i, (preferred, mark) in enumerate([("candidate", 1), ("tie", 3), ("baseline", 5)] * 5)
        for name in ("ada", "bob")
    ]
    found = weighed(*both)
    assert (1.0, 15, 30) == (found.agree_preference.alpha, found.agree_preference.n, found.agree_correctness.n)
    assert (1.0, 1.0) == (found.agree_correctness.low, found.agree_correctness.high)


def test_nobody_asked_is_no_evidence() -> None:
    """Without a rating of these answers there is none, and not a zero."""
    assert weigh_ratings([], VERDICTS, 3) is None
