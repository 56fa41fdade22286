"""Folders as cases: `source/` is imported with `arguments.txt`, and every byte that comes of it stands in `expected/`.

To add one: a folder with `source/` and `arguments.txt`. Then `BLESS_IMPORTS=1 pytest tests/importers`; read the diff.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrate.cli import main
from migrate.edges.inventory import load

EXAMPLES = Path(__file__).parent / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())


def files(folder: Path) -> dict[str, str]:
    """Return every file under a folder with its text."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which commands are called."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def imported(folder: Path, root: Path) -> dict[str, str]:
    """Import an example; return what was printed, and every file that was made."""
    shutil.copytree(folder / "source", root, dirs_exist_ok=True)
    before = files(root)
    arguments = (folder / "arguments.txt").read_text("utf-8").splitlines()
    told = CliRunner().invoke(main, ["import", "--json", *arguments], catch_exceptions=False)
    assert 0 == told.exit_code
    after = files(root)
    assert before == {name: text for name, text in after.items() if name in before}
    made = {name: text for name, text in after.items() if name not in before and not name.startswith(".prompt-migrate")}
    return {"imported.json": told.stdout, **made}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_is_imported_to_the_byte(folder: Path, root: Path) -> None:
    """Every form gives these prompt files, cases, goldens and refusals, and no other file is made or changed."""
    made = imported(folder, root)
    expected = folder / "expected"
    if os.environ.get("BLESS_IMPORTS"):
        shutil.rmtree(expected, ignore_errors=True)
        for name, text in made.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_text(text, "utf-8")
    assert files(expected) == made


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_what_was_imported_is_a_sound_inventory(folder: Path, root: Path) -> None:
    """The strict loader takes every flow, with as many cases as were told."""
    told = json.loads(imported(folder, root)["imported.json"])
    flows = {flow.name: len(flow.cases) for flow in load(root / "prompts", root)}
    assert {flow["flow"]: flow["cases"] for flow in told["flows"]} == flows
