"""Which run is finished when somebody resumes: the one that is named, or the only one that can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migrate.edges.configuration import refuse_nowhere
from migrate.edges.journal import is_alive, journals
from migrate.edges.plans import Plan
from migrate.errors import UsageProblem
from migrate.presenting.meant import to_type
from migrate.presenting.numbers import counted
from migrate.vocabulary import Run
from migrate.wiring.endings import fold_leftovers, refuse_finished
from migrate.wiring.world import World


class Chosen(NamedTuple):
    """The run to finish."""

    plan: Plan
    words: tuple[str, ...]
    """What to say of it, a line each: what it is, and which unfinished runs were left out and why."""


def choose(world: World, name: str | None) -> Chosen:
    """Return the plan of the run to finish, by its id, a unique beginning of it, or as the only one there is.

    Without a name those are left out that asking again cannot finish, those that a later run stands in for, and those
    that are going on. Raises UsageProblem where that leaves none, or several: which one costs money is not guessed.
    """
    if name is not None:
        plan = world.plans.find(name)
        return Chosen(plan, (f"resuming {_told(plan, _stored(world))}",))
    before = world.plans.known()
    if not before:
        refuse_nowhere(world.settings)
        raise _none(())
    # What killed runs were answered is in their journals, and nothing is known of them before.
    fold_leftovers(world)
    plans, stored = [world.plans.find(known) for known in world.plans.known()], _stored(world)
    left_out = {plan.run.id: why for plan in plans if (why := _why_not(world, plan, stored))}
    open_, others = [plan for plan in plans if plan.run.id not in left_out], tuple(_others(left_out))
    if not open_:
        for run_id in reversed(before):
            refuse_finished(world, run_id)
        raise _none(others)
    if len(open_) > 1:
        newest_first = [f"  {_told(plan, stored)}" for plan in reversed(open_)]
        lines = (f"{len(open_)} unfinished runs can be finished; name one:", *newest_first, *others)
        raise UsageProblem("\n".join(lines), next_command=f"prompt-migrate resume {open_[-1].run.id}")
    return Chosen(open_[0], (f"resuming {_told(open_[0], stored)}", *others))


def _none(others: tuple[str, ...]) -> UsageProblem:
    return UsageProblem("\n".join(("no unfinished run to resume", *others)), next_command="prompt-migrate runs list")


def _others(left_out: Mapping[str, str]) -> Iterator[str]:
    for run_id, why in left_out.items():
        yield f"left out run {run_id}: {why}"


def _stored(world: World) -> dict[str, Run]:
    return {run.id: run for run in world.ledger.runs()}


def _told(plan: Plan, stored: Mapping[str, Run]) -> str:
    """Say what a run is: `run 20260115-093000-ab12: replay of gpt-4.1, 6 of 120 cases`."""
    run = stored.get(plan.run.id, plan.run)
    what = f"replay of {', '.join(run.candidates)}" if run.kind == "replay" else "recording of goldens"
    planned = run.accounts.get("planned", len(plan.items))
    done = f"{run.accounts['judged']} of " if "judged" in run.accounts else ""
    return f"run {run.id}: {what}, {done}{counted(planned, 'case')}"


def _why_not(world: World, plan: Plan, stored: Mapping[str, Run]) -> str:
    """Return why a run is not the one to finish; empty where nothing speaks against it."""
    run = stored.get(plan.run.id, plan.run)
    if any(path.name.endswith(".main.jsonl") and is_alive(path) for path in journals(world.journals).get(run.id, ())):
        return "it is still going on"
    # A model that is known may be waited for, as where access to it is to come: a name that nobody knows is a slip.
    if run.only_lacks_models and all(to_type(text, ()) != text for text in run.candidates):
        return f"the provider has no {' and no '.join(run.candidates)}"
    later = next((one for one in stored.values() if _stands_in(one, run, len(plan.items))), None)
    return "" if later is None else f"run {later.id} after it asked the same and is complete"


def _stands_in(later: Run, run: Run, planned: int) -> bool:
    """Say whether a later run that came to its end was about the same and no less."""
    same = (later.kind, later.candidates, later.samples) == (run.kind, run.candidates, run.samples)
    whole = later.state == "complete" and later.accounts.get("judged", 0) >= planned
    return same and whole and later.started_at > run.started_at


__all__ = ["Chosen", "choose"]
