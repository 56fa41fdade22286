"""Decisions beside a report: the documents of `route`, `canary plan` and `canary check`, given by name or found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias

from migrate.errors import UsageProblem
from migrate.vocabulary import Run

Document: TypeAlias = dict[str, Any]
"""A document that keeps its published schema."""

COMMANDS: Final = {
    "route": "prompt-migrate route --json",
    "canary": "prompt-migrate canary plan --json",
    "check": "prompt-migrate canary check PLAN LOGS --json",
}
"""Page -> the command whose standard output it shows."""
FOUND: Final = {
    "route": ("route.json",),
    "canary": ("canary-plan.json", "plan.json"),
    "check": ("canary-check.json",),
}
"""Page -> the files that are looked for, the first of them that is there is meant."""
ANYBODYS: Final = "plan.json"
"""What `canary plan` suggests, and other tools name theirs: one that is no plan of ours is passed over."""
_SCHEMAS: Final = {"route": "route", "canary": "canary-plan", "check": "canary-check"}


def given_pages(given: Iterable[str]) -> dict[str, Document]:
    """Read the documents of `--page NAME=FILE`. Raises UsageProblem for one that is not what its name says."""
    pages: dict[str, Document] = {}
    for text in given:
        name, _, file = text.partition("=")
        if name not in COMMANDS or not file:
            names = " or ".join(f"{page}=FILE" for page in COMMANDS)
            raise UsageProblem(f'--page takes {names}, not "{text}"')
        pages[name] = _document(name, Path(file))
    return pages


def found_pages(run: Run, folders: Iterable[Path]) -> tuple[dict[str, Document], list[str]]:
    """Return the documents about a run that lie in the first folder that has them, and what was left out and why."""
    pages: dict[str, Document] = {}
    left_out: list[str] = []
    for folder in folders:
        for name, path in _there(folder):
            if name in pages:
                continue
            try:
                document = _document(name, path)
            except UsageProblem as problem:
                left_out += [problem.message] if path.name != ANYBODYS else []
                continue
            about = _runs(name, document, pages)
            if run.id in about:
                pages[name] = document
            else:
                left_out.append(f"{path} is about {', '.join(sorted(about)) or 'no run'}, not {run.id}: left out")
    return pages, left_out


def _there(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the pages that a folder has a file for, and that file."""
    for name, names in FOUND.items():
        path = next((folder / file for file in names if (folder / file).is_file()), None)
        if path is not None:
            yield name, path


def _document(name: str, path: Path) -> Document:
    import jsonschema_rs

    command = f"{COMMANDS[name]} > {path}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageProblem(f"cannot read {path}: {problem}", next_command=command) from problem
    text = files("migrate").joinpath("schemas", f"{_SCHEMAS[name]}.schema.json").read_text(encoding="utf-8")
    error = next(jsonschema_rs.validator_for(json.loads(text)).iter_errors(document), None)
    if error is not None:
        where = "".join(f"[{step!r}]" for step in error.instance_path)
        what = f"{path} is not what `{COMMANDS[name]}` prints: at ${where}: {error.message[:200]}"
        raise UsageProblem(what, next_command=command)
    found: Document = document
    return found


def _runs(name: str, document: Document, pages: Mapping[str, Document]) -> set[str]:
    """Return the runs a document is about; a check is about those of its plan, where that was found before it."""
    flows = document["flows"]
    if name == "route":
        return {option["run"] for flow in flows for option in flow["candidates"] if option["run"]}
    if name == "canary":
        return {flow["evidence"]["run"] for flow in flows}
    plan = pages.get("canary")
    return _runs("canary", plan, {}) if plan is not None and plan["plan_id"] == document["plan_id"] else set()
