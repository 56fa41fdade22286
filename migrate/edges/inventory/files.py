"""Files of the inventory: regular, of a sane size, UTF-8, and never outside the prompts folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from migrate.documents.files import MAX_FILE, Unreadable, decoded, open_regular

SUFFIXES: Final = (".prompt.yml", ".prompt.yaml")


def discover(prompts_dir: Path) -> list[Path]:
    """Return the prompt files under a folder, sorted; folders that are links or hidden are not entered."""
    found: list[Path] = []
    for folder, folders, names in os.walk(prompts_dir):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if name.endswith(SUFFIXES)]
    return sorted(found)


@dataclass(slots=True)
class Folder:
    """The prompts folder: everything an inventory may read, each document read once."""

    prompts_dir: Path
    root: Path
    """What paths are shown relative to."""
    documents: dict[Path, str] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """Return a path as the user would type it."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def text(self, path: Path) -> str:
        """Return the text of a file of the folder; raises Unreadable."""
        with self.opened(path) as file:
            # Asked for the limit alone, `read` would make room for all of it first.
            data = file.read(min(os.fstat(file.fileno()).st_size, MAX_FILE) + 1)
        if len(data) > MAX_FILE:
            raise Unreadable(f"the file has more than {MAX_FILE // 2**20} MB")
        return decoded(data)

    def document(self, beside: Path, name: str) -> str:
        """Return the text of a document named relative to a prompt file; raises Unreadable."""
        path = self.beside(beside, name)
        if path not in self.documents:
            self.documents[path] = self.text(path)
        return self.documents[path]

    def beside(self, file: Path, name: str) -> Path:
        """Return the path of a file named relative to a prompt file; raises Unreadable when it leads elsewhere."""
        if not name or "\0" in name or "\\" in name or Path(name).is_absolute():
            raise Unreadable(f"{name!r} is no relative path with forward slashes")
        return self._inside(file.parent / name, name)

    def _inside(self, path: Path, name: str) -> Path:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise Unreadable(f"there is no file {name}") from None
        if not real.is_relative_to(self.prompts_dir.resolve()):
            raise Unreadable(f"{name} leads outside {self.shown(self.prompts_dir)}/")
        return real

    @contextmanager
    def opened(self, path: Path) -> Iterator[BinaryIO]:
        """Open a regular file of the folder for reading; raises Unreadable, and never waits for a pipe."""
        number = open_regular(self._inside(path, path.name))
        with os.fdopen(number, "rb") as file:
            yield file
