"""The child process: ready at once, stopped with its parent, and plain about what is wrong."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from migrate.cli.simulate import simulate
from migrate.edges.providers.simulated import SimulatedServer, child_command
from migrate.errors import UsageProblem

PROMPT = """\
name: Greeting
model: gpt-4o
messages:
  - {role: system, content: Answer in one sentence.}
  - {role: user, content: "{{ name }} says hello"}
variants:
  warm:
    messages:
      - {role: user, content: "Be warm to {{ name }}"}
checks:
  - contains: "{{ expected }}"
cases:
  - {id: anna, inputs: {name: Anna}, expected: Hello Anna.}
  - {id: bob, inputs: {name: Bob}, expected: Hello Bob.}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one flow, one variant and two cases."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "greeting.prompt.yml").write_text(PROMPT)
    return tmp_path


def answers(url: str) -> bool:
    """Say whether a server is there."""
    try:
        urllib.request.urlopen(f"{url}/models", timeout=5)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def gone(pid: int) -> None:
    """Wait for the end of a process that is no child of ours."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], 20)[0]
    finally:
        os.close(descriptor)


def test_a_child_answers_for_the_inventory(project: Path) -> None:
    """The child knows every case of the project's prompts, in every wording, and logs by flow, case and variant."""
    log = project / "state" / "habits.jsonl"
    with SimulatedServer() as server:
        url = server.start(child_command(prompts="prompts", time_scale=0, habit_log=log), cwd=project)
        with openai.OpenAI(base_url=url, api_key="any") as client:
            system: Any = {"role": "system", "content": "Answer in one sentence."}
            today = [system, {"role": "user", "content": "Bob says hello"}]
            warm: Any = [{"role": "user", "content": "Be warm to Anna"}]
            said = [client.chat.completions.create(model="gpt-4o", messages=messages) for messages in (today, warm)]
    assert ["Hello Bob.", "Hello Anna."] == [reply.choices[0].message.content for reply in said]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [("greeting", "bob", None), ("greeting", "anna", "warm")] == [
        (line["flow"], line["case"], line["variant"]) for line in lines
    ]


def test_stopping_ends_the_child(project: Path) -> None:
    """After `stop` nothing listens any more; stopping twice is no error."""
    server = SimulatedServer()
    url = server.start(child_command(), cwd=project)
    assert answers(url)
    server.stop()
    server.stop()
    assert not answers(url)


def test_the_child_dies_with_its_parent(project: Path) -> None:
    """When the parent is killed without a word, the child goes too."""
    code = (
        "import sys, time; from migrate.edges.providers.simulated import SimulatedServer, child_command; "
        "server = SimulatedServer(); url = server.start(child_command()); "
        "print(url, server.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url, pid = parent.stdout.readline().split()
        assert answers(url)
        parent.kill()
        parent.wait()
        gone(int(pid))
    assert not answers(url)


def test_sigterm_ends_the_child(project: Path) -> None:
    """SIGTERM is a normal end, with exit code 0."""
    with subprocess.Popen(
        child_command(), cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["ready"]
        child.send_signal(signal.SIGTERM)
        assert 0 == child.wait(20)


def test_a_child_that_cannot_start_says_why(project: Path) -> None:
    """A broken inventory is reported with file and line, through the parent's own error."""
    (project / "prompts" / "greeting.prompt.yml").write_text(PROMPT.replace("model: gpt-4o\n", "modle: gpt-4o\n"))
    with pytest.raises(UsageProblem, match=r"did not start(.|\n)*greeting\.prompt\.yml:2"):
        SimulatedServer().start(child_command(), cwd=project)


def test_a_child_that_says_nothing_is_not_waited_for() -> None:
    """A command that ends without the ready line is a usage problem, not a wait."""
    with pytest.raises(UsageProblem, match="it said nothing"):
        SimulatedServer().start([sys.executable, "-c", "pass"])


def test_a_taken_port_is_named(project: Path) -> None:
    """Asking for a port that is in use says which."""
    with SimulatedServer() as server:
        port = server.start(child_command(), cwd=project).rsplit(":", 1)[1].removesuffix("/v1")
        out = CliRunner().invoke(simulate, ["--port", port, "--root", str(project), "--quiet"])
    assert (1, True) == (out.exit_code, f"port {port} on 127.0.0.1 cannot be used" in out.output)


def test_words_for_people(project: Path) -> None:
    """Started by hand it says where it is, with which seed and time scale, and how to point an application at it."""
    command = [sys.executable, "-m", "migrate", "simulate", "--seed", "9", "--model", "my-model"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(20)
    said = "".join(lines)
    assert lines[0].startswith("simulated provider at http://127.0.0.1:")
    for part in ("seed 9, time scale 0.05", "4 rendered cases", "my-model", "export OPENAI_BASE_URL=http"):
        assert part in said
