"""`prompt-migrate import`: what other tools and logs hold, as prompt files; what is not taken is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import migrate
from migrate.cli import main
from migrate.edges.inventory import load

SCHEMA = json.loads((Path(migrate.__file__).parent / "schemas/import.schema.json").read_text())
CONFIG = """\
prompts:
  - file://prompts/answer.txt
  - file://make.py:build
  - make.js
  - exec:./make.sh
  - file://../outside.txt
  - {label: short, raw: "Say {{ question }}."}
providers: ["openai:chat:gpt-4o", "openai:gpt-4o-mini"]
tests:
  - description: Where is it
    vars: {question: Where?}
    assert:
      - {type: icontains, value: parcel}
      - {type: is-json}
      - {type: llm-rubric, value: polite}
      - {type: javascript, value: output.length}
      - {type: latency, threshold: 500}
  - vars: {question: [one, two]}
  - file://more.csv
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which commands are called."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def imported(*arguments: str) -> dict[str, Any]:
    """Return the document of an import, which keeps its published schema."""
    result = CliRunner().invoke(main, ["import", "--json", *arguments], catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, SCHEMA)
    return document


def cases(name: str) -> list[dict[str, Any]]:
    """Return the rows of a case file."""
    return [json.loads(line) for line in Path(f"prompts/{name}.cases.jsonl").read_text().splitlines()]


def exchange(text: str, answer: str | None = "late", **request: Any) -> dict[str, Any]:
    """Return one line of a log."""
    messages = [{"role": "system", "content": "Sort {{ it }}."}, {"role": "user", "content": text}]
    reply = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
    response = {"error": "no"} if answer is None else {"model": "gpt-4o-2024-08-06", "choices": [reply]}
    return {"request": {"model": "gpt-4o", "messages": messages, **request}, "response": response}


def write_lines(name: str, rows: list[Any]) -> None:
    """Write a JSONL file."""
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_config(project: Path) -> None:
    """Write a promptfoo project, with a file that a prompt must not reach beside it."""
    (project.parent / "outside.txt").write_text("secret")
    (project / "prompts").mkdir()
    (project / "prompts/answer.txt").write_text("Answer {{question}}\n---\nThen {{question}}\n")
    (project / "more.csv").write_text("question,__expected\nhow?,contains: how\n")
    (project / "make.py").write_text("raise SystemExit('run')")
    (project / "promptfooconfig.yaml").write_text(CONFIG)


def test_import_reads_a_promptfoo_configuration(project: Path) -> None:
    """Every prompt that is data becomes a flow with every test as a case, and the strict loader takes all of it."""
    write_config(project)
    made = imported("promptfooconfig.yaml")
    assert {"answer": 4, "answer-2": 4, "short": 4} == {flow["flow"]: flow["cases"] for flow in made["flows"]}
    assert ["gpt-4o"] * 3 == [flow.prompt.model for flow in load(Path("prompts"), project)]
    first = cases("short")[0]
    assert "Where-is-it" == first["id"]
    assert [{"contains": {"value": "parcel", "ignore_case": True}}, {"json": True}] == first["checks"]
    assert [{"contains": "how"}] == cases("short")[3]["checks"]


def test_import_runs_nothing_and_leaves_no_folder(project: Path) -> None:
    """Programs, other providers, paths that lead out and assertions that ask a model are told, each with its line."""
    write_config(project)
    made = imported("promptfooconfig.yaml")
    told = [(one["what"], one["line"], one["reason"].partition(":")[0]) for one in made["refused"]]
    assert ("prompt", 3, "it is made by Python") in told
    assert ("prompt", 4, "it is made by JavaScript") in told
    assert ("prompt", 5, "it is the output of a program (exec") in told
    assert ("prompt", 6, "../outside.txt leads outside the folder of the file that names it") in told
    assert {"assertion llm-rubric", "assertion javascript", "assertion latency", "provider"} < {one[0] for one in told}


def test_import_tells_of_functions_and_follows_references_in_the_file(project: Path) -> None:
    """A template of assertions in the same file is followed; functions of a provider are not lost in silence."""
    Path("a.yaml").write_text(
        "prompts: ['{{ q }}']\n"
        "providers: [{id: 'openai:gpt-4o', config: {functions: [{name: f}]}}]\n"
        "tests: [{vars: {q: x}, assert: [{$ref: '#/templates/yes'}, {$ref: '#/templates/no'}]}]\n"
        "templates: {yes: {type: contains, value: arr}}\n"
    )
    made = imported("a.yaml")
    assert ["the functions are not carried over: write them as tools"] == made["flows"][0]["open"]
    assert [{"contains": "arr"}] == cases("a")[0]["checks"]
    assert ["it is a reference (#/templates/no): write it out"] == [one["reason"] for one in made["refused"]]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("regex", "("),
        ("not-regex", ""),
        ("contains-any", "a,,b"),
        ("icontains-all", [""]),
        ("word-count", {"min": -1}),
        ("word-count", True),
    ],
)
def test_an_assertion_that_cannot_be_a_check_costs_no_prompt(project: Path, kind: str, value: Any) -> None:
    """What is wrong with one assertion is told with its line; its prompt and case are imported without it."""
    bad, good = {"type": kind, "value": value}, {"type": "contains", "value": "a"}
    test = {"vars": {"q": "x"}, "assert": [bad, good]}
    Path("a.json").write_text(json.dumps({"prompts": ["{{ q }}"], "providers": ["openai:gpt-4o"], "tests": [test]}))
    made = imported("a.json")
    assert [f"assertion {kind}"] == [one["what"] for one in made["refused"]]
    assert [{"contains": "a"}] == cases("a")[0]["checks"]


def test_import_never_overwrites(project: Path) -> None:
    """A second import keeps every file as it is and says so."""
    write_config(project)
    imported("promptfooconfig.yaml")
    before = {path: path.read_bytes() for path in Path("prompts").iterdir()}
    assert {"kept"} == {flow["what"] for flow in imported("promptfooconfig.yaml")["flows"]}
    assert before == {path: path.read_bytes() for path in Path("prompts").iterdir()}


@pytest.mark.parametrize(
    "model",
    [
        "model:\n  api: chat\n  configuration: {type: openai, model: gpt-4o}\n  parameters: {temperature: 0}",
        "model:\n  id: gpt-4o\n  apiType: chat\n  options: {temperature: 0}",
    ],
    ids=["v1", "v2"],
)
def test_import_reads_prompty(project: Path, model: str) -> None:
    """Roles are found before anything is filled in: a sample that looks like a role begins no message."""
    body = 'sample: {name: Ann, q: "user:"}\n---\nsystem:\nHelp {{name}}.\n\nuser:\n{{q}}\n'
    Path("a.prompty").write_text(f"---\nname: Basic\n{model}\n{body}")
    assert [] == imported("a.prompty")["refused"]
    (flow,) = load(Path("prompts"), project)
    assert ["system", "user"] == [message.role for message in flow.prompt.messages]
    assert ("gpt-4o", {"temperature": 0}) == (flow.prompt.model, flow.prompt.parameters)
    assert {"name": "Ann", "q": "user:"} == flow.cases[0].inputs


def test_import_makes_goldens_of_logged_answers(project: Path) -> None:
    """Equal requests are samples of one case; their golden fits what the prompt file renders, and holds no address."""
    write_lines("log.jsonl", [exchange("mail ann@example.com"), exchange("mail ann@example.com", "lost")])
    (flow,) = imported("log.jsonl")["flows"]
    assert (1, 1, 2, "production_sample") == tuple(
        flow[key] for key in ("cases", "goldens", "samples", "golden_source")
    )
    (case,) = cases(flow["flow"])
    assert "production_sample" == case["x-golden-source"]
    texts = [path.read_text() for path in Path().rglob("*.*") if path.is_file() and path.name != "log.jsonl"]
    assert not any("ann@example.com" in text for text in texts)
    result = CliRunner().invoke(main, ["goldens", "check"])
    assert "stale" not in result.output
    assert "missing" not in result.output


def test_import_reads_bodies_that_were_logged_as_texts(project: Path) -> None:
    """A proxy that keeps a body as a text of JSON logs the same; a text that is none is told as ever."""
    rows = [exchange("late"), exchange("lost", None)]
    write_lines("log.jsonl", [{name: json.dumps(body) for name, body in row.items()} for row in rows])
    made = imported("log.jsonl")
    assert [(2, 1)] == [(flow["cases"], flow["goldens"]) for flow in made["flows"]]
    write_lines("broken.jsonl", [*rows[:1], {"request": "{", "response": "{}"}])
    assert [2] == [one["line"] for one in imported("broken.jsonl")["refused"]]


def test_import_makes_no_golden_of_another_request(project: Path) -> None:
    """A parameter that prompt files cannot say makes another request: its answers are not used, and that is said."""
    write_lines("log.jsonl", [exchange("late", n=2), exchange("other words", None, n=2)])
    (flow,) = imported("log.jsonl")["flows"]
    assert 0 == flow["goldens"]
    assert [
        "1 x no answer was logged",
        "1 x the prompt file renders another request than was logged: n differs",
    ] == flow["to_record"]


def test_import_joins_batch_files_by_custom_id(project: Path) -> None:
    """The answers of a batch stand in another file, in another order."""
    lines = [exchange(text) for text in ("my parcel", "wrong invoice")]
    requests = [
        {"custom_id": f"r{at}", "method": "POST", "url": "/v1/chat/completions", "body": line["request"]}
        for at, line in enumerate(lines)
    ]
    answers = [
        {"custom_id": name, "response": {"status_code": 200, "body": lines[0]["response"]}}
        for name in ("r1", "r0", "r9")
    ]
    write_lines("in.jsonl", requests)
    write_lines("out.jsonl", answers)
    made = imported("out.jsonl", "in.jsonl")
    assert [2] == [flow["goldens"] for flow in made["flows"]]
    assert [3] == [one["line"] for one in made["refused"]]


def test_import_samples_strata_the_same_way_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample takes as many of each stratum, the same for the same seed whatever the order of the log."""
    rows = [{**exchange(str(at) * 40), "country": "de" if at % 2 else "fr"} for at in range(40)]
    drawn = []
    for name, given in (("one", rows), ("two", rows[::-1])):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write_lines("log.jsonl", given)
        (flow,) = imported("log.jsonl", "--sample", "3", "--per", "country")["flows"]
        assert (6, 40) == (flow["cases"], sum(flow[key] for key in ("cases", "near_duplicates", "over_sample")))
        drawn.append(sorted(row["id"] for row in cases(flow["flow"])))
    assert drawn[0] == drawn[1]


def test_import_draws_every_stratum_of_every_flow(project: Path) -> None:
    """Flows are strata of their own, however rare; inside them near-duplicates do not use up the sample."""
    rows = [exchange(f"{word} {at}") for at in range(12) for word in ("parcel", "cup")]
    for at, row in enumerate(rows):
        row["flow"] = "common" if at % 12 else "rare"
    write_lines("log.jsonl", rows)
    made = imported("log.jsonl", "--sample", "4", "--per", "flow", "--near", "0")
    assert {"rare": (2, 0, 0), "common": (4, 0, 18)} == {
        flow["flow"]: (flow["cases"], flow["near_duplicates"], flow["over_sample"]) for flow in made["flows"]
    }


def test_import_folds_what_users_asked_again(project: Path) -> None:
    """Who asks makes no other request: the answers are samples of one case, at most as many as are recorded of one."""
    write_lines("log.jsonl", [exchange("late?", str(at), user=f"u-{at}") for at in range(20)])
    (flow,) = imported("log.jsonl")["flows"]
    assert (1, 19, 1, 5, 15) == tuple(flow[key] for key in ("cases", "folded", "goldens", "samples", "unused_answers"))
    (golden,) = Path("fixtures").glob("*/case-*.json")
    samples = json.loads(golden.read_text())["samples"]
    assert [["0"], ["4"], ["8"], ["12"], ["16"]] == [sample["calls"][0]["answer"]["lines"] for sample in samples]


def test_import_takes_near_duplicates_once(project: Path) -> None:
    """Of two requests that differ by one sign one is taken, and the other counted."""
    write_lines(
        "log.jsonl",
        [exchange("where is the parcel I sent on Monday"), exchange("where is the parcel I sent on Monday?")],
    )
    (flow,) = imported("log.jsonl")["flows"]
    assert (1, 1) == (flow["cases"], flow["near_duplicates"])


def test_import_maps_columns(project: Path) -> None:
    """Columns become inputs and expectations; without a mapping the columns are told, and what to type."""
    Path("q.csv").write_text("question,answer\nwhere?,here\n")
    assert "--map vars.NAME=COLUMN" in imported("q.csv")["refused"][0]["reason"]
    imported("q.csv", "--map", "vars.q=question", "--map", "expected=answer")
    assert [({"q": "where?"}, "here")] == [(case["inputs"], case["expected"]) for case in cases("q")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "prompts: [*a]\n"),
        ("a.yaml", "prompts: [!!python/object:os.system x]\nproviders: [openai:gpt-4o]\n"),
        ("a.json", '{"prompts": '),
        ("a.jsonl", "[1]\n{\n"),
        ("a.csv", 'a,b\n"x\n'),
        ("a.prompty", "no front matter"),
        ("a.prompty", "---\nmodel: [\n---\nuser:\nx\n"),
        ("a.prompty", "---\nmodel: gpt-4o\n---\nuser:\n{% if %}\n"),
        ("make.js", "process.exit()"),
        ("a.yaml", "prompts: ['{{ x | dump }}']\nproviders: [openai:gpt-4o]\ntests: [{vars: {x: 1}}]\n"),
    ],
)
def test_import_tells_what_it_cannot_read(project: Path, name: str, text: str) -> None:
    """Whatever a file holds, the end is a sentence with a place, and no prompt file that would not load."""
    Path(name).write_text(text)
    made = imported(name)
    assert [name] == sorted({one["file"] for one in made["refused"]})
    assert all(one["reason"] for one in made["refused"])
    if Path("prompts").exists():
        load(Path("prompts"), project)
