"""What only pytest's reports tell: which cases were reported at all, which were skipped or kept as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from migrate.presenting.failed import FailedCase

KEPT = "kept"
"""The property `verdict` of a case that is not recorded because a fitting golden is there."""

NO_CALL = "no_call"
"""The property `verdict` of a marked test in which no call was seen."""
LEFT_OUT = {KEPT: "golden is there", NO_CALL: "no call seen"}
"""Verdicts of cases that are not judged, with the reason in the accounts."""


class Reports:
    """A plugin of the process that users look at: the only one, or the controller of workers."""

    def __init__(self) -> None:
        self.planned: frozenset[str] | None = None
        """Ids of the items of the run; None until they are collected."""
        self._seen: set[str] = set()
        self._skipped: dict[str, str] = {}
        self._errors: set[str] = set()
        self._failed: dict[str, FailedCase] = {}

    @property
    def failed(self) -> list[FailedCase]:
        """The cases that failed, each with what was found first, in the order they were reported."""
        return [*self._failed.values()]

    def plan(self, ids: Iterable[str]) -> None:
        """Say which items there are; repeating it, as several workers do, changes nothing."""
        self.planned = frozenset(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seen.add(report.nodeid)
        told = dict(report.user_properties) if report.failed else {}
        if "finding" in told:
            names = (str(told[name]) for name in ("flow", "candidate", "case", "finding"))
            self._failed[report.nodeid] = FailedCase(*names)
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped[report.nodeid] = _reason(report)
        elif report.when == "call" and (reason := LEFT_OUT.get(str(dict(report.user_properties).get("verdict")))):
            self._skipped[report.nodeid] = reason
        elif report.failed and report.when != "call":
            self._errors.add(report.nodeid)

    def skipped(self) -> Counter[str]:
        """Return how many cases were left out, by reason."""
        return Counter(self._skipped.values())

    def lost(self) -> list[str]:
        """Return the items nobody reported: whatever was judged of them, nobody was told."""
        return sorted((self.planned or frozenset()) - self._seen)

    @property
    def why_missing(self) -> str:
        """What kept cases without a record from being judged, when nothing stopped the run."""
        return "error" if self._errors else ""


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    said = str(longrepr[-1]) if isinstance(longrepr, tuple) else ""
    return said.removeprefix("Skipped: ").strip() or "skipped"
