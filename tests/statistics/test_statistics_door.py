"""The front door of the room: what it exports, what it leaves out, and where its page says it is from."""

from __future__ import annotations

import re
import subprocess
import sys
from inspect import getdoc
from pathlib import Path

import migrate.statistics
from migrate.statistics import tails


def test_every_public_name_says_what_it_is() -> None:
    """Nothing is exported without a sentence, and the list is sorted."""
    names = migrate.statistics.__all__
    assert sorted(names) == names
    assert all(getdoc(getattr(migrate.statistics, name)) for name in names)


def test_the_room_needs_no_library() -> None:
    """The summary of a run computes its bounds without numpy, scipy or statsmodels."""
    code = "import sys, migrate.statistics; sys.exit(any(name in sys.modules for name in ('numpy', 'scipy')))"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
ROW = re.compile(r"^\| (`[^|]+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, list[str]]]:
    """The functions of the page, each with its source and its tests."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {
        name: (source, re.findall(r"`(test_\w+)`", tests))
        for names, _, source, _, tests in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_page_has_every_public_function() -> None:
    """What is exported by the room or its tails has a row, and a row names nothing that is not."""
    assert sorted({*migrate.statistics.__all__, *tails.__all__}) == sorted(documented())


def test_every_function_of_the_page_has_a_source_and_tests_that_exist() -> None:
    """A row without a source, or with the name of a test that is not there, promises too much."""
    specified = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    known = set(re.findall(r"^def (test_\w+)", specified, re.MULTILINE))
    assert [] == [name for name, (source, tests) in documented().items() if not source or not tests]
    assert set() == {test for _, tests in documented().values() for test in tests} - known


def test_the_tests_of_a_function_use_it() -> None:
    """A function is called, or its result looked at, in the file of one of the tests its row names."""
    files = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    for name, (_, tests) in documented().items():
        held = [text for text in files if any(f"def {test}(" in text for test in tests)]
        assert any(re.search(rf"\b{name}\b", text) for text in held) or name in ("Estimate", "Components"), name
