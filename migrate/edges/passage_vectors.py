"""Vectors of texts in one SQLite file outside git: made once for each model and text, whoever asks again.

A vector is known by a hash of model and text; no text is kept. What making them took is kept beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shlex
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from migrate.errors import StoreProblem

_TABLES: Final = """
create table if not exists vectors (
    key text primary key,       -- hash of model and text
    numbers blob not null       -- 32-bit floats, little-endian
) without rowid;
create table if not exists made (
    at text not null,           -- UTC time
    model text not null,
    texts integer not null,
    tokens integer              -- as the provider billed them; null: it did not say
);
create table if not exists billed (
    key text primary key,       -- hash of model and text
    tokens integer not null     -- its share of what the provider billed for its batch
) without rowid;
pragma user_version = 1;
"""
_LOCK_WAIT_S: Final = 30.0


class PassageVectors:
    """Implements `vocabulary.Vectors` over a file, which is made when something is first kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Sequence[float] | None] = {}

    def of(self, model: str, text: str) -> Sequence[float] | None:
        """Return the vector of a text by a model; None: there is none. Raises StoreProblem."""
        key = _key(model, text)
        if key not in self._known:
            with self._opened(must_exist=True) as connection:
                row = connection and connection.execute("select numbers from vectors where key = ?", (key,)).fetchone()
            self._known[key] = self._numbers(row[0]) if row else None
        return self._known[key]

    def missing(self, model: str, texts: Iterable[str]) -> list[str]:
        """Return the texts that have no vector by a model yet. Raises StoreProblem."""
        return [text for text in dict.fromkeys(texts) if self.of(model, text) is None]

    def keep(self, model: str, made: Mapping[str, Sequence[float]], *, tokens: int | None, at: str) -> None:
        """Keep the vectors of some texts, and what they took. Raises StoreProblem."""
        rows = [(_key(model, text), _packed(numbers)) for text, numbers in made.items()]
        with self._opened(must_exist=False) as connection:
            assert connection is not None
            connection.executemany("insert or ignore into vectors values (?, ?)", rows)
            connection.execute("insert into made values (?, ?, ?, ?)", (at, model, len(rows), tokens))
            if tokens is not None:
                shares = _shared(tokens, made)
                billed = [(_key(model, text), share) for text, share in shares.items()]
                connection.executemany("insert or ignore into billed values (?, ?)", billed)
        self._known.clear()

    def tokens_of(self, model: str, text: str) -> int | None:
        """Return what the vector of a text was billed for; None where the provider did not say. Raises StoreProblem."""
        with self._opened(must_exist=True) as connection:
            found = "select tokens from billed where key = ?"
            row = connection and connection.execute(found, (_key(model, text),)).fetchone()
        return row[0] if row else None

    def _numbers(self, packed: bytes) -> list[float]:
        numbers = array("f")
        if not packed or len(packed) % numbers.itemsize:
            raise self._problem("a vector in it is not whole")
        numbers.frombytes(packed)
        if not all(map(math.isfinite, numbers)):
            raise self._problem("a vector in it is not finite")
        return numbers.tolist()

    @contextmanager
    def _opened(self, *, must_exist: bool) -> Iterator[sqlite3.Connection | None]:
        if must_exist and not self.path.exists():
            yield None
            return
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            with contextlib.closing(sqlite3.connect(self.path, timeout=_LOCK_WAIT_S)) as connection:
                connection.executescript(_TABLES)
                with connection:
                    yield connection
        except (sqlite3.Error, OSError) as problem:
            raise self._problem(str(problem)) from None

    def _problem(self, words: str) -> StoreProblem:
        hint = "vectors can be made again"
        return StoreProblem(f"{self.path}: {words}", hint=hint, next_command=f"rm {shlex.quote(str(self.path))}")


def _shared(tokens: int, texts: Iterable[str]) -> dict[str, int]:
    """Share the tokens of a batch among its texts by their length; together they are what was billed."""
    lengths = {text: len(text.encode("utf-8", "surrogatepass")) for text in texts}
    total, before, shares = sum(lengths.values()), 0, {}
    for text, length in lengths.items():
        # The end of each share is rounded, so that no rounding adds up.
        end = before + length
        shares[text] = tokens * end // total - tokens * before // total if total else 0
        before = end
    return shares


def _key(model: str, text: str) -> str:
    return hashlib.sha256(f"{model}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _packed(numbers: Sequence[float]) -> bytes:
    return array("f", numbers).tobytes()
