"""What answers an application's calls before anybody is asked: recordings, and the vectors that lie beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from migrate.edges.intercept import Answers, Recorded, Swaps
from migrate.edges.intercept.trace import Exchange
from migrate.edges.recorded_vectors import RecordedVectors
from migrate.ports import Recordings
from migrate.vocabulary import Golden, Reply, Request
from migrate.workflow.metering import equal_key


@dataclass(frozen=True, slots=True)
class FromRecordings:
    """The recorded answers of one sample, found by request and the place among equal ones."""

    recordings: Recordings | None
    sample: int
    known: tuple[Request, ...]

    def answer(self, request: Request, equal: int) -> Recorded | None:
        """Return the answer that was kept, if one was."""
        if self.recordings is None:
            return None
        call = self.recordings.get(equal_key(request.request_key, equal), self.sample)
        return None if call is None else Recorded(replace(call, request=request), equal)

    def requests(self) -> Iterable[Request]:
        """Return what a missing answer may be nearest to."""
        return self.known


@dataclass(frozen=True, slots=True)
class WithVectors:
    """Recorded answers whose embeddings have their vectors; one whose vectors are not here is no answer."""

    answers: Answers
    vectors: RecordedVectors
    sample: int

    def answer(self, request: Request, equal: int) -> Recorded | None:
        """Return the answer, of an embeddings call with the body as it came."""
        found = self.answers.answer(request, equal)
        if found is None or request.api != "embeddings" or found.body is not None:
            return found
        return replace(found, body=self.vectors.get(equal_key(request.request_key, equal), self.sample))

    def requests(self) -> Iterable[Request]:
        """Return what a missing answer may be nearest to."""
        return self.answers.requests()


def keep_vectors(vectors: RecordedVectors, exchange: Exchange, sample: int) -> None:
    """Keep the vectors of an embeddings call that was answered; of any other call nothing."""
    call = exchange.call
    if call.request.api == "embeddings" and isinstance(call.outcome, Reply) and exchange.body is not None:
        vectors.put(equal_key(call.request.request_key, exchange.equal), sample, exchange.body)


def requests_of(golden: Golden | None, swap: Swaps | None) -> tuple[Request, ...]:
    """Return what a golden was asked, as the candidate would be: it names what is nearest to a missing answer."""
    if golden is None:
        return ()
    if swap is None:
        return golden.requests
    return tuple(
        request
        if request.api == "embeddings"
        else replace(request, body={**request.body, "model": swap.model_for(request.model)}, request_key="")
        for request in golden.requests
    )
