"""Recorded answers, found by what was asked and how often it had been asked before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

from migrate.edges.intercept.trace import Exchange
from migrate.vocabulary import Call, JsonObject, Reply, Request


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer that was kept."""

    call: Call
    """With the request as it was sent, ids settled and, where it was stored, redacted."""
    equal: int = 0
    """Place among the calls of its trace with the same request key, from 0."""
    body: JsonObject | None = None
    """The body as it came; None: it is written again from the reply, which holds all but vectors."""

    @classmethod
    def of(cls, exchange: Exchange) -> Self:
        """Return what an exchange leaves behind."""
        return cls(exchange.call, exchange.equal, exchange.body)


class Answers(Protocol):
    """Where recorded answers come from. Called from the application's own threads, several at once."""

    def answer(self, request: Request, equal: int) -> Recorded | None:
        """Return what was answered to the `equal`-th call with this request key; None: nothing was recorded."""
        ...

    def requests(self) -> Iterable[Request]:
        """Return all recorded requests, to name the one that is nearest to a call without an answer."""
        ...


class Tape:
    """The answers of one trace."""

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        self._answers: dict[tuple[str, int], Recorded] = {}
        self._requests: dict[str, Request] = {}
        for answer in recorded:
            request = answer.call.request
            if isinstance(answer.call.outcome, Reply):
                self._answers[request.request_key, answer.equal] = answer
                self._requests[request.request_key] = request

    @classmethod
    def of_calls(cls, calls: Iterable[Call]) -> Self:
        """Return the tape of a trace's calls, as a golden holds them; equal ones are counted in their order."""
        met: dict[str, int] = {}
        recorded = []
        for call in calls:
            key = call.request.request_key
            recorded.append(Recorded(call, met.get(key, 0)))
            met[key] = met.get(key, 0) + 1
        return cls(recorded)

    def answer(self, request: Request, equal: int) -> Recorded | None:
        return self._answers.get((request.request_key, equal))

    def requests(self) -> Iterable[Request]:
        return self._requests.values()
