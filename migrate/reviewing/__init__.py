"""What a reviewer sees as one, and what follows from a decision: groups of equal changes, writes as data."""

from migrate.reviewing.choosing import Choice, Said, Seen, chosen, meant, misnamed, reopened, showing
from migrate.reviewing.companions import Companion, LeftOpen, companions, is_one_change, left_open
from migrate.reviewing.decisions import Decided, Outcome, decide, over_words, taken_back
from migrate.reviewing.dropping import Dropped, dropped_by
from migrate.reviewing.groups import (
    WORST_FIRST,
    Fingerprint,
    Grouping,
    fingerprint_of,
    group_changes,
    group_id,
    open_findings,
)
from migrate.reviewing.sampling import Pair, Sample, answer_digests, draw, latest
from migrate.reviewing.seen import seen_digest
from migrate.reviewing.tolerations import joined
from migrate.reviewing.undoing import is_there, newest, rejected_again, standing, unlike, written_by

__all__ = [
    "WORST_FIRST",
    "Choice",
    "Companion",
    "Decided",
    "Dropped",
    "Fingerprint",
    "Grouping",
    "LeftOpen",
    "Outcome",
    "Pair",
    "Said",
    "Sample",
    "Seen",
    "answer_digests",
    "chosen",
    "companions",
    "decide",
    "draw",
    "dropped_by",
    "fingerprint_of",
    "group_changes",
    "group_id",
    "is_one_change",
    "is_there",
    "joined",
    "latest",
    "left_open",
    "meant",
    "misnamed",
    "newest",
    "open_findings",
    "over_words",
    "rejected_again",
    "reopened",
    "seen_digest",
    "showing",
    "standing",
    "taken_back",
    "unlike",
    "written_by",
]
