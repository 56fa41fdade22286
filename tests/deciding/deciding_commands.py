"""The commands that decide, as tests run them, and what they left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from click.testing import CliRunner, Result
from small_project import Project

from migrate import wiring
from migrate.cli import main
from migrate.reviewing import seen_digest
from migrate.wiring.deciding import open_review

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
MODEL = ("-q", "--model", "gpt-4.1", "--migrate-offline", "--fail-on", "breaking,drift")


def command(*words: str) -> Result:
    """Run `prompt-migrate` in this process and the current directory."""
    return CliRunner().invoke(main, words)


def decide(*words: str, code: int = 0) -> dict[str, Any]:
    """Run a command with `--json`; return its document, which keeps its schema."""
    done = command(*words, "--json", "--reviewer", "ada")
    assert code == done.exit_code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((SCHEMAS / "decided.schema.json").read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(document)
    return document


def flat(text: str) -> str:
    """Return what was printed on one line, whatever the width."""
    return " ".join(text.split())


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {one["case_id"]: one["status"] for one in document["decisions"]}


def group(title: str) -> str:
    """Return the id of the group whose title begins so."""
    flows = compared()["flows"]
    return next(one["id"] for flow in flows for one in flow["groups"] if one["title"].startswith(title))


def compared() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(command("compare", "--json").stdout)
    return document


def counts(flow: str = "refund") -> dict[str, int]:
    found = next(one for one in compared()["flows"] if one["flow"] == flow)["verdicts"]
    return {name: count for name, count in found.items() if count}


def log(project: Project, flow: str) -> list[dict[str, Any]]:
    path = project.root / "fixtures" / flow / "decisions.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def downloaded(project: Project, **changes: Any) -> Path:
    """Write what a report would download: both changed amounts accepted, as they are seen now."""
    world = wiring.open_world(project.root, {}, {})
    drifting = (one for one in open_review(world).seen(world.ledger.run(None)) if one.comparison.verdict == "drift")
    shown = [one for one in drifting if one.comparison.flow == "refund"]
    world.close()
    decisions = [
        {
            "flow": "refund",
            "case_id": one.comparison.case,
            "model": "gpt-4.1",
            "group": None,
            "verdict": "accept",
            "base_sha256": one.base,
            "candidate_sha256": seen_digest(one.samples),
            "reason": "",
            "reviewer": "",
            "at": "2026-01-15T10:00:00Z",
            **changes,
        }
        for one in shown
    ]
    path = project.root / "decisions.json"
    path.write_text(json.dumps({"format": 1, "run": "any", "decisions": decisions}), "utf-8")
    return path
