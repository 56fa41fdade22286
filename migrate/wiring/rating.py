"""Blind ratings over the files of a project and its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from migrate.canonical import stamp
from migrate.edges.goldens import GoldenFiles
from migrate.edges.goldens.ratings import RatingFiles
from migrate.errors import StoreProblem
from migrate.evidence.rating import Heard
from migrate.redaction import Redactor
from migrate.reviewing import Sample, draw, latest
from migrate.vocabulary import CaseId, Comparison, FlowName, Golden, Judged, Run, Settings
from migrate.workflow.rating import RatingSession

if TYPE_CHECKING:
    from migrate.wiring.world import World


def heard(settings: Settings) -> Heard:
    """Return what gathers the ratings of a project: for reading alone, so no secrets are needed to redact by."""
    root, redactor = settings.root / settings.fixtures, Redactor(None, enabled=settings.redact)
    return Heard(RatingFiles(root, redactor).of_flow, _readable(GoldenFiles(root, redactor)))


def open_session(world: World, sample: Sample, rater: str) -> RatingSession:
    """Return where a rater stands, with the one writer of ratings behind it."""
    files = RatingFiles(world.root / world.settings.fixtures, world.redactor)
    flows = dict.fromkeys(pair.flow for pair in sample.pairs)
    known = [one for flow in flows for one in latest(files.of_flow(flow))]

    def now() -> str:
        return stamp(world.clock.now())

    return RatingSession(sample, rater, known, now, files.add)


def draw_sample(
    world: World, run: Run, *, size: int, seed: int, flow: str | None = None, candidate: str | None = None
) -> Sample:
    """Draw the pairs of a run that people are asked about."""
    read = lru_cache(maxsize=1)(_readable(world.goldens))

    def pairs() -> Iterator[tuple[Comparison, tuple[Judged, ...], Golden | None]]:
        for record in world.ledger.records(run.id):
            found = record.comparison
            if flow in (None, found.flow) and candidate in (None, found.candidate):
                yield found, record.samples, read(found.flow, found.case)

    return draw(pairs(), size, seed)


def _readable(goldens: GoldenFiles) -> Callable[[FlowName, CaseId], Golden | None]:
    def read(flow: FlowName, case: CaseId) -> Golden | None:
        try:
            return goldens.read(flow, case)
        except StoreProblem:
            # `goldens check` tells of damage; of a golden that cannot be read nobody is asked.
            return None

    return read
