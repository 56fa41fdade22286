"""`prompt-migrate review --rate`: which of two answers is better, and how right each is, whosever they are."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from migrate.cli.keys import ESCAPE, pressed
from migrate.cli.printing import print_lines
from migrate.errors import UsageProblem
from migrate.presenting.layout import wrapped
from migrate.presenting.numbers import counted
from migrate.vocabulary import Rating

if TYPE_CHECKING:
    from migrate.reviewing import Pair, Sample
    from migrate.vocabulary import Side

NARROWEST, WIDEST = 40, 120
LONGEST: Final = 400
"""Lines of an answer that are shown."""
MARKS: Final = "12345"

Write = Callable[[Rating], None]


def rate(run_id: str | None, reviewer: str | None, given: dict[str, Any]) -> int:
    """Ask for ratings in the terminal, or take one from the options; return the exit code."""
    from migrate import wiring
    from migrate.reviewing import latest
    from migrate.wiring.deciding import reviewer as reviewer_of
    from migrate.wiring.rating import draw_sample, open_ratings
    from migrate.wiring.reporting import refuse_nothing, replay_of

    world = wiring.open_world(Path.cwd(), os.environ, {})
    try:
        refuse_nothing(world)
        run = replay_of(world.ledger, run_id)
        size, seed = given["sample"], given["seed"]
        sample = draw_sample(world, run, size=size, seed=seed, flow=given["flow"], candidate=given["candidate"])
        if not sample.pairs:
            print_lines([f"run {run.id}: no two answers differ, so there is nothing to rate"])
            return 0
        store, name = open_ratings(world), reviewer_of(world, reviewer)
        flows = dict.fromkeys(pair.flow for pair in sample.pairs)
        known = [one for flow in flows for one in latest(store.of_flow(flow))]
        now = world.clock.now
        session = _Session(
            sample, name, known, lambda: now().isoformat(timespec="seconds").replace("+00:00", "Z"), store.add
        )
        return _rated(session, given)
    finally:
        world.close()


class _Session:
    """One rater, the pairs that were drawn, and which of them were rated before."""

    def __init__(
        self,
        sample: Sample,
        rater: str,
        known: Sequence[Rating],
        now: Callable[[], str],
        add: Callable[[Sequence[Rating]], None],
    ) -> None:
        self.sample = sample
        self.rater = rater
        self.pairs = sample.ordered(rater)
        self._now = now
        self._add = add
        mine = {(*_about(one), one.baseline_shown, one.candidate_shown) for one in known if one.rater == rater}
        self.done = {pair.id for pair in self.pairs if (*_about(pair), *pair.shown) in mine}

    def keep(self, pair: Pair, preferred: str, first: int, second: int) -> None:
        """Write a rating given in terms of what was shown first and second."""
        left: Side = pair.left(self.rater)
        right: Side = "baseline" if left == "candidate" else "candidate"
        marks = {left: first, right: second}
        baseline_shown, candidate_shown = pair.shown
        drawn, of = self.sample.part(pair)
        rating = Rating(
            flow=pair.flow,
            case=pair.case,
            candidate=pair.candidate,
            rater=self.rater,
            preferred=left if preferred == "a" else right if preferred == "b" else "tie",
            baseline_correct=marks["baseline"],
            candidate_correct=marks["candidate"],
            left=left,
            baseline_shown=baseline_shown,
            candidate_shown=candidate_shown,
            seed=self.sample.seed,
            drawn=drawn,
            of=of,
            at=self._now(),
        )
        self._add([rating])
        self.done.add(pair.id)


def _about(one: Rating | Pair) -> tuple[str, str, str]:
    return one.flow, one.case, one.candidate


def _rated(session: _Session, given: dict[str, Any]) -> int:
    if given["pair"]:
        return _by_options(session, given)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _by_keys(session)
    print_lines(_flags(session))
    raise UsageProblem("ratings by keys need a terminal; the commands above rate without one")


def _by_options(session: _Session, given: dict[str, Any]) -> int:
    pair = next((one for one in session.pairs if one.id == given["pair"]), None)
    if pair is None:
        raise UsageProblem(
            f"the sample has no pair {given['pair']}",
            hint="--sample, --seed, --flow and --candidate have to be those it was drawn with",
            next_command="prompt-migrate review --rate",
        )
    prefer, first, second = given["prefer"], given["correct_a"], given["correct_b"]
    if prefer is None or first is None or second is None:
        raise UsageProblem("a rating needs all of it: --prefer a|b|tie --correct-a 1..5 --correct-b 1..5")
    session.keep(pair, prefer, first, second)
    print_lines([f"{pair.id}: rated by {session.rater}", *_end(session)])
    return 0


def _flags(session: _Session) -> Iterator[str]:
    """Yield the pairs that are not rated yet, blind, with what can be typed for each."""
    who = f" --reviewer {shlex.quote(session.rater)}" if session.rater != "unknown" else ""
    for pair in session.pairs:
        if pair.id not in session.done:
            yield from _shown(session, pair)
            more = f"--sample {len(session.sample.pairs)} --seed {session.sample.seed}{who}"
            yield f"  prompt-migrate review --rate {more} --pair {pair.id} --prefer a|b|tie --correct-a N --correct-b N"


def _shown(session: _Session, pair: Pair) -> Iterator[str]:
    first, second = pair.sides(session.rater)
    place = session.pairs.index(pair) + 1
    yield ""
    yield f"{place}/{len(session.pairs)}  {pair.id}"
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST) - 4
    for name, text in (("asked", pair.asked), ("A", first), ("B", second)):
        yield f"  {name}:"
        lines = [part for line in text.splitlines() for part in _fitted(line, width)]
        yield from (f"    {line}" for line in lines[:LONGEST])
        if len(lines) > LONGEST:
            yield f"    ... and {counted(len(lines) - LONGEST, 'more line')}"


def _fitted(line: str, width: int) -> Iterator[str]:
    """Yield a line in the width of the terminal, indented as it was."""
    indent = line[: min(len(line) - len(line.lstrip()), NARROWEST // 2)]
    yield from (indent + part for part in wrapped(line.strip(), width - len(indent)))


def _by_keys(session: _Session) -> int:
    """Go through the pairs that are not rated yet; every rating is kept at once. Return the exit code."""
    todo = [pair for pair in session.pairs if pair.id not in session.done]
    at = 0
    while at < len(todo):
        print_lines(_shown(session, todo[at]))
        key = _key("  better: [a] [b] [t]ie, [s]kip, [u]ndo: back to the one before, Escape leaves ", "abtsu")
        if key == ESCAPE:
            break
        if key in "su":
            at = max(at + (1 if key == "s" else -1), 0)
            continue
        marks = [_key(f"  {name} is right, 1 (wrong) to 5 (right): ", MARKS) for name in "AB"]
        if ESCAPE in marks:
            break
        session.keep(todo[at], key, *map(int, marks))
        at += 1
    print_lines(_end(session))
    return 0


def _key(prompt: str, allowed: str) -> str:
    """Return one of the keys that are allowed, or Escape."""
    while True:
        key = pressed(prompt).lower()
        if key == ESCAPE or (key and key in allowed):
            return key


def _end(session: _Session) -> Iterator[str]:
    sample = session.sample
    of = f"{counted(len(sample.pairs), 'pair')}, drawn from {sample.of} that differ"
    yield f"{session.rater} rated {len(session.done)} of {of}; {sample.equal} more are equal"
    if len(session.done) < len(session.pairs):
        yield "the same command goes on where you left"
    else:
        yield "next: prompt-migrate compare"
