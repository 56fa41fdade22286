"""`review --rate --web`: a page that shows pairs of answers blind, and keeps what is said of them.

The page is given no name of a model, no verdict and no case: what it does not hold nobody can peek at.
"""

from __future__ import annotations

import json
from typing import Any, Final

from migrate.edges.report import rating_page
from migrate.edges.serving import PageServer, Paper
from migrate.errors import UsageProblem
from migrate.reviewing import Sample
from migrate.vocabulary import JsonObject
from migrate.wiring.rating import open_session
from migrate.wiring.world import World
from migrate.workflow.rating import Preferred, RatingSession

MARKS: Final = range(1, 6)
PREFERRED: Final[dict[str, Preferred]] = {"a": "a", "b": "b", "tie": "tie"}
HALF: Final = "a rating needs all of it: which is better, and both marks from 1 to 5"


class WebRating:
    """One sitting at the page; several raters may take turns at it, each with an order of their own."""

    def __init__(self, world: World, sample: Sample, rater: str) -> None:
        self._world = world
        self._sample = sample
        self._rater = rater
        self.rated: dict[str, RatingSession] = {}
        """Rater -> where they stand, of those who rated something here."""
        papers = {name: Paper(*paper) for name, paper in rating_page().items()}
        self.server = PageServer(papers, {"pairs": self._pairs, "pair": self._pair, "rate": self._rate})

    def _pairs(self, body: bytes) -> JsonObject:
        """Say which pairs there are for a rater, in this rater's order, and which of them are rated."""
        session = self._session(_document(body))
        return {
            "rater": session.rater,
            "of": session.sample.of,
            "equal": session.sample.equal,
            "pairs": [{"id": pair.id, "rated": pair.id in session.done} for pair in session.pairs],
        }

    def _pair(self, body: bytes) -> JsonObject:
        """Show one pair: what was asked, and both answers in the rater's order."""
        document = _document(body)
        session = self._session(document)
        pair = session.pair(_text(document, "pair"))
        first, second = pair.sides(session.rater)
        return {"id": pair.id, "asked": pair.asked, "a": first, "b": second}

    def _rate(self, body: bytes) -> JsonObject:
        """Keep a rating. Raises UsageProblem for half of one."""
        document = _document(body)
        session = self._session(document)
        pair = session.pair(_text(document, "pair"))
        first, second = _mark(document, "correct_a"), _mark(document, "correct_b")
        session.keep(pair, _preferred(document), first, second)
        self.rated[session.rater] = session
        return {"id": pair.id, "rated": len(session.done)}

    def _session(self, document: dict[str, Any]) -> RatingSession:
        return open_session(self._world, self._sample, _text(document, "rater").strip() or self._rater)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageProblem("what the page sent is no JSON object")
    return document


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise UsageProblem(f'what the page sent has no text as "{name}"')
    return value


def _mark(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or value not in MARKS:
        raise UsageProblem(HALF)
    return value


def _preferred(document: dict[str, Any]) -> Preferred:
    value = document.get("prefer")
    if not isinstance(value, str) or value not in PREFERRED:
        raise UsageProblem(HALF)
    return PREFERRED[value]
