"""In-memory providers that mirror `ports.Provider`, for tests of what stands above it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from migrate.ports import Attempt
from migrate.vocabulary import Answer, NoReply, NoReplyKind, Reply, Request, Timing, Usage


def said(text: str, model: str = "gpt-4.1") -> Attempt:
    return Attempt(Reply(Answer(text), model, Usage(10, 0, None, 5, 0)), Timing(12.0))


def failed(kind: NoReplyKind, *, retry: bool = True, retry_after_s: float | None = None) -> Attempt:
    return Attempt(NoReply(kind, "no"), retry=retry, retry_after_s=retry_after_s)


class FakeProvider:
    """Answers from a function of the request, the sample and the try; remembers how many were in flight."""

    name = "fake"

    def __init__(self, answer: Callable[[Request, int, int], Attempt]) -> None:
        self._answer = answer
        self.tries: dict[tuple[str, int], int] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
        key = (request.request_key, sample)
        self.tries[key] = self.tries.get(key, 0) + 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        return self._answer(request, sample, self.tries[key])

    async def close(self) -> None:
        self.closed = True
