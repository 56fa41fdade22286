"""Every number of a published document has an explanation: a figure with formula, inputs and source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.canary.explaining import EXPLAINED, MEANINGS
from migrate.canary.explaining import FIGURES as CANARY
from migrate.canary.figures import CHECK_PLACES, PLAN_PLACES
from migrate.evidence.explaining import FIGURES as COMPARED
from migrate.evidence.explaining import SUMMARY
from migrate.evidence.figures import Figures
from migrate.routing.explaining import FIGURES as ROUTED
from migrate.routing.explaining import METRICS

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
DOCUMENTS = {
    "route": ROUTED,
    "canary-plan": Figures(CANARY.names, PLAN_PLACES),
    "canary-check": Figures(CANARY.names, CHECK_PLACES),
    "compare": COMPARED,
}


def numbers(document: str) -> list[str]:
    """Places of all numbers of a document, by its published schema; the number of its format is none."""
    root = json.loads((SCHEMAS / f"{document}.schema.json").read_text(encoding="utf-8"))
    return [place for place in dict.fromkeys(_numbers(root, root, "")) if place != "format"]


def _numbers(part: dict[str, Any], root: Any, place: str) -> Iterator[str]:
    if "$ref" in part:
        found = root
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        yield from _numbers(found, root, place)
    kinds = part.get("type", [])
    if {"number", "integer"} & set([kinds] if isinstance(kinds, str) else kinds):
        yield place
    inner = [*part.get("oneOf", []), *part.get("anyOf", []), *part.get("prefixItems", []), part.get("items")]
    for one in (one for one in (*inner, part.get("additionalProperties")) if isinstance(one, dict)):
        yield from _numbers(one, root, place)
    for key, one in part.get("properties", {}).items():
        yield from _numbers(one, root, f"{place}.{key}".strip("."))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_number_of_a_document_has_an_explanation(document: str) -> None:
    """By the published schema: a new number without a figure fails here, and so does a place that has no number."""
    figures, places = DOCUMENTS[document], numbers(document)
    assert [] == [place for place in places if figures.at(place) not in figures.names]
    assert [] == [start for start in figures.places if not any(f"{one}.".startswith(f"{start}.") for one in places)]


def test_every_figure_is_explained() -> None:
    """A name that places point at says formula and source."""
    assert set() == {*ROUTED.places.values()} - {*METRICS}
    assert set() == {*CANARY.places.values()} - {*EXPLAINED, *MEANINGS}
    assert set() == {*COMPARED.places.values()} - {*SUMMARY}
    known = (*METRICS.values(), *SUMMARY.values(), *EXPLAINED.values())
    assert all(one.formula and one.source for one in known)


def test_a_figure_is_found_by_its_name_its_place_or_the_end_of_it() -> None:
    """`p_adjusted` tells which figure it is; `n` does not, because several figures have one."""
    assert "saving" == ROUTED.named("saving")
    assert "p" == ROUTED.named("p_adjusted") == ROUTED.named("flows.candidates.p_adjusted")
    assert "cost" == ROUTED.named("flows.candidates.cost.n")
    assert None is ROUTED.named("n")
    assert "halves" == CANARY.named("e_control_halves")
    assert "exposure" == CANARY.named("expected_bad")


@pytest.mark.parametrize("document", ["canary-plan", "canary-check"])
def test_a_canary_s_numbers_are_found_by_their_keys(document: str) -> None:
    """`--explain promoted` tells which figure it is, or names the places that have it: each key is one or other."""
    keys = {place.rpartition(".")[2] for place in numbers(document) if not place.endswith("together.flows")}
    assert [] == sorted(key for key in keys if CANARY.named(key) is None and not CANARY.several(key))
    assert ("behaviour", "counts") == (CANARY.named("promoted"), CANARY.named("clashing"))
    assert {"flows.evidence.excess", "flows.metrics.excess"} < set(CANARY.several("excess"))


def test_the_longest_place_holds() -> None:
    """A number inside another figure's part belongs to the nearer one."""
    figures = Figures(("outer", "inner"), {"flows": "outer", "flows.a.b": "inner"})
    assert ("inner", "outer", None) == (figures.at("flows.a.b.c"), figures.at("flows.a"), figures.at("other"))
