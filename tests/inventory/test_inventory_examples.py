"""Folders as cases: every `positive/` folder loads, every `negative/` one is refused in exactly these words.

To add one: a folder with `prompts/`, and beside it, for a negative one, `expected.txt`.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from migrate.documents.reading import read_yaml
from migrate.edges.inventory import discover, load
from migrate.errors import InventoryProblem

EXAMPLES = Path(__file__).parent / "examples"
NEGATIVE = sorted(path for path in (EXAMPLES / "negative").iterdir() if path.is_dir())
POSITIVE = sorted(path for path in (EXAMPLES / "positive").iterdir() if path.is_dir())
SCHEMA = Path(__file__).parents[2] / "migrate" / "schemas" / "prompt.schema.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8")))


@pytest.mark.parametrize("folder", NEGATIVE, ids=lambda path: path.name)
def test_a_broken_inventory_is_refused_in_these_words(folder: Path) -> None:
    """All problems of all files are told at once, each with file, line, path and, where there is one, a guess."""
    with pytest.raises(InventoryProblem) as caught:
        load(folder / "prompts", folder)
    assert (folder / "expected.txt").read_text("utf-8") == f"{caught.value}\n"


@pytest.mark.parametrize("folder", POSITIVE, ids=lambda path: path.name)
def test_a_sound_inventory_loads(folder: Path) -> None:
    """Each prompt file of a sound inventory is a flow."""
    assert len(discover(folder / "prompts")) == len(load(folder / "prompts", folder))


@pytest.mark.parametrize(
    "path", [path for folder in POSITIVE for path in discover(folder / "prompts")], ids=lambda path: path.name
)
def test_what_loads_is_valid_for_editors(path: Path) -> None:
    """Everything the loader takes is valid by the published schema."""
    value = read_yaml(path.read_text("utf-8"), pytest.fail).value
    assert [] == [error.message for error in VALIDATOR.iter_errors(value)]
