"""The simulated provider's vectors, through the real SDK over HTTP: alike for texts that share words, always equal."""

from __future__ import annotations

import math
from itertools import pairwise

import openai
import pytest
from simulated_stage import OpenStage

from migrate.edges.providers.embedding import Embedder
from migrate.edges.providers.simulated.embeddings import Simulated

MODEL = "text-embedding-3-small"
ZIP, LIKE, OTHER = "A zip that jams is rubbed with wax.", "my zip jams", "Down is dried with tennis balls."


def test_the_sdk_reads_the_vectors(stage: OpenStage) -> None:
    """In both formats it asks for; counted by tokens, one for each text, and of the length of the model."""
    client = stage().client()
    packed = client.embeddings.create(model=MODEL, input=[ZIP, OTHER])
    plain = client.embeddings.create(model=MODEL, input=[ZIP, OTHER], encoding_format="float")
    assert [0, 1] == [row.index for row in plain.data]
    assert [row.embedding for row in plain.data] == [row.embedding for row in packed.data]
    assert [1536, 1536] == [len(row.embedding) for row in plain.data]
    assert 10 < plain.usage.prompt_tokens == plain.usage.total_tokens < 30
    assert 8 == len(client.embeddings.create(model=MODEL, input=ZIP, dimensions=8).data[0].embedding)


def test_texts_that_share_words_are_near(stage: OpenStage) -> None:
    """Equal texts are equal; one that shares words is nearer than one that does not."""
    rows = [
        row.embedding for row in stage().client().embeddings.create(model=MODEL, input=[LIKE, ZIP, OTHER, LIKE]).data
    ]
    assert rows[0] == rows[3]
    assert all(abs(math.hypot(*row) - 1) < 1e-5 for row in rows)
    near, far = (dot(rows[0], row) for row in rows[1:3])
    assert near > far + 0.2


def dot(left: list[float], right: list[float]) -> float:
    return math.fsum(one * other for one, other in zip(left, right, strict=True))


def test_what_the_server_says_is_known_before(stage: OpenStage) -> None:
    """The answer book is made from the same vectors, number for number: passages are the same on both sides."""
    made = stage().client().embeddings.create(model=MODEL, input=ZIP, encoding_format="float").data[0].embedding
    assert Simulated().of(MODEL, ZIP) == made
    assert Simulated().of("text-embedding-9", ZIP) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": []}, "none of them empty"),
        ({"input": ["a", ""]}, "none of them empty"),
        ({"dimensions": 0}, "from 1 to 1536"),
        ({"encoding_format": "hex"}, "float or base64"),
        ({"input": ["word " * 9_000]}, "maximum context length"),
    ],
)
def test_what_the_api_refuses_is_refused(change: dict[str, object], words: str, stage: OpenStage) -> None:
    """As an error of the API, with the parameter's name."""
    with pytest.raises(openai.BadRequestError, match=words):
        stage().client().embeddings.create(**{"model": MODEL, "input": "a", **change})  # type: ignore[arg-type]


def test_vectors_are_made_batch_by_batch(stage: OpenStage) -> None:
    """What a batch took is known before the next one is asked; every text gets its own vector."""
    desk = stage()
    texts = [f"word{number}" for number in range(230)]
    batches = list(Embedder("local", "any", str(desk.client().base_url)).make(MODEL, texts))
    assert [100, 100, 30] == [len(batch.vectors) for batch in batches]
    assert all(batch.tokens for batch in batches)
    joined = {text: row for batch in batches for text, row in batch.vectors.items()}
    assert [Simulated().of(MODEL, text) for text in texts] == [joined[text] for text in texts]
    assert all(one != other for one, other in pairwise(joined.values()))


def test_a_model_nobody_serves_is_told_in_a_sentence(stage: OpenStage) -> None:
    """Whose refusal it was, and how to do without."""
    from migrate.errors import UsageProblem

    made = Embedder("local", "any", str(stage().client().base_url)).make("text-embedding-9", ["a"])
    with pytest.raises(UsageProblem, match=r"no vectors by text-embedding-9 from local: .*does not exist"):
        next(made)
