"""Other versions of the SDK, and libraries built on it, each in a process of its own with a folder of packages.

The folders are made by `nox -s intercept_matrix`, which names their parent in INTERCEPT_MATRIX; without them these
tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = {
    "sdk-2": "sdk",
    "sdk-3-oldest": "sdk",
    "sdk-3-httpx": "sdk",
    "respx": "respx",
    "litellm": "litellm",
    "langchain": "langchain",
}
"""Folder -> what is run with it."""


@pytest.mark.parametrize("folder", PROGRAMS)
def test_every_call_is_seen_whatever_makes_it(folder: str):
    """Seen, the same for application and server, swapped in the model alone, the same again offline."""
    parent = os.environ.get("INTERCEPT_MATRIX")
    if parent is None:
        pytest.skip("needs folders of packages: nox -s intercept_matrix")
    packages = Path(parent) / folder
    assert packages.is_dir(), f"{packages} is missing"
    path = os.pathsep.join(map(str, (packages, HERE.parent.parent, HERE.parent, HERE)))
    command = [sys.executable, str(HERE / "matrix_program.py"), PROGRAMS[folder]]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stderr[-3000:]
    report = json.loads(ran.stdout.splitlines()[-1])
    print(folder, report["versions"], report["checks"], "checks")
    assert [] == report["wrong"]
    assert 0 < report["checks"]
