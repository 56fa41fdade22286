"""The jobs that are timed against each other: each is a command in a folder of its own, doing the same work.

The work: N prompts of about 1 KB, JSON answers of about 330 bytes checked against one schema, 50 in flight.
"""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = {
    "type": "object",
    "required": ["id", "category", "priority", "language", "needs_human", "confidence", "items", "reason"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "category": {"enum": ["delivery", "billing", "return", "other"]},
        "priority": {"enum": ["low", "normal", "high"]},
        "language": {"type": "string", "minLength": 2, "maxLength": 2},
        "needs_human": {"type": "boolean"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "properties": {
                    "sku": {"type": "string"},
                    "quantity": {"type": "integer"},
                    "price": {"type": "number"},
                },
            },
        },
        "reason": {"type": "string"},
    },
}
SYSTEM = (
    "You sort customer messages of an outdoor retailer. Read the message, find out what the customer wants, which "
    "articles it is about and how urgent it is. Answer with one JSON object that has the keys id, category, priority, "
    "language, needs_human, confidence, items and reason, and nothing else: no fence, no comment. Categories are "
    "delivery, billing, return and other; priorities are low, normal and high. Languages are written as two letters. "
    "A message that threatens legal steps, speaks of an injury or asks for a person needs a human. "
)


def message(number: int) -> str:
    """Return the n-th customer message, about 400 bytes."""
    return (
        f"Message {number}: my parcel NL-2025-{100000 + number} was marked as delivered on Tuesday, but nobody rang "
        "and nothing was left at the door. I have asked the neighbours twice. It held two gas canisters and a stove, "
        f"{number} in all, and I need them before the weekend because we are leaving for the mountains. Can you please "
        "find out where it is, or send the articles again by express? I would rather not wait for another week."
    )


def body(number: int, model: str = "gpt-4.1") -> dict[str, object]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": message(number)}]
    return {"model": model, "messages": messages, "temperature": 0}


@dataclass(frozen=True)
class Job:
    """One command to time."""

    name: str
    command: list[str]
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    expected_exit: int = 0


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


SDK_LOOP = """
import asyncio, json, sys
from openai import AsyncOpenAI
from contenders import body

async def main(url, count):
    client, gate = AsyncOpenAI(api_key="k", base_url=url), asyncio.Semaphore(50)
    async def one(n):
        async with gate:
            answer = await client.chat.completions.create(**body(n))
            return json.loads(answer.choices[0].message.content)
    answers = await asyncio.gather(*(one(n) for n in range(count)))
    assert len(answers) == count

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

POST_LOOP = """
import asyncio, json, sys
import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient
from contenders import body

async def main(url, count):
    client = AsyncOpenAI(api_key="k", base_url=url, http_client=DefaultAioHttpClient())
    numbers, done = iter(range(count)), []
    async def work():
        for n in numbers:
            answer = await client.post("/chat/completions", body=body(n), cast_to=httpx2.Response)
            done.append(json.loads(answer.content)["choices"][0]["message"]["content"])
    await asyncio.gather(*(work() for _ in range(50)))
    assert len(done) == count
    await client.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

BAREST_PLUGIN = """
import json, sqlite3
import jsonschema_rs, pytest
from contenders import SCHEMA

def pytest_collect_file(file_path, parent):
    if file_path.name == "cases.db":
        return Cases.from_parent(parent, path=file_path)

class Cases(pytest.File):
    def collect(self):
        self.db = sqlite3.connect(self.path)
        self.valid = jsonschema_rs.validator_for(SCHEMA)
        self.out = []
        for case, golden, recorded in self.db.execute("select id, golden, recorded from cases order by id"):
            item = Case.from_parent(self, name=f"case-{case}")
            item.golden, item.recorded = golden, recorded
            yield item

class Case(pytest.Item):
    def runtest(self):
        value = json.loads(self.recorded)
        assert self.parent.valid.is_valid(value)
        assert value == json.loads(self.golden)
        self.parent.out.append((self.name, "same", self.recorded))

def pytest_sessionfinish(session):
    rows = [row for parent in {item.parent for item in session.items} for row in parent.out]
    with sqlite3.connect("out.db") as db:
        db.execute("create table if not exists results (name, verdict, text)")
        db.executemany("insert into results values (?, ?, ?)", rows)
"""

VCR_TEST = """
import json
import jsonschema_rs, pytest
from openai import OpenAI
from contenders import SCHEMA, body

client = OpenAI(api_key="k", base_url="{url}", max_retries=0)
valid = jsonschema_rs.validator_for(SCHEMA)

@pytest.mark.vcr(match_on=["method", "uri", "body"])
@pytest.mark.parametrize("number", range({count}))
def test_case(number):
    answer = client.chat.completions.create(**body(number))
    assert valid.is_valid(json.loads(answer.choices[0].message.content))
"""


def sdk_loop(folder: Path, url: str, count: int) -> Job:
    return _script("SDK create loop", folder / "sdk_loop.py", SDK_LOOP, url, count)


def post_loop(folder: Path, url: str, count: int) -> Job:
    return _script("SDK low-level post loop, aiohttp", folder / "post_loop.py", POST_LOOP, url, count)


def _script(name: str, path: Path, text: str, url: str, count: int) -> Job:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return Job(name, python(str(path), url, str(count)), path.parent)


def barest_plugin(folder: Path, answer: str, count: int) -> Job:
    """Return the least a pytest plugin can do: read recorded answers, check, compare, store."""
    import sqlite3

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conftest.py").write_text(BAREST_PLUGIN, encoding="utf-8")
    with sqlite3.connect(folder / "cases.db") as db:
        db.execute("create table cases (id integer primary key, golden text, recorded text)")
        db.executemany("insert into cases values (?, ?, ?)", ((n, answer, answer) for n in range(count)))
    quiet = ("-q", "-p", "no:cacheprovider")
    return Job("barest pytest plugin, offline", python("-m", "pytest", *quiet, "cases.db"), folder)


def recording_plugin(folder: Path, url: str, count: int) -> tuple[Job, Job]:
    """Return pytest-recording's job: record once, then replay from its cassettes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_cases.py").write_text(VCR_TEST.format(url=url, count=count), encoding="utf-8")
    run = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_recording.plugin")
    return (
        Job("pytest-recording, record", [*run, "--record-mode=rewrite"], folder),
        Job("pytest-recording, replay", [*run, "--record-mode=none"], folder),
    )


def our_project(folder: Path, url: str, count: int, samples: int) -> Path:
    """Write a project of N cases for prompt-migrate."""
    (folder / "prompts" / "cases").mkdir(parents=True, exist_ok=True)
    prompt = {
        "model": "gpt-4o",
        "modelParameters": {"temperature": 0},
        "parse": "json",
        "jsonSchema": SCHEMA,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "{{ message }}"}],
        "cases": "cases/bench.jsonl",
    }
    (folder / "prompts" / "bench.prompt.yml").write_text(json.dumps(prompt, indent=1), encoding="utf-8")
    with (folder / "prompts" / "cases" / "bench.jsonl").open("w", encoding="utf-8") as lines:
        for n in range(count):
            lines.write(json.dumps({"id": f"case-{n}", "inputs": {"message": message(n)}}) + "\n")
    (folder / "prompt-migrate.toml").write_text(
        f'provider = "loopback"\nsamples = {samples}\n[providers.loopback]\nkind = "openai"\nbase_url = "{url}"\n',
        encoding="utf-8",
    )
    return folder


def lengthen(folder: Path, size: int) -> None:
    """Give a project one case with a message of so many bytes, of plain words and no two lines alike."""
    text = "".join(f"Line {n}: {message(n)}\n" for n in range(size // len(message(0)) + 1))[:size]
    line = json.dumps({"id": "case-0", "inputs": {"message": text}}) + "\n"
    (folder / "prompts" / "cases" / "bench.jsonl").write_text(line, encoding="utf-8")


def ours(folder: Path, name: str, *words: str) -> Job:
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "migrate.pytest_plugin")
    return Job(name, python("-m", "pytest", *quiet, *words), folder)


PROMPTFOO = """
description: bench
prompts: [file://prompt.json]
providers:
  - id: openai:chat:gpt-4.1
    config: {{apiBaseUrl: "{url}", apiKey: k, temperature: 0}}
defaultTest:
  assert:
    - type: is-json
      value: file://schema.json
tests: file://tests.json
"""


def promptfoo(folder: Path, url: str, count: int, binary: str) -> Job:
    """Return promptfoo's job over the same prompts, 50 in flight, no cache."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    prompt = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "{{ message }}"}]
    (folder / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    tests = [{"vars": {"message": message(n)}} for n in range(count)]
    (folder / "tests.json").write_text(json.dumps(tests), encoding="utf-8")
    (folder / "promptfooconfig.yaml").write_text(PROMPTFOO.format(url=url), encoding="utf-8")
    words = ["eval", "--no-cache", "--no-progress-bar", "--no-table", "-j", "50", "-o", "out.json"]
    off = {
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder / "state"),
        "OPENAI_API_KEY": "k",
    }
    return Job("promptfoo", [binary, *words], folder, off)
