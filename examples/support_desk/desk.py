"""A support desk: it sorts a customer's message, then writes the answer while the customer waits.

This is an application as it runs in production. It knows nothing of prompt-migrate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from openai import OpenAI

MODEL = "gpt-4o"
LABELS = ("late", "damaged", "lost", "other")
TRIES = 2
SORT = """\
You sort messages for the support desk of a parcel service.
Answer with one JSON object: label (late, damaged, lost or other), parcel (the number of the parcel, or null),
urgent (true or false). Nothing else."""
ANSWER = "You answer for the support desk of a parcel service. Two sentences, friendly, no promises."


class CannotSort(Exception):
    """The model did not sort a message in a form that can be read."""


@dataclass(frozen=True)
class Ticket:
    label: str
    parcel: str | None
    urgent: bool


class Desk:
    """Sorts messages and answers them."""

    def __init__(self, client: OpenAI | None = None) -> None:
        self._client = client or OpenAI(max_retries=2)

    def sort(self, message: str) -> Ticket:
        """Return the ticket of a message; an answer that cannot be read is asked for once more."""
        problem: Exception | None = None
        for _ in range(TRIES):
            try:
                return read_ticket(self._ask(message))
            except (ValueError, KeyError, TypeError) as error:
                problem = error
        raise CannotSort(f"after {TRIES} tries: {problem!r}")

    def _ask(self, message: str) -> str:
        reply = self._client.chat.completions.create(
            model=MODEL,
            temperature=0,
            response_format={"type": "json_schema", "json_schema": {"name": "ticket", "schema": SCHEMA}},
            messages=[{"role": "system", "content": SORT}, {"role": "user", "content": message}],
        )
        return reply.choices[0].message.content or ""

    def answer(self, message: str, ticket: Ticket) -> Iterator[str]:
        """Yield the answer to a message, piece by piece."""
        facts = f"It is {'urgent' if ticket.urgent else 'not urgent'}, and about a parcel that is {ticket.label}."
        stream = self._client.chat.completions.create(
            model=MODEL,
            stream=True,
            stream_options={"include_usage": True},
            messages=[
                {"role": "system", "content": ANSWER},
                {"role": "user", "content": f"{message}\n\n{facts}"},
            ],
        )
        for event in stream:
            if event.choices and event.choices[0].delta.content:
                yield event.choices[0].delta.content


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["label", "parcel", "urgent"],
    "properties": {
        "label": {"type": "string", "enum": list(LABELS)},
        "parcel": {"type": ["string", "null"], "pattern": "^[0-9]{4}$"},
        "urgent": {"type": "boolean"},
    },
}


def read_ticket(text: str) -> Ticket:
    """Return the ticket in a model's answer, which is bare JSON."""
    found = json.loads(text)
    if found["label"] not in LABELS:
        raise ValueError(f"no such label: {found['label']}")
    return Ticket(found["label"], found["parcel"], bool(found["urgent"]))
