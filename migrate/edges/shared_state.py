"""What the processes of one run share: money reserved and spent, and the pause a provider asked for.

One small file, mapped into memory by every worker. Sums change under a file lock, so that no two workers can
spend the same cent; the pause is read without one before every call. The file outlives a killed run: what was
reserved when it died counts as spent until the run is finished, because nobody knows whether it was.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from migrate.errors import StoreProblem

_LAYOUT: Final = struct.Struct("<8sqqqd")
"""Mark, cap, reserved, spent (pico-dollars; a cap below 0 is none), monotonic time until which nobody calls."""
_MARK: Final = b"pmrun\x00\x00\x01"
_PAUSE: Final = struct.Struct("<d")
_PAUSE_AT: Final = _LAYOUT.size - _PAUSE.size


class SharedState:
    """Implements `ports.Purse`; amounts are integers of 1e-12 US dollars. Safe for threads and processes."""

    def __init__(self, path: Path, *, cap: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with self._locked_file():
            if os.fstat(self._fd).st_size == 0:
                os.pwrite(self._fd, _LAYOUT.pack(_MARK, -1, 0, 0, 0.0), 0)
        self._map = mmap.mmap(self._fd, _LAYOUT.size)
        if self._map[: len(_MARK)] != _MARK:
            raise StoreProblem(f"{path} is not the state of a run", hint="it can be removed when no run is going on")
        if cap is not None:
            with self._locked():
                _, _, reserved, spent, pause = self._read()
                self._write(cap, reserved, spent, pause)

    def reserve(self, amount: int) -> bool:
        """Set money aside for one try; False when the cap would be passed, and nothing is set aside."""
        with self._locked():
            _, cap, reserved, spent, pause = self._read()
            if cap >= 0 and spent + reserved + amount > cap:
                return False
            self._write(cap, reserved + amount, spent, pause)
            return True

    def settle(self, reserved: int, spent: int) -> None:
        """Give back what was set aside for a try and book what it cost."""
        with self._locked():
            _, cap, before, sofar, pause = self._read()
            self._write(cap, before - reserved, sofar + spent, pause)

    def sums(self) -> tuple[int | None, int, int]:
        """Return cap, reserved and spent."""
        with self._locked():
            _, cap, reserved, spent, _ = self._read()
        return (None if cap < 0 else cap), reserved, spent

    def pause(self, until: float) -> None:
        """Let nobody call before `until` (monotonic seconds of this machine)."""
        with self._locked():
            if until > self.paused_until:
                _PAUSE.pack_into(self._map, _PAUSE_AT, until)

    @property
    def paused_until(self) -> float:
        return float(_PAUSE.unpack_from(self._map, _PAUSE_AT)[0])

    def close(self) -> None:
        if self._fd >= 0:
            self._map.close()
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> tuple[bytes, int, int, int, float]:
        return _LAYOUT.unpack_from(self._map)

    def _write(self, cap: int, reserved: int, spent: int, pause: float) -> None:
        _LAYOUT.pack_into(self._map, 0, _MARK, cap, reserved, spent, pause)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock, self._locked_file():
            yield

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
