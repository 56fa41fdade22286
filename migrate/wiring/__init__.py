"""Settings to concrete edges: the only room that knows everyone."""

from migrate.wiring.endings import (
    discard_journal,
    fold,
    fold_leftovers,
    is_in_journals,
    refuse_finished,
    refuse_going_on,
)
from migrate.wiring.estimates import Planned, estimate_line, planned_of
from migrate.wiring.passage_vectors import Spent, make_vectors
from migrate.wiring.resuming import Chosen, choose
from migrate.wiring.world import (
    World,
    account_words,
    candidates_of,
    key_variable,
    offers,
    open_world,
    pico_of,
    refuse_in_ci,
)

__all__ = [
    "Chosen",
    "Planned",
    "Spent",
    "World",
    "account_words",
    "candidates_of",
    "choose",
    "discard_journal",
    "estimate_line",
    "fold",
    "fold_leftovers",
    "is_in_journals",
    "key_variable",
    "make_vectors",
    "offers",
    "open_world",
    "pico_of",
    "planned_of",
    "refuse_finished",
    "refuse_going_on",
    "refuse_in_ci",
]
