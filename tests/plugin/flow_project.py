"""A project whose prompts live in its application: two chained calls, a parser, and tests marked as flows.

The mark is written `@FLOW` here: pytest opens only files that speak of it, and this one is no test of an application.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from small_project import Project, opened, write

LATE, BROKEN = "my parcel is late", "my cup is broken"
SORTED = {LATE: '{"label": "late", "amount": 3}', BROKEN: '{"label": "broken", "amount": 5}'}
ANSWERS = {**SORTED, "Answer a case of late": "Sorry for 3 days.", "Answer a case of broken": "Sorry, 5 EUR."}
APP = """\
import json

import openai


def sort(client, text):
    messages = [{"role": "system", "content": "Sort. JSON only."}, {"role": "user", "content": text}]
    reply = client.chat.completions.create(model="gpt-4o", messages=messages, temperature=0)
    return json.loads(reply.choices[0].message.content)


def desk(text):
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        found = sort(client, text)
        question = f"Answer a case of {found['label']}"
        reply = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": question}])
        return {"found": found, "reply": reply.choices[0].message.content}
"""
TESTS = """\
import pytest

from app import desk


@FLOW("refund", critical="high")
@pytest.mark.parametrize("text", ["my parcel is late", "my cup is broken"], ids=["late", "broken"])
def test_desk(text, golden):
    answer = desk(text)
    golden.check(answer["found"], name="found")
    assert answer["reply"].startswith("Sorry")


def test_plain():
    pass
"""
LATE_ID, BROKEN_ID = "tests/test_app.py::test_desk[late]", "tests/test_app.py::test_desk[broken]"


def against(node: str, candidate: str) -> str:
    """Return the id of a marked test against a candidate."""
    return f"{node[:-1]}-{candidate}]"


def marked(text: str) -> str:
    return text.replace("@FLOW", "@pytest.mark" + ".flow")


def write_tests(project: Project, text: str, name: str = "test_app") -> None:
    write(project.root / "tests" / f"{name}.py", marked(text))


def run(project: Project, *args: str, **more: Any) -> pytest.RunResult:
    """Run pytest as a project with a folder of tests does."""
    ini = more.pop("ini", "") + "testpaths = tests\npythonpath = .\n"
    return project.run(*args, ini=ini, **more)


def golden(project: Project, case: str = "test_desk-late", flow: str = "refund") -> Any:
    return json.loads(project.golden(flow, case).read_text("utf-8"))


@contextmanager
def application(root: Path, template: Path | None = None) -> Iterator[Project]:
    """Yield a project without prompt files, with an application and its tests; a copy of `template` when given."""
    with opened(root, prompts={}, template=template) as project:
        if template is None:
            write(project.root / "app.py", APP)
            write_tests(project, TESTS)
        project.say("gpt-4o", ANSWERS)
        project.say("gpt-4.1", ANSWERS)
        yield project


@pytest.fixture(scope="session")
def recorded_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with its goldens recorded, two samples a test."""
    root = tmp_path_factory.mktemp("recorded-app")
    with application(root) as project:
        run(project, "--golden=new", "-q").assert_outcomes(passed=2, deselected=1)
        assert 8 == project.models.calls
    return root


@pytest.fixture
def app(tmp_path: Path, recorded_app: Path) -> Iterator[Project]:
    """A copy of the recorded project, with models of its own."""
    with application(tmp_path / "project", recorded_app) as project:
        yield project


@pytest.fixture
def fresh_app(tmp_path: Path) -> Iterator[Project]:
    """The same project before anything was recorded."""
    with application(tmp_path / "project") as project:
        yield project
