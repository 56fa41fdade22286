"""Blind ratings over the files of a project and its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from migrate.canonical import stamp
from migrate.edges.goldens import GoldenFiles
from migrate.edges.goldens.ratings import RatingFiles
from migrate.errors import PromptMigrateError, StoreProblem
from migrate.evidence.rating import Heard
from migrate.presenting.report.details import LongInputs
from migrate.redaction import Redactor
from migrate.reviewing import Pair, Sample, draw, latest
from migrate.vocabulary import CaseId, Comparison, Flow, FlowName, Golden, Judged, Run, Settings
from migrate.workflow.rating import RatingSession
from migrate.workflow.replay import baseline_request

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
    """Draw the pairs of a run that people are asked about.

    Goldens keep long inputs cut: of the pairs drawn they are put together again, where the prompt file still has them.
    """
    read = lru_cache(maxsize=1)(_readable(world.goldens))

    def pairs() -> Iterator[tuple[Comparison, tuple[Judged, ...], Golden | None]]:
        for record in world.ledger.records(run.id):
            found = record.comparison
            if flow in (None, found.flow) and candidate in (None, found.candidate):
                yield found, record.samples, read(found.flow, found.case)

    sample = draw(pairs(), size, seed)
    flows = {found.name: found for found in world.readable().flows}
    return replace(sample, pairs=tuple(replace(pair, asked=_whole(world, flows, pair)) for pair in sample.pairs))


def _whole(world: World, flows: Mapping[FlowName, Flow], pair: Pair) -> str:
    """Return what was asked, with the texts that the golden has cut; what cannot be found again stays cut."""
    found = flows.get(pair.flow)
    case = next((one for one in found.cases if one.id == pair.case), None) if found is not None else None
    if found is None or case is None:
        return pair.asked
    try:
        return LongInputs([baseline_request(found, case, world.redactor)]).of(pair.asked)
    except PromptMigrateError:
        # The prompt file is in the middle of being edited: what the golden says is shown.
        return pair.asked


def _readable(goldens: GoldenFiles) -> Callable[[FlowName, CaseId], Golden | None]:
    def read(flow: FlowName, case: CaseId) -> Golden | None:
        try:
            return goldens.read(flow, case)
        except StoreProblem:
            # `goldens check` tells of damage; of a golden that cannot be read nobody is asked.
            return None

    return read
