"""Which fault an HTTP status is: what is tried again, what ends the run, and what is neither."""

from __future__ import annotations

import pytest

from migrate.vocabulary import NoReplyKind
from migrate.wire.faults import QUOTA_CODES, kind_of_status


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (NoReplyKind.REDIRECT, [300, 301, 307, 308, 399]),
        (NoReplyKind.BAD_REQUEST, [400, 402, 405, 407, 410, 422, 428, 430, 451, 499]),
        (NoReplyKind.AUTHENTICATION, [401, 403]),
        (NoReplyKind.MODEL_NOT_FOUND, [404]),
        (NoReplyKind.SERVER_ERROR, [408, 409, 500, 502, 503, 529, 599]),
        (NoReplyKind.RATE_LIMIT, [429]),
    ],
    ids=lambda value: value if isinstance(value, NoReplyKind) else "",
)
def test_a_status_has_its_kind(kind: NoReplyKind, statuses: list[int]) -> None:
    """By the status alone, where no code says more."""
    assert {kind} == {kind_of_status(status, "", "no") for status in statuses}


@pytest.mark.parametrize("code", sorted(QUOTA_CODES))
def test_quota_is_told_by_its_code(code: str) -> None:
    """It comes as a rate limit or as a refusal, and is neither: asking again helps nobody."""
    assert {NoReplyKind.QUOTA} == {kind_of_status(status, code, "") for status in (400, 402, 403, 429)}


@pytest.mark.parametrize(
    ("code", "message"),
    [("context_length_exceeded", ""), ("", "This model's maximum CONTEXT length is 8192 tokens"), ("x", "context")],
)
def test_a_context_too_long_is_told_by_code_or_words(code: str, message: str) -> None:
    """Gateways keep the vendor's words more often than its code."""
    assert NoReplyKind.CONTEXT_LENGTH is kind_of_status(400, code, message)
    assert NoReplyKind.SERVER_ERROR is kind_of_status(500, code, message)
