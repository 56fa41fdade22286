"""What a run set out to do, kept until it is done: the file that a resumed run starts from."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from migrate.errors import StoreProblem, UsageProblem, did_you_mean
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
    lost: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Request key and sample -> tries made so far that may have been paid for and whose usage nobody told."""


class Plans:
    """Plan files in one folder, `<run>.plan.json` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, plan: Plan) -> None:
        """Write a plan whole or not at all; the same run's earlier one is replaced. Raises StoreProblem."""
        document = {
            "format": FORMAT,
            "run": dataclasses.asdict(plan.run),
            "items": plan.items,
            "options": dict(plan.options),
            "lost": [[key, sample, count] for (key, sample), count in plan.lost.items()],
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self._folder / f"{plan.run.id}{SUFFIX}", json.dumps(document).encode())
        except OSError as error:
            raise StoreProblem(f"the plan of the run cannot be written to {self._folder}: {error.strerror}") from error

    def note_lost(self, run_id: str, lost: Mapping[tuple[str, int], int]) -> None:
        """Keep with a run's plan, if it has one, the tries that may have been paid for; a newer word wins."""
        if lost and (self._folder / f"{run_id}{SUFFIX}").exists():
            plan = self.find(run_id)
            self.keep(replace(plan, lost={key: count for key, count in {**plan.lost, **lost}.items() if count}))

    def sweep(self) -> None:
        """Remove what writers left that were killed in the middle of a plan."""
        for path in self._folder.glob(".*.tmp"):
            if not _is_running(int(path.name.split(".")[-2])):
                path.unlink(missing_ok=True)

    def drop(self, run_id: str) -> None:
        (self._folder / f"{run_id}{SUFFIX}").unlink(missing_ok=True)

    def known(self) -> list[str]:
        """Return the ids of the runs that have a plan, the oldest first."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}"))

    def find(self, name: str) -> Plan:
        """Return a run's plan by id or unique beginning. Raises UsageProblem without one."""
        known = self.known()
        chosen = [run for run in known if run.startswith(name)]
        if len(chosen) != 1:
            raise UsageProblem(
                f'"{name}" names {len(chosen)} unfinished runs to resume'
                + (f"; unfinished: {', '.join(known)}" if known else ""),
                hint="" if chosen else did_you_mean(name, known),
                next_command="prompt-migrate runs list",
            )
        return self._read(self._folder / f"{chosen[0]}{SUFFIX}")

    def _read(self, path: Path) -> Plan:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise StoreProblem(f"{path} was written by another version (format {document['format']})")
            run = document["run"] | {"candidates": tuple(document["run"]["candidates"])}
            lost = {(key, sample): count for key, sample, count in document["lost"]}
            return Plan(Run(**run), tuple(document["items"]), dict(document["options"]), lost)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreProblem(
                f"the plan {path} is damaged", hint="remove it and start the run again; answers already given are kept"
            ) from error


def _replace(path: Path, content: bytes) -> None:
    """Put a private file in place of another, durably."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
