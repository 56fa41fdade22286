"""The page on faults has a row for every fault, and the tests it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import ROOT, text_of

PAGE = text_of("docs/faults.md")
NAMED = sorted(set(re.findall(r"`(tests/[\w./-]+(?:::\w+)?)`", PAGE)))
ROWS = re.findall(r"^\| (F\d+) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
OPEN: set[str] = set()


def test_every_fault_has_one_row() -> None:
    """F1 to F64, in order, each once."""
    assert [f"F{number}" for number in range(1, 65)] == [row for row, _ in ROWS]


def test_a_row_names_a_test_or_says_that_it_is_open() -> None:
    """Nothing is claimed without a test, and what is open is known: nothing is."""
    assert {row for row, held in ROWS if held.strip() == "open"} == OPEN
    assert [] == [row for row, held in ROWS if row not in OPEN and "`tests/" not in held]


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_is_named_is_there(named: str) -> None:
    """The file exists, and has the function where one is named."""
    file, _, function = named.partition("::")
    path = Path(ROOT, file)
    assert path.exists()
    assert not function or f"def {function}(" in path.read_text("utf-8")
