"""The measurement itself: its bounds, and the page it has written last."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from migrate.vocabulary import CaseVerdict

ROOT = Path(__file__).parents[2]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_oracle", ROOT / "benchmarks" / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle = _load()
MISSED, CAUSELESS, BREAKING = 7, 11, 13
"""Columns of the table of chains."""


def own(replays: int, flagged: dict[str, int]) -> Any:
    """Return a flow's replays against itself with these alarms a case."""
    drift = sum(flagged.values())
    verdicts = Counter({CaseVerdict.DRIFT: drift, CaseVerdict.SAME: replays - drift})
    return oracle.Own(verdicts, Counter(flagged))


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("chance", [0.0, 0.2, 0.5])
def test_an_unseen_second_answer_by_counting(chance: float, samples: int) -> None:
    """How often a replay gives an answer its golden does not hold, against every sequence of answers there is."""
    found = 0.0
    for answers in itertools.product((False, True), repeat=2 * samples):
        likely = 1.0
        for second in answers:
            likely *= chance if second else 1 - chance
        golden, replay = set(answers[:samples]), set(answers[samples:])
        found += likely if len(golden) == 1 and not replay <= golden else 0.0
    assert oracle.unseen(chance, samples) == pytest.approx(found)


@pytest.mark.parametrize(("chance", "samples", "share"), [(0.5, 1, 0.25), (0.0, 5, 0.0), (0.2, 5, 0.340)])
def test_a_contract_kept_less_often_by_luck(chance: float, samples: int, share: float) -> None:
    """How often the same model keeps a contract in fewer samples of a replay than of its golden."""
    assert share == pytest.approx(oracle.worse(chance, samples), abs=5e-4)


def test_alarms_of_one_case_are_worth_one_case() -> None:
    """The same case flagged under every seed says as little as one case does; spread alarms say more."""
    together, apart = own(2000, {"a": 20}), own(2000, {f"c{number}": 1 for number in range(20)})
    assert 100 == round(oracle.effective([together], 100))
    assert 1900 < oracle.effective([apart], 100) <= 2000
    assert oracle.alarm_bound([together], 100) > 2 * oracle.alarm_bound([apart], 100) > 0.02


def test_no_alarm_is_bounded_by_the_cases() -> None:
    """With no alarm at all the bound is that of the cases: asking each again and again proves no more."""
    assert oracle.upper(0, 100) == oracle.alarm_bound([own(2000, {})], 100)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_holds_what_is_promised() -> None:
    """As last measured, over at least 20 seeds: every break found, none without cause, few alarms."""
    text = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert int(re.findall(r"--seeds (\d+)", text)[0]) >= 20
    contract, alarms, chains = [cells(row) for row in re.findall(r"^\| all .*$", text, re.MULTILINE)]
    _, _, breaks, _, found, _, consequences, found_too, _, without_cause = contract
    assert (breaks, consequences, "0") == (found, found_too, without_cause)
    assert "0" == alarms[3]
    assert ["0", "0", "0"] == [chains[place] for place in (MISSED, CAUSELESS, BREAKING)]
    assert int(chains[2].replace(",", "")) > 5_000
    assert float(alarms[6].removesuffix(" %")) <= 5
    assert " 0 of them were reported as drift or worse" in " ".join(text.split())
