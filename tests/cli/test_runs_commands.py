"""`prompt-migrate runs` and `history` end to end: a real ledger in a real folder, tables, documents, refusals."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from ledger.records import record_named, run_named

from migrate.cli import main
from migrate.edges.ledger import open_ledger
from migrate.vocabulary import Run

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
FIRST = run_named(
    "20260114-080000-aa11",
    kind="record",
    started_at="2026-01-14T08:00:00.000Z",
    finished_at="2026-01-14T08:01:00.000Z",
    state="complete",
    baseline="gpt-4o",
    provider="openai",
    accounts={"planned": 2, "judged": 2},
)
SECOND = run_named(
    "20260115-093000-bb22",
    started_at="2026-01-15T09:30:00.000Z",
    candidates=("gpt-4.1", "gpt-4.1-mini"),
    simulated=True,
    git_commit="8194e23",
    git_dirty=True,
    tool_version="0.1.0",
    python_version="3.11.7",
    provider="simulated",
    command="pytest --model gpt-4.1 --model gpt-4.1-mini",
    as_of="2026-01-15",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which commands are called."""
    (tmp_path / "prompt-migrate.toml").write_text('provider = "simulated"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def filled(project: Path) -> Path:
    """A project with a recording run and a replay that is still going on."""
    ledger = open_ledger("sqlite:///.prompt-migrate/ledger.db", root=project)
    for run in (FIRST, SECOND):
        ledger.start(run)
    ledger.add(FIRST.id, [record_named(case, candidate="gpt-4o", usd="0.0031", ms=1200.0) for case in "ab"])
    ledger.add(SECOND.id, [record_named(case, candidate="gpt-4.1", usd="0.021", ms=840.4) for case in "ab"])
    mini = record_named("b", candidate="gpt-4.1-mini", usd=None)
    lost = dataclasses.replace(mini.candidate[0], timing=None, served_model=None)
    ledger.add(SECOND.id, [record_named("a", candidate="gpt-4.1-mini", usd="0.00042", ms=312.0)])
    ledger.add(SECOND.id, [dataclasses.replace(mini, candidate=(lost,))])
    ledger.add(SECOND.id, [dataclasses.replace(mini, comparison=_flow(mini.comparison, "answer"), candidate=(lost,))])
    ledger.close()
    return project


def _flow(comparison: Any, flow: str) -> Any:
    return dataclasses.replace(comparison, flow=flow)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def document(schema: str, *arguments: str) -> Any:
    """Return the JSON a command prints, valid by its published schema."""
    result = call(*arguments, "--json")
    assert 0 == result.exit_code, result.output
    read = json.loads(result.stdout)
    jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))).validate(read)
    return read


def read_back(plain: dict[str, Any]) -> Run:
    return Run(**(plain | {"candidates": tuple(plain["candidates"])}))


@pytest.mark.parametrize("command", [("runs",), ("runs", "list")])
def test_runs_are_a_table(filled: Path, command: tuple[str, ...]) -> None:
    """Runs stand newest first; what was never counted is unknown."""
    assert [
        "run                  kind   state     judged answers   models",
        "20260115-093000-bb22 replay running  unknown simulated gpt-4.1, gpt-4.1-mini",
        "20260114-080000-aa11 record complete     2/2 openai    gpt-4o",
    ] == call(*command).stdout.splitlines()


def test_runs_fit_eighty_columns(project: Path) -> None:
    """However long a candidate is written, a line never wraps."""
    ledger = open_ledger("sqlite:///.prompt-migrate/ledger.db", root=project)
    ledger.start(dataclasses.replace(SECOND, candidates=("gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini@terse",) * 3))
    ledger.add(SECOND.id, [record_named("a", candidate="gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini@terse" * 3)])
    ledger.close()

    lines = [*call("runs").stdout.splitlines(), *call("history", "refund").stdout.splitlines()]
    assert max(len(line) for line in lines) <= 80


def test_runs_are_a_document(filled: Path) -> None:
    """The document holds every run whole."""
    assert [SECOND, FIRST] == [read_back(plain) for plain in document("runs", "runs")["runs"]]
    assert [SECOND] == [read_back(plain) for plain in document("runs", "runs", "list", "--limit", "1")["runs"]]


def test_no_runs_are_no_error(project: Path) -> None:
    """Where nothing was run there is nothing to list, and looking makes no file."""
    assert "no runs yet\nnext: pytest --golden=new\n" == call("runs").stdout
    assert {"format": 1, "runs": []} == document("runs", "runs")
    assert {"format": 1, "flow": "refund", "rows": []} == document("history", "history", "refund")
    assert ["prompt-migrate.toml"] == [path.name for path in project.iterdir()]


def test_one_run_is_shown(filled: Path) -> None:
    """One run is shown with everything that is known of it, and the command that compares it."""
    assert [
        "run:          20260115-093000-bb22",
        "kind:         replay",
        "state:        running",
        "started:      2026-01-15T09:30:00.000Z",
        "finished:     unknown",
        "candidates:   gpt-4.1, gpt-4.1-mini",
        "baseline:     gpt-4o",
        "samples:      as recorded",
        "answers:      simulated",
        "judged as of: 2026-01-15",
        "accounts:     unknown",
        "commit:       8194e23 with uncommitted changes",
        "versions:     prompt-migrate 0.1.0, Python 3.11.7",
        "command:      pytest --model gpt-4.1 --model gpt-4.1-mini",
        "next: prompt-migrate compare --run 20260115-093000-bb22",
    ] == call("runs", "show").stdout.splitlines()


def test_one_run_is_a_document(filled: Path) -> None:
    """The start of an id is enough to ask for a run."""
    assert [FIRST] == [read_back(plain) for plain in document("runs", "runs", "show", "20260114")["runs"]]


@pytest.mark.parametrize("arguments", [("runs", "show"), ("runs", "show", "2026")])
def test_run_that_is_not_there_is_refused(project: Path, arguments: tuple[str, ...]) -> None:
    """Asking for a run where there is none ends with 2 and the next command."""
    result = call(*arguments)

    assert 2 == result.exit_code
    assert "nothing was run here yet\nnext: pytest --model MODEL" in result.stderr


def test_history_is_a_table(filled: Path) -> None:
    """A flow's cost and latency stand run by run; what is missing is said, and simulated answers are marked."""
    assert [
        "run                   model        cases break drift      cost p50 ms p95 ms n",
        "20260115-093000-bb22* gpt-4.1          2     0     2     $0.04    840    840 2",
        "20260115-093000-bb22* gpt-4.1-mini     2     0     2 $0.00042+    312    312 1",
        "20260114-080000-aa11  gpt-4o           2     0     2   $0.0062   1200   1200 2",
        "*  simulated: no real model answered",
        "+  not in the sums: 1 call whose price or usage is unknown",
    ] == call("history", "refund").stdout.splitlines()


def test_history_says_what_is_unknown(filled: Path) -> None:
    """A flow of which nothing is known shows words, not zeros."""
    assert [
        "run                   model        cases break drift    cost  p50 ms  p95 ms n",
        "20260115-093000-bb22* gpt-4.1-mini     1     0     1 unknown unknown unknown 0",
        "*  simulated: no real model answered",
        "+  not in the sums: 1 call whose price or usage is unknown",
    ] == call("history", "answer").stdout.splitlines()


def test_history_is_a_document(filled: Path) -> None:
    """The document holds exact costs, and null for what is unknown."""
    read = document("history", "history", "refund")
    clocks = [row["latency_ms"].pop("clocks") for row in read["rows"]]
    rows = [
        (row["run"]["id"], row["candidate"], row["cost_usd"], row["unknown_cost"], row["latency_ms"])
        for row in read["rows"]
    ]

    assert "refund" == read["flow"]
    assert [
        (SECOND.id, "gpt-4.1", "0.042", 0, {"p50": 840.4, "p95": 840.4, "n": 2}),
        (SECOND.id, "gpt-4.1-mini", "0.00042", 1, {"p50": 312.0, "p95": 312.0, "n": 1}),
        (FIRST.id, "gpt-4o", "0.0062", 0, {"p50": 1200.0, "p95": 1200.0, "n": 2}),
    ] == rows
    # Flows of one call: all clocks but that of the first token are one.
    assert [(840.4, 840.4, 210.0), (312.0, 312.0, 210.0), (1200.0, 1200.0, 210.0)] == [
        tuple(told[clock]["p50"] for clock in ("wall", "critical_path", "first_token")) for told in clocks
    ]
    assert {"drift": 2} == read["rows"][0]["verdicts"]


def test_unknown_flow_is_refused_with_a_guess(filled: Path) -> None:
    """A mistyped flow is answered with the flow that was meant."""
    result = call("history", "refnud")

    assert 2 == result.exit_code
    assert 'no run has a flow "refnud"\ndid you mean "refund"?' in result.stderr


def test_damaged_ledger_ends_with_its_own_code(filled: Path) -> None:
    """A damaged ledger is one clear sentence and exit code 13."""
    (filled / ".prompt-migrate" / "ledger.db").write_bytes(b"<<<<<<< HEAD" * 100)
    result = call("runs")

    assert 13 == result.exit_code
    assert "is damaged" in result.stderr
    assert "Traceback" not in result.output


def test_hostile_names_are_drawn(project: Path) -> None:
    """What could act on a terminal is drawn, and a locale without the character does not end the command."""
    ledger = open_ledger("sqlite:///.prompt-migrate/ledger.db", root=project)
    ledger.start(dataclasses.replace(SECOND, candidates=("gpt\x1b[2J", "модель"), command="rm \x07"))
    ledger.close()
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": os.pathsep.join([str(SCHEMAS.parents[1]), *sys.path]),
    }
    command = [sys.executable, "-m", "migrate", "runs", "show"]
    done = subprocess.run(command, check=True, capture_output=True, env=environment)

    assert b"gpt<U+001B>[2J, \\u043c\\u043e" in done.stdout
    assert b"command:      rm <U+0007>" in done.stdout


def test_what_cannot_be_read_in_of_a_killed_run_is_said_and_stops_nothing(filled: Path) -> None:
    """The runs that are known are listed all the same."""
    (filled / ".prompt-migrate" / "journals" / "20260116-080000-cc33.main.jsonl").mkdir(parents=True)
    done = CliRunner().invoke(main, ["runs"])
    assert (0, True) == (done.exit_code, SECOND.id in done.stdout)
    assert "what killed runs were answered is not counted" in " ".join(done.stderr.split())
