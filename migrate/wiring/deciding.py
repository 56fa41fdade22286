"""Reviews and promotions over the files of a project and its ledger."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from migrate.edges.checkout import reviewer_of
from migrate.edges.configuration import refuse_without_runs
from migrate.edges.goldens.log import DecisionFiles
from migrate.edges.inventory import load_policies
from migrate.edges.inventory.amending import PromptTexts
from migrate.errors import StoreProblem, UsageProblem, did_you_mean, nearest
from migrate.ports import Goldens
from migrate.redaction import Redactor
from migrate.reviewing import is_there, rejected_again, standing
from migrate.reviewing.undoing import Made
from migrate.vocabulary import Comparison, Decision, Flow, FlowEvidence, FlowName, Inventory, Run, Settings
from migrate.wiring.world import World
from migrate.workflow.promote import Promoted, Promotion, Signed
from migrate.workflow.review import Review

if TYPE_CHECKING:
    from migrate.evidence.weighing import Record

LOCK: Final = "deciding.lock"


def open_review(world: World) -> Review:
    """Return the one writer of decisions, over a world's goldens, prompt files and ledger.

    Raises UsageProblem where nothing was ever run.
    """
    refuse_without_runs(world.settings)
    today = world.clock.today().isoformat()
    return Review(world.readable, world.goldens, _log(world), PromptTexts(world.root), world.ledger, today=today)


def reviewer(world: World, given: str | None) -> str:
    """Return who decides: as given, else the name git signs with, else nobody known."""
    return given or reviewer_of(world.root) or "unknown"


def decided_since(settings: Settings, run: Run, flows: Iterable[FlowName]) -> tuple[Decision, ...]:
    """Return what was decided on a run's candidates since it ended, and stands: its verdicts know nothing of that.

    A log that cannot be read holds nothing.
    """
    return tuple(one for one in _standing(settings, run, flows) if one.at >= _end(run))


def decided_before(
    settings: Settings, run: Run, flows: Mapping[FlowName, Flow], goldens: Goldens, names: Iterable[FlowName]
) -> tuple[Decision, ...]:
    """Return what was decided before a run, on its candidates or approved of any, and is in golden or prompt file."""
    found = []
    for name in dict.fromkeys(names):
        tolerated = flows[name].tolerated if name in flows else ()
        for made in _logged(settings, name):
            one = made.decision
            if one.at < _end(run) and (one.verdict == "accept" or one.candidate in run.candidates):
                # A damaged golden is named with its case, and holds nothing.
                with suppress(StoreProblem):
                    golden = None if one.verdict == "tolerate" else goldens.read(name, one.case)
                    found += [one] if is_there(made, golden, tolerated) else []
    return tuple(found)


class RejectedBefore:
    """Watches a run's records for changes that were rejected before it and are there again."""

    def __init__(self, settings: Settings, run: Run, goldens: Goldens) -> None:
        self._settings = settings
        self._run = run
        self._goldens = goldens
        self._made: dict[FlowName, list[Decision]] = {}
        self.found: list[Decision] = []

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass records on."""
        for record in records:
            self._look(record.comparison)
            yield record

    def _look(self, comparison: Comparison) -> None:
        flow, case = comparison.flow, comparison.case
        if flow not in self._made:
            made = _standing(self._settings, self._run, [flow])
            self._made[flow] = [one for one in made if one.verdict == "reject" and one.at < _end(self._run)]
        mine = [one for one in self._made[flow] if (one.case, one.candidate) == (case, comparison.candidate)]
        golden = self._goldens.read(flow, case) if mine else None
        self.found += [again for one in mine for again in rejected_again(one, golden, comparison)]


def _standing(settings: Settings, run: Run, flows: Iterable[FlowName]) -> Iterator[Decision]:
    """Yield what was decided on a run's candidates and stands."""
    made = (one.decision for flow in dict.fromkeys(flows) for one in _logged(settings, flow))
    yield from (one for one in made if one.candidate in run.candidates)


def _logged(settings: Settings, flow: FlowName) -> tuple[Made, ...]:
    """Return what a flow's log says stands; for reading alone, so no secrets to redact by."""
    redactor = Redactor(None, enabled=settings.redact)
    log = DecisionFiles(settings.root / settings.fixtures, redactor, settings.root / settings.state / LOCK)
    with suppress(StoreProblem):
        return standing(flow, log.entries(flow))
    return ()


def _end(run: Run) -> str:
    return run.finished_at or run.started_at


def promote(
    world: World, run_id: str | None, candidate: str, flows: Iterable[str], signed: Signed, *, write: bool
) -> Iterator[Promoted]:
    """Yield what becomes of each flow of a run whose candidate is to be the baseline; no names: all of the run's."""
    from migrate.evidence import weigh

    refuse_without_runs(world.settings)
    run = world.ledger.run(run_id)
    flows = tuple(flows)
    if candidate not in run.candidates:
        raise _without_candidate(world, run, candidate, flows)
    records = [one for one in world.ledger.records(run.id) if one.comparison.candidate == candidate]
    evidence = {one.flow: one for one in weigh(records, policies=load_policies(world.settings))}
    log = _log(world)
    promotion = Promotion(world.goldens, log, PromptTexts(world.root), world.redactor)
    names, inventory = {*flows}, world.readable()
    for name, why in inventory.broken.items():
        if name in evidence and (not names or name in names):
            yield Promoted(name, candidate, "refused", why=why)
    for flow in _wanted(world, run, inventory, evidence, names):
        mine = [one for one in records if one.comparison.flow == flow.name]
        with log.turn():
            promoted = promotion.promote(flow, evidence[flow.name], mine, signed, write=write)
        yield promoted


def _without_candidate(world: World, run: Run, candidate: str, flows: Sequence[str]) -> UsageProblem:
    """Say that a run has not got a candidate, and which run has it: a newer one may be of another model alone."""
    problem = f"run {run.id} has no candidate {candidate} (it has {', '.join(run.candidates) or 'none'})"
    others = (one for one in world.ledger.runs() if one.kind == "replay" and candidate in one.candidates)
    other = next(others, None)
    if other is None:
        meant = nearest(candidate, run.candidates)
        typed = f"prompt-migrate promote {shlex.quote(meant)}" if meant else "prompt-migrate runs"
        return UsageProblem(problem, hint=meant and f'did you mean "{meant}"?', next_command=typed)
    words = ["prompt-migrate", "promote", candidate, *(word for flow in flows for word in ("--flow", flow))]
    again = shlex.join([*words, "--run", other.id])
    return UsageProblem(f"{problem}: run {other.id} has it", next_command=again)


def _wanted(
    world: World, run: Run, inventory: Inventory, evidence: dict[FlowName, FlowEvidence], wanted: Collection[str]
) -> list[Flow]:
    known = {flow.name: flow for flow in inventory.flows}
    found = [flow for flow in known.values() if flow.name in evidence and (not wanted or flow.name in wanted)]
    missing = sorted({*wanted} - {flow.name for flow in found} - {*inventory.broken})
    if missing:
        candidate = next(one.candidate for one in evidence.values())
        raise _without_flow(world, run, missing[0], candidate, known)
    if not found and inventory.broken.keys().isdisjoint(evidence):
        raise UsageProblem(f"run {run.id} has no flow of the inventory", next_command="prompt-migrate runs")
    return found


def _without_flow(world: World, run: Run, flow: str, candidate: str, known: Collection[str]) -> UsageProblem:
    """Say that a run has not got a flow, and which run has it for the candidate; after `-k` it is one before."""
    problem = f"run {run.id} has no flow {flow}"
    if flow not in known:
        return UsageProblem(problem, hint=did_you_mean(flow, known), next_command="prompt-migrate list")
    rows = (row for row in world.ledger.history(FlowName(flow)) if row.run.kind == "replay")
    earlier = next((row.run for row in rows if row.candidate == candidate), None)
    if earlier is None:
        again = f"pytest --model {shlex.quote(candidate)} -k {shlex.quote(flow)}"
        return UsageProblem(problem, next_command=again)
    again = f"prompt-migrate promote {shlex.quote(candidate)} --flow {shlex.quote(flow)} --run {earlier.id}"
    return UsageProblem(f"{problem}: run {earlier.id} has it", next_command=again)


def _log(world: World) -> DecisionFiles:
    return DecisionFiles(world.root / world.settings.fixtures, world.redactor, world.state / LOCK)
