"""Cases as CSV and as JSON lines, one a row: for a sheet and for a program."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from migrate.inert import csv_cell
from migrate.presenting.formats.lines import Told

COLUMNS = (
    "flow",
    "case",
    "baseline",
    "candidate",
    "verdict",
    "severity",
    "finding",
    "groups",
    "samples",
    "samples_with_findings",
    "baseline_cost_usd",
    "candidate_cost_usd",
    "baseline_latency_ms",
    "candidate_latency_ms",
    "people_raters",
    "people_preference",
    "people_baseline_correct",
    "people_candidate_correct",
)


def csv_rows(told: Told) -> str:
    """Return CSV with a header; no cell is a formula, and what is unknown is an empty one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", *COLUMNS))
    for line in told.lines:
        writer.writerow((told.run.id, *(_cell(line.values[name]) for name in COLUMNS)))
    return text.getvalue()


def json_lines(told: Told) -> str:
    """Return one JSON object a line, in ASCII; null for what is unknown."""
    return "".join(json.dumps({"run": told.run.id, **line.values}, allow_nan=False) + "\n" for line in told.lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return csv_cell(" ".join(value))
    return csv_cell(value) if isinstance(value, str) else str(value)
