"""`prompt-migrate record`: the same verb as `pytest --golden=new|rewrite`, without pytest."""

from __future__ import annotations

import fnmatch
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from migrate.cli.printing import terminal_width
from migrate.errors import (
    BudgetStop,
    IncompleteRun,
    Interrupted,
    PromptMigrateError,
    StaleGoldens,
    UsageProblem,
    did_you_mean,
)
from migrate.inert import inert
from migrate.presenting.layout import headed
from migrate.presenting.numbers import counted
from migrate.vocabulary import Flow, FlowName, NoReply, NoReplyKind, Run

if TYPE_CHECKING:
    from migrate.wiring import Spent
    from migrate.workflow.engine import Answered
    from migrate.workflow.record import Recording
    from migrate.workflow.replay import Trial

    Collect = Callable[[int], list[tuple[int, Answered]]]

SHOWN: Final = 20
"""Cases that were not recorded which are listed; the rest is counted."""
IN_FLIGHT_S: Final = 2.0
"""How long calls in flight may take to end after Ctrl-C or SIGTERM."""


@click.command()
@click.option("--rewrite", is_flag=True, help="Record again what has a golden already.")
@click.option("--flow", "flows", multiple=True, metavar="GLOB", help="Only these flows; repeatable.")
@click.option("--case", "cases", multiple=True, metavar="GLOB", help="Only these cases; repeatable.")
@click.option("--samples", type=click.IntRange(1, 100), metavar="K", help="Independent answers a case (default: 5).")
@click.option("--provider", metavar="NAME", help="Provider of the configuration to use.")
@click.option("--max-cost", metavar="USD", help="Hard cap on what the run may spend; it stops before it is passed.")
@click.option("--record-in-ci", is_flag=True, help="Allow recording where the environment says CI.")
def record(  # noqa: PLR0917 - one parameter an option
    rewrite: bool,
    flows: tuple[str, ...],
    cases: tuple[str, ...],
    samples: int | None,
    provider: str | None,
    max_cost: str | None,
    record_in_ci: bool,
) -> None:
    """Record golden outputs of the model in production, one file a case under fixtures/.

    A run that is stopped, by Ctrl-C or by its cap, is finished by `prompt-migrate resume`: nothing answered is asked
    again.
    """
    from migrate import wiring

    wiring.refuse_in_ci(os.environ.get("CI", ""), allowed=record_in_ci)
    overrides: dict[str, Any] = {"provider": provider} if provider else {}
    world = wiring.open_world(Path.cwd(), os.environ, overrides)
    try:
        chosen = select(world.load_flows(), flows, cases)
        cap = max_cost or world.settings.max_cost
        if cap is not None:
            wiring.pico_of(cap)
        world.check_models(chosen, ())
        world.check_providers(chosen, ())
        vectors = wiring.make_vectors(world, chosen, None if cap is None else Decimal(cap))
        for spent in vectors:
            click.echo(spent.line, err=True)
        mode: Literal["new", "rewrite"] = "rewrite" if rewrite else "new"
        _record(world, chosen, Wish(mode, samples, provider, cap), vectors)
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
    known = {str(flow.name) for flow in flows}, {str(case.id) for flow in flows for case in flow.cases}
    strange = [name for name in names if not fnmatch.filter(known[0], name)]
    strange += [case for case in cases if not fnmatch.filter(known[1], case)]
    if strange or not chosen:
        guesses = [did_you_mean(name, known[0]) for name in names if name not in known[0]]
        guesses += [did_you_mean(case, known[1]) for case in cases if case not in known[1]]
        raise UsageProblem(
            "no case of the inventory matches" + (f' "{strange[0]}"' if strange else ""),
            hint=next(filter(None, guesses), ""),
            next_command="prompt-migrate list --cases",
        )
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    mode: Literal["new", "rewrite"]
    samples: int | None
    provider: str | None
    max_cost: str | None

    @property
    def options(self) -> dict[str, Any]:
        """As a plan keeps them, in the names of pytest's options: it is pytest that resumes."""
        named = {"golden": self.mode, "samples": self.samples, "provider": self.provider, "max_cost": self.max_cost}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(slots=True)
class Done:
    """What became of the cases."""

    written: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)
    """One line a case that was not recorded."""
    stale: list[FlowName] = field(default_factory=list)
    """The flow of each case whose golden no longer fits, and stays."""
    dropped: list[str] = field(default_factory=list)
    """One line a case whose decisions are gone with its golden."""


def _record(world: Any, flows: Sequence[Flow], wish: Wish, vectors: Sequence[Spent]) -> None:
    from migrate import wiring
    from migrate.edges.signals import stopped_by_sigterm
    from migrate.workflow.background import Background
    from migrate.workflow.record import Recording, trials_of

    trials = list(trials_of(flows))
    run = _begin(world, flows, wish)
    journal = world.open_journal(run.id, "main")
    purse = None if wish.max_cost is None else world.share(run.id, wish.max_cost)
    if purse is not None:
        purse.settle(0, sum(wiring.pico_of(str(spent.charged)) for spent in vectors if spent.charged))
    journal.run(run)
    _keep_plan(world, run, trials, wish)
    recording = Recording(
        world.tools(), mode=wish.mode, samples=wish.samples, usual=world.settings.samples, journal=journal
    )
    background = Background(
        lambda deliver, full: world.engine(deliver, full, journal, purse=purse),
        lambda: recording.asks(trials, background.expect),
    )
    done = Done()
    with stopped_by_sigterm():
        try:
            background.start()
            for trial in trials:
                _conclude(recording, trial, background.collect, done)
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted", kept="what was answered", next_command=f"prompt-migrate resume {run.id}"
            ) from None
        finally:
            background.finish(IN_FLIGHT_S)
            journal.close()
            planned = len(trials) - done.kept
            run, _ = wiring.fold(world, run, planned=planned, not_run="interrupted", own=True, flows=flows)
            if purse is not None:
                purse.close()
    stopped = background.engine.tally.stopped if background.engine is not None else None
    _tell(run, trials, done, stopped)


def _begin(world: Any, flows: Sequence[Flow], wish: Wish) -> Run:
    """Name the run, say what it is, and put away what killed runs left."""
    from migrate import wiring

    words = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    run: Run = world.new_run("record", flows, (), command=words, samples=wish.samples)
    width = terminal_width()
    for line in (part for said in world.header_lines(run, flows, offline=False) for part in headed(said, width)):
        click.echo(line, err=True)
    if not run.simulated or wish.max_cost is not None:
        planned = wiring.planned_of(flows, ())
        line = wiring.estimate_line(world, planned, wish.samples, wish.max_cost, recording=True)
        click.echo(inert(line), err=True)
    wiring.fold_leftovers(world)
    return run


def _keep_plan(world: Any, run: Run, trials: Sequence[Trial], wish: Wish) -> None:
    """Write down what the run set out to do, so that `resume` can finish it whatever ends it."""
    from migrate.edges.plans import Plan

    places = ((trial, trial.flow.place) for trial in trials)
    items = tuple(f"{place.file}::{trial.case.id}[{trial.candidate.text}]" for trial, place in places if place)
    world.plans.keep(Plan(run, items, wish.options))


def _conclude(recording: Recording, trial: Trial, collect: Collect, done: Done) -> None:
    name = f"{trial.flow.name}/{trial.case.id}"
    try:
        recorded = recording.conclude(trial, collect(trial.number))
    except PromptMigrateError as problem:
        done.faults.append(f"{name}: {problem.message}")
        return
    done.written += recorded.written
    done.kept += recorded.record is None
    if recorded.stale:
        done.stale.append(trial.flow.name)
    if recorded.dropped:
        done.dropped.append(f"{name}: {recorded.dropped}")
    if recorded.stale or (recorded.note and recorded.record is not None):
        done.faults.append(f"{name}: {recorded.note}")


def _tell(run: Run, trials: Sequence[Trial], done: Done, stopped: NoReply | None) -> None:
    """Say what was recorded. Raises StaleGoldens, BudgetStop or IncompleteRun when it is not everything."""
    from migrate import wiring

    same = len(trials) - done.written - len(done.faults)
    click.echo(f"{counted(done.written, 'golden')} written, {same} unchanged, {len(done.faults)} not recorded")
    if done.dropped:
        click.echo("decided of the goldens that were there, and gone with them (`git diff` shows it):", err=True)
        for line in [
            *done.dropped[:SHOWN],
            *([f"... and {len(done.dropped) - SHOWN} more"] if len(done.dropped) > SHOWN else []),
        ]:
            click.echo(f"  {inert(line)}", err=True)
    for fault in done.faults[:SHOWN]:
        click.echo(f"  {inert(fault)}", err=True)
    if len(done.faults) > SHOWN:
        click.echo(f"  ... and {len(done.faults) - SHOWN} more", err=True)
    if not done.faults and run.state == "complete":
        return
    if len(done.stale) == len(done.faults) and run.state == "complete":
        flows = dict.fromkeys(done.stale)
        words = f"{counted(len(done.stale), 'golden')} of {', '.join(flows)} no longer fit what is asked now"
        again = shlex.join(["prompt-migrate", "record", *(f"--flow={flow}" for flow in flows), "--rewrite"])
        raise StaleGoldens(words, hint="--rewrite takes new answers in their place", next_command=again)
    words, again = wiring.account_words(run), f"prompt-migrate resume {run.id}"
    if stopped is not None and stopped.kind in (NoReplyKind.BUDGET, NoReplyKind.QUOTA):
        kept = "every answer that was paid for"
        raise BudgetStop(f"{stopped.kind.value}: {stopped.message} ({words})", kept=kept, next_command=again)
    raise IncompleteRun(words, next_command=again)
