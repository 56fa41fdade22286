"""Write a report: pack its documents, decide between one file and a folder, replace what was there as a whole."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from migrate.edges.report.shell import CHUNKS, chunk_script, page
from migrate.errors import StoreProblem
from migrate.vocabulary import Json

LARGEST_PAGE: Final = 20_000_000
"""Bytes of packed data, as base64, up to which a report is one file: past it browsers grow slow to open one."""
LEVEL: Final = 7
"""8 is a thirtieth smaller and takes more than three times as long."""
MEMORY: Final = 6
"""Short blocks: hashes and texts get a code of their own each, which is another fiftieth."""
GZIP: Final = 31
"""What zlib calls a window of 32 KB in the container of gzip, which it writes without a date."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The documents of a report, gzipped: the same documents give the same bytes."""

    title: str
    index: bytes
    chunks: Sequence[bytes]

    @property
    def size(self) -> int:
        """Bytes as base64."""
        return sum(len(part) for part in (self.index, *self.chunks)) * 4 // 3


def pack(document: Mapping[str, Json]) -> bytes:
    """Return a JSON document, gzipped without a date."""
    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # An answer may hold a number that is too large for a float: it is shown as a word, because JSON has none.
        text = json.dumps(_finite(document), separators=(",", ":"), allow_nan=False)
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP, MEMORY)
    return packing.compress(text.encode("ascii")) + packing.flush()


class Packing:
    """Packs chunk after chunk in a thread of its own, while the next one is made."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "packing")
        self._chunks: list[Future[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def add(self, document: Mapping[str, Json]) -> None:
        """Take a chunk, which is not to be changed any more."""
        self._chunks.append(self._thread.submit(pack, document))

    def packed(self) -> list[bytes]:
        """Return the chunks in the order they came."""
        return [chunk.result() for chunk in self._chunks]


def write_report(path: Path, packed: Packed, *, largest: int = LARGEST_PAGE) -> list[Path]:
    """Write `path`, an HTML file, and a folder of chunks beside it where it would be too large. Return the files.

    Raises StoreProblem when it cannot be written; what was there before is then still there.
    """
    alone = packed.size <= largest
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = [] if alone else _write_chunks(path.parent / CHUNKS, packed.chunks)
        _replace(path, page(packed.title, packed.index, packed.chunks if alone else None))
        if alone and (path.parent / CHUNKS).is_dir():
            shutil.rmtree(path.parent / CHUNKS)
    except OSError as problem:
        raise StoreProblem(f"cannot write the report {path}: {problem.strerror or problem}") from problem
    return [path, *beside]


def served_report(packed: Packed, *, largest: int = LARGEST_PAGE) -> dict[str, tuple[str, bytes]]:
    """Return a report that is served and not written: names below the page's own, each with its type and bytes."""
    alone = packed.size <= largest
    text = page(packed.title, packed.index, packed.chunks if alone else None, writer="decisions")
    beside = [] if alone else [chunk_script(number, chunk) for number, chunk in enumerate(packed.chunks)]
    scripts = {f"{CHUNKS}/{number}.js": ("text/javascript", script.encode()) for number, script in enumerate(beside)}
    return {"": ("text/html; charset=utf-8", text.encode()), **scripts}


def write_text(path: Path, text: str) -> None:
    """Write text to a file, whole or not at all; what is no file, as a pipe, is written to as it is.

    Raises StoreProblem when it cannot be written; what was there before is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        else:
            _replace(path, text)
    except OSError as problem:
        raise StoreProblem(f"cannot write {path}: {problem.strerror or problem}") from problem


def rating_page() -> dict[str, tuple[str, bytes]]:
    """Return the page that rates, as it is served: the program without any data of a report."""
    text = page("Which answer is better? prompt-migrate", b"", (), writer="ratings")
    return {"": ("text/html; charset=utf-8", text.encode())}


def _write_chunks(folder: Path, chunks: Sequence[bytes]) -> list[Path]:
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir()
    written = []
    for number, chunk in enumerate(chunks):
        path = folder / f"{number}.js"
        path.write_text(chunk_script(number, chunk), encoding="ascii")
        written.append(path)
    return written


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        # A report holds what models said of production data: as readable as the umask lets other files be.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _finite(value: Json) -> Json:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
