"""Decisions that a report was downloaded with: one JSON file, read strictly, everything wrong with it said at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from migrate.comparing.answers import read_strictly
from migrate.errors import UsageProblem
from migrate.vocabulary import CaseId, Decision, FlowName, Json, JsonObject, JsonPath

LARGEST: Final = 64 * 1024 * 1024
SHOWN: Final = 5
"""Problems of a file that are listed; the rest is counted."""


def read_decisions(path: Path) -> tuple[str, tuple[Decision, ...]]:
    """Return the run that was reviewed and its decisions, in their order. Raises UsageProblem for anything else."""
    return parse_decisions(_text(path), str(path))


def parse_decisions(text: str, name: str) -> tuple[str, tuple[Decision, ...]]:
    """Return what a document of this name holds, otherwise as `read_decisions`."""
    valid, document, why = read_strictly(text)
    if not valid:
        raise UsageProblem(f"{name} is not JSON: {why}", hint="download the decisions from the report again")
    problems = [*_errors(document)]
    if problems or not isinstance(document, dict):
        rest = [f"  and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise UsageProblem("\n".join([f"{name} does not hold decisions:", *problems[:SHOWN], *rest]))
    return document["run"], tuple(map(_decision, document["decisions"]))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageProblem(f"{path} has more than {LARGEST // 1024 // 1024} MB: no report writes so many decisions")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageProblem(f"{path} cannot be read: {why}") from error


def _errors(document: Json) -> Iterator[str]:
    for error in _validator().iter_errors(document):
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        yield f"  at ${steps}: {error.message}"


@lru_cache(maxsize=1)
def _validator() -> Any:
    import jsonschema_rs

    schema = json.loads((files("migrate") / "schemas" / "decisions.schema.json").read_text("utf-8"))
    return jsonschema_rs.validator_for(schema)


def _decision(entry: JsonObject) -> Decision:
    return Decision(
        flow=FlowName(entry["flow"]),
        case=CaseId(entry["case_id"]),
        candidate=entry["model"],
        verdict=entry["verdict"],
        base=entry["base_sha256"],
        seen=entry["candidate_sha256"],
        group=entry["group"],
        path=None if entry.get("path") is None else JsonPath(entry["path"]),
        reason=entry["reason"],
        reviewer=entry["reviewer"],
        at=entry["at"],
        expires=entry.get("expires"),
        at_most=entry.get("at_most"),
    )
