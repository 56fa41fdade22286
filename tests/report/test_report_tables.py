"""A run as tables for analysis: Parquet with exact types, and datasette's metadata, whose every query runs."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from measured import compared, finding, keep_run, paid, record

from migrate.cli import main
from migrate.edges.ledger import tables
from migrate.edges.ledger.datasette import QUERIES, metadata
from migrate.vocabulary import CaseVerdict

DRIFT = finding("$.amount", expected=3, actual="3")
PARAMETERS = {"flow": "refund", "case_id": "drifts", "word": "%"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one replay: a case that drifts and one whose cost is unknown."""
    (tmp_path / "prompt-migrate.toml").write_text('provider = "simulated"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    records = [
        record(compared("drifts", DRIFT, verdict=CaseVerdict.DRIFT), candidate=paid("0.000000123456", ms=812.5)),
        record(compared("unpriced"), candidate=paid(None)),
    ]
    keep_run(tmp_path, records)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments])


def test_parquet_keeps_types_and_says_null_for_what_is_unknown(project: Path) -> None:
    """Costs are exact decimals, groups a list; an unknown cost is null and never 0."""
    duckdb = pytest.importorskip("duckdb")
    assert 0 == call("--format", "parquet", "-o", "out/cases.parquet").exit_code
    rows = duckdb.sql(
        'SELECT "case", verdict, len(groups), candidate_cost_usd FROM \'out/cases.parquet\' ORDER BY "case"'
    ).fetchall()
    assert [("drifts", "drift", 1, Decimal("0.000000123456000")), ("unpriced", "same", 0, None)] == rows
    assert ["cases.parquet"] == [path.name for path in (project / "out").iterdir()]


def test_parquet_wants_a_file_and_duckdb(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each refusal says what to type; nothing is written."""
    assert call("--format", "parquet").stderr.endswith(
        "next: prompt-migrate report --format parquet -o cases.parquet\n"
    )
    monkeypatch.setitem(sys.modules, "duckdb", None)
    refused = call("--format", "parquet", "-o", "cases.parquet")
    assert (2, False) == (refused.exit_code, (project / "cases.parquet").exists())
    assert refused.stderr.endswith('next: python -m pip install "prompt-migrate[parquet]"\n')


@pytest.mark.parametrize("name", QUERIES)
def test_every_canned_query_runs_on_a_ledger(project: Path, name: str) -> None:
    """Read-only SQLite, as datasette opens it; each names its parameters, and none of another name is asked for."""
    ledger = sqlite3.connect(f"file:{project}/.prompt-migrate/ledger.db?mode=ro", uri=True)
    sql = QUERIES[name][1]
    wanted = set(re.findall(r"(?<!:):([a-z_]+)", sql))
    assert wanted <= PARAMETERS.keys()
    rows = ledger.execute(sql, PARAMETERS).fetchall()
    ledger.close()
    empty = {"faults_of_the_road", "steps_of_chains"}
    assert (name in empty) == (not rows)


def test_the_largest_changes_are_what_the_report_lists(project: Path) -> None:
    """One drift at $.amount, in one case."""
    ledger = sqlite3.connect(f"file:{project}/.prompt-migrate/ledger.db?mode=ro", uri=True)
    rows = ledger.execute(QUERIES["largest_changes"][1]).fetchall()
    ledger.close()
    assert [("refund", "drift", "type_changed", "$.amount", 1, "gpt-4.1")] == rows


def test_an_unknown_cost_is_counted(project: Path) -> None:
    """The sum is of what is known, and beside it stands how many calls it lacks."""
    ledger = sqlite3.connect(f"file:{project}/.prompt-migrate/ledger.db?mode=ro", uri=True)
    ((_, _, _, usd, unknown, _),) = ledger.execute(QUERIES["cost_by_flow"][1]).fetchall()
    ledger.close()
    assert (pytest.approx(1.23456e-07), 1) == (usd, unknown)


def test_datasettes_metadata_describes_every_column_from_its_source(project: Path) -> None:
    """The comments of the tables, word for word; the command prints it without reading any run."""
    document = json.loads(call("--format", "datasette").stdout)
    assert metadata() == document
    described = document["databases"]["ledger"]["tables"]
    assert {table.name for table in tables.metadata.sorted_tables} == set(described)
    assert "Time-ordered and short enough to type." == described["runs"]["columns"]["id"]
