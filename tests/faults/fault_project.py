"""A project of many cases, half of them streamed, and runs of it against the fault server."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_server import FaultServer
from small_project import OTHERS

HERE = Path(__file__).parent
CANDIDATE = "gpt-4.1"
STREAMED_SHARE = 0.4
CALLS = int(os.environ.get("FAULT_CALLS", "300"))
"""Calls of a run under faults."""
SAMPLES = 5

PROMPT = """\
model: gpt-4o
modelParameters: {{temperature: 0, maxTokens: 100{stream}}}
responseFormat: json_schema
jsonSchema:
  type: object
  additionalProperties: false
  required: [label, amount]
  properties: {{label: {{type: string, enum: [late, broken, lost]}}, amount: {{type: number}}}}
messages:
  - {{role: system, content: Sort the message.}}
  - {{role: user, content: "{{{{ text }}}}"}}
cases: cases/{name}.jsonl
"""
CONFIG = """\
provider = "faulty"
as_of = "2026-01-15"
samples = 1
timeout_s = {timeout_s}
concurrency = {concurrency}

[providers.faulty]
kind = "openai"
base_url = "{url}"
"""


@dataclass
class Finished:
    """A run that came to its end."""

    code: int
    out: str
    seconds: float
    """From start to end, by the clock on the wall."""
    cpu_s: float
    """Of all its processes."""


@dataclass
class FaultProject:
    """A folder with an inventory of `cases` cases, numbered through both flows."""

    root: Path
    cases: int
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, url: str, *, timeout_s: float = 600.0, concurrency: int = 50) -> None:
        """Write prompts, cases and configuration."""
        folder = self.root / "prompts" / "cases"
        folder.mkdir(parents=True, exist_ok=True)
        streamed = round(self.cases * STREAMED_SHARE)
        for name, numbers, stream in (
            ("streamed", range(streamed), ", stream: true"),
            ("plain", range(streamed, self.cases), ""),
        ):
            (self.root / "prompts" / f"{name}.prompt.yml").write_text(PROMPT.format(name=name, stream=stream))
            rows = (json.dumps({"id": f"c{n}", "inputs": {"text": f"case {n} is about a parcel"}}) for n in numbers)
            (folder / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows))
        self.configure(url, timeout_s=timeout_s, concurrency=concurrency)
        plain = " ".join(f"-p no:{name}" for name in OTHERS)
        (self.root / "pytest.ini").write_text(f"[pytest]\naddopts = {plain}\n")

    def configure(self, url: str, *, timeout_s: float = 600.0, concurrency: int = 50) -> None:
        text = CONFIG.format(url=url, timeout_s=timeout_s, concurrency=concurrency)
        (self.root / "prompt-migrate.toml").write_text(text)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Start pytest in the folder."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        environ = {name: value for name, value in environ.items() if name not in ("CI", "PYTHONPATH")}
        environ |= {"PYTHONPATH": str(HERE), "COLUMNS": "120", **self.environ}
        witness = ("-p", "witness") if "WITNESS" in self.environ else ()
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *witness, *args]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *args: str, timeout: float = 900) -> Finished:
        """Run pytest to its end."""
        before, started = os.times(), time.monotonic()
        process = self.start(*args)
        out = process.communicate(timeout=timeout)[0].decode("utf-8", "replace")
        after, seconds = os.times(), time.monotonic() - started
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        print(out[-6000:])
        return Finished(process.returncode, out, seconds, cpu)

    def record(self, server: FaultServer) -> None:
        """Record one sample a case, without faults."""
        done = self.run("-q", "--golden=new")
        assert done.code == 0, done.out[-2000:]
        assert server.books.asked.total() == self.cases

    def compared(self) -> dict[str, Any]:
        """Return what `compare --json` says of the newest replay."""
        command = [sys.executable, "-m", "migrate", "compare", "--json"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=False, env=dict(os.environ))
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def ledger(self, question: str) -> list[tuple[Any, ...]]:
        """Return what the newest run of the ledger answers to SQL about `:run`."""
        path = self.root / ".prompt-migrate" / "ledger.db"
        with closing(sqlite3.connect(path)) as connection:
            (newest,) = connection.execute("SELECT id FROM runs ORDER BY started_at DESC LIMIT 1").fetchone()
            return connection.execute(question, {"run": newest} if ":run" in question else {}).fetchall()

    def state_files(self) -> list[str]:
        """Return what lies in the folder of journals."""
        folder = self.root / ".prompt-migrate" / "journals"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
