"""CSV and JSONL of any shape, by a mapping of columns: cases of a prompt that is still to be written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.drafting import FILL_IN
from migrate.edges.importers.nouns import Found, Harvest, Row
from migrate.edges.importers.sampling import stratum_of
from migrate.edges.importers.sources import Source, csv_rows, json_lines
from migrate.errors import UsageProblem, did_you_mean
from migrate.vocabulary import Json, Place

TARGETS: Final = ("id", "expected", "flow", "tags")
VARIABLE: Final = re.compile(r"vars\.([A-Za-z_]\w*)", re.ASCII)
OPEN: Final = "the source holds cases and no prompt: write its messages, and the model that is in production"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where the fields of a case stand in a row."""

    variables: Mapping[str, str]
    """Input -> column, or dotted path."""
    others: Mapping[str, str]
    """`id`, `expected`, `flow`, `tags` -> column."""


def mapping_of(texts: Iterable[str]) -> Mapped | None:
    """Return the mapping of `--map` values, None for none. Raises UsageProblem."""
    variables: dict[str, str] = {}
    others: dict[str, str] = {}
    for text in texts:
        target, equals, column = (part.strip() for part in text.partition("="))
        match = VARIABLE.fullmatch(target)
        if not equals or not column or (match is None and target not in TARGETS):
            guess = did_you_mean(target, (*TARGETS, "vars.name"))
            wanted = "write --map vars.NAME=COLUMN, or one of " + ", ".join(f"{name}=COLUMN" for name in TARGETS)
            raise UsageProblem(f'--map "{text}" is not understood', hint=guess or wanted)
        if match:
            variables[match[1]] = column
        else:
            others[target] = column
    if (variables or others) and not variables:
        raise UsageProblem("--map names no input of the cases", hint="add --map vars.NAME=COLUMN")
    return Mapped(variables, others) if variables else None


def read_rows(source: Source, mapped: Mapped, per: str, harvest: Harvest) -> None:
    """Add the rows of a file to the harvest, one flow for each value of the flow's column."""
    flows: dict[str, list[Row]] = {}
    try:
        for line, given in _given(source, harvest):
            try:
                flow, row = _row(given, mapped, source.place(line))
            except Unreadable as problem:
                harvest.refuse("line", source.place(line), problem.message, 1)
                continue
            row = replace(row, stratum=stratum_of(given, per))
            flows.setdefault(flow or source.path.stem, []).append(row)
    except Unreadable as problem:
        harvest.refuse("file", source.place(problem.line), problem.message)
    for words, rows in flows.items():
        harvest.found.append(without_prompt(words, rows[0].place, rows))


def without_prompt(words: str, place: Place, rows: Sequence[Row], schema: Json = None) -> Found:
    """Return cases whose prompt a person has to write: a draft that shows every input, and what all promise."""
    names = sorted({name for row in rows for name in row.inputs})
    filled = [replace(row, inputs={**dict.fromkeys(names, ""), **row.inputs}) for row in rows]
    content = "\n".join("{{ " + name + " }}" for name in names) or "PLACEHOLDER"
    document: dict[str, Any] = {"name": words, "model": FILL_IN}
    if schema is not None:
        document["jsonSchema"] = schema
    document["messages"] = [{"role": "user", "content": content}]
    return Found(words, place, document, tuple(filled), (OPEN,))


def _given(source: Source, harvest: Harvest) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return csv_rows(source, harvest) if source.path.suffix.lower() == ".csv" else json_lines(source, harvest)


def _row(given: Mapping[str, Any], mapped: Mapped, place: Place) -> tuple[str, Row]:
    inputs = {name: _at(given, column) for name, column in mapped.variables.items()}
    others = {name: _at(given, column) for name, column in mapped.others.items()}
    tags = others.get("tags") or []
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(",") if tag.strip()]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unreadable("its tags are no list of texts")
    expected = others.get("expected")
    row = Row(place, inputs, _word(others.get("id")), None if expected == "" else expected, (), tuple(tags))
    return _word(others.get("flow")), row


def _word(value: Json) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _at(given: Mapping[str, Any], column: str) -> Json:
    """Return a column, or what stands under a dotted path."""
    if column in given:
        return given[column]
    value: Json = given
    for step in column.split("."):
        if not isinstance(value, Mapping) or step not in value:
            near = did_you_mean(column, given)
            raise Unreadable(
                f"it has no {column}" + (f" ({near})" if near else f" (it has {', '.join(list(given)[:8])})")
            )
        value = value[step]
    return value
