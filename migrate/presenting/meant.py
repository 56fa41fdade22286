"""A candidate that nobody knows: whether its name is a slip, and which model was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from migrate import catalogue
from migrate.errors import nearest
from migrate.vocabulary import UNANSWERED, CaseVerdict, FlowEvidence, NoReplyKind, Run

UNNAMED: Final = "MODEL"
"""What stands in a command for a name that is not to be repeated."""
SEVERAL: Final = frozenset("=,:")
"""Marks of a candidate that names several models, or of one that is tuned: nobody guesses at those."""


def is_answered(flow: FlowEvidence) -> bool:
    """Say whether a candidate answered in any case of a flow: a stale golden says nothing of that."""
    return any(count and verdict not in UNANSWERED for verdict, count in flow.verdicts.items())


def meant(candidate: str, known: Iterable[str]) -> str:
    """Return the known model nearest to a candidate's name; empty where none is, or where the name is known itself."""
    model = candidate.partition("@")[0]
    if not SEVERAL.isdisjoint(candidate) or catalogue.facts(model) is not None:
        return ""
    return nearest(model, {*catalogue.known_models(), *known} - {candidate, ""})


def to_type(candidate: str, known: Iterable[str]) -> str:
    """Return what to type for a candidate its provider has not got: what was meant, or `MODEL`; a known name stays."""
    if not SEVERAL.isdisjoint(candidate) or catalogue.facts(candidate.partition("@")[0]) is not None:
        return candidate
    return meant(candidate, known) or UNNAMED


def unknown_models(run: Run, evidence: Sequence[FlowEvidence]) -> Mapping[str, str]:
    """Return the candidates that no answer came of and nobody knows, each with the model that was probably meant.

    Nobody knows a model that the provider says it has not got, or one that is in no list of models and nearly another.
    """
    answered = {one.candidate for one in evidence if is_answered(one)}
    known = {one.baseline for one in evidence} | answered
    absent = any(name.partition(":")[2] == NoReplyKind.MODEL_NOT_FOUND for name in run.accounts)
    asked = {one.candidate for one in evidence if one.verdicts.get(CaseVerdict.NO_REPLY)}
    silent = [text for text in run.candidates if text in asked - answered]
    guesses = {text: meant(text, known) for text in silent if catalogue.facts(text.partition("@")[0]) is None}
    return {text: guess for text, guess in guesses.items() if guess or (absent and SEVERAL.isdisjoint(text))}


def unknown_words(candidate: str, guess: str) -> str:
    """Say that nobody knows a model."""
    return f"unknown model {candidate}: " + (
        f"did you mean {guess}?" if guess else "its provider has none of that name"
    )


__all__ = ["UNNAMED", "is_answered", "meant", "to_type", "unknown_models", "unknown_words"]
