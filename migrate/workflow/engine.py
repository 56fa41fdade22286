"""The one engine of both skins: many calls in flight, one owner of retries, results as they come."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

from migrate.canonical import stamp
from migrate.errors import PromptMigrateError
from migrate.ports import Attempt, Clock, Journal, Provider, Purse
from migrate.vocabulary import Answer, Call, NoReply, NoReplyKind, Reply, Request, Source
from migrate.workflow.pacing import Pace, Policy, backoff

FATAL: Final = frozenset({NoReplyKind.QUOTA, NoReplyKind.AUTHENTICATION, NoReplyKind.BUDGET})
"""Faults that every further call would meet too: the first one ends the run."""
DOWN: Final = frozenset({NoReplyKind.CONNECTION, NoReplyKind.SERVER_ERROR, NoReplyKind.TIMEOUT})
"""Faults of a provider that is not there: many of them in a row, and no answer in between, end the run too."""
STOPPING: Final = FATAL | DOWN | {NoReplyKind.RATE_LIMIT, NoReplyKind.MODEL_NOT_FOUND}
"""What may stand as the reason why a run was stopped; a rate limit does where its pause is longer than a run holds, and
a model that is not there where no other one is left to ask."""
LOOK_S: Final = 0.05
"""How often a call that waits for money looks whether another one, in whatever process, has given some back."""
NAP_S: Final = 1.0
"""The longest sleep in which a stop of another process goes unnoticed."""
HOLD_S: Final = 0.02
"""Between two looks for room for further answers."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to make: what is asked, and for whom."""

    ticket: int
    """Whose answer it is: the number of the trial."""
    sample: int
    request: Request
    lost: int = 0
    """Tries of the same call before the run was stopped that may have been paid for."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What came of several calls that belong together: one sample of a chain."""

    calls: tuple[Call, ...]
    answer: Answer | None
    """The final answer; None when a call got no reply."""
    broke: str = ""
    """Why the application could not go on with what it was answered; empty when it could."""
    problem: PromptMigrateError | None = None
    """What is wrong with the chain itself."""


class Several(Protocol):
    """Calls that belong together: some are only known once others are answered."""

    @property
    def ticket(self) -> int: ...

    @property
    def sample(self) -> int: ...

    async def run(self, call: Callable[[Ask], Awaitable[Call]]) -> Trace:
        """Make the calls, each through `call`; may make several at once."""
        ...


Asked: TypeAlias = Ask | Several
Answered: TypeAlias = Call | Trace


class Prices(Protocol):
    """What a call may cost and did cost, in pico-dollars; None is unknown."""

    def most(self, request: Request) -> int | None:
        """Return an upper bound of what a request can cost, its longest answer included."""
        ...

    def cost(self, reply: Reply, asked: str) -> int | None:
        """Return what a reply cost."""
        ...


@dataclass(slots=True)
class Tally:
    """What the engine did, for the run's summary."""

    calls: int = 0
    attempts: int = 0
    retries: int = 0
    stopped: NoReply | None = None
    """The fatal fault that ended the run, if one did."""
    kinds: dict[str, int] = field(default_factory=dict)


def unpriced(request: Request) -> str:
    """Say of a request that has no upper bound of its cost why it cannot be made under a cap."""
    tier = request.body.get("service_tier")
    where = f' in the service tier "{tier}"' if tier not in (None, "auto", "default") else ""
    return f"no price is known for {request.model}{where}, so the cap cannot be kept"


class Engine:
    """Asks a provider, `policy.concurrency` calls at a time; every ask is delivered exactly once.

    `deliver` is called in the engine's event loop; it must not block. While `full()` no new ask is taken.
    """

    def __init__(
        self,
        provider: Provider,
        policy: Policy,
        clock: Clock,
        deliver: Callable[[Asked, Answered], None],
        *,
        full: Callable[[], bool] = lambda: False,
        journal: Journal | None = None,
        purse: Purse | None = None,
        prices: Prices | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """`purse` shares pauses between processes and, with `prices`, holds the run to its cap."""
        self._full = full
        self._provider = provider
        self._policy = policy
        self._clock = clock
        self._deliver = deliver
        self._journal = journal
        self._purse = purse
        self._prices = prices
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._pace = Pace(policy)
        self._active = self._waiting = self._unanswered = 0
        self._halted = False
        self._there: dict[str, bool] = {}
        """Model -> whether it has answered; False where a call was told that there is none, and none was answered."""
        self._room = asyncio.Condition()
        self._held = asyncio.Lock()
        self._ended = asyncio.Event()
        self.tally = Tally()

    async def run(self, asks: Iterator[Asked]) -> None:
        """Work through `asks`, taking the next one only when there is room for it; return when all are delivered."""
        workers = [self._work(asks) for _ in range(self._policy.concurrency)]
        await asyncio.gather(*workers)

    async def close(self) -> None:
        """Close the provider's connections."""
        await self._provider.close()

    async def _work(self, asks: Iterator[Asked]) -> None:
        # Workers share one iterator: cheaper than a task a call, and nothing is rendered before it can be sent.
        for ask in asks:
            self._deliver(ask, await (self.call(ask) if isinstance(ask, Ask) else ask.run(self.call)))
            if self._full():
                await self._hold()
            if self._halted:
                return

    async def _hold(self) -> None:
        """Wait for room for further answers. One worker looks for all of them: fifty would keep a core busy."""
        async with self._held:
            while self._full() and not self._halted:  # noqa: ASYNC110 - what makes room is another thread
                await asyncio.sleep(HOLD_S)

    def halt(self) -> None:
        """Take no new ask and make no further try; what is in flight comes to its end and is delivered."""
        self._halted = True
        self._stop(NoReply(NoReplyKind.INTERRUPTED, "the run was stopped before the call was made"))

    def is_absent(self, model: str) -> bool:
        """Say whether the provider has not got a model: it said so, and no call of the run was answered by it."""
        return self._there.get(model) is False

    async def call(self, ask: Ask) -> Call:
        """Make one call, retries included."""
        waited, tried, put_off, lost = 0.0, 0, 0, ask.lost
        if self.is_absent(ask.request.model):
            words = f"not asked: its provider says that there is no {ask.request.model}"
            attempt = Attempt(NoReply(NoReplyKind.MODEL_NOT_FOUND, words), charged=False)
            return self._call(ask, attempt, tried, waited, lost)
        while True:
            reserved = await self._admission(ask)
            if self.tally.stopped is not None:
                await self._leave()
                return self._call(ask, Attempt(self.tally.stopped, charged=False), tried, waited, lost)
            tried += 1
            if self._journal is not None:
                self._journal.attempt(ask.request, ask.sample, tried, reserved, lost)
            began = self._clock.monotonic()
            attempt = await self._attempt(ask)
            self._settle(ask, attempt, reserved)
            self._note(attempt, began)
            self._note_model(ask.request.model, attempt.outcome)
            await self._leave()
            put_off += _is_put_off(attempt)
            pause = self._pause(attempt, tried, put_off)
            if pause is None:
                self._look_for_life(attempt)
                return self._call(ask, attempt, tried, waited, lost)
            lost += attempt.charged is None
            if self._journal is not None:
                self._journal.failed(ask.request, ask.sample, lost)
            await self._sleep(pause)
            waited += pause * 1000

    async def _admission(self, ask: Ask) -> int:
        """Wait for room, the end of every pause, and money; return what was set aside. Returns at once after a stop."""
        empty_since: float | None = None
        while True:
            await self._wait_for_room()
            reserved = self._reserve(ask, patient=self._is_patient(empty_since))
            if self.tally.stopped is not None:
                return 0
            if reserved is not None:
                if not self._is_stopped() and self._pause_left() <= 0:
                    return reserved
                # Setting it aside took a moment, and in that moment another process was told to stop or to pause.
                self._give_back(reserved)
                continue
            now = self._clock.monotonic()
            empty_since = None if self._active else empty_since or now
            await self._sleep(LOOK_S)

    def _is_patient(self, empty_since: float | None) -> bool:
        """Say whether to go on waiting for money that other calls have set aside: not for those of dead processes."""
        return empty_since is None or self._clock.monotonic() - empty_since < self._policy.timeout_s

    async def _attempt(self, ask: Ask) -> Attempt:
        self._active += 1
        self.tally.attempts += 1
        try:
            return await self._provider.ask(ask.request, sample=ask.sample, timeout_s=self._policy.timeout_s)
        finally:
            self._active -= 1

    async def _leave(self) -> None:
        """Let the next one in, after what was learnt from this attempt has taken effect; after a stop, let all out."""
        if self._waiting:
            async with self._room:
                # Two: there may be room for one more than before.
                self._room.notify(2 if self.tally.stopped is None else self._policy.concurrency)

    # --- room, pauses and retries ----------------------------------------------------------------------

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the run is stopped."""
        ends = self._clock.monotonic() + seconds
        while not self._is_stopped() and (left := ends - self._clock.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), min(left, NAP_S))

    async def _wait_for_room(self) -> None:
        while not self._is_stopped():
            if (pause := self._pause_left()) > 0:
                await self._sleep(pause)
            elif self._active >= self._pace.limit:
                self._waiting += 1
                try:
                    async with self._room:
                        await self._room.wait_for(self._has_room)
                finally:
                    self._waiting -= 1
            else:
                wait = self._pace.turn(self._clock.monotonic())
                if wait <= 0:
                    return
                await self._sleep(wait)

    def _has_room(self) -> bool:
        return self._active < self._pace.limit or self._is_stopped()

    def _pause_left(self) -> float:
        """Return the seconds until the last pause ends; not above 0 where there is none."""
        shared = 0.0 if self._purse is None else self._purse.paused_until
        return max(self._pace.paused_until, shared) - self._clock.monotonic()

    def _pause(self, attempt: Attempt, tried: int, put_off: int) -> float | None:
        """Return how long to wait before the next try, None when there is none."""
        if not attempt.retry or self.tally.stopped is not None:
            return None
        if _is_put_off(attempt):
            # The pause is kept by everybody, so asking again when it is over hammers nobody.
            again = put_off <= self._policy.put_offs
            return backoff(self._policy, 1, attempt.retry_after_s, self._rng) if again else None
        allowed = max(self._policy.spare_retries, int(self._policy.retry_share * self.tally.attempts))
        if self.tally.retries >= allowed:
            return None
        pause = backoff(self._policy, tried - put_off, attempt.retry_after_s, self._rng)
        if pause is not None:
            self.tally.retries += 1
        return pause

    def _note(self, attempt: Attempt, began: float) -> None:
        before = self._pace.paused_until
        self._pace.learn(attempt, self._clock.monotonic(), began)
        if self._purse is not None and self._pace.paused_until > before:
            self._purse.pause(self._pace.paused_until)
        if isinstance(attempt.outcome, NoReply):
            kind = attempt.outcome.kind
            self.tally.kinds[kind.value] = self.tally.kinds.get(kind.value, 0) + 1
            if kind in FATAL:
                self._stop(attempt.outcome)
            elif _is_put_off(attempt) and (attempt.retry_after_s or 0.0) > self._policy.longest_pause_s:
                words = f"the provider asks to wait {attempt.retry_after_s:.0f} s, which is longer than a run holds"
                self._stop(NoReply(kind, words, attempt.outcome.status))

    def _note_model(self, model: str, outcome: Reply | NoReply) -> None:
        if isinstance(outcome, Reply):
            # A router may know a model on one of its machines and not on another: what answers once is asked on.
            self._there[model] = True
        elif outcome.kind is NoReplyKind.MODEL_NOT_FOUND:
            self._there.setdefault(model, False)

    def _look_for_life(self, attempt: Attempt) -> None:
        """Stop the run after many calls in a row without an answer: waiting for each of the others helps nobody."""
        outcome = attempt.outcome
        if not isinstance(outcome, NoReply) or outcome.kind not in DOWN:
            self._unanswered = 0
            return
        self._unanswered += 1
        if self._unanswered >= self._policy.down_after:
            words = f"{self._unanswered} calls in a row got no answer, the last one: {outcome.message}"
            self._stop(NoReply(outcome.kind, words, outcome.status))

    def _stop(self, why: NoReply) -> None:
        if self.tally.stopped is None:
            self.tally.stopped = why
            self._ended.set()
            if self._purse is not None and why.kind in STOPPING:
                self._purse.stop(why.kind)

    def _is_stopped(self) -> bool:
        """Say whether this process, or another one of the run, met a fault that ends it."""
        if self.tally.stopped is None and self._purse is not None and (kind := self._purse.stopped) is not None:
            self._stop(NoReply(kind, "the run was stopped in another worker"))
        return self.tally.stopped is not None

    # --- money -------------------------------------------------------------------------------------------

    def _reserve(self, ask: Ask, *, patient: bool) -> int | None:
        """Set aside the most that a try can cost; stop the run when the cap does not hold it.

        None: the cap holds it as soon as calls in flight have given back what they do not need.
        """
        if self._purse is None or self._prices is None or self.tally.stopped is not None:
            return 0
        most = self._prices.most(ask.request)
        if most is None:
            words = unpriced(ask.request)
            self._stop(NoReply(NoReplyKind.BUDGET, words))
            return None
        if self._purse.reserve(most):
            return most
        if not patient or not self._purse.could_hold(most):
            self._stop(NoReply(NoReplyKind.BUDGET, "the cost cap of the run does not hold another call"))
        return None

    def _give_back(self, reserved: int) -> None:
        if self._purse is not None and reserved:
            self._purse.settle(reserved, 0)

    def _settle(self, ask: Ask, attempt: Attempt, reserved: int) -> None:
        if self._purse is None or self._prices is None:
            return
        spent: int | None = None
        if attempt.charged is False:
            spent = 0
        elif isinstance(attempt.outcome, Reply):
            spent = self._prices.cost(attempt.outcome, ask.request.model)
        # A cost nobody told counts as the most it can have been.
        self._purse.settle(reserved, reserved if spent is None else spent)

    def _call(self, ask: Ask, attempt: Attempt, tried: int, waited_ms: float, lost: int) -> Call:
        self.tally.calls += 1
        timing = attempt.timing
        if timing is not None and waited_ms:
            timing = replace(timing, waited_ms=waited_ms)
        unanswered = isinstance(attempt.outcome, NoReply) and attempt.charged is None and tried > 0
        return Call(
            request=ask.request,
            outcome=attempt.outcome,
            timing=timing,
            attempts=tried,
            lost=lost + unanswered,
            source=Source.LIVE,
            at=stamp(self._clock.now()),
            simulated=attempt.simulated,
        )


def _is_put_off(attempt: Attempt) -> bool:
    """Say whether the provider only asked to come again later."""
    return isinstance(attempt.outcome, NoReply) and attempt.outcome.kind is NoReplyKind.RATE_LIMIT
