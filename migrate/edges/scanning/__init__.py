"""Source trees read for the models they ask and the prompts they send; nothing of them is imported or run."""

from migrate.edges.scanning.drafts import Draft, Written, drafts_of, write_drafts
from migrate.edges.scanning.nouns import Mention, ModelUse, Scan, Site, Spot, Unread
from migrate.edges.scanning.whole import scan

__all__ = [
    "Draft",
    "Mention",
    "ModelUse",
    "Scan",
    "Site",
    "Spot",
    "Unread",
    "Written",
    "drafts_of",
    "scan",
    "write_drafts",
]
