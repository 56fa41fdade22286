"""What a flow may lose: margin, error and power by its criticality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from migrate.vocabulary import Criticality, Flow, FlowName, Toleration


@dataclass(frozen=True, slots=True)
class Stakes:
    """What a class of criticality asks of its flows."""

    margin: float
    """Share of answers by which a candidate may be worse and yet not count as worse."""
    alpha: float
    """One-sided error: how often a candidate that is worse by just the margin may pass."""
    power: float
    """How often an equal candidate should pass; numbers of cases are planned for it."""


CLASSES: Final[Mapping[Criticality, Stakes]] = {
    "low": Stakes(0.05, 0.10, 0.8),
    "medium": Stakes(0.03, 0.05, 0.8),
    "high": Stakes(0.015, 0.05, 0.9),
    "critical": Stakes(0.005, 0.01, 0.9),
}
"""Without a single case that got worse they ask 45, 99, 199 and 919 cases."""


def stricter(one: Criticality | None, other: Criticality) -> Criticality:
    """Return the class of a flow whose tests name several."""
    return other if one is None else max(one, other, key=[*CLASSES].index)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the verdict of a flow needs to know of it."""

    critical: Criticality = "medium"
    own_margin: float | None = None
    """`tolerances.margin` of the prompt file, in place of the margin of its class."""
    cases: int | None = None
    """Cases the inventory lists; None: the flow is not in it."""
    tolerated: tuple[Toleration, ...] = ()
    """What its prompt file lets pass for a while."""

    @property
    def margin(self) -> float:
        return CLASSES[self.critical].margin if self.own_margin is None else self.own_margin

    @property
    def alpha(self) -> float:
        return CLASSES[self.critical].alpha

    @property
    def power(self) -> float:
        return CLASSES[self.critical].power


def policies_of(flows: Iterable[Flow]) -> dict[FlowName, Policy]:
    """Return what the inventory says of its flows."""
    return {
        flow.name: Policy(flow.critical, flow.tolerances.get("margin"), len(flow.cases), flow.tolerated)
        for flow in flows
    }
