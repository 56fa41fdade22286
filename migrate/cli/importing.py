"""`prompt-migrate import`: prompts and cases of other tools, and production logs, as prompt files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.cli.printing import print_json, print_lines
from migrate.presenting.layout import Cell, Column, table, wrapped
from migrate.presenting.numbers import counted

if TYPE_CHECKING:
    from migrate.vocabulary import Place
    from migrate.wiring.importing import Import, Imported

JSON_FORMAT: Final = 1
SHOWN: Final = 50
"""Refusals that are listed; the rest is counted."""
_COLUMNS: Final = (
    Column("flow", right=False, least=16),
    Column("model", right=False, least=12),
    Column("cases"),
    Column("folded"),
    Column("near-dup."),
    Column("over"),
    Column("goldens"),
    Column("from", right=False, least=16),
)


@click.command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--map",
    "mapping",
    metavar="FIELD=COLUMN",
    multiple=True,
    help="Where CSV or JSONL rows hold a case: vars.NAME, expected, id, flow or tags. May be repeated.",
)
@click.option("--sample", metavar="N", type=click.IntRange(1), help="Take at most N cases of every stratum.")
@click.option(
    "--per",
    metavar="WHAT",
    default="flow",
    show_default=True,
    help="Strata inside a flow: flow (one), or a dotted path of the log's lines, such as metadata.country.",
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Another seed draws another sample.")
@click.option(
    "--near",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=95.0,
    show_default=True,
    help="Similarity of inputs from which production cases are near-duplicates, taken once; 0 takes all.",
)
@click.option("--goldens/--no-goldens", default=True, help="Make goldens of logged answers where they fit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/import.schema.json).")
def import_(
    *,
    files: tuple[Path, ...],
    mapping: tuple[str, ...],
    sample: int | None,
    per: str,
    seed: int,
    near: float,
    goldens: bool,
    as_json: bool,
) -> None:
    """Import prompts, cases and logs of other tools as prompt files.

    Reads promptfoo configurations and tests, .prompty files, OpenAI Batch files (input and output together), logs of
    {request, response} lines, and any CSV or JSONL with --map. Runs and fetches nothing of what it reads, redacts what
    it writes, never overwrites, and tells what it did not import and why.
    """
    from migrate.edges.importers import Wanted, mapping_of
    from migrate.wiring import open_world
    from migrate.wiring.importing import Asked, import_files

    asked = Asked(files, mapping_of(mapping), Wanted(sample, seed, near), per, goldens)
    world = open_world(Path.cwd(), os.environ, {})
    made = import_files(world, asked)
    if as_json:
        print_json(_document(made, asked.wanted, per))
    else:
        print_lines(_lines(made, max(80, min(shutil.get_terminal_size((120, 24)).columns, 200))))


# --- For people ---------------------------------------------------------------------------------------------------


def _lines(made: Import, width: int) -> Iterator[str]:
    if made.flows:
        yield from table(_COLUMNS, [_row(one) for one in made.flows], width)
        yield ""
        for one in made.flows:
            yield f"{one.what:6}{one.path}"
            for text in _notes(one):
                yield from (f"{'':8}{line}" for line in wrapped(text, width - 8))
    if made.refused:
        yield ""
        yield "not imported"
        for refused in made.refused[:SHOWN]:
            yield from wrapped(f"{refused.place}  {refused.what}: {refused.reason}", width)
        if len(made.refused) > SHOWN:
            yield f"... and {len(made.refused) - SHOWN} more (--json lists all)"
    yield ""
    if made.lines:
        yield from wrapped(_of_lines(made), width)
    yield _total(made)
    if any(one.what == "wrote" for one in made.flows):
        yield "next: prompt-migrate validate"


def _row(one: Imported) -> tuple[Cell, ...]:
    return (
        Cell(one.flow),
        Cell(str(one.found.document["model"])),
        Cell(str(one.cases)),
        Cell(str(one.found.folded)),
        Cell(str(one.near)),
        Cell(str(one.over)),
        Cell(str(one.goldens)),
        Cell(str(one.found.place)),
    )


def _notes(one: Imported) -> Iterator[str]:
    if one.what == "kept":
        yield "a file of that name is there: nothing was written"
        return
    yield from (f"open: {text}" for text in one.found.open)
    if one.goldens:
        alone = "; with one answer a case, noise is unmeasured" if one.samples == one.goldens else ""
        yield f"goldens of {counted(one.goldens, 'case')} from {counted(one.samples, 'logged answer')}{alone}"
    if one.unused:
        yield f"{counted(one.unused, 'further answer')} to the same requests: goldens hold K of a case (samples)"
    yield from (f"to record: {text}" for text in one.to_record)


def _of_lines(made: Import) -> str:
    """Return what became of the lines of logs and tables: each of them is in one of these numbers."""
    flows = [one for one in made.flows if one.found.place.file in made.lines]
    refused = sum(one.lines for one in made.refused if one.place.file in made.lines)
    numbers = (
        (sum(one.cases for one in flows), "case", "cases"),
        (sum(one.found.folded for one in flows), *("folded into cases with the same request",) * 2),
        (sum(one.found.joined for one in flows), "answer joined to its request", "answers joined to their requests"),
        (sum(one.near for one in flows), "near-duplicate", "near-duplicates"),
        (sum(one.over for one in flows), *("over the sample",) * 2),
        (refused, *("not imported",) * 2),
    )
    parts = ", ".join(f"{number} {single if number == 1 else more}" for number, single, more in numbers if number)
    return f"{counted(sum(made.lines.values()), 'line')} read: {parts or 'nothing in them'}"


def _total(made: Import) -> str:
    wrote = [one for one in made.flows if one.what == "wrote"]
    kept = len(made.flows) - len(wrote)
    words = f"imported {counted(len(wrote), 'flow')} with {counted(sum(one.cases for one in wrote), 'case')}"
    return words + (f"; {kept} kept as they were" if kept else "") + f"; {len(made.refused)} not imported"


# --- For tools ----------------------------------------------------------------------------------------------------


def _document(made: Import, wanted: Any, per: str) -> dict[str, Any]:
    return {
        "format": JSON_FORMAT,
        "files": [
            {"file": file, "read_as": kind, "lines": made.lines.get(file)} for file, kind in made.formats.items()
        ],
        "sample": {"size": wanted.sample, "per": per, "seed": wanted.seed, "near": wanted.near},
        "flows": [_flow(one) for one in made.flows],
        "refused": [
            {"what": one.what, **_place(one.place), "reason": one.reason, "lines": one.lines} for one in made.refused
        ],
    }


def _flow(one: Imported) -> dict[str, Any]:
    return {
        "flow": one.flow,
        "what": one.what,
        "prompt_file": one.path,
        "cases_file": one.cases_path,
        "from": _place(one.found.place),
        "model": one.found.document["model"],
        "api": one.found.api,
        "golden_source": "production_sample" if one.found.production else None,
        "cases": one.cases,
        "folded": one.found.folded,
        "joined": one.found.joined,
        "near_duplicates": one.near,
        "over_sample": one.over,
        "goldens": one.goldens,
        "samples": one.samples,
        "unused_answers": one.unused,
        "to_record": list(one.to_record),
        "open": list(one.found.open),
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line}
