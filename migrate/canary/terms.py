"""What a rollout may cost, how long it may take, and what stops it: the policy of a canary, one flow at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from migrate.vocabulary import Criticality

MetricName = Literal["bad", "error", "schema", "refusal", "ungrounded", "thumbs_down", "slow", "tokens", "cost"]
METRICS: Final[tuple[MetricName, ...]] = (
    "bad", "error", "schema", "refusal", "ungrounded", "thumbs_down", "slow", "tokens", "cost",
)  # fmt: skip
"""`bad` is an answer that failed, broke its schema or was refused; the order is that of every table."""
Spending = Literal["bonferroni", "obrien_fleming"]
LADDER: Final = (0.10, 0.25, 0.50, 1.0)
POOLED_PART: Final = 0.5
"""Part of the rollback's error that a pool of flows as a whole takes; its members share the rest alike."""
SMALL: Final = (0.01, 0.05)
"""Shares that are put before a ladder whose first step is too much."""
FIRST_SHARE: Final[Mapping[Criticality, float]] = {"low": 0.25, "medium": 0.10, "high": 0.05, "critical": 0.01}
"""The most that may be newly exposed at once."""
HOLD_BACK: Final[Mapping[Criticality, float]] = {"low": 0.0, "medium": 0.05, "high": 0.05, "critical": 0.10}
"""Share of the units that keep the baseline for a while, because nothing can be learnt at 100 %."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge of groundedness, and how far it can be trusted."""

    sensitivity: float
    """How often it calls a bad answer bad."""
    specificity: float
    """How often it calls a good answer good."""
    candidate_sampled: float = 1.0
    """Share of the candidate's answers it looks at."""
    control_sampled: float = 1.0


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy of one flow's rollout; what is None comes from the flow's class of criticality."""

    cases: Literal["production_sample", "hand_written"] = "hand_written"
    """Where the golden cases come from: hand-written ones may miss what users do, so their bound counts double."""
    ladder: tuple[float, ...] = LADDER
    first_share: float | None = None
    hold_back: float | None = None
    hold_back_days: int = 7
    budget: float | None = None
    """Units with a bad answer beyond the baseline's that the whole rollout may cost; None: what the gates allow."""
    budget_per_day: float | None = None
    """The same of its first day; None: what a candidate at the margin would cost with half the traffic."""
    min_days: int = 1
    last_gate_days: int = 7
    """Days of the last comparing stage, so that its gate has seen a whole week."""
    max_days: int = 60
    latency_ratio: float = 1.25
    """A call is slow past so many times the baseline's p95."""
    looks: Spending = "bonferroni"
    """How a gate's three looks share its error: alike, or little at first and most at the last."""
    early: bool = False
    """A gate may also be passed between its looks, by evidence that the candidate is better than the margin."""
    hard: tuple[MetricName, ...] = ("bad",)
    """Metrics whose bound must keep the margin before a stage is left; the others can only stop it."""
    rates: Mapping[MetricName, float] = field(default_factory=dict)
    """Known shares of units that meet such an answer today, in place of what the goldens say."""
    judge: Judge | None = None
    requests_per_day: float | None = None
    users_per_day: float | None = None
    cached_share: float | None = None

    @property
    def caution(self) -> float:
        """What the upper bound of the offline excess is multiplied by."""
        return 1.0 if self.cases == "production_sample" else 2.0


OWN_IN_A_POOL: Final = ("requests_per_day", "users_per_day", "cached_share", "rates", "latency_ratio")
"""What a member of a pool has of its own; all the rest is said of the pool."""


@dataclass(frozen=True, slots=True)
class CanaryPolicy:
    """A policy file: what holds for all flows, and what single flows have of their own."""

    default: Terms = Terms()
    flows: Mapping[str, Terms] = field(default_factory=dict)
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a pool -> flows that are one rollout; a flow is in one at most."""
    newly_exposed: float = 0.10
    """Share of the traffic of all flows that may be newly exposed on one day."""
    rollouts: int = 2000
    """Simulated rollouts behind each row of the operating characteristics."""
    seed: int = 1

    def terms_of(self, flow: str) -> Terms:
        return self.flows.get(flow, self.default)

    def terms_in(self, pool: str, flow: str) -> Terms:
        """Return the terms of a pool's member: the pool's, with the traffic, rates and limit that are its own."""
        own = self.terms_of(flow)
        return replace(self.terms_of(pool), **{key: getattr(own, key) for key in OWN_IN_A_POOL})
