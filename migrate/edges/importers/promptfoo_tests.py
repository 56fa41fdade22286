"""promptfoo's tests, in a configuration or in files of their own (YAML, JSON, JSONL, CSV), as cases."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.documents.reading import Document, read_json
from migrate.edges.importers.assertions import checks_of, expected_of
from migrate.edges.importers.nouns import Harvest, Row
from migrate.edges.importers.sources import Source, csv_rows, json_lines, parsed
from migrate.vocabulary import Json, Place

MAX_COMBINATIONS: Final = 1_000
"""Cases that one test's lists of values may stand for."""
_SPECIAL: Final = re.compile(
    r"__(?:expected\d*|description|prefix|suffix|metric|threshold|provider|metadata:.*|config:.*)"
)
_EXPECTED: Final = re.compile(r"__expected\d*")
_TEXT: Final = frozenset({".txt", ".md"})
_DATA: Final = frozenset({".json", ".yaml", ".yml"})

Test = tuple[Mapping[str, Any], Place, Source]


class Tests:
    """The tests of one configuration, as cases for any of its prompts."""

    def __init__(self, source: Source, harvest: Harvest) -> None:
        self._source = source
        self.harvest = harvest
        self._config: Mapping[str, Any] = {}
        self._rows: list[tuple[Row, Json]] = []
        self.schema: Json = None
        """JSON Schema that every case promises; None when there is none, or not one for all."""

    def read(self, config: Mapping[str, Any], document: Document) -> None:
        """Read the tests of a configuration."""
        self._config = config
        default = self._default(config.get("defaultTest"), self._source.place(document.at(("defaultTest",)).line))
        given = config.get("tests")
        items = given if isinstance(given, list) else [given] if given is not None else []
        tests: list[Test] = []
        for index, item in enumerate(items):
            steps = ("tests", index) if isinstance(given, list) else ("tests",)
            tests += self._tests(item, self._source.place(document.at(steps).line))
        self._add(tests, default)

    def read_file(self) -> None:
        """Read a file of tests that stands alone."""
        try:
            self._add(list(self._of_file(self._source)), {})
        except Unreadable as problem:
            self.harvest.refuse("file", self._source.place(problem.line), problem.message)

    def rows_for(self, prompt: str) -> Iterator[Row]:
        """Yield the cases of one prompt: all but those of tests that name others."""
        for row, named in self._rows:
            if _is_for(named, prompt):
                yield row

    def rows(self) -> tuple[Row, ...]:
        """Return the cases of all tests, whatever prompts they are for."""
        return tuple(row for row, _ in self._rows)

    def refuse_others(self, prompts: Sequence[str]) -> None:
        """Refuse the tests that are for none of these prompts."""
        others = {row.place: named for row, named in self._rows if not any(_is_for(named, name) for name in prompts)}
        for place, named in others.items():
            names = ", ".join(map(str, named if isinstance(named, list) else [named]))
            self.harvest.refuse("test", place, f"it is for {names or 'no prompt'}, which was not imported")

    def _default(self, given: Json, place: Place) -> Mapping[str, Any]:
        try:
            if isinstance(given, str):
                given = parsed(self._source.beside(given.removeprefix("file://")), self.harvest).value
        except Unreadable as problem:
            self.harvest.refuse("defaultTest", place, problem.message)
            return {}
        return given if isinstance(given, dict) else {}

    # --- Where tests stand ----------------------------------------------------------------------------------

    def _tests(self, item: Json, place: Place) -> Iterator[Test]:
        if isinstance(item, dict) and "path" in item and "vars" not in item:
            item = item["path"]
        if isinstance(item, dict):
            yield item, place, self._source
            return
        try:
            if not isinstance(item, str):
                raise Unreadable("a test is a mapping or the name of a file")
            for source in self._source.matching(_data_file(item)):
                yield from self._of_file(source)
        except Unreadable as problem:
            self.harvest.refuse("test", place, problem.message)

    def _of_file(self, source: Source) -> Iterator[Test]:
        suffix = source.path.suffix.lower()
        if suffix == ".csv":
            for line, row in csv_rows(source, self.harvest):
                yield _test_of_row(row), source.place(line), source
        elif suffix == ".jsonl":
            for line, value in json_lines(source, self.harvest):
                yield value, source.place(line), source
        else:
            document = parsed(source, self.harvest)
            value, steps = document.value, ()
            if isinstance(value, dict) and isinstance(value.get("tests"), list):
                value, steps = value["tests"], ("tests",)  # type: ignore[assignment]
            for index, item in enumerate(value if isinstance(value, list) else [value]):
                place = source.place(document.at((*steps, index)).line)
                if isinstance(item, dict):
                    yield item, place, source
                else:
                    self.harvest.refuse("test", place, "a test is a mapping")

    # --- What they say --------------------------------------------------------------------------------------

    def _add(self, tests: list[Test], default: Mapping[str, Any]) -> None:
        schemas: list[list[Json]] = []
        for test, place, source in tests:
            try:
                merged = _merged(test, default, source)
                whole = _mapping(test.get("options")).get("disableVarExpansion") is True
                for variables in [merged] if whole else _combinations(merged):
                    row, promised = self._row(test, default, variables, place)
                    self._rows.append((row, test.get("prompts")))
                    schemas.append(promised)
            except Unreadable as problem:
                self.harvest.refuse("test", place, problem.message)
        self._promise(schemas)

    def _row(
        self, test: Mapping[str, Any], default: Mapping[str, Any], variables: dict[str, Json], place: Place
    ) -> tuple[Row, list[Json]]:
        checks: list[Mapping[str, Json]] = []
        schemas: list[Json] = []
        options = {**_mapping(default.get("options")), **_mapping(test.get("options"))}
        if options.get("prefix") or options.get("suffix"):
            raise Unreadable("it puts a prefix or suffix around the prompt: write a prompt of its own")
        if isinstance(test.get("provider"), str | dict):
            self.harvest.refuse("provider", place, "a test's own provider has no counterpart: a flow has one model")
        for given in [*_list(default.get("assert")), *_list(test.get("assert"))]:
            try:
                if "transform" in options or "postprocess" in options:
                    raise Unreadable("it judges an answer transformed by code")
                if test.get("threshold") not in (None, 1):
                    raise Unreadable("its test passes at a mean score, which has no counterpart")
                made, promised = checks_of(_referred(given, self._config), variables)
                checks += made
                schemas += promised
            except Unreadable as problem:
                kind = str(given.get("type", "")) if isinstance(given, dict) else ""
                self.harvest.refuse(f"assertion {kind}".strip(), place, problem.message)
        words = test.get("description")
        return Row(place, variables, words if isinstance(words, str) else "", None, tuple(checks)), schemas

    def _promise(self, schemas: list[list[Json]]) -> None:
        texts = {json.dumps(schema, sort_keys=True) for promised in schemas for schema in promised}
        if len(texts) == 1 and all(schemas):
            self.schema = next(schema for promised in schemas for schema in promised)
        elif texts:
            why = "a JSON Schema that is not the same for all tests has no counterpart: that it is JSON is checked"
            self.harvest.refuse("assertion is-json", self._source.place(), why)


def _is_for(named: Json, prompt: str) -> bool:
    """Return True when a test's `prompts`, labels that may end in `*`, let a prompt in; without them it is for all."""
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list):
        return True
    texts = [name for name in names if isinstance(name, str)]
    return prompt in texts or any(prompt.startswith(text[:-1]) for text in texts if text.endswith("*"))


def _referred(given: Json, config: Mapping[str, Any]) -> Json:
    """Return what `{"$ref": "#/templates/name"}` names in the same configuration; anything else as it is."""
    name = given.get("$ref") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name.startswith("#/"):
        return given
    value: Json = config
    for step in name[2:].split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return given if value is None else value


def _data_file(name: str) -> str:
    if "://" in name and not name.startswith("file://"):
        raise Unreadable(f"it is kept elsewhere ({name.partition('://')[0]}://): nothing is fetched")
    name = name.removeprefix("file://")
    suffix = PurePosixPath(re.sub(r"(\.\w+):\w+$", r"\1", name)).suffix.lower()
    if suffix not in (*_DATA, ".csv", ".jsonl") and "*" not in suffix:
        raise Unreadable(f"tests made by {name} are not importable: it is no data, and never run")
    return name


def _test_of_row(row: Mapping[str, str]) -> dict[str, Any]:
    variables = {name: cell for name, cell in row.items() if not _SPECIAL.fullmatch(name)}
    asserts = [expected_of(cell) for name, cell in row.items() if _EXPECTED.fullmatch(name) and cell.strip()]
    options = {key: row[f"__{key}"] for key in ("prefix", "suffix") if row.get(f"__{key}")}
    test: dict[str, Any] = {"vars": variables, "assert": asserts, "options": options}
    if row.get("__description"):
        test["description"] = row["__description"]
    if row.get("__threshold"):
        test["threshold"] = row["__threshold"]
    return test


def _merged(test: Mapping[str, Any], default: Mapping[str, Any], source: Source) -> dict[str, Json]:
    given = test.get("vars", {})
    if isinstance(given, str):
        given = value_of(source, given)
    if not isinstance(given, dict):
        raise Unreadable("its vars are no mapping")
    merged = {**_mapping(default.get("vars")), **given}
    return {name: value_of(source, value) for name, value in merged.items()}


def value_of(source: Source, value: Json) -> Json:
    """Return a value, or what the file holds that it names (`file://`); raises Unreadable."""
    if not isinstance(value, str) or not value.startswith("file://"):
        return value
    file = source.beside(value.removeprefix("file://"))
    suffix = file.path.suffix.lower()
    if suffix in _TEXT:
        return file.text().strip()
    if suffix == ".json":
        return read_json(file.text())
    if suffix in _DATA:
        doubts = Harvest()
        read = parsed(file, doubts).value
        if doubts.refused:
            raise Unreadable(f"{file.path.name}: {doubts.refused[0].reason}")
        return read
    raise Unreadable(f"a value made by {file.path.name} is not importable: it is no data, and never run")


def _combinations(variables: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield one set of values for each combination of the lists among them, as promptfoo does."""
    lists = {name: value for name, value in variables.items() if isinstance(value, list) and _is_plain(value)}
    count = 1
    for value in lists.values():
        count *= len(value)
    if count > MAX_COMBINATIONS:
        raise Unreadable(f"its lists of values stand for more than {MAX_COMBINATIONS:,} cases")
    for values in itertools.product(*lists.values()):
        yield {**variables, **dict(zip(lists, values, strict=True))}


def _is_plain(value: list[Json]) -> bool:
    return bool(value) and all(isinstance(item, str | int | float) for item in value)


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []
