"""`prompt-migrate scan`: the calls of a code base, the models they ask, and drafts of their prompts."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from migrate.catalogue import days_left, facts
from migrate.cli.printing import print_json, print_lines
from migrate.presenting.layout import Cell, Colour, Column, table, wrapped
from migrate.presenting.numbers import counted

if TYPE_CHECKING:
    from migrate.edges.scanning import Mention, ModelUse, Scan, Site, Spot, Written
    from migrate.vocabulary import Settings

JSON_FORMAT: Final = 1
SHOWN: Final = 30
"""Model names outside calls, and files not read, that are listed; the rest is counted."""
SOON: Final = 90
"""Days before a retirement from which it stands out."""


@click.command()
@click.argument("source", metavar="[SRC]", type=click.Path(exists=True, path_type=Path), default=".")
@click.option(
    "--drafts",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write draft prompt files into this folder; never overwrites.",
)
@click.option("--callers", is_flag=True, help="Tell calls of helpers also where the code says no model and no words.")
@click.option("--as-of", metavar="DATE", help="Judge retirement dates as of this day (YYYY-MM-DD).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/scan.schema.json).")
def scan(*, source: Path, drafts: Path | None, callers: bool, as_of: str | None, as_json: bool) -> None:
    """Find the prompts of a code base: where models are asked, which, and with what.

    Reads Python in full, other languages and configuration by pattern. Imports and runs nothing of what it reads,
    and opens no socket. Without --drafts it writes nothing.
    """
    from migrate.edges.configuration import read_settings
    from migrate.edges.scanning import scan as scan_tree

    settings = read_settings(Path.cwd(), os.environ, {"as_of": as_of})
    today = today_of(settings)
    found = scan_tree(source, Path.cwd(), every_caller=callers)
    made = _drafted(found, drafts) if drafts is not None else []
    if as_json:
        print_json(_document(found, source, today, made))
        return
    width = max(80, min(shutil.get_terminal_size((120, 24)).columns, 200))
    print_lines(_lines(found, today, width))
    if drafts is not None:
        print_lines(_draft_lines(made, width))
    print_lines(_closing(found, source, settings, drafts=drafts, width=width))


def today_of(settings: Settings) -> dt.date:
    """Return the day that retirement dates are judged against."""
    from migrate.edges.clock import SystemClock

    return SystemClock(dt.date.fromisoformat(settings.as_of) if settings.as_of else None).today()


def _drafted(found: Scan, folder: Path) -> list[Written]:
    from migrate.edges.scanning import drafts_of, write_drafts

    return list(write_drafts(drafts_of(found.sites), folder, folder.as_posix()))


# --- For people ---------------------------------------------------------------------------------------------------


def _lines(found: Scan, today: dt.date, width: int) -> Iterator[str]:
    if found.sites:
        header, *rows = table(_COLUMNS, [_row(site, today) for site in found.sites], width, indent=2)
        yield header
        yield from _by_file([site.spot.file for site in found.sites], rows)
    if found.mentions:
        yield ""
        yield "model names outside calls"
        shown = found.mentions[:SHOWN]
        header, *rows = table(_MENTION_COLUMNS, [_mention_row(one, today) for one in shown], width, indent=2)
        yield header
        yield from _by_file([one.spot.file for one in shown], rows)
        if len(found.mentions) > SHOWN:
            yield f"... and {len(found.mentions) - SHOWN} more (--json lists all)"
    if found.unread:
        yield ""
        yield "not read"
        for one in found.unread[:SHOWN]:
            yield from wrapped(f"{one.file}{f':{one.line}' if one.line else ''}  {one.reason}", width)
        if len(found.unread) > SHOWN:
            yield f"... and {len(found.unread) - SHOWN} more (--json lists all)"


def _by_file(files: Sequence[str], rows: Sequence[str]) -> Iterator[str]:
    """Yield rows under the names of their files, which no table has the room for."""
    above = ""
    for file, row in zip(files, rows, strict=True):
        if file != above:
            yield file
        yield row
        above = file


_COLUMNS: Final = (
    Column("line"),
    Column("asks", right=False, least=14),
    Column("model", right=False, least=22),
    Column("leaves", right=False),
    Column("parameters", right=False, least=8, rank=1),
    Column("variables", right=False, least=8, rank=2),
    Column("how sure", right=False, least=10),
)
_MENTION_COLUMNS: Final = (
    Column("line"),
    Column("given to", right=False, least=10),
    Column("model", right=False, least=12),
    Column("leaves", right=False),
    Column("how sure", right=False, least=8),
)


def _row(site: Site, today: dt.date) -> tuple[Cell, ...]:
    uses = site.models or ()
    date, colour = _leaves([use.name for use in uses], today)
    return (
        Cell(str(site.spot.line)),
        Cell(site.api),
        Cell(", ".join(dict.fromkeys(map(_model_text, uses))) or "-"),
        Cell(date, colour),
        Cell(", ".join([*(f"{name}={_short(value)}" for name, value in site.parameters.items()), *site.at_run_time])),
        Cell(", ".join(variable.name for variable in site.variables)),
        Cell(_sure_text(site)),
    )


def _model_text(use: ModelUse) -> str:
    if not use.name:
        return f"({use.expression or use.reason})"
    return use.name if use.sure == "certain" else f"{use.name}?"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:18]}.."


def _sure_text(site: Site) -> str:
    words: list[str] = [site.sure]
    if site.through:
        words.append(f"via {site.through[0].file.rpartition('/')[2]}:{site.through[0].line}")
    if site.reason:
        words.append(site.reason)
    if site.role not in ("code", "config"):
        words.append(f"in {site.role}")
    return ", ".join(words)


def _mention_row(mention: Mention, today: dt.date) -> tuple[Cell, ...]:
    date, colour = _leaves([mention.model], today)
    sure = f"{mention.sure}, {mention.reason}" if mention.reason else mention.sure
    return (
        Cell(str(mention.spot.line)),
        Cell(mention.key or "-"),
        Cell(mention.model),
        Cell(date, colour),
        Cell(sure),
    )


def _leaves(models: Sequence[str], today: dt.date) -> tuple[str, Colour]:
    """Return the first day without one of some models."""
    days = [day for model in models if (day := _shutdown(model)) is not None]
    if not days:
        return "-", ""
    first = min(days)
    left = (first - today).days
    return first.isoformat(), "red" if left <= 0 else "yellow" if left <= SOON else ""


def _shutdown(model: str) -> dt.date | None:
    known = facts(_base(model))
    return None if known is None else known.shutdown


def _base(model: str) -> str:
    """Return a model's own name; a fine-tune leaves with the model it was made from."""
    from migrate.edges.scanning.names import own_name

    own = own_name(model)
    return own.split(":")[1] if own.startswith("ft:") else own


def _draft_lines(made: Sequence[Written], width: int) -> Iterator[str]:
    yield ""
    for one in made:
        yield f"{one.what:6}{one.path}  from {one.draft.spot.file}:{one.draft.spot.line}"
        for text in one.draft.open if one.what == "wrote" else ():
            yield from (f"{'':8}{line}" for line in wrapped(f"open: {text}", width - 8))
    if not made:
        yield "no call has a prompt to draft"


def _closing(found: Scan, source: Path, settings: Settings, *, drafts: Path | None, width: int) -> Iterator[str]:
    today = today_of(settings)
    yield ""
    if not found.sites and not found.mentions:
        yield f"no call of a language model in {counted(found.files, 'file')}"
    else:
        yield from wrapped(_total(found), width)
        yield from _model_lines(found, today)
    if found.skipped:
        yield from wrapped(f"not entered: {', '.join(found.skipped)}", width)
    yield f"judged as of {today.isoformat()}{' (pinned)' if settings.as_of else ''}"
    if found.sites and drafts is None:
        yield f"next: prompt-migrate scan {source.as_posix()} --drafts {settings.prompts}"
    elif drafts is not None:
        yield "next: prompt-migrate validate"


def _total(found: Scan) -> str:
    files = counted(len({site.spot.file for site in found.sites}), "file")
    sure = Counter(site.sure for site in found.sites)
    grades = ", ".join(f"{sure[grade]} {grade}" for grade in ("certain", "likely", "possible") if sure[grade])
    helpers = sum(bool(site.through) for site in found.sites)
    through = f", {helpers} of them through helpers of the project" if helpers else ""
    outside = f"; {counted(len(found.mentions), 'model name')} outside calls" if found.mentions else ""
    unread = f"; {counted(len(found.unread), 'file')} not read" if found.unread else ""
    return f"{counted(len(found.sites), 'call')} in {files}: {grades or 'none'}{through}{outside}{unread}"


def _model_lines(found: Scan, today: dt.date) -> Iterator[str]:
    for row in _models(found, today):
        yield f"  {row['model']}: {counted(row['calls'], 'call')}, {_when(row['retires'], row['days_left'])}"


def _when(retires: str | None, left: int | None) -> str:
    if left is None:
        return "no date is known"
    return f"left on {retires}" if left <= 0 else f"leaves on {retires}, in {counted(left, 'day')}"


# --- For tools ----------------------------------------------------------------------------------------------------


def _models(found: Scan, today: dt.date) -> list[dict[str, Any]]:
    calls = Counter(use.name for site in found.sites for use in site.models if use.name)
    mentions = Counter(mention.model for mention in found.mentions)
    names = sorted({*calls, *mentions}, key=lambda name: (-calls[name], name))
    return [
        {"model": name, "calls": calls[name], "mentions": mentions[name], **_retirement(name, today)} for name in names
    ]


def _retirement(model: str, today: dt.date) -> dict[str, Any]:
    day = _shutdown(model) if model else None
    return {
        "retires": day.isoformat() if day else None,
        "days_left": days_left(_base(model), today) if day else None,
    }


def _document(found: Scan, source: Path, today: dt.date, made: Sequence[Written]) -> dict[str, Any]:
    paths = {one.draft.spot: one.path for one in made}
    return {
        "format": JSON_FORMAT,
        "source": source.as_posix(),
        "as_of": today.isoformat(),
        "files": found.files,
        "sites": [_site(site, today, paths) for site in found.sites],
        "mentions": [_mention(mention, today) for mention in found.mentions],
        "models": _models(found, today),
        "unread": [{"file": one.file, "line": one.line, "reason": one.reason} for one in found.unread],
        "skipped": list(found.skipped),
        "drafts": [
            {"file": one.path, "what": one.what, "from": _place(one.draft.spot), "open": list(one.draft.open)}
            for one in made
        ],
    }


def _site(site: Site, today: dt.date, drafts: dict[Spot, str]) -> dict[str, Any]:
    return {
        **_place(site.spot),
        "end_line": site.end_line,
        "api": site.api,
        "kind": site.kind,
        "language": site.language,
        "function": site.function,
        "models": [_use(use, today) for use in site.models],
        "parameters": dict(site.parameters),
        "at_run_time": list(site.at_run_time),
        "variables": [
            {"name": one.name, "expression": one.expression, "default": one.default, "turns": one.turns}
            for one in site.variables
        ],
        "messages": [
            {"turns": one.turns} if one.turns else {"role": one.role, "content": one.content} for one in site.messages
        ],
        "response_format": {
            "type": site.format.name,
            "name": site.format.schema_name,
            "strict": site.format.strict,
            "schema": site.format.schema,
            "note": site.format.note,
        },
        "tools": [{"name": tool.name, "definition": tool.definition} for tool in site.tools],
        "stream": site.stream,
        "sure": site.sure,
        "reason": site.reason,
        "through": [_place(spot) for spot in site.through],
        "role": site.role,
        "notes": list(site.notes),
        "draft": drafts.get(site.spot),
    }


def _use(use: ModelUse, today: dt.date) -> dict[str, Any]:
    return {
        "model": use.name or None,
        **_retirement(use.name, today),
        "sure": use.sure,
        "reason": use.reason,
        "at": _place(use.spot) if use.spot is not None else None,
        "expression": use.expression,
    }


def _mention(mention: Mention, today: dt.date) -> dict[str, Any]:
    return {
        **_place(mention.spot),
        "model": mention.model,
        "key": mention.key,
        **_retirement(mention.model, today),
        "sure": mention.sure,
        "reason": mention.reason,
        "role": mention.role,
    }


def _place(spot: Spot) -> dict[str, Any]:
    return {"file": spot.file, "line": spot.line, "column": spot.column}
