"""The end of a run, its own or, after a kill, another one's: journals folded into the stores, then cleared away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from migrate.edges.journal import PATIENCE_S, claimed, is_alive, journals, lost_tries, read_journal
from migrate.edges.plans import Plan
from migrate.errors import PromptMigrateError, StoreProblem, UsageProblem
from migrate.vocabulary import Flow, FlowEvidence, Run
from migrate.wiring.lookups import lookups_of
from migrate.wiring.world import World
from migrate.workflow.fold import Event, Fold, Folded
from migrate.workflow.runs import close_run


def fold(
    world: World,
    run: Run,
    *,
    planned: int,
    not_run: str = "",
    skipped: Mapping[str, int] | None = None,
    own: bool = False,
    flows: Sequence[Flow] = (),
) -> tuple[Run, tuple[FlowEvidence, ...]]:
    """Fold the run's journals into the stores and weigh what they hold; the journals go when all is written.

    `own`: the run's answers are its own (`--golden`, `--migrate-fresh`), so a resumed run finds them by its name.
    `flows`: the inventory as the run has read it. Raises StoreProblem, which says how to go on with the journals.
    """
    from migrate.evidence import weigh
    from migrate.evidence.policy import policies_of

    with _going_on(run):
        paths = journals(world.journals).get(run.id, [])
        prices = world.prices()
        folding = Fold(world.goldens, world.recordings, world.ledger, prices.usd, lookups_of(world, flows))
        folded = Folded(run)
        records = folding.fold(run, _events(paths), folded)
        policies = policies_of(flows) if run.kind == "replay" else None
        evidence = sorted(weigh(records, policies=policies), key=lambda flow: (flow.flow, flow.candidate))
        closed = close_run(run, world.clock.now(), folded, planned=planned, not_run=not_run, skipped=skipped)
        if own and not _is_settled(closed):
            folding.keep_own(run, _events(paths))
        folding.finish(closed, prices.rows_used())
        _clear(world, closed, paths, own=own)
        return closed, tuple(evidence) if run.kind == "replay" else ()


@contextmanager
def _going_on(run: Run) -> Iterator[None]:
    """Say of stores that could not be written that the run waits: repeating its command would pay again."""
    try:
        yield
    except StoreProblem as problem:
        kept, again = "everything the run was answered, in its journals", f"prompt-migrate resume {run.id}"
        next_command = problem.next_command or again
        raise StoreProblem(problem.message, hint=problem.hint, kept=kept, next_command=next_command) from problem


def _clear(world: World, run: Run, paths: Sequence[Path], *, own: bool) -> None:
    """Remove the journals, and, when the run is complete, what only a resumed run would need."""
    if _is_settled(run):
        if own:
            world.recordings.drop(f"@{run.id}")
        (world.journals / f"{run.id}.state").unlink(missing_ok=True)
        world.plans.drop(run.id)
    else:
        world.plans.note_lost(run.id, lost_tries(paths))
    _remove(paths)


def fold_leftovers(world: World) -> list[str]:
    """Fold what killed runs left behind, so that nothing they paid for is lost; return their ids.

    A run whose process lives is left alone. What is folded can still be resumed: its plan stays.
    """
    done = []
    for run_id, paths in journals(world.journals).items():
        with claimed(paths) as dead:
            if dead and _fold_leftover(world, run_id, paths):
                done.append(run_id)
    _sweep(world)
    return done


def _fold_leftover(world: World, run_id: str, paths: Sequence[Path]) -> bool:
    run = next((event for event in _events(paths) if isinstance(event, Run)), None)
    if run is None:
        # Killed before its first line: nothing was asked. Where lines are, `doctor` tells of them.
        if not any(path.stat().st_size for path in paths):
            _remove(paths)
        return False
    if not _is_complete(world, run_id):
        prices = world.prices()
        own = run.kind == "record" or _asked_fresh(world, run_id)
        folding = Fold(world.goldens, world.recordings, world.ledger, prices.usd)
        folded = Folded(run)
        for _ in folding.fold(run, _events(paths), folded):
            pass
        if own:
            folding.keep_own(run, _events(paths))
        plan = _plan(world, run_id)
        planned = folded.cases if plan is None else max(folded.cases, len(plan.items))
        closed = close_run(run, world.clock.now(), folded, planned=planned, not_run="interrupted")
        folding.finish(replace(closed, state="interrupted"), prices.rows_used())
        world.plans.note_lost(run_id, lost_tries(paths))
    _remove(paths)
    return True


def _is_complete(world: World, run_id: str) -> bool:
    """Say whether a run is in the ledger with all its answers: then only its clearing up was cut short."""
    try:
        run = world.ledger.run(run_id)
    except UsageProblem:
        return False
    return run.id == run_id and _is_settled(run)


def _asked_fresh(world: World, run_id: str) -> bool:
    plan = _plan(world, run_id)
    return plan is not None and bool(plan.options.get("fresh"))


def _plan(world: World, run_id: str) -> Plan | None:
    try:
        return world.plans.find(run_id)
    except PromptMigrateError:
        return None


def _sweep(world: World) -> None:
    """Remove what runs left that were killed while they cleared up."""
    world.plans.sweep()
    going_on, known = journals(world.journals), world.plans.known()
    planned = {run_id for run_id in known if run_id not in going_on and not _is_complete(world, run_id)}
    for run_id in {*known, *(path.stem for path in world.journals.glob("*.state"))}:
        if run_id not in planned and run_id not in going_on:
            _forget(world, run_id)


def _forget(world: World, run_id: str) -> None:
    """Remove what only resuming a run would need."""
    world.recordings.drop(f"@{run_id}")
    (world.journals / f"{run_id}.state").unlink(missing_ok=True)
    world.plans.drop(run_id)


def refuse_going_on(world: World, run_id: str) -> None:
    """Raise UsageProblem when a run is going on in another process; workers of a killed run get time to end."""
    give_up = world.clock.monotonic() + PATIENCE_S
    while alive := [path for path in journals(world.journals).get(run_id, ()) if is_alive(path)]:
        if any(path.name.endswith(".main.jsonl") for path in alive) or world.clock.monotonic() > give_up:
            raise UsageProblem(f"run {run_id} is still going on", hint="it can be resumed when it has ended")
        time.sleep(0.1)


def refuse_finished(world: World, run_id: str) -> None:
    """Raise UsageProblem when a run turns out to have come to its end: only its clearing up was cut short."""
    if run_id not in world.plans.known():
        raise UsageProblem(
            f"run {run_id} had come to its end: nothing is left to resume",
            kept="everything it was answered",
            next_command=f"prompt-migrate runs show {run_id}",
        )


def is_in_journals(world: World, run_id: str) -> bool:
    """Say whether a run still has journals: then not all of it is in the stores."""
    return bool(journals(world.journals).get(run_id))


def discard_journal(world: World, run_id: str) -> None:
    """Remove the journals of a run that asked nothing."""
    for path in journals(world.journals).get(run_id, ()):
        path.unlink(missing_ok=True)


def _events(paths: Sequence[Path]) -> Iterator[Event]:
    return chain.from_iterable(read_journal(path) for path in paths)


def _is_settled(run: Run) -> bool:
    """Say whether nothing is left to be asked: then nobody will resume the run."""
    return run.state == "complete" and not any(name.startswith("no_reply:") for name in run.accounts)


def _remove(paths: Sequence[Path]) -> None:
    """Remove the journals of a run, the controller's last: it names the run that the others belong to."""
    for path in reversed(paths):
        path.unlink(missing_ok=True)
