"""The judge against the simulated provider's own log: every break found, nothing found without a cause."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from account import FLAGGED, Account, Replayed, Workplace, own_models

from migrate.vocabulary import CaseVerdict

ROOT = Path(__file__).parents[2]
CANDIDATES = ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")
CASES = 3
"""Of each flow: a part that takes seconds. `benchmarks/oracle.py` takes all of them, over more seeds."""
GOLDEN_SEED = 1
SEEDS = (1002, 1003)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Replayed]:
    """The first cases of every flow, recorded once and replayed with other seeds."""
    place = Workplace(ROOT, tmp_path_factory.mktemp("oracle"))
    flows = place.flows(cases=CASES)
    goldens = place.record(flows, GOLDEN_SEED)
    candidates = (own_models(flows), *CANDIDATES)
    return [one for seed in SEEDS for one in place.replay(flows, candidates, seed, goldens)]


@pytest.fixture(scope="module")
def account(replayed: Sequence[Replayed]) -> Account:
    account = Account()
    for told in (told for one in replayed for told in one.replies):
        account.add(told)
    return account


def test_every_break_is_found_where_and_as_it_is(account: Account) -> None:
    """Each promise a habit breaks is a finding in that very sample, with its rung, kind, path and severity."""
    assert account.broken > 100
    assert len(account.causes) > 10
    assert [] == account.missed


def test_what_follows_from_a_break_is_found_too(account: Account) -> None:
    """What the log says fails for the same reason is found beside it."""
    assert account.consequences > 30
    assert [] == account.missed_consequences


def test_no_contract_finding_is_without_a_cause(account: Account) -> None:
    """Whatever is found in a sample was done to that very sample: there is no list of exceptions."""
    assert account.found > 100
    assert [] == account.causeless


def test_other_words_are_never_drift(account: Account) -> None:
    """A reply to which nothing happened but other words and looks is not called changed."""
    assert account.harmless > 500
    assert [] == account.harmless_flagged


def test_a_baseline_asked_anew_is_not_called_broken(replayed: Sequence[Replayed]) -> None:
    """Against its own golden, under other seeds, the model in production is never `breaking`, seldom `drift`."""
    own = [one for one in replayed if "=" in one.candidate]
    verdicts = [one.comparison.verdict for one in own]
    assert CaseVerdict.BREAKING not in verdicts
    assert len([verdict for verdict in verdicts if verdict in FLAGGED]) <= 0.05 * len(verdicts)
    assert CaseVerdict.WITHIN_NOISE in verdicts
