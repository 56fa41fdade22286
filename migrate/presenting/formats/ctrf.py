"""CTRF, the common JSON of test reports: for the tools that collect runs of any test runner."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import Any

from migrate.inert import inert
from migrate.presenting.formats.lines import CaseLine, Told
from migrate.presenting.people import people_document
from migrate.vocabulary import FlowEvidence


def ctrf(told: Told) -> str:
    """Return the document; a fault of the road is `other`, because it says nothing of the candidate."""
    run, lines = told.run, told.lines
    heard = {(one.flow, one.candidate): people_document(one) for one in told.people}
    flows = [{**_flow(flow), "people": heard.get((flow.flow, flow.candidate))} for flow in told.evidence]
    counts = Counter(_status(line) for line in lines)
    summary = {
        "tests": len(lines),
        **{status: counts[status] for status in ("passed", "failed", "pending", "skipped", "other")},
        "start": _milliseconds(run.started_at),
        "stop": _milliseconds(run.finished_at or run.started_at),
    }
    document = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "prompt-migrate",
        "results": {
            "tool": {"name": "prompt-migrate", "version": run.tool_version or "unknown"},
            "summary": summary,
            "tests": [_test(line) for line in lines],
            "environment": {"extra": {"run": run.id, "simulated": run.simulated}},
            "extra": {"flows": flows},
        },
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _test(line: CaseLine) -> dict[str, Any]:
    facts = {
        "name": f"{line.row.flow} / {line.row.case} [{line.row.candidate}]",
        "status": _status(line),
        "duration": round(line.latency_ms[1] or 0),
        "suite": [line.row.flow, line.row.candidate],
        "rawStatus": line.row.verdict.value,
        "message": inert(line.message) if line.said else None,
        "trace": "\n".join(line.said) if line.said else None,
        "filePath": line.place.file if line.place else None,
        "line": line.place.line if line.place else None,
        "extra": {name: value for name, value in line.values.items() if name not in ("flow", "case")},
    }
    return {name: value for name, value in facts.items() if value is not None}


def _flow(flow: FlowEvidence) -> dict[str, Any]:
    return {"flow": flow.flow, "candidate": flow.candidate, "verdict": flow.verdict, "reasons": list(flow.reasons)}


def _status(line: CaseLine) -> str:
    return "other" if line.outcome == "error" else line.outcome


def _milliseconds(at: str) -> int:
    """Return a UTC time in milliseconds since 1970; 0 where it cannot be read."""
    try:
        return int(dt.datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return 0
