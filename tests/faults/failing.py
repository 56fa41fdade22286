"""Let the n-th call of a kind fail inside a process: opening, writing, syncing, replacing, connecting, committing.

Or let the process die there, by a kind such as `kill write`: killed right before the call.

Only what happens to files of the project counts, so that Python's own imports and pipes stay out of it. A failure is
what a full or broken disk says.
"""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

KINDS: Final = ("open", "write", "fsync", "replace", "begin", "commit", "connect")


def fail(kind: str, nth: int, root: Path, fired: Path) -> None:
    """Let the n-th call of a kind fail from now on in this process, once; `fired` is made when it has."""
    deadly, _, plain = kind.rpartition(" ")
    _PATCHES[plain](_Fuse(nth, root, fired, deadly=bool(deadly)))


class _Fuse:
    def __init__(self, nth: int, root: Path, fired: Path, *, deadly: bool) -> None:
        self._left = nth
        self._deadly = deadly
        self._root = root.resolve()
        self._fired = fired
        self.own: set[int] = set()
        """Descriptors of files of the project."""

    def is_ours(self, path: Any) -> bool:
        return not isinstance(path, int) and (Path.cwd() / os.fsdecode(path)).is_relative_to(self._root)

    def blows(self) -> bool:
        """Count a call; True for the one that fails."""
        self._left -= 1
        if self._left == 0:
            self._fired.touch()
            if self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._left == 0


def _no_space(*_: object) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open(fuse: _Fuse) -> None:
    real = os.open

    def opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        inside = options.get("dir_fd") in fuse.own or fuse.is_ours(path)
        if inside and fuse.blows():
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        handle = real(path, flags, *args, **options)
        fuse.own.add(handle) if inside else fuse.own.discard(handle)
        return handle

    os.open = opened


def _watching_descriptors(fuse: _Fuse) -> None:
    real = os.open

    def opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        handle = real(path, flags, *args, **options)
        inside = options.get("dir_fd") in fuse.own or fuse.is_ours(path)
        fuse.own.add(handle) if inside else fuse.own.discard(handle)
        return handle

    os.open = opened


def _write(fuse: _Fuse) -> None:
    """Fail `os.write`, and writing through a file object made of a descriptor."""
    _watching_descriptors(fuse)
    real, real_fdopen = os.write, os.fdopen

    def written(handle: int, data: Any) -> int:
        if handle in fuse.own and fuse.blows():
            raise _no_space()
        return real(handle, data)

    def fdopened(handle: Any, *args: Any, **options: Any) -> Any:
        file = real_fdopen(handle, *args, **options)
        return _Writing(file, fuse) if handle in fuse.own else file

    os.write, os.fdopen = written, fdopened


class _Writing:
    """A file whose writing counts."""

    def __init__(self, file: Any, fuse: _Fuse) -> None:
        self._file, self._fuse = file, fuse

    def write(self, data: Any) -> Any:
        if self._fuse.blows():
            raise _no_space()
        return self._file.write(data)

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(self, *how: object) -> Any:
        return self._file.__exit__(*how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _fsync(fuse: _Fuse) -> None:
    real = os.fsync

    def synced(handle: int) -> None:
        if fuse.blows():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(handle)

    os.fsync = synced


def _replace(fuse: _Fuse) -> None:
    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def replaced(*args: Any, **options: Any) -> Any:
            if fuse.blows():
                raise _no_space()
            return real(*args, **options)

        return replaced

    os.replace, os.rename = failing(os.replace), failing(os.rename)
    pathlib.os.replace, pathlib.os.rename = os.replace, os.rename  # type: ignore[attr-defined]


def _of_sqlite(word: str) -> Callable[[_Fuse], None]:
    def patch(fuse: _Fuse) -> None:
        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *args: Any) -> Any:
                if sql.lstrip().lower().startswith(word) and fuse.blows():
                    raise _full()
                return super().execute(sql, *args)

            def commit(self) -> None:
                if word == "commit" and self.in_transaction and fuse.blows():
                    raise _full()
                super().commit()

            def cursor(self, *args: Any) -> Any:
                return super().cursor(*args or (Cursor,))

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, *args: Any) -> Any:
                if sql.lstrip().lower().startswith(word) and fuse.blows():
                    raise _full()
                return super().execute(sql, *args)

        real = sqlite3.connect

        def connect(*args: Any, **options: Any) -> Any:
            return real(*args, **{"factory": Connection, **options})

        sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]

    return patch


def _full() -> sqlite3.OperationalError:
    problem = sqlite3.OperationalError("database or disk is full")
    problem.sqlite_errorcode, problem.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
    return problem


def _connect(fuse: _Fuse) -> None:
    """Fail connections over the network: what the event loop of asyncio calls."""
    real = socket.socket.connect

    def connected(self: socket.socket, address: Any) -> None:
        if fuse.blows():
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        real(self, address)

    socket.socket.connect = connected  # type: ignore[method-assign]


_PATCHES: Final[dict[str, Callable[[_Fuse], None]]] = {
    "open": _open,
    "write": _write,
    "fsync": _fsync,
    "replace": _replace,
    "begin": _of_sqlite("begin"),
    "commit": _of_sqlite("commit"),
    "connect": _connect,
}
