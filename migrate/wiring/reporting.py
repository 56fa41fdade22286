"""Make a report of a run in the ledger: one pass over its records, weighed and written out as they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from migrate.edges.configuration import refuse_without_runs
from migrate.errors import UsageProblem
from migrate.presenting.report import Facts, ReportBuilder
from migrate.vocabulary import Flow, FlowEvidence, FlowName, JsonObject, Run
from migrate.wiring.asked import Asked
from migrate.wiring.deciding import RejectedBefore, decided_before, decided_since
from migrate.wiring.rating import heard

if TYPE_CHECKING:
    from migrate.edges.ledger import SqlLedger
    from migrate.edges.report import Packed
    from migrate.wiring.world import World

HISTORY: Final = 30
"""Runs a flow's history goes back."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is ready to be written."""

    run: Run
    evidence: tuple[FlowEvidence, ...]
    packed: Packed


def make_report(world: World, run_id: str | None = None, pages: Mapping[str, JsonObject] | None = None) -> Report:
    """Return the report of a replay, the newest unless named. Raises UsageProblem where there is no such replay.

    `pages` are documents of other commands that the report shows beside its own, by name: `route`, `canary`.
    """
    from migrate.edges.inventory import load_policies
    from migrate.edges.report import Packed, Packing, pack
    from migrate.evidence import weigh

    run = replay_of(world.ledger, run_id)
    flows = _flows(world)
    asked = Asked(flows, world.redactor)
    people = heard(world.settings)
    with Packing() as packing:
        builder = ReportBuilder(run, world.goldens.read, packing.add, requests=asked.of)
        rejected = RejectedBefore(world.settings, run, world.goldens)
        records = rejected.watch(people.watch(world.ledger.records(run.id)))
        evidence = weigh(builder.watch(records), policies=load_policies(world.settings))
        chunks = packing.packed()
    history = {flow.flow: world.ledger.history(flow.flow, limit=HISTORY) for flow in evidence}
    facts = Facts(
        flows=flows,
        prices=world.ledger.prices(run.id),
        history=history,
        pages=pages or {},
        people=people.evidence(),
        closed=world.closed_gates(evidence),
        leaving=world.leaving(evidence),
        counted=decided_before(world.settings, run, flows, world.goldens, [flow.flow for flow in evidence]),
        decided=(*rejected.found, *decided_since(world.settings, run, [flow.flow for flow in evidence])),
    )
    index = builder.index(evidence, facts)
    title = f"{', '.join(builder.candidates)}: prompt-migrate run {run.id}"
    return Report(run, evidence, Packed(title, pack(index), chunks))


def make_text(world: World, form: str, run_id: str | None = None) -> tuple[Run, tuple[FlowEvidence, ...], str]:
    """Return a replay in one of the forms that CI systems read, with the run and its evidence."""
    from migrate.edges.inventory import load_policies
    from migrate.evidence import weigh
    from migrate.presenting.formats import FORMS, Told, rated
    from migrate.presenting.formats.lines import Lines

    run = replay_of(world.ledger, run_id)
    lines, people = Lines(_flows(world), run.id, world.failing), heard(world.settings)
    records = lines.watch(people.watch(world.ledger.records(run.id)))
    evidence = weigh(records, policies=load_policies(world.settings))
    said = people.evidence()
    told = Told(run, evidence, rated(lines.lines, said), said, world.standing(run, evidence))
    return run, evidence, FORMS[form](told)


def write_run_report(world: World, run: Run, target: str) -> str:
    """Write the report of a run that has just ended: `target` is an HTML file, or the folder it goes to.

    Return where it is, as the user would type it. Raises StoreProblem when it cannot be written.
    """
    from migrate.edges.report import write_report

    path = world.root / target
    if path.suffix.lower() not in (".html", ".htm"):
        path /= "index.html"
    write_report(path, make_report(world, run.id).packed)
    return str(path.relative_to(world.root)) if path.is_relative_to(world.root) else str(path)


def refuse_nothing(world: World) -> None:
    """Raise UsageProblem where nothing was ever run: reading makes no ledger."""
    refuse_without_runs(world.settings)


def replay_of(ledger: SqlLedger, run_id: str | None) -> Run:
    """Return a replay by id or unique prefix. Raises UsageProblem for a run that recorded goldens."""
    run = ledger.run(run_id)
    if run.kind != "replay":
        raise UsageProblem(
            f"run {run.id} recorded goldens: it has no candidate to report on", next_command="prompt-migrate runs"
        )
    return run


def page_folders(world: World, path: Path) -> Iterable[Path]:
    """Return where documents beside a report are looked for: in its own folder, the reports' and the project's."""
    return dict.fromkeys((path.resolve().parent, world.root / world.settings.reports, world.root))


def report_path(world: World, run: Run) -> Path:
    """Return where a run's report stands unless told otherwise."""
    return world.root / world.settings.reports / run.id / "index.html"


def _flows(world: World) -> dict[FlowName, Flow]:
    """Return what can be read of the inventory: a run is shown even if its prompt files are gone."""
    return {flow.name: flow for flow in world.readable().flows}
