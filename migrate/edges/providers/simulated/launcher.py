"""Starts the simulated provider as a child process and stops it again; it never outlives its parent."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from migrate.errors import UsageProblem

_STOP_S: Final = 2.0
_LONGEST_COMPLAINT: Final = 2000


def child_command(
    *,
    prompts: Path | str | None = None,
    seed: int = 1,
    time_scale: float = 0.05,
    habit_log: Path | str | None = None,
) -> list[str]:
    """Return the command of a child that answers for the prompts of a folder."""
    command = [sys.executable, "-m", "migrate", "simulate", "--child", "--seed", str(seed)]
    command += ["--time-scale", str(time_scale)]
    command += [] if prompts is None else ["--prompts", str(prompts)]
    return command if habit_log is None else [*command, "--habit-log", str(habit_log)]


class SimulatedServer:
    """One child process. Its standard input is the leash: the child stops when that is closed, by us or by our end."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self.base_url: str | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child; None when there is none."""
        return None if self._child is None else self._child.pid

    def start(self, command: Sequence[str], *, cwd: Path | None = None, timeout_s: float = 180.0) -> str:
        """Start the child and return the base URL it serves once it says that it is ready.

        Raises UsageProblem, with what the child complained of, when it ends or stays silent.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by stop)
        self._child = subprocess.Popen(  # noqa: S603
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd=cwd
        )
        line = self._first_line(time.monotonic() + timeout_s)
        try:
            said = json.loads(line)
            self.base_url = str(said["base_url"])
        except (ValueError, KeyError, TypeError):
            complaint = self._complaint()
            self.stop()
            raise UsageProblem("the simulated provider did not start", hint=complaint) from None
        return self.base_url

    def _first_line(self, until: float) -> bytes:
        """Return the child's first line of output; less when it ends, or when time runs out."""
        assert self._child is not None
        assert self._child.stdout is not None
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            while not said.endswith(b"\n") and selector.select(max(0.0, until - time.monotonic())):
                part = self._child.stdout.read1(65536)  # type: ignore[attr-defined]
                if not part:
                    break
                said += part
        return said

    def _complaint(self) -> str:
        assert self._errors is not None
        self._kill()
        self._errors.seek(0)
        text = self._errors.read().decode("utf-8", "replace").strip()
        return text[-_LONGEST_COMPLAINT:] or "it said nothing"

    def stop(self) -> None:
        """Stop the child and wait for its end; a second call does nothing."""
        if self._child is not None:
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            self._child.stdin.close()
            self._kill(_STOP_S)
            self._child.stdout.close()
        if self._errors is not None:
            self._errors.close()
        self._child = self._errors = self.base_url = None

    def _kill(self, grace_s: float = 0.0) -> None:
        assert self._child is not None
        try:
            self._child.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
