"""One key from the terminal, without Enter; what was typed ahead is kept."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import Final

import click

ESCAPE: Final = "\x1b"
SEQUENCE_S: Final = 0.05
"""Within how many seconds the rest of an arrow key follows its first byte; Escape alone is followed by nothing."""


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


def _read(fd: int) -> str:
    first = os.read(fd, 1)
    if first == b"\x1b" and select.select([fd], [], [], SEQUENCE_S)[0]:
        os.read(fd, 16)
        return ""
    return first.decode("ascii", "replace") if first not in (b"", b"\x04") else ESCAPE
