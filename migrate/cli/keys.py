"""Keys and lines from the terminal; what was typed ahead is kept.

A line is read here and not by the terminal itself, which would take Escape for a character of the text.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import termios
import tty
from typing import Final

import click

from migrate.presenting.layout import cells

ESCAPE: Final = "\x1b"
SEQUENCE_S: Final = 0.05
"""Within how many seconds the rest of an arrow key follows its first byte; Escape alone is followed by nothing."""
ENTER: Final = (b"\n", b"\r")
END: Final = b"\x04"
"""Ctrl-D."""
ERASING: Final = (b"\x7f", b"\x08", b"\x17", b"\x15")
"""Backspace, of two kinds of terminals, Ctrl-W and Ctrl-U."""


def pressed(prompt: str) -> str:
    """Show a prompt and return the next key; Escape for Ctrl-C and a closed terminal, nothing for a function key."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        # Not the default, which throws away what was typed before.
        tty.setcbreak(fd, termios.TCSADRAIN)
        click.echo(prompt, nl=False)
        key = _read(fd)
    except KeyboardInterrupt:
        key = ESCAPE
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
    click.echo("" if key == ESCAPE else key.strip())
    return key


def typed(prompt: str) -> str:
    """Show a prompt and return the line typed, without Enter; Escape for Escape, whatever was typed before it.

    Raises KeyboardInterrupt at Ctrl-C, EOFError where the terminal is closed or Ctrl-D begins the line.
    """
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd, termios.TCSADRAIN)
        click.echo(prompt, nl=False)
        return _line(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        click.echo("")


def _line(fd: int) -> str:
    decode, text = codecs.getincrementaldecoder("utf-8")("replace").decode, ""
    while True:
        byte = os.read(fd, 1)
        if byte == b"" or (byte == END and not text):
            raise EOFError
        if byte in ENTER:
            return text
        if byte == b"\x1b":
            follows = select.select([fd], [], [], SEQUENCE_S)[0]
            if not follows or os.read(fd, 16) in ENTER:
                return ESCAPE
        elif byte in ERASING:
            kept = _erased(text, byte)
            click.echo("\b \b" * (cells(text) - cells(kept)), nl=False)
            text = kept
        elif byte >= b" ":
            added = decode(byte)
            click.echo(added, nl=False)
            text += added


def _erased(text: str, key: bytes) -> str:
    """Return what a key that erases leaves: a character less, a word less, or nothing."""
    if key == ERASING[-1]:
        return ""
    return text.rstrip(" ").rpartition(" ")[0] if key == ERASING[-2] else text[:-1]


def _read(fd: int) -> str:
    first = os.read(fd, 1)
    if first == b"\x1b" and select.select([fd], [], [], SEQUENCE_S)[0]:
        os.read(fd, 16)
        return ""
    return first.decode("ascii", "replace") if first not in (b"", b"\x04") else ESCAPE
