"""How hard the engine may push: calls in flight, shared pauses, back-off. Pure arithmetic over a given clock."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from migrate.ports import Attempt, Limits
from migrate.vocabulary import NoReply, NoReplyKind


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one run. Times are seconds."""

    concurrency: int = 50
    """Calls in flight at most, over all workers of the run."""
    timeout_s: float = 600.0
    """For one attempt, from request to last byte."""
    tries: int = 4
    """Attempts a call, the first one included; those the provider put off by a rate limit do not count."""
    put_offs: int = 30
    """Rate limits a call may meet: each says "later", which is no failure, but not for ever."""
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 20.0
    longest_pause_s: float = 120.0
    """A provider asking for more than this ends the run instead of holding it."""
    retry_share: float = 0.2
    """Retries of faults over attempts at most: past it one is final, so that a sick provider is not hammered."""
    spare_retries: int = 20
    """Retries that are always allowed, however few the calls."""
    down_after: int = 100
    """Calls in a row that got no answer, all tries used, after which the provider is taken to be down."""
    requests_per_minute: float | None = None
    """Calls started a minute at most by this process."""


BURST_S: Final = 1.0
"""Starts that were not used are kept for this long, so that a late timer loses none."""
MEMORY: Final = 100
"""Answers over which the share of rate limits is taken: with fewer, what chance heaps up is taken for pressure."""
USUAL: Final = 0.1
"""Share of rate limits up to which keeping the stated pauses is enough; past it fewer calls may be in flight."""
RECOVERY: Final = 2.0
"""Calls more in flight after as many clean answers as there may be calls in flight."""
SCARCE: Final = 2
"""With this many requests or fewer left in the provider's window, the run waits for the window to reset."""


class Pace:
    """Adapts the number of calls in flight to how often the provider says "later", and keeps the pauses it states.

    A rate limit now and then is answered by its pause alone. Where they are more than usual the number of calls in
    flight is halved, once for all calls that were under way together, and grows again with clean answers.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._room = float(policy.concurrency)
        self._share, self._learnt = 0.0, 0
        self._halved = -1.0
        self._next = 0.0
        self.paused_until = 0.0
        """Monotonic time before which no call may start."""

    @property
    def limit(self) -> int:
        """Calls that may be in flight."""
        return int(self._room)

    def learn(self, attempt: Attempt, now: float, began: float | None = None) -> None:
        """Take in what one attempt, made at `began`, says of the provider's limits."""
        limited = isinstance(attempt.outcome, NoReply) and attempt.outcome.kind is NoReplyKind.RATE_LIMIT
        self._learnt = min(self._learnt + 1, MEMORY)
        self._share += (limited - self._share) / self._learnt
        if limited and self._share > USUAL and (now if began is None else began) > self._halved:
            # Counted anew: what was learnt with twice as many under way says nothing of how it is with these.
            self._room, self._halved, self._share = max(1.0, self._room / 2), now, 0.0
        elif not limited:
            self._room = min(self._room + RECOVERY / self._room, float(self._policy.concurrency))
        wait = self._pause(attempt) if limited or attempt.retry_after_s is not None else _window(attempt.limits)
        if wait > 0:  # a pause that is over would be told to every process, at the price of a lock
            self.paused_until = max(self.paused_until, now + wait)

    def turn(self, now: float) -> float:
        """Take the next place in the queue of starts when it is due, and return 0; else the seconds until it is."""
        rate = self._policy.requests_per_minute
        if rate is None:
            return 0.0
        if self._next > now:
            return self._next - now
        self._next = max(self._next, now - BURST_S) + 60.0 / rate
        return 0.0

    def _pause(self, attempt: Attempt) -> float:
        asked = attempt.retry_after_s
        return min(asked if asked is not None else self._policy.backoff_base_s, self._policy.longest_pause_s)


def _window(limits: Limits) -> float:
    """Return how long to wait before a nearly used-up window resets; 0 while there is room."""
    waits = [0.0]
    if limits.remaining_requests is not None and limits.remaining_requests <= SCARCE:
        waits.append(limits.reset_requests_s or 0.0)
    if limits.remaining_tokens == 0:
        waits.append(limits.reset_tokens_s or 0.0)
    return min(max(waits), 60.0)


def backoff(policy: Policy, tried: int, asked_s: float | None, rng: random.Random) -> float | None:
    """Return the seconds to wait after the `tried`-th failed attempt: full jitter, never less than the server asked.

    None: give up, because the tries are used or the server asks for a longer pause than the run holds.
    Source: "exponential backoff and jitter" (full jitter: uniform over [0, min(cap, base * 2^n)]).
    """
    if tried >= policy.tries or (asked_s is not None and asked_s > policy.longest_pause_s):
        return None
    jitter = rng.uniform(0.0, min(policy.backoff_cap_s, policy.backoff_base_s * 2.0 ** (tried - 1)))
    return jitter if asked_s is None else asked_s + jitter
