"""A review in a pseudo-terminal, for tests that press keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from small_project import Project

OWN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes standard input the terminal that Ctrl-C comes from, and becomes what its arguments say."""


class Terminal:
    """A review in a pseudo-terminal."""

    def __init__(self, project: Project, *words: str) -> None:
        self.master, slave = pty.openpty()
        environ = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
        words = words or ("--flow", "refund")
        command = [sys.executable, "-c", OWN_TERMINAL, "-m", "migrate", "review", "--reviewer", "ada", *words]
        self.process = subprocess.Popen(
            command, cwd=project.root, env=environ, stdin=slave, stdout=slave, stderr=slave, close_fds=True
        )
        os.close(slave)
        self.seen = ""

    def wait(self, words: str) -> None:
        """Read until the terminal has shown these words since the last key."""
        give_up = time.monotonic() + 120
        while words not in self.seen:
            assert time.monotonic() < give_up, self.seen
            if select.select([self.master], [], [], 1)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    break
        assert words in self.seen, self.seen
        self.seen = self.seen.partition(words)[2]

    def answer(self, *turns: tuple[str, str]) -> None:
        """Wait for what is asked and press keys, turn by turn."""
        for asked, keys in turns:
            self.wait(asked)
            self.press(keys)

    def interrupt(self) -> None:
        """Press Ctrl-C once the program reads: a signal between its prompt and its read would be kept until Enter."""
        status = Path(f"/proc/{self.process.pid}/stat")
        give_up = time.monotonic() + 120
        while status.read_text("ascii").rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < give_up, self.seen
            time.sleep(0.01)
        self.press("\x03")

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        code = self.process.wait(60)
        os.close(self.master)
        return code
