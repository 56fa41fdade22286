"""What a run set out to do, kept until it is done: the file that a resumed run starts from."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from migrate.errors import StoreProblem, UsageProblem
from migrate.vocabulary import Run

FORMAT: Final = 1
SUFFIX: Final = ".plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run that was started."""

    run: Run
    items: tuple[str, ...]
    """Ids of the items that were selected; empty when they are not known yet."""
    options: Mapping[str, Any]
    """Options that decide what is asked: model, golden, samples, fresh, max_cost, provider and the like."""


class Plans:
    """Plan files in one folder, `<run>.plan.json` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, plan: Plan) -> None:
        """Write a plan whole or not at all; the same run's earlier one is replaced."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{plan.run.id}{SUFFIX}"
        document = {
            "format": FORMAT,
            "run": dataclasses.asdict(plan.run),
            "items": plan.items,
            "options": dict(plan.options),
        }
        beside = path.with_suffix(".tmp")
        beside.write_text(json.dumps(document), encoding="utf-8")
        beside.chmod(0o600)
        os.replace(beside, path)  # noqa: PTH105 - atomic, as said

    def drop(self, run_id: str) -> None:
        (self._folder / f"{run_id}{SUFFIX}").unlink(missing_ok=True)

    def find(self, name: str | None) -> Plan:
        """Return a run's plan by id or unique beginning; None: the newest. Raises UsageProblem without one."""
        known = sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}"))
        chosen = known[-1:] if name is None else [run for run in known if run.startswith(name)]
        if len(chosen) != 1:
            wanted = "no unfinished run" if name is None else f'"{name}" names {len(chosen)} unfinished runs'
            raise UsageProblem(
                f"{wanted} to resume" + (f"; unfinished: {', '.join(known)}" if known else ""),
                next_command="prompt-migrate runs list",
            )
        return self._read(self._folder / f"{chosen[0]}{SUFFIX}")

    def _read(self, path: Path) -> Plan:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise StoreProblem(f"{path} was written by another version (format {document['format']})")
            run = document["run"] | {"candidates": tuple(document["run"]["candidates"])}
            return Plan(Run(**run), tuple(document["items"]), document["options"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreProblem(
                f"the plan {path} is damaged", hint="remove it and start the run again; answers already given are kept"
            ) from error
