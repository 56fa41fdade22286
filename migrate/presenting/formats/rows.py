"""Cases as CSV and as JSON lines, one a row: for a sheet and for a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from migrate.evidence.rating import HumanEvidence
from migrate.inert import csv_cell
from migrate.presenting.formats.lines import CaseLine
from migrate.vocabulary import FlowEvidence, Run

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


def csv_rows(
    run: Run, evidence: Sequence[FlowEvidence], lines: Sequence[CaseLine], people: Sequence[HumanEvidence] = ()
) -> str:
    """Return CSV with a header; no cell is a formula, and what is unknown is an empty one."""
    del evidence, people  # What they said of a case is in its line.
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", *COLUMNS))
    for line in lines:
        writer.writerow((run.id, *(_cell(line.values[name]) for name in COLUMNS)))
    return text.getvalue()


def json_lines(
    run: Run, evidence: Sequence[FlowEvidence], lines: Sequence[CaseLine], people: Sequence[HumanEvidence] = ()
) -> str:
    """Return one JSON object a line, in ASCII; null for what is unknown."""
    del evidence, people  # What they said of a case is in its line.
    return "".join(json.dumps({"run": run.id, **line.values}, allow_nan=False) + "\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return csv_cell(" ".join(value))
    return csv_cell(value) if isinstance(value, str) else str(value)
