"""A whole application, scanned and swapped: every call found, nothing else, and exactly these bytes changed.

`apps/deskbot` is a help desk in Python with a TypeScript front, a Go tool, scripts and configuration. Its true calls
are in `apps/deskbot.calls.tsv`, read by hand; what the commands print is in the other `apps/deskbot.*` files. To bless
a change: `BLESS_SCANS=1 pytest tests/scanning/test_scanning_apps.py`, and read the diff.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from migrate.cli import main
from migrate.edges.inventory import load
from migrate.rendering import rehearse

APPS = Path(__file__).parent / "apps"
SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
MAP = "gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), prog_name="prompt-migrate", catch_exceptions=False)
    assert 0 == result.exit_code, result.stderr
    return result


def document(schema: str, *arguments: str) -> Any:
    found = json.loads(run(*arguments, "--json").stdout)
    rules = json.loads((SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(rules)
    assert [] == [error.message for error in jsonschema_rs.validator_for(rules).iter_errors(found)]
    return found


def blessed(name: str, text: str) -> str:
    """Return what is expected; with BLESS_SCANS in the environment, what was just made becomes it."""
    path = APPS / name
    if os.environ.get("BLESS_SCANS"):
        path.write_text(text, "utf-8")
    return path.read_text("utf-8")


def true_calls() -> set[tuple[str, int, str]]:
    lines = (APPS / "deskbot.calls.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {(f"deskbot/{file}", int(line), api) for file, line, api, _ in rows}


def true_models() -> dict[tuple[str, int], set[str]]:
    lines = (APPS / "deskbot.calls.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {(f"deskbot/{file}", int(line)): set(models.split("|")) for file, line, _, models in rows}


@pytest.fixture
def in_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(APPS)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(APPS / "deskbot", tmp_path / "deskbot")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "deskbot"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("in_apps")
def test_every_true_call_is_found_and_nothing_else() -> None:
    """Recall and precision over the calls read by hand are both 1.0; helpers' callers are told apart by `through`."""
    found = document("scan", "scan", "deskbot", "--as-of", "2026-11-22")
    direct = {(site["file"], site["line"], site["api"]) for site in found["sites"] if not site["through"]}
    truth = true_calls()
    assert len(truth) >= 30
    hits = direct & truth
    assert (1.0, 1.0) == (len(hits) / len(truth), len(hits) / len(direct)), direct ^ truth


@pytest.mark.usefixtures("in_apps")
def test_every_call_names_its_models() -> None:
    """The models a call may ask are those read by hand, through constants, settings, defaults and environment files."""
    found = document("scan", "scan", "deskbot")
    models = {
        (site["file"], site["line"]): {use["model"] or "?" for use in site["models"]}
        for site in found["sites"]
        if not site["through"]
    }
    assert true_models() == models


@pytest.mark.usefixtures("in_apps")
def test_the_whole_scan_is_exactly_this() -> None:
    """Every field of every call: parameters, variables, messages, schema, tools, how sure and why."""
    text = run("scan", "deskbot", "--as-of", "2026-11-22", "--json").stdout
    assert blessed("deskbot.scan.json", text) == text


@pytest.mark.usefixtures("in_apps")
def test_a_scan_says_the_same_twice() -> None:
    """No order of a set or of the disk is seen in the output."""
    assert run("scan", "deskbot", "--json").stdout == run("scan", "deskbot", "--json").stdout


def test_every_draft_is_a_sound_prompt_file(copy: Path) -> None:
    """The strict loader takes all drafts, every case of them renders, and each holds one placeholder."""
    found = document("scan", "scan", "deskbot", "--drafts", "drafts")
    flows = load(copy.parent / "drafts", copy.parent)
    assert len(found["drafts"]) == len(flows) >= 30
    assert [] == [problem for flow in flows for problem in rehearse(flow)]
    assert {("placeholder",)} == {case.tags for flow in flows for case in flow.cases}


def test_the_drafts_are_exactly_these(copy: Path) -> None:
    """Wording, variables, schema and tools of the code, and what it leaves open."""
    run("scan", "deskbot", "--drafts", "drafts")
    made = "".join(f"==> {path.name}\n{path.read_text('utf-8')}" for path in sorted((copy.parent / "drafts").iterdir()))
    assert blessed("deskbot.drafts.txt", made) == made


def test_drafts_never_overwrite(copy: Path) -> None:
    """A second scan keeps every file that is there, and says so."""
    run("scan", "deskbot", "--drafts", "drafts")
    mine = copy.parent / "drafts" / "classify.prompt.yml"
    mine.write_text("mine\n")
    found = document("scan", "scan", "deskbot", "--drafts", "drafts")
    assert {"kept"} == {draft["what"] for draft in found["drafts"]}
    assert "mine\n" == mine.read_text()


def test_scanning_changes_nothing(copy: Path) -> None:
    """Without --drafts not one byte is written, in the tree or beside it."""
    before = contents(copy.parent)
    run("scan", "deskbot")
    assert before == contents(copy.parent)


@pytest.mark.usefixtures("in_apps")
def test_the_swap_is_exactly_this_diff() -> None:
    """Only the names change: no comment, no dictionary key, no comparison, no longer name, no test, no prompt file."""
    found = document("swap", "swap", "deskbot", "--map", MAP)
    assert blessed("deskbot.swap.diff", found["diff"]) == found["diff"]
    left = "".join(
        f"{one['file']}:{one['line']}:{one['column']}\t{one['model']}\t{one['kind']}\n" for one in found["left"]
    )
    assert blessed("deskbot.left.tsv", left) == left


def test_a_swap_is_written_only_when_asked(copy: Path) -> None:
    """Without --write nothing changes; with it the files differ in exactly the lines of the diff."""
    before = contents(copy)
    run("swap", "deskbot", "--map", MAP)
    assert before == contents(copy)
    found = document("swap", "swap", "deskbot", "--map", MAP, "--write")
    after = contents(copy)
    changed = {name for name in before if before[name] != after[name]}
    assert {change["file"].removeprefix("deskbot/") for change in found["changes"]} == changed
    assert before.keys() == after.keys()


def test_a_swapped_tree_still_parses_and_differs_in_names_alone(copy: Path) -> None:
    """Put the old names back and every file is what it was; every module parses."""
    before = contents(copy)
    found = document("swap", "swap", "deskbot", "--map", MAP, "--write")
    for name, data in contents(copy).items():
        changes = [one for one in found["changes"] if one["file"] == f"deskbot/{name}"]
        lines = data.decode().split("\n")
        for change in changes:
            lines[change["line"] - 1] = change["before"]
        assert before[name].decode() == "\n".join(lines)
        if name.endswith(".py") and "broken" not in name:
            ast.parse(data)


def test_a_second_swap_changes_nothing(copy: Path) -> None:
    """The same command twice is the same as once."""
    run("swap", "deskbot", "--map", MAP, "--write")
    before = contents(copy)
    again = document("swap", "swap", "deskbot", "--map", MAP, "--write")
    assert ([], "", False) == (again["changes"], again["diff"], again["written"])
    assert before == contents(copy)


def test_after_a_swap_the_calls_ask_the_new_models(copy: Path) -> None:
    """A scan of the swapped tree finds the same calls, and today's models only where a person must look."""
    run("swap", "deskbot", "--map", MAP, "--write")
    found = document("scan", "scan", "deskbot")
    sites = [site for site in found["sites"] if site["role"] == "code" and site["language"] in ("python", "typescript")]
    asked = {use["model"] for site in sites for use in site["models"]}
    assert set() == asked & {"gpt-4o", "openai/gpt-4o"}
    assert {"scripts/broken.py"} == {
        site["file"].removeprefix("deskbot/")
        for site in sites
        for use in site["models"]
        if use["model"] == "gpt-4o-mini"
    }
