"""The front door of the room: what it exports, what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from inspect import getdoc

import migrate.statistics


def test_every_public_name_says_what_it_is() -> None:
    """Nothing is exported without a sentence, and the list is sorted."""
    names = migrate.statistics.__all__
    assert sorted(names) == names
    assert all(getdoc(getattr(migrate.statistics, name)) for name in names)


def test_the_room_needs_no_library() -> None:
    """The summary of a run computes its bounds without numpy, scipy or statsmodels."""
    code = "import sys, migrate.statistics; sys.exit(any(name in sys.modules for name in ('numpy', 'scipy')))"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
