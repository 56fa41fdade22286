"""The server beside its answers: the log, the hook for faults, times, and what a reference answer breaks itself."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import openai
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from simulated_stage import PROSE, TRIAGED, OpenStage, case, chat_body

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.latency import Pace, delay
from migrate.edges.providers.simulated.places import path_text, put, select, without
from migrate.edges.providers.simulated.served import pieces
from migrate.edges.providers.simulated.tokens import Counted
from migrate.vocabulary import Check


def test_every_reply_has_a_line_in_the_log(stage: OpenStage) -> None:
    """The log says who answered what, by the names the product uses, whether or not something was done to it."""
    desk = stage([case(TRIAGED, chat_body("known"))], seed=7)
    known = desk.client().chat.completions.with_raw_response.create(**chat_body("known"))
    desk.client().chat.completions.create(**{**chat_body("unknown"), "model": "gpt-4.1"})
    first, second = desk.log
    assert ("triage", "c1", "gpt-4o", 1, 7) == tuple(first[key] for key in ("flow", "case", "model", "sample", "seed"))
    assert known.headers["x-request-id"] == first["request_id"]
    assert first["prompt_key"].startswith("k1:")
    assert (None, None, "gpt-4.1") == (second["flow"], second["case"], second["model"])
    assert first["at"].endswith("+00:00")


def test_a_reference_answer_that_breaks_its_own_promises_is_told(stage: OpenStage) -> None:
    """Where `expected` fails the schema or a check, the log blames the reference and expects no kept contract."""
    wrong = {**TRIAGED, "label": "complaint"}
    check = Check("length", {"max": 3}, "$.summary", "short")  # type: ignore[arg-type]
    desk = stage([case(wrong, chat_body("known"), checks=(check,))])
    desk.client().chat.completions.create(**chat_body("known"))
    told = {(slip["breaks"]["kind"], slip["path"]) for slip in desk.log[0]["habits"] if slip["origin"] == "reference"}
    assert {("not_in_enum", "$.label"), ("check_failed", "$.summary")} == told
    assert not desk.log[0]["expected_kept"]


def test_a_fault_may_take_the_place_of_an_answer(stage: OpenStage) -> None:
    """The hook sees each question first; what it returns is sent, and nothing is logged for it."""

    async def overloaded(request: web.Request, question: Any) -> web.StreamResponse | None:
        if question.model == "gpt-4.1":
            return web.json_response({"error": {"message": "slow down", "code": "rate_limit"}}, status=429)
        return None

    desk = stage(fault=overloaded)
    client = desk.client()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**{**chat_body("hi"), "model": "gpt-4.1"})
    assert [] == desk.log
    assert client.chat.completions.create(**chat_body("hi")).choices


def test_latency_grows_with_tokens_and_is_log_normal() -> None:
    """The median is first token plus output, and the spread of the logarithm is the one documented."""
    pace = Pace(first_token_ms=500, per_input_ms=0.01, per_output_ms=10, spread=0.3)
    drawn = [delay(pace, Counted(1000, 0, 100), Chance(1), number) for number in range(2000)]
    firsts = [one.first_token_ms for one in drawn]
    assert 0.28 < statistics.stdev(math.log(first) for first in firsts) < 0.32
    assert 490 < statistics.median(firsts) < 530
    assert 1450 < statistics.median(one.total_ms for one in drawn) < 1580
    assert all(one.first_token_ms < one.total_ms for one in drawn)
    long = delay(pace, Counted(100_000, 0, 100), Chance(1), 0)
    cached = delay(pace, Counted(100_000, 99_968, 100), Chance(1), 0)
    assert drawn[0].first_token_ms < cached.first_token_ms < long.first_token_ms


def test_a_scaled_stream_keeps_its_latency_in_the_headers(stage: OpenStage) -> None:
    """The time scale changes how long is waited, and no figure that is told."""
    answers = [case(PROSE, chat_body("write"))]
    told = [
        stage(answers, time_scale=scale)
        .client()
        .chat.completions.with_raw_response.create(**chat_body("write"), stream=True)
        .headers["x-simulated-latency-ms"]
        for scale in (0.0, 0.01)
    ]
    assert told[0] == told[1]


# --- Small parts ------------------------------------------------------------------------------------------

KEYS = st.one_of(st.sampled_from(["a", "größe", "odd key", 'qu"ote', "a.b", "0"]), st.text(min_size=1, max_size=5))
VALUES = st.recursive(
    st.integers(),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.lists(st.one_of(KEYS, st.integers(0, 3)), max_size=4))
def test_a_written_path_finds_its_place_again(steps: list[str | int]) -> None:
    """Whatever the keys, a path leads to the one place it was written for."""
    value: Any = "here"
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
    assert [(tuple(steps), "here")] == select(value, path_text(tuple(steps)))


@given(VALUES)
def test_copies_leave_the_original_alone(value: Any) -> None:
    """Changing or dropping a place gives a new value and leaves the old one as it was."""
    before = json.dumps(value)
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []:
        put(value, (key,), "new")
        without(value, (key,))
    assert before == json.dumps(value)


@given(st.text(max_size=500))
def test_pieces_of_a_stream_add_up(text: str) -> None:
    """A stream's portions are the text, none is empty, and there are at most some sixty."""
    parts = list(pieces(text))
    assert text == "".join(parts)
    assert "" not in parts
    assert len(parts) <= 65


def test_broken_unicode_comes_through(stage: OpenStage) -> None:
    """A reference answer with half an emoji is sent escaped, as models send it, whole and streamed."""
    half = "The parcel \ud83d arrived."
    client = stage([case(half, chat_body("known"))], personas={}).client()
    assert half == client.chat.completions.create(**chat_body("known")).choices[0].message.content
    chunks = client.chat.completions.create(**chat_body("known"), stream=True)
    assert half == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
