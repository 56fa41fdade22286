"""`prompt-migrate compare`: what a replay found, from the ledger alone, without asking anyone again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import fuller_lines, hanging, print_json, terminal_width
from migrate.errors import IncompleteRun, StaleGoldens, UsageProblem

if TYPE_CHECKING:
    from migrate.evidence import Standing
    from migrate.evidence.rating import Heard, HumanEvidence
    from migrate.ports import Ledger
    from migrate.vocabulary import FlowEvidence, FlowName, Inventory, Run, Settings

GATE_CLOSED: Final = 1


@click.command()
@click.option("--run", "run_id", metavar="ID", help="Run to show, or the start of its id  [default: the newest replay]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/compare.schema.json).")
@click.option(
    "--fail-on",
    metavar="LIST",
    help="What ends in exit code 1: breaking, drift, unstable, cost:+10%, p95:+20%  [default: as configured]",
)
@click.option("--explain", metavar="METRIC", help="Print what a figure, key of the JSON or word on the screen means.")
@click.pass_context
def compare(
    context: click.Context, *, run_id: str | None, as_json: bool, fail_on: str | None, explain: str | None
) -> None:
    """Show what a replay found, per flow and candidate.

    Ends with 1 when --fail-on closes the gate, 12 when goldens are stale, 10 when answers are missing, else 0.
    """
    from migrate.cli.explaining import word_lines
    from migrate.edges.configuration import read_settings
    from migrate.edges.inventory import load_readable
    from migrate.evidence import parse_fail_on, standing
    from migrate.wiring.world import World

    settings = read_settings(Path.cwd(), os.environ, {"fail_on": fail_on})
    gates = parse_fail_on(",".join(settings.fail_on))
    words = [] if explain is None or _is_of_figures(explain) else word_lines(explain, "compare")
    if words:
        _say(_wrapped(words), err=False)
        return
    name = None if explain is None else _figure(explain)
    heard, inventory = _heard(settings), load_readable(settings)
    run, evidence = read_run(settings, inventory, run_id, heard)
    if name is not None:
        print_explained(name, run, evidence)
        return
    if as_json:
        print_document(run, evidence, heard.evidence())
    else:
        leaving = World(settings, os.environ).leaving(evidence)
        print_summary(run, evidence, heard.evidence(), named=run_id is not None, leaving=leaving)
        _say(_unread(inventory.broken, evidence), err=False)
        _say(_decided_since(settings, run, evidence), err=False)
    found = standing(run, evidence, gates)
    # With --json standard output is the document's alone.
    _say(found.words() if as_json else _wrapped(found.words()), err=as_json)
    context.exit(exit_code(found))


def _unread(broken: Mapping[FlowName, str], evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    """Yield which flows are judged without their prompt file, and why it cannot be read."""
    for flow, critical in {one.flow: one.critical for one in evidence}.items():
        if flow in broken:
            said = f"{flow} is judged as {critical}, for its prompt file cannot be read: {broken[flow]}"
            yield from hanging("note: ", said, terminal_width())


def _decided_since(settings: Settings, run: Run, evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    from migrate.presenting.deciding import beside, counting_command, on_cases
    from migrate.wiring.deciding import decided_since

    since = decided_since(settings, run, [flow.flow for flow in evidence])
    if since:
        said = f"{on_cases(since)} since: a run counts them:"
        yield from beside(said, counting_command(run.candidates), terminal_width())


def ledger_of(settings: Settings) -> Ledger:
    """Open the ledger that the settings name. Raises UsageProblem where nothing was ever run: none is made."""
    from migrate.edges.configuration import refuse_without_runs
    from migrate.edges.ledger import open_ledger, sqlite_url

    take_in_leftovers(settings)
    if settings.ledger is not None:
        return open_ledger(settings.ledger, root=settings.root)
    refuse_without_runs(settings)
    return open_ledger(sqlite_url(settings.root / settings.state / "ledger.db"), root=settings.root)


def _heard(settings: Settings) -> Heard:
    from migrate.wiring.rating import heard

    return heard(settings)


def read_run(
    settings: Settings, inventory: Inventory, run_id: str | None, heard: Heard | None = None
) -> tuple[Run, tuple[FlowEvidence, ...]]:
    """Return a replay and its evidence, what people said on the way. Raises UsageProblem without such a replay."""
    from migrate.evidence import weigh
    from migrate.evidence.policy import policies_of

    ledger = ledger_of(settings)
    try:
        run = ledger.run(run_id)
        if run.kind != "replay":
            raise UsageProblem(
                f"run {run.id} recorded goldens: it has no candidate to compare", next_command="prompt-migrate runs"
            )
        if run_id is None:
            _say(fuller_lines(ledger.runs(), run, "compare"), err=True)
        records = ledger.records(run.id)
        return run, weigh(records if heard is None else heard.watch(records), policies=policies_of(inventory.flows))
    finally:
        ledger.close()


def _is_of_figures(asked: str) -> bool:
    """Say whether a figure or a key of the JSON is meant, and no word that summaries are made of."""
    from migrate.evidence.explaining import FIGURES
    from migrate.evidence.glossary import WORDS

    return FIGURES.named(asked) is not None and asked not in WORDS


def _figure(asked: str) -> str:
    """Return the name of a figure that was asked for by it, or by a key of the JSON."""
    from migrate.cli.explaining import unknown_figure
    from migrate.evidence.explaining import FIGURES

    name = FIGURES.named(asked)
    if name is None:
        raise unknown_figure(asked, "compare")
    return name


def print_explained(name: str, run: Run, evidence: tuple[FlowEvidence, ...]) -> None:
    """Print what stands behind one figure of the summary, flow by flow."""
    from migrate.evidence.explaining import SUMMARY
    from migrate.evidence.figures import explained
    from migrate.presenting.terminal import SIMULATED

    simulated = run.simulated or any(flow.simulated for flow in evidence)
    lines = explained(name, SUMMARY[name], [(flow.flow, flow) for flow in evidence])
    _say(_wrapped([*([SIMULATED] if simulated else []), *lines]), err=False)


def print_document(run: Run, evidence: tuple[FlowEvidence, ...], people: Sequence[HumanEvidence] = ()) -> None:
    """Print the run as one JSON document, in ASCII, so that no locale can spoil it."""
    from migrate.presenting.document import compare_document

    print_json(compare_document(run, evidence, people))


def print_summary(
    run: Run,
    evidence: tuple[FlowEvidence, ...],
    people: Sequence[HumanEvidence] = (),
    *,
    named: bool = False,
    leaving: Sequence[str] = (),
) -> None:
    """Print the run for people, in the width and colours of their terminal; `named`: it was asked for by its id."""
    from migrate.presenting.terminal import summary_lines

    width = terminal_width()
    colour = wants_colour(sys.stdout.isatty(), os.environ)
    # One that was resumed ended long after its start: then both are told.
    ended = "" if run.ended_at[:10] == run.started_at[:10] else f", ended {run.ended_at}"
    _say((f"run {run.id}, started {run.started_at}{ended}, {run.state}",), err=False)
    lines = summary_lines(run, evidence, width=width, colour=colour, people=people, named=named, leaving=leaving)
    _say(lines, err=False, colour=colour)


def wants_colour(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Say whether to colour the output, by the conventions of `NO_COLOR`, `FORCE_COLOR` and `TERM=dumb`."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def exit_code(found: Standing) -> int:
    """Return the exit code of where a run stands, the worst first."""
    if found.closed:
        return GATE_CLOSED
    if found.stale:
        return StaleGoldens.exit_code
    return IncompleteRun.exit_code if found.incomplete else 0


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines for people in the width of their terminal."""
    from migrate.presenting.layout import wrapped

    width = terminal_width()
    for line in lines:
        yield from wrapped(line, width, cut=False)


def _say(lines: Iterable[str], *, err: bool, colour: bool | None = None) -> None:
    from migrate.inert import inert

    stream: Any = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    for line in lines:
        text = line if colour else inert(line)
        # A locale without the character must not end the command.
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err, color=colour or None)
