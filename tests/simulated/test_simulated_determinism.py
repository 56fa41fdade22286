"""A reply is a pure function of seed, model, question and sample."""

from __future__ import annotations

import random
from typing import Any

import pytest
from simulated_stage import PROSE, TRIAGED, OpenStage, case, chat_body

from migrate.edges.providers.simulated.chance import Chance, in_share

MODELS = ("gpt-4o", "gpt-4.1", "gpt-4.1-nano")
QUESTIONS = [f"question {number}" for number in range(6)]
ENTRIES = [case(PROSE if number % 2 else TRIAGED, chat_body(text), text) for number, text in enumerate(QUESTIONS)]
JOBS = [(model, question, sample) for model in MODELS for question in QUESTIONS for sample in (1, 2, 3)]


def replies(stage: OpenStage, seed: int, jobs: list[tuple[str, str, int]]) -> dict[Any, bytes]:
    """Ask a fresh server in the given order; return the raw bodies."""
    client = stage(ENTRIES, seed=seed).client()
    return {
        (model, question, sample): client.chat.completions.with_raw_response.create(
            **{**chat_body(question), "model": model}, extra_headers={"x-prompt-migrate-sample": str(sample)}
        ).content
        for model, question, sample in jobs
    }


def test_the_order_of_asking_changes_nothing(stage: OpenStage) -> None:
    """The same seed gives the same bytes, whatever is asked first, and again when it is asked again."""
    shuffled = random.Random(5).sample(JOBS, len(JOBS))
    assert replies(stage, 3, JOBS) == replies(stage, 3, shuffled)


def test_another_seed_gives_other_noise(stage: OpenStage) -> None:
    """The seed decides which replies show which habit."""
    assert replies(stage, 3, JOBS) != replies(stage, 4, JOBS)


def test_samples_count_by_arrival_without_the_header(stage: OpenStage) -> None:
    """Without a sample header the k-th request for the same question and model is sample k; a retry is none."""
    desk = stage(ENTRIES)
    client = desk.client()
    for retry in ("0", "0", "1"):
        client.chat.completions.create(**chat_body(QUESTIONS[0]), extra_headers={"x-stainless-retry-count": retry})
    assert [1, 2, 2] == [line["sample"] for line in desk.log]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("phase", [0.0, 0.37, 0.99])
def test_a_share_holds_in_any_five_samples(share: float, phase: float) -> None:
    """Affected samples are spread evenly: any five in a row hold the same number of them."""
    affected = [in_share(share, phase, sample) for sample in range(1, 51)]
    assert {round(share * 5)} == {sum(affected[start : start + 5]) for start in range(45)}


def test_draws_depend_on_names_alone() -> None:
    """The same names draw the same number, other names or seeds another, and all lie in [0, 1)."""
    draws = [Chance(seed).unit("name", index) for seed in (1, 2) for index in range(200)]
    assert draws == [Chance(seed).unit("name", index) for seed in (1, 2) for index in range(200)]
    assert len(draws) == len(set(draws))
    assert 0 <= min(draws)
    assert max(draws) < 1
    assert abs(sum(draws) / len(draws) - 0.5) < 0.06
