"""Which run is finished when none is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from measured import keep_run, replay

from migrate.edges.plans import Plan
from migrate.errors import UsageProblem
from migrate.wiring import World, choose, open_world

FIRST, SECOND, THIRD = "20261101-100000-aaaa", "20261102-100000-bbbb", "20261103-100000-cccc"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = open_world(tmp_path, {}, {})
    yield world
    world.close()


def stopped(world: World, run_id: str, model: str = "gpt-4.1", **accounts: int) -> None:
    """A run of ten cases that was stopped, with its plan."""
    facts: dict[str, Any] = {"id": run_id, "candidates": (model,), "started_at": f"{run_id[:8]}T10:00:00.000Z"}
    counts = {"planned": 10, **(accounts or {"judged": 4, "not_run:interrupted": 6})}
    keep_run(world.root, [], **facts, state="incomplete", accounts=counts)
    world.plans.keep(Plan(replay(**facts, state="running"), tuple("abcdefghij"), {"model": [model]}))


def done(world: World, run_id: str, model: str = "gpt-4.1", judged: int = 10) -> None:
    """A run that came to its end."""
    facts: dict[str, Any] = {"id": run_id, "candidates": (model,), "started_at": f"{run_id[:8]}T10:00:00.000Z"}
    keep_run(world.root, [], **facts, accounts={"planned": judged, "judged": judged})


def test_the_only_unfinished_run_is_taken_and_told(world: World) -> None:
    """What it asks and how far it came."""
    stopped(world, FIRST)
    plan, words = choose(world, None)
    assert (FIRST, (f"resuming run {FIRST}: replay of gpt-4.1, 4 of 10 cases",)) == (plan.run.id, words)


def test_a_run_of_a_model_nobody_has_is_left_out(world: World) -> None:
    """Asking again cannot finish it: the older run is taken, and the newer one named; by its id it is still taken."""
    stopped(world, FIRST)
    stopped(world, SECOND, "gpt-4.l", **{"no_reply:model_not_found": 1, "not_run:model_not_found": 9})
    plan, words = choose(world, None)
    assert (FIRST, f"left out run {SECOND}: the provider has no gpt-4.l") == (plan.run.id, words[-1])
    assert SECOND == choose(world, SECOND).plan.run.id


def test_a_known_model_without_access_can_be_waited_for(world: World) -> None:
    """Its name is no slip: once there is access, the run is finished."""
    stopped(world, FIRST, **{"no_reply:model_not_found": 1, "not_run:model_not_found": 9})
    assert FIRST == choose(world, None).plan.run.id


def test_a_run_that_lacks_a_model_and_was_interrupted_can_be_finished(world: World) -> None:
    """Cases that were never asked are left, of another model perhaps."""
    stopped(world, FIRST, **{"judged": 3, "no_reply:model_not_found": 5, "not_run:interrupted": 2}, model="gpt-4.l")
    assert FIRST == choose(world, None).plan.run.id


def test_one_of_several_has_to_be_named(world: World) -> None:
    """They are listed, the newest first, with the command for it: which one costs money is not guessed."""
    stopped(world, FIRST, "gpt-4.1-mini")
    stopped(world, SECOND)
    with pytest.raises(UsageProblem) as refused:
        choose(world, None)
    assert [
        "2 unfinished runs can be finished; name one:",
        f"  run {SECOND}: replay of gpt-4.1, 4 of 10 cases",
        f"  run {FIRST}: replay of gpt-4.1-mini, 4 of 10 cases",
        f"next: prompt-migrate resume {SECOND}",
    ] == str(refused.value).splitlines()


def test_a_run_that_a_later_one_stands_in_for_is_left_out(world: World) -> None:
    """The same was asked again and answered in full; a later run of a part, or of another model, is no such thing."""
    stopped(world, FIRST)
    stopped(world, SECOND, "gpt-4.1-mini")
    done(world, THIRD, judged=3)
    with pytest.raises(UsageProblem, match="2 unfinished runs"):
        choose(world, None)
    done(world, "20261104-100000-dddd")
    plan, words = choose(world, None)
    assert SECOND == plan.run.id
    assert (f"left out run {FIRST}: run 20261104-100000-dddd after it asked the same and is complete",) == words[1:]


def test_a_run_that_is_going_on_is_left_out(world: World) -> None:
    """It has a process of its own."""
    stopped(world, FIRST)
    stopped(world, SECOND)
    journal = world.open_journal(SECOND, "main")
    plan, words = choose(world, None)
    journal.close()
    assert (FIRST, f"left out run {SECOND}: it is still going on") == (plan.run.id, words[-1])


def test_a_run_that_was_only_not_cleared_away_had_come_to_its_end(world: World) -> None:
    """Killed after its last answer was kept: nothing is left, and where to look is told."""
    stopped(world, FIRST)
    done(world, FIRST)
    with pytest.raises(UsageProblem, match=f"run {FIRST} had come to its end: nothing is left to resume"):
        choose(world, None)


def test_where_none_can_be_finished_the_reasons_are_told(world: World) -> None:
    """Nothing is taken, and the command that lists runs is named."""
    stopped(world, FIRST, "gpt-4.l", **{"no_reply:model_not_found": 10})
    with pytest.raises(UsageProblem) as refused:
        choose(world, None)
    assert [
        "no unfinished run to resume",
        f"left out run {FIRST}: the provider has no gpt-4.l",
        "next: prompt-migrate runs list",
    ] == str(refused.value).splitlines()
