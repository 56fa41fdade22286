"""Our own release: who builds it from the same commit gets the same bytes, and nothing in it runs by itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = "import sys, setuptools.build_meta as build; build.build_wheel(sys.argv[1]); build.build_sdist(sys.argv[1])"
LEFT_OUT = shutil.ignore_patterns(
    ".*", "*.egg-info", "build", "dist", "node_modules", "__pycache__", "tests", "fixtures"
)
DAY = "1736951520"
"""Seconds since 1970 that stand in the archives, as a release takes them from its commit."""


def built(folder: Path) -> dict[str, str]:
    """Build from a copy of this tree in a folder; return the hash of each file that comes of it."""
    tree = Path(shutil.copytree(ROOT, folder / "tree", ignore=LEFT_OUT))
    (folder / "out").mkdir()
    environ = {**os.environ, "SOURCE_DATE_EPOCH": DAY, "PYTHONPATH": ""}
    command = [sys.executable, "-c", BUILD, str(folder / "out")]
    subprocess.run(command, cwd=tree, env=environ, capture_output=True, check=True, timeout=600)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "out").iterdir()}


def test_a_release_can_be_built_again_to_the_byte(tmp_path: Path) -> None:
    """Two wheels built in two places are one; it holds the package alone, and no file that Python runs on start."""
    one, two = built(tmp_path / "here"), built(tmp_path / "elsewhere" / "deeper")
    wheels = [name for name in one if name.endswith(".whl")]
    assert {name: one[name] for name in wheels} == {name: two[name] for name in wheels}
    assert 1 == len(wheels)
    names = zipfile.ZipFile(tmp_path / "here" / "out" / wheels[0]).namelist()
    assert [] == [name for name in names if name.endswith(".pth")]
    assert {"migrate"} == {name.split("/")[0] for name in names if ".dist-info/" not in name}
