"""The application's own tests. The mark is all they know of prompt-migrate."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from desk import LABELS, Desk, read_ticket

MESSAGES = {
    "late": "My parcel 4711 should have been here on Tuesday. Where is it?",
    "cup": "The cup in parcel 2040 arrived in pieces, and it is a present for tomorrow.",
    "lost": "Parcel 1234 is shown as delivered, but nobody here has seen it.",
    "hours": "When is your shop in the old town open?",
    "wet": "Everything in 3302 is wet. I want my money back.",
    "thanks": "Thank you, parcel 9000 came earlier than I thought!",
}


@pytest.mark.flow("support-desk", critical="high", ignore=["$.parcel"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_message(message, golden):
    desk = Desk()
    ticket = desk.sort(message)
    answer = "".join(desk.answer(message, ticket))
    assert ticket.label in LABELS
    assert 20 < len(answer) < 2000
    golden.check(asdict(ticket), name="ticket")


def test_a_ticket_is_read_from_bare_json():
    assert read_ticket('{"label": "late", "parcel": "4711", "urgent": false}').label == "late"
