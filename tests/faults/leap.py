"""A pytest plugin for runs under test: the clock on the wall leaps while the run goes on, a day on, three hours back.

The monotonic clock goes on as it does on a real machine whose time is set.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import Any

LEAPS_S = (0, 86_400, -10_800, 3_600, -90_000)


def pytest_configure(config: Any) -> None:
    """Let every look at the wall clock show another of the leaps."""
    from migrate.edges.clock import SystemClock

    leaps, now, real = itertools.cycle(LEAPS_S), SystemClock.now, time.time

    def leaping(self: SystemClock) -> dt.datetime:
        return now(self) + dt.timedelta(seconds=next(leaps))

    SystemClock.now = leaping  # type: ignore[method-assign]
    time.time = lambda: real() + next(leaps)
    config.add_cleanup(lambda: setattr(SystemClock, "now", now))
    config.add_cleanup(lambda: setattr(time, "time", real))
