"""Marked tests in a bare run: offline, on today's code, answered by the calls that their goldens hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Final

import pytest

from migrate import wiring
from migrate.errors import PromptMigrateError
from migrate.inert import indent, inert
from migrate.presenting.failure import only
from migrate.pytest_plugin.flows import TEST, FlowTest, no_call_lines
from migrate.pytest_plugin.golden import GoldenValues
from migrate.pytest_plugin.marks import flows_of
from migrate.pytest_plugin.running import OneRun, failed, key_in_place, not_judged, run_once, tell, unrun
from migrate.vocabulary import Golden
from migrate.wiring.applications import Applications
from migrate.workflow.applications import value_findings

NAME: Final = "promptmigrate-bare"


def activate(config: pytest.Config, marked: Sequence[pytest.Item]) -> None:
    """Read the marks and settings; one clear sentence when something is wrong with them."""
    try:
        world = wiring.open_world(config.rootpath, os.environ, {})
        flows = flows_of(marked, config.rootpath)
    except PromptMigrateError as problem:
        raise pytest.UsageError(inert(str(problem))) from None
    for item in marked:
        item.stash[TEST] = FlowTest(flows[item.nodeid])
    config.pluginmanager.register(BareFlows(world), NAME)
    config.add_cleanup(world.close)


class BareFlows:
    """Hooks of a run in which nobody asked for a model: no run is kept, nothing is written."""

    def __init__(self, world: wiring.World) -> None:
        self._world = world
        self._applications = Applications(world, "bare")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a marked test against its golden."""
        test = item.stash.get(TEST, None)
        if test is None or item.config.option.setupplan:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        with key_in_place(needed=True):
            reports = self._reports(item, nextitem, test)
        tell(item, reports, [("flow", test.flow.name)])
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _reports(self, item: pytest.Item, nextitem: pytest.Item | None, test: FlowTest) -> Sequence[pytest.TestReport]:
        try:
            golden = self._world.goldens.read(test.flow.name, test.flow.cases[0].id)
        except PromptMigrateError as problem:
            return not_judged(unrun(item), [indent(str(problem), "  ")])
        if golden is None:
            lines = [f"  {test.name}: no golden: nothing was recorded for this test", f"  next: {_record(test, 'new')}"]
            return not_judged(unrun(item), lines)
        weigh = partial(value_findings, test.flow, golden, tools=self._world.tools())
        opened = self._applications.open(1, None, golden)
        one = run_once(item, nextitem, opened, GoldenValues(lambda name, value: weigh(name=name, value=value)))
        return self._told(test, golden, one)

    def _told(self, test: FlowTest, golden: Golden, one: OneRun) -> Sequence[pytest.TestReport]:
        if one.ended_early:
            return one.reports
        if one.run.misses:
            return failed(one.reports, _miss_lines(test, one, golden))
        return one.reports if one.run.calls else failed(one.reports, no_call_lines(test, one))


def _miss_lines(test: FlowTest, one: OneRun, golden: Golden) -> list[str]:
    """Return what to say of a test that asks what its golden does not answer."""
    misses = one.run.misses
    more = [f"  and {len(misses) - 3} more"] if len(misses) > 3 else []
    lines = [f"  {test.name}: the application asks what was not recorded from {golden.baseline}"]
    lines += [*(f"  {miss}" for miss in misses[:3]), *more]
    lines += [f"  the test fails: {one.run.failure}"] if one.run.failure else []
    lines += [f"  next: if the change is meant, {_record(test, 'rewrite')}"]
    return [inert(line, keep_newlines=False) for line in lines]


def _record(test: FlowTest, mode: str) -> str:
    return f"pytest --golden={mode} -k {only(test.flow.name, test.flow.cases[0].id)}"
