"""How commands print: lines made inert, one JSON document in ASCII, and no locale that ends a command."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import click

from migrate.inert import inert, inert_json
from migrate.presenting.numbers import counted
from migrate.vocabulary import Json, Run

NARROWEST: Final = 40
WIDEST: Final = 120
"""Cells of a line for people, whatever the terminal has: from, and to."""


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines as they come; characters the terminal's encoding lacks are escaped."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    for line in lines:
        click.echo(inert(line).encode(encoding, "backslashreplace").decode(encoding), err=err)


def terminal_width() -> int:
    """Return how wide a line for people may be."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def folded(text: str) -> str:
    """Return a hint that lists many names on as many lines as the terminal asks for; every name stays whole."""
    from migrate.presenting.layout import wrapped

    return "\n".join(wrapped(text, terminal_width(), cut=False))


def hanging(label: str, text: str, width: int) -> Iterator[str]:
    """Yield a label and its text beside it, on as many lines as the width asks for; paths stay whole."""
    from migrate.presenting.layout import wrapped

    for number, line in enumerate(wrapped(text, width - len(label), cut=False)):
        yield f"{' ' * len(label) if number else label}{line}"


def fuller_lines(runs: Iterable[Run], shown: Run, command: str) -> Iterator[str]:
    """Yield a word where the newest replay judged fewer cases than one before it, as after `-k` or without answers.

    So of a newer one that was asked in vain, which is not the newest, and of one that was started later and ended
    before, as where the shown one was resumed.
    """
    replays = sorted((one for one in runs if one.kind == "replay"), key=lambda one: one.ended_at, reverse=True)
    for one in replays:
        if one.ended_at > shown.ended_at and one.lacked_a_model:
            yield f"note: left out run {one.id}: the provider has no {', '.join(one.candidates)}"
        elif one.ended_at < shown.ended_at and one.started_at > shown.started_at and not one.only_lacks_models:
            said = f"run {shown.id} ended last, so it is meant; run {one.id} was started after it"
            yield from hanging("note: ", said, terminal_width())
            yield f"note: that one: prompt-migrate {command} --run {one.id}"
    earlier = (one for one in replays if one.ended_at < shown.ended_at)
    alike = (one for one in earlier if not set(shown.candidates).isdisjoint(one.candidates))
    judged = _judged(shown)
    for one in alike:
        if _judged(one) > judged:
            noun = "case" if len(shown.candidates) == len(one.candidates) == 1 else "comparison"
            few, many = (counted(run.accounts.get("judged", 0), noun) for run in (shown, one))
            said = f"run {shown.id} judged {few}, run {one.id} before it {many}"
            yield from hanging("note: ", said, terminal_width())
            yield f"note: that one: prompt-migrate {command} --run {one.id}"
            return


def _judged(run: Run) -> int:
    """Return how many cases a run judged against each of its candidates, on an average."""
    return run.accounts.get("judged", 0) // max(len(run.candidates), 1)


def print_json(document: Mapping[str, Json]) -> None:
    """Print one document on standard output, which may be the log of a CI."""
    click.echo(inert_json(json.dumps(document, indent=2, allow_nan=False)))
