"""The words on the screen that are no figures: a short definition each, and the page that says more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from migrate.evidence.figures import of_the_tool

VERDICT: Final = "docs/verdict.md"
CASES: Final = "docs/explanation.md"
CANARY: Final = "docs/canary.md"
WORDS: Final[dict[str, tuple[str, str]]] = {
    "contract": (
        (
            "what the application needs of every answer: it is given, parses, fits the schema, calls the right tools, "
            "and passes the flow's checks"
        ),
        CASES,
    ),
    "agreement": ("whether an answer says the same as the golden: structure, then values, then wording", CASES),
    "noise": (
        "how much the baseline's own samples of a case differ from each other; a golden of one shows none",
        CASES,
    ),
    "schema ok": ("share of all samples that fit the JSON schema: the candidate's, then the baseline's", CASES),
    "points": ("of a hundred answers: 3 points worse are three more bad answers in a hundred", VERDICT),
    "p50": ("half of the cases are answered faster; in the table the candidate's divided by the baseline's", CASES),
    "p95": (
        "nineteen of twenty cases are answered faster; in the table the candidate's divided by the baseline's",
        CASES,
    ),
    "margin": ("by how many points of a hundred answers a flow may get worse and yet not count as worse", VERDICT),
    "safe": ("of a flow: contract and agreement are shown not to be worse by the margin", VERDICT),
    "unsafe": ("of a flow: contract or agreement is shown to be worse by more than the margin", VERDICT),
    "insufficient": ("of a flow: neither safe nor unsafe is shown; not a no, but not known", VERDICT),
    "contract not kept": ("of a case: neither baseline nor candidate ever keeps the contract; no evidence", CASES),
    "breaking": (
        (
            "of a case: the candidate keeps the contract in a smaller share of samples than the baseline, or shows a "
            "rejected change again"
        ),
        CASES,
    ),
    "drift": ("of a case: the contract holds, and the meaning may have changed beyond the baseline's noise", CASES),
    "within noise": ("of a case: it differs no more than the baseline's own samples do", CASES),
    "unstable baseline": ("of a case: the baseline itself keeps the contract in some samples only", CASES),
    "stale": ("of a golden: the prompt renders to another request today than when it was recorded", CASES),
    "no reply": (
        "of a case: a planned answer is missing, by a fault of the road; never a regression, nor a pass",
        CASES,
    ),
    "ready": ("of a rollout: it may start, with the usual ladder", CANARY),
    "ready modified": (
        "of a rollout: it may start, with a ladder or gate that was changed for the reasons given",
        CANARY,
    ),
    "shadow first": ("of a rollout: no share is affordable by what is known; mirror calls first", CANARY),
    "do not start": ("of a rollout: harm is shown offline, too little was replayed, or the model has left", CANARY),
    "hold back": ("the last stage in which some users stay on the baseline, so that both can be compared", CANARY),
    "A/A": ("the same evidence over two halves of the baseline's users, which should find no difference", CANARY),
}
"""Word -> definition and page."""


def defined(asked: str) -> Iterator[str]:
    """Yield what a word means and where more is said; nothing for a word that is not here."""
    known = {_plain(word): word for word in WORDS}
    word = known.get(_plain(asked))
    if word is not None:
        what, page = WORDS[word]
        yield f"{word}: {what}"
        yield f"  source: {of_the_tool(page)}"


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())


__all__ = ["WORDS", "defined"]
