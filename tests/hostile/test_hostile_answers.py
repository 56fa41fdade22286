"""The hostile corpus as a model's answers, through the whole product: a server, a run, and everything it writes.

Every entry is one case: as prose, under a schema, or as a tool call and refusal, by turns.
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hostile_answers import corpus
from scripted_server import Scripted, Seen, answer, ok
from small_project import Project, opened

CORPUS = [*corpus()]
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
COMMAND = re.compile(r"^\s*::[A-Za-z]|##[A-Za-z]*\[", re.MULTILINE)
PROSE = """\
model: gpt-4o
parse: text
messages: [{role: user, content: "{{ n }}"}]
cases:
"""
STRICT = """\
model: gpt-4o
parse: json
jsonSchema: {type: object, required: [label], properties: {label: {type: string, pattern: "^(a+)+$", maxLength: 9}}}
messages: [{role: user, content: "{{ n }}"}]
cases:
"""
CALLS = """\
model: gpt-4o
messages: [{role: user, content: "{{ n }}"}]
tools: [{type: function, function: {name: note, parameters: {type: object, properties: {text: {type: string}}}}}]
cases:
"""
PATIENCE_S = 900.0
NAMES = ("prose", "strict", "calls")


def rows(flow: str) -> str:
    """Return the cases of a flow: a third of the corpus each, so that every kind comes to every flow."""
    mine = range(NAMES.index(flow), len(CORPUS), len(NAMES))
    return "".join(f"  - {{id: c{n}, inputs: {{n: {flow} {n}}}}}\n" for n in mine)


def said(seen: Seen) -> Scripted:
    """Answer as the corpus says; the model of today, in the same project, answers plainly."""
    body = seen.json
    flow, number = body["messages"][-1]["content"].split()
    text = CORPUS[int(number)][1]
    if body["model"] == "gpt-4o":
        text = '{"label": "aaa"}' if flow == "strict" else "Plain."
    if flow == "calls" and body["model"] != "gpt-4o":
        call = {"id": text[:40], "type": "function", "function": {"name": text[:40], "arguments": text}}
        half = {"refusal": text} if int(number) % 6 > 2 else {"tool_calls": [call]}
        return ok(answer(None, model=body["model"], **half))
    if flow == "strict" and int(number) % 6 > 2:
        text = json.dumps({"label": text[:5_000]})
    return ok(answer(text, model=body["model"]))


@dataclass
class Hostile:
    """What came of one run over the corpus."""

    project: Project
    code: int
    out: str
    err: str
    document: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, dict[str, int]]:
        return {flow["flow"]: flow["verdicts"] for flow in self.document["flows"]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with plain goldens of today's model."""
    root = tmp_path_factory.mktemp("hostile") / "project"
    prompts = {name: head + rows(name) for name, head in zip(NAMES, (PROSE, STRICT, CALLS), strict=True)}
    with opened(root, prompts) as project:
        project.configure(samples=1)
        project.patience_s = PATIENCE_S
        project.models.script = said
        recorded = project.run("--golden=new", "-q")
        assert 0 == recorded.ret, recorded.stdout.str()[-2000:]
    return root


WAYS: dict[str, tuple[str, ...]] = {"alone": (), "workers": ("-n", "2"), "random": ("-p", "randomly")}


@pytest.fixture(scope="module")
def runs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hostile]:
    """Replays in which every answer of the candidate comes from the corpus: alone, with workers, in random order."""
    root = tmp_path_factory.mktemp("replayed")
    made: dict[str, Hostile] = {}
    for way, arguments in WAYS.items():
        with opened(root / way, template=base) as project:
            project.configure(samples=1)
            project.patience_s = PATIENCE_S
            project.models.script = said
            others = ("randomly",) if way == "random" else ()
            shown = () if way == "random" else ("-vv", "-rA", "--color=no", "--junitxml=junit.xml")
            result = project.run("--model", "gpt-4.1", *shown, *arguments, others=others)
            out, err = result.stdout.str(), result.stderr.str()
            made[way] = Hostile(project, int(result.ret), out, err, project.compared())
    return made


@pytest.fixture(params=["alone", "workers"])
def hostile(request: pytest.FixtureRequest, runs: dict[str, Hostile]) -> Hostile:
    return runs[request.param]


def test_every_case_is_judged_and_the_run_is_red(hostile: Hostile) -> None:
    """Nothing is lost, nothing ends in a traceback, and the exit code is the one for regressions."""
    accounts = hostile.document["run"]["accounts"]
    assert (1, len(CORPUS)) == (hostile.code, accounts["planned"])
    assert accounts["planned"] == accounts["judged"] + sum(n for name, n in accounts.items() if "no_reply" in name)
    assert "INTERNALERROR" not in hostile.out + hostile.err
    # One entry of the corpus says "Traceback" itself, and is then inside a line of ours.
    assert [] == [line for line in (hostile.out + hostile.err).split("\n") if line.startswith("Traceback")]


def test_nothing_on_the_terminal_can_be_obeyed(hostile: Hostile) -> None:
    """No control character, nothing unseen, no command of a CI at the start of any line, on either stream."""
    for text in (hostile.out, hostile.err):
        assert [] == [f"U+{ord(char):04X}" for char in set(UNSAFE.findall(text))]
        assert [] == COMMAND.findall(text)
    assert "<U+009B>2J" in hostile.out
    assert "\\u001b[2J" in hostile.out


def test_the_junit_file_is_whole_and_inert(hostile: Hostile) -> None:
    """The file parses, has every case and no other, and nothing in it would act in a terminal or a log."""
    text = (hostile.project.root / "junit.xml").read_text("utf-8")
    cases = ElementTree.fromstring(text).iter("testcase")
    names = {case.get("name") for case in cases}
    assert len(CORPUS) == len({name for name in names if name})
    assert "forged" not in names
    assert [] == [f"U+{ord(char):04X}" for char in set(UNSAFE.findall(text.replace("\t", "")))]
    assert [] == COMMAND.findall(text)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "JSON"])
def test_a_comparison_of_it_is_inert(hostile: Hostile, form: tuple[str, ...]) -> None:
    """`compare` prints no control character in either form; the JSON is pure ASCII or inert, and whole."""
    result = hostile.project.command("-m", "migrate", "compare", *form)

    text = result.stdout.str()
    assert "Traceback" not in text.split("\n")[0] + result.stderr.str()
    assert [] == [f"U+{ord(char):04X}" for char in set(UNSAFE.findall(text + result.stderr.str()))]
    assert [] == COMMAND.findall(text)
    if form:
        assert len(CORPUS) == json.loads(text)["run"]["accounts"]["planned"]


def test_every_store_is_sound(hostile: Hostile) -> None:
    """Ledger and recordings pass SQLite's check, and every golden is still the one that was recorded."""
    state = hostile.project.root / ".prompt-migrate"
    for name in ("ledger.db", "recordings.db"):
        connection = sqlite3.connect(state / name)
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
        connection.close()
    looked = hostile.project.command("-m", "migrate", "doctor")
    assert f"{len(CORPUS)} goldens, every one whole" in looked.stdout.str()
    assert not (hostile.project.root / "owned").exists()


def test_answers_come_back_as_they_were(hostile: Hostile) -> None:
    """A replay from recordings alone, no server asked, ends in the same verdicts and the same exit code."""
    offline = hostile.project.run("--model", "gpt-4.1", "-q", "--migrate-offline")

    again = hostile.project.compared()
    assert (1, hostile.verdicts) == (offline.ret, {flow["flow"]: flow["verdicts"] for flow in again["flows"]})


def test_goldens_of_it_are_whole_and_inert(base: Path, tmp_path: Path) -> None:
    """Recorded as goldens, the corpus stands in files that show nothing unseen, and it can be replayed and checked."""
    with opened(tmp_path / "project", template=base) as project:
        project.configure(samples=1)
        project.patience_s = PATIENCE_S
        project.models.script = lambda seen: said(replace(seen, body=swapped(seen)))
        recorded = project.run("--golden=rewrite", "-q")
        files = project.files("fixtures")
        offline = project.run("--model", "gpt-4o", "-q")
        checked = project.command("-m", "migrate", "goldens", "check", "--json")

    assert "INTERNALERROR" not in recorded.stdout.str() + offline.stdout.str()
    assert len(CORPUS) + 3 == len(files)
    for name, content in files.items():
        text = content.decode("utf-8")
        assert [] == [f"U+{ord(char):04X}" for char in set(UNSAFE.findall(text))], name
    assert "Traceback" not in checked.stderr.str()


def swapped(seen: Seen) -> bytes:
    """Return the request as if a candidate had been asked."""
    return seen.body.replace(b'"gpt-4o"', b'"gpt-4o-2024-08-06"')


def test_workers_find_what_one_process_finds(runs: dict[str, Hostile]) -> None:
    """With two workers and in random order the exit code, the accounts and the table of verdicts are the same."""
    tables = [(run.code, run.document["run"]["accounts"], run.verdicts) for run in runs.values()]
    assert [tables[0]] * 3 == tables
