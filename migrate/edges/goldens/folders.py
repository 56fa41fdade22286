"""Folders of small files that survive anything: whole or not there, never outside their root, never through a link.

A write is: temporary file in the same folder, write, fsync, rename, fsync of the folder. Writers of one folder take
turns by a lock on the folder itself, which the system lets go of when a process dies; so whatever temporary file a
writer finds was left by a dead one, and is swept.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from migrate.errors import MAKE_ROOM, StoreProblem

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest file that is read."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|measurements)(?:\..*)?", re.IGNORECASE)
"""Device names of Windows, whatever their extension, and our own file."""
_TEMPORARY: Final = re.compile(r"\..+\.tmp")


@lru_cache(maxsize=1024)  # a flow's name is asked for with every case of it
def file_stem(name: str) -> str:
    """Return the file name, without extension, of a flow or case: itself, or a slug with `~` and a hash."""
    if _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name) and not name.endswith("."):
        return name
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "case"
    return f"{slug}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


class Folder:
    """One folder under the root, `name` relative to it. Every OSError becomes a StoreProblem that names the file."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self._path = f"{root}/{name}"
        self._swept = False

    def shown(self, file: str) -> str:
        """Return a file's path as the user would type it."""
        return f"{self.root.name}/{self.name}/{file}"

    def read(self, file: str) -> bytes | None:
        """Return the content of a regular file, or None when it is not there."""
        # Written out, without the two contexts of the other methods: this one is called with every case.
        try:
            folder = self._opened()
            if folder is None:
                return None
            try:
                return _read(folder, file)
            finally:
                os.close(folder)
        except OSError as problem:
            raise self._problem(file, "read", problem) from problem

    def files(self) -> list[str]:
        """Return the names of the files of the folder, sorted; leftovers of dead writers are left out."""
        with self._problems("", "list"), self._open() as folder:
            return sorted(name for name in _names(folder) if not name.startswith("."))

    def leftovers(self) -> list[str]:
        """Return the temporary files that dead writers left."""
        with self._problems("", "list"), self._open() as folder:
            return sorted(filter(_TEMPORARY.fullmatch, _names(folder)))

    def change(self, file: str, content: Callable[[bytes | None], bytes | None]) -> bool:
        """Replace a file, under the folder's lock, by what `content` makes of it; return whether it changed.

        `content` is given what the file holds, None when it is not there; None from it leaves everything. Afterwards
        the new content is on the disk, or the old one still is and StoreProblem is raised.
        """
        with self._problems(file, "write"):
            _make(self.root, self.name)
            with self._open() as folder, _locked(folder) as locked:
                if folder is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                if locked and not self._swept:
                    _sweep(folder)
                    self._swept = True
                new = content(_read(folder, file))
                if new is not None:
                    _replace(folder, file, new)
        return new is not None

    def remove(self, file: str) -> None:
        """Take a file away, under the folder's lock; one that is not there is no fault."""
        with self._problems(file, "remove"), self._open() as folder, _locked(folder):
            if folder is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file, dir_fd=folder)
                os.fsync(folder)

    @contextmanager
    def _open(self) -> Iterator[int | None]:
        """Open the folder itself, which may not be a link, and give its descriptor; None when it is not there."""
        folder = self._opened()
        try:
            yield folder
        finally:
            if folder is not None:
                os.close(folder)

    def _opened(self) -> int | None:
        if not self.name or "/" in self.name or "\0" in self.name or self.name in {".", ".."}:
            raise OSError(errno.EINVAL, "not the name of a folder")
        try:
            return os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    @contextmanager
    def _problems(self, file: str, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise self._problem(file, verb, problem) from problem

    def _problem(self, file: str, verb: str, problem: OSError) -> StoreProblem:
        why = _WORDS.get(problem.errno or 0) or problem.strerror or str(problem)
        kept = "" if verb == "read" else "what was there before is untouched"
        return StoreProblem(f"cannot {verb} {self.shown(file)}: {why}", kept=kept, hint=_hint(problem))


_WORDS: Final = {
    errno.ELOOP: "it is a symbolic link, which is never followed",
    errno.ENOTDIR: "its folder is a symbolic link or no folder",
}


def _hint(problem: OSError) -> str:
    match problem.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return MAKE_ROOM
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "make the folder writable, or name another one: fixtures in [tool.prompt-migrate]"
        case _:
            return ""


def _names(folder: int | None) -> list[str]:
    return [] if folder is None else os.listdir(folder)  # noqa: PTH208 - a descriptor, no path


def _read(folder: int, file: str) -> bytes | None:
    try:
        # Non-blocking, or opening a FIFO would wait for ever.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if status.st_size > LARGEST:
            raise OSError(errno.EFBIG, f"it has {status.st_size} bytes, more than any golden")
        return _all_of(handle, status.st_size)
    finally:
        os.close(handle)


def _all_of(handle: int, size: int) -> bytes:
    content = os.read(handle, size + 1)
    while len(content) < size and (more := os.read(handle, size - len(content))):
        content += more
    return content


def _replace(folder: int, file: str, content: bytes) -> None:
    temporary = f".{file}.{os.getpid()}.tmp"
    handle = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
    )
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _make(root: Path, name: str) -> None:
    """Make the folder, and its root, if they are not there, so that they outlive a power cut too."""
    try:
        (root / name).mkdir()
    except FileExistsError:
        return
    except FileNotFoundError:
        root.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another writer came first
            (root / name).mkdir()
        _sync(root.parent)
    _sync(root)


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _locked(folder: int | None) -> Iterator[bool]:
    """Hold the folder's lock; give False where the file system knows no locks."""
    import fcntl

    try:
        if folder is not None:
            fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:
        yield False
        return
    yield True  # closing the descriptor lets go of the lock


def _sweep(folder: int) -> None:
    for name in filter(_TEMPORARY.fullmatch, _names(folder)):
        os.unlink(name, dir_fd=folder)
