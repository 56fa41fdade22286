"""Cases: rows written in the prompt file, rows of a JSONL file, and GitHub Models' flat `testData`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Final

from migrate.documents.files import MAX_FILE, Unreadable, decoded
from migrate.documents.reading import Path, read_json
from migrate.edges.inventory.checks import read_checks
from migrate.edges.inventory.files import Folder
from migrate.edges.inventory.sheets import Sheet, Source, kind_of
from migrate.errors import Problem
from migrate.vocabulary import Case, CaseId, Json, Place

CASE_KEYS: Final = ("id", "inputs", "expected", "expected_steps", "checks", "tags")
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
"""Names that Windows keeps for devices, with or without an ending: no file can be called so."""
TAKEN: Final = frozenset({"measurements"})
"""Names of other files beside the goldens of cases."""


class Cases:
    """The cases of one flow while they are read: ids are unique whatever the case of their letters."""

    def __init__(self, folder: Folder, prompt_file: FilePath) -> None:
        self._folder = folder
        self._prompt_file = prompt_file
        self._ids: dict[str, tuple[str, Place]] = {}
        self.found: list[Case] = []

    def read(self, sheet: Sheet) -> tuple[Case, ...]:
        """Return the cases of a prompt file."""
        given = sheet.value.get("cases")
        if isinstance(given, str):
            self._read_file(sheet, given)
        elif not isinstance(given, list | None):
            sheet.complain(f'"cases" must be a list, or the name of a JSONL file, not {kind_of(given)}', "cases")
        else:
            for row in sheet.sheets("cases", CASE_KEYS, extras=True):
                self._add(row, row.source.place(row.path))
        for index, row in enumerate(sheet.items("testData")):
            self._add_flat(sheet, index, row)
        return tuple(self.found)

    # --- Rows in the prompt file ----------------------------------------------------------------------------

    def _add(self, row: Sheet, place: Place) -> None:
        name = row.required("id")
        if not self._is_new(row, name, place):
            return
        inputs = row.mapping("inputs")
        case = Case(
            id=CaseId(name),
            inputs=self._with_files(row.source, (*row.path, "inputs"), inputs),
            expected=row.value.get("expected"),
            checks=read_checks(row) if "checks" in row.value else (),
            place=place,
            tags=row.texts("tags") if "tags" in row.value else (),
            expected_steps=row.mapping("expected_steps"),
        )
        self.found.append(case)

    def _add_flat(self, sheet: Sheet, index: int, given: Json) -> None:
        path = (*sheet.path, "testData", index)
        if not isinstance(given, dict):
            sheet.complain(f'"testData" holds mappings, not {kind_of(given)}', "testData", index)
            return
        row = Sheet(sheet.source, path, given, given.keys())
        name, place = row.text("id") or f"row-{index + 1}", sheet.source.place(path)
        if self._is_new(row, name, place):
            inputs = {key: value for key, value in given.items() if key != "expected"}
            resolved = self._with_files(sheet.source, path, inputs)
            self.found.append(Case(CaseId(name), resolved, given.get("expected"), place=place))

    def _is_new(self, row: Sheet, name: str, place: Place) -> bool:
        if not name:
            return False
        trouble = name_trouble(name, TAKEN)
        if trouble:
            row.complain(f'the id "{name}" {trouble}', "id")
            return False
        other, first = self._ids.setdefault(name.casefold(), (name, place))
        if first is not place:
            where = f"{first.file}:{first.line}" if first.file != place.file else f"line {first.line}"
            twice = f'the id "{name}" is used twice, first in {where}'
            row.complain(twice if other == name else f'{twice} as "{other}": upper and lower case are the same', "id")
        return first is place

    # --- Rows of a JSONL file -------------------------------------------------------------------------------

    def _read_file(self, sheet: Sheet, name: str) -> None:
        problems = sheet.source.problems
        try:
            path = self._folder.beside(self._prompt_file, name)
            shown = self._folder.shown(path)
            for number, line in self._lines(path, shown, problems):
                self._add_line(shown, number, line, problems)
        except Unreadable as problem:
            sheet.complain(problem.message, "cases", hint=problem.hint)

    def _lines(self, path: FilePath, shown: str, problems: list[Problem]) -> Iterator[tuple[int, str]]:
        """Yield the lines that are not blank, one in memory at a time."""
        with self._folder.opened(path) as file:
            number = 0
            while data := file.readline(MAX_FILE + 1):
                number += 1
                if len(data) > MAX_FILE:
                    why = f"a line of more than {MAX_FILE // 2**20} MB; the rest of the file is not read"
                    problems.append(Problem(why, Place(shown, number)))
                    return
                try:
                    line = decoded(data).strip()
                except Unreadable as problem:
                    problems.append(Problem(problem.message, Place(shown, number), problem.hint))
                    continue
                if line:
                    yield number, line

    def _add_line(self, shown: str, number: int, line: str, problems: list[Problem]) -> None:
        place = Place(shown, number)
        try:
            row = read_json(line)
        except Unreadable as problem:
            problems.append(Problem(problem.message, place, problem.hint))
            return
        if isinstance(row, dict):
            source = Source(shown, problems, row=number)
            self._add(Sheet(source, (), row, CASE_KEYS, extras=True), place)
        else:
            problems.append(Problem(f"a case must be a mapping, not {kind_of(row)}", place))

    # --- Inputs ---------------------------------------------------------------------------------------------

    def _with_files(self, source: Source, path: Path, inputs: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return inputs with every `{"$file": name}` replaced by that file's text, shared by all who name it."""
        return {key: self._with_file(source, (*path, key), value) for key, value in inputs.items()}

    def _with_file(self, source: Source, path: Path, value: Json) -> Json:
        if isinstance(value, list):
            return [self._with_file(source, (*path, index), item) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "$file" not in value:
            return {key: self._with_file(source, (*path, key), item) for key, item in value.items()}
        name = value["$file"]
        if len(value) > 1 or not isinstance(name, str):
            source.complain(path, '{"$file": name} stands alone and names one file')
            return ""
        try:
            return self._folder.document(self._prompt_file, name)
        except Unreadable as problem:
            source.complain(path, problem.message, problem.hint)
            return ""


def name_trouble(name: str, taken: frozenset[str] = frozenset()) -> str:
    """Return what keeps a name of a flow or case from being a file's name on every system; empty when nothing does."""
    if not ID.fullmatch(name):
        return 'must begin with a letter or digit and may hold only letters, digits, ".", "_" and "-", at most 80'
    if name.split(".", maxsplit=1)[0].casefold() in DEVICES or name.endswith("."):
        return "cannot be the name of a file on Windows"
    return "is the name of another file beside the goldens" if name.casefold() in taken else ""
