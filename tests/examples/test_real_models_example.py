"""The real-model example: sound, small, pinned, and told of truly; no model is asked here."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from migrate.edges.configuration import read_settings
from migrate.edges.inventory import load
from migrate.errors import InventoryProblem
from migrate.rendering import rehearse
from migrate.vocabulary import Flow, Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "real_models"
PAGE = Path(__file__).parents[2] / "docs" / "real-models.md"
MOST_CALLS = 200
"""Of one recording and one replay: minutes, not hours, on two cores."""
MOST_TOKENS = 64


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(EXAMPLE, {})


@pytest.fixture(scope="module")
def flows(settings: Settings) -> tuple[Flow, ...]:
    return load(settings)


def test_the_example_validates(flows: tuple[Flow, ...]) -> None:
    """Every prompt file loads, and every case of every variant can be rendered."""
    assert len(flows) >= 3
    assert [] == [str(problem) for flow in flows for problem in rehearse(flow)]


def test_the_example_is_short(flows: tuple[Flow, ...], settings: Settings) -> None:
    """A recording and a replay, with the replay of the variant, are few calls with short answers."""
    calls = sum(len(flow.cases) * (2 + len(flow.variants)) * settings.samples for flow in flows)
    assert calls <= MOST_CALLS
    assert all(flow.prompt.parameters["max_tokens"] <= MOST_TOKENS for flow in flows)


def test_the_example_asks_only_the_local_server(flows: tuple[Flow, ...], settings: Settings) -> None:
    """Baseline and candidate belong to the provider on loopback, which needs no key."""
    models = {flow.prompt.model for flow in flows} | {"smollm2-135m-instruct"}
    providers = [settings.provider_for(model) for model in models]
    assert {("http://127.0.0.1:8471/v1", None)} == {(asked.base_url, asked.api_key_env) for asked in providers}


def test_what_the_example_installs_is_pinned_with_hashes_and_without_addresses() -> None:
    """The lock names the packages of requirements.in and no others, each at one version, and says nothing of where."""
    wanted = set(re.findall(r"(?m)^[\w-]+==\S+", (EXAMPLE / "requirements.in").read_text("utf-8")))
    lock = (EXAMPLE / "requirements.txt").read_text("utf-8")
    entries = re.split(r"(?m)^(?=[a-z])", re.sub(r"(?m)^\s*#.*\n", "", lock))
    locked = {entry.split()[0]: "--hash=sha256:" in entry for entry in entries if entry.strip()}
    assert dict.fromkeys(wanted, True) == locked
    assert "://" not in lock


def test_a_slip_in_the_example_is_seen(tmp_path: Path) -> None:
    """A copy of the example with one misspelled key does not load: the tests above can fail."""
    shutil.copytree(EXAMPLE / "prompts", tmp_path / "prompts")
    shutil.copy(EXAMPLE / "prompt-migrate.toml", tmp_path)
    path = tmp_path / "prompts" / "tour-text.prompt.yml"
    path.write_text(path.read_text("utf-8").replace("modelParameters", "modelParameter"), "utf-8")
    with pytest.raises(InventoryProblem, match="modelParameter"):
        load(read_settings(tmp_path, {}))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], str]:
    """The example's own way to set figures as Markdown."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return importlib.import_module("tables").tables  # type: ignore[no-any-return]


def test_the_page_shows_the_figures_that_were_measured(tables: Callable[[Mapping[str, Any]], str]) -> None:
    """Every table made from results.json stands in docs/real-models.md, row by row, and the page has its date."""
    results = json.loads((EXAMPLE / "results.json").read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    rows = [line for line in tables(results).splitlines() if line.startswith("|")]
    assert len(rows) > 15
    assert [] == [row for row in rows if row not in page.splitlines()]
    assert f"Run on {results['date']}." in page
    assert all(facts["package"] in page for facts in results["models"].values())


def test_the_figures_are_of_the_example_as_it_is(flows: tuple[Flow, ...]) -> None:
    """Every case of the inventory was measured, and no other."""
    results = json.loads((EXAMPLE / "results.json").read_text("utf-8"))
    cases = {f"{flow.name}/{case.id}" for flow in flows for case in flow.cases}
    for part in (results["migration"]["as_it_is"], results["batching"], results["sampling"]):
        assert cases == set(part["cases"])
        assert part["accounts"]["planned"] == part["accounts"]["judged"] == len(cases)
