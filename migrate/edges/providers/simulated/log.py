"""The habit log: one JSON line a reply, saying what was done to it and which promise that breaks.

It is written from what the habits know of themselves, never from comparing, so that a judge can be held to it.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

from migrate.edges.providers.simulated.draft import Break, Performance, Slip
from migrate.vocabulary import Json

_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """What identifies a reply."""

    request_id: str
    model: str
    """As asked for."""
    prompt_key: str
    flow: str | None
    """None: no case of the answer book."""
    case: str | None
    variant: str | None
    sample: int
    seed: int
    step: str | None = None
    """The step of a chain."""


class HabitLog:
    """An append-only JSONL file; a line is written whole, so that two servers may share one file."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._out: TextIO = file.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def write(self, entry: Entry, performance: Performance) -> None:
        """Append the line of one reply."""
        self._out.write(json.dumps(log_line(entry, performance, dt.datetime.now(dt.UTC)), ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def log_line(entry: Entry, performance: Performance, at: dt.datetime) -> dict[str, Any]:
    """Return one line of the log as data."""
    return {
        "at": at.isoformat(timespec="milliseconds"),
        "request_id": entry.request_id,
        "model": entry.model,
        "prompt_key": entry.prompt_key,
        "flow": entry.flow,
        "case": entry.case,
        "variant": entry.variant,
        "step": entry.step,
        "sample": entry.sample,
        "seed": entry.seed,
        "habits": [_habit(slip) for slip in performance.slips],
        "expected_kept": performance.kept,
    }


def _habit(slip: Slip) -> dict[str, Any]:
    return {
        "habit": slip.habit,
        "origin": slip.origin,
        "path": slip.path,
        "before": _short(slip.before),
        "after": _short(slip.after),
        "how": slip.how or None,
        "breaks": None if slip.breaks is None else _broken(slip.breaks),
        "also": [_broken(other) for other in slip.also],
        "changes": None if slip.changes is None else slip.changes.value,
    }


def _broken(broken: Break) -> dict[str, Any]:
    found = {"rung": broken.rung.value, "kind": broken.kind.value, "path": broken.path, "severity": "breaking"}
    return {**found, "check": broken.check} if broken.check else found


def _short(value: Json) -> Json:
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return value[:_LONGEST] + "…" if isinstance(value, str) and len(value) > _LONGEST else value
