"""`prompt-migrate runs` and `history`: what was run here, and what a flow cost and took over time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import print_json, print_lines
from migrate.errors import UsageProblem, did_you_mean
from migrate.presenting.layout import Cell, Column, table, wrapped
from migrate.presenting.numbers import counted, dollars_text
from migrate.vocabulary import FlowName

if TYPE_CHECKING:
    from migrate.edges.ledger import SqlLedger
    from migrate.ports import HistoryRow
    from migrate.vocabulary import Run, Settings

JSON_FORMAT: Final = 1
WIDTH: Final = 80
UNKNOWN: Final = "unknown"
LIMIT: Final = 20

Command = TypeVar("Command", bound=Callable[..., Any])


def _json(schema: str) -> Callable[[Command], Command]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print JSON (migrate/schemas/{schema}.schema.json).")


def _limit(noun: str) -> Callable[[Command], Command]:
    count = click.IntRange(min=1)
    return click.option(
        "--limit", type=count, default=LIMIT, show_default=True, metavar="N", help=f"Newest {noun} only."
    )


@click.group(invoke_without_command=True)
@_limit("runs")
@_json("runs")
@click.pass_context
def runs(context: click.Context, *, limit: int, as_json: bool) -> None:
    """List past runs, newest first, or show one."""
    if context.invoked_subcommand is None:
        _list(limit, as_json)


@runs.command("list")
@_limit("runs")
@_json("runs")
def list_runs(*, limit: int, as_json: bool) -> None:
    """List past runs, newest first."""
    _list(limit, as_json)


@runs.command("show")
@click.argument("run_id", metavar="[RUN]", required=False)
@_json("runs")
def show_run(*, run_id: str | None, as_json: bool) -> None:
    """Show one run: its id, or the start of it; without one, the newest replay."""
    ledger = _ledger_of(_settings())
    if ledger is None:
        raise UsageProblem("nothing was run here yet", next_command="pytest --model MODEL")
    with closing(ledger):
        run = ledger.run(run_id)
        run = replace(run, baseline=run.baseline or ", ".join(ledger.baselines(run.id)) or None)
    if as_json:
        print_json({"format": JSON_FORMAT, "runs": [asdict(run)]})
    else:
        print_lines(_facts(run))


@click.command()
@click.argument("flow")
@_limit("rows")
@_json("history")
def history(*, flow: str, limit: int, as_json: bool) -> None:
    """Show a flow's cost and latency over runs.

    Latencies are quantiles over the means of n cases, in milliseconds.
    """
    ledger = _ledger_of(_settings())
    rows: tuple[HistoryRow, ...] = ()
    if ledger is not None:
        with closing(ledger):
            rows = ledger.history(FlowName(flow), limit=limit)
            if not rows:
                hint = did_you_mean(flow, ledger.flows())
                raise UsageProblem(f'no run has a flow "{flow}"', hint=hint, next_command="prompt-migrate list")
    if as_json:
        print_json({"format": JSON_FORMAT, "flow": flow, "rows": [_row_document(row) for row in rows]})
    else:
        print_lines(_history_lines(rows))


def _list(limit: int, as_json: bool) -> None:
    ledger = _ledger_of(_settings())
    found: tuple[Run, ...] = ()
    if ledger is not None:
        with closing(ledger):
            found = ledger.runs(limit=limit)
    if as_json:
        print_json({"format": JSON_FORMAT, "runs": [asdict(run) for run in found]})
    else:
        print_lines(_run_lines(found))


# --- The ledger --------------------------------------------------------------------------------------


def _settings() -> Settings:
    from migrate.edges.configuration import read_settings

    return read_settings(Path.cwd(), os.environ)


def _ledger_of(settings: Settings) -> SqlLedger | None:
    """Open the ledger that the settings name; None where nothing was ever run: reading makes no file."""
    from migrate.edges.configuration import refuse_nowhere
    from migrate.edges.ledger import open_ledger, sqlite_url

    take_in_leftovers(settings)
    if settings.ledger is not None:
        return open_ledger(settings.ledger, root=settings.root)
    path = settings.root / settings.state / "ledger.db"
    refuse_nowhere(settings)
    return open_ledger(sqlite_url(path), root=settings.root) if path.exists() else None


# --- For people --------------------------------------------------------------------------------------


def _run_lines(found: Sequence[Run]) -> Iterator[str]:
    if not found:
        yield from ("no runs yet", "next: pytest --golden=new")
        return
    columns = [
        Column("run", right=False),
        Column("kind", right=False),
        Column("state", right=False),
        Column("judged"),
        Column("answers", right=False, least=9, rank=1),
        Column("models", right=False, least=8),
    ]
    yield from table(columns, [[Cell(text) for text in _run_cells(run)] for run in found], WIDTH, indent=0)


def _run_cells(run: Run) -> tuple[str, ...]:
    models = ", ".join(run.candidates) or run.baseline or ""
    return run.id, run.kind, run.state, _judged(run.accounts), _answers(run), models


def _judged(accounts: Mapping[str, int]) -> str:
    """Return `300/304`: cases judged out of those planned."""
    if "planned" not in accounts:
        return UNKNOWN
    return f"{accounts.get('judged', 0)}/{accounts['planned']}"


def _answers(run: Run) -> str:
    return "simulated" if run.simulated else run.provider


def _facts(run: Run) -> Iterator[str]:
    accounts = ", ".join(f"{name} {count}" for name, count in run.accounts.items())
    commit = f"{run.git_commit}{' with uncommitted changes' if run.git_dirty else ''}" if run.git_commit else UNKNOWN
    facts = {
        "run": run.id,
        "kind": run.kind,
        "state": run.state,
        "started": run.started_at,
        "finished": run.finished_at or UNKNOWN,
        "candidates": ", ".join(run.candidates) or "none",
        "baseline": run.baseline or UNKNOWN,
        "samples": "as recorded" if run.samples is None else str(run.samples),
        "answers": _answers(run) or UNKNOWN,
        "judged as of": run.as_of or UNKNOWN,
        "accounts": accounts or UNKNOWN,
        "commit": commit,
        "versions": f"prompt-migrate {run.tool_version or UNKNOWN}, Python {run.python_version or UNKNOWN}",
        "command": run.command or UNKNOWN,
    }
    for name, text in facts.items():
        yield from wrapped(f"{name + ':':14}{text}", WIDTH)
    if run.kind == "replay":
        yield f"next: prompt-migrate compare --run {run.id}"


def _history_lines(rows: Sequence[HistoryRow]) -> Iterator[str]:
    if not rows:
        yield from ("no runs yet", "next: pytest --golden=new")
        return
    columns = [
        Column("run", right=False),
        Column("model", right=False, least=12),
        Column("cases"),
        Column("break", rank=3),
        Column("drift", rank=2),
        Column("cost"),
        Column("p50 ms"),
        Column("p95 ms"),
        Column("n", rank=1),
    ]
    cells = [_history_cells(row) for row in rows]
    if any(_wall(row) not in (None, row.p50_ms) for row in rows):
        columns[-1] = Column("n", rank=4)  # gives way first: it is at most the number of cases, and in the JSON
        columns.append(Column("wall ms"))
        cells = [(*told, _milliseconds(_wall(row))) for told, row in zip(cells, rows, strict=True)]
    yield from table(columns, [[Cell(text) for text in told] for told in cells], WIDTH, indent=0)
    yield from _footnotes(rows)


def _history_cells(row: HistoryRow) -> tuple[str, ...]:
    return (
        f"{row.run.id}{'*' if row.run.simulated else ''}",
        row.candidate,
        str(row.cases),
        str(row.verdicts.get("breaking", 0)),
        str(row.verdicts.get("drift", 0)),
        dollars_text(row.cost_usd) + ("+" if row.cost_usd is not None and row.unknown_cost else ""),
        _milliseconds(row.p50_ms),
        _milliseconds(row.p95_ms),
        str(row.n),
    )


def _wall(row: HistoryRow) -> float | None:
    """Return the median of first request to last byte; of a flow of one call it is the latency itself."""
    return None if row.times is None else row.times.wall.p50


def _milliseconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}"


def _footnotes(rows: Iterable[HistoryRow]) -> Iterator[str]:
    if any(row.run.simulated for row in rows):
        yield "*  simulated: no real model answered"
    unknown = sum(row.unknown_cost for row in rows)
    if unknown:
        yield f"+  not in the sums: {counted(unknown, 'call')} whose price or usage is unknown"


# --- For programs ------------------------------------------------------------------------------------


def _row_document(row: HistoryRow) -> dict[str, Any]:
    return {
        "run": asdict(row.run),
        "candidate": row.candidate,
        "cases": row.cases,
        "verdicts": row.verdicts,
        "cost_usd": row.cost_usd,
        "unknown_cost": row.unknown_cost,
        "latency_ms": {"p50": row.p50_ms, "p95": row.p95_ms, "n": row.n, "clocks": _clocks(row)},
    }


def _clocks(row: HistoryRow) -> dict[str, Any] | None:
    from migrate.presenting.document import times_document

    return None if row.times is None else times_document(row.times)
