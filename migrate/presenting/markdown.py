"""Tables and text in Markdown, for what files and models may have written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.presenting.layout import Cell, Column


def markdown_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(column.title for column in columns) + " |"
    yield "|" + "|".join("--:" if column.right else ":--" for column in columns) + "|"
    for row in rows:
        yield "| " + " | ".join(plain(cell.text) for cell in row) + " |"


def plain(text: str) -> str:
    """Return text that Markdown takes for nothing but text: what files name may hold anything."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in text.replace("\n", " "))
