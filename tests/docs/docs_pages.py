"""Markdown pages as the tests see them: fenced blocks with what the comments above them say, headings, links.

A comment directly above a fenced block may say:

    <!-- exit: 1 -->            the exit code of a command; 0 unless said
    <!-- not run: why -->       a command that is shown and not run, with the reason
    <!-- file: prices.toml -->  the block is this file, from here to the end of the page
    <!-- append: a.prompt.yml --> the block stands at the end of that file, from here on
    <!-- schema: golden -->     a JSON block that keeps `migrate/schemas/golden.schema.json`; `none` where there is none
    <!-- run: init -->          a command that is run and not shown; it needs no block
    <!-- serve: server -p 80 --> a server that runs in the background until the page ends; it needs no block
    <!-- port: 8471 -->         this number stands for a free port; it needs no block
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
WORDS: Final = ("exit", "not run", "file", "append", "schema", "run", "serve", "port")

_COMMENT: Final = re.compile(r"<!--\s*(.*?)\s*-->")
_FENCE: Final = re.compile(r"(\s*)(`{3,}|~{3,})\s*(\S*)\s*$")
_HEADING: Final = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_LINK: Final = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_CODE: Final = re.compile(r"`[^`]*`")


@dataclass
class Block:
    """One fenced block, or a comment that says `run` or `serve`."""

    page: str
    line: int
    """Of the opening fence, from 1."""
    language: str
    text: str
    said: dict[str, str] = field(default_factory=dict)
    """What the comments directly above say."""
    follows: str = ""
    """Language of the block before it."""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_command(self) -> bool:
        return self.language in ("sh", "run")


@lru_cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page and its unseen commands, in order."""
    return blocks_in(text_of(page), page)


def blocks_in(text: str, page: str) -> list[Block]:
    blocks: list[Block] = []
    said: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        comment = _COMMENT.fullmatch(line.strip())
        fence = _FENCE.fullmatch(line)
        if comment:
            word, colon, rest = comment[1].partition(":")
            if word in ("run", "serve") and colon:
                blocks.append(Block(page, number, word, rest.strip()))
            elif colon and word in WORDS:
                said[word] = rest.strip()
        elif fence:
            body = list(_body(lines, fence[1], fence[2]))
            before = blocks[-1].language if blocks else ""
            blocks.append(Block(page, number, fence[3], "".join(f"{row}\n" for row in body), said, before))
            said = {}
        elif line.strip():
            said = {}
    return blocks


def _body(lines: Iterator[tuple[int, str]], indent: str, fence: str) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == fence:
            return
        yield line.removeprefix(indent)


def comments_of(page: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and rest of every comment of the form `<!-- word: rest -->`."""
    for number, line in enumerate(text_of(page).splitlines(), start=1):
        comment = _COMMENT.fullmatch(line.strip())
        if comment and ":" in comment[1]:
            word, _, rest = comment[1].partition(":")
            yield number, word, rest.strip()


def prose_of(page: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that stand in no fenced block, with their numbers."""
    lines = iter(enumerate(text_of(page).splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence:
            list(_body(lines, fence[1], fence[2]))
        else:
            yield number, line


def links_of(page: str) -> Iterator[tuple[int, str]]:
    """Yield the targets of a page's links."""
    for number, line in prose_of(page):
        for target in _LINK.findall(_CODE.sub("`code`", line)):
            yield number, target


def anchors_of(page: str) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    found: dict[str, int] = {}
    anchors = set()
    for _, line in prose_of(page):
        heading = _HEADING.fullmatch(line)
        if heading:
            slug = slug_of(heading[2])
            times = found.get(slug, 0)
            found[slug] = times + 1
            anchors.add(f"{slug}-{times}" if times else slug)
    return anchors


def slug_of(heading: str) -> str:
    """Return a heading as an anchor: small letters, no punctuation, dashes for spaces."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
