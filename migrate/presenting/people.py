"""What people said of answers, in words and as JSON: always beside what the rules said, with n and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from migrate.presenting.layout import wrapped
from migrate.presenting.numbers import counted
from migrate.vocabulary import Json, JsonObject

TITLE: Final = "people, beside the rules (a blind sample of the pairs that differ; intervals of 95 % over cases):"
NOTE: Final = (
    "People saw a blind sample of the pairs that differ, the rules saw every case; neither stands alone. "
    "Intervals are of 95 % over cases; agreement is Krippendorff's alpha on preference."
)

if TYPE_CHECKING:
    from migrate.evidence.rating import Agreement, HumanEvidence, Mean


def people_lines(people: Sequence[HumanEvidence], width: int) -> Iterator[str]:
    """Yield what people said, flow by flow; nothing where nobody was asked."""
    if people:
        yield from wrapped(TITLE, width)
    for one in people:
        for line in wrapped(f"{one.flow}, {one.candidate}: {_words(one)}", width - 2):
            yield f"  {line}"


def _words(one: HumanEvidence) -> str:
    preferred = ", ".join(f"{name} {count}" for name, count in one.preferred.items())
    marks = f"{one.baseline_correct:.1f} -> {one.candidate_correct:.1f}"
    parts = [
        f"{one.cases} of {counted(one.of, 'pair')} rated by {', '.join(one.raters)}, {counted(one.ratings, 'rating')}",
        f"preferred: {preferred}, mean {mean_text(one.preference)} of 1",
        f"correct, 1 to 5: {marks}, {mean_text(one.correctness)}",
        _agree_words(one),
        (
            f"rules flag {one.flagged[0]} of these, {one.flagged[1]} of them no worse to people; "
            f"rules pass {one.passed[0]}, {one.passed[1]} of them worse to people"
        ),
    ]
    if one.outdated:
        parts.append(f"{counted(one.outdated, 'rating')} of other answers left out")
    return "; ".join(parts)


def _agree_words(one: HumanEvidence) -> str:
    """Say how far raters agree with each other; of pairs that one alone rated nobody knows."""
    if not (one.agree_preference.n or one.agree_correctness.n):
        return "raters agree: not known, no pair was rated by two"
    preference, marks = agreement_text(one.agree_preference), agreement_text(one.agree_correctness)
    return f"raters agree, 0 is chance and 1 always: on preference {preference}, on marks {marks}"


def mean_text(mean: Mean) -> str:
    """Return a mean with its interval and n."""
    return f"{mean.mean:+.2f} [{mean.low:+.2f}, {mean.high:+.2f}] (n {mean.n})"


def agreement_text(found: Agreement) -> str:
    """Return how far raters agree beyond chance, 1 for always, with interval and pairs that two or more rated."""
    if found.alpha is None:
        return f"not known ({counted(found.n, 'pair')} rated by two)"
    interval = "no interval" if found.low is None or found.high is None else f"[{found.low:.2f}, {found.high:.2f}]"
    return f"{found.alpha:.2f} {interval} ({counted(found.n, 'pair')})"


def people_document(one: HumanEvidence) -> JsonObject:
    """Return what people said of one flow and candidate as plain JSON values."""
    return {
        "cases": one.cases,
        "of": one.of,
        "ratings": one.ratings,
        "raters": list(one.raters),
        "preferred": dict(one.preferred),
        "preference": _mean_document(one.preference),
        "correctness": {
            "baseline": one.baseline_correct,
            "candidate": one.candidate_correct,
            "difference": _mean_document(one.correctness),
        },
        "agreement": {
            "preference": _agreement_document(one.agree_preference),
            "correctness": _agreement_document(one.agree_correctness),
        },
        "automatic": {
            "flagged": {"cases": one.flagged[0], "no_worse_to_people": one.flagged[1]},
            "passed": {"cases": one.passed[0], "worse_to_people": one.passed[1]},
        },
        "outdated": one.outdated,
    }


def _mean_document(mean: Mean) -> Json:
    return {"mean": mean.mean, "interval": [mean.low, mean.high], "n": mean.n}


def _agreement_document(found: Agreement) -> Json:
    interval = None if found.low is None or found.high is None else [found.low, found.high]
    return {"alpha": found.alpha, "interval": interval, "n": found.n}
