"""What a case does to every model alike: jitter, two honest labels, and contracts that do not hold today."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from simulated_stage import ORDER_TOOLS, PROSE, TRIAGE, TRIAGED, case, chat_body

from migrate.edges.providers.simulated import chat_api
from migrate.edges.providers.simulated.book import BookEntry
from migrate.edges.providers.simulated.draft import Performance
from migrate.edges.providers.simulated.performing import Troupe
from migrate.edges.providers.simulated.personas import PERSONAS, CaseNoise, Persona, Rate
from migrate.vocabulary import Check

BODY = chat_body("which queue?")
QUESTION = chat_api.read(BODY)
LABEL = Check("label", {"one_of": ["billing", "delivery", "other"], "value": "billing"}, "$.label", "queue")  # type: ignore[arg-type]


TOOLS = [{"type": "function", "function": tool} for tool in ORDER_TOOLS]
SILENT = CaseNoise(ambiguous=0.0, unstable=0.0, never_kept=0.0)


def samples(
    noise: CaseNoise, *, model: str = "gpt-4o", first: int = 1, checks: Any = (), **more: Any
) -> list[Performance]:
    """Return five samples in a row of the triage case, played by a model without habits of its own."""
    key, entry = case(TRIAGED, BODY, checks=tuple(checks))
    personas = {model: Persona(model, PERSONAS["gpt-4o"].pace)}
    troupe = Troupe(more.get("seed", 1), personas, noise)
    return [troupe.perform(QUESTION, model, key, entry, sample) for sample in range(first, first + 5)]


def labels(performances: list[Performance]) -> list[str]:
    return [performance.draft.value["label"] for performance in performances]


def kept(performances: list[Performance]) -> list[bool]:
    return [performance.kept for performance in performances]


def second_answers(noise: CaseNoise, **more: Any) -> list[bool]:
    """Return for 200 samples, 20 seeds of 10, whether each gives the second label."""
    given = [labels(samples(noise, first=first, seed=seed, **more)) for seed in range(20) for first in (1, 6)]
    return [label != "billing" for five in given for label in five]


def test_an_ambiguous_case_gives_its_second_label_by_chance() -> None:
    """Every sample draws for itself, with the chance that is the case's own: five samples may know one label only."""
    given = second_answers(CaseNoise(ambiguous=1.0, second=(0.3, 0.3), unstable=0.0, never_kept=0.0))
    assert 40 < sum(given) < 80
    counts = {sum(given[start : start + 5]) for start in range(0, 200, 5)}
    assert {0, 1, 2, 3} <= counts


def test_an_ambiguous_case_is_ambiguous_for_every_model() -> None:
    """The same samples of every model give the second label: no model is blamed for the case."""
    noise = CaseNoise(ambiguous=1.0, unstable=0.0, never_kept=0.0)
    assert 1 == len({tuple(labels(samples(noise, model=model))) for model in PERSONAS})


@pytest.mark.parametrize(
    ("expected", "body", "habit"),
    [
        (PROSE, {}, "sentence_left_out"),
        (
            {"tool_calls": [{"name": "get_order", "arguments": {"order_id": "A-1"}}]},
            {"tools": TOOLS},
            "changed_argument",
        ),
    ],
)
def test_prose_and_calls_have_second_answers_too(expected: Any, body: Any, habit: str) -> None:
    """A sentence is left out, or an optional argument given, and always the same one."""
    asked = chat_body("please look this up", **body)
    key, entry = case(expected, asked)
    troupes = [Troupe(seed, noise=CaseNoise(1.0, (1.0, 1.0), 0.0, 0.0)) for seed in range(4)]
    played = [troupe.perform(chat_api.read(asked), "gpt-4o", key, entry, 1) for troupe in troupes]
    slips = [slip for one in played for slip in one.slips if slip.habit != "paraphrase"]
    assert [habit] * 4 == [slip.habit for slip in slips]
    assert 1 == len({(str(slip.before), str(slip.after)) for slip in slips})


def test_a_label_that_a_check_pins_is_not_ambiguous() -> None:
    """Where a check says which label is right, the other answer differs elsewhere: an optional key, an item fewer."""
    played = samples(CaseNoise(ambiguous=1.0, second=(1.0, 1.0), unstable=0.0, never_kept=0.0), checks=[LABEL])
    assert ["billing"] * 5 == labels(played)
    second = {slip.habit for one in played for slip in one.slips} - {"jitter", "paraphrase"}
    assert len(second) == 1
    assert second < {"dropped_optional", "shortened_list"}


@pytest.mark.parametrize("seed", range(8))
def test_an_unstable_case_breaks_in_every_fifth_sample(seed: int) -> None:
    """One of any five samples breaks the contract, for every model the same one, blamed on the case."""
    noise = CaseNoise(ambiguous=0.0, unstable=1.0, never_kept=0.0)
    played = [samples(noise, model=model, seed=seed) for model in PERSONAS]
    assert {(4, 1)} == {(kept(five).count(True), kept(five).count(False)) for five in played}
    assert 1 == len({tuple(kept(five)) for five in played})
    assert {"case"} == {slip.origin for five in played for one in five for slip in one.slips if slip.breaks}


def test_what_a_case_is_like_is_the_same_under_every_seed() -> None:
    """Asked with another seed, the model in production is the same model asked anew: what breaks, and when, stays."""
    noise = CaseNoise(ambiguous=0.0, unstable=0.5, never_kept=0.5)
    played = [samples(noise, seed=seed, checks=[LABEL]) for seed in range(8)]
    broken = {tuple((slip.habit, slip.path) for one in five for slip in one.slips if slip.breaks) for five in played}
    assert 1 == len(broken)


def test_a_case_that_is_never_kept_breaks_in_every_sample() -> None:
    """A contract that is not kept today is not kept by any sample, and every time in the same way."""
    played = samples(CaseNoise(ambiguous=0.0, unstable=0.0, never_kept=1.0), checks=[LABEL])
    assert [False] * 5 == kept(played)
    assert 1 == len({slip.habit for one in played for slip in one.slips if slip.breaks})


def test_jitter_takes_five_steps() -> None:
    """A confidence moves by up to 0.02, drawn anew for every sample and seed."""
    values = [one.draft.value["confidence"] for seed in range(20) for one in samples(SILENT, seed=seed)]
    assert [0.88, 0.89, 0.9, 0.91, 0.92] == sorted(set(values))


def test_jitter_respects_the_schema() -> None:
    """A confidence never leaves 0 to 1."""
    key, entry = case({**TRIAGED, "confidence": 0.995}, BODY)
    troupe = Troupe(1, {}, SILENT)
    values = [troupe.perform(QUESTION, "gpt-4o", key, entry, k).draft.value["confidence"] for k in range(1, 11)]
    assert 1.0 == max(values)
    assert min(values) < 0.995


def test_a_steady_flow_breaks_for_no_model_of_the_family() -> None:
    """In a steady flow a persona's habits break nothing; what is steady for a small model is for a larger one."""
    rate = Rate(1.0, 1.0, 1.0)
    steady = Persona("gpt-4o", PERSONAS["gpt-4o"].pace, {"number_as_string": rate, "changed_value": rate}, steady=1.0)
    key, entry = case(TRIAGED, BODY)
    performance = Troupe(1, {"gpt-4o": steady}, SILENT).perform(QUESTION, "gpt-4o", key, entry, 1)
    assert performance.kept
    assert "changed_value" in {slip.habit for slip in performance.slips}


def test_a_retuned_wording_breaks_less() -> None:
    """Through a variant of the prompt a breaking habit shows in a fifth of the flows that had it."""
    habits = {"number_as_string": Rate(1.0, 1.0, 1.0)}
    troupe = Troupe(1, {"gpt-4o": Persona("gpt-4o", PERSONAS["gpt-4o"].pace, habits)}, SILENT)
    kept_by = {
        variant: sum(
            troupe.perform(QUESTION, "gpt-4o", "key", _entry(f"flow-{number}", variant), 1).kept
            for number in range(200)
        )
        for variant in (None, "explicit")
    }
    assert 0 == kept_by[None]
    assert 130 < kept_by["explicit"] < 190


def _entry(flow: Any, variant: str | None) -> BookEntry:
    return BookEntry(flow, "c1", TRIAGED, "json", TRIAGE, "json", variant=variant)  # type: ignore[arg-type]


def test_prose_is_reworded_from_sample_to_sample() -> None:
    """The baseline says prose in other words now and then, of the same length, and notes each."""
    key, entry = case(PROSE, BODY)
    troupe = Troupe(1, noise=SILENT)
    played = [troupe.perform(QUESTION, "gpt-4o", key, entry, sample) for sample in range(1, 11)]
    texts = {performance.draft.text for performance in played}
    assert len(texts) > 3
    assert {len(PROSE.split())} == {len((text or "").split()) for text in texts}
    assert all(bool(one.slips) == (one.draft.text != PROSE) for one in played)


def test_what_is_taken_from_the_input_word_by_word_stays() -> None:
    """A string that stands in the user's text is a quotation, and labels are labels: neither is reworded."""
    quoted = "The customer usually needs additional help quickly because of a problem."
    body = chat_body(f"Find the sentence. {quoted}")
    key, entry = case({**TRIAGED, "summary": quoted}, body)
    troupe = Troupe(1, {"gpt-4o": Persona("gpt-4o", PERSONAS["gpt-4o"].pace, wording=1.0)}, SILENT)
    for sample in range(1, 6):
        assert quoted == troupe.perform(chat_api.read(body), "gpt-4o", key, entry, sample).draft.value["summary"]


def test_the_model_in_production_behaves() -> None:
    """A prompt was tuned until its baseline kept the contract: whichever model that is, it shows no habits there."""
    habits = {"number_as_string": Rate(1.0, 1.0, 1.0)}
    persona = Persona("gpt-4o-mini", PERSONAS["gpt-4o-mini"].pace, habits)
    troupe = Troupe(1, {"gpt-4o-mini": persona}, SILENT)
    key, entry = case(TRIAGED, BODY)
    incumbent = replace(entry, baseline="gpt-4o-mini")
    kept_by = [troupe.perform(QUESTION, "gpt-4o-mini", key, one, 1).kept for one in (entry, incumbent)]
    assert [False, True] == kept_by
