"""Small source trees written for one test, and what a scan finds in them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from migrate.edges.scanning import Scan, Site, scan


def plant(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder; texts are dedented."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return folder


def scanned(folder: Path, files: dict[str, str | bytes], *, every_caller: bool = False) -> Scan:
    """Return what a scan finds in some files."""
    return scan(plant(folder, files), folder, every_caller=every_caller)


def sites_of(folder: Path, code: str, name: str = "app.py") -> tuple[Site, ...]:
    """Return the calls of one file."""
    return scanned(folder, {name: code}).sites


def only(folder: Path, code: str, name: str = "app.py") -> Site:
    """Return the one call of one file."""
    (site,) = sites_of(folder, code, name)
    return site


def models(site: Site) -> list[str]:
    """Return the models a call may ask, a question mark after each that could be another."""
    return [
        f"({use.expression})" if not use.name else use.name + ("" if use.sure == "certain" else "?")
        for use in site.models
    ]
