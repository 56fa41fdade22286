"""The nouns of a canary: what it is planned from, the plan, its stages, and how it would behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from migrate.canary.terms import POOLED_PART, Judge, MetricName, Spending, Terms
from migrate.vocabulary import Criticality, FlowEvidence

Table = tuple[tuple[int, int], ...]
"""(m, k): of the first m, k stop it."""
ShareKind = Literal["compare", "holdback", "watch"]
MOST_CAP = 0.89
"""No cap is above it."""
PlanVerdict = Literal["ready", "ready_modified", "shadow_first", "cannot_reach_power", "do_not_start"]
Doubt = Literal["gate_closed", "past_margin"]
"""What the replay has against a plan that it does not forbid."""
Lack = Literal["goldens", "answers", "replay"]
"""Of what a plan was refused for: goldens that are not stale, an answer to any case, a replay of all as they are."""


@dataclass(frozen=True, slots=True)
class SideFacts:
    """What is measured of one side's calls in the goldens or the replay; None: unknown."""

    calls: int = 0
    latency_p95_ms: float | None = None
    tokens_p95: float | None = None
    """Output tokens of a call that one in twenty passes."""
    cost_p95: float | None = None
    cold_usd: float | None = None
    """Mean price of a call with nothing in the provider's prompt cache."""
    warm_usd: float | None = None
    """The same with the flow's share of cached input tokens."""


@dataclass(frozen=True, slots=True)
class Offline:
    """What the replay behind a plan shows beside its rates."""

    flow_cases: int | None = None
    """Cases the flow has; None: nobody knows."""
    worse: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Metric -> cases in which the candidate does worse."""
    rejected: tuple[str, ...] = ()
    """Cases that show again what a reviewer rejected, each with reviewer and reason."""
    dearer: str = ""
    """What routing says of a candidate that costs more than the baseline; empty: it does not, or nobody knows."""
    stale: int = 0
    """Cases whose golden is stale today."""
    outdated: int = 0
    """Cases whose golden fits, and that the candidate was asked in other words."""
    gate: str = ""
    """Why the replay closed the gate, `2 of 30 cases breaking`; empty: it did not."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything the plan of one flow is made from."""

    evidence: FlowEvidence
    critical: Criticality
    margin: float
    alpha: float
    power: float
    requests_per_day: float
    users_per_day: float | None
    cached_share: float | None
    baseline: SideFacts
    candidate: SideFacts
    run: str
    """Id of the replay behind the evidence."""
    days_left: int | None = None
    """Until the candidate leaves its provider, from the day of the plan."""
    shutdown: str | None = None
    baseline_days_left: int | None = None
    baseline_shutdown: str | None = None
    offline: Offline = field(default_factory=Offline)
    members: tuple[Member, ...] = ()
    """Flows that are pooled into this one, each with terms of its own; empty: it is a flow."""

    @property
    def own_part(self) -> float:
        """Part of the rollback's error that is not its members'."""
        return POOLED_PART if len(self.members) > 1 else 1.0

    @property
    def units_per_day(self) -> float:
        """Users where they are known, else calls."""
        return self.users_per_day or self.requests_per_day

    @property
    def calls_per_unit(self) -> float:
        return max(self.requests_per_day / self.units_per_day, 1.0)


@dataclass(frozen=True, slots=True)
class Member:
    """One flow of a pool."""

    inputs: Inputs
    terms: Terms


@dataclass(frozen=True, slots=True)
class Metric:
    """One way an answer can be bad, as this plan watches it. Rates are shares of units that meet one."""

    name: MetricName
    hard: bool
    """True: a stage is left only when its bound keeps the margin."""
    rate: float
    """The baseline's, that sizes are planned with."""
    upper: float
    """Upper bound of that rate: what "no worse than the margin" is a ratio of."""
    call_rate: float
    """Upper bound of the rate of single calls: what an hour of both arms is held against."""
    margin: float
    r0: float
    """Ratio of bad rates that is still allowed; evidence is for more."""
    weight: float
    """Its part of the rollback's error; the weights of all metrics, of the cap and of a pool's members add up to 1."""
    limit: float | None = None
    """What is slow (milliseconds), long (output tokens) or dear (US dollars) for one call; None: no such limit."""
    source: str = ""
    """Where the rate comes from, with its n."""


@dataclass(frozen=True, slots=True)
class Early:
    """How a gate may be passed between its looks: by the mirror of the evidence that stops a rollout."""

    e: float
    """Evidence that every hard metric wants: one over the part of alpha that is kept for it."""
    days: int
    """Whole days that go by before, whatever the evidence."""
    r0: Mapping[MetricName, float]
    """Ratio of bad rates that the stage's margin comes to; evidence is for less."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the ladder."""

    share: float
    """Of the units, 0..1, that the candidate answers."""
    share_kind: ShareKind
    margin: float
    """What the gate at its end excludes; at a hold-back, what is watched for."""
    n_candidate: int
    """Units that the first look at its end wants; the second wants twice as many, the third three times."""
    n_control: int
    requests: int
    """Calls of both arms while it lasts."""
    days_exact: float
    days: int
    ends_not_before: int
    """Days from the start of the rollout."""
    power_exact: float | None
    """Chance that an equal candidate passes, all hard metrics together: at the first look, or by the last one where the
    looks have levels of their own; None without a look."""
    expected_bad_equal: float
    """Units of the candidate that meet a bad answer if it is as good as the baseline."""
    expected_bad_at_margin: float
    budget_used: float
    """Units in excess of the baseline's if the candidate is as bad as the gate before still allows."""
    cost_per_day_cold: float | None
    """US dollars a day more (or less, negative) than today, the candidate's prompt cache empty; None: unknown."""
    cost_per_day_warm: float | None
    rollback: Mapping[MetricName, Table]
    cap: float
    """Share of units with a bad answer that is too much whatever the control does."""
    caps: Table
    looks: int
    level: float | None
    """One-sided error of the first look."""
    levels: tuple[float, ...] = ()
    """One-sided error of each look."""
    early: Early | None = None
    human_gate: bool = False

    @property
    def planned_days(self) -> int:
        """Days until the look that the power is promised for."""
        return self.days * (self.looks if len(set(self.levels)) > 1 else 1)

    def level_of(self, look: int) -> float | None:
        """Return the one-sided error of a look, from 1."""
        return self.levels[look - 1] if self.levels else self.level


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What simulated rollouts of this very plan did, at one true excess."""

    excess: float
    """Of the candidate's bad answers; of those of one member alone, where one is named."""
    rollouts: int
    promoted: float
    """Share of the rollouts that came through all gates."""
    rolled_back: float
    held: float
    days: float
    """Mean, until the end or the stop."""
    bad_mean: float
    """Units that met a bad answer of the candidate."""
    bad_p95: float
    overspent: float = 0.0
    """Share of the rollouts that were rolled back because the budget was spent; part of `rolled_back`."""
    harmed: str = ""
    """The member of a pool that has the excess, the candidate being equal in the others; empty: all of them have it."""
    by_member: Mapping[str, float] = field(default_factory=dict)
    """Of a pool: member -> share of the rollouts that were rolled back mostly by its own evidence."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """One flow of a pool: what is its own beside the plan that all of them share."""

    flow: str
    units_per_day: float
    requests_per_day: float
    cases: int
    excess: float | None
    excess_low: float | None
    excess_high: float | None
    metrics: tuple[Metric, ...]
    """With the member's rates, ratios and limits; the weights are parts of the member's own evidence."""
    stops: tuple[tuple[float, Table], ...] = ()
    """Share of a stage that compares -> of the member's first m bad answers, k of the candidate's stop the pool."""

    @property
    def bad(self) -> Metric:
        return next(metric for metric in self.metrics if metric.name == "bad")


@dataclass(frozen=True, slots=True)
class Rollout:
    """The plan of one flow, or of a pool of flows that are one rollout."""

    flow: str
    baseline: str
    candidate: str
    critical: Criticality
    verdict: PlanVerdict
    reasons: tuple[str, ...]
    assumptions: tuple[str, ...]
    simulated: bool
    """True where the evidence comes from the simulated provider."""
    run: str
    cases: int
    p: float | None
    """Of the hypothesis that the candidate is worse offline by the margin or more: the larger of its metrics'."""
    excess: float | None
    """Of the candidate's bad answers offline."""
    excess_low: float | None
    excess_high: float | None
    margin: float
    alpha: float
    power: float
    units: Literal["users", "calls"]
    units_per_day: float
    requests_per_day: float
    unfavourable: float
    """What the first share is planned for: the upper bound of the offline excess, with its caution."""
    first_share: float
    """0: none is small enough."""
    budget: float
    budget_per_day: float
    metrics: tuple[Metric, ...]
    stages: tuple[Stage, ...]
    latency_p50_delta_ms: float | None
    latency_p95_delta_ms: float | None
    latency_p95_interval_ms: tuple[float | None, float | None] | None
    """Of the candidate's p95, by order statistics."""
    latency_n: int
    behaviour: tuple[Behaviour, ...] = ()
    starts_on_day: int = 0
    """In the schedule of all flows."""
    mirrored_cases: int | None = None
    """Paired cases wanted before a user sees the candidate, where there is no share to start with."""
    reachable_margin: float | None = None
    """What can be shown in the days there are, where the margin cannot."""
    judge: Judge | None = None
    spending: Spending = "bonferroni"
    strata: tuple[Stratum, ...] = ()
    """Flows that are pooled into this rollout; empty: it is a flow's own."""
    pool: str = ""
    """Of a member that is looked at alone: the pool whose plan it follows and whose verdict holds for it."""
    doubts: tuple[Doubt, ...] = ()
    """The worst first; of a pool those of any member."""
    lacks: Lack | None = None

    @property
    def own_part(self) -> float:
        """Part of the rollback's error that is not its members'."""
        return POOLED_PART if len(self.strata) > 1 else 1.0

    @property
    def member_part(self) -> float:
        """Part of it that each member of a pool has; 0 for a flow."""
        return (1 - self.own_part) / max(len(self.strata), 1)

    @property
    def members(self) -> tuple[Rollout, ...]:
        """The flows that have flags and calls: those of a pool, each with the pool's stages; of a flow itself."""
        return tuple(self._member(stratum) for stratum in self.strata) or (self,)

    def _member(self, stratum: Stratum) -> Rollout:
        upper = stratum.bad.upper
        return replace(
            self,
            flow=stratum.flow,
            units_per_day=stratum.units_per_day,
            requests_per_day=stratum.requests_per_day,
            metrics=stratum.metrics,
            # A budget is the pool's; a cap is past what the member's own control may be.
            budget=0.0,
            stages=tuple(replace(stage, cap=min(upper + stage.margin, MOST_CAP)) for stage in self.stages),
            strata=(),
            pool=self.flow,
        )

    @property
    def days(self) -> int:
        return sum(stage.days for stage in self.stages if stage.share_kind != "watch")


@dataclass(frozen=True, slots=True)
class Claims:
    """Which flows of a plan are shown offline to be within their margin, all flows taken together."""

    procedure: Literal["benjamini_hochberg", "benjamini_yekutieli"]
    """The second where flows share a judge, so that they may err together."""
    q: float
    """Expected share of wrong ones among them."""
    flows: tuple[str, ...]
    of: int
    """Flows that were asked."""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A flow or pool that was asked for and could not be planned, beside those that were."""

    flow: str
    reason: str
    mend: str
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan file: the rollouts of one migration, and what makes it the same plan again."""

    plan_id: str
    as_of: str
    tool: str
    hash_rule: str
    seed: int
    newly_exposed: float
    rollouts: tuple[Rollout, ...] = field(default=())
    claims: Claims | None = None
    unplanned: tuple[Unplanned, ...] = ()

    def rollout_of(self, flow: str) -> Rollout | None:
        return next((one for one in self.rollouts if one.flow == flow), None)
