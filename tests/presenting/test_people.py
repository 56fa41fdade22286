"""What people said of answers, in words: plain, with n, and unknown where nobody can know."""

from __future__ import annotations

from dataclasses import replace

from migrate.evidence.rating import Agreement, HumanEvidence, Mean
from migrate.presenting.people import people_lines
from migrate.vocabulary import FlowName

NOBODY = Agreement(None, None, None, 0)
HEARD = HumanEvidence(
    flow=FlowName("refund"),
    candidate="gpt-4.1",
    raters=("ada", "bob"),
    cases=3,
    of=7,
    ratings=4,
    preferred={"candidate": 2, "tie": 1, "baseline": 0},
    preference=Mean(0.67, 0.1, 1.0, 3),
    baseline_correct=3.0,
    candidate_correct=4.0,
    correctness=Mean(1.0, 0.2, 1.8, 3),
    agree_preference=NOBODY,
    agree_correctness=NOBODY,
    flagged=(2, 1),
    passed=(1, 0),
    outdated=0,
    marks={},
)


def said(one: HumanEvidence) -> str:
    return " ".join(" ".join(people_lines([one], 80)).split())


def test_how_far_raters_agree_is_said_in_plain_words() -> None:
    """No letter of statistics, no bare n: on what, how far, over how many pairs; unknown where one alone rated."""
    assert "raters agree: not known, no pair was rated by two;" in said(HEARD)
    both = replace(
        HEARD, agree_preference=Agreement(0.62, 0.3, 0.8, 12), agree_correctness=Agreement(None, None, None, 1)
    )
    assert (
        "raters agree, 0 is chance and 1 always: on preference 0.62 [0.30, 0.80] (12 pairs), "
        "on marks not known (1 pair rated by two);"
    ) in said(both)
    assert "alpha" not in said(both)
