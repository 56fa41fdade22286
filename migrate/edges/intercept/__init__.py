"""Interception: every call an application makes of the OpenAI API, seen at the transport.

    with Interception("record", clock, redactor.value) as trace:
        run_the_application()
    trace.exchanges

Seen are the calls that go through httpx2 or httpx: the SDK from 2.x on in every form, and what is built on it.
Not seen are WebSockets (realtime), libraries with HTTP stacks of their own, and other processes.
"""

from migrate.edges.intercept.interception import Gate, Interception, Mode, Route
from migrate.edges.intercept.swapping import Swaps
from migrate.edges.intercept.tape import Answers, Recorded, Tape
from migrate.edges.intercept.trace import Exchange, Miss, NotRecorded, Trace

__all__ = [
    "Answers",
    "Exchange",
    "Gate",
    "Interception",
    "Miss",
    "Mode",
    "NotRecorded",
    "Recorded",
    "Route",
    "Swaps",
    "Tape",
    "Trace",
]
