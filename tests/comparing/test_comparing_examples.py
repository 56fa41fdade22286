"""Folders are cases: every file of `examples/` is a contract, two sides, and what comparing them says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from comparing_cases import Trial, flow_of, lines, trial

from migrate.vocabulary import Check, Comparison, FindingKind, Flow, JsonPath, Rule, Rung, Toleration, Tool

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.yml"))
KEYS = {"promise", "flow", "asked", "golden", "approved", "candidate", "planned", "stale", "verdict", "findings"}
OPTIONAL = {"rates", "says", "note", "rejected"}


def _flow(given: dict[str, Any]) -> Flow:
    tools = [Tool(tool["name"], "", tool["parameters"]) for tool in given.pop("tools", ())]
    rules = [_rule(path, rule) for path, rule in given.pop("rules", {}).items()]
    checks = [
        Check(check["kind"], check.get("arguments", {}), check.get("path"), check.get("name", ""))
        for check in given.pop("checks", ())
    ]
    tolerated = tuple(_toleration(one) for one in given.pop("tolerated", ()))
    return flow_of(given.pop("parse", "text"), tools=tools, rules=rules, checks=checks, tolerated=tolerated, **given)


def _toleration(given: dict[str, Any]) -> Toleration:
    what = {"reason": "known", "expires": "2026-12-31", **given}
    cases = tuple(what.pop("cases", ()))
    return Toleration(FindingKind(what.pop("kind")), JsonPath(what.pop("path")), cases=cases, **what)


def _rule(path: str, given: Any) -> Rule:
    if isinstance(given, str):
        return Rule(JsonPath(path), given)  # type: ignore[arg-type]
    more = {key: given.pop(key) for key in ("metric", "reason", "expires") if key in given}
    ((kind, value),) = given.items()
    return Rule(JsonPath(path), kind, value, **more)


def _trial(given: dict[str, Any]) -> Trial:
    more = {key: given[key] for key in ("approved", "rejected", "asked", "planned", "stale") if key in given}
    return trial(_flow(dict(given.get("flow", {}))), given["golden"], given["candidate"], **more)


def _rates(comparison: Comparison) -> dict[str, str | None]:
    found = {}
    for rung, rates in comparison.rungs.items():
        sides = None if rates is None else (rates.baseline, rates.candidate)
        found[rung.value] = None if sides is None else " ".join(f"{side.passed}/{side.total}" for side in sides)
    return found


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example(file: Path) -> None:
    """Comparing the answers of an example gives the verdict, the findings and the rates it states."""
    example = yaml.safe_load(file.read_text(encoding="utf-8"))
    comparison = _trial(example).compare()

    assert example["verdict"] == comparison.verdict.value
    assert example["findings"] == lines(comparison)
    for rung, rates in example.get("rates", {}).items():
        assert rates == _rates(comparison)[Rung(rung).value]
    for words in example.get("says", ()):
        assert any(words in finding.message for finding in comparison.findings), words
    assert example.get("note", "") in comparison.note


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example_file_is_whole(file: Path) -> None:
    """An example promises something in one sentence and holds no key that nobody reads."""
    example = yaml.safe_load(file.read_text(encoding="utf-8"))

    assert set() == set(example) - KEYS - OPTIONAL
    assert {"promise", "golden", "candidate", "verdict", "findings"} <= set(example)
    assert example["promise"].endswith(".")
