"""A small project as a user has it, and models that answer by a script: what the plugin's specification is told with.

Three prompt cases in `prompts/refund.prompt.yml` (JSON, one line each, so that line numbers are easy to name) and two
in `prompts/notes.prompt.yml` (prose). The scripted server is the oracle: what it saw is what was asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scripted_server import Scripted, ScriptedServer, Seen, answer, ok

Says = str | Scripted | Callable[[int], "str | Scripted"]
"""What a model answers: a text, whole bytes of HTTP, or either by the number of the call to it, from 1."""

REFUND = """\
name: Refund triage
model: gpt-4o
modelParameters: {temperature: 0}
responseFormat: json_schema
jsonSchema:
  type: object
  additionalProperties: false
  required: [label, amount]
  properties:
    label: {type: string, enum: [late, broken, lost]}
    amount: {type: number}
messages:
  - {role: system, content: Sort the message.}
  - {role: user, content: "{{ text }}"}
variants:
  terse: {messages: [{role: user, content: "{{ text }}"}]}
cases:
  - {id: late-parcel, inputs: {text: my parcel is late}, expected: {label: late, amount: 3}, tags: [en]}
  - {id: broken-cup, inputs: {text: my cup is broken}, expected: {label: broken, amount: 5}, tags: [en]}
  - {id: lost.letter, inputs: {text: Brief verloren}, expected: {label: lost, amount: 1}, tags: [de]}
"""
NOTES = """\
name: Notes
model: gpt-4o-mini
critical: high
parse: text
messages:
  - {role: user, content: "Note: {{ text }}"}
cases:
  - {id: call-back, inputs: {text: call Ann}, expected: Call Ann.}
  - {id: buy-milk, inputs: {text: buy milk}, expected: Buy milk.}
"""
PROMPTS = {"refund": REFUND, "notes": NOTES}
LATE, BROKEN, LOST = "my parcel is late", "my cup is broken", "Brief verloren"
CALL, MILK = "Note: call Ann", "Note: buy milk"
TODAY = {
    LATE: '{"label": "late", "amount": 3}',
    BROKEN: '{"label": "broken", "amount": 5}',
    LOST: '{"label": "lost", "amount": 1}',
    CALL: "Call Ann.",
    MILK: "Buy milk.",
}
"""What every model answers unless told otherwise."""

LATE_ID = "prompts/refund.prompt.yml::late-parcel"
BROKEN_ID = "prompts/refund.prompt.yml::broken-cup"
LOST_ID = "prompts/refund.prompt.yml::lost.letter"
CALL_ID = "prompts/notes.prompt.yml::call-back"
MILK_ID = "prompts/notes.prompt.yml::buy-milk"

OTHERS = ("randomly", "rerunfailures", "asyncio", "recording", "syrupy", "pytest_cov", "hypothesispytest", "anyio")
"""Plugins of other people that are not loaded unless a test is about them: it saves most of the time of a run."""

CONFIG = """\
provider = "scripted"
as_of = "2026-01-15"
samples = 2

[providers.scripted]
kind = "openai"
base_url = "{url}"
"""

ENDS = ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS", "RERUN")
GUARD = '''
"""Writes down every attempt to reach another process, and every attempt fails."""
import sys


def forbid(event, args):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"):
        if event == "subprocess.Popen" and "simulate" not in args[1]:
            return  # git is asked for the commit, and workers of pytest-xdist are started
        with open("reached-out.txt", "a") as log:
            print(event, args[1:], file=log)
        raise AssertionError(f"no {event} here")


sys.addaudithook(forbid)
'''


@dataclass
class Models:
    """Every model behind one server: what each says to each question, and what was asked."""

    says: dict[tuple[str, str], Says] = field(default_factory=dict)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Every request, as it came."""
    script: Callable[[Seen], Scripted] | None = None
    """What answers instead of them, for tests that are about more than what is said."""

    def __call__(self, seen: Seen) -> Scripted:
        if self.script is not None:
            return self.script(seen)
        body = seen.json
        self.bodies.append(body)
        model, question = body["model"], body["messages"][-1]["content"]
        self.counts[model, question] += 1
        said = self.says.get((model, question), TODAY.get(question, "What?"))
        text = said(self.counts[model, question]) if callable(said) else said
        return text if isinstance(text, Scripted) else ok(answer(text, model=model))

    @property
    def calls(self) -> int:
        return self.counts.total()

    def asked(self, model: str) -> dict[str, int]:
        """Return how often each question was put to a model."""
        return {question: count for (name, question), count in self.counts.items() if name == model}


@dataclass
class Project:
    """A folder with an inventory, and the models it asks."""

    root: Path
    models: Models
    url: str
    environ: dict[str, str] = field(default_factory=dict)
    other_pytest: str | None = os.environ.get("OTHER_PYTEST")
    """A folder with another version of pytest, which is then the one that runs."""
    patience_s: float = 120.0
    """How long one command may take: a hang is noticed, a busy machine is none."""

    def run(self, *args: str, others: tuple[str, ...] = (), addopts: str = "", ini: str = "") -> pytest.RunResult:
        """Run pytest in the folder; `others` are the plugins of other people to load as well."""
        plain = [*(f"-p no:{name}" for name in OTHERS if name not in others), addopts]
        write(self.root / "pytest.ini", f"[pytest]\naddopts = {' '.join(plain)}\n{ini}")
        return self.command("-m", "pytest", *args)

    def command(self, *args: str) -> pytest.RunResult:
        """Run Python in the folder with nothing of the machine's settings."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        for name in ("CI", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "GITHUB_ACTIONS", "PYTHONPATH"):
            environ.pop(name, None)
        environ |= {"COLUMNS": "80", **self.environ}
        if self.other_pytest is not None:
            environ["PYTHONPATH"] = self.other_pytest
        started = time.perf_counter()
        call = [sys.executable, *args]
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": self.patience_s}
        done = subprocess.run(call, cwd=self.root, env=environ, check=False, **quiet)
        out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        print(out, err, sep="\n--- stderr\n")
        return pytest.RunResult(done.returncode, out.split("\n"), err.split("\n"), time.perf_counter() - started)

    def say(self, model: str, answers: Mapping[str, Says]) -> None:
        """From now on the model gives these answers."""
        self.models.says |= {(model, question): said for question, said in answers.items()}

    def write(self, **files: str) -> None:
        """Write prompt files by flow name."""
        for name, text in files.items():
            write(self.root / "prompts" / f"{name}.prompt.yml", text)

    def configure(self, text: str = "", **settings: Any) -> None:
        """Write the configuration anew: the usual one with these settings, then `text`."""
        lines = CONFIG.format(url=self.url).splitlines()
        given = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        kept = [line for line in lines if line.split(" = ")[0] not in settings]
        write(self.root / "prompt-migrate.toml", "\n".join([*given, *kept, text, ""]))

    def guard(self) -> None:
        """Let every run from now on fail when it reaches out."""
        write(self.root / "conftest.py", GUARD)

    def reached_out(self) -> str:
        log = self.root / "reached-out.txt"
        return log.read_text("utf-8") if log.exists() else ""

    def golden(self, flow: str, case: str) -> Path:
        return self.root / "fixtures" / flow / f"{case}.json"

    def files(self, folder: str) -> dict[str, bytes]:
        """Return every file under a folder with its bytes."""
        paths = sorted((self.root / folder).rglob("*"))
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths if path.is_file()}

    def compared(self, *args: str) -> dict[str, Any]:
        """Return what `prompt-migrate compare --json` says of the newest replay."""
        done = self.command("-m", "migrate", "compare", "--json", *args)
        document: dict[str, Any] = json.loads(done.stdout.str())
        return document


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def opened(root: Path, prompts: Mapping[str, str] = PROMPTS, template: Path | None = None) -> Iterator[Project]:
    """Yield a project in an empty folder: a copy of `template`, or one with these prompt files and no golden."""
    models = Models()
    with ScriptedServer(models) as server:
        project = Project(root, models, server.url)
        if template is not None:
            shutil.copytree(template, root, dirs_exist_ok=True)
        else:
            project.write(**prompts)
        project.configure()
        yield project


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose goldens are recorded, two samples a case: made once, and copied for every test."""
    root = tmp_path_factory.mktemp("recorded")
    with opened(root) as project:
        project.run("--golden=new", "-q").assert_outcomes(passed=5)
    return root


@pytest.fixture
def project(tmp_path: Path, recorded: Path) -> Iterator[Project]:
    """A copy of the recorded project, with models of its own."""
    with opened(tmp_path / "project", template=recorded) as project:
        yield project


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """The same project before anything was recorded."""
    with opened(tmp_path / "project") as project:
        yield project


def verdicts(result: pytest.RunResult) -> dict[str, str]:
    """Return how each item of a verbose run ended: `{"prompts/refund.prompt.yml::late-parcel[gpt-4.1]": "PASSED"}`."""
    found = {}
    for line in result.outlines:
        words = [word for word in line.split() if "::" in word or word in ENDS]
        if len(words) == 2 and (line.startswith("[gw") or "::" in words[0]):
            node, end = words if "::" in words[0] else reversed(words)
            found[node] = end
    return found


def gates(result: pytest.RunResult) -> list[str]:
    """Return the reasons a run gives for its exit code, each on one line whatever the width."""
    text = "\n".join(result.outlines).replace("\n  ", " ")
    return [line.removeprefix("gate closed: ") for line in text.split("\n") if line.startswith("gate closed: ")]
