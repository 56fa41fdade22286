"""Cases as Parquet, one a row, written by DuckDB: for notebooks and for questions over many runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from migrate.errors import StoreProblem, UsageProblem

COLUMNS: Final = {
    "run": "VARCHAR",
    "flow": "VARCHAR",
    "case": "VARCHAR",
    "baseline": "VARCHAR",
    "candidate": "VARCHAR",
    "verdict": "VARCHAR",
    "severity": "VARCHAR",
    "finding": "VARCHAR",
    "groups": "VARCHAR[]",
    "samples": "INTEGER",
    "samples_with_findings": "INTEGER",
    "baseline_cost_usd": "DECIMAL(38, 15)",
    "candidate_cost_usd": "DECIMAL(38, 15)",
    "baseline_latency_ms": "DOUBLE",
    "candidate_latency_ms": "DOUBLE",
    "people_raters": "VARCHAR[]",
    "people_preference": "DOUBLE",
    "people_baseline_correct": "DOUBLE",
    "people_candidate_correct": "DOUBLE",
}
"""Column -> its type; costs are exact to 1e-15 dollars, what is unknown is null."""


def write_parquet(path: Path, json_lines: str) -> None:
    """Write the JSON lines of `--format jsonl` as Parquet; what was there is replaced as a whole.

    Raises UsageProblem without DuckDB, StoreProblem when the file cannot be written.
    """
    duckdb = _duckdb()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            lines, made = Path(folder) / "cases.jsonl", Path(folder) / "cases.parquet"
            lines.write_text(json_lines, encoding="utf-8")
            with duckdb.connect(":memory:") as database:
                database.execute(_statement(lines, made))
            made.replace(path)
    except OSError as problem:
        raise StoreProblem(f"cannot write {path}: {problem.strerror or problem}") from problem


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageProblem(
            "writing Parquet needs DuckDB, which is not installed",
            next_command='python -m pip install "prompt-migrate[parquet]"',
        ) from None
    return duckdb


def _statement(lines: Path, made: Path) -> str:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    rows = f"read_json({_quoted(lines)}, format = 'newline_delimited', columns = {{{columns}}})"
    return f"COPY (SELECT * FROM {rows}) TO {_quoted(made)} (FORMAT parquet)"  # noqa: S608 - paths of ours, quoted


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
