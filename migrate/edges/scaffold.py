"""The first files of a project: written where there are none, never over anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from migrate.errors import UsageProblem
from migrate.vocabulary import Settings

GIT_FILES: Final = {".gitignore": "gitignore", ".gitattributes": "gitattributes"}
TABLE: Final = "[tool.prompt-migrate]"


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one file."""

    file: str
    """Relative to the project's root."""
    what: Literal["wrote", "added to", "kept"]


def scaffold(settings: Settings, *, configured: bool) -> Iterator[Step]:
    """Write what a project lacks and yield what became of each file; repeating it changes nothing.

    `configured` says that a configuration was found, which then stays as it is. Raises UsageProblem when a file
    cannot be written.
    """
    root = settings.root
    try:
        yield from _prompts(root, settings.prompts)
        yield _write(root, f"{settings.fixtures}/README.md", _template("fixtures-README.md"))
        if not configured:
            yield _configuration(root)
        for name, template in GIT_FILES.items():
            yield _add_lines(root, name, _template(template))
    except OSError as error:
        raise UsageProblem(f"{error.filename}: cannot be written: {error.strerror}") from None


def _template(name: str) -> str:
    return (files("migrate") / "scaffold" / name).read_text("utf-8")


def _prompts(root: Path, folder: str) -> Iterator[Step]:
    """Write the example, unless the folder has prompts of its own."""
    if any((root / folder).rglob("*.prompt.y*ml")):
        yield Step(f"{folder}/", "kept")
    else:
        yield _write(root, f"{folder}/example.prompt.yml", _template("example.prompt.yml"))


def _configuration(root: Path) -> Step:
    shared = root / "pyproject.toml"
    text = _template("prompt-migrate.toml")
    if not shared.is_file():
        return _write(root, "prompt-migrate.toml", text)
    with shared.open("a", encoding="utf-8", newline="\n") as file:
        file.write(f"\n{TABLE}\n{text}")
    return Step("pyproject.toml", "added to")


def _write(root: Path, name: str, text: str) -> Step:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return Step(name, "kept")
    return Step(name, "wrote")


def _add_lines(root: Path, name: str, text: str) -> Step:
    """Add the lines that a file of git does not have yet."""
    path = root / name
    if not path.exists():
        return _write(root, name, text)
    there = path.read_text("utf-8", errors="replace")
    lines = {line.strip() for line in there.splitlines()}
    missing = [line for line in text.splitlines() if line not in lines]
    if not missing:
        return Step(name, "kept")
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(("" if there.endswith("\n") or not there else "\n") + "\n".join(missing) + "\n")
    return Step(name, "added to")
