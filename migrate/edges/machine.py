"""What is known of the machine: versions, SQLite, and others who call themselves `migrate`."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import migrate

OLDEST_PYTHON: Final = (3, 11)
DISTRIBUTION: Final = "prompt-migrate"
SCRIPT: Final = "prompt-migrate"
PLUGIN: Final = "promptmigrate"
READING_LOGS: Final = 'python -m pip install "prompt-migrate[canary]"'
"""What installs DuckDB, which production logs are read with."""
RIVALS: Final = ("sqlalchemy-migrate", "migrate")
"""Distributions that install a package or a script called `migrate`."""


def python_version() -> str:
    """Return the version of this interpreter."""
    return platform.python_version()


def is_supported_python() -> bool:
    """Return whether this interpreter is new enough."""
    return sys.version_info >= OLDEST_PYTHON


def reads_logs() -> bool:
    """Return whether production logs can be read: DuckDB is an extra."""
    return find_spec("duckdb") is not None


def sqlite_version() -> str:
    """Return the version of the SQLite library in use."""
    return sqlite3.sqlite_version


def sqlite_complaint(path: Path) -> str:
    """Return what SQLite finds wrong with a database file, or an empty text.

    What a killed writer left half done is rolled back, as by any opening of the file.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)) as connection:
            verdict = str(connection.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.Error as problem:
        return str(problem)
    return "" if verdict == "ok" else verdict


def installed_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def unmet_requirements() -> tuple[str, ...]:
    """Return the requirements of prompt-migrate that are not met here: `openai>=3.40,<4 (2.8.0 is installed)`."""
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    return tuple(_unmet(wanted))


def _unmet(requirements: Iterable[str]) -> Iterator[str]:
    from packaging.requirements import Requirement  # comes with pytest

    for text in requirements:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = installed_version(wanted.name)
        if found is None or not wanted.specifier.contains(found, prereleases=True):
            yield f"{text} ({'none' if found is None else found} is installed)"


def is_plugin_registered() -> bool:
    """Return whether pytest finds the plugin by itself: not from a source tree that is not installed."""
    return any(point.name == PLUGIN for point in metadata.entry_points(group="pytest11"))


def rivals() -> tuple[str, ...]:
    """Return others that call themselves `migrate`: distributions, and packages on the path beside this one."""
    own = Path(migrate.__file__).resolve().parent
    found = [f"{name} {version}" for name in RIVALS if (version := installed_version(name)) is not None]
    for entry in dict.fromkeys(sys.path):
        for candidate in (Path(entry or ".") / "migrate", Path(entry or ".") / "migrate.py"):
            is_package = candidate.is_file() or (candidate / "__init__.py").is_file()
            if is_package and candidate.resolve() != own:
                found.append(str(candidate))
    return tuple(dict.fromkeys(found))


def foreign_script() -> str | None:
    """Return the `prompt-migrate` a shell would run, if it is of another environment; None: ours, or none."""
    found = shutil.which(SCRIPT)
    if found is None:
        return None
    return None if Path(found).resolve().parent == Path(sys.executable).parent.resolve() else found
