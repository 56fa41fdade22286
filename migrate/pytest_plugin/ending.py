"""The end of a run: journals folded into the stores, the evidence weighed, gates closed, the summary printed."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from migrate import wiring
from migrate.errors import PromptMigrateError
from migrate.inert import inert
from migrate.presenting.failed import failed_lines
from migrate.presenting.layout import wrapped
from migrate.presenting.meant import unknown_models
from migrate.presenting.terminal import summary_lines
from migrate.vocabulary import FlowEvidence, Run
from migrate.workflow.engine import STOPPING

if TYPE_CHECKING:
    from migrate.pytest_plugin.session import MigrateSession

WIDEST: Final = 120


@dataclass(slots=True)
class Results:
    """What the run's end found, for the summary and the exit code."""

    run: Run
    evidence: tuple[FlowEvidence, ...] = ()
    closed: list[str] = field(default_factory=list)
    """Reasons why the run must not end in 0."""
    left_open: list[str] = field(default_factory=list)
    """What is told of unsafe flows that closed no gate."""
    written: int = 0
    again: str = ""
    """What finishes the run; empty where nothing is left, or nothing that would be answered."""
    report: str = ""
    """Where the report is, when one was asked for."""
    waits: bool = False
    """True when the run could not be folded, and its journals wait for a start that can."""


class Ending:
    """Hooks of a run's end, in the controller, in a worker, or in the only process."""

    def __init__(self, session: MigrateSession) -> None:
        self._session = session
        self.results: Results | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fold the journals into the stores, weigh, and close the gate where it must be closed."""
        if self._session.journal is None:
            return
        self._session.journal.close()
        if self._session.is_worker:
            return
        if not self._session.reports.planned:
            wiring.discard_journal(self._session.world, self._session.run.id)
            return
        try:
            self._finish(session, exitstatus)
        except PromptMigrateError as problem:
            self.results = Results(self._session.run, closed=[str(problem)], waits=self._waits())
        except Exception:  # raised from here, a defect of ours would hide what the items said
            self._session.config.notify_exception(pytest.ExceptionInfo.from_current(), self._session.config.option)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            self.results = Results(
                self._session.run, closed=["the run could not be kept, its journal is: see INTERNALERROR"]
            )
        if self.results is None or not self.results.closed:
            return
        if self._is_ours(session, exitstatus):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = self._session.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and self._is_quiet:
            reporter.ensure_newline()
            self._say_gates(reporter)

    def _is_ours(self, session: pytest.Session, exitstatus: int) -> bool:
        """Say whether the exit code is this plugin's to set: pytest saw nothing wrong, or it was stopped for us."""
        # A worker's word to stop reaches the controller as an interruption, which it is not.
        stopped = (
            exitstatus == pytest.ExitCode.INTERRUPTED and self._why_early(session, 0).partition(":")[0] in STOPPING
        )
        return stopped or session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

    def _finish(self, session: pytest.Session, exitstatus: int) -> None:
        reports = self._session.reports
        planned = len(reports.planned or ())
        why = self._why_early(session, exitstatus) or reports.why_missing
        skipped = reports.skipped()
        run, evidence = wiring.fold(
            self._session.world,
            self._session.run,
            planned=planned,
            not_run=why,
            skipped=skipped,
            own=self._session.own,
            flows=self._session.flows,
        )
        results = Results(run, evidence)
        if run.state == "incomplete":
            results.closed.append(f"incomplete: {wiring.account_words(run)}")
            # A name nobody knows is mended, and not asked again: the next command says how.
            results.again = "" if unknown_models(run, evidence) else f"pytest --migrate-resume={run.id}"
        elif lost := reports.lost():
            results.closed.append(f"incomplete: no report came of {len(lost)} of {planned} cases, {lost[0]} among them")
        silent = sum(count for name, count in run.accounts.items() if name.startswith("no_reply"))
        if silent and run.state != "incomplete":
            results.closed.append(f"{silent} of {planned} cases without an answer")
        found = self._session.world.standing(run, evidence)
        results.closed += [*found.closed, *(f"stale: {why}" for why in found.stale)]
        results.left_open = [*found.left_open]
        self.results = results
        if self._session.config.option.migrate_report is not None and run.kind == "replay":
            self._write_report(results, self._session.config.option.migrate_report)

    def _write_report(self, results: Results, target: str) -> None:
        """Write the report that was asked for; one that cannot be written is told, and the run does not end in 0."""
        from migrate.wiring.reporting import write_run_report

        try:
            results.report = write_run_report(self._session.world, results.run, target)
        except PromptMigrateError as problem:
            results.closed.append(problem.message)

    def _waits(self) -> bool:
        return wiring.is_in_journals(self._session.world, self._session.run.id)

    def _why_early(self, session: pytest.Session, exitstatus: int) -> str:
        """Return why the run ended before its last case, as far as pytest or its workers say."""
        workers = self._session.config.pluginmanager.getplugin("dsession")
        said = self._session.stopped or getattr(workers, "shouldstop", "") or session.shouldfail or session.shouldstop
        return str(said or ("interrupted" if exitstatus == pytest.ExitCode.INTERRUPTED else ""))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Print the summary below everything else: it is what the run is for."""
        yield
        if self.results is None or self._session.is_worker or self._is_quiet:
            return
        terminalreporter.ensure_newline()
        terminalreporter.section(f"prompt-migrate: run {self.results.run.id}")
        width = self._width(terminalreporter)
        for line in failed_lines(self._session.reports.failed, width):
            terminalreporter.write_line(line)
        for line in self._lines(width, colour=terminalreporter.hasmarkup):
            terminalreporter.write_line(line)
        if self.results.report:
            terminalreporter.write_line(inert(f"report: {self.results.report}", keep_newlines=False))
        self._say_gates(terminalreporter)

    def _lines(self, width: int, *, colour: bool) -> list[str]:
        assert self.results is not None
        if self.results.waits:
            words = "the run is not in the stores yet; everything it was answered is kept in its journals"
            return [*wrapped(words, width), f"next: pytest --migrate-resume={self.results.run.id}"]
        if self._session.mode:
            return self._recorded_lines()
        evidence = self.results.evidence
        leaving = self._session.world.leaving(evidence)
        return summary_lines(self.results.run, evidence, width=width, colour=colour, leaving=leaving)

    @property
    def _is_quiet(self) -> bool:
        """True when no summary is wanted; why a gate is closed is told all the same."""
        return bool(self._session.config.option.no_summary) or self._session.config.option.verbose <= -2

    def _say_gates(self, reporter: Any) -> None:
        assert self.results is not None
        for reason in self.results.closed:
            for line in wrapped(f"gate closed: {reason}", self._width(reporter)):
                reporter.write_line(line, red=True)
        for words in self.results.left_open:
            for line in wrapped(f"gate open: {words}", self._width(reporter)):
                reporter.write_line(line, yellow=True)
        if self.results.again:
            # On a line of its own and never cut: it is there to be copied.
            reporter.write_line(f"to finish it: {self.results.again}", red=True)

    @staticmethod
    def _width(reporter: Any) -> int:
        return min(int(reporter._tw.fullwidth), WIDEST)

    def _recorded_lines(self) -> list[str]:
        assert self.results is not None
        run = self.results.run
        settings = self._session.world.settings
        # New files are in no diff until git knows them, and goldens without the prompts they were asked are stale.
        added = shlex.join([str(settings.fixtures), str(settings.prompts)])
        look = f"git add {added} && git diff --cached --stat"
        return [wiring.account_words(run), f"next: {look}", "      then pytest --model MODEL"]
