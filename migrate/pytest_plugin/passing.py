"""Report a case that passed without running phases in which nobody takes part.

pytest runs an item in three phases, each through a dozen hooks of its own that capture output, collect logs and look
for skips. A case that passed has nothing for them, and together they take as long as judging it. So its phases are
only reported, as long as no other plugin and no conftest wants to be called in them.
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal

import pluggy
import pytest

from migrate.pytest_plugin.items import PromptItem

if TYPE_CHECKING:
    from collections.abc import Callable

PHASES: Final[tuple[Literal["setup", "call", "teardown"], ...]] = ("setup", "call", "teardown")
TAKING_PART: Final = (*(f"pytest_runtest_{phase}" for phase in PHASES), "pytest_runtest_makereport")
OWN: Final = ("_pytest.", "migrate.pytest_plugin.")


class Passing:
    """A plugin that reports the items that pass; every other one is left to pytest."""

    def __init__(self, passes: Callable[[PromptItem], bool]) -> None:
        """`passes` judges an item, once, and says whether nothing is to be raised in its phases."""
        self._passes = passes
        self._unheard: dict[pluggy.HookRelay, bool] = {}

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if not isinstance(item, PromptItem) or not self._may_report(item, nextitem):
            return None
        started = time.perf_counter()
        if not self._passes(item):
            return None
        hooks = item.ihook
        hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        passed = pytest.TestReport.from_item_and_call(item, pytest.CallInfo.from_call(_nothing, when="call"))
        for phase in PHASES:
            report = object.__new__(pytest.TestReport)  # copying costs four times as much
            report.__dict__.update(passed.__dict__, when=phase)
            if phase == "call":
                report.duration = time.perf_counter() - started
            hooks.pytest_runtest_logreport(report=report)
        hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _may_report(self, item: PromptItem, nextitem: pytest.Item | None) -> bool:
        """Say whether running the phases would do nothing: nothing to tear down, no mark and no listener added."""
        ends = nextitem is None or nextitem.parent is not item.parent
        if (ends and item.session._setupstate.stack) or len(item.own_markers) > 1 or item.config.option.setupshow:
            return False
        hooks = item.ihook
        if hooks not in self._unheard:
            marked = any(node.own_markers for node in item.listchain()[:-1])
            self._unheard[hooks] = is_unheard(hooks) and not marked
        return self._unheard[hooks]


def is_unheard(hooks: pluggy.HookRelay) -> bool:
    """Say whether nobody but pytest and this plugin itself takes part in the phases of an item."""
    callers = (getattr(hooks, name) for name in TAKING_PART)
    return all(_home(impl.plugin).startswith(OWN) for caller in callers for impl in caller.get_hookimpls())


def _home(plugin: object) -> str:
    """Return the module that a plugin is, or comes from."""
    return f"{plugin.__name__}." if isinstance(plugin, ModuleType) else f"{type(plugin).__module__}."


def _nothing() -> None:
    return None
