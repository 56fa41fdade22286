"""The page on reliability names a test for every threat, and every test it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import ROOT, text_of

PAGE = text_of("docs/reliability.md")
NAMED = sorted(set(re.findall(r"`(tests/[\w./]+(?:::\w+)?)`", PAGE)))
ROWS = re.findall(r"^\| (T\d+) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
OPEN = {"T17", "T18", "T19", "T20"}


def test_every_threat_has_one_row() -> None:
    """T1 to T31, in order, each once."""
    assert [f"T{number}" for number in range(1, 32)] == [row for row, _ in ROWS]


def test_a_row_names_a_test_or_says_that_it_is_open() -> None:
    """Nothing is claimed without a test, and what is open is known."""
    assert {row for row, held in ROWS if held.strip() == "open"} == OPEN
    assert [] == [row for row, held in ROWS if row not in OPEN and "`tests/" not in held]


@pytest.mark.parametrize("named", NAMED)
def test_every_named_test_is_there(named: str) -> None:
    """The file exists, and has the function where one is named."""
    file, _, function = named.partition("::")
    path = Path(ROOT, file)
    assert path.exists()
    assert not function or f"def {function}(" in path.read_text("utf-8")
