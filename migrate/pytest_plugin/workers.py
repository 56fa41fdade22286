"""pytest-xdist: every worker gets its whole share at once, so that its engine can ask for all of it at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScheduling

if TYPE_CHECKING:
    from migrate.pytest_plugin.session import MigrateSession


class FixedShares(LoadScheduling):  # type: ignore[misc]
    """Item i goes to worker i modulo the number of workers; what a dead worker leaves is dealt out as usual."""

    collection: list[str] | None

    def schedule(self) -> None:
        numbers = {node: share_of(node.gateway.id) for node in self.nodes}
        fresh = self.collection is None and self._check_nodes_have_same_collection()
        if not fresh or sorted(n for n in numbers.values() if n is not None) != list(range(len(numbers))):
            super().schedule()
            return
        self.collection = next(iter(self.node2collection.values()))
        for node, number in numbers.items():
            mine = list(range(len(self.collection)))[number :: len(numbers)]
            self.node2pending[node].extend(mine)
            if mine:
                node.send_runtest_some(mine)
            node.shutdown()


def share_of(gateway: str) -> int | None:
    """Return the number in a worker's name, `gw3` -> 3."""
    return int(gateway[2:]) if gateway.startswith("gw") and gateway[2:].isdecimal() else None


class Controller:
    """Hooks that exist only with pytest-xdist, in the controlling process."""

    def __init__(self, session: MigrateSession) -> None:
        self._session = session
        self._fixed = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> FixedShares | None:
        if config.getvalue("dist") != "load":
            return None
        self._fixed = True
        return FixedShares(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        count = int(node.workerinput["workercount"])
        number = share_of(node.gateway.id)
        fixed = node.config.getvalue("dist") == "load" and number is not None and number < count
        run = dataclasses.asdict(self._session.run)
        run["candidates"] = list(run["candidates"])
        node.workerinput["promptmigrate"] = {
            "run": run,
            "worker": node.gateway.id,
            "workers": count,
            "share": [number, count] if fixed else [0, 0],
            "simulated_url": None if self._session.offline else self._session.world.simulated_url(),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._session.reports.plan(ids)
        self._session.keep_plan()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: pytest.TestReport) -> None:
        """Call the case a dead worker was at an error: nothing is known of the model's answer."""
        report.when = "setup"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:
            self._session.stopped = f"worker {node.gateway.id} died"
