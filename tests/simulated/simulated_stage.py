"""A simulated provider in a thread, the real SDK against it, and small flows to ask about."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest

from migrate.canonical import request_of
from migrate.edges.providers.simulated.book import AnswerBook, BookEntry, kind_of
from migrate.edges.providers.simulated.log import HabitLog
from migrate.edges.providers.simulated.performing import Troupe
from migrate.edges.providers.simulated.server import Fault, serve
from migrate.edges.providers.simulated.simulation import Simulation
from migrate.vocabulary import CaseId, FlowName, Json

TRIAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["billing", "delivery", "other"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "amount": {"type": "number"},
        "summary": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
    },
    "required": ["label", "confidence", "amount", "summary"],
    "additionalProperties": False,
}
"""The answer schema of the flow `triage`."""

TRIAGED: dict[str, Any] = {
    "label": "billing",
    "confidence": 0.9,
    "amount": 12.5,
    "summary": "The customer often buys parcels and needs the refund of 12.50 EUR by 2026-01-20.",
    "tags": ["refund", "invoice", "vip"],
    "note": "call back",
}

ORDER_TOOLS: list[dict[str, Any]] = [
    {
        "name": name,
        "description": words,
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "urgent": {"type": "boolean"}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    }
    for name, words in (("get_order", "Look up one order"), ("cancel_order", "Cancel one order"))
]


PROSE = (
    "The refund of 12.50 EUR was sent on 2026-01-20 and usually takes 5 days. "
    "If you need further help, our team will answer quickly. The parcel was delivered to the wrong customer."
)
"""The answer of the flow `letter`."""

CALLS: dict[str, Any] = {"tool_calls": [{"name": "get_order", "arguments": {"order_id": "A-1", "urgent": True}}]}
"""The answer of the flow `orders`."""


def keep(value: Json) -> Json:
    """Redact nothing."""
    return value


def chat_body(question: str, **more: Any) -> dict[str, Any]:
    """Return a Chat Completions body, as the SDK sends it."""
    messages = [{"role": "system", "content": "You answer as JSON."}, {"role": "user", "content": question}]
    return {"model": "gpt-4o", "messages": messages, **more}


def case(expected: Json, body: dict[str, Any], name: str = "c1", **promises: Any) -> tuple[str, BookEntry]:
    """Return the book's entry for a Chat Completions body: JSON of the triage schema, calls, or text."""
    kind = kind_of(expected, "text" if isinstance(expected, str) else "json")
    flow = {"json": "triage", "text": "letter", "tool_calls": "orders"}[kind]
    known: dict[str, Any] = {"schema": TRIAGE, "parse": "json"} if kind == "json" else {}
    return key_of(body), BookEntry(FlowName(flow), CaseId(name), expected, kind, **{**known, **promises})


def key_of(body: dict[str, Any], api: Any = "chat") -> str:
    """Return the prompt key of a body."""
    return request_of(api, body, keep).prompt_key


@dataclass
class Stage:
    """A running server and what it was given."""

    base_url: str
    log_file: Path
    clients: list[openai.OpenAI] = field(default_factory=list)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The habit log so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def client(self, **options: Any) -> openai.OpenAI:
        """Return the SDK's client with its default transport, retries off."""
        self.clients.append(openai.OpenAI(base_url=self.base_url, api_key="any", **{"max_retries": 0, **options}))
        return self.clients[-1]


@dataclass
class _Server:
    simulation: Simulation
    fault: Fault | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _url: list[str] = field(default_factory=list)

    def start(self) -> str:
        ready = threading.Event()

        def told(url: str) -> None:
            self._url.append(url)
            ready.set()

        def run() -> None:
            self._loop.run_until_complete(serve(self.simulation, ready=told, stop=self._stop, fault=self.fault))
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self._url[0]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


OpenStage = Callable[..., Stage]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[OpenStage]:
    """Open servers: `stage(entries, personas=..., noise=..., seed=..., fault=..., time_scale=...)`."""
    servers: list[_Server] = []
    stages: list[Stage] = []
    logs: list[HabitLog] = []

    def open_stage(
        entries: list[tuple[str, BookEntry]] | None = None,
        *,
        seed: int = 1,
        fault: Fault | None = None,
        time_scale: float = 0.0,
        **troupe: Any,
    ) -> Stage:
        log_file = tmp_path / f"habits-{len(servers)}.jsonl"
        logs.append(HabitLog(log_file))
        simulation = Simulation(
            redact=keep,
            book=AnswerBook.of(entries or []),
            troupe=Troupe(seed, **troupe),
            time_scale=time_scale,
            log=logs[-1],
        )
        servers.append(_Server(simulation, fault))
        stages.append(Stage(servers[-1].start(), log_file))
        return stages[-1]

    yield open_stage
    for client in (client for opened in stages for client in opened.clients):
        client.close()
    for server in servers:
        server.stop()
    for log in logs:
        log.close()
