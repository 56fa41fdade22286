"""`goldens check`, `doctor` and `db upgrade`: what is stored, looked at and kept in order."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.cli.printing import hanging, print_json, print_lines, terminal_width
from migrate.errors import StoreProblem
from migrate.presenting.numbers import counted
from migrate.vocabulary import FlowName

if TYPE_CHECKING:
    from migrate.workflow.check import Fault, FaultKind, GoldenCheck

JSON_FORMAT: Final = 1
GATE_CLOSED: Final = 1
AGAIN: Final[dict[FaultKind, str]] = {"stale": "pytest --golden=rewrite", "missing": "pytest --golden=new"}
"""What mends a fault that a whole flow may have, all at once."""
SHOWN: Final = 20
"""Faults of one kind that are listed; the rest is counted."""


@click.group()
def goldens() -> None:
    """Check the goldens."""


@goldens.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/goldens-check.schema.json).")
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Hold every golden against its file, the inventory and today's prompts.

    Says what is damaged, stale, missing or left over, and which secrets are still in. Changes nothing. Ends with 13
    when a file is damaged, 1 when anything else is wrong, else 0.
    """
    from migrate import wiring
    from migrate.edges.configuration import refuse_nowhere
    from migrate.workflow.check import check_goldens

    world = wiring.open_world(Path.cwd(), os.environ, {})
    refuse_nowhere(world.settings)
    found = check_goldens(world.flows(), world.goldens, world.redactor)
    if as_json:
        print_json(_check_document(found))
    else:
        sizes = {flow.name: len(flow.cases) for flow in world.flows()}
        print_lines(_check_lines(found, sizes, terminal_width()))
    context.exit(StoreProblem.exit_code if found.damaged else GATE_CLOSED if found.faults else 0)


def _check_lines(found: GoldenCheck, sizes: Mapping[FlowName, int], width: int) -> Iterator[str]:
    """Yield what is wrong; a flow of which every case is, all in one, as an edited prompt leaves them."""
    whole = _whole_flows(found, sizes)
    for (kind, flow), faults in whole.items():
        first = f"{flow}: all {counted(len(faults), 'golden')}, for one: {faults[0].message}"
        yield from hanging(f"{kind:10}", first, width)
        yield f"{'':10}{AGAIN[kind]} -k {shlex.quote(flow)}"
    for kind in dict.fromkeys(fault.kind for fault in found.faults):
        faults = [fault for fault in found.faults if fault.kind == kind and (kind, fault.flow) not in whole]
        for fault in faults[:SHOWN]:
            yield from hanging(f"{kind:10}", fault.message, width)
            if fault.hint:
                yield f"{'':10}{fault.hint}"
        if len(faults) > SHOWN:
            yield f"{'':10}... and {len(faults) - SHOWN} more {kind} (--json lists all)"
    if found.unmeasured:
        yield f"note      {counted(len(found.unmeasured), 'golden')} without measurements: cost and latency are unknown"
    if found.of_tests:
        whose = counted(found.of_tests, "golden")
        yield f"note      {whose} of tests marked as flows: plain `pytest` holds them against their tests"
    if found.leftovers:
        files = counted(len(found.leftovers), "temporary file")
        yield f"note      {files} of killed writers; the next recording sweeps them"
    total = f"{counted(found.goldens, 'golden')} for {counted(found.cases, 'case')} of {counted(found.flows, 'flow')}"
    yield f"{total}: {counted(len(found.faults), 'problem') if found.faults else 'no problems'}"


def _whole_flows(
    found: GoldenCheck, sizes: Mapping[FlowName, int]
) -> Mapping[tuple[FaultKind, FlowName], Sequence[Fault]]:
    """Return the flows that one command mends, as every case of theirs has the same fault."""
    by_flow: dict[tuple[FaultKind, FlowName], list[Fault]] = {}
    for fault in found.faults:
        if fault.kind in AGAIN:
            by_flow.setdefault((fault.kind, fault.flow), []).append(fault)
    return {key: faults for key, faults in by_flow.items() if 1 < len(faults) == sizes.get(key[1])}


def _check_document(found: GoldenCheck) -> dict[str, Any]:
    return {
        "format": JSON_FORMAT,
        "closed": bool(found.faults),
        "flows": found.flows,
        "cases": found.cases,
        "goldens": found.goldens,
        "faults": [
            {
                "kind": fault.kind,
                "flow": fault.flow,
                "case": fault.case,
                "file": fault.file,
                "message": fault.message,
                "hint": fault.hint,
            }
            for fault in found.faults
        ],
        "unmeasured": list(found.unmeasured),
        "leftovers": list(found.leftovers),
        "of_tests": found.of_tests,
    }


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/doctor.schema.json).")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Look for what is damaged, missing or about to expire.

    Versions, provider and key (present, never shown), models that leave the API, prices, goldens, recordings, ledger.
    Opens no socket and changes nothing. Ends with 13 when a store is damaged, 2 when the configuration or the
    inventory cannot be read, else 0.
    """
    from migrate.cli.health import examine, worst

    signs, width = [], terminal_width()
    for sign in examine(Path.cwd(), os.environ):
        signs.append(sign)
        if not as_json:
            print_lines(hanging(f"{sign.state:9}{sign.area:14}", sign.text, width))
            # Never broken: most of them are there to be copied.
            print_lines([f"{'':23}{sign.hint}"] if sign.hint else [])
    if as_json:
        shown = [{"area": sign.area, "state": sign.state, "text": sign.text, "hint": sign.hint} for sign in signs]
        print_json({"format": JSON_FORMAT, "worst": worst(signs), "signs": shown})
    context.exit(max(sign.exit_code for sign in signs))


@click.group()
def db() -> None:
    """Upgrade the ledger."""


@db.command("upgrade")
def upgrade_ledger() -> None:
    """Bring the ledger to the schema of this version.

    An SQLite ledger is upgraded by any run, with a copy kept beside it; one in PostgreSQL, which colleagues may be
    using with an older version, only by this command.
    """
    from migrate.edges.configuration import read_settings
    from migrate.edges.ledger import sqlite_url, upgrade

    settings = read_settings(Path.cwd(), os.environ)
    path = settings.root / settings.state / "ledger.db"
    if settings.ledger is None and not path.exists():
        click.echo("there is no ledger yet: the first run makes it")
        return
    before, after = upgrade(settings.ledger or sqlite_url(path), root=settings.root)
    click.echo(
        f"the ledger had schema {before}, now it has {after}" if before != after else f"the ledger has schema {after}"
    )
