"""What a reviewer sees as one, and what follows from a decision: groups of equal changes, writes as data."""

from migrate.reviewing.decisions import Choice, Decided, Outcome, Seen, chosen, decide, joined, meant
from migrate.reviewing.groups import (
    WORST_FIRST,
    Fingerprint,
    Grouping,
    fingerprint_of,
    group_changes,
    group_id,
    open_findings,
)
from migrate.reviewing.seen import seen_digest

__all__ = [
    "WORST_FIRST",
    "Choice",
    "Decided",
    "Fingerprint",
    "Grouping",
    "Outcome",
    "Seen",
    "chosen",
    "decide",
    "fingerprint_of",
    "group_changes",
    "group_id",
    "joined",
    "meant",
    "open_findings",
    "seen_digest",
]
