"""A pytest plugin for runs under test: writes down when every try was made, and when which pause or stop was known.

The moments are taken inside the processes of the run by the machine's monotonic clock, which they share: a call that
had left before anybody knew of a pause is no breach of it.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def pytest_configure(config: Any) -> None:
    """Watch the provider's door and what the processes share, where the environment names a folder for it."""
    folder = os.environ.get("WITNESS")
    if folder is None:
        return
    from migrate.edges.providers.openai import OpenAIProvider
    from migrate.edges.shared_state import SharedState

    log = (Path(folder) / f"{os.getpid()}.txt").open("a", buffering=1)
    ask, pause, stop = OpenAIProvider.ask, SharedState.pause, SharedState.stop
    until: Any = SharedState.paused_until
    kind: Any = SharedState.stopped
    looked = [0.0, 0.0]

    def look(self: Any) -> Any:
        # Before the look: of a pause that was known by then the look must tell. From there to the call the engine
        # awaits nothing, so the last look before a call is its own.
        looked[0] = time.monotonic()
        return until.fget(self)

    def look_for_stop(self: Any) -> Any:
        looked[1] = time.monotonic()
        return kind.fget(self)

    @functools.wraps(ask)
    async def asked(self: Any, request: Any, **options: Any) -> Any:
        log.write(f"call {time.monotonic()!r} {looked[0]!r} {looked[1]!r}\n")
        attempt = await ask(self, request, **options)
        if attempt.retry_after_s is not None:
            log.write(f"stated {time.monotonic()!r} {attempt.retry_after_s!r}\n")
        return attempt

    def paused(self: Any, until: float) -> None:
        pause(self, until)
        log.write(f"known {time.monotonic()!r} {until!r}\n")

    def stopped(self: Any, kind: Any) -> None:
        stop(self, kind)
        log.write(f"stop {time.monotonic()!r}\n")

    for owner, name, real, watched in (
        (OpenAIProvider, "ask", ask, asked),
        (SharedState, "pause", pause, paused),
        (SharedState, "stop", stop, stopped),
        (SharedState, "paused_until", until, property(look)),
        (SharedState, "stopped", kind, property(look_for_stop)),
    ):
        setattr(owner, name, watched)
        config.add_cleanup(functools.partial(setattr, owner, name, real))
    config.add_cleanup(log.close)


@dataclass
class Observed:
    """What the witnesses of all processes of a run saw, in seconds of the machine's monotonic clock."""

    calls: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    """When each of the calls looked whether there was a pause."""
    looks_for_stop: list[float] = field(default_factory=list)
    """When each of the calls looked whether the run was stopped."""
    stated: list[tuple[float, float]] = field(default_factory=list)
    """When a provider's word arrived, and the pause it asked for."""
    known: list[tuple[float, float]] = field(default_factory=list)
    """From when on all processes knew of a pause, and its end."""
    stops: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Observed:
        found = cls()
        for words in _words(folder):
            match words:
                case ["call", at, look, look_for_stop]:
                    found.calls.append(float(at))
                    found.looks.append(float(look))
                    found.looks_for_stop.append(float(look_for_stop))
                case ["stated", at, seconds]:
                    found.stated.append((float(at), float(seconds)))
                case ["known", at, until]:
                    found.known.append((float(at), float(until)))
                case ["stop", at]:
                    found.stops.append(float(at))
        return found

    def calls_within_pauses(self) -> int:
        """Return the calls that looked for a pause when one was known, and were made before it was over.

        A busy machine may hold a process between its look and its call: that is no breach, and is not counted.
        """
        made = zip(self.calls, self.looks, strict=True)
        return sum(any(known < look and at < until for known, until in self.known) for at, look in made)

    def unkept(self) -> list[tuple[float, float]]:
        """Return the pauses that were stated and did not become known, until their end or longer."""
        ends = sorted(until for _, until in self.known)
        longest = ends[-1] if ends else 0.0
        return [(at, pause) for at, pause in self.stated if longest < at + pause - 1e-6]

    def calls_after_stop(self) -> int:
        """Return the calls that looked for a stop when all processes knew of one."""
        return sum(look > min(self.stops) for look in self.looks_for_stop) if self.stops else 0


def _words(folder: Path) -> Iterator[list[str]]:
    for path in folder.glob("*.txt"):
        for line in path.read_text("ascii").splitlines():
            yield line.split()
