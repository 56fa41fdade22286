"""What a run has committed at a moment, and what it has in the end: read from its files, not asked of the product."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from fault_project import FaultProject

from migrate.edges.journal import read_journal
from migrate.vocabulary import Call, Reply

Answers = dict[tuple[int, int], tuple[int | None, ...]]
"""Case and sample -> the tokens of its answer: other ones for every case and every time it is asked."""


def committed(project: FaultProject, *, measured: bool) -> Answers:
    """Return every answer that is written down: in journals, in recordings, and, `measured`, beside goldens."""
    return {**(_measured(project) if measured else {}), **_recorded(project), **_journalled(project)}


def _journalled(project: FaultProject) -> Answers:
    found: Answers = {}
    for path in (project.root / ".prompt-migrate" / "journals").glob("*.jsonl"):
        for event in read_journal(path):
            match event:
                case (int(sample), Call(outcome=Reply(usage=usage))):
                    tokens = (usage.input_tokens, usage.cached_tokens, usage.output_tokens)
                    found[case_of(usage.input_tokens), sample] = tokens
    return found


def case_of(input_tokens: int | None) -> int:
    """Return the case that an answer of so many input tokens belongs to: true of the first seventeen cases."""
    assert input_tokens is not None
    return input_tokens - 40


def _recorded(project: FaultProject) -> Answers:
    path, found = project.root / ".prompt-migrate" / "recordings.db", Answers()
    if not path.exists():
        return found
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT name FROM sqlite_master WHERE name = 'recordings'").fetchall():
            return found  # killed between the making of the file and of its table
        rows = connection.execute("SELECT sample, reply FROM recordings").fetchall()
    for sample, reply in rows:
        usage = json.loads(reply)["usage"]
        found[case_of(usage[0]), sample] = (usage[0], usage[1], usage[3])
    return found


def _measured(project: FaultProject) -> Answers:
    found: Answers = {}
    for path in (project.root / "fixtures").glob("*/measurements.json"):
        for row in json.loads(path.read_text("utf-8"))["rows"]:
            tokens = tuple(row["usage"][f"{name}_tokens"] for name in ("input", "cached", "output"))
            found[int(row["case"][1:]), row["sample"]] = tokens
    return found


def in_the_ledger(project: FaultProject) -> Answers:
    """Return the candidate's answers of the newest run, as the ledger has them."""
    rows = project.ledger(
        "SELECT case_id, sample, input_tokens, cached_tokens, output_tokens FROM calls "
        "WHERE run_id = :run AND side = 'candidate'"
    )
    return {(int(case[1:]), sample): tuple(tokens) for case, sample, *tokens in rows}


def files_of(root: Path) -> list[str]:
    """Return the files of a project, caches of Python left out."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".pyc" not in path.name)
