"""Files of users: regular, of a sane size, UTF-8."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes a document, or one line of a file of lines, may have."""


class Unreadable(Exception):
    """A file cannot be used: why, and the line where that can be said."""

    def __init__(self, message: str, line: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


def open_regular(path: Path) -> int:
    """Return the descriptor of a regular file; raises Unreadable, and never waits for a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise Unreadable("not a regular file")
    return number


def decoded(data: bytes) -> str:
    """Return bytes as text without a byte order mark; raises Unreadable with the line of the first bad byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("not UTF-8", line, "save the file as UTF-8") from None
