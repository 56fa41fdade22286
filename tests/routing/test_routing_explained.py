"""Every figure has its formula, its assumption, its source and its inputs within reach."""

from __future__ import annotations

import pytest
from routing_flows import NANO, POLICY, flow

from migrate.routing import routed
from migrate.routing.explaining import METRICS, explained


@pytest.mark.parametrize("name", METRICS)
def test_a_figure_explains_itself(name: str) -> None:
    """Formula, assumption and source, then what went into it, flow by flow; one without evidence has none."""
    report = routed([flow((50, {}), (20, {NANO: "s-"})), flow((1, {}), name="bare", order=())], POLICY, source="ledger")
    lines = list(explained(name, report))
    heads = [line.split(":")[0].strip() for line in lines]
    assert [name, "formula", "assumes", "source", "refund", "bare"] == heads
    assert all(len(line.split(":", 1)[1]) > 3 for line in lines)


def test_a_figure_explains_itself_without_evidence() -> None:
    """The formula needs no replay."""
    assert 4 == len(list(explained("saving", None)))
