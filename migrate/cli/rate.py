"""`prompt-migrate review --rate`: which of two answers is better, and how right each is, whosever they are."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from migrate.cli.keys import ESCAPE, pressed
from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import NARROWEST, fuller_lines, print_lines, terminal_width
from migrate.errors import UsageProblem
from migrate.presenting.layout import wrapped
from migrate.presenting.numbers import counted

if TYPE_CHECKING:
    from migrate.reviewing import Pair, Sample
    from migrate.wiring.world import World
    from migrate.workflow.rating import Preferred, RatingSession

LONGEST: Final = 400
"""Lines of an answer that are shown."""
ASKED: Final = (4, 10)
"""Lines of what was asked that are shown of its beginning and of its end, where mostly the question stands."""
MARKS: Final = "12345"
KEYS: Final = {
    "a": "A is the better answer",
    "b": "B is the better answer",
    "t": "neither is better",
    "w": "the whole of what was asked",
    "s": "skip: it stays to be rated",
    "u": "undo: what was said of the pair before is taken back, and it is shown again",
    "q": "leave, as Escape does; what was said is kept already",
    "?": "this list",
}
"""What a rater can press at a pair; then come the two marks."""
PREFERRED: Final[Mapping[str, Preferred]] = {"a": "a", "b": "b", "t": "tie"}


def rate(run_id: str | None, reviewer: str | None, given: dict[str, Any]) -> int:
    """Ask for ratings in the terminal or at a page, or take one from the options; return the exit code."""
    from migrate import wiring
    from migrate.cli.decide import refuse_misnamed
    from migrate.wiring.deciding import open_review
    from migrate.wiring.deciding import reviewer as reviewer_of
    from migrate.wiring.rating import draw_sample, open_session
    from migrate.wiring.reporting import refuse_nothing, replay_of

    world = wiring.open_world(Path.cwd(), os.environ, {})

    take_in_leftovers(world.settings)
    try:
        refuse_nothing(world)
        run = replay_of(world.ledger, run_id)
        if run_id is None:
            print_lines(fuller_lines(world.ledger.runs(), run, "review --rate"), err=True)
        size, seed = given["sample"], given["seed"]
        sample = draw_sample(world, run, size=size, seed=seed, flow=given["flow"], candidate=given["candidate"])
        if not sample.pairs:
            refuse_misnamed(run, list(open_review(world).seen(run)), given["flow"], given["candidate"])
            print_lines([f"run {run.id}: no two answers differ, so there is nothing to rate"])
            return 0
        rater = reviewer_of(world, reviewer)
        if given["web"]:
            return _by_page(world, sample, rater, given)
        return _rated(open_session(world, sample, rater), given, str(world.settings.fixtures))
    finally:
        world.close()


def _rated(session: RatingSession, given: dict[str, Any], folder: str) -> int:
    if given["pair"]:
        return _by_options(session, given, folder)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _by_keys(session, folder)
    print_lines(_flags(session))
    raise UsageProblem("ratings by keys need a terminal; the commands above rate without one")


def _by_page(world: World, sample: Sample, rater: str, given: dict[str, Any]) -> int:
    """Serve a page that rates until it ends; return the exit code."""
    from migrate.cli.serving import serve
    from migrate.wiring.rating_web import WebRating

    web = WebRating(world, sample, rater)
    serve(web.server, counted(len(sample.pairs), "pair"), show=given["show"], idle=given["idle"])
    folder = str(world.settings.fixtures)
    print_lines(["", *(line for session in web.rated.values() for line in _end(session, folder))])
    if not web.rated:
        print_lines(["nothing was rated"])
    return 0


def _by_options(session: RatingSession, given: dict[str, Any], folder: str) -> int:
    pair = session.pair(given["pair"])
    prefer, first, second = given["prefer"], given["correct_a"], given["correct_b"]
    if prefer is None or first is None or second is None:
        raise UsageProblem("a rating needs all of it: --prefer a|b|tie --correct-a 1..5 --correct-b 1..5")
    session.keep(pair, prefer, first, second)
    print_lines([f"{pair.id}: rated by {session.rater}", *_end(session, folder)])
    return 0


def _flags(session: RatingSession) -> Iterator[str]:
    """Yield the pairs that are not rated yet, blind, with what can be typed for each."""
    who = f" --reviewer {shlex.quote(session.rater)}" if session.rater != "unknown" else ""
    for pair in session.pairs:
        if pair.id not in session.done:
            yield from _shown(session, pair)
            more = f"--sample {len(session.sample.pairs)} --seed {session.sample.seed}{who}"
            yield f"  prompt-migrate review --rate {more} --pair {pair.id} --prefer WHICH --correct-a N --correct-b N"
    yield ""
    yield "WHICH: a, b or tie; N: how right it is, 1 (wrong) to 5"


def _shown(session: RatingSession, pair: Pair, *, whole: bool = False) -> Iterator[str]:
    first, second = pair.sides(session.rater)
    place = session.pairs.index(pair) + 1
    yield ""
    yield f"{place}/{len(session.pairs)}  {pair.id}"
    yield "  asked:"
    yield from _ends(_in_lines(pair.asked), whole=whole)
    for name, text in (("A", first), ("B", second)):
        yield f"  {name}:"
        lines = _in_lines(text)
        yield from lines[:LONGEST]
        if len(lines) > LONGEST:
            yield f"    ... and {counted(len(lines) - LONGEST, 'more line')}"


def _in_lines(text: str) -> list[str]:
    return [f"    {part}" for line in text.splitlines() for part in _fitted(line, terminal_width() - 4)]


def _ends(lines: Sequence[str], *, whole: bool) -> Iterator[str]:
    """Yield the beginning and the end of what was asked, or all of it."""
    head, tail = ASKED
    if whole or len(lines) <= head + tail + 1:
        yield from lines
        return
    yield from lines[:head]
    yield f"    ... {len(lines) - head - tail} lines left out"
    yield from lines[-tail:]


def _fitted(line: str, width: int) -> Iterator[str]:
    """Yield a line in the width of the terminal, indented as it was."""
    indent = line[: min(len(line) - len(line.lstrip()), NARROWEST // 2)]
    yield from (indent + part for part in wrapped(line.strip(), width - len(indent)))


def _by_keys(session: RatingSession, folder: str) -> int:
    """Go through the pairs that are not rated yet; every rating is kept at once. Return the exit code."""
    todo = [pair for pair in session.pairs if pair.id not in session.done]
    at, whole = 0, False
    while at < len(todo):
        print_lines(_shown(session, todo[at], whole=whole))
        key = _key("  better: [a] [b] [t]ie, [w]hole [s]kip [u]ndo [q]uit [?] ", "abtwsuq?")
        whole = key == "w"
        if key in (ESCAPE, "q"):
            break
        if key == "?":
            print_lines(f"  {name}  {words}" for name, words in KEYS.items())
            continue
        if key in "ws":
            at += key == "s"
            continue
        if key == "u":
            at = max(at - 1, 0)
            taken = session.withdraw(todo[at])
            print_lines([f"  taken back: what was said of {todo[at].id}" if taken else "  nothing was said of it yet"])
            continue
        marks = [_key(f"  {name} is right, 1 (wrong) to 5 (right): ", MARKS) for name in "AB"]
        if ESCAPE in marks:
            break
        session.keep(todo[at], PREFERRED[key], *map(int, marks))
        at += 1
    print_lines(_end(session, folder))
    return 0


def _key(prompt: str, allowed: str) -> str:
    """Return one of the keys that are allowed, or Escape."""
    while True:
        key = pressed(prompt).lower()
        if key == ESCAPE or (key and key in allowed):
            return key


def _end(session: RatingSession, folder: str) -> Iterator[str]:
    from migrate.presenting.deciding import RATED_LOG, commit_lines

    sample, width = session.sample, terminal_width()
    of = f"{counted(len(sample.pairs), 'pair')}, drawn from {sample.of} that differ"
    said = f"{session.rater} rated {len(session.done)} of {of}; {sample.equal} more are equal"
    yield from wrapped(said, width)
    if len(session.done) < len(session.pairs):
        yield "the same command goes on where you left"
    if session.done:
        words = f"Ratings of a model migration: {counted(len(session.done), 'pair')} by {session.rater}"
        yield from commit_lines([folder], words, RATED_LOG, width)
    if len(session.done) == len(session.pairs):
        yield "then: prompt-migrate compare"
