"""Other versions of the SDK, and libraries built on it, each in a process of its own with a folder of packages.

The newest SDK 2.x and respx lie in a folder that `nox -s tests` makes: with the SDK 3.x of this environment, which
`test_intercept_forms` and `test_intercept_swap` take through the same forms, that is the matrix of every test run.
The other folders are made by `nox -s intercept_matrix`, which names their parent in INTERCEPT_MATRIX.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OTHER_SDK = HERE.parents[1] / ".nox" / "openai-2"
PROGRAMS = {
    "sdk-2": "sdk",
    "sdk-3-oldest": "sdk",
    "sdk-3-httpx": "sdk",
    "respx": "respx",
    "litellm": "litellm",
    "langchain": "langchain",
}
"""Folder -> what is run with it."""
LEAST = {"sdk": 1000, "respx": 8, "litellm": 40, "langchain": 45}
"""Program -> checks it makes at least: a form that is not tried is noticed."""
PLAIN = ("sdk-2", "respx")
"""Folders whose packages are those of every test run."""


def packages_of(folder: str) -> Path:
    """Return where the packages of a folder are; skip the test where nobody installed them."""
    parent = os.environ.get("INTERCEPT_MATRIX")
    if parent is not None:
        packages = Path(parent) / folder
        assert packages.is_dir(), f"{packages} is missing"
        return packages
    if folder not in PLAIN:
        pytest.skip("needs folders of packages: nox -s intercept_matrix")
    if not (OTHER_SDK / "openai").is_dir():
        pytest.skip("the other SDK is not installed beside this one: nox -s tests")
    return OTHER_SDK


@pytest.mark.parametrize("folder", PROGRAMS)
def test_every_call_is_seen_whatever_makes_it(folder: str):
    """Seen, the same for application and server, swapped in the model alone, the same again offline."""
    packages = packages_of(folder)
    path = os.pathsep.join(map(str, (packages, HERE.parent.parent, HERE.parent, HERE)))
    command = [sys.executable, str(HERE / "matrix_program.py"), PROGRAMS[folder]]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stderr[-3000:]
    report = json.loads(ran.stdout.splitlines()[-1])
    print(folder, report["versions"], report["checks"], "checks")
    assert [] == report["wrong"]
    assert LEAST[PROGRAMS[folder]] <= report["checks"]
