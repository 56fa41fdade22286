"""Marked tests that ask many things at once: in event loops, in threads, in an order that is never the same."""

from __future__ import annotations

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
