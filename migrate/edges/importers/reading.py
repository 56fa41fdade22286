"""Which form a file has, and everything that some files hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.documents.reading import Document
from migrate.edges.importers.logs import format_of, read_logs
from migrate.edges.importers.nouns import Format, Harvest
from migrate.edges.importers.promptfoo import NOT_DATA, read_config
from migrate.edges.importers.promptfoo_tests import Tests
from migrate.edges.importers.prompty import read_prompty
from migrate.edges.importers.rows import Mapped, read_rows, without_prompt
from migrate.edges.importers.sources import Source, csv_rows, json_lines, parsed

LINES: Final = (".jsonl", ".ndjson")
CONFIG_KEYS: Final = frozenset({"prompts", "providers", "targets", "tests", "defaultTest", "scenarios", "redteam"})
TEST_KEYS: Final = frozenset({"vars", "assert"})
MAP_IT: Final = "say which columns the cases are made of: --map vars.NAME=COLUMN --map expected=COLUMN"


def harvest_of(sources: Iterable[Source], mapped: Mapped | None, per: str) -> Harvest:
    """Return everything of some files; nothing of them is run, and what is not imported is told with its reason."""
    harvest = Harvest()
    logs: list[Source] = []
    for source in sources:
        try:
            kind = _read(source, mapped, per, harvest)
        except Unreadable as problem:
            message = problem.message + (f" ({problem.hint})" if problem.hint else "")
            harvest.refuse("file", source.place(problem.line), message)
            continue
        harvest.formats[source.shown] = kind
        if kind in ("batch", "log"):
            logs.append(source)
    read_logs(logs, per, harvest)
    return harvest


def _read(source: Source, mapped: Mapped | None, per: str, harvest: Harvest) -> Format:
    """Read one file and return its form; logs are read later, all together."""
    suffix = source.path.suffix.lower()
    if suffix in NOT_DATA:
        raise Unreadable("it is a program: not importable, and never run")
    if suffix == ".prompty":
        read_prompty(source, harvest)
        return "prompty"
    if suffix in (*LINES, ".csv"):
        return _read_lines(source, mapped, per, harvest)
    if suffix in (".yaml", ".yml", ".json"):
        return _read_document(source, harvest)
    raise Unreadable("no form that is known: .yaml, .yml, .json, .jsonl, .csv or .prompty")


def _read_document(source: Source, harvest: Harvest) -> Format:
    document: Document = parsed(source, harvest)
    value: Any = document.value
    if isinstance(value, dict) and CONFIG_KEYS & value.keys() and "prompts" in value:
        read_config(source, document, harvest)
        return "promptfoo"
    if isinstance(value, dict) and isinstance(value.get("tests"), list):
        value = value["tests"]
    if isinstance(value, list) and any(isinstance(item, dict) and TEST_KEYS & item.keys() for item in value):
        _tests(source, harvest)
        return "promptfoo-tests"
    raise Unreadable('neither a promptfoo configuration ("prompts") nor tests ("vars", "assert")', 1)


def _read_lines(source: Source, mapped: Mapped | None, per: str, harvest: Harvest) -> Format:
    if mapped is not None:
        read_rows(source, mapped, per, harvest)
        return "rows"
    if source.path.suffix.lower() == ".csv":
        _, row = next(csv_rows(source, Harvest()), (0, {}))
        columns = list(row)
        if any(name.startswith("__") for name in columns):
            _tests(source, harvest)
            return "promptfoo-tests"
        raise Unreadable(f"the columns are {', '.join(columns) or 'none'}", 1, MAP_IT)
    _, line = next(json_lines(source, Harvest()), (0, {}))
    if TEST_KEYS & line.keys() and isinstance(line.get("vars", {}), dict):
        _tests(source, harvest)
        return "promptfoo-tests"
    if (kind := format_of(line)) is not None:
        return kind
    raise Unreadable(f"the keys of its lines are {', '.join(list(line)[:8]) or 'none'}", 1, MAP_IT)


def _tests(source: Source, harvest: Harvest) -> None:
    tests = Tests(source, harvest)
    tests.read_file()
    rows = list(tests.rows_for(""))
    if rows:
        harvest.found.append(without_prompt(source.path.stem, source.place(1), rows, tests.schema))
