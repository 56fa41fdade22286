"""Embeddings calls inside marked tests: recorded and replayed, never swapped, their vectors in no golden."""

from __future__ import annotations

import base64
import shutil
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow_project import application, golden, run, write_tests
from scripted_server import Scripted, Seen, answer, ok
from small_project import Project, write

APP = """\
import asyncio

import openai

MODEL, URL = "text-embedding-3-small", "http://127.0.0.1:9/v1"


def nearest(passages, question):
    with openai.OpenAI(base_url=URL) as client:
        vectors = [one.embedding for one in client.embeddings.create(model=MODEL, input=passages).data]
    (asked,) = asyncio.run(embedded([question]))
    return max(zip(passages, vectors), key=lambda pair: sum(a * b for a, b in zip(pair[1], asked)))[0]


async def embedded(texts):
    async with openai.AsyncOpenAI(base_url=URL) as client:
        given = await client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
        return [one.embedding for one in given.data]


def answered(question):
    passage = nearest(["Parcels take two days.", "Cups are insured.", "mail ann@example.org"], question)
    messages = [{"role": "user", "content": f"{passage} {question}"}]
    with openai.OpenAI(base_url=URL) as client:
        return client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content
"""
TESTS = """\
from app import answered
import pytest


@FLOW("manual")
def test_question():
    assert answered("My cup broke.") == "It is insured."
"""
LONG = 1536


def vector_of(text: str) -> list[float]:
    """Return a long vector in which texts that speak of cups lie together."""
    return [1.0 if "up" in text else 0.0, len(text) / 64, *[0.015625] * (LONG - 2)]


def provider(seen: Seen) -> Scripted:
    body = seen.json
    asked.append(body)
    if "input" not in body:
        return ok(answer("It is insured.", model=body["model"]))
    vectors: list[Any] = [vector_of(text) for text in body["input"]]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{LONG}f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": k, "embedding": vector} for k, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return ok({"object": "list", "data": data, "model": body["model"], "usage": usage})


asked: list[dict[str, Any]] = []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose test asks for embeddings twice, synchronously and not, and then a question; two samples."""
    root = tmp_path_factory.mktemp("recorded-embeddings")
    with application(root) as project:
        write(project.root / "app.py", APP)
        write_tests(project, TESTS)
        project.models.script = provider
        run(project, "-q", "--golden=new").assert_outcomes(passed=1)
    return root


@pytest.fixture
def embedding(tmp_path: Path, recorded: Path) -> Iterator[Project]:
    """A copy of it, with its recordings."""
    with application(tmp_path / "project", recorded) as project:
        project.models.script = provider
        asked.clear()
        yield project


def test_a_golden_holds_the_calls_and_no_vector(embedding: Project) -> None:
    """What was asked for is there, redacted, and what came back is not: a golden stays small."""
    file = embedding.golden("manual", "test_question")
    calls = golden(embedding, "test_question", "manual")["samples"][0]["calls"]
    assert 3 == len(calls)
    text = file.read_text("utf-8")
    assert (False, False, True) == ("0.0156" in text, "ann@example.org" in text, len(text) < 8_000), text
    state = embedding.root / ".prompt-migrate" / "vectors.db"
    assert 0 == stat.S_IMODE(state.stat().st_mode) & 0o077


def test_a_bare_run_is_answered_with_the_vectors_of_this_machine(embedding: Project) -> None:
    """The application computes with the very vectors that were recorded, and nobody is asked."""
    embedding.guard()
    run(embedding, "-q").assert_outcomes(passed=1)
    assert ("", []) == (embedding.reached_out(), asked)


def test_where_the_vectors_are_not_the_miss_says_so(embedding: Project) -> None:
    """They are not in git: a fresh clone is told what it lacks rather than given made-up numbers."""
    shutil.rmtree(embedding.root / ".prompt-migrate")
    result = run(embedding, "-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*text-embedding-3-small: its vectors are not kept on this machine*"])


def test_a_candidate_gets_the_same_embeddings_model(embedding: Project) -> None:
    """Only the question goes to the candidate; its next run, offline, is answered with vectors and all."""
    run(embedding, "-q", "--model", "gpt-4.1").assert_outcomes(passed=1)
    models = {body["model"] for body in asked if "input" in body}
    assert ({"text-embedding-3-small"}, {"gpt-4.1"}) == (models, {b["model"] for b in asked if "messages" in b})
    asked.clear()
    embedding.guard()
    run(embedding, "-q", "--model", "gpt-4.1", "--migrate-offline").assert_outcomes(passed=1)
    assert ("", []) == (embedding.reached_out(), asked)
    (flow,) = embedding.compared()["flows"]
    assert (0, {"baseline": 1, "candidate": 1}) == (
        flow["cost_usd"]["unknown"],
        {side: told["n"] for side, told in flow["latency_ms"]["clocks"]["wall"].items()},
    )
