"""`prompt-migrate report` end to end: where the page goes, what it holds, what is refused and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from measured import compared, finding, keep_run, paid, record
from report_stage import documents_of

from migrate.cli import main
from migrate.vocabulary import CaseVerdict, FindingKind, Rung, Severity

DECIDED = Path(__file__).parent / "decided"
BROKEN = finding("$.amount", FindingKind.WRONG_TYPE, severity=Severity.BREAKING, rung=Rung.SCHEMA)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which the command is called."""
    (tmp_path / "prompt-migrate.toml").write_text('provider = "simulated"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments])


def test_the_newest_replay_becomes_one_page(project: Path) -> None:
    """It stands at reports/RUN/index.html, holds index and cases, and what to type next is said."""
    records = [record(compared("broken-cup", BROKEN, verdict=CaseVerdict.BREAKING)), record(compared("late-parcel"))]
    run = keep_run(project, records)
    result = call()
    path = project / "reports" / run.id / "index.html"
    assert (0, "") == (result.exit_code, result.stdout)
    assert f"wrote reports/{run.id}/index.html\n" in result.stderr
    documents = documents_of(path.read_text("utf-8"))
    assert ["broken-cup", "late-parcel"] == documents["index"]["cases"]["case"]
    assert ["broken-cup", "late-parcel"] == [case["case"] for case in documents["chunk-0"]["cases"]]


def test_the_page_goes_where_it_is_told_and_replaces_what_was_there(project: Path) -> None:
    """Folders are made; a second report of the same run is the same file, byte for byte."""
    keep_run(project, [record(candidate=paid("0.1"))])
    path = project / "out" / "deep" / "page.html"
    assert 0 == call("-o", str(path)).exit_code
    first = path.read_bytes()
    path.write_text("old", "utf-8")
    assert 0 == call("-o", str(path)).exit_code
    assert first == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_another_form_replaces_what_was_there_as_a_whole(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written whole stays what it was, and nothing is left beside it."""
    keep_run(project, [record(candidate=paid("0.1"))])
    path = project / "out" / "run.md"
    assert 0 == call("--format", "md", "-o", str(path)).exit_code
    first = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        result = call("--format", "md", "-o", str(path))
    assert 13 == result.exit_code
    assert "No space left on device" in result.stderr
    assert [(path, first)] == [(left, left.read_bytes()) for left in path.parent.iterdir()]


def test_the_gate_ends_as_compare_does(project: Path) -> None:
    """1 for a breaking case with the reason, 0 without --gate: a report was asked for, and is written either way."""
    keep_run(project, [record(compared("broken-cup", BROKEN, verdict=CaseVerdict.BREAKING))])
    result = call("--gate")
    assert (1, 0) == (result.exit_code, call().exit_code)
    assert "gate closed: refund against gpt-4.1: 1 of 1 cases breaking\n" in result.stderr


def test_where_nothing_was_replayed_nothing_is_made(project: Path) -> None:
    """One sentence and the next command; no ledger, no folder."""
    before = sorted(project.iterdir())
    result = call()
    assert (2, before) == (result.exit_code, sorted(project.iterdir()))
    assert "prompt-migrate: nothing was replayed here yet\nnext: pytest --model MODEL\n" == result.stderr


def test_a_recording_has_nothing_to_compare(project: Path) -> None:
    """A run that recorded goldens is refused by name."""
    run = keep_run(project, [record()], kind="record", candidates=())
    result = call("--run", run.id)
    assert 2 == result.exit_code
    assert f"run {run.id} recorded goldens" in result.stderr


ROUTE = {
    "format": 1,
    "synthetic": False,
    "simulated": True,
    "source": "ledger",
    "note": "",
    "as_of": "2026-01-15",
    "pinned": True,
    "rollout_days": 30,
    "rollout_ends": "2026-02-14",
    "order": "fixed",
    "q": 0.05,
    "slower": 1.25,
    "flows_tested": 0,
    "expected_wrong": 0.0,
    "flows": [],
}


def pages_of(path: str) -> dict[str, Any]:
    pages: dict[str, Any] = documents_of(Path(path).read_text("utf-8"))["index"]["pages"]
    return pages


def test_documents_of_other_commands_become_pages(project: Path) -> None:
    """`--page route=FILE` is taken up as it is; a file that is none of it is refused with the command that makes it."""
    keep_run(project, [record()])
    Path("routes.json").write_text(json.dumps(ROUTE), "utf-8")
    assert 0 == call("--page", "route=routes.json", "-o", "page.html").exit_code
    assert {"route": ROUTE} == pages_of("page.html")
    Path("list.json").write_text("[]", "utf-8")
    refused = [call("--page", given) for given in ("route", "costs=routes.json", "route=gone.json", "canary=list.json")]
    assert [2, 2, 2, 2] == [result.exit_code for result in refused]
    assert refused[3].stderr.endswith("next: prompt-migrate canary plan --json > list.json\n")


def test_decisions_about_the_run_are_found_beside_its_page(project: Path) -> None:
    """A document of the documented name in the page's folder, or in `reports/`, is taken up without being named."""
    run = keep_run(project, [record()])
    decided = json.loads((DECIDED / "canary-plan.json").read_text("utf-8"))
    for flow in decided["flows"]:
        flow["evidence"]["run"] = run.id
    Path("reports").mkdir()
    Path("reports/canary-plan.json").write_text(json.dumps(decided), "utf-8")
    check = json.loads((DECIDED / "canary-check.json").read_text("utf-8"))
    Path("reports/canary-check.json").write_text(json.dumps(check), "utf-8")
    assert 0 == call("-o", "reports/page.html").exit_code
    assert {"canary": decided, "check": check} == pages_of("reports/page.html")


def test_a_plan_of_the_suggested_name_is_found_in_the_project_s_folder(project: Path) -> None:
    """`canary plan` says `-o plan.json`: that file is taken up where it was written, another tool's is passed over."""
    run = keep_run(project, [record()])
    decided = json.loads((DECIDED / "canary-plan.json").read_text("utf-8"))
    for flow in decided["flows"]:
        flow["evidence"]["run"] = run.id
    Path("plan.json").write_text(json.dumps(decided), "utf-8")
    assert 0 == call("-o", "pages/page.html").exit_code
    assert {"canary": decided} == pages_of("pages/page.html")
    Path("plan.json").write_text('{"terraform_version": "1.9"}', "utf-8")
    result = call("-o", "pages/page.html")
    assert (0, {}, False) == (result.exit_code, pages_of("pages/page.html"), "plan.json" in result.stderr)
    told = "".join(call("--help").stdout.split())
    assert "route.json,canary-plan.jsonorplan.json,andcanary-check.jsonarefound" in told


def test_decisions_about_another_run_are_left_out_and_told(project: Path) -> None:
    """Nobody reads last week's route for today's; a damaged file is told of and does not stop the report."""
    run = keep_run(project, [record()])
    Path("reports").mkdir()
    (Path("reports") / "route.json").write_text((DECIDED / "route.json").read_text("utf-8"), "utf-8")
    Path("reports/canary-plan.json").write_text("{", "utf-8")
    result = call("-o", "reports/page.html")
    assert (0, {}) == (result.exit_code, pages_of("reports/page.html"))
    path = project / "reports"
    assert f"{path}/route.json is about 20261129-183344-8a13, not {run.id}: left out\n" in result.stderr
    assert f"cannot read {path}/canary-plan.json: " in result.stderr
