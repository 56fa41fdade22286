"""`prompt-migrate swap`: model ids changed in a code base, shown as a diff first."""

from __future__ import annotations

import datetime as dt
import os
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.cli.printing import print_json, print_lines
from migrate.errors import UsageProblem, did_you_mean
from migrate.inert import inert
from migrate.presenting.numbers import counted

if TYPE_CHECKING:
    from migrate.edges.scanning.swap.plans import Left, Plan

JSON_FORMAT: Final = 1
SHOWN: Final = 20
"""Names left alone for one reason that are listed; the rest is counted."""
TAB: Final = 4


@click.command()
@click.argument("source", metavar="[SRC]", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--from", "today", metavar="MODEL", help="Model id to change.")
@click.option("--to", "candidate", metavar="MODEL", help="Model id that takes its place.")
@click.option("--map", "mapping", metavar="A=B[,C=D]", help="Several at once: gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini.")
@click.option(
    "--include",
    metavar="WHAT",
    multiple=True,
    help="Change what is left alone too: tests, evals, fixtures, docs, data, locks, prompts, lookups, texts, comments,"
    " or a pattern of paths. May be repeated.",
)
@click.option("--write", is_flag=True, help="Write the change; without it nothing is written.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/swap.schema.json).")
def swap(
    *,
    source: Path,
    today: str | None,
    candidate: str | None,
    mapping: str | None,
    include: tuple[str, ...],
    write: bool,
    as_json: bool,
) -> None:
    """Change model ids in a code base, as a minimal diff.

    Shows the diff; --write makes it. Only the name itself changes: comments, formatting, line ends and encodings stay.
    Longer names (gpt-4o-mini, gpt-4o-2024-08-06) are other models. Tests, evaluations, fixtures, goldens, lock files,
    documentation and prompt files are left alone unless --include says otherwise.
    """
    from migrate.edges.scanning.swap.plans import Policy, plan_swap, write_plan

    pairs = _pairs(today, candidate, mapping)
    _check_includes(include)
    print_lines(_warnings(pairs), err=True)
    plan = plan_swap(source, Path.cwd(), Policy(pairs, include))
    if write and plan.files:
        print_lines(_checkout_warning(source), err=True)
        write_plan(plan)
    if as_json:
        print_json(_document(plan, pairs, source, written=write))
    else:
        again = " ".join([source.as_posix(), _said(pairs), *(f"--include {shlex.quote(what)}" for what in include)])
        print_lines(_lines(plan, pairs, None if write else again))


# --- What was asked for -------------------------------------------------------------------------------------------


def _pairs(today: str | None, candidate: str | None, mapping: str | None) -> dict[str, str]:
    from migrate.rendering.candidates import parse_candidate

    if mapping is not None and (today or candidate):
        raise UsageProblem("give --from and --to, or --map, not both")
    if mapping is None:
        if not today or not candidate:
            missing = "--from" if not today else "--to"
            raise UsageProblem(f"{missing} is missing", hint="for example: --from gpt-4o --to gpt-4.1")
        mapping = f"{today}={candidate}"
    pairs = dict(parse_candidate(mapping).mapping or {})
    if not pairs:
        raise UsageProblem(f'"{mapping}" is no mapping', hint="write --map gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini")
    _check_repeatable(pairs)
    return pairs


def _check_repeatable(pairs: dict[str, str]) -> None:
    """Refuse what a second run would change again."""
    for model, to in pairs.items():
        if model == to:
            raise UsageProblem(f'"{model}" would stay as it is')
        if to in pairs:
            twice = "takes the place of one model and is itself to be changed: a second run would change it again"
            raise UsageProblem(f'"{to}" {twice}', hint="swap one after the other, with a commit between them")


def _check_includes(include: tuple[str, ...]) -> None:
    from migrate.edges.scanning.swap.plans import INCLUDES

    for what in include:
        is_pattern = any(mark in what for mark in "*?[/.")
        if what not in INCLUDES and not is_pattern:
            hint = did_you_mean(what, INCLUDES) or f"one of {', '.join(INCLUDES)}, or a pattern such as tests/e2e/*"
            raise UsageProblem(f'--include knows no "{what}"', hint=hint)


def _warnings(pairs: dict[str, str]) -> Iterator[str]:
    from migrate.catalogue import facts, known_models, retired
    from migrate.cli.scan import today_of
    from migrate.edges.configuration import read_settings

    day: dt.date = today_of(read_settings(Path.cwd(), os.environ))
    for model, to in pairs.items():
        if facts(to) is None:
            hint = did_you_mean(to, known_models())
            yield f'warning: nothing is known of the model "{to}"' + (f" ({hint})" if hint else "")
        elif (gone := retired(to, day)) is not None:
            yield f'warning: "{to}" left the API on {gone.isoformat()}'
        if facts(model) is None and (hint := did_you_mean(model, known_models())):
            yield f'warning: nothing is known of the model "{model}" ({hint})'


def _checkout_warning(source: Path) -> Iterator[str]:
    from migrate.edges.checkout import commit_of

    folder = source if source.is_dir() else source.parent
    _, dirty = commit_of(folder)
    if dirty:
        yield "warning: the checkout has uncommitted changes; this swap joins them (git stash or commit keeps it apart)"
    elif dirty is None:
        yield "warning: git does not know this folder: there is no way back but another swap"


# --- For people ---------------------------------------------------------------------------------------------------


def _said(pairs: dict[str, str]) -> str:
    return "--map " + ",".join(f"{model}={to}" for model, to in pairs.items())


def _lines(plan: Plan, pairs: dict[str, str], again: str | None) -> Iterator[str]:
    """Yield what people read; `again` is how to ask for the same once more, None when it is written."""
    for one in plan.files:
        for line in one.diff.split("\n")[:-1]:
            yield inert(line.rstrip("\r").expandtabs(TAB), keep_newlines=False)
    if plan.files:
        yield ""
    yield from _left_lines(plan)
    for unread in plan.unread:
        yield f"not read: {unread.file}{f':{unread.line}' if unread.line else ''}  {unread.reason}"
    yield _total(plan, pairs, written=again is None)
    yield "prompt files keep their model: it says what is in production; prompt-migrate promote changes it"
    if plan.files and again is not None:
        yield f"nothing is written yet; next: prompt-migrate swap {again} --write"


def _left_lines(plan: Plan) -> Iterator[str]:
    kinds = dict.fromkeys(left.kind for left in plan.left)
    for kind in kinds:
        found = [left for left in plan.left if left.kind == kind]
        yield f"left alone, {found[0].reason}{_way(found[0])}:"
        for left in found[:SHOWN]:
            yield f"  {left.spot.file}:{left.spot.line}  {left.model}"
        if len(found) > SHOWN:
            yield f"  ... and {len(found) - SHOWN} more (--json lists all)"
    if kinds:
        yield ""


def _way(left: Left) -> str:
    from migrate.edges.scanning.swap.plans import INCLUDES

    return f" (--include {left.kind})" if left.kind in INCLUDES else ""


def _total(plan: Plan, pairs: dict[str, str], *, written: bool) -> str:
    changed = Counter((change.model, change.to) for change in plan.changes)
    if not changed:
        names = " or ".join(pairs)
        return f"no {names} to change in {counted(plan.looked_at, 'file')}"
    each = ", ".join(f"{model} -> {to} {count}x" for (model, to), count in changed.items())
    verb = "changed" if written else "to change"
    return f"{verb} in {counted(len(plan.files), 'file')}: {each}; {len(plan.left)} left alone"


# --- For tools ----------------------------------------------------------------------------------------------------


def _document(plan: Plan, pairs: dict[str, str], source: Path, *, written: bool) -> dict[str, Any]:
    return {
        "format": JSON_FORMAT,
        "source": source.as_posix(),
        "pairs": [{"from": model, "to": to} for model, to in pairs.items()],
        "written": written and bool(plan.files),
        "files": plan.looked_at,
        "changes": [
            {
                "file": change.spot.file,
                "line": change.spot.line,
                "column": change.spot.column,
                "from": change.model,
                "to": change.to,
                "before": change.before,
                "after": change.after,
            }
            for change in plan.changes
        ],
        "left": [
            {
                "file": left.spot.file,
                "line": left.spot.line,
                "column": left.spot.column,
                "model": left.model,
                "kind": left.kind,
                "reason": left.reason,
            }
            for left in plan.left
        ],
        "unread": [{"file": one.file, "line": one.line, "reason": one.reason} for one in plan.unread],
        "diff": "".join(one.diff for one in plan.files),
    }
