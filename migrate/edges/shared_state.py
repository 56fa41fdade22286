"""What the processes of one run share: money reserved and spent, and the pause a provider asked for.

One small file, mapped into memory by every worker. Sums change under a file lock, so that no two workers can
spend the same cent; pause and stop are read without one before every call. The file outlives a killed run: what was
reserved when it died counts as spent until the run is finished, because nobody knows whether it was.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from migrate.errors import MAKE_ROOM, StoreProblem
from migrate.vocabulary import NoReplyKind

_LAYOUT: Final = struct.Struct("<8sqqqd24s")
"""Mark, cap, reserved, spent (pico-dollars; a cap below 0 is none), monotonic time until which nobody calls, and the
kind of the fault that stopped the run."""
_MARK: Final = b"pmrun\x00\x00\x02"
_SUMS: Final = struct.Struct("<qqq")
_PAUSE: Final = struct.Struct("<d")
_PAUSE_AT: Final = 32
_STOP: Final = struct.Struct("<24s")
_STOP_AT: Final = 40
LARGEST: Final = 2**62
"""The largest cap: some four million dollars, and sums beyond it still fit."""


class SharedState:
    """Implements `ports.Purse`; amounts are integers of 1e-12 US dollars. Safe for threads and processes."""

    def __init__(self, path: Path) -> None:
        """Open the state of a run; who starts or resumes the run calls `begin` before any other process opens it."""
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreProblem(f"{path} cannot be used: {error.strerror}", kept="everything") from error
        self._map = self._mapped()

    def _mapped(self) -> mmap.mmap:
        hint = "it can be removed when no run is going on"
        try:
            with self._locked_file():
                if os.fstat(self._fd).st_size == 0:
                    os.pwrite(self._fd, _LAYOUT.pack(_MARK, -1, 0, 0, 0.0, b""), 0)
            if os.pread(self._fd, len(_MARK), 0) == _MARK and os.fstat(self._fd).st_size >= _LAYOUT.size:
                return mmap.mmap(self._fd, _LAYOUT.size)
        except OSError as error:
            said = MAKE_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else hint
            raise StoreProblem(f"{self.path} cannot be used: {error.strerror}", hint=said) from error
        raise StoreProblem(f"{self.path} is not the state of a run", hint=hint)

    def begin(self, cap: int | None) -> None:
        """Begin or resume the run: under this cap, with nothing of the past but what was spent.

        What a dead process had set aside counts as spent: nobody knows whether it was. A pause of another day, told
        by a clock that may have started again since, is over, and so is the reason for a stop.
        """
        with self._locked():
            _, _, reserved, spent, _, _ = _LAYOUT.unpack_from(self._map)
            held = -1 if cap is None else min(cap, LARGEST)
            _LAYOUT.pack_into(self._map, 0, _MARK, held, 0, spent + reserved, 0.0, b"")

    def reserve(self, amount: int) -> bool:
        """Set money aside for one try; False when the cap would be passed, and nothing is set aside."""
        with self._locked():
            cap, reserved, spent = self._read()
            if cap >= 0 and spent + reserved + amount > cap:
                return False
            self._write(cap, reserved + amount, spent)
            return True

    def could_hold(self, amount: int) -> bool:
        """Say whether the cap would hold the amount if everything set aside were given back."""
        with self._locked():
            cap, _, spent = self._read()
            return cap < 0 or spent + amount <= cap

    def settle(self, reserved: int, spent: int) -> None:
        """Give back what was set aside for a try and book what it cost."""
        with self._locked():
            cap, before, sofar = self._read()
            self._write(cap, before - reserved, sofar + spent)

    def sums(self) -> tuple[int | None, int, int]:
        """Return cap, reserved and spent."""
        with self._locked():
            cap, reserved, spent = self._read()
        return (None if cap < 0 else cap), reserved, spent

    def pause(self, until: float) -> None:
        """Let nobody call before `until` (monotonic seconds of this machine)."""
        with self._locked():
            if until > self.paused_until:
                # Packed outside, then copied over: `pack_into` blanks its place first, and who reads without the lock
                # would see no pause in that moment.
                self._map[_PAUSE_AT : _PAUSE_AT + _PAUSE.size] = _PAUSE.pack(until)

    @property
    def paused_until(self) -> float:
        return float(_PAUSE.unpack_from(self._map, _PAUSE_AT)[0])

    def stop(self, kind: NoReplyKind) -> None:
        """Let nobody call any more; the first reason stays."""
        with self._locked():
            if self.stopped is None:
                _STOP.pack_into(self._map, _STOP_AT, kind.value.encode())

    @property
    def stopped(self) -> NoReplyKind | None:
        """Why nobody may call any more; None while everybody may."""
        # The first byte alone is read before every call: a kind has at least one.
        if not self._map[_STOP_AT]:
            return None
        return NoReplyKind(_STOP.unpack_from(self._map, _STOP_AT)[0].rstrip(b"\0").decode())

    def close(self) -> None:
        if self._fd >= 0:
            self._map.close()
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> tuple[int, int, int]:
        """Return cap, reserved and spent."""
        return _SUMS.unpack_from(self._map, len(_MARK))

    def _write(self, cap: int, reserved: int, spent: int) -> None:
        self._map[len(_MARK) : _PAUSE_AT] = _SUMS.pack(cap, reserved, spent)

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
