"""Calls that an application makes by itself: written down before they leave and when they end, held to the cap.

An engine asks for the calls of prompts and owns their retries. An application owns its own, in its own threads and
event loops; what can be done for it is to let a call leave or not, and to keep what came of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from migrate.ports import Journal, Purse
from migrate.vocabulary import Call, NoReply, NoReplyKind, Reply, Request
from migrate.workflow.engine import FATAL, STOPPING, Prices, unpriced


def equal_key(request_key: str, equal: int) -> str:
    """Return the key of the `equal`-th answer to one request within a trace, from 0; the first has the plain one."""
    return request_key if equal == 0 else f"{request_key}+{equal}"


class Meter:
    """Stands at the door of one sample's calls. Called from the application's own threads, several at once."""

    def __init__(
        self,
        sample: int,
        journal: Journal,
        *,
        redact: Callable[[Call], Call],
        purse: Purse | None = None,
        prices: Prices | None = None,
    ) -> None:
        """With a purse and prices every call sets aside the most that it can cost before it leaves."""
        self._sample = sample
        self._journal = journal
        self._redact = redact
        self._purse = purse
        self._prices = prices
        self._lock = threading.Lock()
        self._reserved: dict[int, int] = {}
        self._places: dict[str, list[Request]] = {}
        """The requests themselves: kept alive, so that no later one can be taken for one of them."""
        self.stopped: NoReply | None = None
        """The fault that every further call would meet too."""

    def gate(self, request: Request, attempt: int) -> NoReply | None:
        """Let a try leave, or say why it may not. A request is the same object in each of its tries."""
        with self._lock:
            if self.stopped is None and self._purse is not None and (kind := self._purse.stopped) is not None:
                self.stopped = NoReply(kind, "the run was stopped in another worker")
            if self.stopped is not None:
                return self.stopped
            refused, amount = self._set_aside(request)
            if refused is not None:
                self._stop(refused)
                return refused
            self._reserved[id(request)] = amount
            places = self._places.setdefault(request.request_key, [])
            if all(known is not request for known in places):
                places.append(request)
            place = next(number for number, known in enumerate(places) if known is request)
            key = equal_key(request.request_key, place)
        self._journal.attempt(replace(request, request_key=key), self._sample, attempt, amount)
        return None

    def _set_aside(self, request: Request) -> tuple[NoReply | None, int]:
        if self._purse is None or self._prices is None:
            return None, 0
        most = self._prices.most(request)
        if most is None:
            words = unpriced(request)
            return NoReply(NoReplyKind.BUDGET, words), 0
        if self._purse.reserve(most):
            return None, most
        return NoReply(NoReplyKind.BUDGET, "the cost cap of the run does not hold another call"), 0

    def ended(self, call: Call, equal: int) -> None:
        """Keep what one try came to; `call` is the call so far."""
        with self._lock:
            reserved = self._reserved.pop(id(call.request), None)
            if reserved is not None:
                self._settle(call, reserved)
            if isinstance(call.outcome, NoReply) and call.outcome.kind in FATAL:
                self._stop(call.outcome)
        if reserved is None:  # it never left: a recording answered it, or the gate kept it
            return
        named = replace(call, request=replace(call.request, request_key=equal_key(call.request.request_key, equal)))
        if isinstance(call.outcome, Reply):
            self._journal.call(self._sample, self._redact(named))
        else:
            self._journal.failed(named.request, self._sample, call.lost)

    def _settle(self, call: Call, reserved: int) -> None:
        if self._purse is None or self._prices is None:
            return
        spent: int | None = None
        if isinstance(call.outcome, Reply):
            spent = self._prices.cost(call.outcome, call.request.model)
        elif not call.lost:
            spent = 0
        # A cost nobody told counts as the most it can have been.
        self._purse.settle(reserved, reserved if spent is None else spent)

    def _stop(self, why: NoReply) -> None:
        if self.stopped is None:
            self.stopped = why
            if self._purse is not None and why.kind in STOPPING:
                self._purse.stop(why.kind)
