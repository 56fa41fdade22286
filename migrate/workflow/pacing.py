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
    """Attempts a call, the first one included."""
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 20.0
    longest_pause_s: float = 120.0
    """A server asking for more than this ends the call instead of holding the run."""
    retry_share: float = 0.2
    """Retries over attempts at most: past it a fault is final, so that a sick provider is not hammered."""
    spare_retries: int = 20
    """Retries that are always allowed, however few the calls."""
    requests_per_minute: float | None = None
    """Calls started a minute at most by this process."""


BURST_S: Final = 1.0
"""Starts that were not used are kept for this long, so that a late timer loses none."""
RECOVERY: Final = 20
"""Clean answers in a row after which one more call may be in flight."""
SCARCE: Final = 2
"""With this many requests or fewer left in the provider's window, the run waits for the window to reset."""


class Pace:
    """Adapts the number of calls in flight: half on a rate limit, one more after a run of clean answers."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._clean = 0
        self._next = 0.0
        self.limit = policy.concurrency
        self.paused_until = 0.0
        """Monotonic time before which no call may start."""

    def learn(self, attempt: Attempt, now: float) -> None:
        """Take in what one attempt says of the provider's limits."""
        if isinstance(attempt.outcome, NoReply) and attempt.outcome.kind is NoReplyKind.RATE_LIMIT:
            self._clean = 0
            self.limit = max(1, self.limit // 2)
            self.paused_until = max(self.paused_until, now + self._pause(attempt))
            return
        self._clean += 1
        if self._clean >= RECOVERY and self.limit < self._policy.concurrency:
            self._clean, self.limit = 0, self.limit + 1
        self.paused_until = max(self.paused_until, now + _window(attempt.limits))

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
