"""`prompt-migrate init`, `validate` and `list`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from migrate.cli import main

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
PROMPT = 'model: gpt-4o\nmessages:\n  - {role: user, content: "{{ question }}"}\n'
FULL = """\
name: Refund triage
owner: payments-team
critical: high
model: gpt-4o
api: responses
jsonSchema: {type: object, required: [total]}
tools: [{name: get_order}]
messages:
  - {role: user, content: "{{ question }}"}
cases:
  - {id: late, inputs: {question: Where?}, tags: [de]}
  - {id: lost, inputs: {question: Gone?}}
checks: [{json: true}]
rules: {$.total: exact}
variants: {terse: {messages: [{role: user, content: Hi}]}}
samples: 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="prompt-migrate", catch_exceptions=False)


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(found)}


def valid(name: str, text: str) -> Any:
    document = json.loads(text)
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(schema)
    assert [] == [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(document)]
    return document


# --- init -------------------------------------------------------------------------------------------------


def test_init_makes_a_project_that_is_sound(project: Path) -> None:
    """An empty folder becomes a project that `validate` finds nothing wrong with."""
    result = run("init")
    assert (0, "") == (result.exit_code, result.stderr)
    assert [
        ".gitattributes",
        ".gitignore",
        "fixtures/README.md",
        "prompt-migrate.toml",
        "prompts/example.prompt.yml",
    ] == [*files(project)]
    assert "1 flow, 3 cases: no problems\n" == run("validate").stdout
    assert "pytest --golden=new" in result.stdout


def test_init_changes_nothing_the_second_time(project: Path) -> None:
    """Repeating it is safe: every file keeps its bytes."""
    run("init")
    before = files(project)
    result = run("init")
    assert (0, before) == (result.exit_code, files(project))
    assert "wrote" not in result.stdout


def test_init_never_overwrites(project: Path) -> None:
    """What is there stays as it is; lines are added to git's files, and a table to `pyproject.toml`."""
    (project / "pyproject.toml").write_text('[project]\nname = "shop"')
    (project / ".gitignore").write_text("*.log")
    (project / ".gitattributes").write_text("prompts/** text eol=lf\n")
    (project / "prompts").mkdir()
    (project / "prompts" / "own.prompt.yml").write_text(PROMPT)
    result = run("init")
    made = files(project)
    assert made["pyproject.toml"].startswith('[project]\nname = "shop"\n[tool.prompt-migrate]\n')
    assert "*.log\n.prompt-migrate/\nreports/\n" == made[".gitignore"]
    assert "prompts/** text eol=lf\nfixtures/** text eol=lf linguist-generated=true\n" == made[".gitattributes"]
    assert PROMPT == made["prompts/own.prompt.yml"]
    assert "prompts/example.prompt.yml" not in made
    assert "added to pyproject.toml\n" in result.stdout
    assert 0 == run("validate").exit_code


def test_init_keeps_to_the_configuration(project: Path) -> None:
    """In a configured project the folders are those of the configuration."""
    (project / "prompt-migrate.toml").write_text('prompts = "questions"\nfixtures = "answers"\n')
    run("init")
    assert {"questions/example.prompt.yml", "answers/README.md"} < {*files(project)}


def test_init_where_nothing_can_be_written(project: Path) -> None:
    """A file in the way is told in a sentence."""
    (project / "prompts").write_text("a file")
    result = run("init")
    assert 2 == result.exit_code
    assert "prompt-migrate: " in result.stderr
    assert "cannot be written" in result.stderr


# --- validate ---------------------------------------------------------------------------------------------


def test_validate_tells_problems_of_files_and_of_rendering(project: Path) -> None:
    """A file that loads is rendered case by case; one mistake in many cases is told once."""
    (project / "prompts").mkdir()
    rows = "".join(f"  - {{id: c{at}, inputs: {{questoin: Where?}}}}\n" for at in range(3))
    (project / "prompts" / "a.prompt.yml").write_text(PROMPT + "cases:\n" + rows)
    result = run("validate")
    told = (
        'prompts/a.prompt.yml:3 at $.messages[0].content: case a/c0: "question" is not among the inputs, '
        'and 2 more cases (did you mean "questoin"?)\n1 flow, 3 cases: 1 problem\n'
    )
    assert (2, told) == (result.exit_code, result.stdout)


@pytest.mark.parametrize(
    ("name", "text"),
    [("prompts/a.prompt.yml", "mesages: []\nmodel: gpt-4o\n"), ("prompt-migrate.toml", "sampels = 3\n")],
)
def test_validate_in_json(project: Path, name: str, text: str) -> None:
    """With --json every problem is data, whether of the inventory or of the configuration."""
    (project / "prompts").mkdir()
    (project / name).write_text(text)
    result = run("validate", "--json")
    document = valid("validate", result.stdout)
    assert (2, 0, "") == (result.exit_code, document["flows"], result.stderr)
    assert {"file": name, "line": 1} == {key: document["problems"][0][key] for key in ("file", "line")}
    assert document["problems"][0]["hint"].startswith("did you mean")


def test_validate_without_problems_in_json(project: Path) -> None:
    """A sound inventory has an empty list of problems and exit code 0."""
    run("init")
    result = run("validate", "--json")
    assert {"format": 1, "flows": 1, "cases": 3, "lapsed": [], "problems": []} == valid("validate", result.stdout)
    assert 0 == result.exit_code


def test_validate_without_an_inventory(project: Path) -> None:
    """Where a project has no prompts folder the exit code says so."""
    (project / "prompt-migrate.toml").write_text("samples = 3\n", encoding="utf-8")
    result = run("validate")
    assert (2, "prompts: there is no such folder\n1 problem\n") == (result.exit_code, result.stdout)


def test_problems_are_printed_inert(project: Path) -> None:
    """What a file says cannot move the cursor or speak to the CI's log."""
    (project / "prompts").mkdir()
    (project / "prompts" / "a.prompt.yml").write_text(PROMPT + '"\\e[31mred": 1\n"::error::x": 2\n')
    result = run("validate")
    assert "\x1b" not in result.stdout
    assert "\n::error" not in result.stdout


# --- list -------------------------------------------------------------------------------------------------


def test_list(project: Path) -> None:
    """A table of flows that fits 80 columns, and the totals."""
    (project / "prompts").mkdir()
    (project / "prompts" / "refund.prompt.yml").write_text(FULL)
    (project / "prompts" / "very-long-name-of-a-flow-that-somebody-chose-in-a-hurry.prompt.yml").write_text(PROMPT)
    (project / "prompt-migrate.toml").write_text('candidates = ["gpt-4.1"]\n')
    result = run("list")
    lines = result.stdout.splitlines()
    assert (0, "") == (result.exit_code, result.stderr)
    assert max(map(len, lines)) <= 80
    assert ["refund", "gpt-4o", "2", "3", "responses", "high"] == lines[1].split()[:6]
    assert "2 flows, 2 cases; candidates: gpt-4.1" == lines[-1]


def test_list_with_cases(project: Path) -> None:
    """With --cases each case is listed with the place it stands at."""
    (project / "prompts").mkdir()
    (project / "prompts" / "refund.prompt.yml").write_text(FULL)
    lines = run("list", "--cases").stdout.splitlines()
    assert ["  refund/late  prompts/refund.prompt.yml:11", "  refund/lost  prompts/refund.prompt.yml:12"] == lines[-2:]


def test_list_in_json(project: Path) -> None:
    """The JSON document holds what the table holds, by the published schema."""
    (project / "prompts").mkdir()
    (project / "prompts" / "refund.prompt.yml").write_text(FULL)
    expected = {
        "flow": "refund",
        "name": "Refund triage",
        "owner": "payments-team",
        "critical": "high",
        "api": "responses",
        "baseline": "gpt-4o",
        "cases": 2,
        "samples": 3,
        "parse": "json",
        "response_format": "text",
        "tools": ["get_order"],
        "variants": ["terse"],
        "checks": 1,
        "rules": 1,
        "steps": [],
        "path": "prompts/refund.prompt.yml",
    }
    assert {"format": 1, "flows": [expected], "candidates": []} == valid("list", run("list", "--json").stdout)
    cases = [
        {"id": "late", "file": "prompts/refund.prompt.yml", "line": 11, "tags": ["de"]},
        {"id": "lost", "file": "prompts/refund.prompt.yml", "line": 12, "tags": []},
    ]
    document = valid("list", run("list", "--json", "--cases").stdout)
    assert [{**expected, "case_list": cases}] == document["flows"]


def test_list_of_a_broken_inventory(project: Path) -> None:
    """A listing is whole or it is none: problems go to stderr, exit code 2."""
    (project / "prompts").mkdir()
    (project / "prompts" / "a.prompt.yml").write_text("model: gpt-4o\n")
    result = run("list", "--json")
    assert (2, "") == (result.exit_code, result.stdout)
    assert 'prompts/a.prompt.yml:1: "messages" is missing' in result.stderr
    assert "next: prompt-migrate validate" in result.stderr


def test_an_empty_inventory(project: Path) -> None:
    """No flows is no error to list."""
    (project / "prompts").mkdir()
    assert "0 flows, 0 cases\n" == run("list").stdout
    assert {"format": 1, "flows": [], "candidates": []} == valid("list", run("list", "--json").stdout)
