"""The words on the screen that are no figures: a short definition each, and the page that says more.

Heads of columns and kinds of findings have a module of their own; here are the words that summaries are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from migrate.evidence.figures import of_the_tool
from migrate.evidence.heads import CANARY, CASES, HEADS, KINDS, OWN

VERDICT: Final = "docs/verdict.md"
REVIEW: Final = "docs/review.md"
REFERENCE: Final = "docs/reference.md"
WORDS: Final[dict[str, tuple[str, str]]] = {
    "baseline": ("the model in production today, whose recorded answers are the goldens", CASES),
    "candidate": ("the model under trial, asked what the baseline was asked", CASES),
    "golden": ("the recorded answers of the baseline to one case, one file in git", CASES),
    "case": ("one input of a flow; against two candidates it is counted twice", CASES),
    "gate": ("what a run must not show if it is to end in 0: --fail-on says what; closed, it ends in 1", VERDICT),
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
    "cosmetic": ("of a finding: wording within the bound, white space, or equal values spelled otherwise", CASES),
    "same": ("of a case: every answer of the candidate is equal to one of the baseline's", CASES),
    "improved": ("of a case: the candidate keeps the contract in a larger share of samples than the baseline", CASES),
    "no golden": ("of a case: nothing was recorded for it, so nothing was compared", CASES),
    "accepted": (
        "of a case: a reviewer approved such an answer beside the golden: it agrees, whichever candidate gives it",
        REVIEW,
    ),
    "rejected": (
        "of a change of one candidate: a reviewer said no, and it fails the case for as long as it is shown",
        REVIEW,
    ),
    "tolerated": (
        "of a finding: a reviewer lets it pass until a day, with a reason, in the prompt file; it stays in the rates",
        REVIEW,
    ),
    "decision": ("an accept, reject or tolerate, of one change of one case against one candidate", REVIEW),
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
    "cannot reach power": (
        (
            "of a rollout: its traffic cannot show in the days there are that the margin is kept; its reasons say what "
            "it can show"
        ),
        CANARY,
    ),
    "gate closed": (
        "of a rollout: its replay broke what --fail-on asks for; mend the cases, or a person says yes before it starts",
        CANARY,
    ),
    "past margin": (
        "of a rollout: by the best estimate the candidate is worse than the margin, though not shown to be; mend first",
        CANARY,
    ),
    "shadow first": ("of a rollout: no share is affordable by what is known; mirror calls first", CANARY),
    "do not start": ("of a rollout: harm is shown offline, too little was replayed, or the model has left", CANARY),
    "hold back": ("the last stage in which some users stay on the baseline, so that both can be compared", CANARY),
    "A/A": ("the same evidence over two halves of the baseline's users, which should find no difference", CANARY),
}
"""Word -> definition and page."""


ALIASES: Final = {
    "break": "breaking",
    "unstable": "unstable baseline",
    "ready, gate closed": "gate closed",
    "ready, past margin": "past margin",
    "cannot reach power, gate closed": "gate closed",
    "cannot reach power, past margin": "past margin",
    "shadow first, gate closed": "gate closed",
    "shadow first, past margin": "past margin",
    "keep baseline": "keep: worse",
    "keep baseline cheaper": "keep: cheaper",
    "pooled": "pools",
    "drifting": "drift",
    "cases needed": "insufficient",
    "accepted or tolerated": "accepted",
    "approval": "accepted",
    "approved": "accepted",
    "toleration": "tolerated",
    "toleration ended": "tolerated",
    "stale golden": "stale",
    "not run": "no reply",
    "p95 ratio": "p95",
    "unit": "units",
    "bad answers": "bad",
    "groups of equal changes": "group",
    "holdback": "hold back",
}
"""Other forms in which a word stands on the screen."""


def defined(asked: str, command: str = "") -> Iterator[str]:
    """Yield what a word means, on the screen of a command first, and where more is said; nothing for none of these."""
    plain, own = _plain(asked), OWN.get(command, {})
    found = (plain, *own[plain]) if plain in own else _found(plain)
    if found is not None:
        word, what, page = found
        yield f"{word}: {what}"
        yield f"  source: {of_the_tool(page)}"


def every_word() -> tuple[str, ...]:
    """Return what may be asked for, for guesses at a typo."""
    return (*WORDS, *HEADS, *KINDS, *ALIASES)


def _found(asked: str) -> tuple[str, str, str] | None:
    for known in (WORDS, HEADS):
        word = next((word for word in known if _plain(word) == asked), None)
        if word is not None:
            return word, *known[word]
    kind = next((kind for kind in KINDS if kind == asked), None)
    if kind is not None:
        return kind, f"of a finding: {KINDS[kind]}", REFERENCE
    other = ALIASES.get(asked)
    return None if other is None else _found(_plain(other))


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())


__all__ = ["ALIASES", "WORDS", "defined", "every_word"]
