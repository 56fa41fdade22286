"""The one engine of both skins: many calls in flight, one owner of retries, results as they come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from migrate.ports import Attempt, Clock, Provider
from migrate.vocabulary import Call, NoReply, NoReplyKind, Request, Source
from migrate.workflow.pacing import Pace, Policy, backoff

FATAL = frozenset({NoReplyKind.QUOTA, NoReplyKind.AUTHENTICATION})
"""Faults that every further call would meet too: the first one ends the run."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to make: what is asked, and for whom."""

    ticket: int
    """Whose answer it is: the number of the trial."""
    sample: int
    request: Request


@dataclass(slots=True)
class Tally:
    """What the engine did, for the run's summary."""

    calls: int = 0
    attempts: int = 0
    stopped: NoReply | None = None
    """The fatal fault that ended the run, if one did."""
    kinds: dict[str, int] = field(default_factory=dict)


class Engine:
    """Asks a provider, `policy.concurrency` calls at a time; every ask is delivered exactly once.

    `deliver` is called in the engine's event loop; it must not block. While `full()` no new ask is taken.
    """

    def __init__(
        self,
        provider: Provider,
        policy: Policy,
        clock: Clock,
        deliver: Callable[[Ask, Call], None],
        *,
        full: Callable[[], bool] = lambda: False,
        rng: random.Random | None = None,
    ) -> None:
        self._full = full
        self._provider = provider
        self._policy = policy
        self._clock = clock
        self._deliver = deliver
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._pace = Pace(policy)
        self._active = 0
        self._room = asyncio.Condition()
        self.tally = Tally()

    async def run(self, asks: Iterator[Ask]) -> None:
        """Work through `asks`, taking the next one only when there is room for it; return when all are delivered."""
        workers = [self._work(asks) for _ in range(self._policy.concurrency)]
        await asyncio.gather(*workers)

    async def close(self) -> None:
        """Close the provider's connections."""
        await self._provider.close()

    async def _work(self, asks: Iterator[Ask]) -> None:
        # Workers share one iterator: cheaper than a task a call, and nothing is rendered before it can be sent.
        for ask in asks:
            self._deliver(ask, await self.call(ask))
            while self._full():  # noqa: ASYNC110 - what empties it is another thread
                await asyncio.sleep(0.005)

    async def call(self, ask: Ask) -> Call:
        """Make one call, retries included."""
        waited, tried = 0.0, 0
        while True:
            if self.tally.stopped is not None:
                return self._call(ask, Attempt(self.tally.stopped), tried, waited)
            tried += 1
            attempt = await self._attempt(ask)
            self._note(attempt)
            pause = backoff(self._policy, tried, attempt.retry_after_s, self._rng) if attempt.retry else None
            if pause is None:
                return self._call(ask, attempt, tried, waited)
            await asyncio.sleep(pause)
            waited += pause * 1000

    async def _attempt(self, ask: Ask) -> Attempt:
        if self._active >= self._pace.limit or self._pace.paused_until:
            await self._wait_for_room()
        self._active += 1
        self.tally.attempts += 1
        try:
            return await self._provider.ask(ask.request, sample=ask.sample, timeout_s=self._policy.timeout_s)
        finally:
            self._active -= 1
            if self._pace.limit < self._policy.concurrency:
                async with self._room:
                    self._room.notify()

    async def _wait_for_room(self) -> None:
        while True:
            pause = self._pace.paused_until - self._clock.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            elif self._active >= self._pace.limit:
                async with self._room:
                    await self._room.wait_for(lambda: self._active < self._pace.limit)
            else:
                return

    def _note(self, attempt: Attempt) -> None:
        self._pace.learn(attempt, self._clock.monotonic())
        if isinstance(attempt.outcome, NoReply):
            kind = attempt.outcome.kind
            self.tally.kinds[kind.value] = self.tally.kinds.get(kind.value, 0) + 1
            if kind in FATAL and self.tally.stopped is None:
                self.tally.stopped = attempt.outcome

    def _call(self, ask: Ask, attempt: Attempt, tried: int, waited_ms: float) -> Call:
        self.tally.calls += 1
        timing = attempt.timing
        if timing is not None and waited_ms:
            timing = type(timing)(timing.total_ms, timing.first_token_ms, waited_ms)
        return Call(
            request=ask.request,
            outcome=attempt.outcome,
            timing=timing,
            attempts=tried,
            source=Source.LIVE,
            at=self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            simulated=attempt.simulated,
        )
