"""Projects for the tests beside other people's plugins, and the older pytest that is still supported.

An environment holds one pytest. `nox` installs the other one into a folder before it runs the tests.
`OTHER_PYTEST=folder` lets all tests of the plugin run with it (`nox -s coexistence`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from small_project import project, recorded

FOLDER = Path(__file__).parents[2] / ".nox" / "pytest-8.4"

__all__ = ["project", "recorded"]


@pytest.fixture
def old_pytest() -> str:
    """Return the folder of the oldest pytest that is supported."""
    if not (FOLDER / "pytest").is_dir():
        pytest.skip("the older pytest is not installed beside this one: nox -s tests")
    return str(FOLDER)
