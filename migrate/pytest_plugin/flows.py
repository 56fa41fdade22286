"""Tests marked as flows in an active run: collected beside the inventory, run once a sample, judged as any case."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from migrate.errors import PromptMigrateError, UsageProblem
from migrate.inert import indent, inert
from migrate.presenting.failure import failure_lines, first_finding, only
from migrate.presenting.numbers import counted
from migrate.pytest_plugin.golden import GoldenValues
from migrate.pytest_plugin.marks import CANDIDATE, flows_of
from migrate.pytest_plugin.reports import KEPT, NO_CALL
from migrate.pytest_plugin.running import OneRun, again, failed, key_in_place, not_judged, passed, run_once, tell, unrun
from migrate.pytest_plugin.words import fault_kinds, fault_lines, tell_dropped
from migrate.vocabulary import Candidate, Flow, Golden
from migrate.workflow.applications import conclude_recording, conclude_replay, staleness_of

if TYPE_CHECKING:
    from migrate.pytest_plugin.session import MigrateSession
    from migrate.wiring.applications import Applications, Mode

PASSED_BY: Final = frozenset({"node_modules", "build", "dist", "venv"})
MARK: Final = re.compile(rb"mark\s*\.\s*flow\b")


@dataclass(frozen=True, slots=True)
class FlowTest:
    """A marked test, against one candidate or recorded."""

    flow: Flow
    candidate: Candidate | None = None

    @property
    def is_offered(self) -> bool:
        """False for a candidate that names a wording or steps, which only prompt files have."""
        return self.candidate is None or (self.candidate.variant is None and not self.candidate.steps)

    @property
    def name(self) -> str:
        return f"{self.flow.name} / {self.flow.cases[0].id}"


TEST: Final = pytest.StashKey[FlowTest]()


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be reported of one item."""

    reports: Sequence[pytest.TestReport]
    verdict: str
    candidate: str = ""
    cause: str = ""
    """What made it fail, in a few words; empty where it did not, or where nobody can say."""


class FlowTests:
    """Hooks of an active run that concern marked tests alone."""

    def __init__(self, session: MigrateSession) -> None:
        self._session = session
        self._applications: Applications | None = None
        self._checking: Applications | None = None
        self._unopened = 0

    # --- collection ---------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Open no test file that does not speak of the mark, unless it was named: imports cost, and may fail.

        The same holds for the conftest of a folder in which no file does.
        """
        if config.args_source is pytest.Config.ArgsSource.ARGS:
            return None
        if collection_path.is_dir():
            return self._is_foreign(collection_path, config)
        if collection_path.suffix != ".py":
            return None if self._session.is_prompt(collection_path) else True
        if collection_path.name in ("__init__.py", "conftest.py") or not _is_test_file(collection_path, config):
            return None
        if MARK.search(collection_path.read_bytes()):
            return None
        self._unopened += 1
        return True

    def _is_foreign(self, folder: Path, config: pytest.Config) -> bool | None:
        """Return True for a folder without anything of this run; its test files are counted."""
        prompts = self._session.world.prompts
        if prompts.is_relative_to(folder) or folder.is_relative_to(prompts):
            return None
        tests = [path for path in _python_files(folder) if _is_test_file(path, config)]
        if any(MARK.search(path.read_bytes()) for path in tests):
            return None
        self._unopened += len(tests)
        return True

    @pytest.hookimpl(trylast=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give a marked test the candidates as a parameter, so that each stands in the brackets of an item id."""
        candidates = self._session.candidates
        if candidates and metafunc.definition.get_closest_marker("flow") is not None:
            metafunc.fixturenames.append(CANDIDATE)
            metafunc.parametrize(CANDIDATE, candidates, ids=[one.text for one in candidates], indirect=True)

    def choose(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return the marked tests among items, each with its flow. Raises UsageProblem with all that is wrong."""
        marked = [item for item in items if item.get_closest_marker("flow") is not None]
        flows = flows_of(marked, self._session.world.root)
        for item in marked:
            callspec = getattr(item, "callspec", None)
            candidate = None if callspec is None else callspec.params.get(CANDIDATE)
            if candidate is None and self._session.candidates:
                raise UsageProblem(
                    f"{item.nodeid} is marked as a flow, and pytest can give it no candidate",
                    hint="a method of unittest.TestCase takes no parameters: make it a plain function or class",
                )
            item.stash[TEST] = FlowTest(flows[item.nodeid], candidate)
        if marked and not self._session.offline:
            self._session.world.check_targets(self._session.candidates)
        return [item for item in marked if item.stash[TEST].is_offered]

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> str | None:
        """Say how many tests are application flows, and how many files were not opened for it."""
        tests = [item for item in items if TEST in item.stash]
        if not tests and not self._unopened:
            return None
        said = [counted(len(tests), "application test")] if tests else []
        if self._unopened:
            said.append(f"{counted(self._unopened, 'test file')} without `mark.flow` not opened")
        return f"prompt-migrate: {'; '.join(said)}"

    # --- one item -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a marked test once a sample, and report it once."""
        test = item.stash.get(TEST, None)
        if test is None or self._session.journal is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        with key_in_place(needed=self.applications.needs_no_key):
            told = self._told(item, nextitem, test)
        properties: list[tuple[str, object]] = [("flow", test.flow.name), ("candidate", told.candidate)]
        properties += [("verdict", told.verdict), ("critical", test.flow.critical)]
        if told.cause:
            properties += [("case", test.flow.cases[0].id), ("finding", told.cause)]
        tell(item, told.reports, properties)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @property
    def applications(self) -> Applications:
        session = self._session
        if self._applications is None:
            mode: Mode = "record" if session.mode else "offline" if session.offline else "live"
            self._applications = _applications()(
                session.world,
                mode,
                journal=session.journal,
                purse=session.purse,
                recordings=session.own_recordings() if session.mode else session.recordings(),
            )
        return self._applications

    def _told(self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest) -> Told:
        try:
            golden = self._session.world.goldens.read(test.flow.name, test.flow.cases[0].id)
            if self._session.mode:
                return self._recorded(item, nextitem, test, golden)
            return self._replayed(item, nextitem, test, golden)
        except PromptMigrateError as problem:
            return Told(not_judged(unrun(item), [indent(str(problem), "  ")]), "error", _text(test))

    def _runs(
        self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest, golden: Golden | None, planned: int
    ) -> tuple[list[OneRun], str]:
        """Run a test so many times, fewer when a run says that no other will do; return why the golden is stale."""
        runs: list[OneRun] = []
        stale = ""
        for sample in range(1, planned + 1):
            last = sample == planned
            opened = self.applications.open(sample, test.candidate, golden)
            runs.append(run_once(item, nextitem if last else again(item), opened, GoldenValues()))
            one = runs[-1]
            if golden is not None and not self._session.mode and sample == 1:
                stale = staleness_of(one.run, golden, self._session.world.redactor)
            if one.ended_early or one.stopped or not one.run.calls or one.run.unseen or stale:
                if not last:
                    _tear_down(item, nextitem)
                break
        if runs and (stopped := runs[-1].stopped) is not None:
            item.session.shouldfail = f"{stopped.kind.value}: {stopped.message}"
        return runs, stale

    # --- recording --------------------------------------------------------------------------------------

    def _recorded(self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest, golden: Golden | None) -> Told:
        if golden is not None and self._session.mode == "new":
            return self._kept(item, nextitem, test, golden)
        planned = self._session.asked_samples or test.flow.samples or self._session.world.settings.samples
        runs, _ = self._runs(item, nextitem, test, None, planned)
        if (told := _unjudged(runs, test)) is not None:
            return told
        done = conclude_recording(
            self._session.world.tools(), test.flow, [one.run for one in runs], self._session.journal
        )
        tell_dropped(test.name, done.dropped)
        model = "" if done.record is None else done.record.comparison.baseline
        reports = runs[-1].reports
        if done.record is not None and done.record.comparison.verdict.value == "no_reply":
            lines = [f"  {test.name}: {done.note}", *fault_lines(done.record), f"  next: {self._again(test)}"]
            return Told(not_judged(reports, lines), "no_reply", model)
        if all(one.run.failure for one in runs):
            lines = [f"  {test.name}: {done.note}", f"  {runs[-1].run.failure}"]
            return Told(failed(reports, lines), "failed", model)
        return Told(passed(reports), "recorded", model)

    def _kept(self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest, golden: Golden) -> Told:
        """Leave a golden that is there; the test is run against it, so that one that no longer fits is told."""
        if self._checking is None:
            self._checking = _applications()(self._session.world, "bare")
        one = run_once(item, nextitem, self._checking.open(1, None, golden), GoldenValues())
        if one.ended_early:
            return Told(one.reports, "error", golden.baseline)
        if not one.run.misses:
            return Told(passed(one.reports), KEPT, golden.baseline)
        lines = [f"  {test.name}: stale: {one.run.misses[0]}", "  the golden was left as it is"]
        lines = [*lines, f"  next: pytest --golden=rewrite -k {only(test.flow.name, test.flow.cases[0].id)}"]
        return Told(not_judged(one.reports, _plain(lines)), "stale", golden.baseline)

    # --- replaying --------------------------------------------------------------------------------------

    def _replayed(self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest, golden: Golden | None) -> Told:
        session, candidate = self._session, _text(test)
        planned = 0 if golden is None else session.asked_samples or len(golden.samples)
        runs, stale = self._runs(item, nextitem, test, golden, planned)
        if runs and (told := _unjudged(runs, test)) is not None:
            return told
        record = conclude_replay(
            session.world.tools(),
            test.flow,
            golden,
            [one.run for one in runs],
            candidate=candidate,
            planned=planned,
            stale=stale,
            journal=session.journal,
        )
        reports = runs[-1].reports if runs else unrun(item)
        verdict = record.comparison.verdict
        lines = failure_lines(record.comparison, test.flow.place, candidate, width=session.width)
        if verdict.value == "no_reply":
            words = [*lines[:-1], *fault_lines(record), *_misses(runs), f"  next: {self._again(test)}"]
            cause = ", ".join(["no reply", *fault_kinds(record)])
            return Told(not_judged(reports, words), verdict.value, candidate, cause)
        if verdict not in session.world.failing:
            return Told(passed(reports), verdict.value, candidate)
        return Told(failed(reports, lines), verdict.value, candidate, first_finding(record.comparison))

    def _again(self, test: FlowTest) -> str:
        if self._session.mode:
            return f"pytest --golden={self._session.mode} --lf"
        return f"pytest --model {shlex.quote(_text(test))} --lf"


def _unjudged(runs: Sequence[OneRun], test: FlowTest) -> Told | None:
    """Return what to say of a test of which nothing can be judged; None when it can be."""
    one, text = runs[-1], _text(test)
    if one.run.unseen:
        lines = [f"  {test.name}: a call could not be recorded: {one.run.unseen}"]
        return Told(not_judged(one.reports, _plain(lines)), "error", text)
    if one.ended_early:
        return Told(one.reports, "error", text)
    if one.run.calls:
        return None
    return Told(failed(one.reports, no_call_lines(test, one)), NO_CALL, text)


def no_call_lines(test: FlowTest, one: OneRun) -> list[str]:
    """Return what to say of a marked test in which no call was seen."""
    lines = [f"  {test.name}: no call of the OpenAI API was seen in this test"]
    if one.run.failure:
        return [*lines, f"  the test fails: {one.run.failure}"]
    return [*lines, "  seen are calls through httpx2 or httpx, in this process; take the mark off if it makes none"]


def _misses(runs: Sequence[OneRun]) -> list[str]:
    return _plain([f"    {miss}" for miss in dict.fromkeys(miss for one in runs for miss in one.run.misses)][:3])


def _plain(lines: Sequence[str]) -> list[str]:
    return [inert(line, keep_newlines=False) for line in lines]


def _text(test: FlowTest) -> str:
    return "" if test.candidate is None else test.candidate.text


def _python_files(folder: Path) -> Iterator[Path]:
    """Yield the Python files under a folder; hidden folders and environments are passed by."""
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__")) and name not in PASSED_BY]
        if "pyvenv.cfg" not in files:
            yield from (Path(where, name) for name in files if name.endswith(".py"))


def _applications() -> type[Applications]:
    """Import what only marked tests need, when the first one comes: it takes a tenth of an idle start."""
    from migrate.wiring.applications import Applications

    return Applications


def _is_test_file(path: Path, config: pytest.Config) -> bool:
    return any(fnmatch.fnmatch(path.name, pattern) for pattern in config.getini("python_files"))


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Take down what was kept for a further run that is not made after all."""
    item.session._setupstate.teardown_exact(nextitem)


__all__ = ["TEST", "FlowTest", "FlowTests"]
