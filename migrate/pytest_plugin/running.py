"""One whole run of a marked test, with its fixtures, and what pytest reports of it."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from _pytest.runner import runtestprotocol

from migrate.inert import inert
from migrate.pytest_plugin.golden import GOLDEN, GoldenValues
from migrate.pytest_plugin.marks import name_without_candidate
from migrate.vocabulary import NoReply

if TYPE_CHECKING:
    from migrate.wiring.applications import Opened
    from migrate.workflow.applications import TestRun

KEY: Final = "OPENAI_API_KEY"
LONGEST: Final = 300
"""Characters of the clause that says why a test failed."""


@dataclass(frozen=True, slots=True)
class OneRun:
    """What one run came to, for the judge and for pytest."""

    run: TestRun
    reports: tuple[pytest.TestReport, ...]
    stopped: NoReply | None = None
    """Why no further call may be made, if none may."""

    @property
    def ended_early(self) -> bool:
        """True when the test itself was not run to its end: a fixture failed, or it was skipped."""
        phases = {report.when: report for report in self.reports}
        call = phases.get("call")
        return call is None or _is_skip(call) or any(report.failed for when, report in phases.items() if when != "call")


def run_once(item: pytest.Item, nextitem: pytest.Item | None, opened: Opened, golden: GoldenValues) -> OneRun:
    """Run a test with its fixtures while every call of the API is seen.

    Fixtures of the function are made anew each time; those of wider scopes live on as they do between tests.
    """
    from migrate.wiring.applications import run_of

    _forget_instance(item)
    item.stash[GOLDEN] = golden
    try:
        with opened.interception as trace, _named_as_ever(item):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
    finally:
        del item.stash[GOLDEN]
    call = next((report for report in reports if report.when == "call"), None)
    failure = "" if call is None else _why_failed(call)
    stopped = None if opened.meter is None else opened.meter.stopped
    return OneRun(run_of(trace, golden.values, failure), tuple(reports), stopped)


@contextlib.contextmanager
def _named_as_ever(item: pytest.Item) -> Iterator[None]:
    """Let a test run under the name of a bare run, whatever candidate stands in its id.

    Cassettes of pytest-recording and snapshots of syrupy are filed under it, and are the application's, not a model's.
    """
    shown = item.name
    item.name = name_without_candidate(item)
    try:
        yield
    finally:
        item.name = shown


def again(item: pytest.Item) -> pytest.Item:
    """Return what stands for the next item while the same one is to run again: its siblings' fixtures stay."""
    return copy.copy(item)


def _forget_instance(item: pytest.Item) -> None:
    """Let a method have a fresh instance of its class each time."""
    if getattr(item, "cls", None) is not None:
        for name in ("_instance", "_obj"):
            item.__dict__.pop(name, None)


def _is_skip(report: pytest.TestReport) -> bool:
    return bool(report.skipped) and not hasattr(report, "wasxfail")


def _why_failed(report: pytest.TestReport) -> str:
    """Return in one clause why a test failed; empty when it passed."""
    if report.passed or _is_skip(report):
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    said = str(crash.message) if crash is not None else str(report.longrepr or "it failed")
    line = next((line for line in said.splitlines() if line.strip()), "it failed")
    where = "" if crash is None else f" ({os.path.basename(crash.path)}:{crash.lineno})"  # noqa: PTH119 - a text
    return inert(line[:LONGEST] + where, keep_newlines=False)


@contextlib.contextmanager
def key_in_place(*, needed: bool) -> Iterator[None]:
    """Let a client be built where no key is set and none will be used."""
    if not needed or os.environ.get(KEY):
        yield
        return
    os.environ[KEY] = "none"
    try:
        yield
    finally:
        os.environ.pop(KEY, None)


# --- What pytest is told --------------------------------------------------------------------------------------


def passed(reports: Sequence[pytest.TestReport]) -> list[pytest.TestReport]:
    """Return the reports of a test that is fine, whatever its last run said."""
    for report in reports:
        if report.when == "call":
            report.outcome, report.longrepr = "passed", None
    return [*reports]


def failed(reports: Sequence[pytest.TestReport], lines: Sequence[str]) -> list[pytest.TestReport]:
    """Return the reports of a test that fails with these lines."""
    for report in reports:
        if report.when == "call":
            _fail(report, lines)
    return [*reports]


def not_judged(reports: Sequence[pytest.TestReport], lines: Sequence[str]) -> list[pytest.TestReport]:
    """Return the reports of a test of which nothing can be said: an error, never a regression."""
    kept = [report for report in reports if report.when != "call"]
    _fail(kept[0], lines)
    return kept


def _fail(report: pytest.TestReport, lines: Sequence[str]) -> None:
    report.outcome, report.longrepr = "failed", "\n".join(lines)
    report.__dict__.pop("wasxfail", None)


def unrun(item: pytest.Item) -> list[pytest.TestReport]:
    """Return the reports of a test that was not run at all."""
    whens: Any = ("setup", "call", "teardown")
    return [
        pytest.TestReport(item.nodeid, item.location, dict.fromkeys(item.keywords, 1), "passed", None, when)
        for when in whens
    ]


def tell(item: pytest.Item, reports: Sequence[pytest.TestReport], properties: list[tuple[str, object]]) -> None:
    """Hand the reports of an item to everybody who listens."""
    for report in reports:
        report.user_properties = [*properties]
        report.sections = [(inert(name), inert(text)) for name, text in report.sections]
        item.ihook.pytest_runtest_logreport(report=report)
