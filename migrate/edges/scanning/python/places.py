"""Where a piece of code stands, and how it is written."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from migrate.edges.scanning.nouns import Spot

if TYPE_CHECKING:
    from migrate.edges.scanning.python.modules import Module

LONGEST_CODE: Final = 80


def code(node: ast.AST) -> str:
    """Return the code of an expression on one line, cut where it is long."""
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return "..."
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_CODE else f"{text[: LONGEST_CODE - 3]}..."


def spot_of(node: ast.AST, module: Module) -> Spot:
    """Return the place of a node; columns are counted in characters, as people do."""
    line: int = node.lineno  # type: ignore[attr-defined]
    offset: int = node.col_offset  # type: ignore[attr-defined]
    return Spot(module.file.shown, line, module.column(line, offset) + 1)
