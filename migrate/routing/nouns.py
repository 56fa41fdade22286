"""What routing weighs and what it finds: recorded answers, trials, routes; frozen, and no library in sight."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from migrate.evidence.latency import Change, Clockings
from migrate.evidence.policy import Policy
from migrate.vocabulary import CaseId, Comparison, FlowMetric, FlowName, Traffic

DAYS_A_MONTH: Final = 30


class Signal(enum.StrEnum):
    """What the application itself can see of a bad answer, without knowing the right one."""

    SCHEMA = "schema"
    """It does not parse, or breaks its schema or that of a tool."""
    LENGTH = "length"
    """The token limit cut it off."""
    REFUSAL = "refusal"
    """The model declined, or a filter stopped it."""
    EMPTY = "empty"
    """There is neither an answer nor a tool call."""


# --- What was recorded --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded answer to one case."""

    kept: bool
    """It keeps the whole contract."""
    agreement: float | None
    """How far it agrees with the golden, 0..1; None where that is not measured."""
    signals: frozenset[Signal]
    usd: Decimal | None
    """What it would cost in production, all its calls; None: unknown."""
    ms: float | None
    """How long it took, all its calls; None: not timed."""
    judge: float | None = None
    """Score of a judge, 0..1; None: not judged."""


@dataclass(frozen=True, slots=True)
class CaseCost:
    """What the answers to one case cost on both sides, in the mean, and how many of them kept the contract."""

    baseline: Decimal
    baseline_kept: float
    candidate: Decimal
    candidate_kept: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What is recorded of one candidate on one flow."""

    candidate: str
    """As typed after `--model`."""
    models: tuple[str, ...]
    """The models that were asked."""
    comparisons: tuple[Comparison, ...]
    """With their scores; findings are not needed any more."""
    rows: Mapping[CaseId, tuple[Row, ...]]
    costs: Mapping[CaseId, CaseCost]
    """Of the cases whose cost is wholly known on both sides."""
    unpriced: str
    """Why costs are not known, where none is: `no price of gpt-9`."""
    clocks: tuple[Clockings, Clockings]
    run: str = ""
    """The replay it comes from."""
    simulated: bool = False

    @property
    def is_compared(self) -> bool:
        """There is an answer to at least one case, and a golden that fits to hold it against."""
        scores = (one.scores for one in self.comparisons)
        return any(one is not None and one.contract.candidate.total for one in scores)


Why: TypeAlias = Literal["no_answer", "stale", "asked_otherwise", "older_baseline", "not_compared"]
"""`no_answer`: none came; `stale`: its goldens are stale today; `asked_otherwise`: the goldens fit, and what it was
asked does not; `older_baseline`: it was compared with another one than today's; `not_compared`: anything else."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that was replayed and is not weighed: there is nothing to compare."""

    candidate: str
    run: str
    """The replay that was looked at."""
    why: Why
    baseline: str = ""
    """The one it was compared with, where that is older than today's."""


@dataclass(frozen=True, slots=True)
class FlowTrials:
    """One flow: what it may lose, how much it is used, and everything recorded of its candidates."""

    flow: FlowName
    policy: Policy
    traffic: Traffic
    baseline: str
    """Model of production today."""
    trials: tuple[Trial, ...]
    """In the order in which they are tested."""
    baseline_rows: Mapping[CaseId, tuple[Row, ...]] = field(default_factory=dict)
    """The baseline's own samples, where their judgement is the one the comparisons were made with."""
    judge_usd: Decimal | None = None
    """What one judgement costs; None: nobody judges."""
    left_out: tuple[LeftOut, ...] = ()
    """Replayed, and not weighed."""


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """What holds for all flows."""

    as_of: dt.date
    rollout_days: int = 30
    """A model must still be there when they are over."""
    any_order: bool = False
    """Candidates are tested by Holm's procedure instead of one after the other."""
    q: float = 0.05
    """Expected share of wrong ones among all flows that switch."""
    slower: float = 1.25
    """Largest ratio of p95 latency."""
    calendars: frozenset[str] | None = None
    """Models whose retirement dates bind; None: all."""

    @property
    def ends(self) -> dt.date:
        """The day the rollout ends."""
        return self.as_of + dt.timedelta(days=self.rollout_days)


# --- What follows -------------------------------------------------------------------------------------------------

Standing: TypeAlias = Literal["satisfactory", "worse", "open", "not_tested"]
"""`satisfactory`: shown not to be worse by the margin, among all that is tested; `worse`: shown to be worse by more;
`open`: neither; `not_tested`: a candidate before it in the sequence is not satisfactory."""
MoreCases: TypeAlias = Literal["not_needed", "help", "will_not_help", "cannot_reach_power"]
RouteVerdict: TypeAlias = Literal["switch", "keep_baseline", "keep_baseline_cheaper", "insufficient"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its two-sided interval; a bound that the cases cannot give is None."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a successful answer costs, in US dollars: all answers paid for, over those that keep the contract."""

    baseline: Decimal
    candidate: Decimal
    saving: Interval
    """Dollars a successful answer, baseline minus candidate, at 95 %."""
    cases: int

    @property
    def ratio(self) -> float | None:
        return float(self.candidate / self.baseline) if self.baseline else None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a choice is worth on cases that had no part in it."""

    folds: int
    same: int
    """Folds in which the other cases alone make the same choice."""
    excess: Interval
    """Of bad answers, contract, over held-out cases, at 95 %."""
    saving: Interval | None
    """Dollars an answer over held-out cases, at 95 %; None: unknown."""
    cases: int


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate weighed for one flow."""

    trial: Trial
    standing: Standing
    p: float
    """Of the hypothesis that it is worse by the margin or more in one metric."""
    adjusted: float
    """The same after the other candidates of the flow."""
    level: float
    """What the adjusted p-value must keep."""
    metrics: tuple[FlowMetric, ...]
    cost: Cost | None
    latency: Change
    leaves: dt.date | None
    unavailable: tuple[str, ...]
    """Why it cannot be ranked at all: it leaves, it has no price."""
    slow: tuple[str, ...]
    """Why it is too slow, where that is shown."""
    cases_needed: int | None
    more_cases: MoreCases
    reasons: tuple[str, ...]

    @property
    def candidate(self) -> str:
        return self.trial.candidate

    @property
    def barred(self) -> tuple[str, ...]:
        """Why it cannot be chosen, whatever its answers are worth."""
        return self.unavailable + self.slow

    @property
    def cheaper(self) -> bool:
        """Cheaper than the baseline, by what was measured."""
        return self.cost is not None and self.cost.candidate < self.cost.baseline


@dataclass(frozen=True, slots=True)
class Risk:
    """What a switch may still cost its users."""

    points: float
    """Upper bound of the excess of bad answers, in points of a hundred, of the worst metric."""
    metric: str
    a_day: float | None
    """The same in answers a day; None without traffic."""


@dataclass(frozen=True, slots=True)
class FlowRoute:
    """Where one flow goes."""

    trials: FlowTrials
    verdict: RouteVerdict
    model: str
    """The candidate it goes to, or the baseline."""
    options: tuple[Option, ...]
    about: Option | None
    """The candidate the figures are of: the chosen one, else the one with most at stake."""
    saving_month: Interval | None
    """Dollars a month that the switch saves, or that are at stake; None: unknown."""
    risk: Risk | None
    cases_needed: int | None
    more_cases: MoreCases
    reasons: tuple[str, ...]
    confirmed: Confirmed | None
    cascades: Cascades | None


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Everything `route` says."""

    policy: RoutePolicy
    flows: tuple[FlowRoute, ...]
    tested: int
    """Flows on whose candidates there is anything to decide: the family of the error control."""
    expected_wrong: float
    """Upper bound of the expected number of switches that are wrong."""
    source: str
    """`ledger`, or the evidence file."""
    synthetic: bool = False
    simulated: bool = False
    pinned: bool = False
    note: str = ""
    typed: bool = False
    """The day is the command line's."""

    @property
    def inconclusive(self) -> bool:
        return any(flow.verdict == "insufficient" for flow in self.flows)


# --- Cascades -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rules:
    """A cascade: tiers in order, and when an answer is passed on to the next one."""

    tiers: tuple[str, ...]
    tau: float | None = None
    """Answers that a judge scores below it are passed on too; None: nobody is asked."""


@dataclass(frozen=True, slots=True)
class Point:
    """One way to answer a flow, replayed: a point of the cost-quality curve."""

    rules: Rules
    cases: int
    good: float
    """Share of answers that keep the contract."""
    usd: float
    """Mean cost of an answer, all tiers that were tried and the judge."""
    excess: float
    """Of bad answers over the baseline's, contract."""
    high: float
    """Its upper bound at 1 - alpha of the flow."""
    agreement_high: float | None
    """The same for agreement; None: not measured."""
    satisfactory: bool
    """Both are within the margin; by itself, outside the error control over candidates and flows."""
    efficient: bool = False
    """No other point is as good and cheaper."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Whether two tiers pay: they do iff P(escalate) < 1 - (c1 + cj) / c2."""

    tiers: tuple[str, str]
    """The cascade's first and last."""
    escalated: Interval
    limit: float
    first: float
    """Mean cost of the first tier."""
    judge: float
    second: float


@dataclass(frozen=True, slots=True)
class Cascade:
    """One cascade in full."""

    point: Point
    answered: tuple[float, ...]
    """Share of answers that each tier gives."""
    mean_ms: float | None
    p95_ms: float | None
    """Over case means."""
    worst_ms: float | None
    """The longest path through the recorded rows."""
    precision: float | None
    """Of the answers passed on, how many were bad."""
    leak: float
    """Share of all answers that are bad and were not passed on though a tier was left."""
    break_even: BreakEven
    confirmed: Confirmed
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cascades:
    """All that the recorded rows say about answering with several tiers."""

    curve: tuple[Point, ...]
    """Single models and cascades, by cost."""
    best: Cascade | None
    """The cheapest whose bounds are within the margin, else the best that is cheaper than the baseline."""
    left_out: int
    """Cases that not every tier has whole."""
    unseen: str
    """What could not be replayed, in words; empty: everything."""
