"""Marked tests picked, dealt out, stopped and taken up again: as pytest does it with any test."""

from __future__ import annotations

import signal

import pytest
from flow_project import BROKEN, BROKEN_ID, LATE, LATE_ID, SORTED, against, run, write_tests
from scripted_server import Scripted
from small_project import Project, verdicts
from test_plugin_resume import start, wait_for_calls

CANDIDATE = "gpt-4.1"
ASYNCHRONOUS = """\
import openai
import pytest


async def ask(question):
    async with openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1") as client:
        messages = [{"role": "user", "content": question}]
        reply = await client.chat.completions.create(model="gpt-4o", messages=messages)
        return reply.choices[0].message.content


@pytest.fixture
async def greeting():
    return await ask("hello")
"""
OF_ANYIO = (
    ASYNCHRONOUS
    + """

@pytest.fixture(params=["asyncio"])
def anyio_backend(request):
    return request.param


@FLOW("greetings")
@pytest.mark.anyio
async def test_greeting(greeting):
    assert greeting == "hello"
    assert await ask("goodbye") == "goodbye"
"""
)
OF_ASYNCIO = (
    ASYNCHRONOUS.replace("@pytest.fixture", "@pytest_asyncio.fixture").replace(
        "import pytest\n", "import pytest\nimport pytest_asyncio\n"
    )
    + """

@FLOW("greetings")
@pytest.mark.asyncio
class TestGreeting:
    async def test_greeting(self, greeting):
        assert greeting == "hello"
        assert await ask("goodbye") == "goodbye"
"""
)


@pytest.mark.parametrize(("plugin", "text"), [("anyio", OF_ANYIO), ("asyncio", OF_ASYNCIO)], ids=["anyio", "asyncio"])
def test_asynchronous_tests_and_fixtures_are_flows(fresh_app: Project, plugin: str, text: str) -> None:
    """Calls of an asynchronous test and of its fixtures are seen in every run of it, recorded, bare and swapped."""
    write_tests(fresh_app, text)
    for model in ("gpt-4o", CANDIDATE):
        fresh_app.say(model, {"hello": "hello", "goodbye": "goodbye"})
    run(fresh_app, "-q", "--golden=new", others=(plugin,)).assert_outcomes(passed=1)
    run(fresh_app, "-q", others=(plugin,)).assert_outcomes(passed=1)
    run(fresh_app, "-q", "--model", CANDIDATE, others=(plugin,)).assert_outcomes(passed=1)
    assert [{"hello": 2, "goodbye": 2}] * 2 == [fresh_app.models.asked(model) for model in ("gpt-4o", CANDIDATE)]


def test_what_failed_is_run_again_alone(app: Project) -> None:
    """`--lf` after a regression: the test that failed, and what it was answered is not asked again."""
    app.say(CANDIDATE, {LATE: '{"label": "late"'})
    first = run(app, "-v", "--model", CANDIDATE)
    assert {against(LATE_ID, CANDIDATE): "FAILED", against(BROKEN_ID, CANDIDATE): "PASSED"} == verdicts(first)
    asked = app.models.calls
    again = run(app, "-v", "--model", CANDIDATE, "--lf")
    assert ({against(LATE_ID, CANDIDATE): "FAILED"}, asked) == (verdicts(again), app.models.calls)


def test_a_test_is_picked_by_its_id_and_by_words(app: Project) -> None:
    """An id with the candidate in its brackets, and `-k` with the name of a case, pick that one test."""
    by_id = run(app, "-v", "--model", CANDIDATE, against(BROKEN_ID, CANDIDATE))
    by_words = run(app, "-v", "--model", CANDIDATE, "--model", "gpt-4.1-mini", "-k", f"broken and {CANDIDATE}")
    assert [{against(BROKEN_ID, CANDIDATE): "PASSED"}] == [verdicts(by_id)]
    assert against(BROKEN_ID, CANDIDATE) in verdicts(by_words)
    assert not [node for node in verdicts(by_words) if "late" in node]


def test_workers_find_what_one_process_finds(app: Project) -> None:
    """`-n 2`: the same ends, each question asked once a sample, one run in the ledger, the class of the flow known."""
    app.say(CANDIDATE, {LATE: '{"label": "late"'})
    result = run(app, "-v", "--model", CANDIDATE, "-n", "2")
    assert {against(LATE_ID, CANDIDATE): "FAILED", against(BROKEN_ID, CANDIDATE): "PASSED"} == verdicts(result)
    document = app.compared()
    assert {"planned": 2, "judged": 2} == document["run"]["accounts"]
    assert [("high", 1)] == [(flow["critical"], flow["verdicts"]["breaking"]) for flow in document["flows"]]
    assert (2, 2) == tuple(app.models.asked(CANDIDATE)[question] for question in (LATE, BROKEN))


@pytest.mark.parametrize("mode", ["--model", "--golden=rewrite"])
def test_a_killed_run_asks_again_only_what_had_no_answer(app: Project, mode: str) -> None:
    """kill -9 behind the first call of a test's second run: that call is not made again, the silent one is."""
    model = CANDIDATE if mode == "--model" else "gpt-4o"
    reply = "Answer a case of late"
    says = {LATE: SORTED[LATE], reply: lambda nth: "Sorry for 3 days." if nth != 2 else silence()}
    app.models.counts.clear()
    app.say(model, says)
    words = [mode, model] if mode == "--model" else [mode]
    process = start(app, *words, "-o", "pythonpath=.", "-o", "testpaths=tests")
    wait_for_calls(app, model, 4)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert {LATE: 2, reply: 2} == app.models.asked(model)

    app.say(model, {reply: "Sorry for 3 days."})
    resumed = run(app, "-q", "--migrate-resume")

    resumed.assert_outcomes(passed=2)
    assert {LATE: 2, reply: 3, BROKEN: 2, "Answer a case of broken": 2} == app.models.asked(model)
    shown = app.command("-m", "migrate", "runs", "--json").stdout.str()
    assert '"state": "complete"' in shown
    run(app, "-q").assert_outcomes(passed=3)


def silence() -> Scripted:
    return Scripted((b"",), pauses=(60.0,), hang_up=True)
