"""Text in columns: what fits a terminal's width, counted in cells and not in characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from migrate.inert import inert

Colour = Literal["", "red", "yellow", "green", "bold"]
CODES: Final = {"red": "31", "yellow": "33", "green": "32", "bold": "1"}
DOT: Final = " · "
"""Sets off the parts of a line that says what a run is."""
CUT: Final = ".."
"""Shows where text was cut; plain ASCII, for terminals and logs that know no more."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a table."""

    text: str
    colour: Colour = ""


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is laid out."""

    title: str
    right: bool = True
    """Numbers stand right, words left."""
    least: int = 0
    """Cells it may be cut down to; 0: it is never cut."""
    rank: int = 0
    """Columns leave a table that is too wide from the highest rank down; 0: it stays."""


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def fit(text: str, width: int) -> str:
    """Return one line of at most `width` cells, made inert; what was cut ends in two dots."""
    line = inert(text, keep_newlines=False)
    if cells(line) <= width:
        return line
    room, kept = max(width - len(CUT), 0), []
    for char in line:
        room -= _cells_of(char)
        if room < 0:
            break
        kept.append(char)
    return ("".join(kept) + CUT)[: max(width, 0)]


def painted(text: str, colour: Colour, *, on: bool) -> str:
    """Return the text in a colour; the text must be inert already."""
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if on and colour else text


def wrapped(text: str, width: int, *, cut: bool = True) -> list[str]:
    """Return the text, made inert, as lines of at most `width` cells: broken at blanks, cut where there are none.

    Blanks that the text begins with stay; what follows of it stands two further in. With `cut` off a word that is too
    long stays whole, as a path or a command must to be of use.
    """
    shown = inert(text, keep_newlines=False)
    indent = shown[: len(shown) - len(shown.lstrip(" "))]
    first, *rest = shown[len(indent) :].split(" ")
    lines, line = [], indent + first
    for word in rest:
        if line.strip() and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = f"{indent}  {word}"
        else:
            line = f"{line} {word}"
    return [fit(line, width) if cut else line for line in (*lines, line)]


def headed(text: str, width: int) -> list[str]:
    """Return a line of parts set off by dots as lines of at most `width` cells, broken between parts where that does.

    So of what says what a run is: `gpt-4o -> gpt-4.1 · 4 flows / 132 cases · run 20261129-124542-41c6`.
    """
    lines: list[str] = []
    for part in inert(text, keep_newlines=False).split(DOT):
        if lines and cells(lines[-1]) + len(DOT) + cells(part) <= width:
            lines[-1] += DOT + part
        else:
            lines.append(f"  {part}" if lines else part)
    return [short for line in lines for short in wrapped(line, width)]


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, *, colour: bool = False, indent: int = 2
) -> list[str]:
    """Return the lines of a table that fits `width`: columns are cut, then left out, before a line would wrap."""
    natural = _widths(columns, rows)
    kept = _kept(columns, natural, width - indent)
    gap = 2 if _span([natural[at] for at in kept], 2) <= width - indent else 1
    widths = _cut(columns, natural, kept, width - indent - gap * (len(kept) - 1))
    header = [Cell(column.title, "bold") for column in columns]
    lines = []
    for row in (header, *rows):
        fields = [_field(row[at], columns[at], widths[at], colour) for at in kept]
        lines.append((" " * indent + (" " * gap).join(fields)).rstrip())
    return lines


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Return the columns that stay: those of the highest rank leave first, those without a rank never do."""
    kept = list(range(len(columns)))
    while _span([_least(columns[at], natural[at]) for at in kept], 1) > width:
        leaving = max(kept, key=lambda at: columns[at].rank)
        if not columns[leaving].rank:
            break
        kept.remove(leaving)
    return kept


def _cut(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int], room: int) -> list[int]:
    """Return the widths of all columns, the widest that may be cut so far that the kept ones fill at most `room`."""
    widths = list(natural)
    while sum(widths[at] for at in kept) > room:
        longer = [at for at in kept if widths[at] > _least(columns[at], natural[at])]
        if not longer:
            break
        widths[max(longer, key=lambda at: widths[at])] -= 1
    return widths


def _span(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _field(cell: Cell, column: Column, width: int, colour: bool) -> str:
    text = fit(cell.text, width)
    padding = " " * (width - cells(text))
    shown = painted(text, cell.colour, on=colour and bool(text))
    return padding + shown if column.right else shown + padding


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    return [
        max(cells(inert(text, keep_newlines=False)) for text in (column.title, *(row[at].text for row in rows)))
        for at, column in enumerate(columns)
    ]


def _least(column: Column, width: int) -> int:
    return min(width, column.least) if column.least else width


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
