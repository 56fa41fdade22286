"""Run the engine beside pytest's own loop: a thread with an event loop, and a place where each item waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from migrate.errors import PromptMigrateError
from migrate.workflow.engine import Answered, Asked, Engine

BACKLOG: Final = 1_000
"""Answers that may lie unread before no new call is started: bounds memory when judging is slower than asking."""
AHEAD_S: Final = 2.0
"""Seconds the engine gets to ask alone once the reader has read what was there. Two threads that both have work hand
the interpreter to and fro, and each turn costs: asking and reading by turns takes a tenth less than both at once."""


@dataclass(slots=True)
class _Tray:
    """The answers of one ticket: filled by the engine's thread, emptied by the item that waits for them."""

    wanted: int
    calls: list[tuple[int, Answered]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.calls) >= self.wanted


class Background:
    """Owns the thread. `collect` blocks until all answers of a ticket are there; each ticket is collected once.

    `build` makes the engine inside the thread's event loop. `asks` runs in that thread too, calls `expect` for
    every ticket it comes to, in the order the tickets will be collected, and yields the ticket's asks. A failure
    of the thread is raised from `collect`, never swallowed.
    """

    def __init__(
        self,
        build: Callable[[Callable[[Asked, Answered], None], Callable[[], bool]], Engine],
        asks: Callable[[], Iterator[Asked]],
    ) -> None:
        self._build = build
        self._asks = asks
        self._trays: dict[int, _Tray] = {}
        self._changed = threading.Condition()
        self._waiting: int | None = None
        self._unread = 0
        self._held = False
        self._asking = True
        self._stopping = False
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._main, name="prompt-migrate-engine", daemon=True)
        self.engine: Engine | None = None

    def start(self) -> None:
        self._thread.start()

    def expect(self, ticket: int, answers: int) -> None:
        """Say how many answers a ticket gets; 0 for one that needs none."""
        with self._changed:
            self._trays[ticket] = _Tray(answers)
            if answers == 0 and self._waiting == ticket:
                self._changed.notify()

    def collect(self, ticket: int) -> list[tuple[int, Answered]]:
        """Return the answers of a ticket with their sample index, in the order of the samples."""
        with self._changed:
            self._waiting = ticket
            if not self._is_full(ticket):
                self._changed.wait_for(lambda: self._is_full(ticket) or self._unread or not self._asking)
                self._changed.wait_for(self._is_far_ahead, AHEAD_S)
            while not self._is_full(ticket):
                if self._failure is not None:
                    raise self._failure
                if not self._thread.is_alive():
                    raise RuntimeError(f"the engine ended before the answers of ticket {ticket} were there")
                self._changed.wait(1.0)
            self._waiting = None
            tray = self._trays.pop(ticket)
            self._unread -= len(tray.calls)
        return sorted(tray.calls, key=lambda answer: answer[0])

    def _is_full(self, ticket: int) -> bool:
        tray = self._trays.get(ticket)
        return tray is not None and tray.full

    def _is_far_ahead(self) -> bool:
        """Say whether the engine has asked all it may before something is read."""
        return self._unread >= BACKLOG or not self._asking

    def finish(self, within_s: float) -> None:
        """Ask for nothing new, let what is in flight come to its end within so many seconds, then `stop`."""
        try:
            loop, engine = self._loop, self.engine
            if loop is not None and engine is not None and not loop.is_closed():
                with contextlib.suppress(RuntimeError):  # it may close in this very moment
                    loop.call_soon_threadsafe(engine.halt)
                self._thread.join(within_s)
        finally:
            self.stop()

    def stop(self) -> None:
        """Cancel what is in flight and end the thread; safe to repeat."""
        self._stopping = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._cancel)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _cancel(self) -> None:
        """Cancel the asking, in the thread that asks; what is being closed is closed to its end."""
        if self._task is not None:
            self._task.cancel()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            pass
        except OSError as failure:  # of the machine: a call's own faults end in the call
            self._failure = PromptMigrateError(
                f"the asking stopped: {failure.strerror or failure}",
                kept="what was answered before",
                hint="where the limit is one of open files, raise it: ulimit -n 1024",
            )
            self._failure.__cause__ = failure
        except BaseException as failure:  # handed to the thread that waits
            self._failure = failure
        finally:
            self._end()

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self.engine = self._build(self._deliver, self._full)
        try:
            if not self._stopping:
                await self.engine.run(self._asks())
        finally:
            self._task = None
            self._end()
            await self.engine.close()

    def _end(self) -> None:
        """Tell the reader that no further answer comes."""
        with self._changed:
            self._asking = False
            self._changed.notify_all()

    def _full(self) -> bool:
        # Never hold back while somebody waits: the answer waited for may be among those not asked yet. Otherwise what
        # was held back stays so until all is read: there is one interpreter, and the reader has work for it.
        self._held = self._waiting is None and self._unread >= (1 if self._held else BACKLOG)
        return self._held

    def _deliver(self, ask: Asked, answered: Answered) -> None:
        with self._changed:
            tray = self._trays[ask.ticket]
            tray.calls.append((ask.sample, answered))
            self._unread += 1
            if self._unread in (1, BACKLOG) or (tray.full and self._waiting == ask.ticket):
                self._changed.notify()
