"""Marked tests that use respx, with the SDK 2.x that it patches below: each answers its own calls.

The SDK and respx lie in a folder that `nox -s tests` makes; without it these tests are skipped, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_project import application, run, write_tests
from small_project import Project, write

BESIDE = Path(__file__).parents[2] / ".nox" / "openai-2"
pytestmark = pytest.mark.skipif(not (BESIDE / "respx").is_dir(), reason="respx is not installed beside: nox -s tests")
APP = """\
import httpx
import openai


def report(url):
    weather = httpx.get("http://weather.example/today").text
    with openai.OpenAI(base_url=url, max_retries=0) as client:
        messages = [{"role": "user", "content": f"Weather: {weather}"}]
        reply = client.chat.completions.create(model="gpt-4o", messages=messages)
        return weather, reply.choices[0].message.content
"""
TESTS = """\
import httpx
import openai
import pytest

from app import report


@FLOW("weather")
def test_report(respx_mock):
    assert "2" == openai.__version__.split(".")[0]
    route = respx_mock.get("http://weather.example/today").mock(return_value=httpx.Response(200, text="rain"))
    respx_mock.route(host="127.0.0.1").pass_through()
    respx_mock.assert_all_called = False
    assert ("rain", "Take a coat.") == report("http://127.0.0.1:9/v1")
    assert 1 == route.call_count
"""
WITH = {"others": ("respx",)}


@pytest.fixture
def weather(tmp_path: Path) -> Iterator[Project]:
    """A marked test that asks a weather service, which respx answers, and then a model."""
    with application(tmp_path / "project") as project:
        project.other_pytest = str(BESIDE)
        write(project.root / "app.py", APP)
        write_tests(project, TESTS)
        for model in ("gpt-4o", "gpt-4.1"):
            project.say(model, {"Weather: rain": "Take a coat."})
        yield project


def test_each_answers_its_own_calls(weather: Project) -> None:
    """Recorded, swapped and offline, the weather comes from respx and the answer from the model or its golden."""
    run(weather, "-q", "--golden=new", **WITH).assert_outcomes(passed=1)
    run(weather, "-q", "--model", "gpt-4.1", **WITH).assert_outcomes(passed=1)
    assert [{"Weather: rain": 2}] * 2 == [weather.models.asked(model) for model in ("gpt-4o", "gpt-4.1")]
    weather.guard()
    run(weather, "-q", **WITH).assert_outcomes(passed=1)
    run(weather, "-q", "--model", "gpt-4.1", "--migrate-offline", **WITH).assert_outcomes(passed=1)
    assert "" == weather.reached_out()


def test_a_candidate_is_judged_though_respx_watches(weather: Project) -> None:
    """What the candidate answers reaches the test's own assertions; the calls of respx are no calls of the flow."""
    run(weather, "-q", "--golden=new", **WITH).assert_outcomes(passed=1)
    weather.say("gpt-4.1", {"Weather: rain": "Stay in."})
    run(weather, "-q", "--model", "gpt-4.1", **WITH).assert_outcomes(failed=1)
    (flow,) = weather.compared()["flows"]
    assert ("breaking", 1) == (flow["groups"][0]["severity"], flow["cases"])
