"""The system's clock, with the date that lifecycle facts are judged against as an input."""

from __future__ import annotations

import datetime as dt
import time


class SystemClock:
    """Implements `ports.Clock`."""

    def __init__(self, as_of: dt.date | None = None) -> None:
        self._as_of = as_of

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def today(self) -> dt.date:
        return self._as_of or dt.datetime.now(dt.UTC).date()

    # As it is: every piece of a stream asks for it.
    monotonic = staticmethod(time.monotonic)
