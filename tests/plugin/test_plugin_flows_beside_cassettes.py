"""Marked tests beside pytest-recording: the cassette has the calls that are not of the API, and those alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_project import application, run, write_tests
from small_project import Project, write

APP = """\
import httpx2
import openai


def report():
    weather = httpx2.get("http://weather.example/today").text
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1") as client:
        messages = [{"role": "user", "content": f"Weather: {weather}"}]
        reply = client.chat.completions.create(model="gpt-4o", messages=messages)
        return weather, reply.choices[0].message.content
"""
TESTS = """\
import pytest

from app import report


@pytest.fixture(scope="module")
def vcr_config():
    return {"ignore_localhost": True}


@FLOW("weather")
@pytest.mark.vcr
def test_report():
    assert ("rain", "Take a coat.") == report()
"""
CASSETTE = """\
interactions:
- request:
    body: ''
    headers: {}
    method: GET
    uri: http://weather.example/today
  response:
    body:
      string: rain
    headers:
      content-type: [text/plain]
    status:
      code: 200
      message: OK
version: 1
"""
WITH = {"others": ("recording",)}


@pytest.fixture
def weather(tmp_path: Path) -> Iterator[Project]:
    """A marked test that asks a weather service, which a cassette plays, and then a model."""
    with application(tmp_path / "project") as project:
        write(project.root / "app.py", APP)
        write_tests(project, TESTS)
        write(project.root / "tests" / "cassettes" / "test_app" / "test_report.yaml", CASSETTE)
        for model in ("gpt-4o", "gpt-4.1"):
            project.say(model, {"Weather: rain": "Take a coat."})
        yield project


def test_each_answers_its_own_calls(weather: Project) -> None:
    """Recorded, swapped and offline, the weather comes from the cassette, which holds no call of ours afterwards."""
    before = weather.files("tests/cassettes")
    run(weather, "-q", "--golden=new", **WITH).assert_outcomes(passed=1)
    run(weather, "-q", "--model", "gpt-4.1", **WITH).assert_outcomes(passed=1)
    assert [{"Weather: rain": 2}] * 2 == [weather.models.asked(model) for model in ("gpt-4o", "gpt-4.1")]
    weather.guard()
    run(weather, "-q", "--record-mode=none", **WITH).assert_outcomes(passed=1)
    run(weather, "-q", "--model", "gpt-4.1", "--migrate-offline", **WITH).assert_outcomes(passed=1)
    assert ("", before) == (weather.reached_out(), weather.files("tests/cassettes"))


def test_a_cassette_that_knows_the_old_model_is_no_answer(weather: Project) -> None:
    """A cassette without a word for us would play the baseline's answer for the candidate: that is found out."""
    write_tests(weather, TESTS.replace('{"ignore_localhost": True}', '{"record_mode": "new_episodes"}'))
    run(weather, "-q", "--golden=new", **WITH).assert_outcomes(passed=1)
    replay = run(weather, "-q", "--model", "gpt-4.1", **WITH)
    assert b"Take a coat." in b"".join(weather.files("tests/cassettes").values())
    replay.assert_outcomes(errors=1)
    replay.stdout.fnmatch_lines(["*wrong_model*gpt-4o*"])
    assert {} == weather.models.asked("gpt-4.1")
