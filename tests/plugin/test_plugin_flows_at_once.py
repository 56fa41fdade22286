"""Marked tests that ask many things at once: in event loops, in threads, in an order that is never the same."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
from flow_project import run, write_tests
from small_project import Project, write

APP = """\
import asyncio
from concurrent.futures import ThreadPoolExecutor

import openai

URL = "http://127.0.0.1:9/v1"


def messages(question):
    return [{"role": "user", "content": question}]


async def gathered(questions):
    async with openai.AsyncOpenAI(base_url=URL) as client:

        async def ask(question):
            reply = await client.chat.completions.create(model="gpt-4o", messages=messages(question))
            return reply.choices[0].message.content

        return await asyncio.gather(*map(ask, questions))


def threaded(questions):
    with openai.OpenAI(base_url=URL) as client, ThreadPoolExecutor(8) as pool:

        def ask(question):
            reply = client.chat.completions.create(model="gpt-4o", messages=messages(question))
            return reply.choices[0].message.content

        return list(pool.map(ask, questions))
"""
TESTS = """\
import os
import random

import pytest

from app import gathered, threaded

NUMBERS = random.Random(int(os.environ["ORDER"])).sample(range(200), 200)
QUESTIONS = [f"question {number}" for number in NUMBERS]
ANSWERS = [f"answer {number}" for number in NUMBERS]
SOME = [number for number in NUMBERS if number < 50]


@FLOW("gathered")
@pytest.mark.asyncio
async def test_gathered():
    assert ANSWERS == await gathered(QUESTIONS)


@FLOW("threaded")
def test_threaded():
    assert [f"answer {number}" for number in SOME] == threaded([f"question {number}" for number in SOME])


@FLOW("repeated")
def test_repeated():
    assert ["first", "second", "third"] == threaded(["again"]) + threaded(["again"]) + threaded(["again"])
"""


def test_two_hundred_calls_at_once_get_their_own_answers_in_any_order(fresh_app: Project) -> None:
    """Recorded in one order and answered in another: no answer crosses over, and equal calls get theirs in turn."""
    write(fresh_app.root / "app.py", APP)
    write_tests(fresh_app, TESTS)
    fresh_app.say("gpt-4o", {f"question {number}": f"answer {number}" for number in range(200)})
    fresh_app.say("gpt-4o", {"again": lambda count: ("first", "second", "third")[(count - 1) % 3]})

    fresh_app.environ["ORDER"] = "1"
    run(fresh_app, "-q", "--golden=new", "--samples", "1", others=("asyncio",)).assert_outcomes(passed=3)
    asked = fresh_app.models.calls
    fresh_app.environ["ORDER"] = "2"
    result = run(fresh_app, "-q", others=("asyncio",))

    result.assert_outcomes(passed=3)
    assert 253 == asked == fresh_app.models.calls


SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
AT_ONCE = """\
import asyncio

import openai


async def ask(client, question):
    messages = [{"role": "user", "content": question}]
    reply = await client.chat.completions.create(model="gpt-4o", messages=messages)
    return reply.choices[0].message.content


async def sums():
    both = asyncio.Barrier(2)

    async def meet(request):
        if b"+" not in request.content:
            await both.wait()

    http = openai.DefaultAsyncHttpxClient(event_hooks={"request": [meet]})
    async with openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", http_client=http) as client:
        return await ask(client, "+".join(await asyncio.gather(ask(client, "left"), ask(client, "right"))))
"""
AT_ONCE_TEST = """\
import asyncio

import pytest

from app import sums


@FLOW("sums")
def test_sums():
    assert "left+right" == asyncio.run(sums())
"""


def test_a_flow_has_its_clocks_in_the_ledger_and_beside_its_golden(fresh_app: Project) -> None:
    """Two calls at once and one behind them: sum, critical path and wall are three figures, in every place alike."""
    write(fresh_app.root / "app.py", AT_ONCE)
    write_tests(fresh_app, AT_ONCE_TEST)
    for model in ("gpt-4o", "gpt-4.1"):
        fresh_app.say(model, {"left": "left", "right": "right", "left+right": "left+right"})
    run(fresh_app, "-q", "--golden=new").assert_outcomes(passed=1)
    replayed = run(fresh_app, "-q", "--model", "gpt-4.1")
    replayed.assert_outcomes(passed=1)
    replayed.stdout.fnmatch_lines(["sums, medians of 1 (1) cases: wall * s (* s), critical path *"])

    (flow,) = fresh_app.compared()["flows"]
    clocks = flow["latency_ms"]["clocks"]
    for side in ("baseline", "candidate"):
        path, total, wall = (clocks[name][side]["p50"] for name in ("critical_path", "calls", "wall"))
        assert (True, True) == (path < total, path <= wall), clocks
        assert (None, 0) == (clocks["first_token"][side]["p50"], clocks["first_token"][side]["n"])
        assert path == flow["latency_ms"][side]["p50"]
    told = json.loads(fresh_app.command("-m", "migrate", "history", "sums", "--json").stdout.str())
    assert clocks["wall"]["candidate"]["p50"] == told["rows"][0]["latency_ms"]["clocks"]["wall"]["p50"]
    jsonschema_rs.validator_for(json.loads((SCHEMAS / "history.schema.json").read_text("utf-8"))).validate(told)

    again = run(fresh_app, "-q", "--model", "gpt-4.1", "--migrate-offline")
    again.assert_outcomes(passed=1)
    (replay,) = fresh_app.compared()["flows"]
    assert clocks == {
        name: {side: {**one, "source": clocks[name][side]["source"]} for side, one in sides.items()}
        for name, sides in replay["latency_ms"]["clocks"].items()
    }
