"""Prompt files as pytest files, cases as items: `prompts/refund.prompt.yml::late-parcel[gpt-4.1]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from migrate.errors import PromptMigrateError
from migrate.inert import indent
from migrate.vocabulary import Flow
from migrate.wiring import offers
from migrate.workflow.replay import Trial

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo, TerminalRepr

    from migrate.pytest_plugin.session import MigrateSession


class NotJudged(Exception):
    """The provider gave no answer, or a golden is stale: an error, never a regression. Holds the lines to show."""

    def __init__(self, lines: Sequence[str], cause: str = "") -> None:
        """`cause` is what kept it from being judged, in a few words."""
        super().__init__("\n".join(lines))
        self.cause = cause


class Regression(Exception):
    """A case whose verdict fails the run. Holds the lines to show."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))


class PromptFile(pytest.File):
    """One `*.prompt.yml`; the flow was loaded with the whole inventory before collection began."""

    flow: Flow
    migrate: MigrateSession
    hooks: pluggy.HookRelay | None = None
    """The hooks that hold for this folder, once all items are collected: looking them up takes a tenth of an item."""

    @classmethod
    def make(cls, parent: pytest.Collector, path: Path, flow: Flow, migrate: MigrateSession) -> PromptFile:
        node: PromptFile = cls.from_parent(parent, path=path)
        node.flow, node.migrate = flow, migrate
        return node

    def collect(self) -> Iterator[PromptItem]:
        for trial in self.migrate.trials(self.flow):
            yield PromptItem.make(self, trial)


class PromptItem(pytest.Item):
    """One case against one candidate, or one case to record."""

    trial: Trial
    migrate: MigrateSession

    @classmethod
    def make(cls, parent: PromptFile, trial: Trial) -> PromptItem:
        name = f"{trial.case.id}[{trial.candidate.text}]"
        # The id is given: pytest reads one back as case and bracket apart (`--lf`), but makes a child's in one piece.
        node: PromptItem = cls.from_parent(parent, name=name, nodeid=f"{parent.nodeid}::{name}")
        node.trial, node.migrate = trial, parent.migrate
        node.add_marker("migrate")
        flow = trial.flow
        node.extra_keyword_matches.update((flow.name, f"critical_{flow.critical}", *trial.case.tags))
        return node

    @property
    def ihook(self) -> pluggy.HookRelay:
        hooks = self.parent.hooks if isinstance(self.parent, PromptFile) else None
        return super().ihook if hooks is None else hooks

    @property
    def is_offered(self) -> bool:
        """True when the flow has the wording that the candidate names."""
        return offers(self.trial.flow, self.trial.candidate)

    def setup(self) -> None:
        """Wait for the answers; what keeps them from being judged is an error of the setup phase."""
        self.migrate.settle(self)

    def runtest(self) -> None:
        self.migrate.judge(self)

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], *args: Any) -> str | TerminalRepr:
        error = excinfo.value
        if isinstance(error, Regression | NotJudged):
            return str(error)
        if isinstance(error, PromptMigrateError):
            # Two blanks first: what a file or a model named must never start a line of a CI log.
            return indent(str(error), "  ")
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        # The third field heads a failure. Were it the end of the id, its dots would be drawn as "::" by `-v`.
        return self.path, line_of(self.trial), f"{self.trial.flow.name} / {self.name}"


def look_hooks_up(items: Sequence[pytest.Item]) -> None:
    """Find out once a file which hooks hold for its items; to be called when no conftest is loaded any more."""
    for file in {item.parent for item in items if isinstance(item, PromptItem)}:
        if isinstance(file, PromptFile):
            file.hooks = file.ihook


def line_of(trial: Trial) -> int | None:
    """Return the 0-based line of the case in its prompt file: of the case itself, or of the key that names its file."""
    flow, place = trial.flow, trial.case.place
    if place is None or flow.place is None:
        return None
    line = place.line if place.file == flow.place.file else (flow.cases_place or flow.place).line
    return None if line is None else line - 1


EXPECTED = (Regression, NotJudged, PromptMigrateError)
"""What an item raises on purpose: shown as its text alone, in whatever phase."""
