"""Which fault of the road an HTTP status is."""

from __future__ import annotations

from typing import Final

from migrate.vocabulary import NoReplyKind

QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted"})


def kind_of_status(status: int, code: str, message: str) -> NoReplyKind:
    """Sort an error status into a kind; quota is told from rate limits by its code."""
    if code in QUOTA_CODES:
        return NoReplyKind.QUOTA
    if status == 429:
        return NoReplyKind.RATE_LIMIT
    if 300 <= status < 400:
        return NoReplyKind.REDIRECT
    if status in (401, 403):
        return NoReplyKind.AUTHENTICATION
    if status == 404:
        return NoReplyKind.MODEL_NOT_FOUND
    if status in (408, 409) or status >= 500:
        return NoReplyKind.SERVER_ERROR
    if code == "context_length_exceeded" or "context" in message.lower():
        return NoReplyKind.CONTEXT_LENGTH
    return NoReplyKind.BAD_REQUEST
