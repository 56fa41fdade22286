"""Measure what interception costs a call, as a ratio in one run: `python benchmarks/interception.py [--calls N]`.

The same calls of the SDK, over a transport that answers at once, take turns with and without a context around them.
What is counted is CPU time of the thread, so that neither a network nor a busy machine is measured: of a call without
us, of one with us, and of our own part of it by itself, which the calls' own unevenness would drown in a difference.
What looking at the clock around each of our steps costs at least is measured first and left out.
The target is 1 ms of our own at the 99th percentile, redaction and keys included.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai

sys.path.insert(0, str(Path(__file__).parents[1]))

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, interception, listening
from migrate.redaction import Redactor
from migrate.rendering import parse_candidate

TARGET_MS = 1.0
WARM_UP = 50
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine " * 60}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 60, "total_tokens": 70},
}


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


EVENTS = [chunk({"role": "assistant"}), *[chunk({"content": "fine "})] * 60, chunk({}, "stop"), b"data: [DONE]\n\n"]


class Events(httpx2.SyncByteStream):
    def __iter__(self) -> Any:
        return iter(EVENTS)


def respond(request: httpx2.Request) -> httpx2.Response:
    asked = json.loads(request.content)
    served = {**ANSWER, "model": asked["model"]}
    if asked.get("stream"):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Events())
    return httpx2.Response(200, json=served)


def texts(size: int) -> Callable[[int], str]:
    """Return prompts of about `size` characters, no two alike, as an application fills them in."""
    words = ("The parcel left Cologne on Tuesday and is expected on the second day after that. " * (size // 80 + 1))[
        :size
    ]
    return lambda number: f"{words} Question {number}."


def calls(client: openai.OpenAI) -> dict[str, Callable[[int], object]]:
    """Return the kinds of call that are measured, each by the number of the call."""
    short, long = texts(300), texts(20_000)

    def ask(text: str, **more: Any) -> Any:
        return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}], **more)

    return {
        "300 characters": lambda number: ask(short(number)),
        "20,000 characters": lambda number: ask(long(number)),
        "streamed, 60 events": lambda number: [*ask(short(number), stream=True)],
    }


class Own:
    """Adds up the CPU time of our own steps."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.steps = 0
        self._depth = 0
        self._look = self._look_of()
        for owner, name in (
            (interception, "_started"),
            (interception, "_listen"),
            (interception, "_hand_over"),
            (listening.Listener, "chunk"),
            (listening.Listener, "whole"),
            (listening.Listener, "dropped"),
        ):
            setattr(owner, name, self._timed(getattr(owner, name)))

    @property
    def own(self) -> float:
        """CPU seconds without the looks at the clock."""
        return self.spent - self.steps * self._look

    def start(self) -> None:
        self.spent, self.steps = 0.0, 0

    def _look_of(self) -> float:
        """Return what a step that does nothing is told to take, at least."""
        nothing, least = self._timed(lambda: None), 1.0
        for _ in range(WARM_UP * 100):
            self.start()
            nothing()
            least = min(least, self.spent)
        return least

    def _timed(self, step: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(step)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            started = time.thread_time()
            try:
                return step(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.spent += time.thread_time() - started
                    self.steps += 1

        return timed


@dataclass
class Figures:
    """CPU milliseconds of each call."""

    plain: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)


def measure(call: Callable[[int], object], opened: Callable[[], Interception], own: Own, count: int) -> Figures:
    """Let calls without and with a context take turns."""
    figures = Figures()
    for number in range(count + WARM_UP):
        started = time.thread_time()
        call(number)
        middle = time.thread_time()
        with opened():
            own.start()
            inside = time.thread_time()
            call(number)
            ended = time.thread_time()
        if number >= WARM_UP:
            figures.plain.append((middle - started) * 1000)
            figures.watched.append((ended - inside) * 1000)
            figures.own.append(own.own * 1000)
    return figures


def p99(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=100)[98]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="calls of each kind")
    count = parser.parse_args().calls
    redact, clock = Redactor().value, SystemClock()
    http_client = httpx2.Client(transport=httpx2.MockTransport(respond))
    client = openai.OpenAI(api_key="sk-none", base_url="http://mock.example/v1", http_client=http_client)
    worst, own = 0.0, Own()
    print("CPU ms a call                    without us   with us   ratio   our own p50     p99")
    for name, call in calls(client).items():
        with Interception("record", clock, redact) as trace:
            for number in range(count + WARM_UP):
                call(number)
        tape = Tape(map(Recorded.of, trace.exchanges))
        modes = {
            "recorded": lambda: Interception("record", clock, redact),
            "swapped": lambda: Interception("live", clock, redact, swap=parse_candidate("gpt-4.1")),
            "replayed": lambda tape=tape: Interception("offline", clock, redact, answers=tape),
        }
        for mode, opened in modes.items():
            figures = measure(call, opened, own, count)
            plain, watched = statistics.median(figures.plain), statistics.median(figures.watched)
            worst = max(worst, p99(figures.own))
            spent = f"{statistics.median(figures.own):>11.3f} {p99(figures.own):>7.3f}"
            print(f"{name + ', ' + mode:<32} {plain:>10.3f} {watched:>9.3f} {watched / plain:>7.2f} {spent}")
    print(f"target: at most {TARGET_MS:g} ms of our own at the 99th percentile; the worst above is {worst:.3f} ms")
    return 0 if worst <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
