"""Reviews and promotions over the files of a project and its ledger."""

from __future__ import annotations

from migrate.edges.checkout import reviewer_of
from migrate.edges.goldens.log import DecisionFiles
from migrate.edges.inventory.amending import PromptTexts
from migrate.wiring.world import World
from migrate.workflow.review import Review


def open_review(world: World) -> Review:
    """Return the one writer of decisions, over a world's goldens, prompt files and ledger."""
    log = DecisionFiles(world.root / world.settings.fixtures, world.redactor)
    return Review(world.load_flows(), world.goldens, log, PromptTexts(world.root), world.ledger)


def reviewer(world: World, given: str | None) -> str:
    """Return who decides: as given, else the name git signs with, else nobody known."""
    return given or reviewer_of(world.root) or "unknown"
