"""`prompt-migrate record`: the same verb as `pytest --golden=new|rewrite`, without pytest."""

from __future__ import annotations

import fnmatch
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click

from migrate.errors import IncompleteRun, PromptMigrateError, UsageProblem
from migrate.inert import inert
from migrate.vocabulary import Flow


@click.command()
@click.option("--rewrite", is_flag=True, help="Record again what has a golden already.")
@click.option("--flow", "flows", multiple=True, metavar="GLOB", help="Only these flows; repeatable.")
@click.option("--case", "cases", multiple=True, metavar="GLOB", help="Only these cases; repeatable.")
@click.option("--samples", type=click.IntRange(1, 100), metavar="K", help="Independent answers a case (default: 5).")
@click.option("--provider", metavar="NAME", help="Provider of the configuration to use.")
@click.option("--record-in-ci", is_flag=True, help="Allow recording where the environment says CI.")
def record(  # noqa: PLR0917 - one parameter an option
    rewrite: bool,
    flows: tuple[str, ...],
    cases: tuple[str, ...],
    samples: int | None,
    provider: str | None,
    record_in_ci: bool,
) -> None:
    """Record golden outputs of the model in production, one file a case under fixtures/."""
    from migrate import wiring

    wiring.refuse_in_ci(os.environ.get("CI", ""), allowed=record_in_ci)
    overrides: dict[str, Any] = {"provider": provider} if provider else {}
    world = wiring.open_world(Path.cwd(), os.environ, overrides)
    try:
        chosen = select(world.load_flows(), flows, cases)
        world.check_models(chosen, ())
        world.check_providers(chosen, ())
        _record(world, chosen, "rewrite" if rewrite else "new", samples)
    finally:
        world.close()


def select(flows: Sequence[Flow], names: Sequence[str], cases: Sequence[str]) -> tuple[Flow, ...]:
    """Return the flows and cases that match any of the patterns. Raises UsageProblem when nothing does."""
    chosen = []
    for flow in flows:
        if names and not any(fnmatch.fnmatchcase(flow.name, name) for name in names):
            continue
        kept = tuple(case for case in flow.cases if not cases or any(fnmatch.fnmatchcase(case.id, c) for c in cases))
        if kept:
            chosen.append(replace(flow, cases=kept))
    if not chosen:
        raise UsageProblem("no case of the inventory matches", next_command="prompt-migrate list --cases")
    return tuple(chosen)


def _record(world: Any, flows: Sequence[Flow], mode: Literal["new", "rewrite"], samples: int | None) -> None:
    from migrate import wiring
    from migrate.workflow.background import Background
    from migrate.workflow.record import Recording, trials_of

    words = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    run = world.new_run("record", flows, (), command=words, samples=samples)
    for line in world.header_lines(run, flows, offline=False):
        click.echo(inert(line), err=True)
    journal = world.open_journal(run.id, "main")
    journal.run(run)
    recording = Recording(world.tools(), mode=mode, samples=samples, usual=world.settings.samples, journal=journal)
    trials = list(trials_of(flows))
    background = Background(
        lambda deliver, full: world.engine(deliver, full, journal), lambda: recording.asks(trials, background.expect)
    )
    background.start()
    written = kept = 0
    faults: list[str] = []
    try:
        for trial in trials:
            try:
                done = recording.conclude(trial, background.collect(trial.number))
            except PromptMigrateError as problem:
                faults.append(f"{trial.flow.name}/{trial.case.id}: {problem.message}")
                continue
            written += done.written
            kept += done.record is None
            if done.stale or (done.note and done.record is not None):
                faults.append(f"{trial.flow.name}/{trial.case.id}: {done.note}")
    finally:
        background.stop()
        journal.close()
        run, _ = wiring.fold(world, run, planned=len(trials) - kept, not_run="interrupted")
    same = len(trials) - written - len(faults)
    click.echo(f"{written} goldens written, {same} unchanged, {len(faults)} not recorded")
    for fault in faults:
        click.echo(f"  {inert(fault)}", err=True)
    if faults or run.state != "complete":
        raise IncompleteRun(wiring.account_words(run), next_command="prompt-migrate record   (records what is missing)")
