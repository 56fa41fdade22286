"""Passages by the vectors of a model: which come first, which vectors a flow needs, and what a missing one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from migrate.errors import InventoryProblem
from migrate.rendering import baseline_of, chain_digest, embedded_texts, first_request
from migrate.vocabulary import Case, CaseId, Chain, Flow, FlowName, MessageTemplate, Passage, Prompt, Retrieval, Step

MODEL = "text-embedding-3-small"
PASSAGES = (Passage("P1", "A jammed zip", "Zips"), Passage("P2", "Wet down"), Passage("P3", "Greasing"))


@dataclass
class Kept:
    """Vectors as a test names them."""

    vectors: dict[str, Sequence[float]] = field(default_factory=dict)

    def of(self, model: str, text: str) -> Sequence[float] | None:
        return self.vectors.get(text) if model == MODEL else None


FULL = {"Zips\nA jammed zip": [1.0, 0.0], "Wet down": [0.0, 1.0], "Greasing": [0.7, 0.7], "slider": [3.0, 0.3]}


def flow_of(vectors: Kept | None, query: str = "{{ question }}", each: str | None = None) -> Flow:
    look = Retrieval(query, PASSAGES, 2, "care.jsonl", MODEL, vectors)
    prompt = Prompt((MessageTemplate("user", "{{ passages | map(attribute='id') | join(' ') }}"),), "gpt-4o")
    step = Step("answer", prompt, retrieve=look, for_each=each)
    case = Case(CaseId("zip"), {"question": "slider", "parts": ["slider", "Greasing"]})
    return Flow(FlowName("care"), prompt, (case,), chain=Chain((step,), "{{ steps.answer }}" if each else None))


def found(flow: Flow) -> str:
    request = first_request(flow, flow.cases[0], baseline_of(flow), lambda value: value)
    return str(request.body["messages"][0]["content"])


def test_the_nearest_passages_come_first() -> None:
    """The angle decides, not the length; at most `top` of them."""
    assert "P1 P3" == found(flow_of(Kept(FULL)))


def test_equal_angles_keep_the_order_of_the_corpus() -> None:
    """What is told apart by rounding alone comes as the file has it, on every machine."""
    near = {**FULL, "Wet down": [1.0, 1e-12], "Greasing": [2.0, 0.0]}
    assert "P1 P2" == found(flow_of(Kept(near)))


def test_a_vector_without_length_is_like_nothing() -> None:
    """An all-zero vector is last and no fault."""
    assert "P3 P2" == found(flow_of(Kept({**FULL, "Zips\nA jammed zip": [0.0, 0.0]})))


def test_a_missing_vector_is_told_with_how_to_make_it() -> None:
    """The case is not rendered with other passages: the complaint counts what is missing and says what to run."""
    with pytest.raises(InventoryProblem, match=r"1 of 4 vectors by text-embedding-3-small are not there.*offline"):
        found(flow_of(Kept({name: row for name, row in FULL.items() if name != "slider"})))


def test_vectors_of_two_lengths_are_a_fault() -> None:
    """They cannot be compared, and no traceback says so."""
    with pytest.raises(InventoryProblem, match="not of one length"):
        found(flow_of(Kept({**FULL, "slider": [1.0, 0.0, 0.0]})))


def test_words_stand_in_where_nobody_keeps_vectors() -> None:
    """`validate` asks nobody: it fills templates with what BM25 finds."""
    flow = flow_of(None)
    case = replace(flow.cases[0], inputs={"question": "wet"})
    assert "P2" == found(replace(flow, cases=(case,)))


def test_a_flow_names_every_vector_it_needs_once() -> None:
    """Passages, then the query of each case; of a repeated step the query of each item."""
    texts = ["Zips\nA jammed zip", "Wet down", "Greasing"]
    assert [(MODEL, text) for text in [*texts, "slider"]] == list(embedded_texts(flow_of(None)))
    assert [(MODEL, text) for text in [*texts, "slider"]] == list(
        embedded_texts(flow_of(None, "{{ item }}", "{{ parts }}"))
    )
    assert [(MODEL, text) for text in texts] == list(embedded_texts(flow_of(None, "{{ nothing }}")))


def test_another_model_of_vectors_makes_goldens_stale() -> None:
    """The digest knows the model; without embeddings it is what it was before there were any."""
    own = flow_of(Kept(FULL))
    assert own.chain is not None
    (step,) = own.chain.steps
    assert step.retrieve is not None
    looks = [
        step.retrieve,
        replace(step.retrieve, embeddings="text-embedding-3-large"),
        replace(step.retrieve, vectors=None),
    ]
    first, other, unkept = (chain_digest(Chain((replace(step, retrieve=look),))) for look in looks)
    assert first != other
    assert first == unkept
