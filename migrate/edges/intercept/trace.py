"""What was seen in one context: its calls in the order in which they began, and what went wrong with seeing them."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from migrate.edges.intercept.settling import drawn_ids, name_of, settled_reply
from migrate.vocabulary import Call, Json, JsonObject, JsonPath, NoReply, Reply, Request, Source, Timing

if TYPE_CHECKING:
    from migrate.edges.intercept.swapping import Swap


class NotRecorded(UserWarning):
    """A call of the application went on as ever, but could not be recorded."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of the application, all its attempts together."""

    call: Call
    """As it was sent, with the ids of earlier answers settled; not redacted. Its answer is the first choice."""
    asked: Request
    """What the application asked, before the model was swapped; the same object as `call.request` when it was not."""
    equal: int = 0
    """Place among the calls of the trace with the same request key, from 0."""
    notes: tuple[str, ...] = ()
    """What was changed for the candidate beside the model."""
    streamed: bool = False
    abandoned: bool = False
    """True when the application stopped reading, or cancelled the call, before the answer had ended."""
    started_ms: float = 0.0
    """From the opening of the trace to the first attempt."""
    ended_ms: float = 0.0
    """From the opening of the trace to the last byte."""
    body: JsonObject | None = None
    """The whole body of the answer as it came, of a stream put together again; None when there was none."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A call that no recording answers, where none may leave."""

    request: Request
    message: str
    """One clause: what was not found, and how the nearest recording differs."""
    nearest: Request | None = None
    path: JsonPath | None = None
    """The first place in the body where the nearest recording differs."""
    recorded: Json = None
    asked: Json = None


@dataclass(slots=True)
class Entry:
    """A call on its way; becomes an `Exchange` when an attempt ends."""

    ordinal: int
    equal: int
    asked: Request
    sent: Request
    swap: Swap
    streamed: bool
    begun: float
    """Monotonic seconds of the first attempt."""
    started: float
    """Monotonic seconds of the latest attempt."""
    clocked_ms: float | None = None
    """When the latest attempt started on the clock of the trace; None: that clock is not known any more."""
    waited: float = 0.0
    """Seconds between an attempt that failed and the next, all together."""
    attempts: int = 1
    lost: int = 0
    ended: float | None = None
    """Monotonic seconds of the end of the latest attempt; None while it is under way."""
    exchange: Exchange | None = None
    unpaid: bool = True
    """False when the latest attempt may have been paid for."""

    @property
    def name(self) -> str:
        """Stem of the settled ids in the answer; of what the application asked, so that it does not hang on the
        candidate."""
        return name_of(self.asked.request_key, self.equal)

    @property
    def failed(self) -> bool:
        """True when the latest attempt ended without a reply, so that an equal request is another try."""
        return self.ended is not None and self.exchange is not None and isinstance(self.exchange.call.outcome, NoReply)

    def again(self, now: float, clocked_ms: float | None) -> None:
        """Begin another attempt."""
        self.waited += now - (self.ended or now)
        self.attempts += 1
        self.lost += not self.unpaid
        self.started, self.ended, self.clocked_ms = now, None, clocked_ms


@dataclass(frozen=True, slots=True)
class Ending:
    """What one attempt came to."""

    outcome: Reply | NoReply
    timing: Timing | None
    at: str
    body: JsonObject | None = None
    source: Source = Source.LIVE
    simulated: bool = False
    abandoned: bool = False
    unpaid: bool = False


@dataclass(slots=True)
class _TraceClock:
    """The time of a trace, had every answer taken what its timing says.

    A recorded answer comes at once, and a simulated one after a share of its time. What the application asks once it
    has an answer began, on this clock, when that answer would have ended. Where every answer took its time, this is
    the time that passed.
    """

    ahead_ms: float = 0.0
    """Of the time that passed."""
    ended_ms: float = 0.0
    """The latest end of a call so far."""
    known: bool = True
    """False behind a recorded answer of which nobody wrote down when it began."""

    def at(self, passed_ms: float) -> float | None:
        """Return the time; None where it is not known."""
        return max(passed_ms + self.ahead_ms, self.ended_ms) if self.known else None

    def end(self, timing: Timing, passed_ms: float) -> None:
        """Note the end of a call."""
        if timing.started_ms is None:
            self.known = False
            return
        end = timing.started_ms + timing.total_ms
        self.ended_ms = max(self.ended_ms, end)
        self.ahead_ms = max(self.ahead_ms, end - passed_ms)


@dataclass(slots=True)
class Trace:
    """The calls of one context. Every method may be called from any thread."""

    opened: float
    """Monotonic seconds."""
    closed: float | None = None
    seen: Callable[[Exchange], None] | None = None
    faults: int = 0
    """Times that recording failed; the application's calls went on as ever."""
    first_fault: str = ""
    others: Counter[str] = field(default_factory=Counter)
    """Calls of the API that are not recorded, `POST /v1/moderations`, with their number."""
    misses: list[Miss] = field(default_factory=list)
    _entries: list[Entry] = field(default_factory=list)
    _by_key: dict[str, list[Entry]] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    _open: dict[int, Callable[[], None]] = field(default_factory=dict)
    _clock: _TraceClock = field(default_factory=_TraceClock)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The calls whose latest attempt has ended, in the order in which they began."""
        with self._lock:
            return tuple(entry.exchange for entry in self._entries if entry.exchange is not None)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The same as the vocabulary has them."""
        return tuple(exchange.call for exchange in self.exchanges)

    @property
    def under_way(self) -> int:
        """Calls that have begun and not ended; 0 once the context is closed."""
        with self._lock:
            return sum(entry.ended is None for entry in self._entries)

    @property
    def known(self) -> Mapping[str, str]:
        """The ids that were drawn for earlier answers, each with its settled one."""
        return self._known

    def begin(self, asked: Request, sent: Request, swap: Swap, streamed: bool, now: float) -> Entry:
        """Note that a request is about to leave: a new call, or another try of one that failed."""
        with self._lock:
            same = self._by_key.setdefault(sent.request_key, [])
            entry = next((entry for entry in reversed(same) if entry.failed), None)
            if entry is not None:
                entry.again(now, self._clock.at(self._passed_ms(now)))
                return entry
            entry = Entry(len(self._entries), len(same), asked, sent, swap, streamed, begun=now, started=now)
            entry.clocked_ms = self._clock.at(self._passed_ms(now))
            self._entries.append(entry)
            same.append(entry)
            return entry

    def end(self, entry: Entry, ending: Ending, now: float) -> None:
        """Note what an attempt came to, and tell `seen`."""
        with self._lock:
            outcome = ending.outcome
            if isinstance(outcome, Reply):
                self._known |= drawn_ids(entry.sent.api, ending.body or {}, entry.name)
                outcome = settled_reply(outcome, entry.name)
            entry.ended, entry.unpaid = now, ending.unpaid
            timing = _timing(entry, ending)
            if timing is not None:
                self._clock.end(timing, self._passed_ms(now))
            entry.exchange = Exchange(
                call=_call(entry, replace(ending, outcome=outcome, timing=timing)),
                asked=entry.asked,
                equal=entry.equal,
                notes=entry.swap.notes,
                streamed=entry.streamed,
                abandoned=ending.abandoned,
                started_ms=self._passed_ms(entry.begun),
                ended_ms=self._passed_ms(now),
                body=ending.body,
            )
        if self.seen is not None:
            self.seen(entry.exchange)

    def _passed_ms(self, now: float) -> float:
        return (now - self.opened) * 1000

    def miss(self, miss: Miss) -> None:
        """Remember a call that nothing answered; trying it again is the same miss."""
        with self._lock:
            if miss not in self.misses:
                self.misses.append(miss)

    def other(self, method: str, path: str) -> None:
        """Count a call of the API that is not recorded."""
        with self._lock:
            self.others[f"{method} {path}"] += 1

    @contextlib.contextmanager
    def harmless(self) -> Iterator[None]:
        """Keep a fault of the recorder from the application: it is counted, and the first one is a warning."""
        try:
            yield
        except Exception as fault:
            self.fault(fault)

    def fault(self, fault: Exception) -> None:
        """Count a fault of the recorder."""
        with self._lock:
            self.faults += 1
            first = self.faults == 1
            if first:
                self.first_fault = f"{type(fault).__name__}: {fault}"
        if first:
            # Where warnings are errors, not even this may reach the application.
            with contextlib.suppress(Exception):
                warnings.warn(f"prompt-migrate could not record a call: {self.first_fault}", NotRecorded, stacklevel=2)

    def watch(self, key: int, give_up: Callable[[], None]) -> None:
        """Remember an answer that is still being read, so that closing the trace can end it."""
        with self._lock:
            self._open[key] = give_up

    def unwatch(self, key: int) -> None:
        with self._lock:
            self._open.pop(key, None)

    def close(self, now: float) -> None:
        """End the trace; answers that are still being read count as abandoned, with what came of them."""
        with self._lock:
            left = list(self._open.values())
        for give_up in left:
            give_up()
        with self._lock:
            self.closed = now


def _timing(entry: Entry, ending: Ending) -> Timing | None:
    """Return where the time of a call went; of a recorded one, all as it was recorded."""
    timing = ending.timing
    if timing is None or ending.source is not Source.LIVE:
        return timing
    return replace(timing, waited_ms=entry.waited * 1000, started_ms=entry.clocked_ms)


def _call(entry: Entry, ending: Ending) -> Call:
    unanswered = isinstance(ending.outcome, NoReply) and not ending.unpaid
    return Call(
        request=entry.sent,
        outcome=ending.outcome,
        ordinal=entry.ordinal,
        timing=ending.timing,
        attempts=entry.attempts,
        lost=entry.lost + unanswered,
        source=ending.source,
        at=ending.at,
        simulated=ending.simulated,
    )
