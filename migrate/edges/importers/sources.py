"""Files of a source, read as data: of a sane size, strictly parsed, and never outside the folder they belong to."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from migrate.documents.files import MAX_FILE, Unreadable, decoded, open_regular
from migrate.documents.reading import Document, Mark, read_json, read_yaml
from migrate.edges.importers.nouns import Harvest
from migrate.vocabulary import Json, Place

MAX_LINES_FILE: Final = 200 * 1024 * 1024
"""Bytes a file of lines may have: what OpenAI's Batch API takes."""
MAX_LINES: Final = 100_000
MAX_MATCHES: Final = 1_000
"""Files one pattern may name."""
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One file, and the folder that what it names must lie in."""

    path: Path
    root: Path
    """Working directory: what places are told relative to."""
    folder: Path

    @property
    def shown(self) -> str:
        """The path as the user would type it."""
        return _shown(self.path, self.root)

    def place(self, line: int | None = None) -> Place:
        """Return a place in the file."""
        return Place(self.shown, line)

    def text(self) -> str:
        """Return the whole text; raises Unreadable."""
        with os.fdopen(open_regular(self.path), "rb") as file:
            data = file.read(min(os.fstat(file.fileno()).st_size, MAX_FILE) + 1)
        if len(data) > MAX_FILE:
            raise Unreadable(f"the file has more than {MAX_FILE // 2**20} MB")
        return decoded(data)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that are not blank; raises Unreadable."""
        with os.fdopen(open_regular(self.path), "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_LINES_FILE:
                raise Unreadable(f"the file has more than {MAX_LINES_FILE // 2**20} MB: split it")
            number = 0
            while data := file.readline(MAX_FILE + 1):
                number += 1
                if len(data) > MAX_FILE:
                    raise Unreadable(f"a line of more than {MAX_FILE // 2**20} MB", number)
                if number > MAX_LINES:
                    raise Unreadable(f"more than {MAX_LINES:,} lines: split the file", number)
                if line := decoded(data).strip():
                    yield number, line

    def beside(self, name: str) -> Source:
        """Return a file named in this one, relative to the folder; raises Unreadable when it leads out of it."""
        return self._inside(self.folder / _relative(name), name)

    def matching(self, pattern: str) -> list[Source]:
        """Return the files of a pattern, sorted; raises Unreadable for a pattern that leads out of the folder."""
        if not any(mark in pattern for mark in "*?["):
            return [self.beside(pattern)]
        found = []
        for path in self.folder.glob(_relative(pattern)):
            if path.is_file():
                found.append(self._inside(path, pattern))
            if len(found) > MAX_MATCHES:
                raise Unreadable(f"{pattern} names more than {MAX_MATCHES:,} files")
        if not found:
            raise Unreadable(f"no file matches {pattern}")
        return sorted(found, key=lambda source: source.path)

    def _inside(self, path: Path, name: str) -> Source:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise Unreadable(f"there is no file {name}") from None
        if not real.is_relative_to(self.folder.resolve()):
            raise Unreadable(f"{name} leads outside the folder of the file that names it: it is not read")
        return Source(real, self.root.resolve(), self.folder.resolve())


@lru_cache(maxsize=256)  # every line of a log is told with its file
def _shown(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def source_of(path: Path, root: Path) -> Source:
    """Return a file that the user named, whose folder is the one it lies in."""
    real = path.resolve()
    return Source(real, root.resolve(), real.parent)


def _relative(name: str) -> str:
    if not name or "\0" in name or "\\" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise Unreadable(f"{name} leads outside the folder of the file that names it: it is not read")
    return name.removeprefix("./")


# --- Values ---------------------------------------------------------------------------------------------------


def parsed(source: Source, harvest: Harvest) -> Document:
    """Return a YAML or JSON file as plain values with their lines; what its reader does not take is refused."""
    text = source.text()
    if source.path.suffix == ".json":
        return Document(read_json(text), Mark(1, 1))
    return read_yaml(text, lambda why, line: harvest.refuse("value", source.place(line), why))


def json_lines(source: Source, harvest: Harvest) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """Yield the mappings of a JSONL file; a line that is none is refused, and so is the rest of an unreadable file."""
    try:
        for number, line in source.lines():
            harvest.lines[source.shown] += 1
            try:
                value = read_json(line)
            except Unreadable as problem:
                harvest.refuse("line", source.place(number), problem.message, 1)
                continue
            if isinstance(value, dict):
                yield number, value
            else:
                harvest.refuse("line", source.place(number), "not a JSON object", 1)
    except Unreadable as problem:
        harvest.refuse("file", source.place(problem.line), problem.message)


def csv_rows(source: Source, harvest: Harvest) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with a line of headers; a row with more or fewer fields is refused."""
    reader = csv.reader(io.StringIO(source.text(), newline=""), strict=True)
    last = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        doubles = {name for name in header if header.count(name) > 1}
        if not header or doubles:
            why = f'the column "{min(doubles)}" is there twice' if doubles else "the file is empty"
            raise Unreadable(why, 1)
        last = reader.line_num
        for fields in reader:
            line, last = last + 1, reader.line_num
            if not any(fields):
                continue
            harvest.lines[source.shown] += 1
            if len(fields) == len(header):
                yield line, dict(zip(header, fields, strict=True))
            else:
                harvest.refuse("line", source.place(line), f"{len(fields)} fields under {len(header)} headers", 1)
    except csv.Error as error:
        raise Unreadable(f"not CSV: {error}", last + 1) from None
