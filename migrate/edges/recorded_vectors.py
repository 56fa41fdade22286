"""Vectors of embeddings calls, outside git: the answers as they came, under the question and sample they answer.

Goldens and recordings hold what a call used and took; a vector is a thousand numbers nobody reads, and one can be
turned back into much of its text, so vectors lie in a private file (0600) of their own. Equal answers are kept once.
Several processes may write at once.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from migrate.canonical import digest
from migrate.errors import StoreProblem
from migrate.vocabulary import JsonObject

_TABLES: Final = (
    """
create table if not exists bodies (
    digest text primary key,       -- SHA-256 of the text of the body
    body blob not null             -- the JSON text, deflated
) without rowid""",
    """
create table if not exists answers (
    request_key text not null,
    sample integer not null,       -- k, from 1
    digest text not null references bodies,
    primary key (request_key, sample)
) without rowid""",
)
_PUT: Final = "insert into answers values (?, ?, ?) on conflict do update set digest = excluded.digest"
_GET: Final = "select digest, body from answers join bodies using (digest) where request_key = ? and sample = ?"
_LOCK_WAIT_S: Final = 30.0


class RecordedVectors:
    """Opened when first used; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, request_key: str, sample: int) -> JsonObject | None:
        """Return the body of an answer as it came; None when it was not kept here. Raises StoreProblem."""
        if self._connection is None and not self.path.exists():
            return None
        with self._lock, self._problems():
            row = self._open(create=False).execute(_GET, (request_key, sample)).fetchone()
            if row is None:
                return None
            text = zlib.decompress(row[1]).decode("utf-8")
            if digest(text) != row[0]:
                raise ValueError("an answer does not fit its digest")
            body: JsonObject = json.loads(text)
            return body

    def put(self, request_key: str, sample: int, body: JsonObject) -> None:
        """Keep the body of an answer, in place of an earlier one. Raises StoreProblem."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        key = digest(text)
        with self._lock, self._problems():
            connection = self._open()
            connection.execute("begin immediate")
            with connection:
                for table in _TABLES:
                    connection.execute(table)
                connection.execute("insert or ignore into bodies values (?, ?)", (key, zlib.compress(text.encode(), 1)))
                connection.execute(_PUT, (request_key, sample, key))

    def close(self) -> None:
        """Close the file; safe to repeat. Using the store again opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self, *, create: bool = True) -> sqlite3.Connection:
        if self._connection is None:
            if create:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(self.path, flags, 0o600))
            connection = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
            connection.execute("pragma synchronous = full")
            self._connection = connection
        return self._connection

    @contextmanager
    def _problems(self) -> Iterator[None]:
        shown = f"{self.path.parent.name}/{self.path.name}"
        try:
            yield
        except (sqlite3.OperationalError, OSError) as problem:
            raise StoreProblem(f"cannot use {shown}: {problem}", kept="what was recorded before") from problem
        except (sqlite3.DatabaseError, zlib.error, ValueError) as problem:
            raise StoreProblem(
                f"{shown} is damaged: {problem}",
                kept="goldens, recordings and the ledger are other files",
                hint="vectors only save calls: without the file, a live run asks for them again",
                next_command=f"mv {shown} {shown}.damaged",
            ) from problem


__all__ = ["RecordedVectors"]
