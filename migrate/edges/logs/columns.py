"""The columns of a log, whatever form it comes in: one SELECT a form, with the same names and types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from migrate.errors import UsageProblem

Form = Literal["jsonl", "parquet", "otel"]

COLUMNS: Final = {
    "ts": "VARCHAR",
    "flow": "VARCHAR",
    "plan_id": "VARCHAR",
    "unit_id": "VARCHAR",
    "assigned": "VARCHAR",
    "share": "DOUBLE",
    "request_model": "VARCHAR",
    "response_model": "VARCHAR",
    "response_id": "VARCHAR",
    "latency_ms": "DOUBLE",
    "cached_input_tokens": "DOUBLE",
    "output_tokens": "DOUBLE",
    "cost_usd": "DOUBLE",
    "error_type": "VARCHAR",
    "finish_reason": "VARCHAR",
    "schema_ok": "BOOLEAN",
    "refusal": "BOOLEAN",
    "grounded": "BOOLEAN",
    "judge": "STRUCT(name VARCHAR, score DOUBLE, label VARCHAR, sampled BOOLEAN)",
    "feedback": "VARCHAR",
    "fallback_from": "VARCHAR",
    "simulated": "BOOLEAN",
}
"""What a verdict needs of a line; other keys of it are not read."""
ENDINGS: Final[dict[str, Form]] = {".parquet": "parquet", ".otlp": "otel"}
LARGEST_LINE: Final = 16 * 1024 * 1024


def form_of(paths: Sequence[Path]) -> Form:
    """Return the form of a log by the ends of its names, and by its first line. Raises UsageProblem for a mixture."""
    forms = {_form(path) for path in paths}
    if len(forms) > 1:
        raise UsageProblem(f"the logs are of several forms ({', '.join(sorted(forms))}): check them one form at a time")
    return forms.pop()


def _form(path: Path) -> Form:
    if not path.is_file():
        raise UsageProblem(f"{path} is no file", hint="a log is named with its full name")
    if path.suffix in ENDINGS:
        return ENDINGS[path.suffix]
    if path.suffix == ".gz":
        return "jsonl"
    with path.open("rb") as file:
        return "otel" if b'"resourceSpans"' in file.readline(65536) else "jsonl"


def jsonl_rows(paths: Sequence[Path]) -> str:
    """Return the SELECT of JSON lines; a line that is none has NULL in every column."""
    columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in COLUMNS.items())
    return (
        f"SELECT * FROM read_json({_files(paths)}, format='newline_delimited', ignore_errors=true, "
        f"maximum_object_size={LARGEST_LINE}, columns={{{columns}}})"
    )


def parquet_rows(paths: Sequence[Path], present: Sequence[str]) -> str:
    """Return the SELECT of Parquet files; a column they lack is NULL."""
    parts = [
        _cast(name, kind) if name in present else f"CAST(NULL AS {kind}) AS {name}" for name, kind in COLUMNS.items()
    ]
    return f"SELECT {', '.join(parts)} FROM read_parquet({_files(paths)}, union_by_name=true)"


def _cast(name: str, kind: str) -> str:
    return _nothing(name, kind) if kind.startswith("STRUCT") else f"TRY_CAST({name} AS {kind}) AS {name}"


def _nothing(name: str, kind: str) -> str:
    return f"CAST(NULL AS {kind}) AS {name}"


def _files(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(quoted(str(path)) for path in paths) + "]"


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
