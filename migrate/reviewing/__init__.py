"""What a reviewer sees as one, and what follows from a decision: groups of equal changes, writes as data."""

from migrate.reviewing.groups import WORST_FIRST, Fingerprint, Grouping, fingerprint_of, group_changes, group_id
from migrate.reviewing.seen import seen_digest

__all__ = ["WORST_FIRST", "Fingerprint", "Grouping", "fingerprint_of", "group_changes", "group_id", "seen_digest"]
