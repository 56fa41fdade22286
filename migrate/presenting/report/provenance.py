"""Where a report's figures come from: models asked and served, days, sources, samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from migrate.evidence.weighing import Record
from migrate.vocabulary import LOOKUP, Measurement


class Provenance:
    """Gathers both sides' facts, record by record."""

    def __init__(self) -> None:
        self._sides: dict[str, Counter[tuple[str, str, str, bool]]] = {"baseline": Counter(), "candidate": Counter()}
        self._days: dict[str, tuple[str, str]] = {}
        self._seen: set[tuple[str, str]] = set()

    def add(self, record: Record) -> None:
        # The golden's measurements come with every candidate; they are counted once.
        key = (record.comparison.flow, record.comparison.case)
        if key not in self._seen:
            self._seen.add(key)
            self._add("baseline", record.baseline)
        self._add("candidate", record.candidate)

    def _add(self, side: str, rows: Sequence[Measurement]) -> None:
        for row in rows:
            if row.ordinal == LOOKUP:
                continue
            served = row.served_model or "no reply"
            self._sides[side][row.asked_model, served, row.source.value, row.simulated] += 1
            if row.at:
                first, last = self._days.get(side, (row.at, row.at))
                self._days[side] = min(first, row.at), max(last, row.at)

    def document(self) -> list[dict[str, Any]]:
        """Return one entry a side, model asked, model served and source, with the number of calls."""
        return [
            {
                "side": side,
                "asked": asked,
                "served": served,
                "source": source,
                "simulated": simulated,
                "calls": calls,
            }
            for side, counts in self._sides.items()
            for (asked, served, source, simulated), calls in sorted(counts.items())
        ]

    def days(self) -> dict[str, list[str]]:
        """Return the first and last time of an answer, side by side."""
        return {side: [first, last] for side, (first, last) in self._days.items()}
