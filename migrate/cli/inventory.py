"""`init`, `validate` and `list`: the inventory scaffolded, checked and shown."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from migrate.cli.printing import print_json
from migrate.errors import ConfigurationProblem, InventoryProblem, Problem, UsageProblem
from migrate.inert import inert
from migrate.presenting.layout import Cell, Column, fit, table, wrapped
from migrate.presenting.numbers import counted
from migrate.vocabulary import Flow, Place, Settings, Step

JSON_FORMAT: Final = 1
WIDTH: Final = 80


@click.command()
def init() -> None:
    """Scaffold prompts/, fixtures/ and the configuration.

    Writes what is missing and nothing else: repeating it is safe. Needs no network.
    """
    from migrate.edges.configuration import is_configured, read_settings
    from migrate.edges.scaffold import scaffold

    here = Path.cwd()
    configured = is_configured(here)
    settings = read_settings(here, os.environ) if configured else Settings(root=here)
    for step in scaffold(settings, configured=configured):
        click.echo(f"{step.what:9}{inert(step.file)}")
    click.echo("\nnext:")
    click.echo("  prompt-migrate validate              check prompts, cases and configuration")
    click.echo("  pytest --golden=new                  record what the model of today answers")
    click.echo("  pytest --model gpt-4.1               replay every case against a candidate")
    click.echo("No key at hand? PROMPT_MIGRATE_PROVIDER=simulated in the environment answers without one.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/validate.schema.json).")
def validate(as_json: bool) -> None:
    """Check prompt files, cases and configuration, and render every case.

    Exit code 2 when there are problems.
    """
    flows, problems, lapsed = _checked()
    if as_json:
        print_json(_validation(flows, problems, lapsed))
    else:
        for problem in problems:
            click.echo(inert(str(problem), keep_newlines=False))
        for line in lapsed:
            click.echo(inert(f"{line}: it fails again", keep_newlines=False))
        cases = sum(len(flow.cases) for flow in flows)
        read = f"{counted(len(flows), 'flow')}, {counted(cases, 'case')}: " if flows else ""
        click.echo(read + (counted(len(problems), "problem") if problems else "no problems"))
    if problems:
        sys.exit(InventoryProblem.exit_code)


def _checked() -> tuple[tuple[Flow, ...], Sequence[Problem], Sequence[str]]:
    """Return the flows, everything that is wrong, and what is tolerated no longer."""
    from migrate.edges.clock import SystemClock
    from migrate.edges.configuration import read_settings, refuse_nowhere
    from migrate.edges.inventory import load
    from migrate.presenting.deciding import lapsed_lines
    from migrate.rendering import rehearse

    try:
        settings = read_settings(Path.cwd(), os.environ)
        refuse_nowhere(settings)
        flows = load(settings)
    except (ConfigurationProblem, InventoryProblem) as error:
        return (), error.problems, ()
    except UsageProblem as error:
        return (), [Problem(error.message, None, " ".join(f"{error.hint}; else {error.next_command}".split()))], ()
    today = SystemClock(dt.date.fromisoformat(settings.as_of) if settings.as_of else None).today()
    return flows, [problem for flow in flows for problem in rehearse(flow)], list(lapsed_lines(flows, today))


def _validation(flows: Sequence[Flow], problems: Iterable[Problem], lapsed: Sequence[str]) -> dict[str, Any]:
    return {
        "format": JSON_FORMAT,
        "flows": len(flows),
        "cases": sum(len(flow.cases) for flow in flows),
        "lapsed": list(lapsed),
        "problems": [
            {
                "message": problem.message,
                "file": problem.place.file if problem.place else None,
                "line": problem.place.line if problem.place else None,
                "path": problem.place.path if problem.place else None,
                "hint": problem.hint,
            }
            for problem in problems
        ],
    }


@click.command("list")
@click.option("--cases", "with_cases", is_flag=True, help="List the cases of each flow too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/list.schema.json).")
def list_flows(with_cases: bool, as_json: bool) -> None:
    """List the flows of the inventory."""
    from migrate.edges.configuration import read_settings, refuse_nowhere
    from migrate.edges.inventory import load

    settings = read_settings(Path.cwd(), os.environ)
    refuse_nowhere(settings)
    flows = load(settings)
    if as_json:
        print_json(_listing(flows, settings, with_cases))
        return
    for line in _table(flows, settings):
        click.echo(line)
    if with_cases:
        for flow in flows:
            for case in flow.cases:
                click.echo(fit(f"  {flow.name}/{case.id}  {_where(case.place)}", WIDTH))


def _table(flows: Sequence[Flow], settings: Settings) -> list[str]:
    columns = [
        Column("flow", right=False, least=20),
        Column("model today", right=False, least=11),
        Column("cases"),
        Column("samples", rank=2),
        Column("api", right=False, rank=3),
        Column("critical", right=False),
        Column("variants", right=False, least=8, rank=4),
        Column("owner", right=False, least=12, rank=1),
    ]
    rows = [
        (
            Cell(flow.name),
            Cell(_models(flow)),
            Cell(str(len(flow.cases))),
            Cell(str(flow.samples or settings.samples)),
            Cell(flow.prompt.api),
            Cell(flow.critical),
            Cell(", ".join(variant.name for variant in flow.variants)),
            Cell(flow.owner),
        )
        for flow in flows
    ]
    lines = table(columns, rows, WIDTH) if flows else []
    total = f"{counted(len(flows), 'flow')}, {counted(sum(len(flow.cases) for flow in flows), 'case')}"
    candidates = f"; candidates: {', '.join(settings.candidates)}" if settings.candidates else ""
    return [*lines, *wrapped(total + candidates, WIDTH)]


def _listing(flows: Sequence[Flow], settings: Settings, with_cases: bool) -> dict[str, Any]:
    return {
        "format": JSON_FORMAT,
        "flows": [_flow(flow, settings) | (_case_list(flow) if with_cases else {}) for flow in flows],
        "candidates": list(settings.candidates),
    }


def _flow(flow: Flow, settings: Settings) -> dict[str, Any]:
    return {
        "flow": flow.name,
        "name": flow.title,
        "owner": flow.owner,
        "critical": flow.critical,
        "api": flow.prompt.api,
        "baseline": flow.prompt.model,
        "cases": len(flow.cases),
        "samples": flow.samples or settings.samples,
        "parse": flow.parse,
        "response_format": flow.prompt.response_format,
        "tools": [tool.name for tool in flow.prompt.tools],
        "variants": [variant.name for variant in flow.variants],
        "checks": len(flow.checks),
        "rules": len(flow.rules),
        "steps": [_step(step) for step in flow.chain.steps] if flow.chain is not None else [],
        "path": flow.place.file if flow.place else "",
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.name,
        "baseline": step.prompt.model,
        "repeated": step.for_each is not None,
        "conditional": step.when is not None,
        "retrieves": None if step.retrieve is None else step.retrieve.corpus,
    }


def _models(flow: Flow) -> str:
    """Return the models of today: of a chain in the order of its steps."""
    if flow.chain is None:
        return flow.prompt.model
    return ", ".join(dict.fromkeys(step.prompt.model for step in flow.chain.steps))


def _case_list(flow: Flow) -> dict[str, Any]:
    cases = [
        {
            "id": case.id,
            "file": case.place.file if case.place else "",
            "line": case.place.line if case.place else 1,
            "tags": list(case.tags),
        }
        for case in flow.cases
    ]
    return {"case_list": cases}


def _where(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place else ""
