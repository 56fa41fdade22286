"""Recordings: redacted replies in one SQLite file outside git, so that nothing is asked and paid for twice.

One writer, any number of readers: a rollback journal, because several connections in WAL mode can corrupt a database
under SQLite before 3.51.3. The file is private (0600), and so is the journal SQLite keeps beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import sqlite3
import stat
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import Answer, Call, Reply, Request, Source, Timing, ToolCall, Usage

FORMAT: Final = 1
"""`user_version` of the file. 1: the first one."""
APPLICATION: Final = 0x504D5243
"""`application_id` of the file: "PMRC"."""
_TABLE: Final = """
create table recordings (
    request_key text not null,     -- identity of the request, asked model included; says its own version
    sample integer not null,       -- k, from 1
    api text not null,
    prompt_key text not null,
    model text not null,           -- asked for
    reply text not null,           -- JSON: answer, served model, usage, tier, fingerprint, request id; redacted
    timing text not null,          -- JSON, milliseconds; `null` when unknown
    attempts integer not null,
    at text not null,              -- UTC time of the answer
    simulated integer not null,
    checksum integer not null,     -- CRC-32 of the columns above: a changed byte is noticed
    primary key (request_key, sample)
) without rowid
"""
_PUT: Final = """
insert into recordings values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set api = excluded.api, prompt_key = excluded.prompt_key, model = excluded.model,
    reply = excluded.reply, timing = excluded.timing, attempts = excluded.attempts, at = excluded.at,
    simulated = excluded.simulated, checksum = excluded.checksum
where excluded.checksum <> recordings.checksum
"""
_GET: Final = "select * from recordings where request_key = ? and sample = ?"
_GET_MANY: Final = "select * from recordings where (request_key, sample) in (values {})"
_AT_ONCE: Final = 400
_LOCK_WAIT_S: Final = 5.0

_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
Key = tuple[str, int]
"""Request key and sample index."""


class RecordingStore:
    """Implements `ports.Recordings`. Opened when first used; safe to use from several threads.

    A recorded call's request names its keys and its model only: whoever looks it up has the request in hand.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path = path
        self._redactor = redactor
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._filled = False

    def get(self, request_key: str, sample: int) -> Call | None:
        """Return the recorded call, `source` set to `recording`, or None. Raises StoreProblem."""
        with self._lock, self._problems():
            connection = self._open()
            row = None if connection is None else connection.execute(_GET, (request_key, sample)).fetchone()
        return None if row is None else self._call(row)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the recorded calls among `keys`, by key. Raises StoreProblem."""
        found: dict[Key, Call] = {}
        with self._lock, self._problems():
            connection = self._open()
            wanted = iter(keys) if connection is not None else iter(())
            while connection is not None and (some := list(islice(wanted, _AT_ONCE))):
                query = _GET_MANY.format(", ".join(["(?, ?)"] * len(some)))
                rows = connection.execute(query, [part for key in some for part in key])
                found |= {(row[0], row[1]): self._call(row) for row in rows}
        return found

    def put(self, calls: Iterable[tuple[int, Call]]) -> int:
        """Keep calls with their sample index, all or none; a `NoReply` is never kept.

        Return how many were new or replaced: repeating a call counts for nothing. Raises StoreProblem.
        """
        rows = (self._row(sample, call, call.outcome) for sample, call in calls if isinstance(call.outcome, Reply))
        first = next(rows, None)
        if first is None:
            return 0
        with self._lock, self._problems(), self._writing() as connection:
            before = connection.total_changes
            connection.execute(_PUT, first)
            connection.executemany(_PUT, rows)
            return connection.total_changes - before

    def count(self) -> int:
        """Return how many calls are kept, after SQLite's own check of the file. Raises StoreProblem."""
        with self._lock, self._problems():
            connection = self._open()
            if connection is None:
                return 0
            verdict = connection.execute("pragma quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise self._damaged(str(verdict))
            return int(connection.execute("select count(*) from recordings").fetchone()[0])

    def drop(self, ending: str) -> int:
        """Remove the calls whose request key ends so; return how many there were."""
        with self._lock, self._problems():
            connection = self._open()
            if connection is None:
                return 0
            with connection:
                done = connection.execute(
                    "delete from recordings where substr(request_key, -length(?)) = ?", [ending, ending]
                )
            return done.rowcount

    def close(self) -> None:
        """Close the file; safe to repeat. Using the store again opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection, self._filled = None, False

    # --- the file -------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection | None:
        """Return the connection; None when there is no file, or nothing in it. Raises StoreProblem for foreign ones."""
        connection = self._connect() if self._connection is not None or self._is_there(create=False) else None
        if connection is None or self._filled:
            return connection
        self._filled = self._is_ours(connection)
        return connection if self._filled else None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self.path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("pragma synchronous = full")
            # At FULL the end of a transaction is synced in this mode; deleting the journal would not be.
            self._connection.execute("pragma journal_mode = truncate")
        return self._connection

    def _is_there(self, *, create: bool) -> bool:
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            if not create:
                return False
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            return True
        if not stat.S_ISREG(status.st_mode):
            raise StoreProblem(f"cannot open {self._shown}: it is a link or no regular file, which is never followed")
        if status.st_mode & 0o077:
            with contextlib.suppress(PermissionError):
                self.path.chmod(0o600)
        return True

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Return whether the file has our table; False for an empty file. Raises StoreProblem for any other."""
        (application,) = connection.execute("pragma application_id").fetchone()
        (version,) = connection.execute("pragma user_version").fetchone()
        if application == APPLICATION and version == FORMAT:
            return True
        if application == APPLICATION:
            raise StoreProblem(
                f"{self._shown} was written by a newer version (format {version}; this version reads {FORMAT})",
                hint="update prompt-migrate: pip install --upgrade prompt-migrate",
            )
        (tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
        if tables or application:
            raise StoreProblem(
                f"{self._shown} is a database of another kind", hint="move it away and repeat the command"
            )
        return False

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._is_there(create=True)
        connection = self._connect()
        connection.execute("begin immediate")
        try:
            if self._open() is None:
                connection.execute(_TABLE)
                connection.execute(f"pragma application_id = {APPLICATION}")
                connection.execute(f"pragma user_version = {FORMAT}")
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as problem:
            raise StoreProblem(f"cannot use {self._shown}: {problem}", kept="what was recorded before") from problem
        except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
            # SQLite may quote damaged bytes, which Python cannot read as text.
            said = "a page of it is no text" if isinstance(problem, UnicodeDecodeError) else str(problem)
            raise self._damaged(said) from problem
        except OSError as problem:
            raise StoreProblem(f"cannot use {self._shown}: {problem.strerror or problem}") from problem

    def _damaged(self, what: str) -> StoreProblem:
        return StoreProblem(
            f"{self._shown} is damaged: {what}",
            kept="goldens and the ledger are other files",
            hint="recordings only save calls: without the file, a replay asks the model again",
            next_command=f"mv {shlex.quote(self._shown)} {shlex.quote(self._shown + '.damaged')}",
        )

    @property
    def _shown(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    # --- rows -----------------------------------------------------------------------------------------------------

    def _row(self, sample: int, call: Call, outcome: Reply) -> tuple[Any, ...]:
        request, timing = call.request, call.timing
        row = (
            request.request_key,
            sample,
            request.api,
            request.prompt_key,
            request.model,
            _encode(_reply_entry(outcome, self._redactor)),
            _encode(None if timing is None else dataclasses.astuple(timing)),
            call.attempts,
            call.at,
            int(call.simulated),
        )
        return (*row, _checksum(row))

    def _call(self, row: tuple[Any, ...]) -> Call:
        try:
            *columns, checksum = row
            if _checksum(columns) != checksum:
                raise ValueError("a row does not fit its checksum")
            request_key, _, api, prompt_key, model, reply, timing, attempts, at, simulated = columns
            timed = json.loads(timing)
            return Call(
                request=Request(api, {"model": model}, request_key, prompt_key),
                outcome=_reply(json.loads(reply)),
                timing=None if timed is None else Timing(*timed),
                attempts=attempts,
                source=Source.RECORDING,
                at=at,
                simulated=bool(simulated),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise self._damaged(str(problem)) from problem


def _checksum(columns: Iterable[Any]) -> int:
    return zlib.crc32("\0".join(map(str, columns)).encode("utf-8", "surrogatepass"))


def _reply_entry(outcome: Reply, redactor: Redactor) -> dict[str, Any]:
    answer, usage = outcome.answer, outcome.usage

    def clean(text: str | None) -> str | None:
        return None if text is None else redactor.text(text)

    return {
        "text": clean(answer.text),
        "tool_calls": [[clean(part) for part in (call.name, call.arguments, call.id)] for call in answer.tool_calls],
        "refusal": clean(answer.refusal),
        "finish": answer.finish,
        "served_model": outcome.served_model,
        "usage": [
            usage.input_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
        ],
        "service_tier": clean(outcome.service_tier),
        "fingerprint": clean(outcome.fingerprint),
        "request_id": clean(outcome.request_id),
    }


def _reply(entry: dict[str, Any]) -> Reply:
    calls = tuple(ToolCall(name, arguments, call) for name, arguments, call in entry["tool_calls"])
    return Reply(
        answer=Answer(entry["text"], calls, entry["refusal"], entry["finish"]),
        served_model=entry["served_model"],
        usage=Usage(*entry["usage"]),
        service_tier=entry["service_tier"],
        fingerprint=entry["fingerprint"],
        request_id=entry["request_id"],
    )
