"""Reviews and promotions over the files of a project and its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from migrate.edges.checkout import reviewer_of
from migrate.edges.goldens.log import DecisionFiles
from migrate.edges.inventory import load_policies
from migrate.edges.inventory.amending import PromptTexts
from migrate.errors import StoreProblem, UsageProblem
from migrate.redaction import Redactor
from migrate.reviewing import standing
from migrate.vocabulary import Decision, Flow, FlowEvidence, FlowName, Run, Settings
from migrate.wiring.world import World
from migrate.workflow.promote import Promoted, Promotion, Signed
from migrate.workflow.review import Review

LOCK: Final = "deciding.lock"


def open_review(world: World) -> Review:
    """Return the one writer of decisions, over a world's goldens, prompt files and ledger."""
    today = world.clock.today().isoformat()
    return Review(world.flows, world.goldens, _log(world), PromptTexts(world.root), world.ledger, today=today)


def reviewer(world: World, given: str | None) -> str:
    """Return who decides: as given, else the name git signs with, else nobody known."""
    return given or reviewer_of(world.root) or "unknown"


def decided_since(settings: Settings, run: Run, flows: Iterable[FlowName]) -> tuple[Decision, ...]:
    """Return what was decided on a run's candidates since it ended, and stands: its verdicts know nothing of that.

    For reading alone, so no secrets are needed to redact by. A log that cannot be read holds nothing.
    """
    root, end = settings.root, run.finished_at or run.started_at
    redactor = Redactor(None, enabled=settings.redact)
    log = DecisionFiles(root / settings.fixtures, redactor, root / settings.state / LOCK)
    found: list[Decision] = []
    for flow in dict.fromkeys(flows):
        with suppress(StoreProblem):
            made = [one.decision for one in standing(flow, log.entries(flow))]
            found += [one for one in made if one.candidate in run.candidates and one.at >= end]
    return tuple(found)


def promote(
    world: World, run_id: str | None, candidate: str, flows: Iterable[str], signed: Signed, *, write: bool
) -> Iterator[Promoted]:
    """Yield what becomes of each flow of a run whose candidate is to be the baseline; no names: all of the run's."""
    from migrate.evidence import weigh

    run = world.ledger.run(run_id)
    if candidate not in run.candidates:
        raise UsageProblem(
            f"run {run.id} has no candidate {candidate} (it has {', '.join(run.candidates) or 'none'})",
            next_command="prompt-migrate runs",
        )
    records = [one for one in world.ledger.records(run.id) if one.comparison.candidate == candidate]
    evidence = {one.flow: one for one in weigh(records, policies=load_policies(world.settings))}
    log = _log(world)
    promotion = Promotion(world.goldens, log, PromptTexts(world.root), world.redactor)
    for flow in _wanted(world.load_flows(), evidence, flows):
        mine = [one for one in records if one.comparison.flow == flow.name]
        with log.turn():
            promoted = promotion.promote(flow, evidence[flow.name], mine, signed, write=write)
        yield promoted


def _wanted(flows: Iterable[Flow], evidence: dict[FlowName, FlowEvidence], names: Iterable[str]) -> list[Flow]:
    wanted = set(names)
    found = [flow for flow in flows if flow.name in evidence and (not wanted or flow.name in wanted)]
    missing = sorted(wanted - {flow.name for flow in found})
    if missing or not found:
        raise UsageProblem(f"the run has no flow {missing[0]}" if missing else "the run has no flow of the inventory")
    return found


def _log(world: World) -> DecisionFiles:
    return DecisionFiles(world.root / world.settings.fixtures, world.redactor, world.state / LOCK)
