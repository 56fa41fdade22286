"""What git would ignore, by the patterns of `.gitignore` files, without asking git."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

MAX_PATTERNS: Final = 10_000
MAX_FILE: Final = 1024 * 1024
LONGEST: Final = 400
MOST_STARS: Final = 12
"""A pattern with more would take too long to match."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a `.gitignore`."""

    regex: re.Pattern[str]
    """Matches a path relative to the folder of the file, with forward slashes."""
    negated: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class Level:
    """The patterns of one `.gitignore`."""

    patterns: tuple[Pattern, ...]
    folder: str = ""
    """Folder it stands in, relative to the tree's root."""
    prefix: str = ""
    """For a file above the tree: the way from its folder to the tree's root, with a slash at the end."""

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """Return what the last matching pattern says; None when none matches."""
        inside = self.prefix + (path[len(self.folder) + 1 :] if self.folder else path)
        for pattern in reversed(self.patterns):
            if (is_folder or not pattern.folders_only) and pattern.regex.match(inside):
                return not pattern.negated
        return None


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns that hold in one folder: those of the folders above, then its own."""

    levels: tuple[Level, ...] = ()

    def within(self, level: Level) -> Rules:
        """Return the rules that hold in a folder with a `.gitignore` of its own."""
        return Rules((*self.levels, level)) if level.patterns else self

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Return True when the nearest file that speaks of a path says so."""
        for level in reversed(self.levels):
            verdict = level.verdict(path, is_folder=is_folder)
            if verdict is not None:
                return verdict
        return False


def read_patterns(path: Path) -> tuple[Pattern, ...]:
    """Return the patterns of a file; none when it is not there, or is no ordinary small file."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE:
            return ()
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(patterns(lines))


def patterns(lines: Iterable[str]) -> list[Pattern]:
    """Return the patterns of some lines, in their order."""
    found: list[Pattern] = []
    for line in lines:
        text = re.sub(r"(?<!\\)\s+$", "", line.removeprefix("\ufeff"))
        if text and not text.startswith("#") and len(text) <= LONGEST and len(found) < MAX_PATTERNS:
            pattern = _pattern(text)
            if pattern is not None:
                found.append(pattern)
    return found


def _pattern(text: str) -> Pattern | None:
    negated = text.startswith("!")
    body = text[negated:]
    folders_only = body.endswith("/")
    body = body.rstrip("/") if folders_only else body
    if body.count("*") > MOST_STARS:
        return None
    anchored = "/" in body
    try:
        regex = re.compile(("" if anchored else "(?:.*/)?") + _translated(body.removeprefix("/")) + r"\Z", re.DOTALL)
    except re.error:
        return None
    return Pattern(regex, negated, folders_only) if body else None


_TOKENS: Final = re.compile(r"\A\*\*/|/\*\*/|/\*\*\Z|\*+|\?|\[[!^]?\]?[^\]/]*\]|\\.|.", re.DOTALL)


@lru_cache(maxsize=1024)
def _translated(body: str) -> str:
    return "".join(_piece(token) for token in _TOKENS.findall(body))


def _piece(token: str) -> str:
    fixed = {"**/": "(?:.*/)?", "/**/": "/(?:.*/)?", "/**": "/.*", "?": "[^/]"}
    if token in fixed:
        return fixed[token]
    if set(token) == {"*"}:
        return "[^/]*"
    if len(token) > 2 and token[0] == "[":
        negated = token[1] in "!^"
        inside = token[1 + negated : -1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[{'^' if negated else ''}{inside}]"
    return re.escape(token[1:] if token[0] == "\\" and len(token) == 2 else token)
