"""Turns of those who decide: goldens and prompt files are read and written by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate.errors import StoreProblem


@contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """Wait for one's turn and hold it; the system lets go of it when a process dies. Raises StoreProblem.

    On a file system that knows no locks everybody's turn comes at once, as with the goldens themselves.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise StoreProblem(f"cannot use {path}: {problem.strerror}", kept="everything") from problem
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return
